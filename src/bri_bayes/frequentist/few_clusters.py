"""What is left of a two-way fixed-effects result when there are only a few units?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import UNIT
from bri_bayes.design.design import RELATIVE_ZERO, Design
from bri_bayes.frequentist.estimate import SIGNIFICANCE, Estimate
from bri_bayes.frequentist.ols import group_sums
from bri_bayes.frequentist.twfe import TwoWayFit, fit_twfe

# All sign vectors up to this many clusters: 2^12 = 4,096.
ENUMERATED_CLUSTERS = 12
# So few treated (or control) units make the restricted bootstrap under-reject: MacKinnon & Webb (2017),
# doi:10.1002/jae.2508.
FEW = (1, 2)
# Squared bootstrap t statistics this close (relative) to the observed one are ties: only rounding differs.
TIE = 1e-9
# The interval is searched to this many standard errors; what is accepted there counts as accepted everywhere.
FAR = 1e6
# Offsets from the estimate in standard errors; the end of the interval is bisected between two of them.
SEARCH_GRID = np.geomspace(1e-4, FAR, 121)
# Halvings of a bracket that is 20% wide: as fine as double precision.
BISECTIONS = 50
# Numbers held at once in one array: 16 megabytes.
BLOCK_NUMBERS = 2_000_000
# Of so many clusters scores are no matrix any more, and of so many a thousand sign vectors are enough: the test is
# that of its asymptotic theory.
MANY_CLUSTERS, VERY_MANY, FEWER_DRAWS = 200, 5000, 999


def wild_cluster_bootstrap(design: Design, draws: int = 9999, seed: int = 0) -> Estimate:
    """The wild cluster bootstrap t test by unit: null hypothesis imposed (WCR), Rademacher signs.

    With u = M (y - tau_0 D) the restricted residuals and v_g = +-1 one sign a cluster,

        y* = y - u + v_g u,    t* = (tau* - tau_0) / se*,    p(tau_0) = share of sign vectors with |t*| >= |t(tau_0)|

    M takes unit effects, period effects and covariates away; t and t* use CRV1, whose small-sample factor cancels.
    Up to 12 clusters all 2^G sign vectors are compared, beyond them ``draws`` random ones and the identity. The
    identity counts in both, and equality up to rounding counts: software that counts |t*| > |t| has a p-value
    smaller by the ties, at least 2 / 2^G. The interval runs from the lowest to the highest tau_0 with p > 5%;
    an end is None when even values a million standard errors away are not rejected.
    Source: Cameron, Gelbach & Miller (2008), doi:10.1162/rest.90.3.414; Roodman et al. (2019),
    doi:10.1177/1536867X19830877.
    """
    return bootstrap_of(fit_twfe(design), design.sizes[UNIT], draws, seed)


def bootstrap_of(fit: TwoWayFit, n_units: int, draws: int = 9999, seed: int = 0) -> Estimate:
    """The same of a fit."""
    scores = None if fit.least_squares.is_exact else _twfe_scores(fit)
    return bootstrap_row("twfe", fit.estimate, scores, fit.n_treated_units, n_units, draws, seed)


class ScoreMap(Protocol):
    """What signs of the clusters make of their scores."""

    def of(self, signs: Array) -> Array:
        """Scores (vector, cluster) for vectors of signs (vector, cluster)."""


@dataclass(frozen=True, eq=False)
class DenseMap:
    """``matrix`` (cluster, cluster) : the scores when the sign of a column's cluster is one, the others zero."""

    matrix: Array

    def of(self, signs: Array) -> Array:
        """Scores (vector, cluster)."""
        return np.asarray(signs @ self.matrix.T)


@dataclass(frozen=True, eq=False)
class LowRankMap:
    """diag(``diagonal``) - ``first`` ``second``', without the matrix that this is."""

    diagonal: Array
    first: Array
    second: Array

    def of(self, signs: Array) -> Array:
        """Scores (vector, cluster)."""
        return np.asarray(signs * self.diagonal - (signs @ self.second) @ self.first.T)


@dataclass(frozen=True, eq=False)
class ClusterScores:
    """What the bootstrap needs of a linear estimate v'y and its cluster scores.

    With tau_0 = estimate - z the restricted residuals are u + z d.

    ``moves_u``, ``moves_d`` : (cluster,) what v makes of u and of d in the rows of each cluster; ``map_u``,
    ``map_d`` : from signs of the clusters to their scores; ``rounding`` : (of u, of d) scores this small are zero.
    """

    moves_u: Array
    moves_d: Array
    map_u: ScoreMap
    map_d: ScoreMap
    rounding: tuple[float, float]

    @property
    def observed(self) -> Array:
        """The scores of the data, all signs one : (cluster,)."""
        return np.asarray(self.map_u.of(np.ones((1, self.moves_u.size)))[0])

    @property
    def exist(self) -> bool:
        """Whether the observed t statistic exists."""
        return bool(np.linalg.norm(self.observed) > self.rounding[0])


def bootstrap_row(
    estimator: str, estimate: float, scores: ClusterScores | None, n_treated: int, n_units: int, draws: int, seed: int
) -> Estimate:
    """The row of the bootstrap of any linear estimate."""
    enumerated = n_units <= ENUMERATED_CLUSTERS
    draws = min(draws, FEWER_DRAWS) if n_units > VERY_MANY else draws
    notes = _few_notes(n_treated, n_units)
    lower: float | None
    upper: float | None
    if scores is None or not scores.exist:
        p_value = lower = upper = math.nan
        notes.append("the cluster-robust t statistic does not exist")
    else:
        signs = _all_signs(n_units) if enumerated else _random_signs(n_units, draws, seed)
        statistics = _bootstrap_statistics(scores, signs)
        p_value = float(statistics.share(np.array([-estimate]))[0])
        se = float(np.linalg.norm(scores.observed) / scores.moves_d.sum())
        lower, upper = (_interval_end(statistics, se, estimate, side) for side in (-1, 1))
        if None in (lower, upper):
            notes.append("no value on the open side of the interval is rejected")
    return Estimate(
        estimator=estimator,
        inference="wild_cluster_bootstrap",
        estimate=estimate,
        se=None,
        p_value=p_value,
        lower=lower,
        upper=upper,
        n_assignments=2**n_units if enumerated else draws + 1,
        note="; ".join(notes) or None,
    )


def _few_notes(n_treated: int, n_units: int) -> list[str]:
    """With one or two treated or control units the test can hardly reject (null imposed), whatever the effect."""
    return [
        f"{count} {group} unit{'s' if count > 1 else ''}: the bootstrap has hardly any power, its p-value says little "
        "(MacKinnon & Webb 2017)"
        for group, count in (("treated", n_treated), ("control", n_units - n_treated))
        if count in FEW
    ]


@dataclass(frozen=True, eq=False)
class _BootstrapStatistics:
    """Of each sign vector, in tau* - tau_0 = a - z b and its cluster scores S - z R: a, b, |S|^2, S'R, |R|^2."""

    a: Array
    b: Array
    ss: Array
    sr: Array
    rr: Array
    observed_ss: float

    def share(self, offsets: Array) -> Array:
        """p-values (offset,) of tau_0 = estimate + offset: the share of sign vectors with |t*| >= |t|."""
        z = offsets[:, None]
        bootstrapped = (self.a - z * self.b) ** 2 * self.observed_ss
        observed = z**2 * (self.ss - 2 * z * self.sr + z**2 * self.rr)
        return np.asarray((bootstrapped >= observed * (1 - TIE)).mean(axis=1))


def _twfe_scores(fit: TwoWayFit) -> ClusterScores:
    """With d = M D, v = d / d'd and Q the basis of period effects and covariates.

    A sign v_h moves the residuals of cluster g by v_g u - Q Q'(v_h u) and by what it moves the estimate.
    """
    unit_ix, u, basis = fit.unit_ix, fit.least_squares.residuals, fit.basis
    d = fit.partialled_out(fit.least_squares.X[:, :1])[:, 0]
    move_u, move_d = group_sums(d * u, unit_ix), group_sums(d * d, unit_ix)
    load_u, load_d = (group_sums(basis * column[:, None], unit_ix) for column in (u, d))
    total = float(move_d.sum())

    def scores(move: Array, load: Array) -> ScoreMap:
        if move.size > MANY_CLUSTERS:
            first, second = np.column_stack([load_d, move_d / total]), np.column_stack([load, move])
            return LowRankMap(move, first, second)
        return DenseMap(np.asarray(np.diag(move) - load_d @ load.T - np.outer(move_d, move) / total))

    rounding = RELATIVE_ZERO * float(np.abs(d * u).sum())
    return ClusterScores(
        move_u, move_d, scores(move_u, load_u), scores(move_d, load_d), (rounding, RELATIVE_ZERO * total)
    )


def _bootstrap_statistics(scores: ClusterScores, signs: Iterator[Array]) -> _BootstrapStatistics:
    total, parts = float(scores.moves_d.sum()), []
    for block in signs:
        S, R = scores.map_u.of(block), scores.map_d.of(block)
        S[np.linalg.norm(S, axis=1) <= scores.rounding[0]] = 0.0
        R[np.linalg.norm(R, axis=1) <= scores.rounding[1]] = 0.0
        moved = block @ scores.moves_u / total, block @ scores.moves_d / total
        parts.append([*moved, (S * S).sum(axis=1), (S * R).sum(axis=1), (R * R).sum(axis=1)])
    a, b, ss, sr, rr = (np.concatenate(part) for part in zip(*parts, strict=True))
    return _BootstrapStatistics(a, b, ss, sr, rr, observed_ss=float(scores.observed @ scores.observed))


def _all_signs(n_clusters: int) -> Iterator[Array]:
    """Every vector of signs, (2^G, G), the identity first."""
    bits = (np.arange(2**n_clusters)[:, None] >> np.arange(n_clusters)) & 1
    yield np.asarray(1 - 2 * bits, dtype=float)


def _random_signs(n_clusters: int, draws: int, seed: int) -> Iterator[Array]:
    """The identity, then ``draws`` random vectors of signs, in blocks (rows, G)."""
    yield np.ones((1, n_clusters))
    rng = np.random.default_rng(seed)
    rows = max(1, BLOCK_NUMBERS // n_clusters)
    for start in range(0, draws, rows):
        bits = rng.integers(0, 2, size=(min(rows, draws - start), n_clusters))
        yield np.asarray(1 - 2 * bits, dtype=float)


def _interval_end(statistics: _BootstrapStatistics, se: float, estimate: float, side: int) -> float | None:
    grid = side * se * SEARCH_GRID
    accepted = statistics.share(grid) > SIGNIFICANCE
    if accepted[-1]:
        return None
    outermost = np.flatnonzero(accepted).max(initial=-1)
    inside, outside = (float(grid[outermost]) if outermost >= 0 else 0.0), float(grid[outermost + 1])
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        if statistics.share(np.array([middle]))[0] > SIGNIFICANCE:
            inside = middle
        else:
            outside = middle
    return estimate + inside
