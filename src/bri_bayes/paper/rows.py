"""How is a CSV of printed numbers read so that a slip in the file is a message and not a wrong number?"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

from bri_bayes.core.errors import InputError
from bri_bayes.paper.printed import Printed

# How many stars a cell has.
type Stars = int


@dataclass(frozen=True)
class Record:
    """A line of a file. ``HEADER`` : the first line; a field that is not in it is the number in the column "value";
    ``KEY`` : the fields that name a record.
    """

    HEADER: ClassVar[str]
    KEY: ClassVar[tuple[str, ...]]

    @property
    def key(self) -> Any:
        """What names the record: a field, or several."""
        values = tuple(getattr(self, name) for name in self.KEY)
        return values if len(values) > 1 else values[0]


@dataclass(frozen=True)
class Row:
    """A line of a CSV with its place, for messages."""

    path: Path
    line: int
    fields: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.fields[column]

    def error(self, message: str) -> InputError:
        """An error that opens with the file and the line."""
        return InputError(f"{self.path}, line {self.line}: {message}")

    def integer(self, column: str) -> int:
        """A whole number from 0 on."""
        if not self[column].isdecimal():
            raise self.error(f'{column} is "{self[column]}"; it is a whole number')
        return int(self[column])

    def printed(self, column: str) -> Printed:
        """A printed number whose decimals, counted, are those that the column beside it states."""
        printed, decimals = self._printed(column), "decimals" if column == "value" else f"{column}_decimals"
        if printed.decimals != self.integer(decimals):
            raise self.error(
                f"{column} {printed} has {printed.decimals} decimals, and {decimals} says {self[decimals]}"
            )
        return printed

    def decimal(self, column: str) -> float:
        """A number that is not printed in the paper, so that its decimals say nothing."""
        return self._printed(column).value

    def day(self, column: str) -> date:
        """A date such as 2015-11-26."""
        try:
            return date.fromisoformat(self[column])
        except ValueError as error:
            raise self.error(f'{column} is "{self[column]}"; it is a date such as 2015-11-26') from error

    def stars(self, column: str) -> int:
        """The number of stars, from none to three."""
        if self[column] not in ("", "*", "**", "***"):
            raise self.error(f'{column} is "{self[column]}"; allowed: nothing, *, **, ***')
        return len(self[column])

    def words(self, column: str) -> tuple[str, ...]:
        """Words with spaces between them."""
        return tuple(self[column].split())

    def _printed(self, column: str) -> Printed:
        try:
            return Printed(self[column])
        except ValueError as error:
            raise self.error(f"{column}: {error}") from error


# By the annotation of a field.
_READERS: Mapping[str, Callable[[Row, str], Any]] = {
    "str": Row.__getitem__,
    "int": Row.integer,
    "float": Row.decimal,
    "date": Row.day,
    "Stars": Row.stars,
    "Printed": Row.printed,
    "tuple[str, ...]": Row.words,
}


def by_key[R: Record](path: Path, kind: type[R]) -> dict[Any, R]:
    """The record of every line by its key, in the order of the file; a key that comes twice is an error."""
    records: dict[Any, R] = {}
    header = kind.HEADER.split(",")
    columns = [(each.name, each.type, each.name if each.name in header else "value") for each in fields(kind)]
    for row in _rows(path, tuple(header)):
        try:
            record = kind(**{name: _value(row, annotation, column) for name, annotation, column in columns})
        except ValueError as error:
            raise row.error(str(error)) from error
        if record.key in records:
            raise row.error(f"{record.key} stands above already")
        records[record.key] = record
    return records


def _value(row: Row, annotation: Any, column: str) -> Any:
    """The field of a line by its annotation; an empty one is None where it may be."""
    required = annotation.removesuffix(" | None")
    return None if required != annotation and not row[column] else _READERS[required](row, column)


def _rows(path: Path, header: tuple[str, ...]) -> Iterator[Row]:
    """The lines of the CSV at ``path``, whose first line must be ``header``."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text (byte {error.start})") from error
    reader = csv.reader(text.splitlines())
    first = tuple(next(reader, []))
    if first != header:
        raise InputError(f"{path}: the first line is {','.join(first)!r}; it is {','.join(header)!r}")
    for cells in reader:
        if len(cells) != len(header):
            raise InputError(f"{path}, line {reader.line_num}: has {len(cells)} fields, and the header {len(header)}")
        yield Row(path, reader.line_num, dict(zip(header, cells, strict=True)))
