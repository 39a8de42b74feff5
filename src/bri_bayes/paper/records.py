"""Which records do the files of data/published hold? One class a file; annotations say how a line is read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from bri_bayes.core.errors import InputError
from bri_bayes.paper.printed import Printed
from bri_bayes.paper.rows import Record, Stars


def over(value: float, divisor: float) -> float:
    """The ratio of two printed numbers: infinite over a zero, and no number where both are."""
    if divisor:
        return value / divisor
    return math.copysign(math.inf, value) if value else math.nan


@dataclass(frozen=True)
class Cell(Record):
    """A line of cells.csv: a coefficient, its standard error and stars. ``section`` : of the paper, as in "4(2)"."""

    HEADER = "table,column,variable,value,decimals,se,se_decimals,stars,section,note"
    KEY = ("table", "column", "variable")

    table: int
    column: int
    variable: str
    estimate: Printed
    se: Printed
    stars: Stars
    section: str
    note: str = ""

    @property
    def t(self) -> float:
        """Estimate over standard error; infinite where the printed standard error is zero."""
        return over(self.estimate.value, self.se.value)

    @property
    def t_interval(self) -> tuple[float, float]:
        """The least and the greatest t that the rounding of both numbers allows."""
        ratios = [over(e, max(s, 0.0)) for e in self.estimate.interval for s in self.se.interval]
        return min(ratios), max(ratios)

    @property
    def label(self) -> str:
        """The name of the cell for a reader."""
        return f"Table {self.table} ({self.column}) {self.variable}"


@dataclass(frozen=True)
class Statistic(Record):
    """A line of statistics.csv: the number of rows or the R-squared of a column of Tables 3-8."""

    HEADER = "table,column,statistic,value,decimals,section,note"
    KEY = ("table", "column", "statistic")

    table: int
    column: int
    statistic: str
    number: Printed


@dataclass(frozen=True)
class Descriptive(Record):
    """A line of tables_1_2.csv. ``sample`` : "before" or "after" matching in Table 2, empty in Table 1."""

    HEADER = "table,row,sample,column,value,decimals,stars,section,note"
    KEY = ("table", "row", "sample", "column")

    table: int
    row: str
    sample: str
    column: str
    number: Printed
    stars: Stars
    section: str


@dataclass(frozen=True)
class Statement(Record):
    """A line of text.csv: a number or a claim of the running text, quoted. ``words`` : a list that it names."""

    HEADER = "id,value,decimals,words,section,quote,meaning"
    KEY = ("id",)

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


@dataclass(frozen=True)
class Fact(Record):
    """A line of facts.csv: a number from outside the paper; ``low`` and ``high`` bound what is defensible."""

    HEADER = "id,value,low,high,source,note"
    KEY = ("id",)

    id: str
    value: float
    low: float
    high: float
    source: str
    note: str

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"the value {self.value} is not between {self.low} and {self.high}")


@dataclass(frozen=True)
class Signatory(Record):
    """A line of signatories.csv: a document with China on the Belt and Road, signed at the latest on a day."""

    HEADER = "unit,country,signed,document,source"
    KEY = ("unit",)

    unit: str
    country: str
    signed: date
    document: str
    source: str


@dataclass(frozen=True)
class Reference(Record):
    """A line of references.csv: an entry of the list, authors by family name; ``year`` is None where it has none."""

    HEADER = "number,year,authors"
    KEY = ("number",)

    number: int
    year: int | None
    authors: tuple[str, ...]
