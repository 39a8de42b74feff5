"""How is a CSV of printed numbers read so that a slip in the file is a message and not a wrong number?"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bri_bayes.core.errors import InputError
from bri_bayes.paper.printed import Printed


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

    def number(self, column: str, decimals: str) -> Printed:
        """A printed number whose decimals, counted, are those that the column ``decimals`` states."""
        try:
            printed = Printed(self[column])
        except ValueError as error:
            raise self.error(f"{column}: {error}") from error
        if printed.decimals != self.integer(decimals):
            raise self.error(
                f"{column} {printed} has {printed.decimals} decimals, and {decimals} says {self[decimals]}"
            )
        return printed

    def decimal(self, column: str) -> float:
        """A number that is not printed in the paper, so that its decimals say nothing."""
        try:
            return Printed(self[column]).value
        except ValueError as error:
            raise self.error(f"{column}: {error}") from error

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


def rows(path: Path, header: tuple[str, ...]) -> Iterator[Row]:
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
    for fields in reader:
        if len(fields) != len(header):
            raise InputError(f"{path}, line {reader.line_num}: has {len(fields)} fields, and the header {len(header)}")
        yield Row(path, reader.line_num, dict(zip(header, fields, strict=True)))


def by_key[K, R](path: Path, header: tuple[str, ...], record: Callable[[Row], R], key: Callable[[R], K]) -> dict[K, R]:
    """The ``record`` of every row by its ``key``, in the order of the file; a key that comes twice is an error."""
    found: dict[K, R] = {}
    for row in rows(path, header):
        made = record(row)
        if key(made) in found:
            raise row.error(f"{key(made)} stands above already")
        found[key(made)] = made
    return found
