"""Who can be compared with whom, and when? Units whose effect the rows do not show are named and left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.panel import period_labels

# Of more names than this a sentence lists the first.
MOST_NAMED = 8


@dataclass(frozen=True)
class Comparable:
    """The part of a panel that can answer, and what a reader must know about the rest.

    ``left_out`` : unit -> why; ``not_yet_treated`` : units that serve as controls until their onset.
    """

    panel: xr.Dataset
    assignment: Assignment
    left_out: Mapping[str, str]
    not_yet_treated: tuple[str, ...]
    notes: tuple[str, ...]


def comparable(panel: xr.Dataset, assignment: Assignment, outcome: str, covariates: Sequence[str]) -> Comparable:
    """Leave out treated units without a row before, or from, their onset; end before the last onset if all are treated.

    A row is one with the outcome and every covariate. Where no unit stays untreated, the units that are treated last
    are controls, and the panel ends before their onset.
    """
    notes = list(covariate_costs(panel, outcome, covariates))
    seen = _seen(panel, [outcome, *covariates])
    if not seen.any():
        raise InputError(f'no unit and period has the outcome "{outcome}" and every covariate{blame(notes)}')
    units = [str(unit) for unit in panel[UNIT].to_numpy()]
    first = dict(assignment.first_treated)
    left_out = _left_out(panel, first, dict(zip(units, seen, strict=True)))
    for reason in dict.fromkeys(left_out.values()):
        names = [unit for unit, why in left_out.items() if why == reason]
        notes.append(f"Left out, {reason}: {listed(names)}.")
    kept = assignment.drop(left_out)
    rows = {unit: row for unit, row in zip(units, seen, strict=True) if unit in kept.first_treated}
    not_yet: tuple[str, ...] = ()
    if not any(rows[unit].any() for unit in kept.never_treated):
        panel, kept, not_yet, note = _until_the_last(panel, kept, rows, notes)
        notes.append(note)
        gone = _left_out(panel, dict(kept.first_treated), dict(zip(units, _seen(panel, [outcome]), strict=True)))
        kept = kept.drop(gone)
        left_out |= gone
    empty = [unit for unit in kept.never_treated if not rows[unit].any()]
    if empty:
        notes.append(f"Left out, untreated and without a row: {listed(empty)}.")
        kept = kept.drop(empty)
    if not kept.treated_units:
        why = "; ".join(f"{unit}: {reason}" for unit, reason in list(left_out.items())[:3])
        raise InputError(
            f'no treated unit has the outcome "{outcome}" both before and after its onset ({why}){blame(notes)}'
        )
    if len(kept.onsets) > 1:
        notes.append(staggered_note(panel, kept))
    return Comparable(panel, kept, left_out, not_yet, tuple(notes))


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: the first of many, and how many more."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def blame(notes: Sequence[str]) -> str:
    """The rows that covariates cost, as the end of a message about rows that do not suffice."""
    missing = [note.rstrip(".") for note in notes if note.startswith("The variable")]
    return f". {'. '.join(missing)}" if missing else ""


def _seen(panel: xr.Dataset, names: Sequence[str]) -> NDArray[np.bool_]:
    """(unit, period) : whether every variable has a value."""
    seen = np.ones((panel.sizes[UNIT], panel.sizes[PERIOD]), dtype=bool)
    for name in names:
        seen &= np.isfinite(panel[name].transpose(UNIT, PERIOD).to_numpy())
    return seen


def covariate_costs(panel: xr.Dataset, outcome: str, covariates: Sequence[str]) -> list[str]:
    """What each covariate costs: rows that have the outcome and not the covariate."""
    has_outcome = _seen(panel, [outcome])
    notes = []
    for name in covariates:
        lost = has_outcome & ~_seen(panel, [name])
        if lost.any():
            whole = [
                str(unit)
                for unit, row, of in zip(panel[UNIT].to_numpy(), lost, has_outcome, strict=True)
                if of.any() and row.sum() == of.sum()
            ]
            units = f", among them every row of {listed(whole)}" if whole else ""
            notes.append(
                f'The variable "{name}" is missing in {int(lost.sum()):,} of {int(has_outcome.sum()):,} rows (a unit '
                f"in a period each) that have the outcome{units}: they are left out."
            )
    return notes


def _left_out(
    panel: xr.Dataset, first: Mapping[str, int | None], rows: Mapping[str, NDArray[np.bool_]]
) -> dict[str, str]:
    periods = panel[PERIOD].to_numpy()
    labels = period_labels(panel)
    reasons = {}
    for unit, onset in first.items():
        if onset is None:
            continue
        when = periods[rows[unit]]
        if onset <= periods[0]:
            reasons[unit] = f"treated from the first period ({labels[int(periods[0])]}) on"
        elif not when.size:
            reasons[unit] = "treated and without a row"
        elif when[0] >= onset:
            reasons[unit] = "treated and without a row before its onset, so that it has no before"
        elif when[-1] < onset:
            reasons[unit] = "treated and without a row from its onset on, so that it has no after"
    return reasons


def _until_the_last(
    panel: xr.Dataset, kept: Assignment, rows: Mapping[str, NDArray[np.bool_]], notes: Sequence[str]
) -> tuple[xr.Dataset, Assignment, tuple[str, ...], str]:
    """The panel before the last onset, with the units of that onset as controls."""
    labels = period_labels(panel)
    if kept.never_treated:
        names = listed(list(kept.never_treated))
        raise InputError(
            f"no never-treated unit has a row with the outcome and every covariate ({names}): there are no controls to "
            f"compare with{blame(notes)}"
        )
    onsets = [onset for onset in kept.onsets if any(rows[u].any() for u in kept.treated_units)]
    if len(onsets) < 2:
        when = f" from {labels.get(onsets[0], onsets[0])} on" if onsets else ""
        raise InputError(
            f"every unit that has rows is treated{when}, so that there are no controls to compare with in any period: "
            "add units that are never treated, or treated later"
        )
    last = onsets[-1]
    late = tuple(unit for unit, onset in kept.first_treated.items() if onset == last)
    periods = panel[PERIOD].to_numpy()
    before = panel.sel({PERIOD: periods[periods < last]})
    first = {unit: None if unit in late else onset for unit, onset in kept.first_treated.items()}
    end = labels[int(before[PERIOD].to_numpy()[-1])]
    note = (
        f"Every unit is treated in the end: those treated last (from {labels.get(last, str(last))} on: {listed(late)}) "
        f"are the controls of the others, and the panel ends with {end}, before their onset."
    )
    return before, Assignment(first), late, note


def staggered_note(panel: xr.Dataset, kept: Assignment) -> str:
    """Why the posterior and two-way fixed effects answer two questions where onsets differ."""
    labels = period_labels(panel)
    when = listed([labels.get(onset, str(onset)) for onset in kept.onsets])
    return (
        f"Onsets differ ({when}). The posterior's ATT averages the effects over all treated cells. TWFE does not: it "
        "also takes units that are already treated as controls of later ones, with weights that can be negative where "
        "effects change over time (Goodman-Bacon 2021). The two numbers are different quantities."
    )
