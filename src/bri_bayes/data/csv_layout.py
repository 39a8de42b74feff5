"""How is the file laid out? Long or wide, it becomes one text for each variable, unit and period."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from bri_bayes.core.errors import InputError
from bri_bayes.data.calendar_units import calendar_of, period_headers
from bri_bayes.data.grid import Grid, Keys, check_requested, checked_shape, known_ordinal, refuse_twice, within
from bri_bayes.data.text_encoding import AS_USUAL, TextFormat
from bri_bayes.data.text_table import Table, check_name, read_table
from bri_bayes.data.wide_layout import wide_grid

if TYPE_CHECKING:
    import pandas as pd

Layout = Literal["auto", "long", "wide"]


def read_grid(
    path: str | Path | pd.DataFrame,
    *,
    unit: str,
    period: str,
    columns: Sequence[str] | None,
    units: Iterable[str] | None,
    periods: Iterable[int] | None,
    between: tuple[str, str] | None = None,
    layout: Layout,
    text_format: TextFormat = AS_USUAL,
) -> Grid:
    """Read the cells of ``columns`` (None: of every column) for ``units`` and ``periods`` (None: for all).

    ``between`` : first and last period as the file, or a person, writes them.
    """
    table = read_table(Path(path) if isinstance(path, str) else path, unit, text_format, names=unit)
    table, names = _chosen(table, table.position(unit, _across(table, unit, period)), units)
    if _is_wide(table, unit, period, layout):
        grid = wide_grid(table, names, unit, columns)
    else:
        grid = _long(table, names, (unit, period), columns)
    if between is not None:
        grid = within(grid, _between(grid, between))
    if periods is not None:
        wanted = sorted({int(value) for value in periods})
        check_requested(grid.periods, wanted, what="period", where=table.file)
        grid = within(grid, wanted)
    return grid


def _chosen(table: Table, at: int, units: Iterable[str] | None) -> tuple[Table, Keys]:
    """The rows of the requested units, and the units. A unit is text: "NA" is Namibia."""
    texts: dict[str, str] = {cell: cell.strip() for cell in dict.fromkeys(table.columns[at])}
    if "" in texts.values():
        row = next(number for number, cell in zip(table.rows, table.columns[at], strict=True) if not cell.strip())
        raise InputError(f'{table.file}: row {row}: the unit ("{table.header[at]}") is empty')
    for label in texts.values():
        check_name(label, where=table.file, what="the unit")
    if units is not None:
        wanted = {units} if isinstance(units, str) else set(units)
        check_requested(texts.values(), wanted, what="unit", where=table.file)
        table = table.take(np.array([texts[cell] in wanted for cell in table.columns[at]], dtype=bool))
    return table, _keys([texts[cell] for cell in table.columns[at]])


def _keys(labels: Sequence[str]) -> Keys:
    known = sorted(set(labels))
    position = {label: at for at, label in enumerate(known)}
    return Keys(known, np.array([position[label] for label in labels], dtype=np.intp))


def _across(table: Table, unit: str, period: str) -> str:
    """A hint for a file whose columns are the units."""
    if unit in table.header or period not in table.header or len(table.header) < 4:
        return ""
    return (
        "; if each further column is a unit, turn the table round first: one row a unit and period, or one row a unit "
        "and a column a period"
    )


def _is_wide(table: Table, unit: str, period: str, layout: Layout) -> bool:
    if layout != "auto":
        return layout == "wide"
    return period not in table.header and any(table.header[at] != unit for at in period_headers(table.header))


def _long(table: Table, units: Keys, keys: tuple[str, str], columns: Sequence[str] | None) -> Grid:
    """One row a unit and period."""
    period_at = table.position(keys[1])
    names = [name for name in table.header if name and name not in keys] if columns is None else columns
    positions = {name: table.position(name) for name in dict.fromkeys(names)}
    for name in positions:
        check_name(name, where=table.file, what="the column")
    cells = table.columns[period_at]
    first_row: dict[str, int] = {}
    for number, cell in zip(table.rows, cells, strict=True):
        first_row.setdefault(cell.strip(), int(number))
    calendar = calendar_of(first_row, where=table.file, column=keys[1], rows=first_row)
    ordinal = {label: known_ordinal(calendar.ordinal(label)) for label in first_row}
    periods = sorted(set(ordinal.values()))
    label_of = {when: label for label, when in reversed(ordinal.items())}
    shape = checked_shape(table, len(units.labels), len(periods), keys)
    position = {when: at for at, when in enumerate(periods)}
    when_at = np.array([position[ordinal[cell.strip()]] for cell in cells], dtype=np.intp)
    flat = units.at * shape[1] + when_at
    refuse_twice(table, flat, lambda at: f"{units.labels[at // shape[1]]} {label_of[periods[at % shape[1]]]}")
    row = np.zeros(shape, dtype=np.intp)
    row.flat[flat] = table.rows
    text = {}
    for name, at in positions.items():
        text[name] = np.full(shape, "", dtype=object)
        text[name].flat[flat] = table.columns[at]
    others = [column for at, column in enumerate(table.columns) if table.header[at] not in keys]
    labels = [label_of[when] for when in periods]
    return Grid(
        table.file, units.labels, periods, labels, calendar, text, dict.fromkeys(text, row), table.delimiter,
        table.notes, others,
    )  # fmt: skip


def _between(grid: Grid, between: tuple[str, str]) -> list[int]:
    ends = [grid.calendar.ordinal(text, end=bool(last)) for last, text in enumerate(between)]
    for text, end in zip(between, ends, strict=True):
        if end is None:
            raise InputError(f'{grid.file}: "{text}" is no period as this file writes them ("{grid.labels[0]}")')
    first, last = (known_ordinal(end) for end in ends)
    inside = [when for when in grid.periods if first <= when <= last]
    if not inside:
        raise InputError(f"{grid.file}: no period from {between[0]} to {between[1]}")
    return inside
