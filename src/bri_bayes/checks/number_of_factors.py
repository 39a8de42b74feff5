"""How many factors predict hidden donors best, and do the donors tell?

The error of a donor is known under each number, so the difference of two numbers rests on pairs. With Dirichlet weights
on the donors, the Bayesian bootstrap of Rubin (1981), doi:10.1214/aos/1176345338, each number has a probability of
predicting best. An answer is averaged over the numbers by these probabilities, which is the average over what each
bootstrap would have chosen (Efron 2014, doi:10.1080/01621459.2013.823775): a choice that hangs by a thread would move
the whole answer when the thread breaks. Errors of the paths' own means, from so many draws, are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.json_values import Result

# Weightings of the donors: the probability of predicting best is known to 0.008.
WEIGHTINGS = 4000
# A number that is less probable than this has no part in an answer.
LEAST_PART = 0.01
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


def numbers_of_factors(misses: Mapping[int, Array], seed: int) -> list[RankError]:
    """A row for each number; ``misses`` : (J,) the error of each hidden donor by number."""
    best = min(misses, key=lambda rank: float(misses[rank].mean()))
    every = np.stack(list(misses.values()))
    weights = np.random.default_rng([seed, 4]).standard_exponential((every.shape[1], WEIGHTINGS))
    wins = np.bincount((every @ weights).argmin(axis=0), minlength=len(every))
    ranks = []
    for rank, miss, won in zip(misses, every, wins, strict=True):
        excess = miss - misses[best]
        se = float(excess.std(ddof=1) / np.sqrt(excess.size))
        ranks.append(RankError(rank, float(miss.mean()), float(excess.mean()), se, float(won / WEIGHTINGS)))
    return ranks


def draws_of_each(ranks: Sequence[RankError], draws: int) -> dict[int, int]:
    """How many of ``draws`` each number of factors gives: in proportion to ``p_best``, largest remainders first."""
    taken = [row for row in ranks if row.p_best >= LEAST_PART]
    exact = np.array([row.p_best for row in taken])
    exact *= draws / exact.sum()
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: draws - counts.sum()]] += 1
    return {row.rank: int(count) for row, count in zip(taken, counts, strict=True) if count}
