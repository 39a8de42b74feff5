"""What does a long path say by the week or the month? A panel whose periods are averaged into bins.

Bins of w periods are counted from the first onset in both directions, so that none has periods before and after it.
Averages of AR(1) errors are an ARMA(1, 1) process whose first autocorrelation is above that of an AR(1) of the same
memory (bins of 3, rho 0.8: .64 between neighbours, then a factor of .51 a bin; Amemiya & Wu 1972, JASA 67(339),
doi:10.1080/01621459.1972.10481264). Noise of single periods would put it below, so no card has this process exactly:
AR(1) errors of the bins stand for it, with a rho between the two.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.names import PERIOD, PERIOD_LABEL, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.panel import period_labels


def coarser(panel: xr.Dataset, assignment: Assignment, width: int) -> tuple[xr.Dataset, Assignment]:
    """Every variable averaged over the periods of each bin that have a value; onsets are the bins in which they lie.

    A bin in which a unit's onset lies, but not at its start, is missing for that unit: it is neither before nor after,
    and its onset is the next bin. Bins are numbered; each has the label of its first period.
    """
    start = min(assignment.onsets)
    periods = panel[PERIOD].to_numpy()
    of_period = np.floor_divide(periods - start, width)
    bins, at = np.unique(of_period, return_inverse=True)
    onsets = {unit: None if first is None else -(-(first - start) // width) for unit, first in _items(assignment)}
    split = np.array([[_splits(assignment.first_treated.get(str(u)), start, width, b) for b in bins]
                      for u in panel[UNIT].to_numpy()])  # fmt: skip
    variables = {
        name: xr.Variable((UNIT, PERIOD), np.where(split, np.nan, _averages(values, at, bins.size)), variable.attrs)
        for name, variable in panel.data_vars.items()
        for values in [variable.transpose(UNIT, PERIOD).to_numpy()]
    }
    labels, first = period_labels(panel), np.unique(at, return_index=True)[1]
    coords = {name: coord for name, coord in panel.coords.items() if PERIOD not in coord.dims}
    changed = xr.Dataset(variables, coords={**coords, PERIOD: bins.astype(np.int64)}, attrs=panel.attrs)
    changed = changed.assign_coords({PERIOD_LABEL: (PERIOD, np.array([labels[int(p)] for p in periods[first]]))})
    changed[PERIOD].attrs["unit"] = f"bin of {width} {panel[PERIOD].attrs.get('unit', 'period')}s"
    return changed, Assignment(onsets)


def _items(assignment: Assignment) -> list[tuple[str, int | None]]:
    return list(assignment.first_treated.items())


def _splits(first: int | None, start: int, width: int, which: int) -> bool:
    """Whether an onset lies within a bin, but not at its start."""
    return first is not None and (first - start) // width == which and (first - start) % width != 0


def _averages(values: Array, at: Index, n_bins: int) -> Array:
    """Means over the periods of each bin that are there : (unit, bin), NaN where none is."""
    there = np.isfinite(values)
    sums, counts = np.zeros((len(values), n_bins)), np.zeros((len(values), n_bins))
    for period, which in enumerate(at):
        sums[:, which] += np.where(there[:, period], values[:, period], 0.0)
        counts[:, which] += there[:, period]
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))
