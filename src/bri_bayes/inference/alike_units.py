"""What is the density of a panel most of whose units have the same columns? Averages of them, and contrasts.

Units of a kind have rows in the same periods and the same columns but for the outcome and covariates, and share the
shocks of their group with units of their kind alone. Let a kind have m groups of s units. An orthogonal rotation of
its units leaves the prior of their own coefficients as it is, and separates

    their average times sqrt(m s)      columns U, sqrt(m s) C, errors of covariance Sigma + s S
    m - 1 contrasts of groups          columns U, no C,        the same covariance
    m (s - 1) contrasts within groups  columns U, no C,        covariance Sigma

with U the columns of a unit's own coefficients, C those of shared ones, Sigma the covariance of a unit's errors and S
that of a group's shocks: so shocks need no coefficients, and shared columns are whitened once a kind. Where shocks are
a process like that of the errors S = psi^2 Sigma, and one factor serves all. It is the likelihood of ``collapsed``.

Source: Lindley & Smith (1972), doi:10.1111/j.2517-6161.1972.tb00885.x; the rotation is that of Searle, Casella &
McCulloch (1992), Variance Components, chapter 4, for balanced data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.names import ErrorStructure
from bri_bayes.design.error_process import process_covariance
from bri_bayes.design.group_shocks import ShockProcess
from bri_bayes.design.linear_terms import Terms
from bri_bayes.inference.batched_algebra import cholesky, factor_and_solve, forward, solve_lower
from bri_bayes.inference.block_priors import add_prior
from bri_bayes.inference.conditional import Coefficients
from bri_bayes.inference.unit_kinds import Kind, Level, differing_columns, kinds_of_units, levels_of

Hyper = Mapping[str, Array]
# Processes whose covariance depends on how far apart two periods are, so that a part of the periods has a part of it.
_STATIONARY = ("iid", "ar1", "ar1_noise")
# Numbers of the arrays of a batch of points.
BATCH_ELEMENTS = 600_000


class Eliminated(NamedTuple):
    """A level at B points without its own coefficients: ``factor`` (B, q, q) of their precision, ``solved`` (B, q, k)
    its inverse times U'Q R of other columns R, ``white`` (B, T, k) these whitened, ``log_density`` (B,) without y."""

    factor: Array
    solved: Array
    white: Array
    log_density: Array


class Reduced(NamedTuple):
    """At B points: ``log_density`` (B,) without the outcome's quadratic form, ``factor`` (B, p + 1, p + 1) of the
    system of shared coefficients and y, its inverse times the rest of F functionals' weights (B, p, F), their ``sds``
    (B, F), and the levels, each with the weights (B, q, F) of its own coefficients, whitened."""

    log_density: Array
    factor: Array
    weights: Array
    sds: Array
    levels: list[tuple[Level, Eliminated, Array]]


@dataclass(frozen=True, eq=False)
class AlikeUnits:
    """The model of ``terms`` with errors of ``structure``, by kinds of units; ``patterns`` : periods (T,) and their
    levels; ``differing`` : positions among the p shared columns."""

    terms: Terms
    structure: ErrorStructure
    kinds: Sequence[Kind]
    patterns: Sequence[tuple[Array, Sequence[Level]]]
    differing: Index

    @classmethod
    def of(cls, terms: Terms, structure: ErrorStructure) -> AlikeUnits | None:
        """None where units are not alike, or a group has units of two kinds: nothing would be gained then."""
        if len(terms.grouped) > 1 or any(block.exposed is not None for block in terms.blocks):
            return None
        shared = shared_columns(terms)
        of_units = np.column_stack([block.columns for block in terms.per_unit])
        differing = differing_columns(terms, shared)
        kinds = kinds_of_units(terms, np.column_stack([of_units, np.delete(shared, differing, axis=1)]))
        if kinds is None:
            return None
        patterns: dict[tuple[float, ...], list[Level]] = {}
        columns = np.column_stack([shared, terms.y])
        for position, kind in enumerate(kinds):
            periods = tuple(terms.period[kind.rows[0]])
            patterns.setdefault(periods, []).extend(levels_of(position, kind, of_units, columns, differing))
        return cls(terms, structure, kinds, [(np.array(key), levels) for key, levels in patterns.items()], differing)

    def loads(self, functionals: Coefficients) -> Array | None:
        """The weights of a unit's own coefficients in each kind : (K, F, q); None where units of a kind differ."""
        if functionals.grouped.any():
            return None
        by_kind = [functionals.per_unit[:, kind.units] for kind in self.kinds]
        if any((some != some[:, :1]).any() for some in by_kind):
            return None
        return np.stack([some[:, 0] for some in by_kind])

    def given(
        self, hyper: Hyper, shared: Array | None = None, loads: Array | None = None
    ) -> tuple[Array, Array, Array]:
        """log p(y | h) (B,), and means (B, F) and sds (B, F) of functionals, ``shared`` (F, p) and ``loads`` (K, F, q).

        NaN where rounding has made a matrix indefinite.
        """
        parts, batch = [], self.batch()
        for first in range(0, len(hyper["sigma"]), batch):
            some = {name: value[first : first + batch] for name, value in hyper.items()}
            parts.append(self._given(some, shared, loads))
        density, mean, sd = (np.concatenate(part) for part in zip(*parts, strict=True))
        return density, mean, sd

    def reduced(
        self, hyper: Hyper, shared: Array | None = None, loads: Array | None = None, *, precisions: bool = False
    ) -> Reduced:
        """What ``given`` needs; ``precisions`` : whether levels are to have the T unit vectors as last columns."""
        if shared is None or loads is None:
            shared, loads = np.empty((0, self.size - 1)), np.empty((len(self.kinds), 0, 0))
        size = len(hyper["sigma"])
        system = np.zeros((size, self.size, self.size))
        density = np.full(size, -0.5 * self.terms.y.size * np.log(2 * np.pi))
        rest = np.broadcast_to(shared.T, (size, *shared.T.shape)).copy()
        variance = np.zeros((size, len(shared)))
        levels = []
        for level, done in self._eliminated(hyper, precisions=precisions):
            density += done.log_density
            _add_level(system, level, done, self.differing)
            loaded = np.zeros((size, level.per_unit.shape[1], 0))
            if level.mean is not None and len(shared):
                loaded = forward(done.factor, (level.root_n * loads[level.kind].T)[None])
                rest -= np.swapaxes(done.solved[..., : self.size - 1], -1, -2) @ loaded
                variance += (loaded**2).sum(axis=1)
            levels.append((level, done, loaded))
        log_det_prior = add_prior(system, self.terms.shared, hyper)
        factor = cholesky(system)
        pivots = np.diagonal(factor, axis1=1, axis2=2)[:, :-1]
        weights = solve_lower(factor[:, :-1, :-1], rest)
        variance += (weights**2).sum(axis=1)
        density += 0.5 * log_det_prior - np.log(pivots).sum(axis=1)
        return Reduced(density, factor, weights, np.sqrt(variance), levels)

    def _given(self, hyper: Hyper, shared: Array | None, loads: Array | None) -> tuple[Array, Array, Array]:
        reduced = self.reduced(hyper, shared, loads)
        mean = (reduced.factor[:, -1:, :-1] @ reduced.weights)[:, 0]
        for _, done, loaded in reduced.levels:
            if loaded.shape[2]:
                mean += (done.solved[:, None, :, self.size - 1] @ loaded)[:, 0]
        return reduced.log_density - 0.5 * reduced.factor[:, -1, -1] ** 2, mean, reduced.sds

    def _eliminated(self, hyper: Hyper, *, precisions: bool) -> Iterator[tuple[Level, Eliminated]]:
        for periods, levels in self.patterns:
            errors, unit = self._covariance(hyper, periods), np.eye(len(periods))
            columns = [
                np.hstack([level.columns, unit]) if precisions or level.moments is not None else level.columns
                for level in levels
            ]
            if self._like_errors:
                factor = cholesky(errors)
                white, log_det, first = solve_lower(factor, _for_each(columns, len(errors))), _log_det(factor), 0
                for level, some in zip(levels, columns, strict=True):
                    inflated = 1 + level.shocks * self._ratio(hyper) ** 2
                    part = white[..., first : first + some.shape[1]] / np.sqrt(inflated)[:, None, None]
                    first += some.shape[1]
                    yield level, self._eliminate(level, part, log_det + len(periods) * np.log(inflated), hyper)
                continue
            for level, some in zip(levels, columns, strict=True):
                factor = cholesky(errors + level.shocks * self._shock_covariance(hyper, level))
                white = solve_lower(factor, _for_each([some], len(errors)))
                yield level, self._eliminate(level, white, _log_det(factor), hyper)

    def _eliminate(self, level: Level, white: Array, log_det: Array, hyper: Hyper) -> Eliminated:
        q = level.per_unit.shape[1]
        columns, white = np.ascontiguousarray(white[..., :q]), np.ascontiguousarray(white[..., q:])
        system = np.swapaxes(columns, -1, -2) @ columns
        log_det_prior = add_prior(system, self.terms.per_unit, hyper)
        factor, solved = factor_and_solve(system, np.swapaxes(columns, -1, -2) @ white)
        density = 0.5 * level.count * (log_det_prior - log_det)
        density -= level.count * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
        return Eliminated(factor, solved, white, density)

    def _covariance(self, hyper: Hyper, periods: Array) -> Array:
        """Sigma : (B, T, T)."""
        zero = np.zeros(len(hyper["sigma"]))
        rho, noise = hyper.get("rho", zero), hyper.get("noise", zero)
        return process_covariance(self.structure, hyper["sigma"], periods, rho, noise)

    def _shock_covariance(self, hyper: Hyper, level: Level) -> Array:
        """S of the rows of a level : (B, T, T); zero where there are no shocks."""
        if not level.shocks:
            return np.zeros((1, len(level.per_unit), len(level.per_unit)))
        process, at = self.terms.grouped[0].dependence, self.kinds[level.kind].shocks
        assert process is not None, "shocks are a process"
        return np.asarray(process.covariance(hyper)[:, at[:, None], at] * self._ratio(hyper)[:, None, None] ** 2)

    def _ratio(self, hyper: Hyper) -> Array:
        """psi : (B,)."""
        scale = self.terms.grouped[0].scale if self.terms.grouped else 0.0
        return hyper[scale] if isinstance(scale, str) else np.full(len(hyper["sigma"]), scale)

    @cached_property
    def _like_errors(self) -> bool:
        """Whether S = psi^2 Sigma, or there are no shocks."""
        if not self.terms.grouped:
            return True
        process = self.terms.grouped[0].dependence
        alike = isinstance(process, ShockProcess) and (process.structure, process.rho) == (self.structure, "rho")
        return alike and self.structure in _STATIONARY

    def batch(self, more: int = 0) -> int:
        """Points at a time, so that their arrays stay in the cache of a core; ``more`` : numbers that a point holds."""
        levels = [level for _, some in self.patterns for level in some]
        width = (
            sum(level.columns.size + (level.moments is not None) * len(level.per_unit) ** 2 for level in levels) + more
        )
        return max(1, BATCH_ELEMENTS // (2 * width + 2 * self.size**2))

    @cached_property
    def size(self) -> int:
        """Of the system that is left: shared columns and the outcome."""
        return 1 + sum(int(block.columns.shape[1]) for block in self.terms.shared)


def precision_of(done: Eliminated, n_periods: int) -> Array:
    """P of the rows of a level whose last columns are the unit vectors : (B, T, T)."""
    white, solved = done.white[..., -n_periods:], done.solved[..., -n_periods:]
    return np.asarray(np.swapaxes(white, -1, -2) @ white - np.swapaxes(solved, -1, -2) @ solved)


def shared_columns(terms: Terms) -> Array:
    """(obs, p)."""
    return np.column_stack([np.empty((terms.y.size, 0)), *(block.columns for block in terms.shared)])


def _add_level(system: Array, level: Level, done: Eliminated, differing: Index) -> None:
    """Adds the cross-products of a level's shared columns and outcome to ``system`` (B, p + 1, p + 1)."""
    size, first = system.shape[1], 0
    if level.mean is not None:
        white, solved = done.white[..., :size], done.solved[..., :size]
        system += np.swapaxes(white, -1, -2) @ white - np.swapaxes(solved, -1, -2) @ solved
        first = size
    _, count, width = level.deviations.shape
    at = np.append(differing, size - 1)
    if level.moments is not None:
        precision = precision_of(done, len(level.per_unit)).reshape(len(system), -1)
        system[:, at[:, None], at] += (precision @ level.moments).reshape(len(system), at.size, at.size)
    elif count:
        last = first + count * width
        white, solved = (some[..., first:last].reshape(len(system), -1, width) for some in (done.white, done.solved))
        system[:, at[:, None], at] += np.swapaxes(white, -1, -2) @ white - np.swapaxes(solved, -1, -2) @ solved


def _for_each(columns: Sequence[Array], size: int) -> Array:
    """Columns (T, k) side by side, for each of ``size`` points."""
    every = np.hstack(columns)
    return np.broadcast_to(every, (size, *every.shape))


def _log_det(factor: Array) -> Array:
    """log |L L'| : (B,)."""
    return np.asarray(2 * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1))
