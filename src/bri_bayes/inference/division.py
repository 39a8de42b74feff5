"""How well does each division of a weight between two donors fit a path, and which division is proposed?

On the line on which the first of two donors has the share u of their weight, the sum of squares of the whitened
residual is a parabola, S(u) = least + square (u - best)^2, and with sigma ~ the half-t mixture integrated out

    log p(path | u) = -half log(rate + S(u) / 2) + constant

The proposal is a normal at the best share inside [0, 1], cut off at both ends. It depends on the line alone, not on
where on it one stands, so that it is its own way back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from bri_bayes.core.arrays import Array


@dataclass(frozen=True, eq=False)
class Division:
    """The parabola of each chain (rows,); ``least`` with the rate of sigma's prior in it; the normal by its centre, its
    spread, its mass below 0 and its mass inside."""

    best: Array
    square: Array
    least: Array
    half: float
    centre: Array
    spread: Array
    low: Array
    mass: Array

    @classmethod
    def through(cls, whitened: Array, step: Array, share: Array, rate: Array, half: float) -> Division:
        """The line on which the residual is ``whitened`` (rows, n) at ``share`` (rows,), falling by ``step`` a unit."""
        square = np.maximum(np.einsum("rn,rn->r", step, step), 1e-300)
        best = share + np.einsum("rn,rn->r", step, whitened) / square
        residual = np.einsum("rn,rn->r", whitened, whitened)
        least = rate + np.maximum(residual - square * (share - best) ** 2, 0) / 2
        spread = np.minimum(np.sqrt(least / (half * square)), 1e3)
        centre = np.clip(best, 0, 1)
        low = ndtr(-centre / spread)
        return cls(best, square, least, half, centre, spread, low, ndtr((1 - centre) / spread) - low)

    def log_likelihood(self, share: Array) -> Array:
        """Of each chain's path at ``share``, up to a constant of the line."""
        return np.asarray(-self.half * np.log(self.least + self.square * (share - self.best) ** 2 / 2))

    def draw(self, u: Array) -> Array:
        """A normal at the best division inside [0, 1], cut off there."""
        return np.asarray(np.clip(self.centre + self.spread * ndtri(self.low + u * self.mass), 0, 1))

    def density(self, share: Array) -> Array:
        """Of the proposal at ``share``."""
        z = (share - self.centre) / self.spread
        return np.asarray(np.exp(-0.5 * z**2) / (np.sqrt(2 * np.pi) * self.spread * self.mass))
