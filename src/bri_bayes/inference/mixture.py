"""What are the mean, the quantiles and P(> 0) of a mixture of normals? Computed, not drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.effect import TAILS, Effect

# A quantile is found when its normal score is this close: 1e-5 of a posterior sd.
SCORE_TOLERANCE = 1e-5
# Enough halvings of any bracket for that; secants need four or five.
_MOST_STEPS = 80
# Numbers held at once in one temporary array.
_BLOCK_NUMBERS = 500_000


@dataclass(frozen=True, eq=False)
class NormalMixtures:
    """One mixture for each outcome, sum_j w_ij N(m_ij, s_ij^2).

    ``weights``, ``means`` : (outcome, component), weights sum to one; ``sds`` : the same, or (component,) where all
    outcomes share them.
    """

    weights: Array
    means: Array
    sds: Array

    @property
    def mean(self) -> Array:
        """(outcome,)"""
        return np.asarray(np.einsum("ij,ij->i", self.weights, self.means))

    @property
    def sd(self) -> Array:
        """(outcome,)"""
        deviation = self.means - self.mean[:, None]
        within = (self.weights * self.sds**2).sum(axis=1)
        return np.asarray(np.sqrt(within + np.einsum("ij,ij,ij->i", self.weights, deviation, deviation)))

    def effects(self) -> list[Effect]:
        """Each outcome in five numbers; a constant is its own interval."""
        constant = (self.sd == 0) if len(self.means) else np.zeros(0, dtype=bool)
        mean, sd = self.mean, self.sd
        lower, upper, p_positive = mean.copy(), mean.copy(), (mean > 0).astype(float)
        if not constant.all():
            sds = self.sds if self.sds.ndim == 1 else self.sds[~constant]
            random = NormalMixtures(self.weights[~constant], self.means[~constant], sds)
            lower[~constant], upper[~constant] = (random.quantile(p) for p in TAILS)
            p_positive[~constant] = 1 - random.cdf(np.zeros(len(random.means)))
        columns = zip(mean, sd, lower, upper, p_positive, strict=True)
        return [Effect(*(float(value) for value in row)) for row in columns]

    def cdf(self, x: Array, rows: Index | None = None) -> Array:
        """P(< x) of each outcome, or of the outcomes ``rows`` : (rows,)."""
        chosen = np.arange(len(self.means)) if rows is None else rows
        below, shared = np.empty(x.size), self.sds.ndim == 1
        width = max(1, _BLOCK_NUMBERS // self.means.shape[1])
        for first in range(0, x.size, width):
            block = chosen[first : first + width]
            z = (x[first : first + width, None] - self.means[block]) / (self.sds if shared else self.sds[block])
            below[first : first + width] = np.einsum("ij,ij->i", self.weights[block], ndtr(z))
        return below

    def quantile(self, p: float) -> Array:
        """The p-quantile of each outcome : (outcome,).

        Secants of the normal score of the cdf, which is nearly linear, bisection where one leaves its bracket: the
        quantile lies between the smallest and the largest p-quantile of the components.
        """
        score = float(ndtri(p))
        ends = self.means + score * self.sds
        low = np.where(self.weights > 0, ends, np.inf).min(axis=1)
        high = np.where(self.weights > 0, ends, -np.inf).max(axis=1)
        slope = 1 / self.sd
        x = np.clip(self.mean + score / slope, low, high)
        last_x, last_miss = np.full_like(x, np.nan), np.full_like(x, np.nan)
        rows = np.arange(x.size)
        for _ in range(_MOST_STEPS):
            # Beyond these ends of the cdf a score would be infinite.
            miss = ndtri(np.clip(self.cdf(x[rows], rows), 1e-300, 1 - 1e-16)) - score
            wanted = np.abs(miss) > SCORE_TOLERANCE
            rows, miss = rows[wanted], miss[wanted]
            if not rows.size:
                break
            at = x[rows]
            high[rows] = np.where(miss > 0, at, high[rows])
            low[rows] = np.where(miss < 0, at, low[rows])
            secant = (miss - last_miss[rows]) / np.where(at == last_x[rows], np.nan, at - last_x[rows])
            slope[rows] = np.where(secant > 0, secant, slope[rows])
            last_x[rows], last_miss[rows] = at, miss
            step = at - miss / slope[rows]
            inside = (step > low[rows]) & (step < high[rows])
            x[rows] = np.where(inside, step, (low[rows] + high[rows]) / 2)
        return x
