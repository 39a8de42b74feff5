"""What does a printed cell say? A text, the decimals it has, and the interval of the numbers that round to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from bri_bayes.errors import InputError

_PRINTED = re.compile(r"-?\d{1,3}(?:,\d{3})+|-?\d+(?:\.\d+)?")
# A number that lies on the end of a rounding interval may round either way; arithmetic in floats may miss it by this.
_HALF_UNIT_SLACK = 1e-9


@dataclass(frozen=True)
class Printed:
    """A number as the paper prints it, for example "0.0385", "1.30" or "6,111"."""

    text: str

    def __post_init__(self) -> None:
        if not _PRINTED.fullmatch(self.text):
            raise ValueError(f'"{self.text}" is not a printed number such as 0.0385, -1.30 or 6,111')

    @property
    def exact(self) -> Decimal:
        """The number without rounding to a float."""
        return Decimal(self.text.replace(",", ""))

    @property
    def value(self) -> float:
        """The number."""
        return float(self.exact)

    @property
    def decimals(self) -> int:
        """Digits after the point, a closing zero included."""
        return len(self.text.partition(".")[2])

    @property
    def half_unit(self) -> float:
        """Half a unit in the last digit: how far the number before rounding can lie away."""
        return float(Decimal(5).scaleb(-self.decimals - 1))

    @property
    def interval(self) -> tuple[float, float]:
        """The least and the greatest number that rounds to it."""
        half = Decimal(5).scaleb(-self.decimals - 1)
        return float(self.exact - half), float(self.exact + half)

    def agrees(self, value: float) -> bool:
        """Whether ``value`` rounds to the printed digits."""
        return abs(value - self.value) <= self.half_unit * (1 + _HALF_UNIT_SLACK)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Cell:
    """A coefficient with its standard error and stars. ``section`` : of the paper, as in "4(2)"."""

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


@dataclass(frozen=True)
class Statistic:
    """The number of rows or the R-squared of a column of Tables 3-8."""

    table: int
    column: int
    name: str
    number: Printed

    @property
    def key(self) -> tuple[int, int, str]:
        """Table, column and name."""
        return self.table, self.column, self.name


@dataclass(frozen=True)
class Descriptive:
    """A cell of Table 1 or 2. ``sample`` : "before" or "after" matching in Table 2, empty in Table 1."""

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


@dataclass(frozen=True)
class Statement:
    """A number or a claim of the running text, with the words of the paper. ``words`` : a list that it names."""

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
