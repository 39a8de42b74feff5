"""Which text stands for a variable, a unit and a period? The cells of a file, whatever its layout."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bri_bayes.core.arrays import Index
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.data.calendar_units import Calendar
from bri_bayes.data.text_table import Cells, Table

# More cells than this, of which few are filled, come from a column that is no unit or no period.
MOST_CELLS = 30_000_000


@dataclass(frozen=True, eq=False)
class Grid:
    """The cells of a file as they are written.

    ``text[variable]`` : (unit, period) of str, "" where the file has no row;
    ``row[variable]`` : (unit, period) the row of the file as a spreadsheet counts it, 0 where there is none;
    ``labels`` : the periods as the file writes them; ``others`` : every further column, for marks of numbers.
    """

    file: str
    units: list[str]
    periods: list[int]
    labels: list[str]
    calendar: Calendar
    text: dict[str, Cells]
    row: dict[str, Index]
    delimiter: str
    notes: tuple[str, ...]
    others: Sequence[Cells]


@dataclass(frozen=True, eq=False)
class Keys:
    """Unit and period of every row (long) or column (wide): their sorted labels and the position of each."""

    labels: list[str]
    at: Index


def check_requested(known: Iterable[Any], requested: Iterable[Any] | None, *, what: str, where: str) -> None:
    """Refuse a requested unit or period that the file does not have."""
    known = set(known)
    for value in sorted(set(requested or ()) - known):
        raise InputError(f'{where}: the requested {what} "{value}" is not there; {suggest(str(value), known)}')


def known_ordinal(ordinal: int | None) -> int:
    """An ordinal that cannot be missing."""
    assert ordinal is not None, "the calendar was chosen because it reads every label"
    return ordinal


def checked_shape(table: Table, n_units: int, n_periods: int, keys: tuple[str, str]) -> tuple[int, int]:
    """(units, periods), or a sentence where almost every cell would be empty."""
    if n_units * n_periods > max(MOST_CELLS, 10 * len(table.rows)):
        raise InputError(
            f'{table.file}: {n_units} different values of "{keys[0]}" and {n_periods} of "{keys[1]}" make '
            f"{n_units * n_periods} cells for {len(table.rows)} rows; are these the columns of unit and period?"
        )
    return n_units, n_periods


def refuse_twice(table: Table, keys: Index, name: Callable[[int], str], rows: Index | None = None) -> None:
    """Refuse two rows with one key; ``name`` : key -> how the message calls it."""
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    if not same.size:
        return
    first = min(same, key=lambda at: int(order[at + 1]))
    pair = order[first : first + 2] if rows is None else rows[order[first : first + 2]]
    earlier, later = table.rows[pair]
    advice = "sum or filter them first"
    if (column := _differing_text(table, *pair)) is not None:
        advice = f'these differ in "{column}": keep one of its values, or sum over them, first'
    raise InputError(
        f"{table.file}: rows {earlier} and {later} are both {name(int(keys[order[first]]))}; "
        f"a unit and a period may have one row: {advice}"
    )


def _differing_text(table: Table, earlier: int, later: int) -> str | None:
    """The first column in which two rows have different words, not numbers; None where there is none."""
    for name, cells in zip(table.header, table.columns, strict=True):
        words = {cells[earlier].strip(), cells[later].strip()}
        if len(words) == 2 and all(any(sign.isalpha() for sign in word) for word in words):
            return name
    return None


def within(grid: Grid, periods: Sequence[int]) -> Grid:
    """Only the given periods."""
    kept = set(periods)
    at = np.array([position for position, when in enumerate(grid.periods) if when in kept], dtype=np.intp)
    return Grid(
        grid.file,
        grid.units,
        [grid.periods[position] for position in at],
        [grid.labels[position] for position in at],
        grid.calendar,
        {name: cells[:, at] for name, cells in grid.text.items()},
        {name: rows[:, at] for name, rows in grid.row.items()},
        grid.delimiter,
        grid.notes,
        grid.others,
    )
