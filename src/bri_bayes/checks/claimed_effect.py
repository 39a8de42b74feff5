"""When does a panel support an effect of the size that a paper claims? One rule, for one panel and for many.

supported       the 95% interval of the posterior lies above zero, and the permutation test rejects no effect at 5%
not supported   the interval lies below zero, or P(effect at least half of the claim) is below 5%
cannot be told  else

The probability is that of a normal with the posterior's mean and sd, which is all that a table of panels holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from bri_bayes.core.arrays import Array
from bri_bayes.frequentist.estimate import SIGNIFICANCE

# The part of the claimed effect that the posterior has to make improbable.
PART = 0.5


@dataclass(frozen=True, eq=False)
class Judged:
    """All (panel,). ``p_part`` : P(effect at least half of the claim); where a panel is neither, it cannot be told."""

    p_part: Array
    supported: NDArray[np.bool_]
    refused: NDArray[np.bool_]


def judge_effect(
    claimed: float, *, mean: Array, sd: Array, lower: Array, upper: Array, rejected: NDArray[np.bool_]
) -> Judged:
    """The rule on posteriors and permutation tests, all (panel,); ``rejected`` : no effect, at the 5% level."""
    if claimed < 0:
        claimed, mean, lower, upper = -claimed, -mean, -upper, -lower
    p_part = ndtr((mean - PART * claimed) / sd)
    supported = (lower > 0) & rejected
    return Judged(p_part, supported, ~supported & ((upper < 0) | (p_part < SIGNIFICANCE)))
