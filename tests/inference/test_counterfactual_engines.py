"""Synthetic control and factor model: quadrature, least squares, known answers, and coverage over simulated panels."""

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.stats import t as student

from bri_bayes.data.simulation import simulate_errors
from bri_bayes.inference.convergence import split_rhat
from bri_bayes.inference.factors import factor_counterfactuals, factors_by_hiding
from bri_bayes.inference.forecast import RHO_GRID, ar1_grid
from bri_bayes.inference.synthetic import synthetic_controls

YEARS = np.arange(2003, 2021)
BEFORE = YEARS < 2013
# Four Monte Carlo errors of a mean of some thousand correlated draws, in posterior sds; of an sd, as a share.
MEAN, SPREAD = 0.15, 0.15
# Coverage of 95% intervals over 240 targets has a standard error of 0.014 or, with shared donors, some more.
COVERAGE = (0.91, 1.0)


def world(rng, targets, donors=40, factors=2, rho=0.6):
    """Donors with common factors, targets that are averages of few donors plus AR(1) errors, no effect."""
    path = np.cumsum(0.3 * rng.normal(size=(factors, YEARS.size)), axis=1)
    d = rng.normal(size=(donors, factors)) @ path + simulate_errors(
        rng, (donors, YEARS.size), rho=0.7, innovation_sd=0.2
    )
    weights = rng.dirichlet(np.full(donors, 4 / donors), size=targets)
    return weights @ d + simulate_errors(rng, (targets, YEARS.size), rho=rho, innovation_sd=0.15), d


def test_the_forecast_of_an_ar1_error_is_its_textbook_recursion():
    grid = ar1_grid(np.array([0.0, 1.0, 2.0]), np.array([3.0, 4.0, 6.0]))
    for g, rho in enumerate(RHO_GRID[::20]):
        onward, spread = grid.onward[20 * g], grid.spread[20 * g]
        assert onward == pytest.approx(np.outer(rho ** np.array([1, 2, 4]), [0, 0, 1]), abs=1e-9)
        assert (spread @ spread.T)[0, 0] == pytest.approx(1.0)
        assert (spread @ spread.T)[1, 1] == pytest.approx(1 + rho**2)
    gap = np.array([2000.0, 2001.0, 2004.0])
    rho = RHO_GRID[45]
    covariance = rho ** np.abs(gap[:, None] - gap) / (1 - rho**2)
    assert ar1_grid(gap, gap + 10).precision[45] == pytest.approx(np.linalg.inv(covariance))


def test_two_donors_have_the_posterior_of_a_brute_force_quadrature(seed):
    """One weight, rho and sigma on a grid, sigma by its half-t prior density, the intercept by Gaussian algebra."""
    rng = np.random.default_rng(5)
    d = np.cumsum(rng.normal(size=(2, YEARS.size)), axis=1)
    y = 0.7 * d[0] + 0.3 * d[1] + simulate_errors(rng, (1, YEARS.size), rho=0.5, innovation_sd=0.3)[0]
    paths = synthetic_controls(y[None], d, YEARS, BEFORE, chains=16, draws=300, seed=seed)
    z = y[BEFORE] - y[BEFORE].mean()
    centred = d - d[:, BEFORE].mean(axis=1, keepdims=True)
    deviation = centred[:, BEFORE] - centred[:, BEFORE].mean(axis=0)
    scale = np.sqrt((deviation**2).mean())
    weights = (np.arange(200) + 0.5) / 200
    prior_w = weights * (1 - weights)
    sigmas = np.exp(np.linspace(np.log(0.02), np.log(5), 80)) * scale
    prior_s = 2 * student.pdf(sigmas / scale, 3) * sigmas
    n = int(BEFORE.sum())
    t = np.arange(n)
    joint = np.zeros((weights.size, RHO_GRID.size, sigmas.size))
    for r, rho in enumerate(RHO_GRID):
        covariance = np.where(rho < 0, (-1.0) ** np.abs(t[:, None] - t), 1) * np.abs(rho) ** np.abs(t[:, None] - t)
        precision = np.linalg.inv(covariance / (1 - rho**2))
        level = precision.sum(axis=0)
        q = precision - np.outer(level, level) / level.sum()
        log_det = np.linalg.slogdet(precision)[1] - np.log(level.sum())
        residual = z - weights[:, None] * centred[0, BEFORE] - (1 - weights[:, None]) * centred[1, BEFORE]
        squares = np.einsum("ws,st,wt->w", residual, q, residual)
        joint[:, r] = 0.5 * log_det - (n - 1) * np.log(sigmas) - squares[:, None] / (2 * sigmas**2)
    joint = np.exp(joint - joint.max()) * prior_w[:, None, None] * prior_s
    joint /= joint.sum()
    mean = float(joint.sum(axis=(1, 2)) @ weights)
    assert paths.weights[0, 0] == pytest.approx(
        mean, abs=MEAN * np.sqrt(joint.sum(axis=(1, 2)) @ (weights - mean) ** 2)
    )
    rho_mean = float(joint.sum(axis=(0, 2)) @ RHO_GRID)
    assert paths.rho.mean() == pytest.approx(rho_mean, abs=MEAN * paths.rho.std())
    sigma_mean = float(joint.sum(axis=(0, 1)) @ sigmas)
    assert paths.sigma.mean() == pytest.approx(sigma_mean, abs=MEAN * paths.sigma.std())


def test_three_donors_have_the_weights_of_a_grid_over_the_simplex(seed):
    """With iid errors given rho and sigma on grids: Dirichlet(4/3) times likelihood, summed over 1,225 weights."""
    rng = np.random.default_rng(8)
    d = np.cumsum(rng.normal(size=(3, YEARS.size)), axis=1)
    d[1] = d[0] + 0.3 * rng.normal(size=YEARS.size)
    y = 0.3 * d[0] + 0.4 * d[1] + 0.3 * d[2] + simulate_errors(rng, (1, YEARS.size), rho=0.5, innovation_sd=0.5)[0]
    paths = synthetic_controls(y[None], d, YEARS, BEFORE, chains=16, draws=300, seed=seed)
    z = y[BEFORE] - y[BEFORE].mean()
    centred = d - d[:, BEFORE].mean(axis=1, keepdims=True)
    scale = np.sqrt(((centred[:, BEFORE] - centred[:, BEFORE].mean(axis=0)) ** 2).mean())
    steps = (np.arange(50) + 0.5) / 51.5
    first, second = (values.ravel() for values in np.meshgrid(steps, steps))
    inside = first + second < 1 - 1e-9
    weights = np.stack([first[inside], second[inside], 1 - first[inside] - second[inside]], axis=1)
    residual = (z - weights @ centred[:, BEFORE]) / scale
    sigma = np.exp(np.linspace(np.log(0.02), np.log(5), 60))
    grid = ar1_grid(YEARS[BEFORE].astype(float), YEARS[~BEFORE].astype(float))
    log_p = np.empty((len(weights), RHO_GRID.size, sigma.size))
    for r, precision in enumerate(grid.precision):
        row_sums = precision.sum(axis=0)
        q = precision - np.outer(row_sums, row_sums) / row_sums.sum()
        squares = np.einsum("ws,st,wt->w", residual, q, residual)
        log_p[:, r] = 0.5 * (grid.log_det[r] - np.log(row_sums.sum())) - squares[:, None] / (2 * sigma**2)
    log_p += np.log(student.pdf(sigma, 3) * sigma) - (z.size - 1) * np.log(sigma)
    posterior = np.exp(log_p - log_p.max()).sum(axis=(1, 2)) * np.prod(weights, axis=1) ** (4 / 3 - 1)
    posterior /= posterior.sum()
    mean = posterior @ weights
    sd = np.sqrt(posterior @ weights**2 - mean**2)
    assert paths.weights[0] == pytest.approx(mean, abs=MEAN * sd.max())
    assert paths.counting[0] == pytest.approx(posterior @ (1 / (weights**2).sum(axis=1)), rel=0.05)


def test_chains_over_two_hundred_donors_meet(seed):
    y, d = world(np.random.default_rng(4), 5, donors=200, factors=3)
    paths = synthetic_controls(np.vstack([y, y.mean(axis=0)]), d, YEARS, BEFORE, chains=8, draws=200, seed=seed)
    for path, sigma in zip(paths.path, paths.sigma, strict=True):
        assert split_rhat(path.mean(axis=-1)) < 1.02
        assert split_rhat(sigma) < 1.03


def test_updates_that_are_thrown_away_are_those_before_the_ones_that_are_kept(seed):
    y, d = world(np.random.default_rng(4), 2, donors=12)
    long, short = (
        synthetic_controls(y, d, YEARS, BEFORE, draws=draws, warmup=warmup, seed=seed)
        for draws, warmup in ((30, 10), (20, 10))
    )
    assert np.array_equal(long.rho[..., :20], short.rho)
    usual, stated = (synthetic_controls(y, d, YEARS, BEFORE, draws=10, warmup=w, seed=seed) for w in (None, 10))
    assert np.array_equal(usual.path, stated.path)


def test_the_only_open_donor_has_all_the_weight(seed):
    d = np.cumsum(np.random.default_rng(2).normal(size=(2, YEARS.size)), axis=1)
    paths = synthetic_controls(d, d, YEARS, BEFORE, closed=np.eye(2, dtype=bool), draws=20, seed=seed)
    assert paths.weights == pytest.approx(1 - np.eye(2))


def test_synthetic_paths_are_equivariant_reproducible_and_leave_a_donor_out_of_itself(seed):
    y, d = world(np.random.default_rng(1), 3, donors=12)
    small = synthetic_controls(y, d, YEARS, BEFORE, draws=30, seed=seed)
    large = synthetic_controls(100 * y + 7, 100 * d, YEARS, BEFORE, draws=30, seed=seed)
    assert large.path == pytest.approx(100 * small.path + 7, rel=1e-6)
    assert np.array_equal(synthetic_controls(y, d, YEARS, BEFORE, draws=30, seed=seed).path, small.path)
    placebo = synthetic_controls(d, d, YEARS, BEFORE, closed=np.eye(12, dtype=bool), draws=30, seed=seed)
    assert np.diagonal(placebo.weights) == pytest.approx(np.zeros(12))
    assert placebo.weights.sum(axis=1) == pytest.approx(np.ones(12))


def test_a_factor_model_without_factors_predicts_as_generalised_least_squares(seed):
    """Two-way effects by GLS at the posterior mean of rho, and the AR(1) forecast of the errors: the same mean."""
    rng = np.random.default_rng(3)
    n, hidden = 25, 4
    y = (
        rng.normal(size=(n, 1))
        + np.cumsum(rng.normal(size=YEARS.size))
        + simulate_errors(rng, (n, YEARS.size), rho=0.6)
    )
    seen = np.ones(y.shape, dtype=bool)
    seen[:hidden, ~BEFORE] = False
    paths = factor_counterfactuals(y, YEARS, seen, rank=0, chains=2, draws=400, seed=seed)
    rho = float(paths.rho.mean())
    deviation = np.abs(YEARS[:, None] - YEARS)
    blocks = [(rho**deviation / (1 - rho**2))[np.ix_(row, row)] for row in seen]
    rows, columns = np.nonzero(seen)
    x = np.column_stack([np.eye(n)[rows], np.eye(YEARS.size)[columns][:, 1:]])
    weight = np.linalg.inv(block_diag(*blocks))
    effects = np.linalg.solve(x.T @ weight @ x, x.T @ weight @ y[seen])
    period = np.concatenate([[0.0], effects[n:]])
    for i in range(hidden):
        error = (y[i] - effects[i] - period)[BEFORE]
        expected = effects[i] + period[~BEFORE] + rho ** np.arange(1, 9) * error[-1]
        draws = paths.path[i][..., ~BEFORE].reshape(-1, 8)
        assert np.abs(draws.mean(axis=0) - expected).max() < 2 * MEAN * draws.std(axis=0).mean()


def test_factor_paths_are_equivariant_reproducible_and_keep_what_was_seen(seed):
    y, d = world(np.random.default_rng(2), 3, donors=12)
    every = np.vstack([y, d])
    seen = np.ones(every.shape, dtype=bool)
    seen[:3, ~BEFORE] = False
    small = factor_counterfactuals(every, YEARS, seen, rank=2, draws=30, seed=seed)
    large = factor_counterfactuals(100 * every + 7, YEARS, seen, rank=2, draws=30, seed=seed)
    assert large.path == pytest.approx(100 * small.path + 7, rel=1e-6)
    again = factor_counterfactuals(every, YEARS, seen, rank=2, draws=30, seed=seed)
    assert np.array_equal(again.path, small.path)
    assert small.path[..., BEFORE] == pytest.approx(np.broadcast_to(y[:, None, None, BEFORE], (3, 2, 30, 10)))
    assert list(small.targets) == [0, 1, 2]


def test_sets_of_hidden_cells_that_are_fitted_together_have_the_posteriors_of_each_alone(seed):
    """Sets of 2, 3 and 0 units, hidden from different years on: what fills up the rows of the others counts nowhere."""
    y, d = world(np.random.default_rng(6), 5, donors=15)
    every = np.vstack([y, d])
    hidings = [np.ones(every.shape, dtype=bool) for _ in range(3)]
    hidings[0][:2, ~BEFORE] = False
    hidings[1][1:4, YEARS >= 2016] = False
    together = factors_by_hiding(every, YEARS, hidings, rank=1, chains=4, draws=300, seed=seed)
    assert [list(fitted.targets) for fitted in together] == [[0, 1], [1, 2, 3], []]
    for fitted, seen in zip(together[:2], hidings, strict=False):
        alone = factor_counterfactuals(every, YEARS, seen, rank=1, chains=4, draws=300, seed=seed + 1)
        known = seen[fitted.targets]
        sd = alone.path.std(axis=(1, 2))[~known]
        assert np.abs(fitted.mean - alone.mean)[~known] == pytest.approx(0, abs=2 * MEAN * sd.mean())
        assert fitted.path.std(axis=(1, 2))[~known] == pytest.approx(sd, rel=2 * SPREAD)
        assert fitted.mean[known] == pytest.approx(every[fitted.targets][known])
        assert np.abs(fitted.mean - fitted.path.mean(axis=(1, 2)))[~known] == pytest.approx(0, abs=MEAN * sd.max())
        assert fitted.rho.mean() == pytest.approx(alone.rho.mean(), abs=2 * MEAN * alone.rho.std())


@pytest.mark.calibration
def test_synthetic_intervals_of_the_average_effect_cover_no_effect_at_their_rate():
    rng = np.random.default_rng(11)
    inside = []
    for repetition in range(6):
        y, d = world(rng, 40)
        paths = synthetic_controls(y, d, YEARS, BEFORE, draws=150, seed=repetition)
        effect = (y[:, None, None, ~BEFORE] - paths.path).mean(axis=-1).reshape(40, -1)
        low, high = np.quantile(effect, [0.025, 0.975], axis=1)
        inside.append((low < 0) & (high > 0))
    assert COVERAGE[0] <= np.mean(inside) <= COVERAGE[1]


@pytest.mark.calibration
def test_factor_intervals_of_the_average_effect_cover_no_effect_at_their_rate():
    rng = np.random.default_rng(12)
    inside, shares = [], []
    for repetition in range(12):
        path = np.cumsum(0.3 * rng.normal(size=(2, YEARS.size)), axis=1)
        sd = 0.2 * np.exp(0.4 * rng.normal(size=60))
        y = (
            3 * rng.normal(size=(60, 1))
            + np.cumsum(0.2 * rng.normal(size=YEARS.size))
            + rng.normal(size=(60, 2)) @ path
        )
        y = y + simulate_errors(rng, y.shape, rho=0.7, innovation_sd=sd)
        seen = np.ones(y.shape, dtype=bool)
        seen[:20, ~BEFORE] = False
        paths = factor_counterfactuals(y, YEARS, seen, rank=2, draws=200, seed=repetition)
        effect = (y[:20, None, None, ~BEFORE] - paths.path[..., ~BEFORE]).mean(axis=-1).reshape(20, -1)
        low, high = np.quantile(effect, [0.025, 0.975], axis=1)
        inside.append((low < 0) & (high > 0))
        shares.append((effect < 0).mean(axis=1))
    assert COVERAGE[0] <= np.mean(inside) <= 0.985
    # Ranks of the truth are uniform: their mean is a half within four standard errors.
    assert np.mean(shares) == pytest.approx(0.5, abs=4 * 0.29 / np.sqrt(240))
