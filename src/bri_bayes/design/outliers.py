"""Does a single cell make the answer? Cells that take nearly all variation beyond unit and period effects are named."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.design.design import Design
from bri_bayes.design.fixed_effects import TwoWay

# A dummy for one cell of normal errors takes 1/rows of the sum of squares on average; this share is out of any reach.
DOMINANT_SHARE = 0.9
MOST_OUTLIERS = 3
FEWEST_ROWS = 12


@dataclass(frozen=True)
class Outlier:
    """A cell, its outcome, and the share of the variation beyond unit and period effects that it takes (0 to 1)."""

    unit: str
    period: int
    value: float
    share: float


def outliers(design: Design) -> tuple[Outlier, ...]:
    """The cells whose own dummy takes more than 90% of the sum of squares of two-way residuals, at most three.

    A dummy for row i lowers the sum of squares by r_i^2 / (1 - h_i), with r the residuals and h the leverage of unit
    and period effects (of a balanced panel: 1 - h = (1 - 1/units)(1 - 1/periods)). Several are looked for one by
    one, each without those before it.
    """
    y, unit_ix, period_ix = (design[name].to_numpy() for name in ("y", "unit_ix", "period_ix"))
    rows = np.arange(y.size)
    named: list[Outlier] = []
    while rows.size >= FEWEST_ROWS and len(named) < MOST_OUTLIERS:
        share = _shares(y[rows], unit_ix[rows], period_ix[rows])
        worst = int(np.argmax(share))
        if not share[worst] > DOMINANT_SHARE:
            break
        row = rows[worst]
        unit = str(design[UNIT].to_numpy()[unit_ix[row]])
        period = int(design[PERIOD].to_numpy()[period_ix[row]])
        named.append(Outlier(unit, period, float(y[row]), float(share[worst])))
        rows = np.delete(rows, worst)
    return tuple(named)


def _shares(y: Array, unit_ix: Index, period_ix: Index) -> Array:
    _, unit = np.unique(unit_ix, return_inverse=True)
    _, period = np.unique(period_ix, return_inverse=True)
    residual = TwoWay(unit, period).residuals(y - y.mean())
    free = (1 - 1 / np.bincount(unit)[unit]) * (1 - 1 / np.bincount(period)[period])
    total = float(residual @ residual)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(free > 0, residual**2 / np.where(free > 0, free, 1.0), 0.0) / total
    return np.where(np.isfinite(share), share, 0.0)
