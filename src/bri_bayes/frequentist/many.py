"""What do the usual tests say of many outcomes on one design? For simulation studies.

Least squares is linear: with M the residuals of unit effects, period effects and covariates, d = M D the treatment and
d_j = M D_j that of another assignment, all estimates of all outcomes are products of matrices,

    tau = d'y / d'd,    tau_j = d_j'y / d_j'd_j,    residuals = M y - d tau

and an effect that is added to the treated cells, y + delta D, moves tau by delta, tau_j by delta d_j'd / d_j'd_j, and
leaves residuals, standard errors and lengths of intervals as they are. So errors are simulated once for all effects.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.design.design import RELATIVE_ZERO, Design
from bri_bayes.frequentist.estimate import SIGNIFICANCE
from bri_bayes.frequentist.ols import group_sums, orthonormal_basis
from bri_bayes.frequentist.resampling import ASSIGNMENT, TIE, inverted_interval, permutation
from bri_bayes.frequentist.twfe import TwoWayFit, fit_twfe

TWFE_IID, TWFE_PUBLISHED, TWFE_CLUSTER = "twfe/iid", "twfe/published", "twfe/cluster"
COLLAPSED_T, TWFE_PERMUTATION = "collapsed/t", "twfe/permutation"


@dataclass(frozen=True, eq=False)
class Answers:
    """What one test says of each outcome, all (outcome,).

    ``estimate`` and ``length`` of the 95% interval in units of the outcome (infinite when it has an open end);
    ``rejects`` : no effect, at the 5% level; ``covers`` : whether the true effect is accepted.
    """

    estimate: Array
    length: Array
    rejects: NDArray[np.bool_]
    covers: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LinearTests:
    """The tests of outcomes without effect, from which those of any effect follow.

    ``halves`` : test -> estimate and half of the interval, both (outcome,); ``placebos`` : (outcome, assignment)
    estimates, the observed assignment first; ``slopes`` : (assignment,) their change for an effect of one;
    ``lengths`` : (outcome,) of the permutation intervals.
    """

    halves: Mapping[str, tuple[Array, Array]]
    placebos: Array
    slopes: Array
    lengths: Array

    def answers(self, effect: float) -> dict[str, Answers]:
        """The answers of each test when ``effect`` is added to all treated cells."""
        found = {
            name: Answers(estimate + effect, 2 * half, np.abs(estimate + effect) > half, np.abs(estimate) <= half)
            for name, (estimate, half) in self.halves.items()
        }
        moved = self.placebos + effect * self.slopes
        accepted = _p_values(self.placebos) > SIGNIFICANCE
        rejected = _p_values(moved) <= SIGNIFICANCE
        return found | {TWFE_PERMUTATION: Answers(moved[:, 0], self.lengths, rejected, accepted)}


def linear_tests(design: Design, outcomes: Array, *, published_se: float | None = None) -> LinearTests:
    """Every test of ``outcomes`` : (outcome, obs), on the rows, the assignment and the covariates of ``design``.

    twfe/iid, with t(n - rank); twfe/cluster, CRV1 with t(G - 1); collapsed/t, absent when onsets differ;
    twfe/permutation, over all assignments up to 10,000 (``resampling.permutation``); and, with a ``published_se``,
    twfe/published: an estimate beyond 1.96 of these standard errors, whatever the outcome says.
    """
    fit = fit_twfe(design)
    left = _residuals(fit, outcomes.T)
    treated = _residuals(fit, fit.least_squares.X[:, :1])[:, 0]
    size = treated @ treated
    estimate = treated @ left / size
    residuals = left - treated[:, None] * estimate
    df = fit.least_squares.df_residual
    iid_se = np.sqrt((residuals**2).sum(axis=0) / df / size)
    halves = {TWFE_IID: (estimate, _quantile(df) * iid_se)}
    if published_se is not None:
        halves[TWFE_PUBLISHED] = (estimate, np.full_like(estimate, ndtri(1 - SIGNIFICANCE / 2) * published_se))
    halves[TWFE_CLUSTER] = (estimate, _cluster_half(fit, treated, residuals))
    if (collapsed := _collapsed(design, outcomes)) is not None:
        halves[COLLAPSED_T] = collapsed
    placebos, slopes = _placebos(design, fit, left, treated)
    ends = [inverted_interval(row, slopes) for row in placebos]
    lengths = [math.inf if lower is None or upper is None else upper - lower for lower, upper in ends]
    return LinearTests(halves, placebos, slopes, np.array(lengths))


def _residuals(fit: TwoWayFit, values: Array) -> Array:
    """M times the columns of ``values`` (obs, m)."""
    left = fit.least_squares.absorber.residuals(values)
    covariates = fit.least_squares.columns[:, 1:]
    if not covariates.shape[1]:
        return left
    basis = orthonormal_basis(covariates)
    return np.asarray(left - basis @ (basis.T @ left))


def _quantile(df: int) -> float:
    return float(stdtrit(df, 1 - SIGNIFICANCE / 2))


def _cluster_half(fit: TwoWayFit, treated: Array, residuals: Array) -> Array:
    """Half of the CRV1 interval of each outcome, with the small-sample factor of ``variance.crv1``."""
    n_rows, n_units = treated.size, int(fit.unit_ix.max()) + 1
    scores = group_sums(treated[:, None] * residuals, fit.unit_ix)
    spent = fit.least_squares.rank - n_units + 1  # unit effects are nested in the clusters
    factor = n_units / (n_units - 1) * (n_rows - 1) / (n_rows - spent)
    se = np.sqrt(factor * (scores**2).sum(axis=0)) / (treated @ treated)
    return np.asarray(_quantile(n_units - 1) * se)


def _collapsed(design: Design, outcomes: Array) -> tuple[Array, Array] | None:
    """Estimate and half of the interval of ``few_clusters.collapsed_t``."""
    first, unit_ix = design["first_treated"].to_numpy(), design["unit_ix"].to_numpy()
    onsets = np.unique(first[np.isfinite(first)])
    after = design[PERIOD].to_numpy()[design["period_ix"].to_numpy()] >= onsets[0]
    counts = [np.bincount(unit_ix[rows], minlength=first.size) for rows in (after, ~after)]
    seen = (counts[0] > 0) & (counts[1] > 0)
    group = np.isfinite(first)[seen]
    n_treated, n_controls = int(group.sum()), int((~group).sum())
    df = n_treated + n_controls - 2
    if onsets.size > 1 or not (n_treated and n_controls) or df < 1:
        return None
    sign = np.where(after, 1 / np.maximum(counts[0], 1)[unit_ix], -1 / np.maximum(counts[1], 1)[unit_ix])
    changes = group_sums(sign[:, None] * outcomes.T, unit_ix)[seen]
    means = changes[group].mean(axis=0), changes[~group].mean(axis=0)
    deviations = changes - np.where(group[:, None], *means)
    se = np.sqrt((deviations**2).sum(axis=0) * (1 / n_treated + 1 / n_controls) / df)
    return means[0] - means[1], _quantile(df) * se


def _placebos(design: Design, fit: TwoWayFit, left: Array, treated: Array) -> tuple[Array, Array]:
    """tau_j (outcome, assignment) and d_j'd / d_j'd_j (assignment,) of every assignment that the rows identify."""
    first = permutation(design).placebos["first_treated"].transpose(ASSIGNMENT, UNIT).to_numpy()
    period = design[PERIOD].to_numpy()[design["period_ix"].to_numpy()]
    given = (period >= first[:, fit.unit_ix]).astype(float).T
    columns = _residuals(fit, given)
    size = (columns**2).sum(axis=0)
    known = size > RELATIVE_ZERO * given.sum(axis=0)
    weights = columns[:, known] / size[known]
    return left.T @ weights, treated @ weights


def _p_values(placebos: Array) -> Array:
    """The share of assignments with an estimate as large as the observed one, up to rounding : (outcome,)."""
    sizes = np.abs(placebos)
    return np.asarray((sizes >= sizes[:, :1] - TIE * sizes.max(axis=1, keepdims=True)).mean(axis=1))
