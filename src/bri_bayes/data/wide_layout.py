"""What does a wide file hold? One row a unit, or a unit and variable, and one column a period."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from bri_bayes.core.arrays import Index
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.data.calendar_units import Calendar, calendar_of, period_headers
from bri_bayes.data.grid import Grid, Keys, checked_shape, known_ordinal, refuse_twice
from bri_bayes.data.text_table import Cells, Table, check_name, shown

# Words in the header of a wide file that mark the column with the names of its variables.
VARIABLE_WORDS = ("variable", "indicator", "series")
# A header that was meant as a period: "2006.5" beside "2003".
_NUMBER = re.compile(r"[Xx]?[-+]?\d+(?:[.,]\d+)?")


def wide_grid(table: Table, units: Keys, unit: str, columns: Sequence[str] | None) -> Grid:
    """One row a unit, or a unit and variable; one column a period; further columns are facts of the unit."""
    period_at, calendar = _period_columns(table, unit)
    periods = sorted(period_at)
    labels = [table.header[period_at[when]].split("[")[0].strip() for when in periods]
    variable_at = _variable_column(table, unit, columns, set(period_at.values()))
    fixed = _fixed_columns(table, columns, {*period_at.values(), *([] if variable_at is None else [variable_at])})
    varying = None if columns is None else [name for name in dict.fromkeys(columns) if name not in fixed]
    name_of = _row_names(table, variable_at, varying)
    present = list(dict.fromkeys(name_of))
    for name in varying or ():
        if name not in present:
            assert variable_at is not None, "without a column of variables the one name is that of every row"
            column = table.header[variable_at]
            raise InputError(f'{table.file}: there is no "{name}" in the column "{column}"; {suggest(name, present)}')
    shape = checked_shape(table, len(units.labels), len(periods), (unit, "the years of the header"))
    text: dict[str, Cells] = {}
    row: dict[str, Index] = {}
    named = np.array(name_of, dtype=object)
    for name in present if varying is None else varying:
        rows = np.flatnonzero(named == name)
        at = units.at[rows]
        refuse_twice(table, at, lambda where: f"{units.labels[where]} {labels[0]}", rows)
        text[name] = np.full(shape, "", dtype=object)
        for position, when in enumerate(periods):
            text[name][at, position] = table.columns[period_at[when]][rows]
        row[name] = np.zeros(shape, dtype=np.intp)
        row[name][at] = table.rows[rows][:, None]
    for name, position in fixed.items():
        text[name], row[name] = _spread(table, name, position, units, shape)
    others = [table.columns[at] for at in period_at.values()]
    return Grid(table.file, units.labels, periods, labels, calendar, text, row, table.delimiter, table.notes, others)


def _period_columns(table: Table, unit: str) -> tuple[dict[int, int], Calendar]:
    at = [position for position in period_headers(table.header) if table.header[position] != unit]
    for position, name in enumerate(table.header):
        if at and position not in at and name != unit and _NUMBER.fullmatch(name.strip()):
            raise InputError(
                f'{table.file}: the header "{shown(name)}" is a number and no period as "{table.header[at[0]]}" is; '
                "write its period as the others are, or give it a name"
            )
    if not at:
        raise InputError(
            f"{table.file}: no column of this wide file is a period; such a column is called 2003, X2003 or 2003Q1"
        )
    calendar = calendar_of((table.header[position] for position in at), where=table.file, column="the header")
    positions: dict[int, int] = {}
    for position in at:
        when = known_ordinal(calendar.ordinal(table.header[position]))
        if when in positions:
            raise InputError(f"{table.file}: the header has two columns for the period {table.header[positions[when]]}")
        positions[when] = position
    return positions, calendar


def _variable_column(table: Table, unit: str, columns: Sequence[str] | None, periods: set[int]) -> int | None:
    """The column with the names of the variables: the one that holds most of the wanted names."""
    others = [at for at, name in enumerate(table.header) if name and name != unit and at not in periods]
    marked = [at for at in others if any(word in table.header[at].lower() for word in VARIABLE_WORDS)]
    distinct = {at: {cell.strip() for cell in table.columns[at]} for at in others}

    def hits(at: int) -> int:
        return len(distinct[at] & set(columns or ()))

    best = max(marked or others, key=hits, default=None)
    return best if best is not None and (marked or hits(best)) else None


def _fixed_columns(table: Table, columns: Sequence[str] | None, taken: set[int]) -> dict[str, int]:
    """The requested names that are columns beside those of the periods: one value a unit."""
    free = {name: at for at, name in enumerate(table.header) if name and at not in taken}
    return {name: free[name] for name in dict.fromkeys(columns or ()) if name in free}


def _row_names(table: Table, at: int | None, columns: Sequence[str] | None) -> list[str]:
    """The variable that each row holds."""
    if at is None:
        if columns is None or len(columns) != 1:
            given = "none" if columns is None else f"{len(columns)} ({', '.join(columns)})"
            raise InputError(
                f"{table.file}: this wide file has no column of variable names, so it holds one variable; "
                f'give it one name, not {given} (in Python: columns=["NAME"])'
            )
        return [columns[0]] * len(table.rows)
    names = [cell.strip() for cell in table.columns[at]]
    for number, name in zip(table.rows, names, strict=True):
        if not name:
            raise InputError(f'{table.file}: row {number}: the variable ("{table.header[at]}") is empty')
    for name in dict.fromkeys(names):
        check_name(name, where=table.file, what="the variable")
    return names


def _spread(table: Table, name: str, at: int, units: Keys, shape: tuple[int, int]) -> tuple[Cells, Index]:
    """A fact of the unit in each of its periods."""
    check_name(name, where=table.file, what="the column")
    text = np.full(shape, "", dtype=object)
    row = np.zeros(shape, dtype=np.intp)
    for number, which, cell in zip(table.rows, units.at, table.columns[at], strict=True):
        if row[which, 0] and text[which, 0].strip() != cell.strip():
            raise InputError(
                f"{table.file}: rows {row[which, 0]} and {number}: {name} of {units.labels[which]} is "
                f'"{shown(text[which, 0])}" and "{shown(cell)}"; a column beside those of the periods has one value '
                "a unit"
            )
        text[which], row[which] = cell, number
    return text, row
