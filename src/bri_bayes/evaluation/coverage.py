"""Do intervals hold what was planted? Share, bias and length over simulated panels, in one place for every study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.json_values import Result


@dataclass(frozen=True)
class Coverage(Result):
    """Of 95% intervals over panels: share that holds the truth, mean error with its standard error, median length."""

    situation: str
    by: str
    panels: int
    coverage: float
    bias: float
    bias_se: float
    length: float


def coverage(situation: str, by: str, answers: Sequence[tuple[float, float, float]], truth: Array) -> Coverage:
    """Of one method in one situation; ``answers`` : (estimate, lower, upper) of each panel, ``truth`` (panels,)."""
    estimate, lower, upper = np.array(answers).T
    error = estimate - truth
    return Coverage(
        situation=situation,
        by=by,
        panels=truth.size,
        coverage=float(((lower <= truth) & (truth <= upper)).mean()),
        bias=float(error.mean()),
        bias_se=float(error.std(ddof=1) / np.sqrt(error.size)),
        length=float(np.median(upper - lower)),
    )
