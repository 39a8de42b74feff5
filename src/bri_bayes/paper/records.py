"""Which records do the files of data/published hold? One class a file; annotations say how a line is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from bri_bayes.core.errors import InputError
from bri_bayes.paper.printed import Printed
from bri_bayes.paper.rows import Stars


@dataclass(frozen=True)
class Cell:
    """A line of cells.csv: a coefficient, its standard error and stars. ``section`` : of the paper, as in "4(2)"."""

    HEADER: ClassVar[str] = "table,column,variable,value,decimals,se,se_decimals,stars,section,note"

    table: int
    column: int
    variable: str
    estimate: Printed
    se: Printed
    stars: Stars
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


@dataclass(frozen=True)
class Statistic:
    """A line of statistics.csv: the number of rows or the R-squared of a column of Tables 3-8."""

    HEADER: ClassVar[str] = "table,column,statistic,value,decimals,section,note"

    table: int
    column: int
    statistic: str
    number: Printed

    @property
    def key(self) -> tuple[int, int, str]:
        """Table, column and statistic."""
        return self.table, self.column, self.statistic


@dataclass(frozen=True)
class Descriptive:
    """A line of tables_1_2.csv. ``sample`` : "before" or "after" matching in Table 2, empty in Table 1."""

    HEADER: ClassVar[str] = "table,row,sample,column,value,decimals,stars,section,note"

    table: int
    row: str
    sample: str
    column: str
    number: Printed
    stars: Stars
    section: str

    @property
    def key(self) -> tuple[int, str, str, str]:
        """Table, row, sample and column: what names the cell."""
        return self.table, self.row, self.sample, self.column


@dataclass(frozen=True)
class Statement:
    """A line of text.csv: a number or a claim of the running text, quoted. ``words`` : a list that it names."""

    HEADER: ClassVar[str] = "id,value,decimals,words,section,quote,meaning"

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


@dataclass(frozen=True)
class Fact:
    """A line of facts.csv: a number from outside the paper; ``low`` and ``high`` bound what is defensible."""

    HEADER: ClassVar[str] = "id,value,low,high,source,note"

    id: str
    value: float
    low: float
    high: float
    source: str
    note: str

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"the value {self.value} is not between {self.low} and {self.high}")

    @property
    def key(self) -> str:
        """What names the fact."""
        return self.id


@dataclass(frozen=True)
class Signatory:
    """A line of signatories.csv: a document with China on the Belt and Road, signed at the latest on a day."""

    HEADER: ClassVar[str] = "unit,country,signed,document,source"

    unit: str
    country: str
    signed: date
    document: str
    source: str

    @property
    def key(self) -> str:
        """The code of the country."""
        return self.unit


@dataclass(frozen=True)
class Reference:
    """A line of references.csv: an entry of the list, authors by family name; ``year`` is None where it has none."""

    HEADER: ClassVar[str] = "number,year,authors"

    number: int
    year: int | None
    authors: tuple[str, ...]

    @property
    def key(self) -> int:
        """Its number in the list."""
        return self.number
