"""True values of a modifier as unknowns: against dense normals, models built anew, and NUTS on the PyMC model."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from bri_bayes.checks.moderation import MEASURED, moderated
from bri_bayes.design.linear_terms import build_terms
from bri_bayes.inference.latent_products import LatentProducts, loads_of
from bri_bayes.inference.measurement_error import MeasuredSampler
from bri_bayes.inference.mixture_model import MixtureModel
from bri_bayes.inference.true_values import Evidence, TrueValues
from bri_bayes.study.model_card import Errors, Sampler

from ..checks.interactions import analysis_of, moderated_panel


def recipe(structure="ar1", seed=7, noise=2.0):
    """The card with a latent modifier on nine units and 21 years, a late starter and a gap within among them."""
    panel = moderated_panel(seed, noise=noise)
    panel["y"] = panel["y"].where(~((panel["unit"] == panel["unit"][-1]) & (panel["period"] < 2008)))
    panel["y"] = panel["y"].where(~((panel["unit"] == panel["unit"][2]) & (panel["period"] == 2010)))
    analysis = analysis_of(panel)
    analysis = analysis.replace(card=dataclasses.replace(analysis.card, errors=Errors(structure)))
    return moderated(analysis, "z", MEASURED)


@pytest.mark.parametrize("structure", ["ar1", "iid"])
def test_products_are_those_of_a_model_with_the_true_values_in_its_columns(structure, rng):
    asked = recipe(structure)
    design, card = asked.design, asked.card
    terms = build_terms(design, card)
    model = MixtureModel.build(terms, card)
    true = design["Z"].to_numpy()[:, 0] + rng.standard_normal((3, design.sizes["obs"]))
    products = LatentProducts(model, loads_of(design, terms, "z")).of(true)
    for walker in range(3):
        x = design["X"].to_numpy().copy()
        x[:, list(design["covariate"].values).index("z")] = true[walker]
        known = design.assign(Z=(design["Z"].dims, true[walker][:, None]), X=(design["X"].dims, x))
        anew = MixtureModel.build(build_terms(known, card), card)
        expected = anew.weighted(np.ones((1, design.sizes["obs"])))[0]
        assert products[walker] == pytest.approx(expected, rel=1e-9, abs=1e-9)
    load = LatentProducts(model, loads_of(design, terms, "z")).loads
    coefficients = rng.standard_normal((3, model.size))
    moved = coefficients @ model.columns[:, :-1].T
    by_slope = moved + load.slopes(coefficients) * (true - design["Z"].to_numpy()[:, 0])
    for walker in range(3):
        columns = model.columns[:, :-1].copy()
        columns[:, load.at] = load.columns(true[walker][None])[0].T
        assert columns @ coefficients[walker] == pytest.approx(by_slope[walker], rel=1e-9)


@pytest.fixture
def small():
    """The model of the outcome, and true values with unequal standard errors."""
    asked = recipe()
    model = MixtureModel.build(build_terms(asked.design, asked.card), asked.card)
    reported = asked.design["Z"].to_numpy()[:, 0]
    error = np.random.default_rng(1).uniform(0.5, 3.0, reported.size)
    return model, TrueValues.build(reported, error, model.serial), asked.design


def test_the_density_and_the_draws_are_those_of_a_dense_normal(small, rng):
    model, values, design = small
    n = values.reported.size
    vectors = values.start(3) + 0.5 * rng.standard_normal((3, 4))
    start = model.space.start()
    given = model.given(start + 0.3 * rng.standard_normal((3, start.size)), model.weighted(np.ones((3, n))))
    errors, slopes = rng.standard_normal((3, n)), rng.standard_normal((3, n))
    at = values.given(vectors, values.evidence(errors, slopes, given, model.class_ix))
    place, dense = values.place(vectors), np.empty(3)
    period = design["period"].to_numpy()[design["period_ix"].to_numpy()]
    phi, scale = given.phi[:, model.class_ix], given.scale[:, model.class_ix]
    for point in range(3):
        dense[point] = 0.0
        for rows in (some[some >= 0] for some in values.rows):
            since = (period[rows] - period[rows][0]).astype(float)
            share = place.share[point]
            walk = place.between[point] ** 2 + place.within[point] ** 2 * np.minimum.outer(since, since)
            se = values.error[rows]
            reports = share * np.outer(se, se) + (1 - share) * np.diag(se**2)
            chain = np.eye(rows.size) - np.diag(phi[point, rows[1:]], -1)
            root = np.linalg.inv(chain) * scale[point, rows]
            a, x = slopes[point, rows], values.reported[rows]
            # What is left of the outcome, plus a o x, is a o true and errors: jointly normal with x.
            seen = np.concatenate([x, errors[point, rows] + a * x])
            mean = place.level[point] * np.concatenate([np.ones(rows.size), a])
            both = np.block([[walk + reports, walk * a], [a[:, None] * walk, a[:, None] * walk * a + root @ root.T]])
            dense[point] += multivariate_normal(mean, both).logpdf(seen)
            # True values given all that is seen.
            gain = np.linalg.solve(both, np.hstack([walk, walk * a]).T).T
            expected = place.level[point] + gain @ (seen - mean)
            spread = walk - gain @ np.hstack([walk, walk * a]).T
            unit = np.flatnonzero(values.rows[:, 0] == rows[0])[0]
            factor = at.factor[point, unit][: rows.size, : rows.size]
            assert np.linalg.inv(factor @ factor.T) == pytest.approx(spread, rel=1e-6, abs=1e-9)
            centre = np.linalg.solve(factor.T, at.solved[point, unit][: rows.size])
            assert x + centre == pytest.approx(expected, rel=1e-6, abs=1e-7)
        # The errors' density given true = x is a constant of the place: it is not in ``given``.
        known = ((np.eye(n) - _lagged(phi[point], model)) @ errors[point]) / scale[point]
        dense[point] += 0.5 * (known**2).sum() + np.log(scale[point]).sum()
    prior = values._log_prior(vectors, place)
    assert np.diff(at.log_density - prior - dense) == pytest.approx(0, abs=1e-7)


def _lagged(phi, model):
    lagged = np.zeros((phi.size, phi.size))
    later = np.flatnonzero(~model.serial.is_first)
    lagged[later, later - 1] = phi[later]
    return lagged


def test_draws_have_the_moments_of_their_factor(small, rng):
    _, values, _ = small
    size, n = 4000, values.reported.size
    nothing = Evidence(np.zeros((size, *values.rows.shape, values.rows.shape[1])), np.zeros((size, *values.rows.shape)))
    vectors = np.repeat(values.start(1) + 0.3, size, axis=0)
    at = values.given(vectors, nothing)
    drawn = values.draw(at, rng)
    assert drawn.shape == (size, n)
    rows = values.rows[0][values.rows[0] >= 0]
    factor = at.factor[0, 0][: rows.size, : rows.size]
    covariance = np.linalg.inv(factor @ factor.T)
    assert np.cov(drawn[:, rows].T) == pytest.approx(covariance, abs=6 * covariance.max() / np.sqrt(size))


def test_the_prior_is_that_of_the_pymc_model(rng):
    """Its own densities of share, level and scales, and the Jacobian of the unconstrained vector."""
    import pymc as pm
    from pytensor.compile.mode import Mode

    from bri_bayes.models.linear import build_linear

    asked = recipe()
    reported, error = asked.design["Z"].to_numpy()[:, 0], np.full(asked.design.sizes["obs"], 2.0)
    terms = build_terms(asked.design, asked.card)
    values = TrueValues.build(reported, error, MixtureModel.build(terms, asked.card).serial)
    vectors = values.start(4) + rng.standard_normal((4, 4))
    place, spread = values.place(vectors), reported.std()
    model, python = build_linear(asked.design, asked.card, {"z": error}), Mode(linker="py", optimizer=None)
    natural = {
        "z_persistent_share": place.share,
        "z_level": reported.mean() + spread * place.level,
        "z_between": spread * place.between,
        "z_within": spread * place.within,
    }
    theirs = sum(
        np.array([float(pm.logp(model[name], value).eval(mode=python)) for value in column])
        for name, column in natural.items()
    )
    jacobian = norm.logpdf(vectors[:, 0]) + vectors[:, 2] + vectors[:, 3]
    assert np.diff(values._log_prior(vectors, place) - theirs - jacobian) == pytest.approx(0, abs=1e-9)


@pytest.mark.calibration
def test_it_has_the_posterior_of_the_pymc_model():
    asked = recipe(noise=4.0)
    card = dataclasses.replace(asked.card, sampler=Sampler(draws=400, target_accept=0.95))
    error = np.full(asked.design.sizes["obs"], 4.0)
    gibbs, nuts = (MeasuredSampler("z", error, engine).sample(asked.design, card, 1) for engine in ("auto", "nuts"))
    assert (gibbs.diagnostics["engine"], nuts.diagnostics["engine"]) == ("gibbs", "nuts")
    assert gibbs.diagnostics["rhat"] < 1.01
    assert min(gibbs.diagnostics["ess"], nuts.diagnostics["ess"]) > 300
    for name in ("common_slope", "main_effect", "persistent_share", "slope", "true", "effect"):
        ours, theirs = getattr(gibbs, name), getattr(nuts, name)
        sd = theirs.std(axis=0)
        # Four Monte Carlo errors of a difference of two means, at 300 effective draws each.
        assert np.abs((ours.mean(axis=0) - theirs.mean(axis=0)) / sd).max() < 0.33, name
        assert np.abs(ours.std(axis=0) / sd - 1).max() < 0.25, name
