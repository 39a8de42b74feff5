"""Which records do the files of data/published hold? One class a file, with its header and how a row becomes one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from bri_bayes.core.errors import InputError
from bri_bayes.paper.printed import Printed
from bri_bayes.paper.rows import Row


@dataclass(frozen=True)
class Cell:
    """A coefficient with its standard error and stars. ``section`` : of the paper, as in "4(2)"."""

    HEADER: ClassVar = (
        "table",
        "column",
        "variable",
        "value",
        "decimals",
        "se",
        "se_decimals",
        "stars",
        "section",
        "note",
    )

    table: int
    column: int
    variable: str
    estimate: Printed
    se: Printed
    stars: int
    section: str
    note: str = ""

    @property
    def key(self) -> tuple[int, int, str]:
        """Table, column and variable: what names the cell."""
        return self.table, self.column, self.variable

    @property
    def t(self) -> float:
        """Estimate over standard error."""
        return self.estimate.value / self.se.value

    @property
    def t_interval(self) -> tuple[float, float]:
        """The least and the greatest t that the rounding of both numbers allows."""
        ratios = [e / s for e in self.estimate.interval for s in self.se.interval]
        return min(ratios), max(ratios)

    @property
    def label(self) -> str:
        """The name of the cell for a reader."""
        return f"Table {self.table} ({self.column}) {self.variable}"

    @classmethod
    def from_row(cls, row: Row) -> Cell:
        """A row of cells.csv."""
        return cls(
            table=row.integer("table"),
            column=row.integer("column"),
            variable=row["variable"],
            estimate=row.number("value", "decimals"),
            se=row.number("se", "se_decimals"),
            stars=row.stars("stars"),
            section=row["section"],
            note=row["note"],
        )


@dataclass(frozen=True)
class Statistic:
    """The number of rows or the R-squared of a column of Tables 3-8."""

    HEADER: ClassVar = ("table", "column", "statistic", "value", "decimals", "section", "note")

    table: int
    column: int
    name: str
    number: Printed

    @property
    def key(self) -> tuple[int, int, str]:
        """Table, column and name."""
        return self.table, self.column, self.name

    @classmethod
    def from_row(cls, row: Row) -> Statistic:
        """A row of statistics.csv."""
        number = row.number("value", "decimals")
        return cls(row.integer("table"), row.integer("column"), row["statistic"], number)


@dataclass(frozen=True)
class Descriptive:
    """A cell of Table 1 or 2. ``sample`` : "before" or "after" matching in Table 2, empty in Table 1."""

    HEADER: ClassVar = ("table", "row", "sample", "column", "value", "decimals", "stars", "section", "note")

    table: int
    row: str
    sample: str
    column: str
    number: Printed
    stars: int
    section: str

    @property
    def key(self) -> tuple[int, str, str, str]:
        """Table, row, sample and column: what names the cell."""
        return self.table, self.row, self.sample, self.column

    @classmethod
    def from_row(cls, row: Row) -> Descriptive:
        """A row of tables_1_2.csv."""
        return cls(
            table=row.integer("table"),
            row=row["row"],
            sample=row["sample"],
            column=row["column"],
            number=row.number("value", "decimals"),
            stars=row.stars("stars"),
            section=row["section"],
        )


@dataclass(frozen=True)
class Statement:
    """A number or a claim of the running text, with the words of the paper. ``words`` : a list that it names."""

    HEADER: ClassVar = ("id", "value", "decimals", "words", "section", "quote", "meaning")

    id: str
    number: Printed | None
    words: tuple[str, ...]
    section: str
    quote: str
    meaning: str

    @property
    def value(self) -> float:
        """The number that the statement quotes."""
        if self.number is None:
            raise InputError(f'the statement "{self.id}" of the text has no number')
        return self.number.value

    @property
    def key(self) -> str:
        """What names the statement."""
        return self.id

    @classmethod
    def from_row(cls, row: Row) -> Statement:
        """A row of text.csv."""
        return cls(
            id=row["id"],
            number=row.number("value", "decimals") if row["value"] else None,
            words=tuple(row["words"].split()),
            section=row["section"],
            quote=row["quote"],
            meaning=row["meaning"],
        )


@dataclass(frozen=True)
class Fact:
    """A number from outside the paper. ``low`` and ``high`` bound it where more than one is defensible."""

    HEADER: ClassVar = ("id", "value", "low", "high", "source", "note")

    id: str
    value: float
    low: float
    high: float
    source: str
    note: str

    @property
    def key(self) -> str:
        """What names the fact."""
        return self.id

    @classmethod
    def from_row(cls, row: Row) -> Fact:
        """A row of facts.csv; without bounds the value is both."""
        value = row.decimal("value")
        low, high = (row.decimal(name) if row[name] else value for name in ("low", "high"))
        if not low <= value <= high:
            raise row.error(f"the value {value} is not between {low} and {high}")
        return cls(row["id"], value, low, high, row["source"], row["note"])


@dataclass(frozen=True)
class Signatory:
    """A document of a country with China on the Belt and Road: signed on, or at the latest on, a day."""

    HEADER: ClassVar = ("unit", "country", "signed", "document", "source")

    unit: str
    country: str
    signed: date
    document: str
    source: str

    @property
    def key(self) -> str:
        """The code of the country."""
        return self.unit

    @classmethod
    def from_row(cls, row: Row) -> Signatory:
        """A row of signatories.csv."""
        return cls(row["unit"], row["country"], row.day("signed"), row["document"], row["source"])


@dataclass(frozen=True)
class Reference:
    """An entry of the list of references; ``year`` is None where the entry has none."""

    HEADER: ClassVar = ("number", "year", "authors")

    number: int
    year: int | None
    authors: tuple[str, ...]

    @property
    def key(self) -> int:
        """Its number in the list."""
        return self.number

    @classmethod
    def from_row(cls, row: Row) -> Reference:
        """A row of references.csv; authors by family name."""
        return cls(row.integer("number"), row.integer("year") if row["year"] else None, tuple(row["authors"].split()))
