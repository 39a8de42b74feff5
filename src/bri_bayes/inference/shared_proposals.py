"""Which hyperparameter points cover many posteriors at once, and does each of them rest on enough of the points?

Posteriors of related problems (many outcomes on one design, many assignments of one outcome) lie close together. One
set of points h_j from a mixture q of two t distributions, the first around the modes of a few problems, the second
around the average posterior of many, serves them all; problem i weighs the points by p(y_i, h_j) / q(h_j), and
Pareto-smoothed weights say, problem by problem, whether the points will do.

Source: Owen (2013), Monte Carlo theory, methods and examples, section 9.11; Vehtari et al. (2024), JMLR 25(72).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bri_bayes.core.arrays import Array, Index, Mask
from bri_bayes.core.effect import TAILS
from bri_bayes.inference.importance import KHAT_LIMIT, Student, log_mixture, moments, smooth_weights
from bri_bayes.inference.mixture import NormalMixtures

SUMMARY = ("mean", "sd", "lower", "upper", "p_positive", "khat", "ess")
# Below this effective number of common points a problem gets points of its own.
LEAST_ESS = 100.0
# Problems that common points miss get common points again, so often and while they are so many: points of its own cost
# a problem as much as a thousand common ones.
_ROUNDS, _WORTH_SHARING = 3, 6
# Problems that are summarised together (measured: their arrays stay in the cache of a core).
_SUMMARISED = 32
# How much wider than the modes and the average posterior the proposals are. On simulated panels of 9 x 21, rho 0 to 1,
# narrower ones left out up to 2% of the outcomes (k-hat above 0.7), wider ones cost effective points.
PILOT_INFLATION, _INFLATION = 3.0, 1.5
# Share of the points that lies around the modes.
_PILOT_SHARE = 0.25


def covering_points(
    modes: Sequence[tuple[Array, Array]],
    log_density: Callable[[Array], Array],
    points: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Hyperparameter vectors (point, d) that cover the posteriors of all problems, and their log density (point,).

    ``modes`` : mode (d,) and covariance (d, d) of a few problems; ``log_density`` : vectors (point, d) -> (problem,
    point) of many. A quarter of the points lies around the modes, the rest around the average posterior.
    """
    places, covariances = (np.array(parts) for parts in zip(*modes, strict=True))
    covariance = covariances.mean(axis=0) + np.cov(places, rowvar=False, bias=True)
    first = Student(places.mean(axis=0), PILOT_INFLATION * covariance)
    pilot = first.draw(int(_PILOT_SHARE * points), rng)
    log_ratios = log_density(pilot) - first.log_density(pilot)
    weights = np.exp(log_ratios - log_ratios.max(axis=1, keepdims=True))
    weights = (weights / weights.sum(axis=1, keepdims=True)).mean(axis=0)
    center, covariance = moments(weights, pilot)
    second = Student(center, _INFLATION * covariance)
    vectors = np.concatenate([pilot, second.draw(points - len(pilot), rng)])
    return vectors, log_mixture([(first, len(pilot)), (second, points - len(pilot))], vectors)


def spread_over(ordered: Index, count: int) -> Index:
    """At most ``count`` elements, evenly spaced from the first to the last."""
    positions = np.linspace(0, ordered.size - 1, min(count, ordered.size)).round().astype(int)
    return np.asarray(ordered[np.unique(positions)])


def weigh(log_density: Array, log_proposal: Array) -> tuple[Array, Array]:
    """Pareto-smoothed weights (problem, point) that sum to one, and k-hat (problem,)."""
    smoothed = [smooth_weights(log_ratios) for log_ratios in log_density - log_proposal]
    weights, khat = zip(*smoothed, strict=True)
    return np.array(weights), np.array(khat)


def summarised(mixtures: NormalMixtures, khat: Array) -> Array:
    """The rows of ``SUMMARY`` : (7, problem)."""
    weights, means, sds = mixtures.weights, mixtures.means, mixtures.sds
    parts = []
    for first in range(0, khat.size, _SUMMARISED):
        some = slice(first, first + _SUMMARISED)
        part = NormalMixtures(weights[some], means[some], sds if sds.ndim == 1 else sds[some])
        ends = [part.quantile(p) for p in TAILS]
        p_positive, ess = 1 - part.cdf(np.zeros(len(part.means))), 1 / (part.weights**2).sum(axis=1)
        parts.append(np.stack([part.mean, part.sd, *ends, p_positive, khat[some], ess]))
    return np.concatenate(parts, axis=1)


def is_covered(summaries: Array, least_ess: float = LEAST_ESS) -> Mask:
    """Whether the common points carry each problem of ``summarised`` : (problem,)."""
    khat, ess = summaries[SUMMARY.index("khat")], summaries[SUMMARY.index("ess")]
    return np.asarray((khat < KHAT_LIMIT) & (ess >= least_ess))


def shared_summaries(
    together: Callable[[Index], Array], count: int, least_ess: float = LEAST_ESS
) -> tuple[Array, Mask]:
    """Summaries (7, problem) of ``count`` problems from common points, and which problems these do not carry.

    ``together`` : the summaries of some problems from points that these place. What points miss has much in common: it
    gets common points again, while it is many.
    """
    summaries, missed = np.empty((len(SUMMARY), count)), np.arange(count)
    for _ in range(_ROUNDS):
        summaries[:, missed] = together(missed)
        missed = np.flatnonzero(~is_covered(summaries, least_ess))
        if missed.size < _WORTH_SHARING:
            break
    return summaries, ~is_covered(summaries, least_ess)
