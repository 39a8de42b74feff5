"""What is the precision of the errors at given hyperparameters, and what do cross-products of the data become under it?

Q(h) is block diagonal by unit. Two forms are at hand, and an error structure is one of them with its numbers:

    SumOfParts     Q_i(h) = s_i(h) sum_k w_k(h) Q_ki,  Q_ki of zeros and ones: cross-products are formed once
    DensePatterns  Q_i(h) = C_p(h)^-1 for the pattern p of periods that unit i has: columns are whitened at each point

Under a power likelihood unit i counts v_i times: Q_i becomes v_i Q_i and log|Q_i| becomes v_i log|Q_i|.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.names import ErrorStructure
from bri_bayes.design.error_process import serial_errors

Hyper = Mapping[str, Array]
# Rows (left, right) of which a part of the precision has a one, in both triangles.
Pair = tuple[Index, Index]


@dataclass(frozen=True, eq=False)
class CrossProducts:
    """At B points, for columns U of which each unit has coefficients and other columns W.

    ``per_unit`` (B, N, q, q) U'QU; ``own_rest`` (B, N, q, r) U'QW; ``rest`` (B, M, r, r) W'QW of each set of units:
    of all units together (M = 1), of each group, or of each unit.
    """

    per_unit: Array
    own_rest: Array
    rest: Array


class ReadyProducts(Protocol):
    """Columns whose cross-products are ready for any hyperparameters."""

    def at(self, hyper: Hyper) -> CrossProducts:
        """The cross-products at B points."""


class ReadyOutcomes(Protocol):
    """Other outcomes (obs, R), ready for any hyperparameters."""

    def at(self, hyper: Hyper) -> tuple[Array, Array, Array]:
        """U'QY by unit (B, N, q, R), W'QY by set (B, M, r, R) and y'Qy of each outcome (B, R), at B points."""


class ErrorPrecision(Protocol):
    """What an error structure gives; ``hyper`` holds B values of each hyperparameter, a unit's (B, N)."""

    def log_det(self, hyper: Hyper) -> Array:
        """log|Q_i| of each unit : (B, N)."""

    def times(self, hyper: Hyper, values: Array) -> Array:
        """Q times ``values`` (obs, m) : (B, obs, m)."""

    def block(self, hyper: Hyper, rows: Index) -> Array:
        """The rows and columns ``rows`` of Q : (B, rows, rows)."""

    def diagonal(self, hyper: Hyper) -> Array:
        """(B, obs)."""

    def products(self, columns: list[Array], q: int, sets: Index, powers: Array | None) -> ReadyProducts:
        """Cross-products of columns[0] + kappa columns[1], each (obs, q + r), the first q of them own ones.

        ``sets`` : (unit,) the set of each unit that ``rest`` is summed over; ``powers`` : (unit,) or None.
        """

    def outcomes(self, columns: Array, q: int, sets: Index, values: Array) -> ReadyOutcomes:
        """Other outcomes ``values`` (obs, R) against ``columns`` (obs, q + r) without kappa and powers."""


@dataclass(frozen=True, eq=False)
class SumOfParts:
    """A precision that is a sum of few matrices.

    ``pairs`` : of each part, the rows with a one; ``weights`` : hyper -> w (B, parts); ``unit_log_det`` : hyper ->
    log|sum_k w_k Q_ki| (B, N); ``unit_scale`` : hyper -> s (B, N), None where all are one.
    """

    unit_ix: Index
    pairs: tuple[Pair, ...]
    weights: Callable[[Hyper], Array]
    unit_log_det: Callable[[Hyper], Array]
    unit_scale: Callable[[Hyper], Array] | None = None

    def log_det(self, hyper: Hyper) -> Array:
        """log|Q_i| of each unit : (B, N)."""
        log_det = self.unit_log_det(hyper)
        if self.unit_scale is None:
            return log_det
        return np.asarray(log_det + np.log(self.unit_scale(hyper)) * np.bincount(self.unit_ix))

    def times(self, hyper: Hyper, values: Array) -> Array:
        """Q times ``values`` (obs, m) : (B, obs, m)."""
        scaled = np.tensordot(self.weights(hyper), self.part_times(values), 1)
        return scaled if self.unit_scale is None else self.unit_scale(hyper)[:, self.unit_ix, None] * scaled

    def part_times(self, values: Array) -> Array:
        """Each part times ``values`` (obs, m) : (parts, obs, m)."""
        out = np.zeros((len(self.pairs), *values.shape))
        for part, (row, column) in zip(out, self.pairs, strict=True):
            part[row] += values[column]
            if row is not column:
                part[column] += values[row]
        return out

    def block(self, hyper: Hyper, rows: Index) -> Array:
        """The rows and columns ``rows`` of Q : (B, rows, rows)."""
        identity = np.zeros((self.unit_ix.size, rows.size))
        identity[rows, np.arange(rows.size)] = 1.0
        return self.times(hyper, identity)[:, rows]

    def diagonal(self, hyper: Hyper) -> Array:
        """(B, obs)."""
        out = np.zeros((len(self.pairs), self.unit_ix.size))
        for part, (row, column) in zip(out, self.pairs, strict=True):
            part[row[row == column]] = 1.0
        diagonal = self.weights(hyper) @ out
        return diagonal if self.unit_scale is None else diagonal * self.unit_scale(hyper)[:, self.unit_ix]

    def products(self, columns: list[Array], q: int, sets: Index, powers: Array | None) -> ReadyProducts:
        """The cross-products of each part, formed once."""
        by_power = []
        for power in range(2 * len(columns) - 1):
            pairs = [(i, power - i) for i in range(len(columns)) if 0 <= power - i < len(columns)]
            by_power.append(sum(self._by_unit(columns[i], columns[j]) for i, j in pairs))
        every = np.stack(by_power, axis=1)  # (parts, powers of kappa, N, q + r, q + r)
        every = every.reshape(-1, *every.shape[2:])
        if powers is not None:
            every = every * powers[:, None, None]
        rest = every[:, :, q:, q:]
        if self.unit_scale is None:
            summed = np.zeros((len(every), int(sets.max()) + 1, *rest.shape[2:]))
            for unit, of_set in enumerate(sets):
                summed[:, of_set] += rest[:, unit]
            rest = summed
        return _PartProducts(self, every[:, :, :q, :q], every[:, :, :q, q:], rest, sets)

    def outcomes(self, columns: Array, q: int, sets: Index, values: Array) -> ReadyOutcomes:
        """Their products with each part, formed once."""
        weighted = self.part_times(np.ascontiguousarray(values))
        per_unit, rest = by_sets(columns, q, self.unit_ix, sets, weighted)
        return _PartOutcomes(self, per_unit, rest, (weighted * values).sum(axis=1))

    def _by_unit(self, first: Array, second: Array) -> Array:
        """left'Q_k right within each unit : (parts, N, c, c)."""
        n_units = int(self.unit_ix.max()) + 1
        out = np.zeros((len(self.pairs), n_units, first.shape[1], second.shape[1]))
        for part, (row, column) in zip(out, self.pairs, strict=True):
            starts = np.searchsorted(self.unit_ix[row], np.arange(n_units + 1))
            for unit in np.flatnonzero(np.diff(starts)):
                some = slice(starts[unit], starts[unit + 1])
                part[unit] = first[row[some]].T @ second[column[some]]
                if row is not column:
                    part[unit] += first[column[some]].T @ second[row[some]]
        return out


@dataclass(frozen=True, eq=False)
class _PartProducts:
    """Cross-products by part and power of kappa (K): ``per_unit`` (K, N, q, q), ``own_rest`` (K, N, q, r), ``rest``
    (K, sets, r, r), or (K, N, r, r) where units have scales."""

    precision: SumOfParts
    per_unit: Array
    own_rest: Array
    rest: Array
    sets: Index

    def at(self, hyper: Hyper) -> CrossProducts:
        weights = self.precision.weights(hyper)
        if (n_powers := len(self.per_unit) // weights.shape[1]) > 1:
            powers = hyper["kappa"][:, None] ** np.arange(n_powers)
            weights = (weights[:, :, None] * powers[:, None, :]).reshape(len(weights), -1)
        per_unit, own_rest = np.tensordot(weights, self.per_unit, 1), np.tensordot(weights, self.own_rest, 1)
        if self.precision.unit_scale is None:
            return CrossProducts(per_unit, own_rest, np.tensordot(weights, self.rest, 1))
        scale = self.precision.unit_scale(hyper)
        scaled = weights[:, :, None] * scale[:, None, :]
        rest = np.stack(
            [
                np.tensordot(scaled[:, :, self.sets == which].reshape(len(scaled), -1), self._of_set(which), 1)
                for which in range(int(self.sets.max()) + 1)
            ],
            axis=1,
        )
        return CrossProducts(per_unit * scale[..., None, None], own_rest * scale[..., None, None], rest)

    def _of_set(self, which: int) -> Array:
        some = self.rest[:, self.sets == which]
        return some.reshape(-1, *some.shape[2:])


@dataclass(frozen=True, eq=False)
class _PartOutcomes:
    """``per_unit`` (K, N, q, R), ``rest`` (K, M, r, R), ``squares`` (K, R)."""

    precision: SumOfParts
    per_unit: Array
    rest: Array
    squares: Array

    def at(self, hyper: Hyper) -> tuple[Array, Array, Array]:
        weights = self.precision.weights(hyper)
        return np.tensordot(weights, self.per_unit, 1), np.tensordot(weights, self.rest, 1), weights @ self.squares


def by_sets(columns: Array, q: int, unit_ix: Index, sets: Index, weighted: Array) -> tuple[Array, Array]:
    """Own columns' products with ``weighted`` (K, obs, R) by unit (K, N, q, R), the others' by set (K, M, r, R)."""
    starts = np.searchsorted(unit_ix, np.arange(sets.size))
    per_unit = [np.add.reduceat(column[:, None] * weighted, starts, axis=1) for column in columns[:, :q].T]
    if sets.max() == 0:
        return np.stack(per_unit, axis=2), (columns[:, q:].T @ weighted)[:, None]
    in_set = [np.flatnonzero(sets[unit_ix] == which) for which in range(int(sets.max()) + 1)]
    rest = [columns[rows, q:].T @ weighted[:, rows] for rows in in_set]
    return np.stack(per_unit, axis=2), np.stack(rest, axis=1)


def serial_precision(structure: ErrorStructure, unit_ix: Index, period: Array, *, by_unit: bool) -> ErrorPrecision:
    """The precision of the error structures of ``design.error_process``: a Markov chain, so a sum of few parts.

    A first row has precision 1 / s^2, a row d periods after another one (1, -phi, phi^2) / s^2 with itself and the
    one before it. ``by_unit`` : the scale of the errors is ``sigma_unit`` (B, N) and not ``sigma`` (B,).
    """
    serial = serial_errors(structure, unit_ix, period)
    parts = list(serial.components())
    n_units = int(unit_ix.max()) + 1
    counts = np.stack([np.bincount(unit_ix[rows], minlength=n_units) for *_, rows in parts])
    pairs: list[Pair] = []
    for kind, _, rows in parts:
        before = rows - 1
        pairs += [(rows, rows)] if kind == "first" else [(rows, rows), (rows, before), (before, before)]

    def scale(hyper: Hyper) -> Array:
        """Precision of an innovation : (B,); one where units have scales."""
        return np.ones(hyper["sigma"].size) if by_unit else np.asarray(hyper["sigma"] ** -2.0)

    def transitions(hyper: Hyper) -> list[tuple[str, Array, Array]]:
        """Kind, phi (B,) and 1 / s^2 (B,) of each part, at sigma = 1."""
        ones = np.ones(hyper["sigma"].size)
        rho = hyper.get("rho", 0 * ones)
        out = []
        for kind, d, _ in parts:
            if structure == "ar1":
                precision = 1 - rho**2 if kind == "first" else (1 - rho**2) / (1 - rho ** (2 * d))
                out.append((kind, rho**d, precision))
            else:
                out.append((kind, ones, ones / (d if kind == "gap" else 1.0)))
        return out

    def weights(hyper: Hyper) -> Array:
        out = []
        for kind, phi, precision in transitions(hyper):
            out += [precision] if kind == "first" else [precision, -phi * precision, phi**2 * precision]
        return np.asarray(np.stack(out, axis=1) * scale(hyper)[:, None])

    def log_det(hyper: Hyper) -> Array:
        log_precision = np.log(np.stack([precision for *_, precision in transitions(hyper)], axis=1))
        return np.asarray((log_precision + np.log(scale(hyper))[:, None]) @ counts)

    def unit_scale(hyper: Hyper) -> Array:
        return np.asarray(hyper["sigma_unit"][:, :n_units] ** -2.0)

    return SumOfParts(unit_ix, tuple(pairs), weights, log_det, unit_scale if by_unit else None)
