"""A witness of cards with a log link: the density of levels in plain NumPy, row by row, without the package.

Everything is said in levels and loops: the mean of a row given the rows before, then the law of that row. The
negative binomial and the Poisson law are written by their deviances as textbooks print them.
"""

from __future__ import annotations

import math

import numpy as np


def log_density(
    level: np.ndarray,
    path: np.ndarray,
    years: np.ndarray,
    *,
    family: str,
    structure: str,
    s: np.ndarray,
    rho: float,
    lump: float,
) -> float:
    """log p of levels (N, T), NaN for a gap, around exp(path) (N, T); ``s`` (N,) a share, ``lump`` in units of levels.

    For ``family`` "poisson" ``lump`` is ignored and s^2 is the variance of a level of one.
    """
    total = 0.0
    for unit in range(level.shape[0]):
        remembered: tuple[float, float] | None = None
        for t in range(level.shape[1]):
            if math.isnan(level[unit, t]):
                continue
            log_mean, variance = float(path[unit, t]), float(s[unit] ** 2)
            if structure == "random_walk" and remembered is not None:
                log_mean += remembered[1]
                variance *= years[t] - remembered[0]
            elif structure == "ar1":
                d = math.inf if remembered is None else years[t] - remembered[0]
                log_mean += 0.0 if remembered is None else rho**d * remembered[1]
                variance *= (1 - (0.0 if remembered is None else rho ** (2 * d))) / (1 - rho**2)
            total += _law(family, float(level[unit, t]), math.exp(log_mean), variance, lump)
            if level[unit, t] > 0:
                remembered = float(years[t]), math.log(level[unit, t]) - float(path[unit, t])
    return total


def _law(family: str, y: float, mean: float, variance: float, lump: float) -> float:
    if family == "gamma":
        shape = 1 / variance
        return shape * math.log(shape / mean) + (shape - 1) * math.log(y) - shape * y / mean - math.lgamma(shape)
    if family == "poisson":
        if y == 0:
            return -mean / variance - math.log(2 * math.pi * variance) / 2
        deviance = 2 * (y * math.log(y / mean) - (y - mean)) / variance
        return -deviance / 2 - math.log(2 * math.pi * variance * y) / 2
    count, expected, size = y / lump, mean / lump, 1 / variance
    if y == 0:
        return size * math.log(size / (size + expected)) - math.log(2 * math.pi * (lump + variance)) / 2
    deviance = 2 * (count * math.log(count / expected) - (count + size) * math.log((count + size) / (expected + size)))
    return -deviance / 2 - math.log(2 * math.pi * (lump * y + variance * y**2)) / 2
