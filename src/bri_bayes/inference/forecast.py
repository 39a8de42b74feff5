"""What would AR(1) errors do after the last row before the policy? Precisions and forecasts on a grid of rho.

For errors of one unit with innovation sd sigma, at periods t_1 < ... < t_n and u_1 < ... < u_h (gaps allowed),

    cov(e_s, e_t) = sigma^2 rho^|s - t| / (1 - rho^2)
    e_u | e_t ~ N(B e_t, sigma^2 C C'),   B = cov(u, t) cov(t, t)^-1,   C C' = cov(u, u) - B cov(t, u)

Source: Hamilton (1994), Time Series Analysis, section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array

# Autocorrelations that are tried: midpoints of equal cells of a uniform prior on (-0.5, 1). Below it the errors of a
# yearly series would change sign each year, above it they have no variance.
RHO_GRID: Array = -0.5 + 1.5 * (np.arange(60) + 0.5) / 60


@dataclass(frozen=True, eq=False)
class Ar1Grid:
    """``precision`` (G, n, n) of the rows before at sigma = 1, ``log_det`` (G,) of it; ``onward`` B (G, h, n) and
    ``spread`` C (G, h, h) of the rows after."""

    precision: Array
    log_det: Array
    onward: Array
    spread: Array


def ar1_grid(before: Array, after: Array) -> Ar1Grid:
    """The parts for each rho of the grid, for periods ``before`` (n,) and ``after`` (h,)."""
    rho = RHO_GRID[:, None, None]

    def covariance(first: Array, second: Array) -> Array:
        lag = np.abs(first[:, None] - second[None, :])[None]
        return np.asarray(np.sign(rho) ** lag * np.abs(rho) ** lag / (1 - rho**2))

    now = covariance(before, before)
    precision = np.linalg.inv(now)
    onward = covariance(after, before) @ precision
    remaining = covariance(after, after) - onward @ covariance(before, after)
    return Ar1Grid(precision, -np.linalg.slogdet(now)[1], onward, np.linalg.cholesky(remaining))
