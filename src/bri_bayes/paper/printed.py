"""What does a printed cell say? A text, the decimals it has, and the interval of the numbers that round to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

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
