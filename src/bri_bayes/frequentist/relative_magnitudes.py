"""And if trends part after the onset by at most Mbar times their largest step before it? Bounds and intervals.

Delta^RM(Mbar): every step |d_{t+1} - d_t| from the reference on is at most Mbar times the largest step before it.
Given the steps x_s before the onset, l'd_post runs over [-c, c] with

    c = Mbar W max_s |x_s|,    W = sum over t >= 0 of |sum over later times of l|

so the effect theta = l'tau_post is in l'beta_post +- c: the identified set, and no nuisance parameter is left. It is
the union over the step s and its sign of sets that linear inequalities describe,

    |l'beta_post - theta| <= Mbar W x,    |x_r| <= x for the other steps r,    x = +x_s or -x_s

and theta is in the interval when for one of them the inequalities are not rejected. The test is the hybrid of Andrews,
Roth & Pakes: reject if the largest t-ratio exceeds its least favourable critical value of size 0.005; otherwise
compare it with its normal distribution given which inequality it is and the other t-ratios, truncated at that value,
so that the size is 0.05 in all. Eliminating the other effects first, in closed form, takes the place of the linear
programs of the original; the inequalities are scaled by their own standard deviations.

Sources: Rambachan & Roth (2023), doi:10.1093/restud/rdad018, sections 2.4 and 3; Andrews, Roth & Pakes (2023),
doi:10.1093/restud/rdac086.
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
# Two t-ratios with a correlation above this are one.
_SAME = 1 - 1e-9


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
    ``covariance`` : (1 + s, 1 + s) of both; ``slope`` : Mbar W.
    """

    effect: float
    steps: Array
    covariance: Array
    slope: float

    @classmethod
    def build(cls, study: EventCoefficients, bound: float, post: Array) -> _Problem:
        n_pre = study.n_pre
        to_steps = np.diff(np.eye(n_pre + 1), axis=0)[:, :n_pre]  # the reference is zero
        linear = np.zeros((1 + n_pre, n_pre + study.n_post))
        linear[0, n_pre:] = post
        linear[1:, :n_pre] = to_steps
        found = linear @ study.estimates
        reached = float(np.abs(np.cumsum(post[::-1])).sum())
        return cls(float(found[0]), found[1:], linear @ study.covariance @ linear.T, bound * reached)


@dataclass(frozen=True, eq=False)
class _Test:
    """One set of inequalities for each step and sign: A (effect - theta, steps) <= 0, in units of their sds.

    ``rows`` : (set, inequality, 1 + s); ``correlation`` : (set, inequality, inequality); ``first`` : (set,) least
    favourable critical values; ``level`` : size of the second stage.
    """

    problem: _Problem
    rows: Array
    correlation: Array
    first: Array
    level: float

    @classmethod
    def build(cls, problem: _Problem, seed: int, significance: float) -> _Test:
        covariance = problem.covariance
        return cls(problem, *_inequalities(covariance.tobytes(), len(covariance), problem.slope, seed, significance))

    def accepts(self, effects: Array) -> Mask:
        """Whether some set of inequalities is not rejected at each effect : (m,) bool."""
        centred = np.empty((effects.size, 1 + self.problem.steps.size))
        centred[:, 0] = self.problem.effect - effects
        centred[:, 1:] = self.problem.steps
        found = np.zeros(effects.size, dtype=bool)
        for rows, correlation, first in zip(self.rows, self.correlation, self.first, strict=True):
            found |= ~_rejected(centred @ rows.T, correlation, float(first), self.level)
        return found


@lru_cache(maxsize=64)
def _inequalities(
    covariance_bytes: bytes, size: int, slope: float, seed: int, significance: float
) -> tuple[Array, Array, Array, float]:
    """What the test needs of the covariance alone, not of the estimates: the fields of ``_Test`` after the first."""
    covariance = np.frombuffer(covariance_bytes).reshape(size, size)
    n, effect = size - 1, np.eye(size)[0]
    sets = []
    for s in range(n):
        for sign in (1.0, -1.0):
            largest = np.zeros(size)
            largest[1 + s] = sign
            one = [side * effect - slope * largest for side in (1.0, -1.0)]
            others = [np.eye(size)[1 + r] for r in range(n) if r != s]
            one += [side * other - largest for other in others for side in (1.0, -1.0)]
            one.append(-largest)
            sets.append(np.stack(one))
    rows = np.stack(sets)
    rows = rows / np.sqrt(np.einsum("kij,jl,kil->ki", rows, covariance, rows))[..., None]
    correlation = np.einsum("kij,jl,kml->kim", rows, covariance, rows)
    kappa = FIRST_STAGE * significance
    root = np.linalg.cholesky(covariance + 1e-14 * np.trace(covariance) * np.eye(size))
    draws = np.random.default_rng(seed).standard_normal((_DRAWS, size)) @ root.T
    first = np.array([np.quantile((draws @ one.T).max(axis=1), 1 - kappa) for one in rows])
    return rows, correlation, first, (significance - kappa) / (1 - kappa)


def _rejected(ratios: Array, correlation: Array, first: float, level: float) -> Mask:
    """The hybrid test of inequalities with mean t-ratios (m, inequality) at most zero : (m,) bool."""
    at = ratios.argmax(axis=1)
    largest = np.take_along_axis(ratios, at[:, None], axis=1)[:, 0]
    shared = correlation[at]
    apart = shared < _SAME
    residual = ratios - shared * largest[:, None]
    lowest = np.where(apart, residual / np.where(apart, 1 - shared, 1.0), -np.inf).max(axis=1)
    # The 1 - level quantile of N(0, 1) between the truncation points, never below zero.
    low, high = ndtr(np.minimum(lowest, first)), ndtr(first)
    critical = np.maximum(ndtri(np.clip(low + (1 - level) * (high - low), 0.0, 1.0)), 0.0)
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
