"""And if trends part after the onset by at most Mbar times their largest step before it? Bounds and intervals.

Delta^RM(Mbar): every step |d_{t+1} - d_t| from the reference on is at most Mbar times the largest step before it.
Given the steps x_s before the onset, l'd_post runs over [-c, c] with

    c = Mbar W max_s |x_s|,    W = sum over t >= 0 of |sum over later times of l|

so the effect theta = l'tau_post is in l'beta_post +- c: the identified set. It is the union over the step s before the
onset and its sign of the sets that the moments after the onset describe: with x = +x_s or -x_s and u_t the part of
each later step that is violation,

    u_t - Mbar x <= 0,    -u_t - Mbar x <= 0    for every t >= 0,      sum_t L_t u_t = l'b_post - theta

L_t the sum of l from t on. Moments of the steps before the onset alone are not tested: at a small Mbar they make sets
too wide. theta is in the interval when for some s and sign they are not rejected.

The test is C-LF, the hybrid of the conditional and the least favourable test of Andrews, Roth & Pakes. Its statistic
is the smallest eta at which u exists with every moment at most eta standard deviations (s_t+ and s_t-): the largest of

    (g - Mbar W x) / sum |L_t| s_t+,    (-g - Mbar W x) / sum |L_t| s_t-,    -2 Mbar x / (s_t+ + s_t-),

g = l'b_post - theta (s+ and s- change places where L_t < 0): the vertices of the dual of the linear program, in closed
form. It rejects above the least favourable critical value of size 0.005; otherwise it compares eta with its normal
distribution given which vertex it is and the part of the others that is independent of it, truncated at that value, so
that the size is 0.05 in all.

Sources: Rambachan & Roth (2023), doi:10.1093/restud/rdad018, sections 2.4 and 3; Andrews, Roth & Pakes (2023),
doi:10.1093/restud/rdad004; the moments and their scale are those of the R package HonestDiD.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.frequentist.estimate import SIGNIFICANCE
from bri_bayes.frequentist.event_coefficients import EventCoefficients

Mask = NDArray[np.bool_]

# The share of the size that the least favourable first stage has, as in the original.
FIRST_STAGE = 0.1
# Draws behind a least favourable critical value: its own error is below 0.02 sd.
_DRAWS = 20_000
# Values of the effect that are tested before the ends of the interval are bisected.
_GRID = 401
_BISECTIONS = 30
# Of two statistics whose weights on the largest one differ by less, neither bounds the other.
_SAME = 1e-9


@dataclass(frozen=True)
class RelativeMagnitudes:
    """``identified_*`` : the bounds at the estimates; ``lower``, ``upper`` : ends of the 95% confidence interval."""

    identified_lower: float
    identified_upper: float
    lower: float
    upper: float


def relative_magnitudes(
    study: EventCoefficients,
    bound: float,
    weights: Array | None = None,
    *,
    seed: int = 0,
    significance: float = SIGNIFICANCE,
) -> RelativeMagnitudes:
    """Bounds on l'tau_post under Delta^RM(``bound``); without ``weights`` (l, (n_post,)) the average over treated rows.

    The interval is the smallest one that holds every effect which is not rejected.
    """
    if not (math.isfinite(bound) and bound >= 0):
        raise InputError(f"the bound on relative magnitudes must be zero or positive, not {bound}")
    problem = _Problem.build(study, bound, study.average if weights is None else np.asarray(weights, dtype=float))
    reach = problem.slope * float(np.abs(problem.steps).max())
    accepted = _Test.build(problem, seed, significance)
    lower, upper = (_end(problem, accepted, side, reach) for side in (-1.0, 1.0))
    return RelativeMagnitudes(problem.effect - reach, problem.effect + reach, lower, upper)


def accepts(
    study: EventCoefficients,
    bound: float,
    effects: Array,
    weights: Array | None = None,
    *,
    seed: int = 0,
    significance: float = SIGNIFICANCE,
) -> Mask:
    """Whether each of ``effects`` (m,) lies in the confidence set : (m,) bool."""
    problem = _Problem.build(study, bound, study.average if weights is None else np.asarray(weights, dtype=float))
    return _Test.build(problem, seed, significance).accepts(np.asarray(effects, dtype=float))


@dataclass(frozen=True, eq=False)
class _Problem:
    """``effect`` : l'b_post; ``steps`` : (s,) of the coefficients before the onset, the last one to the reference;
    ``covariance`` : (1 + s, 1 + s) of both; ``slope`` : Mbar W; ``scales`` : (2 s, n_post + 2) the standard deviations
    by which the statistics are divided, for each step and sign: up, down, and a pair for every later step.
    """

    effect: float
    steps: Array
    covariance: Array
    slope: float
    bound: float
    scales: Array

    @classmethod
    def build(cls, study: EventCoefficients, bound: float, post: Array) -> _Problem:
        n_pre, n_post = study.n_pre, study.n_post
        linear = np.zeros((1 + n_pre, n_pre + n_post))
        linear[0, n_pre:] = post
        linear[1:, :n_pre] = np.diff(np.eye(n_pre + 1), axis=0)[:, :n_pre]  # the reference is zero
        later = np.zeros((n_post, n_pre + n_post))
        later[:, n_pre:] = np.diff(np.eye(n_post + 1), axis=0)[:, 1:]
        value = linear @ study.estimates
        reach = np.cumsum(post[::-1])[::-1]  # L_t
        signed = np.vstack([linear[1:], -linear[1:]]) * bound
        sds = [_sds(sign * later[None] - signed[:, None], study.covariance) for sign in (1.0, -1.0)]
        up = np.where(reach > 0, *sds) @ np.abs(reach)
        down = np.where(reach > 0, *sds[::-1]) @ np.abs(reach)
        scales = np.column_stack([up, down, sds[0] + sds[1]])
        slope = bound * float(np.abs(reach).sum())
        return cls(float(value[0]), value[1:], linear @ study.covariance @ linear.T, slope, bound, scales)


def _sds(rows: Array, covariance: Array) -> Array:
    """Standard deviations of ``rows`` (set, step, k) times the coefficients : (set, step)."""
    return np.asarray(np.sqrt(np.einsum("kij,jl,kil->ki", rows, covariance, rows)))


@dataclass(frozen=True, eq=False)
class _Test:
    """One set of statistics for each step and sign: ``rows`` times (effect - theta, steps).

    ``rows`` : (set, statistic, 1 + s); ``covariance`` : (set, statistic, statistic); ``first`` : (set,) least
    favourable critical values; ``level`` : size of the second stage.
    """

    problem: _Problem
    rows: Array
    covariance: Array
    first: Array
    level: float

    @classmethod
    def build(cls, problem: _Problem, seed: int, significance: float) -> _Test:
        """The rows of the dual's vertices, and critical values from draws of the coefficients."""
        covariance, size = problem.covariance, 1 + problem.steps.size
        effect, n_pairs = np.eye(size)[0], problem.scales.shape[1] - 2
        sets = []
        for signed in np.vstack([np.eye(size)[1:], -np.eye(size)[1:]]):
            pair = -2 * problem.bound * signed
            sets.append([effect - problem.slope * signed, -effect - problem.slope * signed, *[pair] * n_pairs])
        rows = np.array(sets) / problem.scales[..., None]
        kappa = FIRST_STAGE * significance
        root = np.linalg.cholesky(covariance + 1e-14 * np.trace(covariance) * np.eye(size))
        draws = _draws(seed, size) @ root.T
        first = np.array([np.quantile((draws @ block.T).max(axis=1), 1 - kappa) for block in rows])
        of_statistics = np.einsum("kij,jl,kml->kim", rows, covariance, rows)
        return cls(problem, rows, of_statistics, first, (significance - kappa) / (1 - kappa))

    def accepts(self, effects: Array) -> Mask:
        """Whether some set of moments is not rejected at each effect : (m,) bool."""
        centred = np.empty((effects.size, 1 + self.problem.steps.size))
        centred[:, 0] = self.problem.effect - effects
        centred[:, 1:] = self.problem.steps
        accepted = np.zeros(effects.size, dtype=bool)
        for rows, covariance, first in zip(self.rows, self.covariance, self.first, strict=True):
            accepted |= ~_rejected(centred @ rows.T, covariance, float(first), self.level)
        return accepted


@lru_cache(maxsize=8)
def _draws(seed: int, size: int) -> Array:
    return np.asarray(np.random.default_rng(seed).standard_normal((_DRAWS, size)))


def _rejected(statistics: Array, covariance: Array, first: float, level: float) -> Mask:
    """The hybrid test that ``statistics`` (m, statistic) have means of at most zero : (m,) bool."""
    at = statistics.argmax(axis=1)
    largest = np.take_along_axis(statistics, at[:, None], axis=1)[:, 0]
    variance = np.diag(covariance)[at]
    share = covariance[at] / np.maximum(variance, np.finfo(float).tiny)[:, None]
    # Given the independent parts, statistic j is the largest until the largest one is at part / (1 - share).
    distance = np.where(np.abs(1 - share) > _SAME, 1 - share, np.nan)
    ends = (statistics - share * largest[:, None]) / distance
    lowest = np.where(distance > 0, ends, -np.inf).max(axis=1)
    highest = np.minimum(np.where(distance < 0, ends, np.inf).min(axis=1), first)
    sd = np.sqrt(np.maximum(variance, np.finfo(float).tiny))
    above, below = ndtr(-highest / sd), ndtr(-lowest / sd)
    critical = np.maximum(-sd * ndtri(above + level * (below - above)), 0.0)
    return np.asarray((largest > first) | (largest > critical))


def _end(problem: _Problem, test: _Test, side: float, reach: float) -> float:
    """The farthest accepted effect on one side of the estimate."""
    sd = float(np.sqrt(problem.covariance[0, 0]))
    step_sd = float(np.sqrt(np.diag(problem.covariance)[1:].max()))
    width = reach + 8 * sd + 8 * problem.slope * step_sd
    grid = problem.effect + side * np.linspace(0, width, _GRID)
    accepted = np.flatnonzero(test.accepts(grid))
    if not accepted.size:
        return problem.effect
    inside, outside = grid[accepted[-1]], grid[min(accepted[-1] + 1, _GRID - 1)]
    for _ in range(_BISECTIONS):
        middle = 0.5 * (inside + outside)
        if test.accepts(np.array([middle]))[0]:
            inside = middle
        else:
            outside = middle
    return float(inside)
