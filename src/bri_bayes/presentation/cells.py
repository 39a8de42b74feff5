"""How does a number read in a table? Decimals and one power of ten for all columns of a scale, by their size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bri_bayes.presentation import sentences
from bri_bayes.presentation.digits import first_digit, power_of_ten, reads_as_zero
from bri_bayes.presentation.table_spec import Column, Table, is_missing

DASH = "–"
# The scales whose numbers sentences say, too: one quantity has the same digits in both.
_OF_SENTENCES = ("effect", "slope")
# Beyond these sizes numbers are shown in a power of ten; else a usual one has three significant digits.
_LARGE, _SMALL, _SIGNIFICANT, _MOST_DECIMALS = 1e6, 1e-3, 3, 4
_PRECISION = 1e-12


@dataclass(frozen=True)
class Cell:
    """What stands in a table. ``value`` : the number behind the text; ``kind`` : of its column."""

    text: str
    value: float | None = None
    kind: str = "text"


@dataclass(frozen=True)
class Grid:
    """A table as text: headings and rows of its shown columns, and its notes with the powers of ten.

    ``folded`` : for each row the headings and texts that open at a click.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...]
    folded: tuple[tuple[tuple[str, str], ...], ...] = ()

    def hidden(self, table: Table, kept: Iterable[int]) -> list[str]:
        """The headings that a reader does not see when only the columns at ``kept`` are shown."""
        dropped = [column.heading for at, column in enumerate(self.columns) if at not in set(kept)]
        return dropped + [column.heading for column in table.shown if column.kind == "folded"]

    def grouped(self) -> tuple[list[str], Grid]:
        """The group of each row, and the rest: a first column with one name for several rows becomes a line above."""
        texts = [row[0].text for row in self.rows] if self.columns and self.columns[0].kind == "name" else []
        others = [column for column in self.columns[1:] if not column.is_numeric or column.kind == "year"]
        if len(set(texts)) == len(texts) or not others:
            return [""] * len(self.rows), self
        return texts, Grid(self.columns[1:], tuple(row[1:] for row in self.rows), self.notes)


def grid(table: Table) -> Grid:
    """The cells that a reader sees; every number keeps its full value behind its text."""
    columns = tuple(column for column in table.shown if column.kind != "folded")
    closed = tuple(column for column in table.shown if column.kind == "folded")
    formats = {
        scale: _format([row.get(column.key) for column in group for row in table.rows], group)
        for scale, group in _scales(columns).items()
    }
    rows = tuple(tuple(_cell(row, column, formats.get(_scale(column))) for column in columns) for row in table.rows)
    powers = []
    for scale, group in _scales(columns).items():
        if power := formats[scale].power:
            unit = f" {table.unit}" if table.unit and scale == "effect" else ""
            headings = ", ".join(column.heading for column in group)
            powers.append(f"{headings}: in {power_of_ten(power)}{unit}.")
    folded = [
        tuple((column.heading, readable(str(row[column.key]))) for column in closed if row.get(column.key))
        for row in table.rows
    ]
    return Grid(columns, rows, (*powers, *table.notes), tuple(folded) if closed else ())


@dataclass(frozen=True)
class _Format:
    """``largest`` : of the sizes; what is smaller by the precision of a float is a zero that was computed."""

    power: int
    decimals: int
    largest: float = 0.0


def _scale(column: Column) -> str:
    return column.scale or column.key


def _scales(columns: Iterable[Column]) -> dict[str, list[Column]]:
    groups: dict[str, list[Column]] = {}
    for column in columns:
        if column.kind == "number":
            groups.setdefault(_scale(column), []).append(column)
    return groups


def _format(cells: list[Any], columns: list[Column]) -> _Format:
    """Decimals as declared, else by the median size; a power of ten where all are tiny or one is huge."""
    sizes = sorted(abs(float(cell)) for cell in cells if not is_missing(cell) and cell != 0 and math.isfinite(cell))
    declared = [column.digits for column in columns if column.digits is not None]
    least = 0.5 * 10.0 ** -max(declared) if declared else _SMALL
    if not sizes:
        return _Format(0, max(declared, default=2))
    if least <= sizes[-1] < _LARGE:
        return _Format(0, max(declared) if declared else _decimals(sizes[len(sizes) // 2]), sizes[-1])
    return _Format(3 * math.floor(math.log10(sizes[-1]) / 3), 2, sizes[-1])


def _decimals(size: float) -> int:
    return min(max(_SIGNIFICANT - 1 - math.floor(math.log10(size)), 0), _MOST_DECIMALS)


def _cell(row: Mapping[str, Any], column: Column, shape: _Format | None) -> Cell:
    value: Any = row.get(column.key)
    kind = column.kind
    if kind == "pass":
        return Cell(DASH if is_missing(value) else "yes" if value else "NO", kind=kind)
    if not column.is_numeric:
        shown = ("yes" if value else "no") if isinstance(value, bool) else str(value)
        return Cell("" if is_missing(value) else readable(shown), kind=kind)
    if is_missing(value):
        return Cell(DASH, kind=kind)
    number = float(value)
    return Cell(_number_text(number, column, shape, as_zero=_may_read_as_zero(row, column)), number, kind)


def _may_read_as_zero(row: Mapping[str, Any], column: Column) -> bool:
    """Whether a sentence would round this number to zero: how far something moved, and an effect, but for its sd and
    the ends of an interval that excludes zero (``digits.ends_of``).
    """
    if column.scale == "distance":
        return True
    if column.scale not in _OF_SENTENCES or column.key.endswith(("sd", "se")):
        return False
    lower, upper = row.get("lower"), row.get("upper")
    if column.key not in ("lower", "upper") or lower is None or upper is None:
        return True
    return not (lower > 0 or upper < 0)


def _number_text(number: float, column: Column, shape: _Format | None, *, as_zero: bool = False) -> str:
    if column.kind in _TEXTS:
        return _TEXTS[column.kind](number)
    if shape is None:
        return sentences.number(number, column.digits or 0)
    text = sentences.number(number / 10.0**shape.power, shape.decimals)
    hidden = not as_zero and reads_as_zero(text) and abs(number) > _PRECISION * shape.largest
    return first_digit(number / 10.0**shape.power) if hidden and number else text


def readable(text: str) -> str:
    """Without control characters, which a terminal would obey; every run of white space is one space."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())


_TEXTS: Mapping[str, Callable[[float], str]] = {
    "probability": lambda number: sentences.probability(number, words=False),
    "p-value": lambda number: "<0.001" if number < 0.001 else sentences.number(number, 3),
    "dollars": sentences.dollars,
    "amount": sentences.compact,
    "year": lambda number: f"{number:.0f}".replace("-", "−"),
}
