"""How are the few hyperparameters integrated? Importance sampling around the mode, with Pareto-smoothed weights.

1. Newton steps with finite differences find the mode of the log posterior on the unconstrained scale.
2. A pilot sample from a multivariate t at the mode gives the mean and covariance of the posterior.
3. The main sample comes from a t with that mean and a wider covariance; the widening bounds the weights where the
   posterior is skewed. It grows until it is large enough.
Proposals are quasi-random (a scrambled Sobol sequence), so that two seeds agree to about a hundredth of a posterior
sd, several times better than independent draws. The Pareto shape k-hat of the largest
weights says whether the answer can be trusted: below 0.7 (Vehtari, Simpson, Gelman, Yao & Gabry 2024, JMLR 25(72)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import lgamma, log, log10, pi

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.inference.mode import LogDensity, find_mode
from bri_bayes.inference.quasi_random import student

# Above this k-hat the importance-sampling estimate is unreliable (Vehtari et al. 2024).
KHAT_LIMIT = 0.7
# Proposals are doubled, up to sixteen times the first batch, until the effective sample size is above this, or, of one
# of many answers side by side, above this share of the first batch.
WANTED_ESS, _WANTED_SHARE, _BATCHES = 500.0, 0.25, (1, 1, 2, 4, 8)
# Where k-hat is above its limit even so: proposals, in first batches, that are placed anew by the weights so far.
_AGAIN = (2, 4, 16)
# Proposals for one of many posteriors that stand side by side. On specifications of the shipped study the mean misses
# that of 32,768 proposals by 0.002 posterior sd, an end of the interval by 0.007 (root mean squares over seeds).
FEW_POINTS = 512
# Degrees of freedom of the proposals: heavy enough for the exponential tails of a log scale.
PROPOSAL_DF = 5.0
# The pilot: wider than the normal at the mode, a fifth of the first batch, at least 200 draws.
PILOT_INFLATION, _PILOT_SHARE, _LEAST_PILOT = 1.5, 0.2, 200
# A pilot placed by a posterior near by is this much wider, and will do where this share of it is effective; so many are
# tried, and the next one's covariance is by this share that of the last. It has a quarter of the proposals and is a
# part of the sample, whose first batch is half as large: as exact as 512 and a pilot of 200 that is thrown away.
_NEAR_INFLATION, _NEAR_SHARE, _NEAR_PILOTS, _FROM_FIRST, _NEAR_PILOT = 2.0, 0.15, 3, 0.7, 4
# The covariance of the main sample: mostly that of the pilot, a little of the mode's, so that it stays regular.
_FROM_PILOT = 0.9
# Ratios within this of each other are equal: rounding.
_EQUAL_RATIOS = 1e-10


@dataclass(frozen=True)
class Weighted:
    """Proposals (M, d) with normalised smoothed weights (M,), the log of the normalising constant and diagnostics.

    ``log_ratios`` (M,) : log of target over proposal density, neither smoothed nor normalised; ``log_density`` (M,) of
    the target, where it was kept.
    """

    vectors: Array
    weights: Array
    log_normaliser: float
    khat: float
    log_ratios: Array
    log_density: Array | None = None

    @classmethod
    def of(cls, vectors: Array, log_ratios: Array, log_density: Array | None = None) -> Weighted:
        """Proposals with the log of target over proposal density at each."""
        weights, khat = smooth_weights(log_ratios)
        return cls(vectors, weights, _log_mean(log_ratios), khat, log_ratios, log_density)

    @property
    def ess(self) -> float:
        """Effective number of proposals, 1 / sum of squared weights."""
        return float(1.0 / (self.weights**2).sum())

    @property
    def is_good(self) -> bool:
        """Whether its averages can be trusted, and are as exact as so many proposals allow."""
        return self.khat < KHAT_LIMIT and self.ess > min(WANTED_ESS, _WANTED_SHARE * len(self.vectors))

    def reweighted(self, log_factor: Array) -> Weighted:
        """The same proposals for the density that is ``log_factor`` (M,) larger, in logs."""
        return Weighted.of(self.vectors, self.log_ratios + log_factor)


def sample_by_importance(
    log_density: LogDensity,
    start: Array,
    proposals: int,
    rng: np.random.Generator,
    near: Weighted | None = None,
    placing: LogDensity | None = None,
) -> Weighted:
    """Weighted draws of the density whose log, up to a constant, is ``log_density`` : (M, d) -> (M,).

    ``near`` : weighted draws of a posterior near by, which place the pilot in place of the mode, as far as that does;
    ``placing`` : the same density where ``log_density`` keeps by-products that only the sample itself needs.
    """
    size = 1 << (proposals - 1).bit_length()  # a whole Sobol net
    wanted = min(WANTED_ESS, _WANTED_SHARE * size) if size <= FEW_POINTS else WANTED_ESS
    kept = None if near is None else _placed_near(log_density, near, size // _NEAR_PILOT, rng)
    if kept is None:
        first_density = log_density if placing is None else placing
        mode, covariance = find_mode(first_density, start)
        pilot_size = max(_LEAST_PILOT, int(_PILOT_SHARE * proposals))
        pilot = _weighted(first_density, Student(mode, PILOT_INFLATION * covariance), pilot_size, rng)
        stages, vectors, target = [], np.empty((0, start.size)), np.empty(0)
    else:
        pilot, around, covariance = kept
        stages, vectors, target = (
            [(around, len(pilot.vectors))],
            pilot.vectors,
            pilot.log_ratios + around.log_density(pilot.vectors),
        )
        size //= 2
    center, spread = moments(pilot.weights, pilot.vectors)
    proposal = Student(center, widened(_FROM_PILOT * spread + (1 - _FROM_PILOT) * covariance))
    for position, batch in enumerate(_BATCHES):
        added = proposal.draw(batch * size, rng)
        stages.append((proposal, len(added)))
        vectors, target = np.concatenate([vectors, added]), np.concatenate([target, log_density(added)])
        ratios = target - log_mixture(stages, vectors)
        weights, khat = smooth_weights(ratios)
        # With few proposals k-hat is itself uncertain: the limit for a sample of this size (Vehtari et al. 2024).
        enough = 1.0 / (weights**2).sum() > wanted
        if enough and khat < min(KHAT_LIMIT, 1 - 1 / log10(len(ratios))):
            break
        if enough and khat >= KHAT_LIMIT and position:  # a tail: more of the same would not reach it
            break
    first = Weighted(vectors, weights, _log_mean(ratios), khat, ratios)
    if khat < KHAT_LIMIT:
        return first
    # The weights of what there is show the long tail that the pilot missed.
    placed = place_anew(log_density, first, [more * size for more in _AGAIN], rng)
    return placed if placed.is_good else first


def place_anew(log_density: LogDensity, near: Weighted, proposals: Sequence[int], rng: np.random.Generator) -> Weighted:
    """Samples of these sizes, each placed by the one before, up to the first good one; the last where none is."""
    for size in proposals:
        near = sample_again(log_density, near, size, rng)
        if near.is_good:
            break
    return near


def sample_again(log_density: LogDensity, first: Weighted, proposals: int, rng: np.random.Generator) -> Weighted:
    """A second sample, its proposal placed by the weighted draws of the first instead of by a small pilot.

    Where the pilot missed a long tail the weights of the first sample show it, and the second is wide enough.
    """
    center, covariance = moments(first.weights, first.vectors)
    return _weighted(log_density, Student(center, widened(covariance)), proposals, rng)


def _weighted(log_density: LogDensity, proposal: Student, size: int, rng: np.random.Generator) -> Weighted:
    vectors = proposal.draw(size, rng)
    of_target = log_density(vectors)
    return Weighted.of(vectors, of_target - proposal.log_density(vectors), of_target)


def _placed_near(
    log_density: LogDensity, near: Weighted, size: int, rng: np.random.Generator
) -> tuple[Weighted, Student, Array] | None:
    """A pilot placed by a posterior near by, its proposal, and that posterior's covariance; None where its weights stay
    too uneven. The first pilot is wide; one that misses places the next.
    """
    center, covariance = moments(near.weights, near.vectors)
    spread = _NEAR_INFLATION * covariance
    for _ in range(_NEAR_PILOTS):
        around = Student(center, spread)
        pilot = _weighted(log_density, around, size, rng)
        if pilot.khat < KHAT_LIMIT and pilot.ess > _NEAR_SHARE * size:
            return pilot, around, covariance
        center, of_pilot = moments(pilot.weights, pilot.vectors)
        spread = PILOT_INFLATION * (_FROM_FIRST * of_pilot + (1 - _FROM_FIRST) * covariance)
    return None


def log_mixture(stages: Sequence[tuple[Student, int]], vectors: Array) -> Array:
    """Log density (M,) of what all stages together were drawn from: proposals in the shares of their numbers of draws.

    A sample of several proposals is weighed by their mixture, whichever a draw came from (Owen 2013, section 9.11).
    """
    total = log(sum(size for _, size in stages))
    return np.asarray(
        np.logaddexp.reduce([proposal.log_density(vectors) + (log(size) - total) for proposal, size in stages])
    )


def moments(weights: Array, vectors: Array) -> tuple[Array, Array]:
    """Mean (d,) and covariance (d, d) of weighted vectors (M, d)."""
    center = weights @ vectors
    deviation = vectors - center
    return center, np.asarray((weights[:, None] * deviation).T @ deviation)


def widened(covariance: Array) -> Array:
    """Of a proposal for a posterior with that covariance: 1 + 2 / d times it, the more the fewer dimensions."""
    return np.asarray((1 + 2 / len(covariance)) * covariance)


def smooth_weights(log_ratios: Array, efficiency: float = 1.0) -> tuple[Array, float]:
    """Normalised Pareto-smoothed importance weights and k-hat (Vehtari et al. 2024, algorithm 1).

    The largest min(M / 5, 3 sqrt(M / efficiency)) ratios are replaced by quantiles of a generalised Pareto distribution
    that is fitted to them, truncated at the largest raw ratio. A non-finite ratio has weight zero. ``efficiency`` :
    effective over actual number of draws, of a chain.
    """
    ratios = np.where(np.isfinite(log_ratios), log_ratios, -np.inf)
    ratios = ratios - ratios.max()
    n = ratios.size
    n_tail = int(3 * np.sqrt(n / efficiency) if n * efficiency > 225 else n / 5)
    largest = np.argpartition(ratios, n - n_tail - 1)[n - n_tail - 1 :]
    order = largest[np.argsort(ratios[largest], kind="stable")]
    tail, cutoff = order[1:], ratios[order[0]]
    khat = np.inf
    if n_tail >= 5 and ratios[tail[0]] < ratios[tail[-1]] - _EQUAL_RATIOS:
        exceedance = np.exp(ratios[tail]) - np.exp(cutoff)
        khat, scale = _fit_generalised_pareto(exceedance)
        if np.isfinite(khat):
            p = (np.arange(n_tail) + 0.5) / n_tail
            quantile = -np.log1p(-p) * scale if abs(khat) < 1e-12 else scale * np.expm1(-khat * np.log1p(-p)) / khat
            ratios[tail] = np.minimum(np.log(quantile + np.exp(cutoff)), 0.0)
        else:  # nearly all ratios are zero beside the largest
            khat = np.inf
    elif np.ptp(ratios) < _EQUAL_RATIOS:
        khat = -np.inf
    weights = np.exp(ratios)
    return weights / weights.sum(), float(khat)


def _fit_generalised_pareto(x: Array) -> tuple[float, float]:
    """Shape k and scale of a generalised Pareto fit to sorted exceedances (Zhang & Stephens 2009), k shrunk to 1/2."""
    n = x.size
    grid = 30 + int(np.sqrt(n))
    if x[int(n / 4 + 0.5) - 1] <= 0:
        return np.inf, np.inf
    b = 1 / x[-1] + (1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))) / (3 * x[int(n / 4 + 0.5) - 1])
    k = np.log1p(-b[:, None] * x).mean(axis=1)
    profile = n * (np.log(-b / k) - k - 1)
    with np.errstate(over="ignore"):  # next to a much better point a weight is zero
        weight = 1 / np.exp(profile - profile[:, None]).sum(axis=1)
    b_mean = float((b * weight).sum() / weight.sum())
    shape = float(np.log1p(-b_mean * x).mean())
    return (n * shape + 5) / (n + 10), -shape / b_mean


def _log_mean(log_values: Array) -> float:
    top = log_values.max()
    return float(top + np.log(np.exp(log_values - top).mean()))


# Share of the trace that keeps a covariance positive definite.
_RIDGE = 1e-10


class Student:
    """A multivariate t distribution with ``PROPOSAL_DF`` degrees of freedom."""

    def __init__(self, center: Array, covariance: Array) -> None:
        self.center = center
        self.factor = np.linalg.cholesky(covariance + _RIDGE * np.trace(covariance) * np.eye(center.size))

    def draw(self, size: int, rng: np.random.Generator) -> Array:
        """Quasi-random draws (size, d)."""
        return np.asarray(self.center + student(size, self.center.size, PROPOSAL_DF, rng) @ self.factor.T)

    def log_density(self, vectors: Array) -> Array:
        """Log density of (M, d) vectors : (M,)."""
        d = self.center.size
        z = np.linalg.solve(self.factor, (vectors - self.center).T)
        norm = lgamma((PROPOSAL_DF + d) / 2) - lgamma(PROPOSAL_DF / 2) - 0.5 * d * log(PROPOSAL_DF * pi)
        norm -= float(np.log(np.diag(self.factor)).sum())
        return np.asarray(norm - 0.5 * (PROPOSAL_DF + d) * np.log1p((z**2).sum(axis=0) / PROPOSAL_DF))
