"""What is said of the share of the effect that controls have: quadrature, bits, and a panel where it is known."""

import dataclasses

import numpy as np
import pytest

from bri_bayes.checks.contamination import HARDLY_LEARNED, SHARES, contaminated, learned_share, over_shares
from bri_bayes.checks.refits import Refit, refit
from bri_bayes.core.effect import Effect
from bri_bayes.study.model_card import Sampler

from .test_control_sets import NINE, nine, recipe

SINCE = {"AZE": 2015, "SRB": 2015}
# The quadrature of eleven trapezoids and an importance sample of the same posterior, in posterior sds.
AGREE = 0.1


def records(analysis, seed=0):
    return {share: refit(contaminated(analysis, SINCE, share), seed) for share in SHARES}


def fit_with(log_marginal):
    return Refit(Effect(1.0, 0.2, 0.6, 1.4, 1.0), "marginal", None, None, None, 9, log_marginal, True)


def test_a_likelihood_that_does_not_depend_on_the_share_leaves_the_prior():
    over_kappa = over_shares({share: fit_with(-3.0) for share in SHARES})
    assert over_kappa.kappa.mean == pytest.approx(0.5)
    assert over_kappa.learned == pytest.approx(0.0, abs=1e-12)
    assert (over_kappa.att.mean, over_kappa.att.sd) == pytest.approx((1.0, 0.2))
    assert np.trapezoid(over_kappa.density, SHARES) == pytest.approx(1.0)


def test_a_share_without_a_marginal_likelihood_is_passed_over():
    over_kappa = over_shares({share: fit_with(None if share in (0.0, 0.4) else -3.0) for share in SHARES})
    assert [share for share, density in zip(SHARES, over_kappa.density, strict=True) if density is None] == [0.0, 0.4]
    assert over_kappa.learned == pytest.approx(0.0, abs=1e-12)


def test_the_quadrature_over_fixed_shares_is_the_posterior_of_a_learned_share():
    analysis = recipe(nine(innovation_sd=0.2))
    analysis = analysis.replace(card=dataclasses.replace(analysis.card, sampler=Sampler(draws=1000, proposals=2000)))
    quadrature, learned = over_shares(records(analysis)), learned_share(analysis, SINCE, 0)
    for mixture, sampled in ((quadrature.kappa, learned.kappa), (quadrature.att, learned.att)):
        assert mixture.mean == pytest.approx(sampled.mean, abs=AGREE * sampled.sd)
        assert mixture.sd == pytest.approx(sampled.sd, rel=AGREE)


def test_a_large_effect_that_controls_received_in_full_is_seen_and_given_back_to_the_treated():
    panel = nine(effect=1.0, innovation_sd=0.3)
    for unit, first in SINCE.items():
        panel["y"].loc[{"unit": unit, "period": slice(first, None)}] += 1.0
    over_kappa = over_shares(records(recipe(panel, NINE)))
    assert over_kappa.kappa.mean > 0.6
    assert over_kappa.learned > HARDLY_LEARNED
    assert abs(over_kappa.att.mean - 1.0) < 3 * over_kappa.att.sd
