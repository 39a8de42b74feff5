"""How uncertain is a matching estimate of the effect on the treated?

Three answers, each with what it assumes; None where it does not exist.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bri_bayes.core.arrays import Array
from bri_bayes.frequentist.matching import SAME_SCORE, Matched

# Rows of the same group from which the outcome's variance at a score is estimated, the row itself not counted
# (J in Abadie & Imbens 2006).
VARIANCE_NEIGHBOURS = 1


@dataclass(frozen=True)
class MatchingErrors:
    """Standard errors of an ATT, in units of the outcome; the score counts as known in all of them.

    ``abadie_imbens`` : Abadie & Imbens (2006), for the population; ``abadie_imbens_sample`` : for these treated rows;
    both for nearest neighbours with replacement only. ``paired`` : sd of the differences / sqrt(pairs), for
    matching without replacement. ``approximate`` : psmatch2's formula with fixed weights. ``note`` : why one is None.
    """

    abadie_imbens: float | None
    abadie_imbens_sample: float | None
    paired: float | None
    approximate: float | None
    note: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def matching_errors(
    matched: Matched, outcome: ArrayLike, *, variance_neighbours: int = VARIANCE_NEIGHBOURS
) -> MatchingErrors:
    """Every standard error that exists for this match. ``outcome`` : (obs,)."""
    y = np.asarray(outcome, dtype=float)
    difference = y[matched.matched_treated] - matched.counterfactual(y)
    rule = matched.rule
    approximate = _approximate(matched, y)
    if rule.method != "nearest":
        note = f"Abadie-Imbens standard errors are for nearest neighbours, not for {rule.method} matching"
        return MatchingErrors(None, None, None, approximate, note)
    if not rule.replace:
        note = "matched without replacement: the pairs are independent given the score (Abadie & Spiess 2022)"
        paired = float(difference.std(ddof=1) / math.sqrt(difference.size)) if difference.size > 1 else None
        return MatchingErrors(None, None, paired, approximate, note)
    population, sample = _abadie_imbens(matched, y, difference, variance_neighbours)
    if population is None:
        note = f"a group has {variance_neighbours} rows or fewer: its outcome variance at a score cannot be estimated"
        return MatchingErrors(None, None, None, approximate, note)
    return MatchingErrors(population, sample, None, approximate)


def conditional_variance(
    score: Array, treated: NDArray[np.bool_], outcome: Array, rows: NDArray[np.intp], neighbours: int
) -> Array:
    """Variance of the outcome at the score of each of ``rows``, from the nearest rows of the same group:

        s2_i = J / (J + 1) (y_i - mean of the J nearest)^2       (Abadie & Imbens 2006, equation 14; ties averaged)

    (rows,) in squared units of the outcome.
    """
    variance = np.empty(rows.size)
    for position, row in enumerate(rows):
        others = np.flatnonzero(treated == treated[row])
        others = others[others != row]
        distance = np.abs(score[others] - score[row])
        furthest = np.partition(distance, neighbours - 1)[neighbours - 1]
        near = others[distance <= furthest + SAME_SCORE]
        variance[position] = near.size / (near.size + 1) * (outcome[row] - outcome[near].mean()) ** 2
    return variance


def _abadie_imbens(matched: Matched, y: Array, difference: Array, neighbours: int) -> tuple[float | None, float | None]:
    """Theorem 7 of Abadie & Imbens (2006), doi:10.1111/j.1468-0262.2006.00655.x, with K_i the weight of control i:

        V = 1/N1^2 [ sum_{treated} (y_i - y^_i - att)^2 + sum_{controls} (K_i^2 - K'_i) s2_i ]
        V(sample) = 1/N1^2 [ sum_{treated} s2_i + sum_{controls} K_i^2 s2_i ]

    K_i is the sum of the shares of a control, K'_i the sum of their squares; only rows on the support count.
    """
    treated, score = matched.treated.to_numpy(), matched.score.to_numpy()
    rows, controls = matched.matched_treated, matched.matched_controls
    if min(treated.sum(), (~treated).sum()) <= neighbours:
        return None, None
    weight = matched.weights.to_numpy()[controls]
    squares = np.bincount(matched.pair_control, matched.pair_share**2, minlength=y.size)[controls]
    among_controls = conditional_variance(score, treated, y, controls, neighbours)
    among_treated = conditional_variance(score, treated, y, rows, neighbours)
    centred = difference - difference.mean()
    population = centred @ centred + (weight**2 - squares) @ among_controls
    sample = among_treated.sum() + weight**2 @ among_controls
    return math.sqrt(population) / rows.size, math.sqrt(sample) / rows.size


def _approximate(matched: Matched, y: Array) -> float | None:
    """psmatch2's default: var(y | treated) / N1 + sum w^2 / N1^2 var(y | matched controls), variances with n - 1."""
    rows, controls = matched.matched_treated, matched.matched_controls
    if min(rows.size, controls.size) < 2:
        return None
    weight = matched.weights.to_numpy()[controls]
    variance = y[rows].var(ddof=1) / rows.size + (weight @ weight) / rows.size**2 * y[controls].var(ddof=1)
    return float(math.sqrt(variance))
