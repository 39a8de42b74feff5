"""How do the errors of one unit hang together over time? Serial structure of a panel with gaps.

With d the number of periods since the unit's previous row, the error is a Markov chain,

    e_j = phi_j e_{j-1} + s_j w_j,   w_j ~ N(0, 1)

    iid          phi = 0,      s^2 = sigma^2
    ar1          phi = rho^d,  s^2 = sigma^2 (1 - rho^2d) / (1 - rho^2);  first row s^2 = sigma^2 / (1 - rho^2)
    random_walk  phi = 1,      s^2 = sigma^2 d;                           first row s^2 = sigma^2

sigma is the sd of the innovation of one period (of the error itself under iid). The level of a random walk is
absorbed by the wide unit effect. Source: Hamilton (1994), Time Series Analysis, section 5.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bri_bayes.names import ErrorStructure
from bri_bayes.within import Array, Index


@dataclass(frozen=True)
class Serial:
    """Rows sorted by unit and period. ``gap`` : (n,) periods since the unit's previous row, 0 for its first row."""

    structure: ErrorStructure
    unit_ix: Index
    gap: Array

    @property
    def is_first(self) -> np.ndarray:
        """Rows without an earlier row of the same unit : (n,) bool."""
        return np.asarray(self.gap == 0)

    def transition(self, sigma: Array, rho: Array) -> tuple[Array, Array]:
        """phi and s of each row, (draws, n), for sigma (draws,) or (draws, units) and rho (draws,)."""
        scale = (
            sigma[:, self.unit_ix] if sigma.ndim == 2 else np.broadcast_to(sigma[:, None], (sigma.size, self.gap.size))
        )
        if self.structure == "iid":
            return np.zeros(scale.shape), scale
        if self.structure == "random_walk":
            phi = np.broadcast_to(np.where(self.is_first, 0.0, 1.0), scale.shape)
            return phi, scale * np.sqrt(np.where(self.is_first, 1.0, self.gap))
        gaps, inverse = np.unique(self.gap, return_inverse=True)
        phi_gap = np.where(gaps == 0, 0.0, rho[:, None] ** np.maximum(gaps, 1))
        innovation = (1 - phi_gap**2) / (1 - rho[:, None] ** 2)
        return phi_gap[:, inverse], scale * np.sqrt(innovation[:, inverse])

    def components(self) -> Iterator[tuple[str, float, np.ndarray]]:
        """The parts of the precision: "first" rows, then the rows at each gap d: (kind, d, row positions)."""
        if self.structure == "iid":
            yield "first", 0.0, np.arange(self.gap.size)
            return
        yield "first", 0.0, np.flatnonzero(self.is_first)
        for d in np.unique(self.gap[self.gap > 0]):
            yield "gap", float(d), np.flatnonzero(self.gap == d)


def serial_errors(structure: ErrorStructure, unit_ix: Index, period: Array) -> Serial:
    """The serial structure of rows sorted by unit, then period."""
    same = np.diff(unit_ix, prepend=-1) == 0
    return Serial(structure, unit_ix, np.where(same, np.diff(period, prepend=period[0]), 0.0))


def whitened(serial: Serial, error: Array, phi: Array, s: Array) -> Array:
    """Innovations w = (e_j - phi_j e_{j-1}) / s_j : (draws, n)."""
    before = np.roll(error, 1, axis=-1)
    return np.asarray((error - phi * np.where(serial.is_first, 0.0, before)) / s)


def coloured(serial: Serial, innovations: Array, phi: Array, s: Array) -> Array:
    """Errors e_j = phi_j e_{j-1} + s_j w_j from innovations (draws, n)."""
    error = s * innovations
    if serial.structure == "iid":
        return error
    position = np.arange(serial.gap.size) - np.maximum.accumulate(
        np.where(serial.is_first, np.arange(serial.gap.size), 0)
    )
    for step in range(1, int(position.max(initial=0)) + 1):
        rows = np.flatnonzero(position == step)
        error[:, rows] += phi[:, rows] * error[:, rows - 1]
    return error


def pointwise_log_density(serial: Serial, error: Array, sigma: Array, rho: Array) -> Array:
    """log p(y_j | all other rows, parameters) : (draws, n), natural log of the outcome's density.

    With tridiagonal precision Q, g = Q e:  -1/2 log 2 pi + 1/2 log Q_jj - 1/2 g_j^2 / Q_jj, the leave-one-out
    conditional that PSIS-LOO needs when errors are dependent
    (Buerkner, Gabry & Vehtari 2021, Comput. Stat., doi:10.1007/s00180-020-01045-4).
    """
    phi, s = serial.transition(sigma, rho)
    w = whitened(serial, error, phi, s)
    following = np.append(~serial.is_first[1:], False)
    next_phi = np.where(following, np.roll(phi, -1, axis=-1), 0.0)
    next_s = np.where(following, np.roll(s, -1, axis=-1), 1.0)
    precision = 1 / s**2 + (next_phi / next_s) ** 2
    score = w / s - next_phi * np.where(following, np.roll(w, -1, axis=-1), 0.0) / next_s
    return np.asarray(0.5 * (np.log(precision) - np.log(2 * np.pi) - score**2 / precision))


def student_log_density(serial: Serial, error: Array, sigma: Array, rho: Array, nu: Array) -> Array:
    """log p(y_j | earlier rows of the unit, parameters) with Student-t innovations : (draws, n).

    The density given all other rows has no closed form here, so with serial errors this is the sequential one.
    """
    from scipy.special import gammaln

    phi, s = serial.transition(sigma, rho)
    w, v = whitened(serial, error, phi, s), nu[:, None]
    norm = gammaln((v + 1) / 2) - gammaln(v / 2) - 0.5 * np.log(np.pi * v)
    return np.asarray(norm - np.log(s) - 0.5 * (v + 1) * np.log1p(w**2 / v))
