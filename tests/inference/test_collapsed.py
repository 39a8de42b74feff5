"""The closed-form core with groups of units, dense priors and dense errors, against every matrix written out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.stats import multivariate_normal

from bri_bayes.design.design import build_design
from bri_bayes.design.linear_terms import Block, build_terms
from bri_bayes.inference.batched_algebra import factor_and_solve
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.conditional import Coefficients
from bri_bayes.inference.conditional_predictive import HeldOut
from bri_bayes.inference.dense_errors import DensePatterns
from bri_bayes.inference.hyperparameters import hyperparameters
from bri_bayes.study.model_card import Errors, Priors, Shocks, load_card

from .panels import make_card, make_panel

# Two ways to the same sums of some hundred terms.
ROUNDING = 1e-8
# 20,000 pairs of draws against the moments that they are drawn from.
DRAWN = 0.04


class AutoregressiveShocks:
    """An AR(1) correlation with a known parameter: what a group's shocks look like a priori."""

    names = ()

    def precision(self, hyper):
        lag = np.abs(np.arange(10)[:, None] - np.arange(10))
        return np.repeat(np.linalg.inv(0.6**lag)[None], hyper["sigma"].size, axis=0)


def grouped_terms(card):
    """Three groups of two units with a shock in each period, beside the terms of the card."""
    design = build_design(*make_panel(), card)
    terms = build_terms(design, card)
    shocks = np.eye(10)[terms.period.astype(int) - 2000]
    block = Block("shock", shocks, 0.7, dependence=AutoregressiveShocks())
    return dataclasses.replace(terms, grouped=(block,), group_ix=np.array([0, 1, 2, 0, 1, 2]))


def dense(terms, hyper):
    """Columns (obs, all), prior covariance and error covariance at one point; own, grouped, shared coefficients."""
    n_units, columns, covariances = terms.n_units, [], []
    for unit in range(n_units):
        for block in terms.per_unit:
            columns.append(block.columns * (terms.unit_ix == unit)[:, None])
            covariances.append(hyper.get(block.scale, block.scale) ** 2 * np.eye(block.columns.shape[1]))
    for group in range(0 if terms.group_ix is None else 3):
        for block in terms.grouped:
            columns.append(block.columns * (terms.group_ix[terms.unit_ix] == group)[:, None])
            lag = np.abs(np.arange(10)[:, None] - np.arange(10))
            covariances.append(block.scale**2 * 0.6**lag)
    for block in terms.shared:
        columns.append(block.columns)
        covariances.append(hyper.get(block.scale, block.scale) ** 2 * np.eye(block.columns.shape[1]))
    errors = []
    for unit in range(n_units):
        t = terms.period[terms.unit_ix == unit]
        lag = np.abs(t[:, None] - t)
        errors.append(hyper["sigma"] ** 2 / (1 - hyper["rho"] ** 2) * hyper["rho"] ** lag)
    return np.hstack(columns), block_diag(*covariances), block_diag(*errors)


def grouped_model(points=3):
    card = make_card(priors=Priors(unit=1.0, period=1.0))
    terms = grouped_terms(card)
    space = hyperparameters(terms, card)
    vectors = space.start() + np.random.default_rng(0).normal(0, 0.4, (points, space.dimension))
    return Collapsed.of(terms, card, space), vectors


def at(model, vectors, point):
    return {name: value[point] for name, value in model.space.values(vectors).items()}


def test_the_density_with_grouped_shocks_is_the_multivariate_normal_one():
    model, vectors = grouped_model()
    ours = model.conditional(model.space.values(vectors)).log_density
    for point in range(3):
        Z, V, R = dense(model.terms, at(model, vectors, point))
        expected = multivariate_normal(np.zeros(len(Z)), R + Z @ V @ Z.T).logpdf(model.terms.y)
        assert ours[point] == pytest.approx(expected, rel=ROUNDING)


def some_functionals(model, rng):
    q, g, p = (
        sum(b.columns.shape[1] for b in level)
        for level in (model.terms.per_unit, model.terms.grouped, model.terms.shared)
    )
    shapes = ((4, model.terms.n_units, q), (4, 3 if g else 1, g), (4, p))
    return Coefficients(*(rng.standard_normal(shape) for shape in shapes))


def test_means_and_covariances_of_functionals_are_those_of_dense_algebra_and_draws_have_them():
    model, vectors = grouped_model(2)
    functionals = some_functionals(model, np.random.default_rng(1))
    flat = np.hstack([level.reshape(4, -1) for level in functionals])
    conditional = model.conditional(model.space.values(vectors))
    means, sds = conditional.moments(functionals)
    covariance = conditional.covariance(functionals)
    for point in range(2):
        Z, V, R = dense(model.terms, at(model, vectors, point))
        A = Z.T @ np.linalg.solve(R, Z) + np.linalg.inv(V)
        b = np.linalg.solve(A, Z.T @ np.linalg.solve(R, model.terms.y))
        np.testing.assert_allclose(means[point], flat @ b, atol=ROUNDING)
        np.testing.assert_allclose(covariance[point], flat @ np.linalg.solve(A, flat.T), atol=ROUNDING)
        np.testing.assert_allclose(sds[point], np.sqrt(np.diag(covariance[point])), atol=ROUNDING)
    noise = conditional.noise(20_000, np.random.default_rng(0))
    drawn = conditional.draw(np.zeros(20_000, dtype=int), noise)
    values = np.hstack([level.reshape(40_000, -1) for level in drawn]) @ flat.T
    np.testing.assert_allclose(values.mean(axis=0), means[0], atol=ROUNDING * 100)  # mirrored pairs
    scale = np.outer(sds[0], sds[0])
    np.testing.assert_allclose(np.cov(values, rowvar=False) / scale, covariance[0] / scale, atol=DRAWN)


def test_a_held_out_row_with_grouped_shocks_has_its_dense_conditional_density():
    model, vectors = grouped_model(1)
    ours = HeldOut(model).row_log_density(model.space.values(vectors))[0]
    Z, V, R = dense(model.terms, at(model, vectors, 0))
    precision = np.linalg.inv(R + Z @ V @ Z.T)
    variance = 1 / np.diag(precision)
    expected = -0.5 * (np.log(2 * np.pi * variance) + (precision @ model.terms.y) ** 2 * variance)
    np.testing.assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize("scale", ["common", "by_unit"])
def test_dense_errors_of_an_ar1_process_are_the_sum_of_parts(scale):
    """The two forms of a precision, with gaps, by every operation that the engines ask for."""
    card = make_card(errors=Errors("ar1", scale))
    terms = grouped_terms(card)
    space = hyperparameters(terms, card)
    parts = Collapsed.of(terms, card, space)

    def covariance(hyper, periods):
        lag = np.abs(periods[:, None] - periods)
        rho = hyper["rho"][:, None, None]
        size = 1.0 if scale == "by_unit" else hyper["sigma"][:, None, None] ** 2
        return size * rho**lag / (1 - rho**2)

    unit_scale = (lambda hyper: hyper["sigma_unit"] ** -2.0) if scale == "by_unit" else None
    errors = DensePatterns(terms.unit_ix, terms.period, covariance, unit_scale)
    whole = dataclasses.replace(parts, errors=errors)
    rng = np.random.default_rng(3)
    vectors = space.start() + rng.normal(0, 0.3, (3, space.dimension))
    hyper, powers = space.values(vectors), rng.uniform(0.5, 2, terms.n_units)
    np.testing.assert_allclose(whole.log_posterior(vectors), parts.log_posterior(vectors), rtol=ROUNDING)
    np.testing.assert_allclose(
        whole.with_powers(powers).log_posterior(vectors),
        parts.with_powers(powers).log_posterior(vectors),
        rtol=ROUNDING,
    )
    rows = np.array([0, 1, 5, 20, 21])
    for ours, theirs in (
        (errors.diagonal(hyper), parts.errors.diagonal(hyper)),
        (errors.block(hyper, rows), parts.errors.block(hyper, rows)),
        (HeldOut(whole).row_log_density(hyper), HeldOut(parts).row_log_density(hyper)),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=ROUNDING)
    if scale == "common":
        y = rng.standard_normal((2, terms.y.size))
        for ours, theirs in zip(whole.outcomes(y).at(hyper), parts.outcomes(y).at(hyper), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=ROUNDING)


@pytest.mark.parametrize("name", ["did", "did_scale_by_unit", "did_correlated", "did_shared", "taught", "walking"])
def test_hyperparameters_however_extreme_divide_by_nothing(name):
    """A density is a number, or NaN where rounding has made a precision indefinite; a warning would be an error."""
    card = dataclasses.replace(load_card(name if name.startswith("did") else "did_shared"), outcome="y")
    if name in ("taught", "walking"):
        process = "random_walk" if name == "walking" else "like_errors"
        card = dataclasses.replace(card, shocks=Shocks(process), priors=Priors(shock=(0.5, 1.0)))
    model = Collapsed.build(build_design(*make_panel(), card), card)
    noise = np.random.default_rng(0).standard_normal((60, model.space.start().size))
    for reach in (1.0, 30.0, 1000.0):
        density = model.log_posterior(model.space.start() + reach * noise)
        assert not np.isposinf(density).any()
        assert reach > 1 or np.isfinite(density).all()


def test_a_diagonal_that_rounding_has_made_zero_loses_its_density_and_no_other():
    factor, solved = factor_and_solve(np.array([[[4.0]], [[0.0]], [[-1e-9]]]), np.ones((3, 1, 1)))
    assert factor[0, 0, 0] == 2.0
    assert solved[0, 0, 0] == 0.5
    assert np.isnan(factor[1:]).all()
    assert np.isnan(solved[1:]).all()
