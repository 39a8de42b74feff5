"""What is the average effect on treated cells when onsets differ? Least squares on untreated cells, then imputation.

    untreated cells     y_it = a_i + l_t + x_it'b + e_it
    treated cells       tau_it = y_it - a_i - l_t - x_it'b,     ATT = mean of tau_it

the quantity that the posterior calls ATT. Two-way fixed effects weigh the same tau_it unequally, some below zero when
onsets differ, since units that are treated already serve as controls. With one onset, no gaps and no covariates
the two are one number. A treated cell counts when untreated cells identify its unit and period effects.

The estimate is linear, v'y, and is judged by the wild cluster bootstrap by unit, null imposed (``few_clusters``): the
restricted residuals are those of two-way fixed effects with a constant effect tau_0 on treated cells, and the score of
a unit is the sum of v_it e_it with e the residuals of untreated cells and tau_it - ATT in treated ones.

Source: Borusyak, Jaravel & Spiess (2024), doi:10.1093/restud/rdae007, sections 4.1 and 4.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.names import OBS, PERIOD, UNIT
from bri_bayes.design.design import RELATIVE_ZERO, Design
from bri_bayes.frequentist.estimate import Estimate
from bri_bayes.frequentist.few_clusters import ClusterScores, DenseMap, bootstrap_row
from bri_bayes.frequentist.ols import codes, group_sums, orthonormal_basis

ESTIMATOR = "imputation"
# Of a row of the regressors, what untreated cells leave unexplained when they identify it: rounding.
UNEXPLAINED = 1e-8
# Rows times dummies, of which a few dense arrays are made: 160 MB each.
MOST_NUMBERS = 20_000_000


@dataclass(frozen=True, eq=False)
class Imputation:
    """``estimate`` : ATT; ``effects`` : (cell,) of the treated cells that count, ``rows`` : (cell,) their rows;
    ``n_treated`` : treated cells, imputed or not; ``weights`` : (obs,) v, zero for cells that are not imputed."""

    estimate: float
    effects: Array
    rows: Index
    n_treated: int
    weights: Array


def impute(design: Design) -> Imputation:
    """Effects of treated cells from untreated ones; an ``estimate`` of NaN when none can be imputed."""
    treated, y = design["treated"].to_numpy(), design["y"].to_numpy()
    regressors = _regressors(design)
    inverse = np.linalg.pinv(regressors[~treated], rcond=RELATIVE_ZERO)
    known = _identified(regressors, regressors[~treated], inverse)
    rows = np.flatnonzero(treated & known)
    if not rows.size:
        return Imputation(math.nan, np.zeros(0), rows, int(treated.sum()), np.zeros(y.size))
    effects = y[rows] - regressors[rows] @ (inverse @ y[~treated])
    weights = np.zeros(y.size)
    weights[rows] = 1 / rows.size
    weights[~treated] = -regressors[rows].mean(axis=0) @ inverse
    return Imputation(float(effects.mean()), effects, rows, int(treated.sum()), weights)


def impute_from_last(design: Design, n_periods: int) -> Imputation:
    """The same with the ``n_periods`` before the onset of each unit as its whole baseline; controls keep all rows."""
    earlier = design["event_time"].to_numpy() < -n_periods  # False for never-treated units, whose event time is NaN
    return impute(design.isel({OBS: np.flatnonzero(~earlier)}))


def fits_in_memory(design: Design) -> bool:
    """Whether the dummies of its units and periods may be made."""
    return design.sizes[OBS] * (design.sizes[UNIT] + design.sizes[PERIOD]) <= MOST_NUMBERS


def imputation_estimate(design: Design, draws: int = 9999, seed: int = 0) -> Estimate:
    """The row: the ATT by imputation with the wild cluster bootstrap."""
    first = design["first_treated"].to_numpy()
    ever_treated = int(np.isfinite(first).sum())
    if not fits_in_memory(design):
        row = bootstrap_row(ESTIMATOR, math.nan, None, ever_treated, design.sizes[UNIT], draws, seed)
        return row.with_note("not computed: its dummies of so many units would not fit into the memory of a machine")
    result = impute(design)
    scores = _scores(design, result) if result.rows.size else None
    row = bootstrap_row(ESTIMATOR, result.estimate, scores, ever_treated, design.sizes[UNIT], draws, seed)
    lost = result.n_treated - result.rows.size
    if not lost:
        return row
    note = f"{lost} of {result.n_treated} treated cells have no untreated ones to impute from and do not count"
    return row.with_note(note)


def _scores(design: Design, result: Imputation) -> ClusterScores:
    """The scores of each unit when the restricted residuals of one unit alone are kept."""
    treated = design["treated"].to_numpy()
    counted = ~treated
    counted[result.rows] = True
    unit = codes(design["unit_ix"].to_numpy()[counted])
    regressors, treated = _regressors(design)[counted], treated[counted]
    v, y, column = result.weights[counted], design["y"].to_numpy()[counted], treated.astype(float)
    basis, n_units = orthonormal_basis(regressors), int(unit.max()) + 1
    inverse = np.linalg.pinv(regressors[~treated], rcond=RELATIVE_ZERO)

    def matrix(residuals: Array) -> Array:
        kept = residuals[:, None] * np.eye(n_units)[unit]
        residual = kept - regressors @ (inverse @ kept[~treated]) - np.outer(column, v @ kept)
        return group_sums(v[:, None] * residual, unit)

    u, d = (values - basis @ (basis.T @ values) for values in (y - result.estimate * column, column))
    rounding = RELATIVE_ZERO * float(np.abs(v * u).sum()), RELATIVE_ZERO * float(np.abs(v * d).sum())
    return ClusterScores(
        group_sums(v * u, unit), group_sums(v * d, unit), DenseMap(matrix(u)), DenseMap(matrix(d)), rounding
    )


def _regressors(design: Design) -> Array:
    """Dummies of units and periods and covariates in units of their scale : (obs, column)."""
    X = (design["X"].to_numpy() - design["X"].to_numpy().mean(axis=0)) / design["x_scale"].to_numpy()
    unit, period = design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()
    return np.column_stack([np.eye(design.sizes[UNIT])[unit], np.eye(design.sizes[PERIOD])[period], X])


def _identified(rows: Array, known: Array, inverse: Array) -> NDArray[np.bool_]:
    """Whether each row is a combination of the ``known`` ones : (obs,)."""
    unexplained = rows - (rows @ inverse) @ known
    return np.asarray(np.linalg.norm(unexplained, axis=1) <= UNEXPLAINED * np.linalg.norm(rows, axis=1))
