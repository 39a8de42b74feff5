"""From when on is each unit treated? Names and an onset, a column of treated cells, or a column of onsets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.calendar_units import EARLIEST_YEAR, Calendar
from bri_bayes.data.panel import period_labels

# What a column of onsets has for a unit that was never treated, beside a blank.
NEVER = frozenset({"", "0", "0.0", "inf", "+inf", "infinity", "na", "nan", "never", "none", "null", ".", ".."})


def onset_period(panel: xr.Dataset, text: str, *, where: str) -> int:
    """The ordinal of an onset as a person, or the file, writes it: after the first period, and not after the last."""
    calendar: Calendar = panel.attrs["calendar"]
    onset = calendar.ordinal(text)
    labels = period_labels(panel)
    if onset is None:
        first = next(iter(labels.values()))
        raise InputError(f'{where} "{text}" is no period as this file writes them ("{first}")')
    periods = panel[PERIOD].to_numpy()
    if not periods[0] < onset <= periods[-1]:
        first, last = labels[int(periods[0])], labels[int(periods[-1])]
        raise InputError(f"{where} {text} is outside the panel: it must be after {first} and not after {last}")
    return onset


def onsets_by_name(panel: xr.Dataset, treated: Sequence[str], onset: str) -> Assignment:
    """The units ``treated`` are treated from ``onset`` on, all others never."""
    units = [str(unit) for unit in panel[UNIT].to_numpy()]
    for unit in treated:
        if unit not in units:
            raise InputError(f'the treated unit "{unit}" is not in the panel; {suggest(unit, units)}')
    return Assignment(dict.fromkeys(units)).swap(treated, onset_period(panel, onset, where="--onset"))


def onsets_from_cells(panel: xr.Dataset, name: str, onset: str | None) -> Assignment:
    """Onsets from a 0/1 column: of treated cells, or (with ``onset``) of ever-treated units.

    A treatment is absorbing: once on, it stays on. A unit is treated from its first period with a one.
    """
    values = panel[name].transpose(UNIT, PERIOD).to_numpy()
    periods = panel[PERIOD].to_numpy()
    first_treated: dict[str, int | None] = {}
    changes = False
    for unit, row in zip(panel[UNIT].values, values, strict=True):
        path = row[np.isfinite(row)]
        wrong = path[(path != 0) & (path != 1)]
        if wrong.size:
            raise InputError(
                f'the treatment column "{name}" has {wrong[0]:g} for "{unit}"; only 0 and 1 are allowed (a column with '
                "the first treated period is --onset-column)"
            )
        starts = periods[np.isfinite(row)][path == 1]
        changes |= bool(path.size and np.ptp(path))
        if onset is not None and path.size and np.ptp(path):
            raise InputError(f'with --onset the treatment column "{name}" must not change within "{unit}"')
        if (np.diff(path) < 0).any():
            raise InputError(f'the treatment column "{name}" goes back to 0 for "{unit}"; a treatment must stay on')
        first_treated[str(unit)] = int(starts[0]) if starts.size else None
    if not any(first is not None for first in first_treated.values()):
        raise InputError(f'the treatment column "{name}" is 0 in every row: nobody is treated')
    if onset is not None:
        start = onset_period(panel, onset, where="--onset")
        return Assignment({unit: None if first is None else start for unit, first in first_treated.items()})
    if not changes:
        raise InputError(
            f'the treatment column "{name}" never changes within a unit: it says who is treated and not from when on; '
            "give the first treated period with --onset, or a column that is 0 before it"
        )
    return Assignment(first_treated)


def onsets_from_column(panel: xr.Dataset, name: str) -> Assignment:
    """Onsets from a column with the first treated period of each unit; blank, 0 or infinite for never."""
    calendar: Calendar = panel.attrs["calendar"]
    first_treated: dict[str, int | None] = {}
    for unit, text in panel.attrs["unit_columns"][name].items():
        if text.lower() in NEVER:
            first_treated[unit] = None
            continue
        first_treated[unit] = onset = calendar.ordinal(text)
        if onset is None or (calendar.counts_years and onset < EARLIEST_YEAR):  # -1 or 99 is somebody's word for never
            first = next(iter(period_labels(panel).values()))
            raise InputError(
                f'the onset column "{name}" has "{text}" for "{unit}"; it needs a period as this file writes them '
                f'("{first}"), or a blank, 0 or Inf for never'
            )
    last = int(panel[PERIOD].to_numpy()[-1])
    first_treated = {unit: None if first is None or first > last else first for unit, first in first_treated.items()}
    if not any(first is not None for first in first_treated.values()):
        raise InputError(f'the onset column "{name}" has no onset in the periods of the panel: nobody is treated')
    return Assignment(first_treated)
