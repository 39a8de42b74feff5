"""How many factors predict hidden donors best, and do the donors tell?

The error of a donor is known under each number, so the difference of two numbers rests on pairs. The smallest number is
taken whose excess over the best is within its standard error: Hastie, Tibshirani & Friedman (2009), The Elements of
Statistical Learning, section 7.10. Whether the donors determine it is another question: with Dirichlet weights on them,
the Bayesian bootstrap of Rubin (1981), doi:10.1214/aos/1176345338, each number has a probability of predicting best.
Errors of the paths' own means, from so many draws, are not in it: they are below 0.002 in a mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.json_values import Result

# Weightings of the donors: the probability of predicting best is known to 0.008.
WEIGHTINGS = 4000
# The number of factors is determined where it predicts best with at least this probability.
DETERMINED = 0.95


@dataclass(frozen=True)
class RankError(Result):
    """Mean absolute error of hidden donors by number of factors; ``excess`` : over the best, with its s.e.

    ``p_best`` : the probability that no other number that was tried predicts such donors better.
    """

    rank: int
    error: float
    excess: float
    se: float
    p_best: float


def numbers_of_factors(misses: Mapping[int, Array], seed: int) -> tuple[list[RankError], int]:
    """A row for each number, and the one that is taken; ``misses`` : (J,) the error of each hidden donor by number."""
    best = min(misses, key=lambda rank: float(misses[rank].mean()))
    every = np.stack(list(misses.values()))
    weights = np.random.default_rng([seed, 4]).standard_exponential((every.shape[1], WEIGHTINGS))
    wins = np.bincount((every @ weights).argmin(axis=0), minlength=len(every))
    ranks = []
    for rank, miss, won in zip(misses, every, wins, strict=True):
        excess = miss - misses[best]
        se = float(excess.std(ddof=1) / np.sqrt(excess.size))
        ranks.append(RankError(rank, float(miss.mean()), float(excess.mean()), se, float(won / WEIGHTINGS)))
    near = [rank for rank, row in zip(misses, ranks, strict=True) if row.excess <= row.se]
    return ranks, min(near)
