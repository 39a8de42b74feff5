"""The Bayesian propensity score: importance sampling against NUTS and Bambi, under separation, and its prior."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import t as student

from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.pre_period import pre_period, unit_period_rows
from bri_bayes.frequentist.logit import logit
from bri_bayes.inference import fit
from bri_bayes.inference.propensity import _log_prior, prior_of, prior_propensity, sample_propensity
from bri_bayes.models.propensity import build_propensity, build_propensity_formula
from bri_bayes.study.card_text import describe
from bri_bayes.study.model_card import Sampler, load_card

CARD = load_card("propensity")
NINE = Assignment(dict.fromkeys("abcde", 2008) | dict.fromkeys("fghi"))
# Means of some thousand draws of scores between 0 and 1.
MONTE_CARLO = 0.02
# The two libraries keep probabilities a little away from 0 and 1.
CLIPPED = 1e-6


def nine(seed, covariates=("x", "z")):
    panel, _ = simulate_panel(NINE, range(2000, 2013), covariates=dict.fromkeys(covariates, 0.0), seed=seed)
    return panel, pre_period(panel, NINE, covariates)


def test_the_posterior_is_that_of_quadrature(seed):
    """One covariate: the mean score of each unit by a sum over a fine grid."""
    _, pre = nine(seed, ("x",))
    x, treated = pre["standard"].to_numpy()[:, 0], pre["treated"].to_numpy()
    draws = sample_propensity(pre, CARD, seed, draws=4000)

    grid = np.linspace(-25, 25, 801)
    a, b = np.meshgrid(grid, grid, indexing="ij")
    linear = a[..., None] + b[..., None] * x
    likelihood = expit(np.where(treated, linear, -linear)).prod(axis=-1)
    density = likelihood * student.pdf(a / 2.5, 7) * student.pdf(b / 2.5, 7)
    means = (density[..., None] * expit(linear)).sum(axis=(0, 1)) / density.sum()
    np.testing.assert_allclose(draws.score.mean(axis=0), means, atol=MONTE_CARLO)
    assert draws.khat < 0.7
    assert draws.ess > 400


def test_separated_data_have_a_proper_finite_posterior_where_the_logit_refuses(seed):
    panel, pre = nine(seed)
    separated = pre.copy(deep=True)
    separated["standard"][:, 0] = np.where(pre["treated"], 1.0, -1.25) * np.linspace(0.5, 1.2, 9)
    columns = dict(zip("xz", separated["standard"].to_numpy().T, strict=True))
    with pytest.raises(InputError, match=r'the covariate "x" separates .* completely'):
        logit(pre["treated"], columns)
    draws = sample_propensity(separated, CARD, seed)
    assert np.isfinite(draws.linear).all()
    assert draws.khat < 0.7
    slope = draws.coefficients[:, 1]
    assert 1 < slope.mean() < 8
    # The tail of a proper posterior: a slope of 50 sds of the prior is not seen.
    assert np.quantile(slope, 0.999) < 50
    # The prior, and nothing else, holds the slope: with twice its scale the slope is larger.
    wide = dataclasses.replace(CARD, propensity=dataclasses.replace(CARD.propensity, scale=5.0))
    assert sample_propensity(separated, wide, seed).coefficients[:, 1].mean() > 1.2 * slope.mean()
    del panel


def test_the_pymc_model_the_bambi_formula_and_the_sampled_density_are_one(seed):
    """Log posterior differences between points, without sampling: three derivations of one posterior."""
    _, pre = nine(seed)
    prior = prior_of(CARD)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = build_propensity(pre, prior).compile_logp(mode="FAST_COMPILE")
        model = build_propensity_formula(pre, prior).backend.model
        theirs = model.compile_logp(mode="FAST_COMPILE")
    points = [(0.3, (1.0, -2.0)), (-1.0, (0.0, 0.5)), (2.0, (4.0, 3.0))]
    z, signs = pre["standard"].to_numpy(), np.where(pre["treated"], 1.0, -1.0)
    estimated, by_hand = [], []
    for a, (b, c) in points:
        here = float(ours({"intercept": np.array(a), "slope": np.array([b, c])}))
        there = float(theirs({"Intercept": np.array(a), "x1": np.array(b), "x2": np.array(c)}))
        estimated.append(here - there)
        vector = np.array([[a, b, c]])
        likelihood = -np.logaddexp(0, -signs * (a + z @ [b, c])).sum()
        by_hand.append(here - likelihood - float(_log_prior(vector, prior)[0]))
    np.testing.assert_allclose(by_hand, 0, atol=CLIPPED)
    np.testing.assert_allclose(estimated, estimated[0], atol=CLIPPED)


def test_the_prior_predictive_is_wide_and_centred_on_half(seed):
    _, pre = nine(seed)
    prior = prior_propensity(pre, CARD, seed, draws=20_000)
    assert prior.score.mean() == pytest.approx(0.5, abs=MONTE_CARLO)
    assert np.quantile(prior.score, 0.1) < 0.1
    assert np.quantile(prior.score, 0.9) > 0.9
    np.testing.assert_allclose(
        np.quantile(prior.coefficients[:, 1], [0.25, 0.75]), student.ppf([0.25, 0.75], 7) * 2.5, atol=0.1
    )


def test_the_score_does_not_depend_on_the_units_of_a_covariate(seed):
    panel, pre = nine(seed)
    other = pre_period(panel.assign(x=panel["x"] * 100 + 7), NINE, ("x", "z"))
    np.testing.assert_allclose(
        sample_propensity(other, CARD, seed).score, sample_propensity(pre, CARD, seed).score, atol=1e-7
    )


def test_same_seed_same_draws(seed):
    _, pre = nine(seed)
    np.testing.assert_array_equal(sample_propensity(pre, CARD, seed).linear, sample_propensity(pre, CARD, seed).linear)


@pytest.mark.nuts
def test_rows_by_year_keep_one_answer_a_unit_and_agree_with_the_average_row(seed):
    """With a unit effect ten years are not ten answers: the slope's posterior stays as wide as with one row a unit."""
    panel, pre = nine(seed, ("x",))
    card = dataclasses.replace(load_card("propensity_years"), sampler=Sampler(chains=2, draws=300, tune=500))
    rows = unit_period_rows(panel, NINE, ("x",))
    assert rows.sizes["obs"] == 9 * 8
    yearly = sample_propensity(rows, card, seed, draws=600)
    single = sample_propensity(pre, CARD, seed, draws=2000)
    assert yearly.engine == "nuts"
    assert yearly.linear.shape == (600, 9)
    assert yearly.coefficients[:, 1].std() > 0.5 * single.coefficients[:, 1].std()
    assert yearly.rhat < 1.05


def test_the_card_says_its_priors_and_cannot_be_fitted_to_an_outcome(seed):
    assert "StudentT(7, 0, 2.5)" in describe(CARD)
    panel, _ = nine(seed)
    from bri_bayes.design.analysis import Analysis

    with pytest.raises(InputError, match="models the treatment and not an outcome"):
        fit(Analysis(panel, NINE, dataclasses.replace(CARD, outcome="y")))
    with pytest.raises(InputError, match='the card "did" is no propensity card'):
        prior_of(load_card("did"))
