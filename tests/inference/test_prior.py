"""Draws from the prior: closed forms, and the PyMC model's own prior."""

import dataclasses

import numpy as np
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.effects import att
from bri_bayes.inference.prior import prior_cdf, prior_density, prior_fit
from bri_bayes.study.card_priors import Priors
from bri_bayes.study.model_card import Effects, Errors, Likelihood

from .panels import make_card, make_panel

DRAWS = 20_000
# An sd of 20,000 independent draws is known to 0.5%.
SD_SHARE = 0.03
THEIR_DRAWS = 5000
STANDARD_ERRORS = 4.5


def test_the_prior_of_a_common_effect_has_the_scale_of_the_card():
    card = make_card(effects=Effects(treatment="common", pooling="none"), priors=Priors(effect=1.5))
    analysis = Analysis(*make_panel(), card)
    draws = att(prior_fit(analysis, DRAWS)).to_numpy()
    assert draws.std() == pytest.approx(1.5 * analysis.design.attrs["y_scale"], rel=SD_SHARE)
    assert draws.mean() == pytest.approx(0, abs=4 * draws.std() / np.sqrt(DRAWS))


def test_the_prior_does_not_depend_on_the_outcome_beyond_its_scaling():
    panel, assignment = make_panel()
    first = prior_fit(Analysis(panel, assignment, make_card()), 500, seed=4)
    flipped = prior_fit(Analysis(panel.assign(y=-panel["y"]), assignment, make_card()), 500, seed=4)
    assert att(first).to_numpy() == pytest.approx(att(flipped).to_numpy())


def test_the_same_seed_gives_the_same_draws():
    analysis = Analysis(*make_panel(), make_card())
    first, second = (att(prior_fit(analysis, 500, seed=2)).to_numpy() for _ in range(2))
    assert np.array_equal(first, second)


def test_densities_are_the_derivatives_of_the_distribution_functions():
    x = np.linspace(0.05, 0.9, 200)
    for name, shape in (("sigma", 0.7), ("omega", 1.2), ("rho", (2.0, 3.0))):
        slope = np.gradient(prior_cdf(name, shape, x), x)
        assert slope[1:-1] == pytest.approx(prior_density(name, shape, x)[1:-1], rel=1e-3)


def test_a_card_without_a_closed_form_is_refused():
    card = make_card(likelihood=Likelihood("student_t"))
    with pytest.raises(InputError, match="not a normal linear card"):
        prior_fit(Analysis(*make_panel(), card))


@pytest.mark.nuts
def test_the_prior_is_that_of_the_pymc_model():
    import pymc as pm

    from bri_bayes.models.linear import build_linear

    effects = Effects(trend="group_random_walk")
    card = make_card(effects=effects, errors=Errors("ar1"))
    analysis = Analysis(*make_panel(), card)
    with build_linear(analysis.design, card):
        plain = {"mode": "FAST_COMPILE"}  # nothing is turned into machine code for so few draws
        theirs = pm.sample_prior_predictive(THEIR_DRAWS, random_seed=3, compile_kwargs=plain)["prior"]
    ours = prior_fit(analysis, DRAWS).posterior["posterior"]
    scale = analysis.design.attrs["y_scale"]
    for name in ("effect", "drift", "sigma", "omega", "trend_step"):
        a, b = np.abs(ours[name].to_numpy() / scale), np.abs(theirs[name].to_numpy())
        varies = b.std(axis=(0, 1)) > 0  # a group walk starts at zero
        assert np.array_equal(varies, a.std(axis=(0, 1)) > 0), name
        for p in (0.25, 0.5, 0.75):
            share_below = (a <= np.quantile(b, p, axis=(0, 1))).mean(axis=(0, 1))[varies]
            error = np.sqrt(p * (1 - p) * (1 / DRAWS + 1 / THEIR_DRAWS))
            assert share_below == pytest.approx(p, abs=STANDARD_ERRORS * error), name


def test_the_number_of_draws_is_the_number_asked_for_or_the_least_a_card_allows():
    analysis = Analysis(*make_panel(), make_card())
    assert att(prior_fit(analysis, 800)).size == 800
    assert dataclasses.replace(make_card()).sampler.chains == 4
