"""Does the rule of a claimed effect do what it says, for one panel and for many?"""

import dataclasses

import numpy as np
import pytest

from bri_bayes.checks.claimed_effect import PART, judge_effect, of_fit, of_moments
from bri_bayes.core.monte_carlo import share_error
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.estimands.effects import att
from bri_bayes.estimands.linear import att_effect
from bri_bayes.inference import fit
from bri_bayes.study.model_card import Sampler

from ..inference.panels import make_card, make_panel

CLAIMED = 0.2
# Monte Carlo standard errors of a share of draws; draws stand in chains that are independent here.
SHARE_ERRORS = 4


def judged(mean: float, sd: float, *, rejected: bool, claimed: float = CLAIMED):
    half = 1.96 * sd
    numbers = {"p_part": of_moments(claimed, mean=mean, sd=sd), "lower": mean - half, "upper": mean + half}
    return judge_effect(
        claimed, **{name: np.array([it]) for name, it in numbers.items()}, rejected=np.array([rejected])
    )


@pytest.mark.parametrize(
    ("mean", "sd", "rejected", "supported", "refused"),
    [
        (0.2, 0.05, True, True, False),
        (0.2, 0.05, False, False, False),  # the permutation test does not say so
        (0.2, 0.2, True, False, False),  # wide
        (0.0, 0.05, False, False, True),  # half of the claim is improbable
        (-0.2, 0.05, True, False, True),
        (0.05, 0.02, True, True, False),  # above zero counts, small as it is
    ],
)
def test_a_verdict_needs_what_its_rule_names(mean, sd, rejected, supported, refused):
    answer = judged(mean, sd, rejected=rejected)
    assert (bool(answer.supported[0]), bool(answer.refused[0])) == (supported, refused)


def test_a_negative_claim_is_judged_with_the_signs_turned():
    for mean in (-0.3, -0.2, 0.0, 0.2):
        turned, as_it_is = judged(-mean, 0.05, rejected=True, claimed=-CLAIMED), judged(mean, 0.05, rejected=True)
        assert (turned.supported[0], turned.refused[0]) == (as_it_is.supported[0], as_it_is.refused[0])


@pytest.fixture(scope="module")
def fitted() -> Fit:
    card = make_card(sampler=Sampler(chains=4, draws=2000))
    return fit(Analysis(*make_panel(seed=4, n_units=4, n_periods=8), card), pointwise=False)


def test_half_of_a_claim_is_as_probable_as_the_ends_of_the_exact_interval_say(fitted):
    effect = att_effect(fitted)
    beyond = (1 - effect.prob) / 2
    assert effect.lower < 0 < effect.upper
    for claimed in (effect.upper / PART, effect.lower / PART):
        assert of_fit(fitted, claimed).p_part == pytest.approx(beyond, abs=1e-4)
    # A normal with its mean and sd does not: the posterior has longer tails.
    assert abs(float(of_moments(effect.upper / PART, mean=effect.mean, sd=effect.sd)) - beyond) > 1e-3


@pytest.mark.parametrize("claimed", [0.4, -0.4, 1.0])
def test_half_of_a_claim_is_as_probable_as_its_share_of_draws(fitted, claimed):
    drawn = att(fitted).to_numpy().ravel()
    share = float((drawn * np.sign(claimed) > PART * abs(claimed)).mean())
    assert of_fit(fitted, claimed).p_part == pytest.approx(share, abs=SHARE_ERRORS * share_error(share, drawn.size))
    assert of_fit(dataclasses.replace(fitted, exact=None), claimed).p_part == pytest.approx(share)
