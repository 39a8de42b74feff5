"""How much of a scale's prior did the data take away?

A scale x is read on its prior's quantile u = F(x), uniform a priori, and normal score z = Phi^-1(u), N(0, 1):

    kept          sd(z | y), the posterior's sd against the prior's: 1 learned nothing, 0 is a point
    contraction   1 - kept^2

Rule: "not learned" when contraction is below 0.5 (more than 0.71 of the sd is kept), "partly learned" when below 0.75
(more than 0.5 is), else "learned". The contraction is that of Betancourt (2018), arXiv:1803.08393, section 1.2, taken
on the normal score.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from bri_bayes.core.arrays import Array
from bri_bayes.inference.prior import prior_cdf

PARTLY, NOT = 0.75, 0.5  # contraction below
NOT_LEARNED, PARTLY_LEARNED, LEARNED = "not learned", "partly learned", "learned"


def kept_sd(name: str, shape: float | tuple[float, float], values: Array, weights: Array | None = None) -> float:
    """The posterior's sd over the prior's, on the normal score; of draws of equal weight where none is given."""
    given = np.full(values.size, 1.0 / values.size) if weights is None else weights
    scores = ndtri(np.clip(prior_cdf(name, shape, values), 1e-12, 1 - 1e-12))
    return float(np.sqrt(given @ (scores - given @ scores) ** 2))


def how_much(contraction: float) -> str:
    """Whether a scale was learned, by the rule at the top of this module."""
    return NOT_LEARNED if contraction < NOT else PARTLY_LEARNED if contraction < PARTLY else LEARNED
