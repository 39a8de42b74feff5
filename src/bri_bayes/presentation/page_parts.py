"""What stands in a table of the page? Cells with their full value behind the text, and how each kind is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bri_bayes.presentation import sentences


@dataclass(frozen=True)
class Cell:
    """What stands in a table. ``value`` : the number behind the text; ``heading`` : it names its row."""

    text: str
    value: float | None = None
    heading: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the page. ``numeric`` : which columns hold numbers; ``notes`` : lines below it."""

    caption: str
    headings: Sequence[str]
    numeric: Sequence[bool]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Paragraph:
    """A sentence or more; ``strong`` : it must not be missed."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True)
class Picture:
    """The place of a figure, under its sentences."""

    figure: str


@dataclass(frozen=True)
class Shown:
    """A table; with ``folded`` it opens at a click on that text."""

    table: Table
    folded: str | None = None


Part = Paragraph | Heading | Picture | Shown
Show = Callable[[Any], Cell]


def plain(value: Any) -> Cell:
    """Text, empty for a missing value."""
    return Cell("" if pd.isna(value) else str(value))


def row_name(value: Any) -> Cell:
    """The name of the row."""
    return Cell(str(value), heading=True)


def digits_of(digits: int) -> Show:
    """A number with so many decimals, a dash for a missing one."""

    def show(value: Any) -> Cell:
        return Cell("–") if pd.isna(value) else Cell(sentences.number(float(value), digits), float(value))

    return show


def p_value(value: Any) -> Cell:
    """A p-value with three decimals."""
    return Cell("<0.001", float(value)) if value < 0.001 else digits_of(3)(value)


def chance(value: Any) -> Cell:
    """A probability in percent."""
    return Cell("–") if pd.isna(value) else Cell(sentences.probability(float(value), words=False), float(value))


def dollars(value: Any) -> Cell:
    """An amount of US dollars, in thousands, millions or billions."""
    return Cell("–") if pd.isna(value) else Cell(sentences.dollars(float(value)), float(value))


def passes(value: Any) -> Cell:
    """Whether a gate was passed; NO is meant to be seen."""
    return Cell("–" if pd.isna(value) else "yes" if value else "NO")


def page_table(
    frame: pd.DataFrame, caption: str, columns: Mapping[str, tuple[str, Show]], notes: Sequence[str] = ()
) -> Table:
    """``columns`` : column of the frame -> heading and how a value is shown. Columns without a value are left out."""
    kept = {name: column for name, column in columns.items() if not frame[name].replace("", pd.NA).isna().all()}
    rows = [[show(row[name]) for name, (_, show) in kept.items()] for row in frame.to_dict("records")]
    numeric = [show not in (plain, row_name, passes) for _, show in kept.values()]
    return Table(caption, [heading for heading, _ in kept.values()], numeric, rows, notes)
