"""What does each product category say with its zeros in, and what does it say of an onset that never was?

The hierarchical model of categories is one of logarithms: a year without trade is a hole in it. Poisson pseudo-maximum
likelihood (``frequentist.poisson``) takes the levels as they are, category by category; beside its effect stands the
share of all assignments whose effect is as large, and the same for the years before the onset alone, treated from
their middle on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import CATEGORY, PERIOD, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.design import build_design
from bri_bayes.frequentist import Estimate, ppml_rows
from bri_bayes.study.model_card import ModelCard

LEVEL = "level"
# Years on each side of a placebo onset.
LEAST_PERIODS = 2


@dataclass(frozen=True)
class CategoryLevel(Result):
    """The effect on the mean level of one category, log points; None where there is none, and ``note`` says why.

    ``rows`` and ``zeros`` : cells that are there, and those of them without trade; ``lower``, ``upper`` : by the
    cluster jackknife; ``p_value`` : by permutation. ``placebo_onset`` : the year from which nothing happened.
    """

    category: str
    rows: int
    zeros: int
    effect: float | None
    lower: float | None
    upper: float | None
    p_value: float | None
    placebo_onset: int | None
    placebo: float | None
    placebo_p_value: float | None
    note: str | None


def category_levels(panel: xr.Dataset, outcome: str, assignment: Assignment, seed: int = 0) -> list[CategoryLevel]:
    """A row for each category of ``outcome`` : (unit, period, category) levels, NaN where nothing is known."""
    ours = assignment.restrict([unit for unit in assignment.units if unit in panel[UNIT]])
    onset = min(ours.onsets)
    before = panel[PERIOD].to_numpy()[panel[PERIOD].to_numpy() < onset]
    never = int(before[before.size // 2]) if before.size >= 2 * LEAST_PERIODS else None
    rows = []
    for code in panel[CATEGORY].to_numpy():
        level = panel[outcome].sel({CATEGORY: code}, drop=True)
        cells = level.sel({UNIT: list(ours.units)}).to_numpy()
        real, note = _estimates(level, ours, seed)
        placebo: list[Estimate] = []
        if never is not None:
            early = level.sel({PERIOD: before})
            placebo, _ = _estimates(early, ours.swap(ours.treated_units, never), seed)
        rows.append(
            CategoryLevel(
                category=str(code),
                rows=int(np.isfinite(cells).sum()),
                zeros=int((cells == 0).sum()),
                effect=_of(real, "cluster_crv3", "estimate"),
                lower=_of(real, "cluster_crv3", "lower"),
                upper=_of(real, "cluster_crv3", "upper"),
                p_value=_of(real, "permutation", "p_value"),
                placebo_onset=never,
                placebo=_of(placebo, "cluster_crv3", "estimate"),
                placebo_p_value=_of(placebo, "permutation", "p_value"),
                note=note,
            )
        )
    return rows


def _estimates(level: xr.DataArray, assignment: Assignment, seed: int) -> tuple[list[Estimate], str | None]:
    """The rows of PPML, and why there are none or what they lost."""
    card = ModelCard(name="levels", title="levels", outcome=LEVEL)
    try:
        design = build_design(xr.Dataset({LEVEL: level}), assignment, card)
        rows = ppml_rows(design, design["y"].to_numpy(), seed=seed)
    except InputError as error:
        return [], str(error)
    return rows, rows[0].note if rows else None


def _of(rows: list[Estimate], inference: str, name: str) -> float | None:
    value = next((getattr(row, name) for row in rows if row.inference == inference), None)
    return None if value is None or not np.isfinite(value) else float(value)
