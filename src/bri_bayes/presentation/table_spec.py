"""What is a table? Columns, caption and notes declared once, for the page, CSV, LaTeX and the terminal."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from bri_bayes.data.provenance import NOT_OFFICIAL
from bri_bayes.presentation.period_words import period_label, writer
from bri_bayes.presentation.policy_name import naming_policy

Values = Mapping[str, Any]
# ``name`` : text that heads its row; ``folded`` : text that the page opens at a click.
Kind = Literal[
    "text", "name", "pass", "verdict", "folded",
    "number", "count", "year", "probability", "p-value", "dollars", "amount",
]  # fmt: skip
NUMERIC = ("number", "count", "year", "probability", "p-value", "dollars", "amount")
_TYPES = dict.fromkeys(("number", "probability", "p-value", "dollars", "amount"), "float64")
_TYPES |= {"count": "Int64", "year": "Int64", "pass": "boolean"}

KINDS: Mapping[str, str] = {
    "simulation": "SIMULATED PANEL - not observations",
    "reconstruction": "RECONSTRUCTED PANEL - not observations",
    "user": "User's own panel, not checked against a source",
}
RECONSTRUCTION: Values = {
    "kind": "reconstruction",
    "label": "Panels on which the regressions of Akyeva (2026) give its printed tables",
}
PUBLISHED: Values = {"kind": "published", "label": "Numbers as they are printed in Akyeva (2026)"}


@dataclass(frozen=True)
class Column:
    """A column. ``key`` : its name in the CSV; ``heading`` : elsewhere, and without one it stands in the CSV alone.

    ``digits`` : decimals of a number, None where its size decides; numbers of one ``scale`` share decimals and power
    of ten; a ``minor`` column goes first where the width is short, on a terminal and in LaTeX.
    """

    key: str
    heading: str = ""
    kind: Kind = "text"
    digits: int | None = None
    scale: str = ""
    minor: bool = False

    @property
    def is_numeric(self) -> bool:
        """Whether its cells are numbers."""
        return self.kind in NUMERIC


def in_csv(*keys: str, kind: Kind = "text") -> tuple[Column, ...]:
    """Columns of the CSV alone."""
    return tuple(Column(key, kind=kind) for key in keys)


def effect_columns(
    mean: str = "mean", *, sd: str = "sd", digits: int | None = None, minor: bool = False
) -> tuple[Column, ...]:
    """The five numbers of a posterior under their usual headings; without a heading ``sd`` is for the CSV alone."""
    headings = {"mean": mean, "sd": sd, "lower": "2.5%", "upper": "97.5%"}
    numbers = (Column(key, heading, "number", digits, "effect", minor) for key, heading in headings.items())
    return (*numbers, Column("p_positive", "P(> 0)", "probability"))


@dataclass(frozen=True)
class Table:
    """A table with its rows. ``unit`` : of its effects; ``panel`` : kind, label and sources of what it is made from."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Values, ...]
    notes: tuple[str, ...] = ()
    unit: str = ""
    panel: Values = dataclasses.field(default_factory=dict)

    def frame(self) -> pd.DataFrame:
        """Every column with its type, an absent number as missing, and the kind of the panel."""
        cells = {column.key: [row.get(column.key) for row in self.rows] for column in self.columns}
        frame = pd.DataFrame(cells, columns=[column.key for column in self.columns])
        types = {column.key: _TYPES[column.kind] for column in self.columns if column.kind in _TYPES}
        return frame.astype(types).assign(panel=str(self.panel["kind"]))

    def where(self, **wanted: Any) -> Table:
        """The rows that have these cells."""
        rows = tuple(row for row in self.rows if all(row.get(key) == cell for key, cell in wanted.items()))
        return dataclasses.replace(self, rows=rows)

    def select(self, *keys: str) -> Table:
        """These columns in this order."""
        by_key = {column.key: column for column in self.columns}
        return dataclasses.replace(self, columns=tuple(by_key[key] for key in keys))

    def without(self, *keys: str) -> Table:
        """All columns but these."""
        return dataclasses.replace(self, columns=tuple(column for column in self.columns if column.key not in keys))

    def titled(self, caption: str, *, unit: str = "", notes: Sequence[str] | None = None) -> Table:
        """The same rows under another caption."""
        kept = self.notes if notes is None else tuple(notes)
        return dataclasses.replace(self, caption=caption, unit=unit or self.unit, notes=kept)

    def by_outcome(self) -> list[Table]:
        """A table for each outcome under its label."""
        labels = {row["outcome"]: str(row["label"]) for row in self.rows}
        return [
            self.where(outcome=name).without("label").titled(f"{self.caption}: {label}")
            for name, label in labels.items()
        ]

    @property
    def shown(self) -> tuple[Column, ...]:
        """The columns with a heading and at least one value, or all where there is no row: what a reader sees."""
        return tuple(
            column
            for column in self.columns
            if column.heading and (not self.rows or any(not is_missing(row.get(column.key)) for row in self.rows))
        )

    @property
    def alarm(self) -> str:
        """What must be said of a panel that is not observed or not official; nothing for any other."""
        return alarm_of(self.panel)


@dataclass(frozen=True)
class TableSpec:
    """A table before its rows. ``rows``, ``notes`` and ``panel`` : from the values of a study.

    ``panel`` : of the study where nothing else is said; the writers of each form say its kind, and nobody else need.
    """

    name: str
    caption: str
    columns: tuple[Column, ...] | Callable[[Values], tuple[Column, ...]]
    rows: Callable[[Values], Iterable[Values]]
    notes: Callable[[Values], Iterable[str]] = lambda values: ()
    panel: Callable[[Values], Values] = lambda values: values["panel"]

    def fill(self, values: Values) -> Table:
        """The table of these values."""
        rows = tuple(self.rows(values))
        caption, *notes = (naming_policy(values, text) for text in (self.caption, *self.notes(values)))
        columns = self.columns(values) if callable(self.columns) else self.columns
        return _with_periods(values, Table(self.name, caption, columns, rows, tuple(notes), panel=self.panel(values)))

    def frame(self, values: Values) -> pd.DataFrame:
        """The rows of these values with all columns."""
        return self.fill(values).frame()


def _with_periods(values: Values, table: Table) -> Table:
    """The table with periods as the file writes them and its word for them; a table of years as it is."""
    write = writer(values)
    if write is str:
        return table
    # Event times are written as years are and count periods, whatever the ordinals of the panel.
    periods = {column.key for column in table.columns if column.kind == "year" and column.key != "event_time"}

    def cell(key: str, value: Any) -> Any:
        if key in periods:
            return period_label(values, value) or value
        return write(value) if isinstance(value, str) else value

    kinds = {column.key: "text" if column.key in periods else column.kind for column in table.columns}
    columns = tuple(
        dataclasses.replace(column, heading=write(column.heading), kind=kinds[column.key]) for column in table.columns
    )
    rows = tuple({key: cell(key, value) for key, value in row.items()} for row in table.rows)
    notes = tuple(write(note) for note in table.notes)
    return dataclasses.replace(table, caption=write(table.caption), columns=columns, rows=rows, notes=notes)


def is_missing(cell: Any) -> bool:
    """None, NaN and empty text."""
    return cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))


def alarm_of(panel: Values) -> str:
    """The loud words for a panel that is not observed, or that no service gave though its study names one; or none."""
    if str(panel.get("label") or "").startswith(NOT_OFFICIAL):
        return f"{NOT_OFFICIAL} - answers of another server than the services"
    return KINDS[panel["kind"]] if panel["kind"] in ("simulation", "reconstruction") else ""


def provenance_of(panel: Values) -> str:
    """What numbers are made from, in one line; a panel that is not observed says so first."""
    sources = "; ".join(str(source) for source in panel.get("sources") or [])
    said = [KINDS.get(panel["kind"], ""), str(panel.get("label") or "").rstrip("."), sources and f"Source: {sources}"]
    return ". ".join(part for part in said if part) or "The study names no source."
