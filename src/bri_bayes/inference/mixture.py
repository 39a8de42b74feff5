"""What are the mean, the quantiles and P(> 0) of a mixture of normals? Computed, not drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr, ndtri

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.effect import TAILS, Effect

# A quantile is found when its normal score is this close: 1e-5 of a posterior sd.
SCORE_TOLERANCE = 1e-5
# Enough halvings of any bracket for that; secants need four or five.
_MOST_STEPS = 80
# Where the expansion is used: it must grow with the score, and move it by no more than this.
_LEAST_GROWTH, _MOST_SHIFT = 0.3, 1.0
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
        return self._shape[0]

    @property
    def sd(self) -> Array:
        """(outcome,)"""
        return self._shape[1]

    @cached_property
    def _shape(self) -> tuple[Array, Array, Array, Array]:
        """Mean, sd, skewness and excess kurtosis : (outcome,) each; the last two are zero of a constant."""
        weights, v = self.weights, self.sds**2
        mean = np.einsum("ij,ij->i", weights, self.means)
        deviation = self.means - mean[:, None]
        first = weights * deviation
        second = first * deviation
        variance = second.sum(axis=1) + _averaged(weights, v)
        third = np.einsum("ij,ij->i", second, deviation) + 3 * _averaged(first, v)
        fourth = np.einsum("ij,ij,ij->i", second, deviation, deviation)
        fourth += 6 * _averaged(second, v) + 3 * _averaged(weights, v**2)
        sd = np.sqrt(variance)
        unit = np.where(sd > 0, sd, np.inf)
        return mean, sd, third / unit**3, np.where(sd > 0, fourth / unit**4 - 3, 0.0)

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

        Secants of the normal score of the cdf, which is nearly linear, from the expansion of Cornish and Fisher in
        skewness and kurtosis; bisection where one leaves its bracket: the quantile lies between the smallest and the
        largest p-quantile of the components.
        """
        score = float(ndtri(p))
        x, slope = self._expanded(score)
        low, high = np.full_like(x, -np.inf), np.full_like(x, np.inf)
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
            x[rows] = at - miss / slope[rows]
            lost = rows[~((x[rows] > low[rows]) & (x[rows] < high[rows]))]
            if lost.size:
                least, most = self._bracket(score, lost)
                low[lost], high[lost] = np.maximum(low[lost], least), np.minimum(high[lost], most)
                x[lost] = (low[lost] + high[lost]) / 2
        return x

    def _expanded(self, score: float) -> tuple[Array, Array]:
        """Where a quantile is about, and the slope of the normal score of the cdf there : (outcome,) each.

        Source: Cornish & Fisher (1938), doi:10.2307/1400905.
        """
        mean, sd, skewness, kurtosis = self._shape
        by_skewness, by_kurtosis, by_square = score**2 - 1, score**3 - 3 * score, 2 * score**3 - 5 * score
        expanded = score + skewness * by_skewness / 6 + kurtosis * by_kurtosis / 24 - skewness**2 * by_square / 36
        growth = 1 + skewness * score / 3 + kurtosis * by_skewness / 8 - skewness**2 * (6 * score**2 - 5) / 36
        usable = (growth > _LEAST_GROWTH) & (np.abs(expanded - score) < _MOST_SHIFT)
        x = mean + sd * np.where(usable, expanded, score)
        return x, 1 / (sd * np.where(usable, growth, 1.0))

    def _bracket(self, score: float, rows: Index) -> tuple[Array, Array]:
        """The smallest and the largest quantile of the components of the outcomes ``rows`` : (rows,) each."""
        ends = self.means[rows] + score * (self.sds if self.sds.ndim == 1 else self.sds[rows])
        counts = self.weights[rows] > 0
        return np.where(counts, ends, np.inf).min(axis=1), np.where(counts, ends, -np.inf).max(axis=1)


def _averaged(weights: Array, values: Array) -> Array:
    """Sums of ``values``, (component,) or (outcome, component), weighted with (outcome, component) : (outcome,)."""
    return weights @ values if values.ndim == 1 else np.einsum("ij,ij->i", weights, values)
