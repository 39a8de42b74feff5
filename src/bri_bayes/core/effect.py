"""How large is a quantity, and how sure is that? The five numbers that every answer has, in one class.

``PROB`` is the probability of every interval that the project prints; it stands here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from bri_bayes.core.arrays import Array

PROB = 0.95
# The ends of an interval with that probability between them.
TAILS = ((1 - PROB) / 2, (1 + PROB) / 2)


@dataclass(frozen=True)
class Effect:
    """A posterior in five numbers, in units of the quantity; (1 - ``prob``) / 2 lies beyond each end."""

    mean: float
    sd: float
    lower: float
    upper: float
    p_positive: float
    prob: float = PROB

    @classmethod
    def of_draws(cls, draws: Array) -> Self:
        """Of draws with equal weights, of any shape."""
        flat = np.asarray(draws, dtype=float).ravel()
        lower, upper = np.quantile(flat, TAILS)
        positive = float((flat > 0).mean())
        return cls(float(flat.mean()), float(flat.std(ddof=1)), float(lower), float(upper), positive)

    def as_dict(self) -> dict[str, float]:
        """The "att" of every JSON: mean, sd, lower, upper, p_positive."""
        names = ("mean", "sd", "lower", "upper", "p_positive")
        return {name: getattr(self, name) for name in names}
