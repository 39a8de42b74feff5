"""Which common shocks, felt differently by each unit, would have driven the treated units? A Bayesian factor model.

    y_it = a_i + l_t + f_t' lambda_i + e_it,   e_i AR(1) with rho common, innovation sd sigma_i

fitted to every cell without the policy; the cells of treated units after their onset are missing, and their draws are
the outcome without the policy. With r = 0 factors it is two-way fixed effects. On the standardised scale

    a_i, l_t ~ N(0, wide^2)   f_tk ~ N(0, 1)   lambda_ik ~ N(0, psi_k^2)   psi_k^2 ~ InvGamma(1, 0.1)
    sigma_i^2 ~ InvGamma(2, 2 s^2)   s^2 ~ Gamma(1, 1)   rho uniform on a grid

by Gibbs sampling: (a_i, lambda_i) of each unit, then all (l_t, f_t) at once, then rho on its grid, then the scales.
sigma_i lets a small country be noisy without spoiling the rest. The chains of all sets of hidden cells take each step
together: an iteration of ten costs little more than one of a single chain.

Units that are seen in the same periods have one *pattern*, whose arrays have its units and the periods seen alone.

Source: interactive fixed effects, Bai (2009), Econometrica 77(4), doi:10.3982/ECTA6135; as a counterfactual Xu (2017),
Political Analysis 25(1), doi:10.1017/pan.2016.2; Bayesian: Pang, Liu & Xu (2022), doi:10.1017/pan.2021.22.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array, Index, Mask
from bri_bayes.inference.batched_algebra import backward, forward
from bri_bayes.inference.forecast import RHO_GRID, Ar1Grid, ar1_grid

# Prior sd of levels and periods, in sds of the outcome after unit and period effects.
_WIDE = 30.0
_SIGMA_SHAPE, _LOADING_SHAPE, _LOADING_RATE = 2.0, 1.0, 0.1


@dataclass(frozen=True, eq=False)
class Factors:
    """``path`` (target, chain, draw, T) : the outcome without the policy of the units with hidden cells, as observed
    where it was seen; ``mean`` (target, T) of it, from conditional means; ``fitted`` (target, T) : the posterior mean
    without the error; ``rho`` (chain, draw)."""

    targets: Index
    path: Array
    mean: Array
    fitted: Array
    rho: Array


def factor_counterfactuals(
    y: Array, periods: Array, seen: Mask, *, rank: int, chains: int = 2, draws: int = 300, seed: int = 0
) -> Factors:
    """Posterior of the hidden cells of ``y`` (N, T), ``seen`` (N, T) bool; as many iterations are thrown away first.

    Every unit needs two seen cells; ``rank`` : the number of factors r.
    """
    return factors_by_hiding(y, periods, [seen], rank=rank, chains=chains, draws=draws, seed=seed)[0]


def factors_by_hiding(
    y: Array, periods: Array, hidings: Sequence[Mask], *, rank: int, chains: int = 2, draws: int = 300, seed: int = 0
) -> list[Factors]:
    """``factor_counterfactuals`` for each set of cells that are seen, apart from each other."""
    scaling = [_scaling(y, seen) for seen in hidings]
    center, scale = (np.array(part)[:, None, None] for part in zip(*scaling, strict=True))
    seen = np.stack(list(hidings))
    patterns = _patterns(np.where(seen, (y - center) / scale, 0.0), periods.astype(float), seen, chains)
    state = _Chains(patterns, y.shape, rank, np.random.default_rng(seed))
    rho, targets = state.run(draws)
    results = []
    for f, mask in enumerate(seen):
        of_hiding, rows = slice(f * chains, (f + 1) * chains), np.flatnonzero(~mask.all(axis=1))
        path = np.broadcast_to(y[rows][:, None, None], (len(rows), chains, draws, y.shape[1])).copy()
        mean, fitted = y[rows].copy(), np.empty((len(rows), y.shape[1]))
        for target in targets:
            units = target.pattern.rows[of_hiding.start][target.pattern.real[of_hiding.start] > 0]
            at, n, hidden = np.searchsorted(rows, units), len(units), target.pattern.hidden
            drawn, expected, fit = (
                part[of_hiding, ..., :n, :] * scale[f] + center[f] for part in (target.path, target.mean, target.fitted)
            )
            path[at[:, None], ..., hidden] = drawn.transpose(2, 3, 0, 1)
            mean[at[:, None], hidden] = expected.mean(axis=0)
            fitted[at] = fit.mean(axis=0)
        results.append(Factors(rows, path, mean, fitted, rho[of_hiding]))
    return results


def _scaling(y: Array, seen: Mask) -> tuple[float, float]:
    """Mean of the seen cells, and their sd after unit and period effects."""
    from bri_bayes.design.fixed_effects import TwoWay

    units, times = np.nonzero(seen)
    values = y[units, times]
    within = TwoWay(units, times)
    residuals = within.residuals(values)
    return float(values.mean()), float(np.sqrt(residuals @ residuals / max(values.size - within.rank, 1)))


@dataclass(frozen=True, eq=False)
class _Pattern:
    """Units that are seen in the same periods, of each chain: K of them or, at their end, what fills up K rows.

    ``rows`` (B, K) : units, ``real`` (B, K) : zero for what fills up; ``seen``, ``hidden`` : positions of periods;
    ``y`` (B, K, seen); ``grid`` : the AR(1) parts, ``wide`` (G, T, T) its precision with zeros in hidden periods.
    """

    rows: Index
    real: Array
    seen: Index
    hidden: Index
    y: Array
    grid: Ar1Grid
    wide: Array


def _patterns(y: Array, periods: Array, seen: Mask, chains: int) -> list[_Pattern]:
    """Of ``y`` (F, N, T) with ``seen`` (F, N, T), for so many ``chains`` of each."""
    n_hidings, n, t = seen.shape
    masks, which = np.unique(seen.reshape(-1, t), axis=0, return_inverse=True)
    which = which.reshape(n_hidings, n)
    patterns = []
    for i, mask in enumerate(masks):
        counts = (which == i).sum(axis=1)
        rows = np.argsort(which != i, axis=1, kind="stable")[:, : counts.max()]
        real = np.arange(counts.max()) < counts[:, None]
        grid = ar1_grid(periods[mask], periods[~mask])
        wide = np.zeros((len(RHO_GRID), t, t))
        wide[:, np.outer(mask, mask)] = grid.precision.reshape(len(RHO_GRID), -1)
        of_rows = np.take_along_axis(y, rows[..., None], axis=1)[..., mask] * real[..., None]
        rows, real, of_rows = (np.repeat(part, chains, axis=0) for part in (rows, real.astype(float), of_rows))
        patterns.append(_Pattern(rows, real, np.flatnonzero(mask), np.flatnonzero(~mask), of_rows, grid, wide))
    return patterns


@dataclass(frozen=True, eq=False)
class _Target:
    """What is kept of a pattern with hidden periods: ``path`` (B, draw, K, hidden), its ``mean`` (B, K, hidden) from
    conditional means, ``fitted`` (B, K, T) : the mean without the error."""

    pattern: _Pattern
    path: Array
    mean: Array
    fitted: Array


class _Chains:
    """All chains at once, on the standardised scale.

    ``at`` (B,) on the grid of rho; ``period`` (B, T, 1 + r) : period effect and factors; ``typical`` (B,); ``spread``
    (B, r); by pattern ``of_units`` (B, K, 1 + r) : level and loadings, and ``variance`` (B, K).
    """

    def __init__(
        self, patterns: Sequence[_Pattern], shape: tuple[int, ...], rank: int, rng: np.random.Generator
    ) -> None:
        self.patterns, self.rng = patterns, rng
        self.n_units, t = shape
        b = len(patterns[0].y)
        self.at = np.full(b, int(np.argmin(np.abs(RHO_GRID - 0.5))))
        total, count = np.zeros((b, t)), np.zeros((b, t))
        for pattern in patterns:
            total[:, pattern.seen] += pattern.y.sum(axis=1)
            count[:, pattern.seen] += pattern.real.sum(axis=1)[:, None]
        self.period = np.concatenate([np.zeros((b, t, 1)), 0.3 * rng.standard_normal((b, t, rank))], axis=2)
        self.period[..., 0] = total / np.maximum(count, 1)
        self.typical, self.spread = np.full(b, 0.5), np.ones((b, rank))
        self.variance = [np.full(pattern.real.shape, 0.5) for pattern in patterns]
        self.of_units = [np.zeros((*pattern.real.shape, 1 + rank)) for pattern in patterns]

    def run(self, draws: int) -> tuple[Array, list[_Target]]:
        """rho (B, draw), and what is kept of the patterns with hidden periods."""
        (b, t), rhos = self.period.shape[:2], np.empty((len(self.at), draws))
        targets = {}
        for i, pattern in enumerate(self.patterns):
            k, h = pattern.real.shape[1], len(pattern.hidden)
            if h:
                targets[i] = _Target(pattern, np.empty((b, draws, k, h)), np.zeros((b, k, h)), np.zeros((b, k, t)))
        for iteration in range(2 * draws):
            self._update_units()
            self._update_periods()
            residuals = [pattern.y - self._fit(i)[..., pattern.seen] for i, pattern in enumerate(self.patterns)]
            self._update_rho(residuals)
            self._update_scales(residuals)
            if iteration < draws:
                continue
            rhos[:, iteration - draws] = RHO_GRID[self.at]
            for i, target in targets.items():
                fit, grid = self._fit(i), target.pattern.grid
                expected = fit[..., target.pattern.hidden] + residuals[i] @ grid.onward[self.at].transpose(0, 2, 1)
                z = self.rng.standard_normal(expected.shape) * np.sqrt(self.variance[i])[..., None]
                target.path[:, iteration - draws] = expected + z @ grid.spread[self.at].transpose(0, 2, 1)
                target.mean[:] += expected / draws
                target.fitted[:] += fit / draws
        return rhos, list(targets.values())

    def _fit(self, i: int) -> Array:
        """Level, period and factors times loadings of the units of a pattern in all periods : (B, K, T)."""
        return np.asarray(_with_ones(self.of_units[i]) @ self.period.transpose(0, 2, 1) + self.of_units[i][..., :1])

    def _update_units(self) -> None:
        """Level and loadings of each unit given periods and factors.

        Units of a pattern share G = x'Qx, and their precisions G / v_i + diag(s)^-2 have the eigenvectors of s G s.
        """
        every = _with_ones(self.period)
        s = np.concatenate([np.full((len(every), 1), _WIDE), np.sqrt(self.spread)], axis=1)[:, None]
        for i, pattern in enumerate(self.patterns):
            x = every[:, pattern.seen]
            weighted = (pattern.grid.precision[self.at] @ x) * s
            values, vectors = np.linalg.eigh((x * s).transpose(0, 2, 1) @ weighted)
            v = self.variance[i][..., None]
            share = v / (np.maximum(values, 0)[:, None] + v)
            right = (pattern.y - self.period[:, None, pattern.seen, 0]) @ (weighted @ vectors)
            turned = right * (share / v) + self.rng.standard_normal(share.shape) * np.sqrt(share)
            self.of_units[i] = turned @ (vectors.transpose(0, 2, 1) * s)

    def _update_periods(self) -> None:
        """Period effects and factors given levels and loadings."""
        b, t, q = self.period.shape
        precision, right = np.zeros((b, q, t, q, t)), np.zeros((b, q, t))
        for i, pattern in enumerate(self.patterns):
            load = _with_ones(self.of_units[i])
            weighted = (load * (pattern.real / self.variance[i])[..., None]).transpose(0, 2, 1)
            precision += (weighted @ load)[:, :, None, :, None] * pattern.wide[self.at][:, None, :, None, :]
            above = pattern.y - self.of_units[i][..., :1]
            right[..., pattern.seen] += weighted @ above @ pattern.grid.precision[self.at]
        matrix = precision.reshape(b, q * t, q * t)
        diagonal = np.arange(q * t)
        matrix[:, diagonal, diagonal] += np.where(diagonal < t, _WIDE**-2.0, 1.0)
        factor = np.linalg.cholesky(matrix)
        z = self.rng.standard_normal((b, q * t, 1))
        drawn = backward(factor, forward(factor, right.reshape(b, q * t, 1)) + z)
        self.period = np.ascontiguousarray(drawn.reshape(b, q, t).transpose(0, 2, 1))

    def _update_rho(self, residuals: Sequence[Array]) -> None:
        # sum_i e_i' Q(rho) e_i / v_i is the sum of the elements of Q(rho) times those of sum_i e_i e_i' / v_i.
        log_p = np.zeros((len(self.at), len(RHO_GRID)))
        for pattern, e, variance in zip(self.patterns, residuals, self.variance, strict=True):
            scatter = (e * (pattern.real / variance)[..., None]).transpose(0, 2, 1) @ e
            log_p += pattern.real.sum(axis=1)[:, None] * pattern.grid.log_det
            log_p -= scatter.reshape(len(scatter), -1) @ pattern.grid.precision.reshape(len(RHO_GRID), -1).T
        p = np.exp(0.5 * (log_p - log_p.max(axis=1, keepdims=True))).cumsum(axis=1)
        self.at = (p < self.rng.random(len(p))[:, None] * p[:, -1:]).sum(axis=1)

    def _update_scales(self, residuals: Sequence[Array]) -> None:
        """sigma_i^2, then s^2, then psi_k^2."""
        inverse, loadings = np.zeros(len(self.at)), np.zeros(self.spread.shape)
        for i, (pattern, e) in enumerate(zip(self.patterns, residuals, strict=True)):
            squares = np.einsum("bit,bit->bi", e @ pattern.grid.precision[self.at], e)
            gamma = self.rng.standard_gamma(_SIGMA_SHAPE + 0.5 * len(pattern.seen), squares.shape)
            self.variance[i] = (_SIGMA_SHAPE * self.typical[:, None] + 0.5 * squares) / gamma
            inverse += (pattern.real / self.variance[i]).sum(axis=1)
            loadings += np.einsum("bi,bik->bk", pattern.real, self.of_units[i][..., 1:] ** 2)
        shape = _SIGMA_SHAPE * self.n_units + 1
        self.typical = self.rng.standard_gamma(shape, len(inverse)) / (_SIGMA_SHAPE * inverse + 1)
        gamma = self.rng.standard_gamma(_LOADING_SHAPE + self.n_units / 2, loadings.shape)
        self.spread = (_LOADING_RATE + 0.5 * loadings) / gamma


def _with_ones(values: Array) -> Array:
    """``values`` (..., 1 + r) with ones in place of the first column."""
    return np.concatenate([np.ones_like(values[..., :1]), values[..., 1:]], axis=-1)
