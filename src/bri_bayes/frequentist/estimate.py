"""What does one frequentist procedure say about one effect?"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from scipy.special import stdtr, stdtrit

from bri_bayes.core.effect import PROB

# Intervals have coverage 1 - SIGNIFICANCE; they are the tests at this level, inverted.
SIGNIFICANCE = round(1 - PROB, 12)


@dataclass(frozen=True)
class Estimate:
    """A row of a table: one estimator under one way to judge it.

    ``estimate``, ``se``, ``lower``, ``upper`` : units of the outcome; ``lower`` and ``upper`` bound the 95% confidence
    interval. NaN: the number does not exist here, and ``note`` says why. None: the procedure has no such number (a
    permutation test has no ``se``), or the interval has no end on that side. ``df`` : degrees of freedom of the t
    distribution; ``n_assignments`` : assignments or sign vectors compared, the observed one included.
    """

    estimator: str
    inference: str
    estimate: float
    se: float | None
    p_value: float | None
    lower: float | None
    upper: float | None
    df: int | None = None
    n_assignments: int | None = None
    note: str | None = None

    def with_note(self, note: str) -> Estimate:
        """The same row with a further note."""
        return replace(self, note="; ".join(part for part in (self.note, note) if part))

    def as_dict(self) -> dict[str, Any]:
        """The row for JSON: NaN becomes None; ``df``, ``n_assignments`` and ``note`` appear only when there is one."""
        row = {name: _json_number(value) for name, value in asdict(self).items()}
        return {name: value for name, value in row.items() if value is not None or name not in _OPTIONAL}


_OPTIONAL = ("df", "n_assignments", "note")


def t_estimate(
    estimator: str, inference: str, estimate: float, se: float, df: int, note: str | None = None
) -> Estimate:
    """The row of a t test of no effect with ``df`` degrees of freedom; a NaN ``se`` gives NaN for the rest."""
    p_value, lower, upper = t_test(estimate, se, df)
    return Estimate(estimator, inference, float(estimate), float(se), p_value, lower, upper, df=df, note=note)


def t_test(estimate: float, se: float, df: int) -> tuple[float, float, float]:
    """Two-sided p-value and 95% interval of estimate / se ~ t(df); three NaN where there is no standard error."""
    if not (se > 0 and df >= 1):
        return math.nan, math.nan, math.nan
    half = float(stdtrit(df, 1 - SIGNIFICANCE / 2)) * se
    return 2 * float(stdtr(df, -abs(estimate) / se)), float(estimate - half), float(estimate + half)


def _json_number(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
