"""When does a panel support an effect of the size that a paper claims? One rule, for one panel and for many.

supported       the 95% interval of the posterior lies above zero, and the permutation test rejects no effect at 5%
not supported   the interval lies below zero, or P(effect at least half of the claim) is below 5%
cannot be told  else

The probability is that of the posterior, a mixture of normals, where it is at hand (``of_fit``). A table of many panels
has its mean and sd alone: there it is that of a normal with these (``of_moments``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from bri_bayes.core.arrays import Array
from bri_bayes.core.json_values import Result
from bri_bayes.design.analysis import Fit
from bri_bayes.estimands.linear import p_effect_above
from bri_bayes.frequentist.estimate import SIGNIFICANCE

# The part of the claimed effect that the posterior has to make improbable.
PART = 0.5


@dataclass(frozen=True)
class PartOfClaim(Result):
    """``p_part`` : P(effect at least half of ``claimed``, on its side of zero)."""

    claimed: float
    p_part: float


@dataclass(frozen=True, eq=False)
class Judged:
    """All (panel,); where a panel is neither, it cannot be told."""

    supported: NDArray[np.bool_]
    refused: NDArray[np.bool_]


def judge_effect(claimed: float, *, p_part: Array, lower: Array, upper: Array, rejected: NDArray[np.bool_]) -> Judged:
    """The rule on posteriors and permutation tests, all (panel,); ``rejected`` : no effect, at the 5% level.

    ``p_part`` : P(effect at least half of the claim, on its side of zero).
    """
    if claimed < 0:
        lower, upper = -upper, -lower
    supported = (lower > 0) & rejected
    return Judged(supported, ~supported & ((upper < 0) | (p_part < SIGNIFICANCE)))


def of_fit(fit: Fit, claimed: float) -> PartOfClaim:
    """How probable the posterior of a fit makes half of a claim."""
    above = p_effect_above(fit, PART * claimed)
    return PartOfClaim(claimed, above if claimed >= 0 else 1 - above)


def of_moments(claimed: float, *, mean: Array, sd: Array) -> Array:
    """How probable normal posteriors make half of a claim : (panel,)."""
    return np.asarray(ndtr(np.where(claimed < 0, -1, 1) * (mean - PART * claimed) / sd))
