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
from bri_bayes.design.design import Design
from bri_bayes.frequentist.collapsed import unit_changes
from bri_bayes.frequentist.estimate import SIGNIFICANCE
from bri_bayes.frequentist.resampling import inverted_interval, placebos, shares_as_large
from bri_bayes.frequentist.twfe import fit_twfe
from bri_bayes.frequentist.variance import crv1_of_many

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
        answers = {
            name: Answers(estimate + effect, 2 * half, np.abs(estimate + effect) > half, np.abs(estimate) <= half)
            for name, (estimate, half) in self.halves.items()
        }
        moved = self.placebos + effect * self.slopes
        accepted = shares_as_large(self.placebos) > SIGNIFICANCE
        rejected = shares_as_large(moved) <= SIGNIFICANCE
        return answers | {TWFE_PERMUTATION: Answers(moved[:, 0], self.lengths, rejected, accepted)}


def linear_tests(design: Design, outcomes: Array, *, published_se: float | None = None) -> LinearTests:
    """Every test of ``outcomes`` : (outcome, obs), on the rows, the assignment and the covariates of ``design``.

    twfe/iid, with t(n - rank); twfe/cluster, CRV1 with t(G - 1); collapsed/t, absent when onsets differ;
    twfe/permutation, over all assignments up to 10,000 (``resampling.permutation``); and, with a ``published_se``,
    twfe/published: an estimate beyond 1.96 of these standard errors, whatever the outcome says.
    """
    fit = fit_twfe(design)
    squares = fit.least_squares
    residuals = fit.partialled_out(outcomes.T)
    treated = fit.partialled_out(squares.X[:, :1])[:, 0]
    estimate = treated @ residuals / (treated @ treated)
    residuals = residuals - treated[:, None] * estimate
    iid_se = np.sqrt((residuals**2).sum(axis=0) / squares.df_residual * squares.bread[0, 0])
    cluster_se = crv1_of_many(squares, residuals, fit.unit_ix)
    halves = {TWFE_IID: (estimate, _quantile(squares.df_residual) * iid_se)}
    if published_se is not None:
        halves[TWFE_PUBLISHED] = (estimate, np.full_like(estimate, ndtri(1 - SIGNIFICANCE / 2) * published_se))
    halves[TWFE_CLUSTER] = (estimate, _quantile(int(fit.unit_ix.max())) * cluster_se)
    changes = unit_changes(design, outcomes)
    if not isinstance(changes, str) and changes.df > 0:
        difference, se = changes.compare()
        halves[COLLAPSED_T] = (difference, _quantile(changes.df) * se)
    compared = placebos(design, fit, outcomes)
    identified = np.isfinite(compared.slopes)
    estimates, slopes = compared.estimates[:, identified], compared.slopes[identified]
    ends = [inverted_interval(row, slopes) for row in estimates]
    lengths = [math.inf if lower is None or upper is None else upper - lower for lower, upper in ends]
    return LinearTests(halves, estimates, slopes, np.array(lengths))


def _quantile(df: int) -> float:
    return float(stdtrit(df, 1 - SIGNIFICANCE / 2))
