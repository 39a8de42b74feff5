"""How long is an honest interval if the difference in trends bends by at most M a period? Fixed-length intervals.

The violation d of parallel trends, zero at the reference, is in Delta^SD(M): |d_{t+1} - 2 d_t + d_{t-1}| <= M. For the
effect l'tau_post the affine estimators w'b_pre + l'b_post are compared by the worst-case half-length

    cv(bias / sd) sd,    bias = max over Delta^SD(M) of |w'd_pre + l'd_post|,   sd^2 = (w, l)' V (w, l)

with cv(t) the 95% quantile of |N(t, 1)|. The bias is finite only if a straight line cancels, w'k_pre + l'k_post = 0
with k = event time + 1. Writing d as a line plus its bends eta, the worst bias is M (|c(w)|_1 + fixed), with c(w) the
coefficients of the bends before the onset: so tracing bias against sd is a lasso path, solved exactly by its dual, a
least-squares problem in a box; the shortest interval is found along the path.

Sources: Rambachan & Roth (2023), doi:10.1093/restud/rdad018, section 4.1; Armstrong & Kolesar (2018),
doi:10.3982/ECTA14434; Donoho (1994), doi:10.1214/aos/1176325367.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.frequentist.estimate import SIGNIFICANCE
from bri_bayes.frequentist.event_coefficients import EventCoefficients

# Above this ratio of bias to sd the other tail of |N(t, 1)| is nothing.
_LARGE_BIAS = 8.0
# Points of the path (logarithms of its penalty) before the best one is refined.
_PATH = 60


@dataclass(frozen=True)
class HonestInterval:
    """An interval centred at an affine estimate; ``bias`` : its worst case; ``weights`` : (k,) of the coefficients."""

    estimate: float
    lower: float
    upper: float
    bias: float
    sd: float
    weights: tuple[float, ...]


def fixed_length_interval(
    study: EventCoefficients, bound: float, weights: Array | None = None, significance: float = SIGNIFICANCE
) -> HonestInterval:
    """The shortest interval of fixed length for l'tau_post under Delta^SD(``bound``); ``weights`` : l, (n_post,).

    ``bound`` : M, units of the outcome a period squared. Without ``weights`` the average over treated rows.
    """
    if not (math.isfinite(bound) and bound >= 0):
        raise InputError(f"the bound on the bend of trends must be zero or positive, not {bound}")
    post = study.average if weights is None else np.asarray(weights, dtype=float)
    problem = _Problem.build(study, post)
    c = problem.estimator(_best_penalty(problem, bound, significance))
    w, sd, bias = problem.pre_weights(c), problem.sd(c), problem.bias(c, bound)
    half = critical_value(bias / sd, significance) * sd
    estimate = float(w @ study.estimates[study.times < 0] + post @ study.estimates[study.times >= 0])
    return HonestInterval(estimate, estimate - half, estimate + half, bias, sd, (*w.tolist(), *post.tolist()))


def critical_value(bias: float, significance: float = SIGNIFICANCE) -> float:
    """The 1 - ``significance`` quantile of |N(bias, 1)|."""
    if bias > _LARGE_BIAS:
        return float(bias + ndtri(1 - significance))
    from scipy.optimize import brentq

    def miss(c: float) -> float:
        return float(ndtr(c - bias) - ndtr(-c - bias) - (1 - significance))

    return float(brentq(miss, 0.0, bias + 10.0, xtol=1e-12))


@dataclass(frozen=True, eq=False)
class _Problem:
    """The estimators that a straight line leaves alone, by the coefficients c of the bends before the onset.

    w = ``origin`` + ``directions`` c; sd^2 = |``factor`` c + ``offset``|^2 + ``rest``; ``post_bias`` : the bends from
    the onset on, times which every estimator is off.
    """

    origin: Array
    directions: Array
    factor: Array
    offset: Array
    rest: float
    post_bias: float

    @classmethod
    def build(cls, study: EventCoefficients, post: Array) -> _Problem:
        before, after = study.times < 0, study.times >= 0
        # A line d_k = k through the reference; the slope is that of the last step before the onset.
        line_pre = (study.times[before] + 1).astype(float)
        line_post = (study.times[after] + 1).astype(float)
        # Bend at time j <= -2 moves d at every t < j by j - t; the last coefficient first.
        bends = np.array([[max(j - t, 0) for j in range(-2, int(study.times[0]), -1)] for t in study.times[before]])
        bends = bends.reshape(study.n_pre, -1).astype(float)
        # w'[line, bends] = (slope, c): with slope given, w is an affine function of c.
        basis = np.linalg.inv(np.column_stack([line_pre, bends]).T)
        origin = basis[:, 0] * -float(post @ line_post)
        directions = basis[:, 1:]
        # From the onset on: the bend at j >= -1 moves d at t > j by t - j.
        later = study.times[after][:, None] - np.arange(-1, int(study.times[-1]))[None, :]
        post_bias = float(np.abs(post @ np.maximum(later, 0)).sum())
        v = study.covariance
        pre_pre, pre_post = v[np.ix_(before, before)], v[np.ix_(before, after)] @ post
        square = directions.T @ pre_pre @ directions
        linear = directions.T @ (pre_pre @ origin + pre_post)
        constant = float(origin @ pre_pre @ origin + 2 * origin @ pre_post + post @ v[np.ix_(after, after)] @ post)
        factor = np.linalg.cholesky(square).T if square.size else square
        offset = np.linalg.solve(factor.T, linear) if square.size else linear
        return cls(origin, directions, factor, offset, constant - float(offset @ offset), post_bias)

    @property
    def size(self) -> int:
        """Bends before the onset."""
        return int(self.directions.shape[1])

    def pre_weights(self, c: Array) -> Array:
        """w : (n_pre,)."""
        return np.asarray(self.origin + self.directions @ c)

    def bias(self, c: Array, bound: float) -> float:
        """The worst bias when trends bend by at most ``bound``."""
        return bound * (float(np.abs(c).sum()) + self.post_bias)

    def sd(self, c: Array) -> float:
        """Standard deviation of the estimator."""
        return float(np.sqrt(np.sum((self.factor @ c + self.offset) ** 2) + self.rest))

    def estimator(self, penalty: float) -> Array:
        """The c with the least 1/2 sd^2 + penalty |c|_1 : (size,)."""
        if not self.size:
            return np.zeros(0)
        if penalty <= 0:
            return np.asarray(np.linalg.solve(self.factor, -self.offset))
        if penalty >= self.largest_penalty:
            return np.zeros(self.size)
        from scipy.optimize import lsq_linear

        # Dual: r = factor c + offset is the point next to offset with |factor'r| <= penalty; u = factor'r is in a box.
        inverse = np.linalg.inv(self.factor).T
        dual = lsq_linear(inverse, self.offset, bounds=(-penalty, penalty), method="bvls", tol=1e-14)
        return np.asarray(np.linalg.solve(self.factor, inverse @ dual.x - self.offset))

    @property
    def largest_penalty(self) -> float:
        """From here on every c is zero."""
        return float(np.abs(self.factor.T @ self.offset).max(initial=0.0))


def _best_penalty(problem: _Problem, bound: float, significance: float) -> float:
    """The penalty on the path whose estimator has the shortest interval."""
    top = problem.largest_penalty
    if bound == 0 or top == 0:
        return 0.0
    from scipy.optimize import minimize_scalar

    def half(penalty: float) -> float:
        c = problem.estimator(penalty)
        sd = problem.sd(c)
        return critical_value(problem.bias(c, bound) / sd, significance) * sd

    path = [0.0, *np.geomspace(1e-6 * top, top, _PATH).tolist()]
    best = int(np.argmin([half(penalty) for penalty in path]))
    ends = path[max(best - 1, 0)], path[min(best + 1, len(path) - 1)]
    refined = minimize_scalar(half, bounds=ends, method="bounded", options={"xatol": 1e-9 * top})
    return float(refined.x) if half(float(refined.x)) < half(path[best]) else path[best]
