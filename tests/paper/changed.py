"""The paper with one number changed: what must follow, and what must not."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

from bri_bayes.paper import Printed, Published


def changed(paper: Published, key: tuple[int, int, str], units: int) -> Published:
    """The paper with the coefficient ``key`` (table, column, variable) moved by so many units of its last digit."""
    cell = paper.cells[key]
    value = cell.estimate.exact + units * Decimal(1).scaleb(-cell.estimate.decimals)
    estimate = Printed(f"{value:.{cell.estimate.decimals}f}")
    return dataclasses.replace(paper, cells={**paper.cells, key: dataclasses.replace(cell, estimate=estimate)})
