"""What would the missing cells be, by the two rules of the paper? Filled cells are flagged, and nothing else changes.

``linear`` : on the line between the last cell before and the first cell after a gap of the same unit; a gap at an
end of the series stays. ``moving_average`` : the mean of what was observed among the years t - 1 and t + 1 of the
same unit, so a gap of one year is filled, and of a longer one its ends. Both on the scale of the analysis (logs).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.panel import Panel

Imputation = Literal["none", "linear", "moving_average"]
IMPUTATIONS: tuple[Imputation, ...] = ("none", "linear", "moving_average")


def imputed(panel: Panel, variables: Iterable[str], method: Imputation) -> Panel:
    """The panel with missing cells of ``variables`` filled where the rule allows.

    ``attrs["imputed"]`` lists the filled cells, "UNIT PERIOD variable", and ``attrs["imputation"]`` names the rule.
    """
    if method not in IMPUTATIONS:
        raise InputError(f'there is no imputation "{method}"; {suggest(method, IMPUTATIONS)}')
    filled, flags = {}, []
    for name in variables:
        before = panel[name].transpose(UNIT, PERIOD)
        values = before.to_numpy().astype(float)
        after = _filled(values, panel[PERIOD].to_numpy().astype(float), method)
        filled[name] = before.copy(data=after)
        for unit, period in np.argwhere(np.isnan(values) & ~np.isnan(after)):
            flags.append(f"{panel[UNIT].to_numpy()[unit]} {panel[PERIOD].to_numpy()[period]} {name}")
    return panel.assign(filled).assign_attrs(imputation=method, imputed=flags)


def _filled(values: np.ndarray, periods: np.ndarray, method: Imputation) -> np.ndarray:
    out = values.copy()
    if method == "none":
        return out
    for row, series in enumerate(values):
        known = np.flatnonzero(np.isfinite(series))
        missing = np.flatnonzero(~np.isfinite(series))
        if method == "linear" and known.size:
            inside = missing[(missing > known[0]) & (missing < known[-1])]
            out[row, inside] = np.interp(periods[inside], periods[known], series[known])
        elif method == "moving_average":
            for t in missing:
                near = series[known[np.abs(periods[known] - periods[t]) == 1]]
                if near.size:
                    out[row, t] = near.mean()
    return out
