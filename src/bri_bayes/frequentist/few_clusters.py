"""What is left of a two-way fixed-effects result when there are only a few units?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
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
    fit = fit_twfe(design)
    n_clusters = int(fit.unit_ix.max()) + 1
    enumerated = n_clusters <= ENUMERATED_CLUSTERS
    n_vectors = 2**n_clusters if enumerated else draws + 1
    scores, notes = _cluster_scores(fit), _few_note(fit)
    lower: float | None
    upper: float | None
    if scores is None:
        p_value = lower = upper = math.nan
        notes.append("the cluster-robust t statistic does not exist")
    else:
        signs = _all_signs(n_clusters) if enumerated else _random_signs(n_clusters, draws, seed)
        statistics = _bootstrap_statistics(scores, signs)
        p_value = float(statistics.share(np.array([-fit.estimate]))[0])
        lower = _interval_end(statistics, scores, fit.estimate, side=-1)
        upper = _interval_end(statistics, scores, fit.estimate, side=1)
        if None in (lower, upper):
            notes.append("no value on the open side of the interval is rejected")
    return Estimate(
        estimator="twfe",
        inference="wild_cluster_bootstrap",
        estimate=fit.estimate,
        se=None,
        p_value=p_value,
        lower=lower,
        upper=upper,
        n_assignments=n_vectors,
        note="; ".join(notes) or None,
    )


def _few_note(fit: TwoWayFit) -> list[str]:
    """With one or two treated or control units the test can hardly reject (null imposed), whatever the effect."""
    n_units = int(fit.unit_ix.max()) + 1
    counts = {"treated": fit.n_treated_units, "control": n_units - fit.n_treated_units}
    return [
        f"{count} {group} unit{'s' if count > 1 else ''}: the bootstrap has hardly any power, its p-value says little "
        "(MacKinnon & Webb 2017)"
        for group, count in counts.items()
        if count in FEW
    ]


@dataclass(frozen=True, eq=False)
class _ClusterScores:
    """What the bootstrap needs of the data. The residuals of tau_0 = estimate - z are u + z d, with d = M D.

    ``move_u``, ``move_d`` : (cluster,) sums of d u and of d d over the rows of each cluster;
    ``load_u``, ``load_d`` : (cluster, rank) sums of Q u and of Q d, Q the basis of period effects and covariates: with
    signs v the score of cluster g is v_g move_g - (sum_h v_h load_u_h)'load_d_g, less what the estimate moves;
    ``rounding`` : scores this small are zero.
    """

    move_u: Array
    move_d: Array
    load_u: Array
    load_d: Array
    rounding: float

    @property
    def se(self) -> float:
        """The CRV1 standard error without its small-sample factor."""
        return float(np.linalg.norm(self.move_u) / self.move_d.sum())


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


def _cluster_scores(fit: TwoWayFit) -> _ClusterScores | None:
    """None when the observed t statistic does not exist: no residual, or scores that are zero."""
    unit_ix, u, basis = fit.unit_ix, fit.least_squares.residuals, fit.basis
    d = fit.partialled_out(fit.least_squares.X[:, :1])[:, 0]
    rounding = RELATIVE_ZERO * float(np.abs(d * u).sum())
    scores = _ClusterScores(
        move_u=group_sums(d * u, unit_ix),
        move_d=group_sums(d * d, unit_ix),
        load_u=group_sums(basis * u[:, None], unit_ix),
        load_d=group_sums(basis * d[:, None], unit_ix),
        rounding=rounding,
    )
    absent = fit.least_squares.is_exact or np.linalg.norm(scores.move_u) <= rounding
    return None if absent else scores


def _bootstrap_statistics(scores: _ClusterScores, signs: Iterator[Array]) -> _BootstrapStatistics:
    total = float(scores.move_d.sum())
    parts = []
    for block in signs:
        a, b = block @ scores.move_u / total, block @ scores.move_d / total
        S = block * scores.move_u - (block @ scores.load_u) @ scores.load_d.T - np.outer(a, scores.move_d)
        R = block * scores.move_d - (block @ scores.load_d) @ scores.load_d.T - np.outer(b, scores.move_d)
        S[np.linalg.norm(S, axis=1) <= scores.rounding] = 0.0
        R[np.linalg.norm(R, axis=1) <= RELATIVE_ZERO * total] = 0.0
        parts.append([a, b, (S * S).sum(axis=1), (S * R).sum(axis=1), (R * R).sum(axis=1)])
    a, b, ss, sr, rr = (np.concatenate(part) for part in zip(*parts, strict=True))
    return _BootstrapStatistics(a, b, ss, sr, rr, observed_ss=float(scores.move_u @ scores.move_u))


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


def _interval_end(statistics: _BootstrapStatistics, scores: _ClusterScores, estimate: float, side: int) -> float | None:
    grid = side * scores.se * SEARCH_GRID
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
