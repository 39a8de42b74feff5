"""How is the CSV laid out? Long or wide, it becomes one text for each variable, unit and period."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.errors import InputError, suggest

Layout = Literal["auto", "long", "wide"]

DELIMITERS = (",", ";", "\t")
# Words in the header of a wide file that mark the column with the names of its variables.
VARIABLE_WORDS = ("variable", "indicator", "series")
# 2003, 2003.0, Y2003, YR2003 and the World Bank's "2003 [YR2003]"; an ISO date only on the 1st of January.
_INTEGER = re.compile(r"(?:y|yr)?([+-]?[0-9]{1,6})(?:\.0*)?(?:\s*\[yr[0-9]+\])?", re.IGNORECASE)
_NEW_YEAR = re.compile(r"([0-9]{4})-01-01(?:[T ]00:00(?::00(?:\.0+)?)?)?")


@dataclass(frozen=True)
class Grid:
    """The cells of a file as they are written.

    ``text[variable]`` : (unit, period) of str, "" where the file has no row;
    ``row[variable]`` : (unit, period) the row of the file as a spreadsheet counts it, 0 where there is none.
    """

    file: str
    units: list[str]
    periods: list[int]
    text: dict[str, NDArray[np.object_]]
    row: dict[str, NDArray[np.intp]]
    decimal_comma: bool


@dataclass(frozen=True)
class Table:
    """The cells of a CSV file: ``rows`` has the number of each row, as a spreadsheet counts it, and its fields."""

    file: str
    delimiter: str
    header: list[str]
    rows: list[tuple[int, list[str]]]

    def position(self, column: str) -> int:
        """Where the column stands, or a sentence about why it does not."""
        if column not in self.header:
            named = [name for name in self.header if name]
            raise InputError(f'{self.file}: there is no column "{column}"; {suggest(column, named)}')
        if self.header.count(column) > 1:
            raise InputError(f'{self.file}: the header names the column "{column}" more than once')
        return self.header.index(column)


# One cell: variable, unit, period, row, text.
_Entry = tuple[str, str, int, int, str]
_Record = tuple[int, str, list[str]]


def read_grid(
    path: str | Path,
    *,
    unit: str,
    period: str,
    columns: Sequence[str] | None,
    units: Iterable[str] | None,
    periods: Iterable[int] | None,
    layout: Layout,
) -> Grid:
    """Read the cells of ``columns`` (None: of every column) for ``units`` and ``periods`` (None: for all)."""
    table = read_table(Path(path), unit)
    records = _records(table, table.position(unit), units)
    if _is_wide(table, period, layout):
        variables, entries = _wide_entries(table, records, unit, columns)
    else:
        variables, entries = _long_entries(table, records, (unit, period), columns)
    found = sorted({entry[2] for entry in entries})
    if periods is not None:
        wanted = {int(value) for value in periods}
        check_requested(found, wanted, what="period", where=table.file)
        entries = [entry for entry in entries if entry[2] in wanted]
        found = sorted(wanted)
    labels = sorted({label for _, label, _ in records})
    text = {name: np.full((len(labels), len(found)), "", dtype=object) for name in variables}
    row = {name: np.zeros((len(labels), len(found)), dtype=np.intp) for name in variables}
    unit_ix, period_ix = ({key: ix for ix, key in enumerate(keys)} for keys in (labels, found))
    for name, label, when, number, cell in entries:
        at = unit_ix[label], period_ix[when]
        if row[name][at]:
            raise InputError(
                f"{table.file}: rows {row[name][at]} and {number} are both {label} {when}; "
                "a unit and a period may have one row"
            )
        row[name][at] = number
        text[name][at] = cell
    return Grid(table.file, labels, found, text, row, decimal_comma=table.delimiter != ",")


def check_requested(found: Iterable[Any], requested: Iterable[Any] | None, *, what: str, where: str) -> None:
    """Refuse a requested unit or period that was not found."""
    found = set(found)
    for value in sorted(set(requested or ()) - found):
        raise InputError(f'{where}: the requested {what} "{value}" is not there; {suggest(str(value), found)}')


def as_period(text: str) -> int | None:
    """The integer that a period is written for, or None."""
    match = _INTEGER.fullmatch(text.strip()) or _NEW_YEAR.fullmatch(text.strip())
    return int(match[1]) if match else None


def shown(cell: str) -> str:
    """A cell as a message quotes it: on one line, and not the whole of a long one."""
    return " ".join(cell.split())[:40]


def read_table(path: Path, unit: str) -> Table:
    """The table of a file; ``unit`` : a column that must be there tells the delimiters apart."""
    text = _read_text(path)
    delimiter = _delimiter(text, unit)
    rows: list[tuple[int, list[str]]] = []
    number = 0
    try:
        for number, fields in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), 1):
            if any(field.strip() for field in fields):
                rows.append((number, fields))
    except csv.Error as error:
        raise InputError(
            f"{path}: row {number + 1} cannot be read ({error}); is a quote left open or the file cut off?"
        ) from error
    if not rows:
        raise InputError(f"{path}: the file is empty")
    (_, header), *body = rows
    if not body:
        raise InputError(f"{path}: the file has a header and no rows")
    for number, fields in body:
        if len(fields) != len(header):
            raise InputError(
                f"{path}: row {number} has {len(fields)} fields and the header has {len(header)}; is the file cut off?"
            )
    return Table(str(path), delimiter, [name.strip() for name in header], body)


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    if b"\0" in content:
        raise InputError(
            f"{path}: byte {content.index(0)} is NUL, so this is not a text file; a panel is a CSV file in UTF-8"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8; save the file as CSV in UTF-8") from error


def _delimiter(text: str, unit: str) -> str:
    """The delimiter under which the header names the unit column; if in doubt the one with the most fields."""
    header = next((line for line in text.splitlines() if line.strip()), "")

    def fitness(delimiter: str) -> tuple[bool, int]:
        names = [name.strip().strip('"') for name in header.split(delimiter)]
        return unit in names, len(names)

    return max(DELIMITERS, key=fitness)


def _records(table: Table, at: int, units: Iterable[str] | None) -> list[_Record]:
    """Row, unit and fields of the rows of the requested units. A unit is text: "NA" is Namibia."""
    records = [(number, fields[at].strip(), fields) for number, fields in table.rows]
    for number, label, _ in records:
        if not label:
            raise InputError(f'{table.file}: row {number}: the unit ("{table.header[at]}") is empty')
    if units is None:
        return records
    wanted = {units} if isinstance(units, str) else set(units)
    check_requested((label for _, label, _ in records), wanted, what="unit", where=table.file)
    return [record for record in records if record[1] in wanted]


def _is_wide(table: Table, period: str, layout: Layout) -> bool:
    if layout != "auto":
        return layout == "wide"
    return period not in table.header and any(as_period(name) is not None for name in table.header)


def _long_entries(
    table: Table,
    records: list[_Record],
    keys: tuple[str, str],
    columns: Sequence[str] | None,
) -> tuple[list[str], list[_Entry]]:
    """One row a unit and period."""
    period_at = table.position(keys[1])
    names = [name for name in table.header if name and name not in keys] if columns is None else columns
    variables = list(dict.fromkeys(names))
    positions = {name: table.position(name) for name in variables}
    entries: list[_Entry] = []
    for number, label, fields in records:
        when = as_period(fields[period_at])
        if when is None:
            raise InputError(
                f'{table.file}: row {number}: {keys[1]} is "{shown(fields[period_at])}"; '
                "a period is an integer or the 1st of January of a year"
            )
        entries.extend((name, label, when, number, fields[at]) for name, at in positions.items())
    return variables, entries


def _wide_entries(
    table: Table, records: list[_Record], unit: str, columns: Sequence[str] | None
) -> tuple[list[str], list[_Entry]]:
    """One row a unit, or a unit and variable; one column a period."""
    period_at = _period_columns(table)
    variable_at = _variable_column(table, unit, columns)
    named = list(_named_rows(table, records, variable_at, columns))
    present = list(dict.fromkeys(name for name, _ in named))
    for name in columns or ():
        if name not in present:
            assert variable_at is not None, "without a column of variables the one name is that of every row"
            column = table.header[variable_at]
            raise InputError(f'{table.file}: there is no "{name}" in the column "{column}"; {suggest(name, present)}')
    variables = present if columns is None else list(dict.fromkeys(columns))
    entries = [
        (name, label, when, number, fields[at])
        for name, (number, label, fields) in named
        if name in variables
        for when, at in period_at.items()
    ]
    return variables, entries


def _period_columns(table: Table) -> dict[int, int]:
    positions: dict[int, int] = {}
    for at, name in enumerate(table.header):
        when = as_period(name)
        if when is None:
            continue
        if when in positions:
            raise InputError(f"{table.file}: the header has two columns for the period {when}")
        positions[when] = at
    if not positions:
        raise InputError(
            f"{table.file}: no column of this wide file is a period; such a column is called 2003 or Y2003"
        )
    return positions


def _variable_column(table: Table, unit: str, columns: Sequence[str] | None) -> int | None:
    """The column with the names of the variables: the one that holds most of the wanted names."""
    others = [at for at, name in enumerate(table.header) if name and name != unit and as_period(name) is None]
    marked = [at for at in others if any(word in table.header[at].lower() for word in VARIABLE_WORDS)]

    def hits(at: int) -> int:
        return len({fields[at].strip() for _, fields in table.rows} & set(columns or ()))

    best = max(marked or others, key=hits, default=None)
    return best if best is not None and (marked or hits(best)) else None


def _named_rows(
    table: Table, records: list[_Record], at: int | None, columns: Sequence[str] | None
) -> Iterator[tuple[str, _Record]]:
    if at is None:
        if columns is None or len(columns) != 1:
            given = "none" if columns is None else f"{len(columns)} ({', '.join(columns)})"
            raise InputError(
                f"{table.file}: this wide file has no column of variable names, so it holds one variable; "
                f"give it one name, not {given}"
            )
        yield from ((columns[0], record) for record in records)
        return
    for record in records:
        name = record[2][at].strip()
        if not name:
            raise InputError(f'{table.file}: row {record[0]}: the variable ("{table.header[at]}") is empty')
        yield name, record
