"""Given the hyperparameters and the data, what are the coefficients? Their Gaussian, by its factor in three levels.

The precision of all coefficients is A = L L'. Own coefficients of units come first, then those of groups, then shared
ones, so L consists of a small factor for each unit and each group, one for what is shared, and the blocks between.
Everything is a triangular solve: L^-1 c for a linear functional c, L^-1 m for an outcome, L'^-1 z for a draw.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.inference.batched_algebra import backward, forward, solve_lower

# Fields of ``Conditional`` with an element for each point.
BY_POINT = ("own_factor", "own_rest", "group_factor", "group_rest", "shared_factor", "log_density")


class Coefficients(NamedTuple):
    """A number for each coefficient: ``per_unit`` (..., N, q), ``grouped`` (..., M, g) and ``shared`` (..., p)."""

    per_unit: Array
    grouped: Array
    shared: Array


@dataclass(frozen=True, eq=False)
class Conditional:
    """The coefficients given y at B points: the factor L of their precision, in three levels, and L^-1 m.

    ``own_factor`` (B, N, q, q); ``own_rest`` (B, N, q, g + p + 1) : its inverse times U'Q[G S y]; ``group_factor``
    (B, M, g, g); ``group_rest`` (B, M, g, p + 1); ``shared_factor`` (B, p + 1, p + 1), y last; ``log_density`` (B,) of
    y; ``group_ix`` (N,).
    """

    own_factor: Array
    own_rest: Array
    group_factor: Array
    group_rest: Array
    shared_factor: Array
    log_density: Array
    group_ix: Index

    @property
    def outcome(self) -> Coefficients:
        """L^-1 m of the outcome."""
        return Coefficients(self.own_rest[..., -1], self.group_rest[..., -1], self.shared_factor[:, -1, :-1])

    def at(self, points: Index | slice) -> Conditional:
        """The same at some of the points."""
        return dataclasses.replace(self, **{name: getattr(self, name)[points] for name in BY_POINT})

    @property
    def log_density_of_no_outcome(self) -> Array:
        """The log density without its quadratic form, which any outcome has : (B,)."""
        return np.asarray(self.log_density + 0.5 * self.shared_factor[:, -1, -1] ** 2)

    def forward(self, right: Coefficients) -> Coefficients:
        """L^-1 times right-hand sides, one or B of each, last: own (1 or B, N, q, F), grouped (., M, g, F), shared
        (., p, F) -> the same with B."""
        per_unit = forward(self.own_factor, right.per_unit)
        pulled = self._by_group(per_unit)
        g = self.group_factor.shape[-1]
        grouped = forward(self.group_factor, right.grouped - pulled[:, :, :g])
        shared = right.shared - pulled[:, :, g:-1].sum(axis=1)
        if g:
            shared = shared - (np.swapaxes(self.group_rest[..., :-1], -1, -2) @ grouped).sum(axis=1)
        return Coefficients(per_unit, grouped, solve_lower(self._lower, shared))

    def moments(self, functionals: Coefficients) -> tuple[Array, Array]:
        """Means (B, F) of F linear functionals of the coefficients, weights (F, ...), and sds (B, F)."""
        means, root = self._whitened(functionals)
        return means, np.sqrt((root**2).sum(axis=1))

    def covariance(self, functionals: Coefficients) -> Array:
        """Covariance matrices of F linear functionals : (B, F, F)."""
        _, root = self._whitened(functionals)
        return np.swapaxes(root, -1, -2) @ root

    def noise(self, size: int, rng: np.random.Generator) -> Coefficients:
        """Standard normal innovations of all coefficients, ``size`` of each."""
        # In this order shared coefficients are drawn first, for the sake of the stream of random numbers.
        noise = [rng.standard_normal((size, *level.shape[1:])) for level in reversed(self.outcome)]
        return Coefficients(*reversed(noise))

    def draw(self, position: Index, noise: Coefficients) -> Coefficients:
        """Draws at the points ``position`` (R,) with innovations z and -z : levels (2, R, ...)."""
        picked = self.at(position)
        mirror = np.array([1.0, -1.0])
        rights = [level[..., None] + z[..., None] * mirror for level, z in zip(picked.outcome, noise, strict=True)]
        return Coefficients(*(np.moveaxis(level, -1, 0) for level in picked.backward(Coefficients(*rights))))

    def backward(self, right: Coefficients) -> Coefficients:
        """x with L' x = right, of the shapes of ``forward``."""
        shared = solve_lower(self._lower, right.shared, transposed=True)
        grouped = right.grouped
        if self.group_factor.shape[-1]:
            grouped = backward(self.group_factor, grouped - self.group_rest[..., :-1] @ shared[:, None])
        rest = shared[:, None]
        if grouped.shape[2]:
            below = np.broadcast_to(rest, (*grouped.shape[:2], *rest.shape[2:]))
            rest = np.concatenate([grouped, below], axis=2)[:, self.group_ix]
            explained = self.own_rest[..., :-1] @ rest
        else:
            flat = self.own_rest[..., :-1].reshape(len(shared), -1, shared.shape[1])
            explained = (flat @ shared).reshape(right.per_unit.shape)
        return Coefficients(backward(self.own_factor, right.per_unit - explained), grouped, shared)

    @property
    def _lower(self) -> Array:
        return self.shared_factor[:, :-1, :-1]

    def _whitened(self, functionals: Coefficients) -> tuple[Array, Array]:
        """Means (B, F) and L^-1 c, all levels together : (B, coefficients, F)."""
        weights = Coefficients(*(np.moveaxis(level, 0, -1)[None] for level in functionals))
        size = len(self.log_density)
        flat = [level.reshape(size, -1, level.shape[-1]) for level in self.forward(weights)]
        of_y = [level.reshape(size, 1, -1) for level in self.outcome]
        means = sum((y @ level)[:, 0] for y, level in zip(of_y, flat, strict=True))
        return np.asarray(means), np.concatenate(flat, axis=1)

    def _by_group(self, per_unit: Array) -> Array:
        """Sums over the units of each group of own_rest' own : (B, M, g + p + 1, F)."""
        groups = []
        for which in range(self.group_factor.shape[1]):
            some = slice(None) if self.group_factor.shape[1] == 1 else self.group_ix == which
            rest, x = self.own_rest[:, some], per_unit[:, some]
            rest, x = (level.reshape(len(level), -1, level.shape[-1]) for level in (rest, x))
            groups.append(np.swapaxes(rest, -1, -2) @ x)
        return np.stack(groups, axis=1)
