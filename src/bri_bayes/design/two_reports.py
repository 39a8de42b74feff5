"""Which rows do two reports of one flow have? Cells that either side reports, and a row for each report of a cell."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.design import Design, build_design
from bri_bayes.study.model_card import ModelCard

LATENT = "flow"


@dataclass(frozen=True, eq=False)
class Stacked:
    """``design`` of the cells that either side reports; ``values`` : (obs, 2) the reports, NaN where there is none.

    ``cell`` and ``report`` : (rows,) what each row of the stacked model is, by unit, report and period.
    """

    design: Design
    values: Array
    cell: Index
    report: Index


def stacked(panel: xr.Dataset, assignment: Assignment, card: ModelCard, names: tuple[str, str]) -> Stacked:
    """The rows of two outcomes of ``panel`` as reports of one latent flow, for ``card`` (its outcome does not matter).

    Raises InputError for errors that are neither iid nor AR(1), and where no cell has both reports.
    """
    if card.errors.structure not in ("iid", "ar1") or card.errors.scale != "common" or card.shocks.process != "none":
        raise InputError(
            f'the card "{card.name}" has errors {card.errors.structure}: two reports need iid or ar1 errors with '
            "a common scale and no shared shocks, since what is not the flow is each report's noise"
        )
    first, second = (panel[name] for name in names)
    gap = float((second - first).mean())
    if not np.isfinite(gap):
        raise InputError(f'no unit and period has both "{names[0]}" and "{names[1]}": there is nothing to compare')
    together = first.where(np.isfinite(first), second - gap).assign_attrs(first.attrs)
    design = build_design(panel.assign({LATENT: together}), assignment, dataclasses.replace(card, outcome=LATENT))
    at = {"unit": design["unit"].to_numpy(), "period": design["period"].to_numpy()}
    cells = design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()
    values = np.column_stack([panel[name].sel(at).transpose("unit", "period").to_numpy()[cells] for name in names])
    cell, report = np.nonzero(np.isfinite(values))
    order = np.lexsort((cell, report, cells[0][cell]))
    return Stacked(design, values, cell[order], report[order])
