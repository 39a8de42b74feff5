"""Which column of a reader's file is what? Said on the command line, or read off the file where it can be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bri_bayes.app.request import column_of
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import Transform
from bri_bayes.data.calendar_units import period_headers
from bri_bayes.data.comparable import listed
from bri_bayes.data.number_format import is_missing, looks_numeric
from bri_bayes.data.onsets import NEVER
from bri_bayes.data.panel import FALSE_WORDS, TRUE_WORDS, Column
from bri_bayes.data.text_encoding import AS_USUAL, TextFormat
from bri_bayes.data.text_table import Table

PERIOD_NAMES = re.compile(r"year|yr|date|period|month|quarter|week|time|t", re.IGNORECASE)
_SWITCH = dict.fromkeys(TRUE_WORDS, "1") | dict.fromkeys(FALSE_WORDS, "0")
_YEAR = re.compile(r"\d{4}([-/.Qq].*)?|\d{1,2}[-/. ]\d{1,2}[-/. ]\d{4}")
# Of more columns than this the reasons are not told one by one.
MOST_REASONS = 4
Cells = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Said:
    """What the command line says of a file; None or empty where it is to be read off."""

    unit: str | None = None
    period: str | None = None
    outcome: str | None = None
    treated: tuple[str, ...] = ()
    onset: str | None = None
    covariates: tuple[str, ...] = ()
    text_format: TextFormat = AS_USUAL
    onset_column: str | None = None
    treatment: str | None = None


NOTHING_SAID = Said()


@dataclass(frozen=True)
class Roles:
    """Which column of a panel is what; at most one of ``treatment`` and ``onset_column`` tells who was treated.

    ``transform`` : of the outcome, where one was asked for, None where it is read off the file;
    ``covariates`` : those that were asked for, by name; ``others`` : further columns of numbers without a gap;
    ``passed_over`` : a sentence for each column of numbers that could be no covariate by itself.
    """

    unit: str
    period: str
    outcome: str
    treatment: str | None
    onset_column: str | None
    covariates: Mapping[str, Column]
    others: tuple[str, ...]
    passed_over: tuple[str, ...]
    transform: Transform | None = None


def roles_of(table: Table, where: str, said: Said) -> Roles:
    """The roles of the columns: as said, else from what is in them."""
    cells = {name: [str(cell).strip() for cell in table.columns[at]] for at, name in enumerate(table.header) if name}
    across = [table.header[at] for at in period_headers(table.header)]
    beside = {name: column for name, column in cells.items() if name not in across}
    if len(across) > 1 and said.period not in cells and not any(map(PERIOD_NAMES.fullmatch, beside)):
        return _wide_roles(beside, across, where, said)
    period = _named("--period", said.period, cells, where) or next(
        (name for name, column in cells.items() if name != said.unit and _is_period(name, column)), None
    )
    if period is None:
        raise InputError(f"{where}: no column looks like a year or a date; say --period COLUMN")
    unit = _named("--unit", said.unit, cells, where) or next(
        (name for name, column in cells.items() if name != period and not looks_numeric(column)), None
    )
    if unit is None:
        unit = next((name for name, column in cells.items() if _numbers_units(column, cells[period])), None)
    if unit is None:
        names = ", ".join(name for name in cells if name != period)
        raise InputError(f"{where}: no column names the units; say --unit COLUMN, one of {names}")
    if unit == period:
        raise InputError(f'{where}: "{unit}" cannot be both the unit and the period')
    onset = _named("--onset-column", said.onset_column, cells, where)
    numbers = [name for name, column in cells.items() if name not in (period, unit, onset) and looks_numeric(column)]
    told = _named("--treatment", said.treatment, cells, where)
    switches = [told] if told else _switches(cells, unit, period, said) if onset is None else []
    starts = [name for name in numbers if _is_onset(cells[unit], cells[period], cells[name])]
    choice = [name for name in numbers if name not in (*switches, *starts) and len(set(cells[name])) > 2]
    outcome, transform = _asked(said, numbers)
    outcome = outcome or next((name for name in choice if name not in said.covariates), None)
    if outcome is None:
        raise InputError(f"{where}: there is no column of numbers for an outcome")
    if outcome == told:
        raise InputError(f'{where}: --treatment "{told}" is the outcome, too; it cannot be both')
    if outcome not in numbers:
        raise InputError(f'{where}: --outcome "{outcome}" is no column of numbers; {suggest(outcome, numbers)}')
    treatment = next((name for name in switches if name != outcome), None)
    if onset is None and treatment is None and not said.treated:
        onset = next((name for name in starts if name != outcome), None)
    covariates = {name: column_of(name, numbers) for name in said.covariates}
    for name, column in covariates.items():
        _check_covariate(name, column, numbers, (outcome, treatment), where)
    taken = {outcome, treatment, onset, *starts, *(part for column in covariates.values() for part in column.columns)}
    reasons = {name: _reason(table, cells[name]) for name in numbers if name not in taken}
    passed_over = tuple(_passed_over({name: why for name, why in reasons.items() if why}))
    others = tuple(name for name, why in reasons.items() if not why)
    return Roles(unit, period, outcome, treatment, onset, covariates, others, passed_over, transform)


def _switches(cells: Cells, unit: str, period: str, said: Said) -> list[str]:
    """The columns that say who is treated: from when on, or by unit where the command line has the onset."""
    names = () if said.treated else [name for name in cells if name not in (period, unit)]
    if said.onset is not None:
        return [name for name in names if is_mark(cells[unit], cells[name])]
    return [name for name in names if _is_switch(cells[unit], cells[period], cells[name])]


def _wide_roles(facts: Cells, across: Sequence[str], where: str, said: Said) -> Roles:
    """The roles in a file with one column a period: its numbers have no header, and ``facts`` are of the units."""
    shown = f'{where}: its columns are periods ("{across[0]}", "{across[1]}" ...)'
    outcome, transform = _asked(said, ())
    if outcome is None:
        raise InputError(f"{shown}; say what their numbers are: --outcome NAME")
    if said.covariates:
        raise InputError(f"{shown}; covariates need a file with a row for each unit and period, and a column for each")
    unit = _named("--unit", said.unit, facts, where)
    unit = unit or next((name for name, column in facts.items() if not looks_numeric(column)), None)
    if unit is None:
        raise InputError(f"{shown}, and none of the others names the units; say --unit COLUMN")
    onset = _named("--onset-column", said.onset_column, facts, where)
    treatment = _named("--treatment", said.treatment, facts, where)
    if treatment is None and not said.treated and said.onset is not None:
        treatment = next((name for name, column in facts.items() if is_mark(facts[unit], column)), None)
    elif treatment is None and not said.treated and onset is None:
        periods = [re.sub(r"^[XxYy]|\s*\[.*", "", name) for name in across]
        onset = next((name for name, column in facts.items() if _is_onset(facts[unit], periods, column)), None)
    return Roles(unit, said.period or "period", outcome, treatment, onset, {}, (), (), transform)


def _asked(said: Said, numbers: Collection[str]) -> tuple[str | None, Transform | None]:
    """The column of the outcome that was asked for, and its transform: as it is, unless log(COLUMN) was said."""
    if said.outcome is None:
        return None, None
    if said.outcome in numbers:
        return said.outcome, "none"
    asked = column_of(said.outcome)
    return asked.column, asked.transform


def _passed_over(reasons: Mapping[str, str]) -> Iterator[str]:
    if len(reasons) > MOST_REASONS:
        yield (
            f"{len(reasons)} columns are not offered as covariates, for cells are missing or do not differ: "
            f"{listed(list(reasons))}."
        )
        return
    for name, why in reasons.items():
        yield f'The column "{name}" is not offered as a covariate: {why}.'


def _named(option: str, name: str | None, cells: Cells, where: str) -> str | None:
    if name is not None and name not in cells:
        raise InputError(f'{where}: {option} "{name}" is no column; {suggest(name, cells)}')
    return name


def _check_covariate(
    name: str, column: Column, numbers: Collection[str], taken: tuple[str | None, ...], where: str
) -> None:
    for part in column.columns:
        if part not in numbers:
            raise InputError(f'{where}: --covariates "{name}" is no column of numbers; {suggest(part, numbers)}')
        if part in taken:
            raise InputError(f'{where}: --covariates "{name}" is the outcome or the treatment; it cannot be both')


def _reason(table: Table, column: Sequence[str]) -> str:
    """Why a column of numbers is no covariate that could be offered; "" if it is one."""
    rows = [int(row) for row, cell in zip(table.rows, column, strict=True) if is_missing(cell)]
    if rows:
        have, first = ("has", "row") if len(rows) == 1 else ("have", "first row")
        return f"{len(rows)} of {len(column)} rows {have} no value ({first} {rows[0]}) and would be left out"
    values = sorted(set(column))
    return "" if len(values) > 2 else f"it has no values but {' and '.join(values)}"


def _is_period(name: str, column: Sequence[str]) -> bool:
    present = [cell for cell in column if cell]
    dated = bool(present) and all(_YEAR.fullmatch(cell) for cell in present)
    return bool(present) and (dated or PERIOD_NAMES.fullmatch(name) is not None)


def _numbers_units(column: Sequence[str], periods: Sequence[str]) -> bool:
    """Whether whole numbers can name units: each has one row a period, and more than one period."""
    rows = list(zip(column, periods, strict=True))
    whole = all(cell.isdecimal() for cell in column)
    return whole and len(set(rows)) == len(rows) and min(Counter(column).values(), default=0) > 1


def _is_onset(units: Sequence[str], periods: Sequence[str], column: Sequence[str]) -> bool:
    """Whether a column has a period for some units, another one or that of nobody for others, and one value a unit."""
    of_units = set(zip(units, column, strict=True))
    onsets = {cell.removesuffix(".0") for cell in column if cell.lower() not in NEVER}
    return len(of_units) == len(set(units)) and bool(onsets) and onsets <= set(periods) and len(set(column)) > 1


def is_mark(units: Sequence[str], column: Sequence[str]) -> bool:
    """Whether a column is 0 or 1 (False or True), some of each, and never changes within a unit: who, not when."""
    of_units = {
        (unit, _SWITCH.get(cell.lower(), cell).removesuffix(".0")) for unit, cell in zip(units, column, strict=True)
    }
    return len(of_units) == len(set(units)) and {cell for _, cell in of_units} == {"0", "1"}


def _is_switch(units: Sequence[str], periods: Sequence[str], column: Sequence[str]) -> bool:
    """Whether a column is 0 or 1 (False or True), stays on once it is, and tells units apart in some period."""
    column = [_SWITCH.get(cell.lower(), cell) for cell in column]
    if {cell.removesuffix(".0") for cell in column} != {"0", "1"}:
        return False
    paths: dict[str, tuple[list[str], list[str]]] = {}
    for unit, time, cell in sorted(zip(units, periods, column, strict=True)):
        times, path = paths.setdefault(unit, ([], []))
        times.append(time)
        path.append(cell[:1])
    steady = all(path == sorted(path) for _, path in paths.values())
    on = [{time for time, cell in zip(times, path, strict=True) if cell == "1"} for times, path in paths.values()]
    return (
        steady
        and any(path[0] != path[-1] for _, path in paths.values())
        and len({min(it, default="") for it in on}) > 1
    )
