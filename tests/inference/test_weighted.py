"""Matching weights in the closed-form engine: dense algebra, the TWFE limit, and what weights must not do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.linalg import block_diag

from bri_bayes.core.errors import InputError
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.linear import att_effect
from bri_bayes.frequentist.weighted_twfe import weighted_twfe
from bri_bayes.inference import fit
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.linear_estimands import att_weights, effect_functionals
from bri_bayes.inference.weighted import att_given_powers, covers, power_weights, weighted_posteriors
from bri_bayes.study.model_card import load_card

from .panels import make_panel

ROUNDING = 1e-7
# The limit of wide priors, as a share of the standard error.
LIMIT = 2e-3
# Some hundred points against some thousand: within a few Monte Carlo errors, relative to the sd.
MONTE_CARLO = 0.04


@pytest.fixture
def analysis(seed):
    panel, assignment = make_panel(seed)
    return Analysis(panel, assignment, dataclasses.replace(load_card("did"), outcome="y"))


@pytest.fixture
def balanced(seed):
    panel, assignment = make_panel(seed, holes=False)
    return Analysis(panel, assignment, dataclasses.replace(load_card("did"), outcome="y"))


def sides(design):
    return np.isfinite(design["first_treated"].to_numpy())


def test_equal_weights_give_the_posterior_without_a_match(analysis, seed):
    ones = np.ones((1, analysis.design.sizes["unit"]))
    weighted = weighted_posteriors(analysis.design, analysis.card, ones, seed)
    plain = att_effect(fit(analysis, engine="marginal", seed=seed, pointwise=False)).as_dict()
    assert weighted.mean[0] == pytest.approx(plain["mean"], abs=MONTE_CARLO * plain["sd"])
    assert weighted.sd[0] == pytest.approx(plain["sd"], rel=MONTE_CARLO)
    effect = weighted.together(np.ones(1)).as_dict()
    for name in ("mean", "sd", "lower", "upper"):
        assert effect[name] == pytest.approx(plain[name], abs=MONTE_CARLO * plain["sd"])
    assert weighted.khat[0] < 0.7


@pytest.mark.parametrize("structure", ["iid", "ar1"])
def test_density_mean_and_sd_are_those_of_dense_algebra(analysis, seed, structure):
    """The power likelihood with every matrix written out: precisions times v_i, log determinants times v_i."""
    card = dataclasses.replace(analysis.card, errors=dataclasses.replace(analysis.card.errors, structure=structure))
    design = analysis.design
    engine = Collapsed.build(design, card)
    power = np.random.default_rng(seed).uniform(0.2, 2.0, design.sizes["unit"])
    vectors = engine.space.start() + 0.3 * np.random.default_rng(seed).standard_normal((3, engine.space.dimension))
    known = att_given_powers(design, card, engine.with_powers(power))
    log_density = known.log_posterior(vectors)
    _, means, sds = known.at(vectors)
    dense = [_dense(engine, design, card, power, structure, vectors[at : at + 1]) for at in range(3)]
    for at in range(1, 3):  # up to a constant
        assert log_density[at] - log_density[0] == pytest.approx(dense[at][0] - dense[0][0], abs=1e-6)
    np.testing.assert_allclose(means, [exponents[1] for exponents in dense], atol=ROUNDING)
    np.testing.assert_allclose(sds, [exponents[2] for exponents in dense], atol=ROUNDING)


def _dense(engine, design, card, power, structure, vector):
    terms, space = engine.terms, engine.space
    hyper = {name: value[0] for name, value in space.values(vector).items()}
    n_units, unit_ix = design.sizes["unit"], terms.unit_ix
    functional = effect_functionals(terms, att_weights(design, card, power > 0)[None])
    own_weight, shared_weight = functional.per_unit[0], functional.shared[0]
    columns, scales, contrast = [], [], []
    at = 0
    for block in terms.per_unit:
        for column in block.columns.T:
            columns.append(np.eye(n_units)[unit_ix] * column[:, None])
            scales += [hyper.get(block.scale, block.scale)] * n_units
            contrast.append(own_weight[:, at])
            at += 1
    for block in terms.shared:
        columns.append(block.columns)
        scales += [hyper.get(block.scale, block.scale)] * block.columns.shape[1]
    contrast.append(shared_weight)
    Z, V, c = np.hstack(columns), np.diag(np.square(scales)), np.concatenate(contrast)
    parts, log_q = [], 0.0
    for unit in range(n_units):
        t = terms.period[unit_ix == unit]
        gap = np.abs(t[:, None] - t[None, :])
        rho = hyper.get("rho", 0.0)
        R = hyper["sigma"] ** 2 * (np.eye(t.size) if structure == "iid" else rho**gap / (1 - rho**2))
        parts.append(power[unit] * np.linalg.inv(R))
        log_q -= power[unit] * np.linalg.slogdet(R)[1]
    Q = block_diag(*parts)
    A = Z.T @ Q @ Z + np.linalg.inv(V)
    m = Z.T @ Q @ terms.y
    solved = np.linalg.solve(A, m)
    quadratic = terms.y @ Q @ terms.y - m @ solved
    log_density = 0.5 * (log_q - np.linalg.slogdet(V)[1] - np.linalg.slogdet(A)[1] - quadratic)
    return (
        log_density + float(space.log_prior(vector)[0]),
        float(c @ solved),
        float(np.sqrt(c @ np.linalg.solve(A, c))),
    )


def test_with_wide_priors_one_effect_and_iid_errors_the_mean_is_weighted_twfe(analysis, balanced, seed):
    """With matching weights on a balanced panel, and with the powers themselves on one with gaps."""
    card = dataclasses.replace(load_card("twfe_limit"), outcome="y")
    rng = np.random.default_rng(seed)
    for design, as_powers in ((balanced.design, False), (analysis.design, True)):
        treated = sides(design)
        for _ in range(2):
            weights = np.where(treated, 1.0, rng.dirichlet(np.ones(treated.size)) * treated.sum())
            powers = power_weights(weights[None, :], treated)
            least_squares = weighted_twfe(design, powers[0] if as_powers else weights)[0]
            posterior = weighted_posteriors(design, card, powers, seed)
            assert posterior.mean[0] == pytest.approx(least_squares.estimate, abs=LIMIT * least_squares.se)


def test_the_variance_counts_a_control_that_serves_five_times_as_one(balanced):
    """iid errors of known size: sigma^2 (1/T0 + 1/T1)(1/m + 1/effective controls); sigma drops out of a ratio."""
    design = balanced.design
    card = dataclasses.replace(load_card("twfe_limit"), outcome="y")
    treated = sides(design)
    controls = np.flatnonzero(~treated)
    exponents = np.where(treated, 1.0, 0.0)
    exponents[controls[0]] = treated.sum()
    alike = np.where(treated, 1.0, treated.sum() / controls.size)
    engine = Collapsed.build(design, card)
    vectors = np.repeat(engine.space.start()[None, :], 2, axis=0)
    sds = [
        float(known.model.given(vectors, known.functional)[2][0, 0])
        for v in power_weights(np.stack([exponents, alike]), treated)
        for known in [att_given_powers(design, card, engine.with_powers(v))]
    ]
    m, k = treated.sum(), controls.size
    assert (sds[0] / sds[1]) ** 2 == pytest.approx((1 / m + 1) / (1 / m + 1 / k), rel=1e-4)


def test_powers_are_those_of_the_docstring():
    treated = np.array([True, True, True, False, False, False])
    v = power_weights(np.array([1.0, 0.0, 1.0, 1.5, 0.5, 0.0]), treated)
    np.testing.assert_allclose(v, [1, 0, 1, 1.5 * 2 / 2.5, 0.5 * 2 / 2.5, 0])
    assert v[~treated].sum() == pytest.approx(2.0**2 / (1.5**2 + 0.5**2))


def test_an_unmatched_treated_unit_is_out_of_the_average(analysis, seed):
    design, card = analysis.design, dataclasses.replace(load_card("twfe_limit"), outcome="y")
    treated = sides(design)
    first, *others = np.flatnonzero(treated)
    only = np.where(treated, 0.0, 1.0)
    only[first] = 1.0
    posterior = weighted_posteriors(design, card, power_weights(only[None, :], treated), seed)
    least_squares = weighted_twfe(design, only)[0]
    assert posterior.mean[0] == pytest.approx(least_squares.estimate, abs=LIMIT * least_squares.se)
    assert others


def test_multiplying_the_outcome_by_100_multiplies_the_matched_effect_by_100(analysis, seed):
    weights = np.where(sides(analysis.design), 1.0, np.linspace(0.5, 2, analysis.design.sizes["unit"]))
    powers = power_weights(weights[None, :], sides(analysis.design))
    first = weighted_posteriors(analysis.design, analysis.card, powers, seed)
    scaled = analysis.replace(panel=analysis.panel.assign(y=100 * analysis.panel["y"] + 3))
    other = weighted_posteriors(scaled.design, scaled.card, powers, seed)
    np.testing.assert_allclose(other.mean, 100 * first.mean, rtol=1e-6)
    np.testing.assert_allclose(other.sd, 100 * first.sd, rtol=1e-6)


def test_cards_and_weights_that_make_no_sense_are_refused(analysis, seed):
    assert not covers(load_card("event_study"))
    assert not covers(load_card("did_scale_by_unit"))
    event_study = dataclasses.replace(load_card("event_study"), outcome="y")
    ones = np.ones((1, analysis.design.sizes["unit"]))
    with pytest.raises(InputError, match="cannot take matching weights"):
        weighted_posteriors(analysis.design, event_study, ones, seed)
    with pytest.raises(InputError, match="no treated unit or no control"):
        weighted_posteriors(analysis.design, analysis.card, ones * sides(analysis.design), seed)
