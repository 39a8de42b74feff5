"""Effects by category, integrated and drawn: against dense normals, SciPy's inverse Wishart, and NUTS."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import invwishart, multivariate_normal

from bri_bayes.data.assignment import Assignment
from bri_bayes.data.category_simulation import simulate_categories
from bri_bayes.design.category_design import CategoryDesign, category_panel_design
from bri_bayes.inference.category_panel import CategoryPanel
from bri_bayes.inference.category_walkers import _country_prior, _weight, sample_category_panel
from bri_bayes.inference.covariances import factor_of, inverse_wishart, log_lkj, sds
from bri_bayes.models.categories import EFFECT, centred_walk

FIVE = Assignment({"A": 2004, "B": 2004, "C": None, "D": None, "E": None})


def design_of(holes, seed=1):
    """Five units, five years and three categories, some cells without a value."""
    panel = simulate_categories(FIVE, range(2002, 2007), {"75": 0.2, "76": 0.1, "77": 0.0}, seed=seed)
    design = category_panel_design(panel, "trade", FIVE)
    y = design.y.copy()
    y.reshape(-1)[np.random.default_rng(3).choice(y.size, holes, replace=False)] = np.nan
    return CategoryDesign(**{**vars(design), "y": y, "guess": np.where(np.isfinite(y), y, 0.1)})


def dense(design, rho, sigma, prior):
    """Cells as vectors: what is integrated flat, the covariance of errors, and the map from effects to cells."""
    n_units, n_periods, size = design.y.shape
    lag = np.abs(np.subtract.outer(np.arange(n_periods), np.arange(n_periods)))
    errors = np.kron(np.eye(n_units), np.kron(rho**lag / (1 - rho**2), sigma))
    flat = [
        np.kron(np.eye(n_units), np.kron(np.ones((n_periods, 1)), np.eye(size))),
        np.kron(np.ones((n_units, 1)), np.eye(n_periods * size)),
        np.eye(design.y.size)[:, np.flatnonzero(~np.isfinite(design.y.ravel()))],
    ]
    times, treated = list(design.times), list(design.treated_ix)
    effects = np.zeros((n_units, n_periods, len(times) + len(treated)))
    for unit in treated:
        for period in np.flatnonzero(design.event_time[unit] >= 0):
            effects[unit, period, times.index(design.event_time[unit, period])] = 1.0
            effects[unit, period, len(times) + treated.index(unit)] = 1.0
    cells = np.kron(effects.reshape(n_units * n_periods, -1), np.eye(size))
    vectors, values, _ = np.linalg.svd(np.hstack(flat))
    contrasts = vectors[:, int((values > 1e-9).sum()) :]
    return contrasts, contrasts.T @ (errors + cells @ prior @ cells.T) @ contrasts, cells


def prior_of(design, spread, common, single, omega):
    """The covariance of paths and effects of countries, written from the equations."""
    size, times = design.y.shape[2], design.times
    walk = centred_walk(times, (design.event_time[:, :, None] == times).sum(axis=(0, 1)))
    ones, together = np.ones((times.size, times.size)), np.ones((size, size))
    path = np.kron(ones, EFFECT**2 * together + spread**2 * np.eye(size))
    path += np.kron(walk @ walk.T, common**2 * together + single**2 * np.eye(size))
    countries = np.kron(np.eye(design.treated_ix.size), omega)
    return np.block([[path, np.zeros((len(path), len(countries)))], [np.zeros((len(countries), len(path))), countries]])


@pytest.mark.parametrize("holes", [0, 3])
def test_with_the_effects_integrated_it_is_a_dense_normal(holes, rng):
    design = design_of(holes)
    model = CategoryPanel.build(design)
    vectors = np.array([0.5, -0.7, -1.5, -1.0]) + 0.4 * rng.standard_normal((4, 4))
    sigma, _ = factor_of(0.3 * rng.standard_normal((4, 6)), 3)
    omega, _ = factor_of(0.3 * rng.standard_normal((4, 6)) - 0.5, 3)
    given = model.given(vectors, sigma, omega)
    rho, spread, common, single = model.scales(vectors)
    theirs = np.empty(4)
    for point in range(4):
        prior = prior_of(design, spread[point], common[point], single[point], omega[point] @ omega[point].T)
        contrasts, covariance, cells = dense(design, rho[point], sigma[point] @ sigma[point].T, prior)
        seen = contrasts.T @ np.where(np.isfinite(design.y), design.y, 0.0).ravel()
        theirs[point] = multivariate_normal(np.zeros(len(covariance)), covariance).logpdf(seen)
        gain = prior @ cells.T @ contrasts @ np.linalg.inv(covariance)
        factor, known = given.factor[point], len(prior)
        mean = np.linalg.solve(factor[:-1, :-1].T, factor[-1, :-1])[:known]
        assert -mean == pytest.approx(gain @ seen, rel=1e-6, abs=1e-8)
        spread_of = np.linalg.inv(factor[:-1, :-1] @ factor[:-1, :-1].T)[:known, :known]
        assert spread_of == pytest.approx(prior - gain @ contrasts.T @ cells @ prior, rel=1e-5, abs=1e-8)
    ours = given.log_density - model._log_prior(vectors, spread, common, single)
    assert np.diff(ours - theirs) == pytest.approx(0, abs=1e-7)


def test_draws_of_effects_have_the_moments_of_their_factor(rng):
    model = CategoryPanel.build(design_of(2))
    size = 4000
    vectors = np.repeat([[0.5, -0.7, -1.5, -1.0]], size, axis=0)
    unit, _ = factor_of(np.zeros((size, 6)), 3)
    given = model.given(vectors, unit, unit)
    every = model.draw(given, rng)
    factor = given.factor[0]
    precision = factor[:-1, :-1] @ factor[:-1, :-1].T
    drawn = every[:, model.row, model.category]
    mean = np.linalg.solve(factor[:-1, :-1].T, factor[-1, :-1])
    sd = np.sqrt(np.diag(np.linalg.inv(precision)))
    assert np.abs((drawn.mean(axis=0) - mean) / sd).max() < 5 / np.sqrt(size)
    assert drawn.std(axis=0) == pytest.approx(sd, rel=0.08)
    assert (every[:, :3] == np.eye(3)).all()
    path, u = model.paths(every)
    assert path == pytest.approx(-every[:, 3 : 3 + len(model.walk)])
    assert u.shape == (size, 2, 3)


def test_an_inverse_wishart_has_the_moments_of_scipys(rng):
    products = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, 0.3], [0.1, 0.3, 1.5]])
    factor = inverse_wishart(rng, 14.0, np.repeat(products[None], 100_000, axis=0))
    theirs = invwishart(14, products).rvs(100_000, random_state=4)
    ours = factor @ np.swapaxes(factor, 1, 2)
    assert ours.mean(axis=0) == pytest.approx(products / (14 - 3 - 1), rel=0.05)
    assert ours.std(axis=0) == pytest.approx(theirs.std(axis=0), rel=0.05)


def test_angles_have_the_jacobian_of_their_correlations(rng):
    def correlations(angles):
        factor, _ = factor_of(np.concatenate([np.zeros(4), angles])[None], 4)
        return (factor @ np.swapaxes(factor, 1, 2))[0][np.tril_indices(4, -1)]

    angles = rng.standard_normal(6)
    slopes = [(correlations(angles + step) - correlations(angles - step)) / 2e-6 for step in 1e-6 * np.eye(6)]
    _, jacobian = factor_of(np.concatenate([np.zeros(4), angles])[None], 4)
    assert jacobian[0] == pytest.approx(np.linalg.slogdet(slopes)[1], abs=1e-6)


def test_priors_are_those_of_the_pymc_model(rng):
    """LKJ correlations with half-normal sds of countries and half-t ones of errors, each with its Jacobian."""
    import pymc as pm
    from pytensor.compile.mode import Mode

    python = Mode(linker="py", optimizer=None)
    omega = 0.4 * rng.standard_normal((3, 6))
    factor, prior = _country_prior(omega, 3)
    packed = factor[:, *np.tril_indices(3)]
    half_normal = pm.LKJCholeskyCov.dist(n=3, eta=2.0, sd_dist=pm.HalfNormal.dist(1.0, shape=3), compute_corr=False)
    theirs = np.array([float(pm.logp(half_normal, row).eval(mode=python)) for row in packed])
    assert np.diff(prior - _volume(omega) - theirs) == pytest.approx(0, abs=1e-8)
    half_t = pm.LKJCholeskyCov.dist(
        n=3, eta=2.0, sd_dist=pm.HalfStudentT.dist(nu=3, sigma=1.0, shape=3), compute_corr=False
    )
    theirs = np.array([float(pm.logp(half_t, row).eval(mode=python)) for row in packed])
    # From the factor to the matrix: 2^3 L_11^3 L_22^2 L_33.
    diagonal = np.log(np.diagonal(factor, axis1=1, axis2=2))
    determinant = 2 * diagonal.sum(axis=1)
    ours = _weight(factor) - 2.5 * determinant
    assert np.diff(ours - (theirs - diagonal @ [3, 2, 1])) == pytest.approx(0, abs=1e-8)
    assert log_lkj(factor, 1.0) == pytest.approx(0)
    assert sds(factor) == pytest.approx(np.exp(omega[:, :3]))


def _volume(omega):
    """log |d factor / d vector| by differences."""
    volumes = []
    for row in omega:
        steps = 1e-6 * np.eye(6)
        slopes = [
            (factor_of((row + step)[None], 3)[0] - factor_of((row - step)[None], 3)[0])[0][np.tril_indices(3)] / 2e-6
            for step in steps
        ]
        volumes.append(np.linalg.slogdet(slopes)[1])
    return np.array(volumes)


def test_a_seed_gives_the_same_draws_as_many_as_are_asked_for():
    first, again = (sample_category_panel(design_of(2), 2, 20, seed=5) for _ in range(2))
    assert first["path"].shape == (40, 3, 3)
    assert first["u"].shape == (40, 2, 3)
    for name, value in first.items():
        assert value.tobytes() == again[name].tobytes(), name


@pytest.mark.calibration
def test_it_has_the_posterior_of_the_pymc_model():
    import nutpie

    from bri_bayes.inference.nuts import compiled_model
    from bri_bayes.models.categories import build_category_panel

    design = design_of(2)
    ours = sample_category_panel(design, 4, 2000, seed=1)
    tree = nutpie.sample(
        compiled_model(build_category_panel(design)),
        draws=3000,
        tune=1000,
        target_accept=0.95,
        seed=1,
        progress_bar=False,
    )
    theirs = {name: tree["posterior"][name].to_numpy() for name in ("path", "u", "rho", "spread")}
    for name, value in theirs.items():
        flat = value.reshape(-1, *value.shape[2:])
        sd = flat.std(axis=0)
        assert np.abs((ours[name].mean(axis=0) - flat.mean(axis=0)) / sd).max() < 0.2, name
        assert np.abs(ours[name].std(axis=0) / sd - 1).max() < 0.2, name
