"""Which yearly series of trade by product category has the levels, shares and growth rates of Table 1?

Not observations: level and mean growth of a category are those of the table, the movement within each period is drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import PERIOD
from bri_bayes.paper.rebuild.rows import generator
from bri_bayes.paper.tables import Published

CATEGORY, TRADE = "category", "trade_10000_usd"
TOTAL = "total"
BEFORE, AFTER = "growth_2003_2012_pct", "growth_2013_2023_pct"
NAMES = {
    "aerospace": "Aerospace",
    "computers": "Computers and office machines",
    "electronics": "Electronics and communication",
    "pharmaceuticals": "Pharmaceuticals",
    "instruments": "Scientific instruments",
    "electrical": "Electrical machinery",
    "chemicals": "Chemicals",
}
# Percentage points of growth, chosen here: the crises of 2009, 2015 and 2020 and what followed, common to all
# categories, and the sd of what is their own.
CYCLE = {2009: -14.0, 2010: 6.0, 2015: -8.0, 2016: -2.0, 2020: -9.0, 2021: 9.0}
OWN_SD = 2.0
_DIGITS = 6


def categories(published: Published) -> xr.Dataset:
    """``trade_10000_usd`` : (category, period) trade of China with the five countries, both directions, 10,000 dollars.

    Growth of a year is the change over the year before in percent; its mean over 2004-2012 and over 2013-2023 is
    printed, and so is the mean of the levels over all years:

        g_ct = G_c,period + d_ct,  d of mean zero in each period;   x_ct = level_c prod_{s <= t} (1 + g_cs / 100)
    """
    first, last, onset = (int(published.statement(name).value) for name in ("first_year", "last_year", "onset"))
    years = np.arange(first, last + 1)
    names = [row for table, row, _, column in published.descriptives if table == 1 and column == BEFORE]
    late = years[1:] >= onset
    deviations = _deviations(len(names), years[1:], late)
    growth = np.empty((len(names), years.size - 1))
    levels = np.empty((len(names), 1))
    for at, name in enumerate(names):
        before, after = (published.descriptive(1, name, column).value for column in (BEFORE, AFTER))
        growth[at] = np.where(late, after, before) + deviations[at]
        levels[at] = published.descriptive(1, name, TRADE).value
    paths = np.concatenate([np.ones((len(names), 1)), np.cumprod(1 + growth / 100, axis=1)], axis=1)
    return xr.Dataset(
        {TRADE: ((CATEGORY, PERIOD), levels * paths / paths.mean(axis=1, keepdims=True))},
        coords={CATEGORY: names, PERIOD: years},
        attrs={"kind": "reconstruction", "label": "Reconstruction: trade by category, solved from Table 1"},
    )


def table_1(published: Published, series: xr.Dataset) -> list[dict[str, Any]]:
    """An entry a number of Table 1, printed and computed from the series (the total included)."""
    levels = series[TRADE].to_numpy()
    onset = int(published.statement("onset").value)
    growth = 100 * (levels[:, 1:] / levels[:, :-1] - 1)
    late = series[PERIOD].to_numpy()[1:] >= onset
    means = levels.mean(axis=1)
    columns: dict[str, Array] = {
        TRADE: means,
        "share_pct": 100 * means / means.sum(),
        BEFORE: growth[:, ~late].mean(axis=1),
        AFTER: growth[:, late].mean(axis=1),
    }
    names = [str(name) for name in series[CATEGORY].to_numpy()]
    computed = {
        (name, column): float(values[at]) for column, values in columns.items() for at, name in enumerate(names)
    }
    computed |= {(TOTAL, TRADE): float(means.sum()), (TOTAL, "share_pct"): 100.0}
    return [
        {
            "table": 1,
            "variable": row,
            "column": column,
            "published": cell.number.value,
            "decimals": cell.number.decimals,
            "reproduced": round(computed[row, column], _DIGITS),
            "agrees": cell.number.agrees(computed[row, column]),
        }
        for (table, row, _, column), cell in published.descriptives.items()
        if table == 1 and column != "sitc"
    ]


def category_values(published: Published) -> dict[str, Any]:
    """The series, the entries of Table 1 and the names of the categories, for display."""
    series = categories(published)
    return {
        "label": str(series.attrs["label"]),
        "years": series[PERIOD].to_numpy().tolist(),
        "onset": int(published.statement("onset").value),
        "names": {str(name): NAMES.get(str(name), str(name)) for name in series[CATEGORY].to_numpy()},
        "main": list(published.statement("main_categories").words),
        "levels": {
            str(name): np.round(series[TRADE].sel(category=name).to_numpy(), 2).tolist()
            for name in series[CATEGORY].to_numpy()
        },
        "table": table_1(published, series),
    }


def _deviations(count: int, years: NDArray[np.int64], late: NDArray[np.bool_]) -> Array:
    """Percentage points around the mean growth of each period : (category, year)."""
    common = np.array([CYCLE.get(int(year), 0.0) for year in years])
    values = common + OWN_SD * generator(21).normal(size=(count, years.size))
    for period in (late, ~late):
        values[:, period] -= values[:, period].mean(axis=1, keepdims=True)
    return values
