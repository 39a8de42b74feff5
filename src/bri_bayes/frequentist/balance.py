"""Are the matched groups alike? Balance of each covariate before and after, in two conventions that differ.

Standardised mean differences divide by a standard deviation of the rows *before* matching, so that matching cannot
change the yardstick:

- ``smd`` : sqrt((s_treated^2 + s_control^2) / 2), the convention of the paper's Table 2 and of pstest
  (Rosenbaum & Rubin 1985, doi:10.1080/00031305.1985.10479383);
- ``smd_treated_sd`` : s_treated, the convention of MatchIt for the effect on the treated.

Neither is in percent here; the paper prints 100 times the first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from bri_bayes.core.arrays import Array
from bri_bayes.frequentist.matching import Matched

# The largest standardised difference that counts as balanced (Stuart 2010, doi:10.1214/09-STS313).
BALANCED = 0.1


@dataclass(frozen=True)
class GroupBalance:
    """One covariate at one stage. NaN where a group has no spread.

    ``variance_ratio`` : treated over control, weighted and unbiased; ``p_value`` : of the t test that the weighted
    means are equal (equal variances, as pstest; a habit of the literature and no test of balance: it grows as rows go).
    """

    mean_treated: float
    mean_control: float
    smd: float
    smd_treated_sd: float
    variance_ratio: float
    p_value: float


@dataclass(frozen=True)
class Balance:
    """A covariate before and after matching; ``bias_reduction`` : percent of |smd| that is gone, NaN without any."""

    covariate: str
    before: GroupBalance
    after: GroupBalance
    bias_reduction: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON: NaN becomes None."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def balance(matched: Matched, X: Mapping[str, ArrayLike] | pd.DataFrame) -> list[Balance]:
    """Balance of each column of ``X`` (obs,), before matching (all rows) and after it (by the weights)."""
    treated, weights = matched.treated.to_numpy(), matched.weights.to_numpy()
    return [_balance(str(name), np.asarray(column, dtype=float), treated, weights) for name, column in X.items()]


def effective_size(weights: ArrayLike) -> float:
    """How many equally weighted rows these weights are worth: (sum w)^2 / sum w^2 (Kish 1965)."""
    w = np.asarray(weights, dtype=float)
    squares = float(w @ w)
    return float(w.sum() ** 2 / squares) if squares > 0 else 0.0


def _balance(name: str, x: Array, treated: NDArray[np.bool_], weights: Array) -> Balance:
    yardstick = x[treated].std(ddof=1) if treated.sum() > 1 else math.nan
    other = x[~treated].std(ddof=1) if (~treated).sum() > 1 else math.nan
    pooled = math.sqrt((yardstick**2 + other**2) / 2)
    before = _group(x, treated, np.ones(x.size), pooled, yardstick)
    after = _group(x, treated, weights, pooled, yardstick)
    reduction = 100 * (1 - abs(after.smd) / abs(before.smd)) if abs(before.smd) > 0 else math.nan
    return Balance(name, before, after, reduction)


def _group(x: Array, treated: NDArray[np.bool_], weights: Array, pooled: float, yardstick: float) -> GroupBalance:
    sides = [(x[side & (weights > 0)], weights[side & (weights > 0)]) for side in (treated, ~treated)]
    means = [float(w @ values / w.sum()) for values, w in sides]
    variances = [_variance(values, w) for values, w in sides]
    difference = means[0] - means[1]
    return GroupBalance(
        means[0],
        means[1],
        _ratio(difference, pooled),
        _ratio(difference, yardstick),
        _ratio(variances[0], variances[1]),
        _p_value(difference, sides, means),
    )


def _variance(x: Array, w: Array) -> float:
    """Weighted variance, unbiased for weights that say how reliable a row is."""
    total = w.sum()
    denominator = total - (w @ w) / total
    return float(w @ (x - w @ x / total) ** 2 / denominator) if denominator > 1e-12 * total else math.nan


def _p_value(difference: float, sides: list[tuple[Array, Array]], means: list[float]) -> float:
    """Two-sided p of least squares on the treatment, each row with its weight, weights scaled to add up to the rows."""
    rows = sum(values.size for values, _ in sides)
    if rows < 3:
        return math.nan
    total = sum(float(w.sum()) for _, w in sides)
    squares = sum(float(w @ (values - mean) ** 2) for (values, w), mean in zip(sides, means, strict=True))
    variance = squares / (rows - 2) * rows / total
    se = math.sqrt(variance * sum(total / rows / float(w.sum()) for _, w in sides))
    return 2 * float(stdtr(rows - 2, -abs(difference) / se)) if se > 0 else math.nan


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else math.nan


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
