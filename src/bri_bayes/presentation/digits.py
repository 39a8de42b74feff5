"""How many digits does a number need? As many as its interval is wide, and enough that a sign is never rounded away."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

# In log points effects have at least two decimals and at most four; beyond six a number in units of its own is written
# with a power of ten.
_LEAST_OF_LOGS, _MOST_OF_LOGS, _MOST = 2, 4, 6
# Amounts beyond all money that there is, and below all that is told in digits.
_BEYOND, _TINY = 1e16, 1e-3
_MULTIPLES = ((1e12, "tn"), (1e9, "bn"), (1e6, "m"), (1e3, "k"))
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def digits_of(lower: float, upper: float, transform: str) -> int:
    """As many decimals as show two digits of the width of the interval of an effect."""
    width = upper - lower
    if not width > 0:
        return 2
    digits = max(1 - math.floor(math.log10(width)), 0)
    return digits if transform == "none" else min(max(digits, _LEAST_OF_LOGS), _MOST_OF_LOGS)


def digits_of_answers(outcome: Mapping[str, Any]) -> int:
    """Of many answers beside each other: as many decimals as the interval of the ``main`` one needs."""
    main = outcome["main"]
    return digits_of(main["lower"], main["upper"], str(outcome.get("transform")))


def digits_of_published(effect: float) -> int:
    """Three digits of the effect, as papers print it."""
    return max(2 - math.floor(math.log10(abs(effect))), 0) if effect else 0


def reads_as_zero(text: str) -> bool:
    """Whether a printed number has no digit but zeros."""
    return not any(char in "123456789" for char in text)


def first_digit(value: float) -> str:
    """The first digit that is not zero, with a true minus sign: what a number that would read as zero is shown by."""
    return f"{value:.1g}".replace("-", "−")


def ends_of(lower: float, upper: float, digits: int, *, signs: bool = False) -> tuple[str, str]:
    """Both ends of an interval; one that excludes zero never reads as if it touched it. ``signs`` : a plus is shown."""
    clear = lower > 0 or upper < 0

    def text(end: float) -> str:
        shown = number(end, digits)
        shown = first_digit(end) if clear and end and reads_as_zero(shown) else shown
        return f"+{shown}" if signs and end > 0 and not reads_as_zero(shown) else shown

    return text(lower), text(upper)


def mean_of(effect: Mapping[str, float], digits: int) -> str:
    """The mean of an effect with its sign; one whose interval excludes zero never reads as zero."""
    mean, clear = effect["mean"], effect["lower"] > 0 or effect["upper"] < 0
    text = number(mean, digits)
    text = first_digit(mean) if clear and mean and reads_as_zero(text) else text
    return f"+{text}" if mean > 0 and not reads_as_zero(text) else text


def number(value: float | None, digits: int) -> str:
    """A rounded number with a true minus sign and no negative zero; absent is a dash."""
    if value is None or not math.isfinite(value):
        return "–"
    if digits > _MOST:
        shown = digits + math.floor(math.log10(abs(value))) if value else -1
        return "0" if shown < 0 else f"{value:.{shown}e}".replace("-", "−")
    text = f"{value:,.{digits}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text.replace("-", "−")


def significant(value: float, count: int = 3) -> str:
    """A number with ``count`` significant digits, closing zeros among them: 3.50, 35.0, 350, 35,000."""
    rounded = float(f"{value:.{count - 1}e}")
    return number(rounded, max(count - 1 - math.floor(math.log10(abs(rounded))), 0)) if rounded else "0"


def compact(value: float, *, is_tick: bool = False) -> str:
    """A level with k, m, bn or tn, three digits told: 1.50 bn; beyond all money that there is, a power of ten.

    ``is_tick`` : of an axis, whose round levels have no closing zeros.
    """
    if abs(value) >= _BEYOND or 0 < abs(value) < _TINY:
        return _in_powers(value)
    size, letters = next((pair for pair in _MULTIPLES if abs(value) >= 0.9995 * pair[0]), (1.0, ""))
    told = significant(value / size)
    if is_tick and "." in told:
        told = told.rstrip("0").rstrip(".")
    return f"{told} {letters}".rstrip()


def dollars(value: float, *, is_tick: bool = False) -> str:
    """An amount of US dollars: −$1.30 bn; on an axis −$1.3 bn."""
    return f"{'−' if value < 0 else ''}${compact(abs(value), is_tick=is_tick)}"


def power_of_ten(power: int) -> str:
    """10⁶."""
    return f"10{str(power).translate(_SUPERSCRIPTS)}"


def _in_powers(value: float) -> str:
    """9 × 10²²."""
    digit, _, power = f"{value:.0e}".partition("e")
    return f"{digit} × {power_of_ten(int(power))}".replace("-", "−")
