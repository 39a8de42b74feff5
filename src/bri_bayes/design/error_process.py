"""How do the errors of one unit hang together over time? Serial structure of a panel with gaps.

With d the number of periods since the unit's previous row, the error is a Markov chain,

    e_j = phi_j e_{j-1} + s_j w_j,   w_j ~ N(0, 1)

    iid          phi = 0,      s^2 = sigma^2
    ar1          phi = rho^d,  s^2 = sigma^2 (1 - rho^2d) / (1 - rho^2);  first row s^2 = sigma^2 / (1 - rho^2)
    random_walk  phi = 1,      s^2 = sigma^2 d;                           first row s^2 = sigma^2

and ar1_noise is no chain: ar1 plus noise of sd nu that is gone a period later (``process_covariance``).

sigma is the sd of the innovation of one period (of the error itself under iid). The level of a random walk is
absorbed by the wide unit effect. Source: Hamilton (1994), Time Series Analysis, section 5.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.names import ErrorStructure


def process_covariance(structure: str, sigma: Array, periods: Array, rho: Array, noise: Array) -> Array:
    """Covariance over ``periods`` (T,) of a process with innovations of sd ``sigma`` (B,) : (B, T, T).

    Autocorrelation ``rho`` (B,) of ar1 and ar1_noise, sd ``noise`` (B,) of what the latter adds in each period. The
    process starts as that of a unit whose first row is in periods[0].
    """
    separation = np.abs(np.subtract.outer(periods, periods))
    if structure == "iid":
        shape = np.broadcast_to(np.eye(periods.size), (sigma.size, periods.size, periods.size))
    elif structure == "random_walk":
        shape = 1.0 + np.broadcast_to(np.minimum.outer(periods, periods) - periods[0], (sigma.size, *separation.shape))
    elif structure in ("ar1", "ar1_noise"):
        shape = _powers(rho, separation) / (1 - rho[:, None, None] ** 2)
    else:
        raise NotImplementedError(f'errors "{structure}" have no covariance here')
    covariance = sigma[:, None, None] ** 2 * shape
    if structure == "ar1_noise":
        covariance[:, np.arange(periods.size), np.arange(periods.size)] += noise[:, None] ** 2
    return np.asarray(covariance)


def _powers(rho: Array, separation: Array) -> Array:
    """rho to the power of each separation : (B, T, T); of whole periods a power for each distance, not each pair."""
    longest = float(separation.max(initial=0.0))
    if longest > separation.size or not (separation == separation.round()).all():
        return np.asarray(rho[:, None, None] ** separation)
    return np.asarray((rho[:, None] ** np.arange(longest + 1))[:, separation.astype(np.intp)])


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
        if self.structure not in ("ar1", "ar1_noise"):
            raise NotImplementedError(f'errors "{self.structure}" have no transition here')
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


def noisy_log_density(
    serial: Serial, period: Array, error: Array, ratio: Array, sigma: Array, rho: Array, noise: Array
) -> Array:
    """log p(y_j | all other rows, parameters) of AR(1) plus noise : (draws, n), natural log.

    ``error`` and the scale ``ratio`` of its unit (draws, n), ``sigma``, ``rho``, ``noise`` (draws,). As
    ``pointwise_log_density``, with the precision of each unit's rows in full.
    """
    density = np.empty(error.shape)
    for years, rows in rows_by_pattern(serial, period):
        precision = np.linalg.inv(process_covariance("ar1_noise", sigma, years, rho, noise))
        diagonal = np.diagonal(precision, axis1=1, axis2=2)[:, None]
        scaled = error[:, rows] / ratio[:, rows]
        score = np.einsum("bts,bns->bnt", precision, scaled)
        density[:, rows] = 0.5 * (np.log(diagonal) - np.log(2 * np.pi) - score**2 / diagonal) - np.log(ratio[:, rows])
    return density


def rows_by_pattern(serial: Serial, period: Array) -> list[tuple[Array, Index]]:
    """The sets of periods (T,) that units have, each with the rows of its units : (units, T)."""
    starts = np.append(np.flatnonzero(serial.is_first), period.size)
    firsts: dict[tuple[float, ...], list[int]] = {}
    for first, last in pairwise(starts):
        firsts.setdefault(tuple(period[first:last]), []).append(int(first))
    return [(np.array(years), np.array(at)[:, None] + np.arange(len(years))) for years, at in firsts.items()]


def student_log_density(serial: Serial, error: Array, sigma: Array, rho: Array, nu: Array) -> Array:
    """log p(y_j | all other rows, parameters) with Student-t innovations : (draws, n), natural log.

    The errors of a unit are a Markov chain, so with f(x) = t_nu((x - phi_j e_{j-1}) / s_j) and
    g(x) = t_nu((e_{j+1} - phi_{j+1} x) / s_{j+1}) (g = 1 for a unit's last row) the density of e_j is
    f(e_j) g(e_j) / integral of f g, and only the integral is numerical (``_log_integral``).
    """
    log_terms = np.empty(error.shape)
    for first in range(0, len(error), _DRAWS_AT_A_TIME):
        some = slice(first, first + _DRAWS_AT_A_TIME)
        phi, s = serial.transition(sigma[some], rho[some])
        e, v = error[some], nu[some, None]
        following = np.append(~serial.is_first[1:], False)
        following = following & (np.roll(phi, -1, axis=1) != 0)
        before = phi * np.where(serial.is_first, 0.0, np.roll(e, 1, axis=1))
        next_phi, next_s = np.where(following, np.roll(phi, -1, axis=1), 1.0), np.roll(s, -1, axis=1)
        after = np.roll(e, -1, axis=1) / next_phi
        # In terms of x, g has its peak at e_{j+1} / phi_{j+1} and the scale s_{j+1} / |phi_{j+1}|.
        width = np.where(following, next_s / np.abs(next_phi), np.inf)
        joint = _log_kernel(e, before, s, v) + _log_kernel(e, after, width, v)
        log_terms[some] = joint - _log_integral(before, s, after, width, v)
    return log_terms


# Memory of the quadrature: draws x rows x nodes.
_DRAWS_AT_A_TIME = 10
# Midpoints of the integral: enough for peaks up to 20 scales apart; for peaks further apart as many times more.
_NODES, _SCALES_APART, _MOST_NODES = 160, 20.0, 3200


def _log_kernel(x: Array, center: Array, width: Array, nu: Array) -> Array:
    """-(nu + 1) / 2 log(1 + ((x - center) / width)^2 / nu); zero where the width is infinite."""
    z = np.where(np.isinf(width), 0.0, (x - center) / width)
    return np.asarray(-0.5 * (nu + 1) * np.log1p(z**2 / nu))


def _log_integral(a: Array, width_a: Array, b: Array, width_b: Array, nu: Array) -> Array:
    """log of the integral of the product of two t kernels over the line : (draws, n), by x = c + r tan(angle).

    c is the precision-weighted centre, r covers the narrow peak and the distance from c to the nearer one.
    """
    precision_a, precision_b = width_a**-2.0, width_b**-2.0
    total = precision_a + precision_b
    b = np.where(np.isinf(width_b), a, b)
    center = (precision_a * a + precision_b * b) / total
    reach = total**-0.5 + np.minimum(np.abs(a - center), np.abs(b - center))
    widths = float(np.max(2 * reach / np.minimum(width_a, width_b)))
    nodes = int(np.clip(_NODES * np.ceil(widths / _SCALES_APART), _NODES, _MOST_NODES))
    angles = (np.arange(nodes) + 0.5) * np.pi / nodes - np.pi / 2
    # Both kernels have one power, so one logarithm and one exponential serve a node.
    step = reach[..., None] * np.tan(angles)
    log_f = 1 + (step + (center - a)[..., None]) ** 2 * (width_a**-2.0 / nu)[..., None]
    log_f *= 1 + (step + (center - b)[..., None]) ** 2 * (width_b**-2.0 / nu)[..., None]
    np.log(log_f, out=log_f)
    lowest = log_f.min(axis=-1)
    log_f -= lowest[..., None]
    log_f *= -0.5 * (nu + 1)[..., None]
    mass = np.exp(log_f, out=log_f) @ np.cos(angles) ** -2.0
    return np.asarray(-0.5 * (nu + 1) * lowest + np.log(mass * reach * (np.pi / nodes)))
