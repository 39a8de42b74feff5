"""Where is a log density of few dimensions largest, and how curved is it there? Newton steps by finite differences."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from bri_bayes.core.arrays import Array

LogDensity = Callable[[Array], Array]

# Finite differences of the log posterior, whose unit of length is about one.
_STEP = 1e-3
_MAX_NEWTON = 60
# Step lengths that are tried along a Newton direction, the longest move of a coordinate, the gain that is none.
_LENGTHS, _LONGEST_MOVE, _NO_GAIN = np.array([1.5, 1.0, 0.5, 0.2, 0.05, 0.01]), 3.0, 1e-5
# The least curvature of a Newton step, and the least that is believed at the mode: half of the prior's, which is one.
_LEAST_CURVATURE, _LEAST_BELIEVED = 1e-2, 0.5


def find_mode(log_density: LogDensity, start: Array) -> tuple[Array, Array]:
    """Mode (d,) and inverse of the negative Hessian (d, d) there, by damped Newton steps from ``start``.

    Gradient and Hessian come from one batch of central differences; negative curvature is turned to its size, so
    each step goes uphill; the step length is the best of six tried in one batch.
    """
    at = np.array(start, dtype=float)
    for _ in range(_MAX_NEWTON):
        value, gradient, hessian = _derivatives(log_density, at)
        if not np.isfinite(hessian).all():
            return at, np.eye(at.size)
        eigenvalues, vectors = np.linalg.eigh(-hessian)
        curvature = np.maximum(np.abs(eigenvalues), _LEAST_CURVATURE)
        step = vectors @ ((vectors.T @ gradient) / curvature)
        step *= min(1.0, _LONGEST_MOVE / max(np.abs(step).max(), 1e-12))
        candidates = at + _LENGTHS[:, None] * step
        values = log_density(candidates)
        best = int(np.nanargmax(np.where(np.isfinite(values), values, -np.inf)))
        if values[best] <= value + _NO_GAIN:
            break
        at = candidates[best]
    # No step was better than where this Hessian is from, or all of them are done.
    curvature = np.maximum(np.abs(eigenvalues), _LEAST_BELIEVED)
    return at, np.asarray((vectors / curvature) @ vectors.T)


def modes_in_turn(log_densities: Iterable[LogDensity], start: Array) -> list[tuple[Array, Array]]:
    """``find_mode`` of each of some densities that lie near each other, from the mode of the one before."""
    modes = []
    for log_density in log_densities:
        modes.append(find_mode(log_density, start))
        start = modes[-1][0]
    return modes


def _derivatives(log_density: LogDensity, at: Array) -> tuple[float, Array, Array]:
    """Value, gradient and Hessian by central differences, in one batch of 1 + 2 d + 2 d (d - 1) / 2 points."""
    d = at.size
    steps = _STEP * np.eye(d)
    rows, columns = np.triu_indices(d, 1)
    pairs = steps[rows] + steps[columns]
    f = log_density(at + np.concatenate([np.zeros((1, d)), steps, -steps, pairs, -pairs]))
    center, up, down = f[0], f[1 : d + 1], f[d + 1 : 2 * d + 1]
    both_up, both_down = np.split(f[2 * d + 1 :], 2)
    gradient = (up - down) / (2 * _STEP)
    hessian = np.diag(up + down - 2 * center) / _STEP**2
    mixed = both_up + both_down - up[rows] - up[columns] - down[rows] - down[columns] + 2 * center
    hessian[rows, columns] = hessian[columns, rows] = mixed / (2 * _STEP**2)
    return float(center), gradient, hessian
