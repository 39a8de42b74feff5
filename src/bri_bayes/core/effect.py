"""How large is a quantity, and how sure is that? The five numbers that every answer has, in one class.

``PROB`` is the probability of every interval that the project prints; it stands here and nowhere else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.json_values import Result

PROB = 0.95
# The ends of an interval with that probability between them.
TAILS = ((1 - PROB) / 2, (1 + PROB) / 2)


@dataclass(frozen=True)
class Effect(Result):
    """A posterior in five numbers, in units of the quantity; (1 - ``prob``) / 2 lies beyond each end."""

    mean: float
    sd: float
    lower: float
    upper: float
    p_positive: float
    prob: float = PROB

    @classmethod
    def of_draws(cls, draws: Array) -> Self:
        """Of draws with equal weights, of any shape; one draw has no sd (NaN)."""
        flat = np.asarray(draws, dtype=float).ravel()
        lower, upper = np.quantile(flat, TAILS)
        positive = float((flat > 0).mean())
        sd = float(flat.std(ddof=1)) if flat.size > 1 else math.nan
        return cls(float(flat.mean()), sd, float(lower), float(upper), positive)

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval excludes zero."""
        return self.lower > 0 or self.upper < 0

    def as_dict(self) -> dict[str, Any]:
        """The "att" of every JSON: mean, sd, lower, upper, p_positive."""
        return {name: value for name, value in super().as_dict().items() if name != "prob"}


@dataclass(frozen=True, kw_only=True)
class EffectAt(Effect):
    """A point of a curve of effects."""

    at: float


@dataclass(frozen=True)
class Spread(Result):
    """A quantity whose sign says nothing: mean, sd and the same interval."""

    mean: float
    sd: float
    lower: float
    upper: float

    @classmethod
    def of_draws(cls, draws: Array) -> Self:
        """Of draws with equal weights, of any shape."""
        effect = Effect.of_draws(draws)
        return cls(effect.mean, effect.sd, effect.lower, effect.upper)


@dataclass(frozen=True)
class Average(Result):
    """A quantity of which the sd says little, such as a share: mean and the same interval."""

    mean: float
    lower: float
    upper: float

    @classmethod
    def of_draws(cls, draws: Array) -> Self:
        """Of draws with equal weights, of any shape."""
        effect = Effect.of_draws(draws)
        return cls(effect.mean, effect.lower, effect.upper)


@dataclass(frozen=True)
class Middle(Result):
    """A quantity that may have no mean, such as a ratio: median and the same interval."""

    median: float
    lower: float
    upper: float

    @classmethod
    def of_draws(cls, draws: Array) -> Self:
        """Of draws with equal weights, of any shape."""
        lower, median, upper = np.quantile(draws, (TAILS[0], 0.5, TAILS[1]))
        return cls(float(median), float(lower), float(upper))
