"""What do rounded numbers leave open? Intervals, and the arithmetic that never makes them too narrow."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from bri_bayes.paper.printed import Printed


@dataclass(frozen=True)
class Interval:
    """All numbers from ``low`` to ``high``. Operations combine the ends, so a result contains every possible value."""

    low: float
    high: float

    @classmethod
    def of(cls, printed: Printed | float) -> Interval:
        """The numbers that round to a printed one; an exact number is an interval of no length."""
        return cls(*printed.interval) if isinstance(printed, Printed) else cls(float(printed), float(printed))

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Interval) -> Interval:
        return Interval(self.low - other.high, self.high - other.low)

    def __mul__(self, other: Interval) -> Interval:
        return _hull(a * b for a in (self.low, self.high) for b in (other.low, other.high))

    def __truediv__(self, other: Interval) -> Interval:
        if other.low <= 0 <= other.high:
            raise ZeroDivisionError(f"the divisor {other} contains 0")
        return _hull(a / b for a in (self.low, self.high) for b in (other.low, other.high))

    @property
    def squared(self) -> Interval:
        """The squares of its numbers."""
        least = 0.0 if self.low <= 0 <= self.high else min(self.low**2, self.high**2)
        return Interval(least, max(self.low**2, self.high**2))

    @property
    def magnitude(self) -> Interval:
        """The absolute values of its numbers."""
        return Interval(math.sqrt(self.squared.low), math.sqrt(self.squared.high))

    @property
    def middle(self) -> float:
        """The number half way."""
        return (self.low + self.high) / 2

    def meets(self, other: Interval) -> bool:
        """Whether the two have a number in common."""
        return self.low <= other.high and other.low <= self.high

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def common(intervals: Iterable[Interval]) -> Interval | None:
    """The numbers that lie in every interval, None if there is none."""
    every = list(intervals)
    low, high = max(interval.low for interval in every), min(interval.high for interval in every)
    return Interval(low, high) if low <= high else None


def _hull(values: Iterable[float]) -> Interval:
    ends = list(values)
    return Interval(min(ends), max(ends))
