"""How are the few hyperparameters integrated? Importance sampling around the mode, with Pareto-smoothed weights.

1. Newton steps with finite differences find the mode of the log posterior on the unconstrained scale.
2. A pilot sample from a multivariate t at the mode gives the mean and covariance of the posterior.
3. The main sample comes from a t with that mean and a wider covariance, every second draw the mirror image of the
   one before; the widening bounds the weights where the posterior is skewed. It grows until it is large enough.
The Pareto shape k-hat of the largest weights says whether the answer can be trusted: below 0.7
(Vehtari, Simpson, Gelman, Yao & Gabry 2024, JMLR 25(72)).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import lgamma, log, pi

import numpy as np

from bri_bayes.core.arrays import Array

LogDensity = Callable[[Array], Array]

# Above this k-hat the importance-sampling estimate is unreliable (Vehtari et al. 2024).
KHAT_LIMIT = 0.7
# Proposals are doubled, up to sixteen times the first batch, until the effective sample size is above this.
WANTED_ESS = 500.0
# Degrees of freedom of the proposals: heavy enough for the exponential tails of a log scale.
PROPOSAL_DF = 5.0
PILOT_INFLATION = 1.5
_STEP = 1e-3
_MAX_NEWTON = 60


@dataclass(frozen=True)
class Weighted:
    """Proposals (M, d) with normalised smoothed weights (M,), the log of the normalising constant and diagnostics.

    ``log_ratios`` (M,) : log of target over proposal density, neither smoothed nor normalised.
    """

    vectors: Array
    weights: Array
    log_normaliser: float
    khat: float
    log_ratios: Array

    @property
    def ess(self) -> float:
        """Effective number of proposals, 1 / sum of squared weights."""
        return float(1.0 / (self.weights**2).sum())


def sample_by_importance(log_density: LogDensity, start: Array, proposals: int, rng: np.random.Generator) -> Weighted:
    """Weighted draws of the density whose log, up to a constant, is ``log_density`` : (M, d) -> (M,)."""
    mode, covariance = find_mode(log_density, start)
    pilot_proposal = Student(mode, PILOT_INFLATION * covariance)
    pilot = pilot_proposal.draw(max(200, proposals // 5), rng)
    weights, _ = smooth_weights(log_density(pilot) - pilot_proposal.log_density(pilot))
    center = weights @ pilot
    spread = 0.9 * (weights[:, None] * (pilot - center)).T @ (pilot - center) + 0.1 * covariance
    proposal = Student(center, (1 + 2 / start.size) * spread)
    vectors, ratios = np.empty((0, start.size)), np.empty(0)
    for batch in (proposals, proposals, 2 * proposals, 4 * proposals, 8 * proposals):
        added = proposal.draw(batch, rng)
        vectors = np.concatenate([vectors, added])
        ratios = np.concatenate([ratios, log_density(added) - proposal.log_density(added)])
        weights, khat = smooth_weights(ratios)
        if 1.0 / (weights**2).sum() > WANTED_ESS and khat < KHAT_LIMIT:
            break
    top = ratios.max()
    return Weighted(vectors, weights, float(top + np.log(np.exp(ratios - top).mean())), khat, ratios)


def sample_again(log_density: LogDensity, first: Weighted, proposals: int, rng: np.random.Generator) -> Weighted:
    """A second sample, its proposal placed by the weighted draws of the first instead of by a small pilot.

    Where the pilot missed a long tail the weights of the first sample show it, and the second is wide enough.
    """
    center = first.weights @ first.vectors
    apart = first.vectors - center
    covariance = (first.weights[:, None] * apart).T @ apart
    proposal = Student(center, (1 + 2 / center.size) * covariance)
    vectors = proposal.draw(proposals, rng)
    ratios = log_density(vectors) - proposal.log_density(vectors)
    weights, khat = smooth_weights(ratios)
    top = ratios.max()
    return Weighted(vectors, weights, float(top + np.log(np.exp(ratios - top).mean())), khat, ratios)


def find_mode(log_density: LogDensity, start: Array) -> tuple[Array, Array]:
    """Mode (d,) and inverse of the negative Hessian (d, d) there, by damped Newton steps from ``start``.

    Gradient and Hessian come from one batch of central differences; negative curvature is turned to its size, so
    each step goes uphill; the step length is the best of six tried in one batch.
    """
    at = np.array(start, dtype=float)
    lengths = np.array([1.5, 1.0, 0.5, 0.2, 0.05, 0.01])[:, None]
    for _ in range(_MAX_NEWTON):
        value, gradient, hessian = _derivatives(log_density, at)
        if not np.isfinite(hessian).all():
            break
        eigenvalues, vectors = np.linalg.eigh(-hessian)
        curvature = np.maximum(np.abs(eigenvalues), 1e-2)
        step = vectors @ ((vectors.T @ gradient) / curvature)
        step *= min(1.0, 3.0 / max(np.abs(step).max(), 1e-12))
        candidates = at + lengths * step
        found = log_density(candidates)
        best = int(np.nanargmax(np.where(np.isfinite(found), found, -np.inf)))
        if found[best] <= value + 1e-5:
            break
        at = candidates[best]
    _, _, hessian = _derivatives(log_density, at)
    if not np.isfinite(hessian).all():
        return at, np.eye(at.size)
    eigenvalues, vectors = np.linalg.eigh(-hessian)
    # A direction flatter than the prior, whose curvature is one, is not believed.
    curvature = np.maximum(np.abs(eigenvalues), 0.5)
    return at, np.asarray((vectors / curvature) @ vectors.T)


def _derivatives(log_density: LogDensity, at: Array) -> tuple[float, Array, Array]:
    """Value, gradient and Hessian by central differences, in one batch of 1 + 2 d + 2 d (d - 1) / 2 points."""
    d = at.size
    steps = _STEP * np.eye(d)
    rows, columns = np.triu_indices(d, 1)
    pairs = steps[rows] + steps[columns]
    f = log_density(at + np.concatenate([np.zeros((1, d)), steps, -steps, pairs, -pairs]))
    center, up, down = f[0], f[1 : d + 1], f[d + 1 : 2 * d + 1]
    both_up, both_down = np.split(f[2 * d + 1 :], 2)
    gradient = (up - down) / (2 * _STEP)
    hessian = np.diag(up + down - 2 * center) / _STEP**2
    mixed = both_up + both_down - up[rows] - up[columns] - down[rows] - down[columns] + 2 * center
    hessian[rows, columns] = hessian[columns, rows] = mixed / (2 * _STEP**2)
    return float(center), gradient, hessian


def smooth_weights(log_ratios: Array) -> tuple[Array, float]:
    """Normalised Pareto-smoothed importance weights and k-hat (Vehtari et al. 2024, algorithm 1).

    The largest min(M / 5, 3 sqrt(M)) ratios are replaced by quantiles of a generalised Pareto distribution that is
    fitted to them, truncated at the largest raw ratio. A non-finite ratio has weight zero.
    """
    ratios = np.where(np.isfinite(log_ratios), log_ratios, -np.inf)
    ratios = ratios - ratios.max()
    n = ratios.size
    n_tail = int(min(n / 5, 3 * np.sqrt(n)))
    order = np.argsort(ratios, kind="stable")
    tail = order[n - n_tail :]
    cutoff = ratios[order[n - n_tail - 1]]
    khat = np.inf
    if n_tail >= 5 and ratios[tail[0]] < ratios[tail[-1]] - 1e-10:
        exceedance = np.exp(ratios[tail]) - np.exp(cutoff)
        khat, scale = _fit_generalised_pareto(exceedance)
        if np.isfinite(khat):
            p = (np.arange(n_tail) + 0.5) / n_tail
            quantile = -np.log1p(-p) * scale if abs(khat) < 1e-12 else scale * np.expm1(-khat * np.log1p(-p)) / khat
            ratios[tail] = np.minimum(np.log(quantile + np.exp(cutoff)), 0.0)
    elif np.ptp(ratios) < 1e-10:
        khat = -np.inf
    weights = np.exp(ratios)
    return weights / weights.sum(), float(khat)


def _fit_generalised_pareto(x: Array) -> tuple[float, float]:
    """Shape k and scale of a generalised Pareto fit to sorted exceedances (Zhang & Stephens 2009), k shrunk to 1/2."""
    n = x.size
    grid = 30 + int(np.sqrt(n))
    b = 1 / x[-1] + (1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))) / (3 * x[int(n / 4 + 0.5) - 1])
    k = np.log1p(-b[:, None] * x).mean(axis=1)
    profile = n * (np.log(-b / k) - k - 1)
    weight = 1 / np.exp(profile - profile[:, None]).sum(axis=1)
    b_mean = float((b * weight).sum() / weight.sum())
    shape = float(np.log1p(-b_mean * x).mean())
    return (n * shape + 5) / (n + 10), -shape / b_mean


class Student:
    """A multivariate t distribution with ``PROPOSAL_DF`` degrees of freedom."""

    def __init__(self, center: Array, covariance: Array) -> None:
        self.center = center
        self.factor = np.linalg.cholesky(covariance + 1e-10 * np.trace(covariance) * np.eye(center.size))

    def draw(self, size: int, rng: np.random.Generator) -> Array:
        """Draws (size, d), every second one the mirror image of the one before."""
        half = (size + 1) // 2
        z = rng.standard_normal((half, self.center.size))
        z *= np.sqrt(PROPOSAL_DF / rng.chisquare(PROPOSAL_DF, (half, 1)))
        mirrored = np.stack([z, -z], axis=1).reshape(-1, self.center.size)[:size]
        return np.asarray(self.center + mirrored @ self.factor.T)

    def log_density(self, vectors: Array) -> Array:
        """Log density of (M, d) vectors : (M,)."""
        d = self.center.size
        z = np.linalg.solve(self.factor, (vectors - self.center).T)
        norm = lgamma((PROPOSAL_DF + d) / 2) - lgamma(PROPOSAL_DF / 2) - 0.5 * d * log(PROPOSAL_DF * pi)
        norm -= float(np.log(np.diag(self.factor)).sum())
        return np.asarray(norm - 0.5 * (PROPOSAL_DF + d) * np.log1p((z**2).sum(axis=0) / PROPOSAL_DF))
