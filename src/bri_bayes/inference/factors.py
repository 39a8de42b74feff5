"""Which common shocks, felt differently by each unit, would have driven the treated units? A Bayesian factor model.

    y_it = a_i + l_t + f_t' lambda_i + e_it,   e_i AR(1) with rho common, innovation sd sigma_i

fitted to every cell without the policy; the cells of treated units after their onset are missing, and their draws are
the outcome without the policy. With r = 0 factors it is two-way fixed effects. On the standardised scale

    a_i, l_t ~ N(0, wide^2)   f_tk ~ N(0, 1)   lambda_ik ~ N(0, psi_k^2)   psi_k^2 ~ InvGamma(1, 0.1)
    sigma_i^2 ~ InvGamma(2, 2 s^2)   s^2 ~ Gamma(1, 1)   rho uniform on a grid

by Gibbs sampling: (a_i, lambda_i) of each unit, then all (l_t, f_t) at once, then the scales; rho moves on its grid by
Metropolis steps. sigma_i lets a small country be noisy without spoiling the rest.

Source: interactive fixed effects, Bai (2009), Econometrica 77(4), doi:10.3982/ECTA6135; as a counterfactual Xu (2017),
Political Analysis 25(1), doi:10.1017/pan.2016.2; Bayesian: Pang, Liu & Xu (2022), doi:10.1017/pan.2021.22.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.inference.batched_algebra import backward, forward
from bri_bayes.inference.forecast import RHO_GRID, Ar1Grid, ar1_grid

# Prior sd of levels and periods, in sds of the outcome after unit and period effects.
_WIDE = 30.0
_SIGMA_SHAPE, _LOADING_SHAPE, _LOADING_RATE = 2.0, 1.0, 0.1
# Metropolis steps of rho in an iteration, and the farthest that one goes on the grid.
_RHO_STEPS, _RHO_REACH = 3, 4


@dataclass(frozen=True, eq=False)
class Factors:
    """``path`` (target, chain, draw, T) : the outcome without the policy of the units with hidden cells, as observed
    where it was seen; ``fitted`` (target, T) : the posterior mean without the error; ``rho`` (chain, draw)."""

    targets: Index
    path: Array
    fitted: Array
    rho: Array


def factor_counterfactuals(
    y: Array, periods: Array, seen: Array, *, rank: int, chains: int = 2, draws: int = 300, seed: int = 0
) -> Factors:
    """Posterior of the hidden cells of ``y`` (N, T), ``seen`` (N, T) bool; as many iterations are thrown away first.

    Every unit needs two seen cells; ``rank`` : the number of factors r.
    """
    center, scale = _scaling(y, seen)
    standard = np.where(seen, (y - center) / scale, 0.0)
    targets = np.flatnonzero(~seen.all(axis=1))
    of_chain = [
        _chain(standard, periods.astype(float), seen, targets, rank, draws, np.random.default_rng([seed, chain]))
        for chain in range(chains)
    ]
    paths, fitted, rho = (np.stack(part) for part in zip(*of_chain, strict=True))
    path = np.moveaxis(paths, 2, 0) * scale + center
    path = np.where(seen[targets][:, None, None], y[targets][:, None, None], path)
    return Factors(targets, path, fitted.mean(axis=0) * scale + center, rho)


def _scaling(y: Array, seen: Array) -> tuple[float, float]:
    """Mean of the seen cells, and their sd after unit and period effects."""
    from bri_bayes.design.fixed_effects import TwoWay

    units, times = np.nonzero(seen)
    values = y[units, times]
    within = TwoWay(units, times)
    residuals = within.residuals(values)
    return float(values.mean()), float(np.sqrt(residuals @ residuals / max(values.size - within.rank, 1)))


@dataclass(frozen=True, eq=False)
class _Pattern:
    """Units that are seen in the same periods: their rows, the columns seen, and the AR(1) parts of these."""

    rows: Index
    columns: Index
    grid: Ar1Grid

    @cached_property
    def cells(self) -> tuple[Index, Index]:
        """Where its rows and columns meet."""
        return np.ix_(self.rows, self.columns)


def _patterns(periods: Array, seen: Array) -> list[_Pattern]:
    masks, which = np.unique(seen, axis=0, return_inverse=True)
    which = which.reshape(-1)
    return [
        _Pattern(np.flatnonzero(which == i), np.flatnonzero(mask), ar1_grid(periods[mask], periods[~mask]))
        for i, mask in enumerate(masks)
    ]


def _chain(
    y: Array, periods: Array, seen: Array, targets: Index, rank: int, draws: int, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Kept draws of the targets' paths (draw, target, T), their mean fit (target, T), and rho (draw,)."""
    n, t = y.shape
    patterns = _patterns(periods, seen)
    at = int(np.argmin(np.abs(RHO_GRID - 0.5)))
    period = np.concatenate([np.zeros((t, 1)), 0.3 * rng.standard_normal((t, rank))], axis=1)
    period[:, 0] = y.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    variance, typical, spread = np.full(n, 0.5), 0.5, np.ones(rank)
    paths, rhos, fitted = np.empty((draws, len(targets), t)), np.empty(draws), np.zeros((len(targets), t))
    for iteration in range(2 * draws):
        of_units = _units(y, patterns, at, period, variance, spread, rng)
        period = _periods(y, patterns, at, of_units, variance, rng)
        fit = of_units[:, :1] + period[:, 0] + of_units[:, 1:] @ period[:, 1:].T
        residual = y - fit
        at = _autocorrelation(residual, patterns, at, variance, rng)
        squares = _squares(residual, patterns, at)
        rate = _SIGMA_SHAPE * typical + 0.5 * squares
        variance = rate / rng.standard_gamma(_SIGMA_SHAPE + 0.5 * seen.sum(axis=1))
        typical = rng.standard_gamma(_SIGMA_SHAPE * n + 1) / (_SIGMA_SHAPE * (1 / variance).sum() + 1)
        spread = (_LOADING_RATE + 0.5 * (of_units[:, 1:] ** 2).sum(axis=0)) / rng.standard_gamma(
            _LOADING_SHAPE + n / 2, rank
        )
        if iteration >= draws:
            kept = iteration - draws
            paths[kept] = (fit + _errors(residual, patterns, at, variance, rng))[targets]
            fitted += fit[targets] / draws
            rhos[kept] = RHO_GRID[at]
    return paths, fitted, rhos


def _units(
    y: Array, patterns: list[_Pattern], at: int, period: Array, variance: Array, spread: Array, rng: np.random.Generator
) -> Array:
    """Level and loadings of each unit given periods and factors : (N, 1 + r)."""
    n, q = len(y), period.shape[1]
    of_units = np.empty((n, q))
    prior = np.diag(np.concatenate([[_WIDE**-2.0], 1 / spread]))
    for pattern in patterns:
        x = np.column_stack([np.ones(len(pattern.columns)), period[pattern.columns, 1:]])
        weighted = pattern.grid.precision[at] @ x
        v = variance[pattern.rows, None]
        right = (y[pattern.cells] - period[pattern.columns, 0]) @ weighted / v
        factor = np.linalg.cholesky((x.T @ weighted) / v[..., None] + prior)
        of_units[pattern.rows] = _gaussian(factor, right[..., None], rng)
    return of_units


def _periods(
    y: Array, patterns: list[_Pattern], at: int, of_units: Array, variance: Array, rng: np.random.Generator
) -> Array:
    """Period effects and factors given levels and loadings : (T, 1 + r)."""
    t, q = y.shape[1], of_units.shape[1]
    load = np.column_stack([np.ones(len(y)), of_units[:, 1:]])
    precision = np.zeros((q, t, q, t))
    diagonal = np.arange(t)
    for k in range(q):
        precision[k, diagonal, k, diagonal] = _WIDE**-2.0 if k == 0 else 1.0
    right = np.zeros((q, t))
    for pattern in patterns:
        rows, columns = pattern.rows, pattern.columns
        weighted = load[rows] / variance[rows, None]
        lam = pattern.grid.precision[at]
        block = np.einsum("ab,st->asbt", weighted.T @ load[rows], lam)
        precision[np.ix_(range(q), columns, range(q), columns)] += block
        right[:, columns] += weighted.T @ (y[pattern.cells] - of_units[rows, :1]) @ lam
    factor = np.linalg.cholesky(precision.reshape(q * t, q * t))
    return np.asarray(_gaussian(factor[None], right.reshape(1, q * t, 1), rng).reshape(q, t).T)


def _gaussian(factor: Array, right: Array, rng: np.random.Generator) -> Array:
    """Draws from N(A^-1 right, A^-1) for A = factor factor' : (m, q)."""
    z = rng.standard_normal(right.shape)
    return np.asarray(backward(factor, forward(factor, right) + z)[..., 0])


def _squares(residual: Array, patterns: list[_Pattern], at: int) -> Array:
    """e_i' Q(rho) e_i of each unit : (N,)."""
    squares = np.empty(len(residual))
    for pattern in patterns:
        e = residual[pattern.cells]
        squares[pattern.rows] = np.einsum("it,it->i", e @ pattern.grid.precision[at], e)
    return squares


def _autocorrelation(
    residual: Array, patterns: list[_Pattern], at: int, variance: Array, rng: np.random.Generator
) -> int:
    # sum_i e_i' Q(rho) e_i / v_i is the sum of the elements of Q(rho) times those of sum_i e_i e_i' / v_i.
    scatter = []
    for pattern in patterns:
        e = residual[pattern.cells]
        scatter.append((e / variance[pattern.rows, None]).T @ e)

    def log_density(position: int) -> float:
        log_det = sum(len(pattern.rows) * pattern.grid.log_det[position] for pattern in patterns)
        squares = sum(
            np.vdot(pattern.grid.precision[position], of_pattern)
            for pattern, of_pattern in zip(patterns, scatter, strict=True)
        )
        return 0.5 * float(log_det - squares)

    now = log_density(at)
    for step, u in zip(rng.integers(1, _RHO_REACH + 1, _RHO_STEPS), rng.random((_RHO_STEPS, 2)), strict=True):
        proposed = at + int(step if u[0] < 0.5 else -step)
        if 0 <= proposed < len(RHO_GRID):
            density = log_density(proposed)
            if np.log(u[1]) < density - now:
                at, now = proposed, density
    return at


def _errors(residual: Array, patterns: list[_Pattern], at: int, variance: Array, rng: np.random.Generator) -> Array:
    """The errors of hidden cells given those before : (N, T), as they are in seen cells."""
    errors = residual.copy()
    for pattern in patterns:
        hidden = np.setdiff1d(np.arange(residual.shape[1]), pattern.columns)
        if hidden.size:
            e = residual[pattern.cells]
            z = rng.standard_normal((len(pattern.rows), hidden.size)) * np.sqrt(variance[pattern.rows, None])
            grid = pattern.grid
            errors[np.ix_(pattern.rows, hidden)] = e @ grid.onward[at].T + z @ grid.spread[at].T
    return errors
