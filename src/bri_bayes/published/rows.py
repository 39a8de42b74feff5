"""How is a CSV of printed numbers read so that a slip in the file is a message and not a wrong number?"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bri_bayes.errors import InputError
from bri_bayes.published.printed import Printed


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


def unique[K, T](found: Iterator[Row], kind: Callable[[Row], T], key: Callable[[T], K]) -> dict[K, T]:
    """``kind`` of every row by its ``key``, in the order of the file; a key that comes twice is an error."""
    by_key: dict[K, T] = {}
    for row in found:
        item = kind(row)
        if key(item) in by_key:
            raise row.error(f"{key(item)} stands above already")
        by_key[key(item)] = item
    return by_key
