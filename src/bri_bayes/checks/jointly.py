"""Did exports rise and imports not? The joint posterior of two average effects, a probability for each quadrant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.checks.slopes import flat
from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result, Value
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.effects import att
from bri_bayes.estimands.linear import att_effect
from bri_bayes.inference.convergence import ESS_LIMIT, RHAT_LIMIT
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.joint import fit_jointly

# Points of the density's grid in each direction, and the masses that its contours hold.
GRID, MASSES = 61, (0.5, 0.8, 0.95)
# A statement about two effects is told when its probability leaves this or less to all others.
TOLD = 0.95


@dataclass(frozen=True)
class Density(Result):
    """A kernel density on a grid, as a share of its top, and the levels whose contours hold ``masses`` of it."""

    x: Sequence[float]
    y: Sequence[float]
    height: Sequence[Sequence[float]]
    levels: Sequence[float]
    masses: Sequence[float]


@dataclass(frozen=True)
class JointResult(Result):
    """Two effects together. ``quadrants`` : probabilities of which of them is above zero."""

    outcomes: Sequence[str]
    rows: int
    att: Sequence[Effect]
    error_correlation: Effect
    effect_correlation: float
    quadrants: Mapping[str, float]
    p_first_larger: float
    difference: Effect
    density: Density
    log_marginal: float
    diagnostics: Mapping[str, Value]
    trustworthy: bool


def joint_values(first: Analysis, second: Analysis, seed: int) -> JointResult:
    """Quadrants, density, correlation and the two effects of a joint fit, in the order given."""
    joint = fit_jointly(first, second, seed=seed)
    x, y = (flat(att(each)) for each in joint.fits)
    known = joint.diagnostics
    trusted = known["rhat"] < RHAT_LIMIT and known["ess"] > ESS_LIMIT and known["khat"] < KHAT_LIMIT
    return JointResult(
        outcomes=[str(first.card.outcome), str(second.card.outcome)],
        rows=int(joint.fits[0].design.sizes["obs"]),
        att=[att_effect(each) for each in joint.fits],
        error_correlation=Effect.of_draws(flat(joint.correlation)),
        effect_correlation=float(np.corrcoef(x, y)[0, 1]),
        quadrants=quadrants(x, y),
        p_first_larger=float((x > y).mean()),
        difference=Effect.of_draws(x - y),
        density=density(x, y),
        log_marginal=joint.log_marginal,
        diagnostics=dict(known),
        trustworthy=bool(trusted),
    )


def quadrants(x: Array, y: Array) -> dict[str, float]:
    """Probabilities that the first and the second effect are above zero or not; they add up to one."""
    up, also = x > 0, y > 0
    return {
        "both_up": float((up & also).mean()),
        "first_up_second_not": float((up & ~also).mean()),
        "second_up_first_not": float((~up & also).mean()),
        "neither_up": float((~up & ~also).mean()),
    }


def density(x: Array, y: Array) -> Density:
    """A kernel density on a grid, and the levels whose contours hold ``MASSES`` of it.

    Gaussian kernel with the covariance of the draws times Scott's factor n^(-1/6) squared (Scott 1992, section 6.3).
    """
    points = np.stack([x, y])
    covariance = np.cov(points) * x.size ** (-1 / 3)
    whiten = np.linalg.inv(np.linalg.cholesky(covariance))
    edges = [np.quantile(v, [0.001, 0.999]) for v in (x, y)]
    spans = [
        np.linspace(min(low, 0.0) - 0.05 * (high - low), max(high, 0.0) + 0.05 * (high - low), GRID)
        for low, high in edges
    ]
    nodes = whiten @ np.stack([grid.ravel() for grid in np.meshgrid(*spans)])
    draws = whiten @ points
    squares = ((nodes[:, :, None] - draws[:, None, :]) ** 2).sum(axis=0)
    height = np.exp(-0.5 * squares).mean(axis=1).reshape(GRID, GRID)
    ordered = np.sort(height.ravel())[::-1]
    mass = np.cumsum(ordered) / ordered.sum()
    levels = [float(ordered[np.searchsorted(mass, share)]) for share in MASSES]
    top = float(height.max())
    return Density(
        x=spans[0].tolist(),
        y=spans[1].tolist(),
        height=np.round(height / top, 5).tolist(),
        levels=[level / top for level in levels],
        masses=list(MASSES),
    )
