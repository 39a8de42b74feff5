"""What if the precision of the errors is no sum of few matrices? A covariance matrix for each pattern of periods.

An error structure that is not a Markov chain, such as an AR(1) process plus white noise, gives the covariance of a
unit's errors in the periods in which it is observed; the columns of the model are whitened with its root at each point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.inference.alike_columns import AlikeColumns
from bri_bayes.inference.error_precision import CrossProducts, Hyper, ReadyOutcomes, ReadyProducts, by_sets


@dataclass(frozen=True, eq=False)
class DensePatterns:
    """A precision given by a covariance matrix for each set of periods that some unit has.

    ``covariance`` : (hyper, periods (T,)) -> (B, T, T), the errors of a unit observed in those periods;
    ``unit_scale`` as in ``SumOfParts`` (of the precision). Rows are sorted by unit and period.
    """

    unit_ix: Index
    period: Array
    covariance: Callable[[Hyper, Array], Array]
    unit_scale: Callable[[Hyper], Array] | None = None

    @cached_property
    def patterns(self) -> list[tuple[Array, Index, Index]]:
        """Periods (T,), units (n,) and their rows (n, T) of each pattern."""
        starts = np.searchsorted(self.unit_ix, np.arange(int(self.unit_ix.max()) + 2))
        by_pattern: dict[tuple[float, ...], list[int]] = {}
        for unit in np.flatnonzero(np.diff(starts)):
            by_pattern.setdefault(tuple(self.period[starts[unit] : starts[unit + 1]]), []).append(int(unit))
        return [
            (np.array(periods), np.array(units), starts[units][:, None] + np.arange(len(periods)))
            for periods, units in by_pattern.items()
        ]

    def root(self, hyper: Hyper, periods: Array) -> Array:
        """R with R'R the precision of a unit that is seen in ``periods`` (T,), without its scale : (B, T, T)."""
        return np.asarray(np.linalg.inv(np.linalg.cholesky(self.covariance(hyper, periods))))

    def log_det(self, hyper: Hyper) -> Array:
        """log|Q_i| of each unit : (B, N)."""
        n_units = int(self.unit_ix.max()) + 1
        out = np.zeros((hyper["sigma"].size, n_units))
        for periods, units, _ in self.patterns:
            factor = np.linalg.cholesky(self.covariance(hyper, periods))
            out[:, units] = -2 * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)[:, None]
        if self.unit_scale is not None:
            out += np.log(self.unit_scale(hyper)) * np.bincount(self.unit_ix, minlength=n_units)
        return out

    def times(self, hyper: Hyper, values: Array) -> Array:
        """Q times ``values`` (obs, m) : (B, obs, m)."""
        out = np.empty((hyper["sigma"].size, *values.shape))
        for periods, _, rows in self.patterns:
            precision = np.linalg.inv(self.covariance(hyper, periods))
            out[:, rows] = precision[:, None] @ values[rows]
        return out if self.unit_scale is None else out * self.unit_scale(hyper)[:, self.unit_ix, None]

    def block(self, hyper: Hyper, rows: Index) -> Array:
        """The rows and columns ``rows`` of Q : (B, rows, rows)."""
        identity = np.zeros((self.unit_ix.size, rows.size))
        identity[rows, np.arange(rows.size)] = 1.0
        return self.times(hyper, identity)[:, rows]

    def diagonal(self, hyper: Hyper) -> Array:
        """(B, obs)."""
        out = np.empty((hyper["sigma"].size, self.unit_ix.size))
        for periods, _, rows in self.patterns:
            precision = np.linalg.inv(self.covariance(hyper, periods))
            out[:, rows] = np.diagonal(precision, axis1=1, axis2=2)[:, None]
        return out if self.unit_scale is None else out * self.unit_scale(hyper)[:, self.unit_ix]

    def products(self, columns: list[Array], q: int, sets: Index, powers: Array | None) -> ReadyProducts:
        """The columns themselves: they are whitened when the hyperparameters come."""
        return _DenseProducts(self, tuple(columns), q, sets, powers)

    def outcomes(self, columns: Array, q: int, sets: Index, values: Array) -> ReadyOutcomes:
        """The outcomes themselves."""
        return _DenseOutcomes(self, columns, q, sets, values)


@dataclass(frozen=True, eq=False)
class _DenseProducts:
    precision: DensePatterns
    columns: tuple[Array, ...]
    q: int
    sets: Index
    powers: Array | None

    def at(self, hyper: Hyper) -> CrossProducts:
        unit_ix, q = self.precision.unit_ix, self.q
        if self._alike is not None:
            by_unit = np.zeros((hyper["sigma"].size, self.sets.size, q, self.columns[0].shape[1]))
            rest = np.zeros((len(by_unit), int(self.sets.max()) + 1, by_unit.shape[3] - q, by_unit.shape[3] - q))
            for (periods, *_), columns in zip(self.precision.patterns, self._alike, strict=True):
                columns.add_products(self.precision.root(hyper, periods), q, self.sets, by_unit, rest)
            return CrossProducts(by_unit[..., :q], by_unit[..., q:], rest)
        white = self._whitened(hyper)
        per_unit = np.zeros((len(white), self.sets.size, q, q))
        own_rest = np.zeros((len(white), self.sets.size, q, white.shape[2] - q))
        for _, units, rows in self.precision.patterns:
            # Rows of a balanced panel are all rows in their order: seen as units by periods, not copied.
            of_units = white.reshape(len(white), *rows.shape, -1) if rows.size == unit_ix.size else white[:, rows]
            both = np.swapaxes(of_units[..., :q], -1, -2) @ of_units
            per_unit[:, units], own_rest[:, units] = both[..., :q], both[..., q:]
        by_set = []
        for which in range(int(self.sets.max()) + 1):
            members = self.sets[unit_ix] == which
            of_set = white[:, slice(None) if members.all() else members, q:]
            by_set.append(np.swapaxes(of_set, -1, -2) @ of_set)
        return CrossProducts(per_unit, own_rest, np.stack(by_set, axis=1))

    @cached_property
    def _alike(self) -> list[AlikeColumns] | None:
        """The kinds of columns of each pattern; None where a unit has a scale, a power or a share of its own."""
        if len(self.columns) > 1 or self.powers is not None or self.precision.unit_scale is not None:
            return None
        parts = [AlikeColumns.of(self.columns[0][rows], units, self.sets) for _, units, rows in self.precision.patterns]
        kept = [part for part in parts if part is not None]
        return kept if len(kept) == len(parts) else None

    def _whitened(self, hyper: Hyper) -> Array:
        """L_i^-1 times the rows of unit i, with L_i L_i' = Q_i^-1, by the root of its scale and power : (B, obs, c)."""
        white = np.empty((hyper["sigma"].size, *self.columns[0].shape))
        for periods, _, rows in self.precision.patterns:
            inverse = self.precision.root(hyper, periods)
            if rows.size == len(self.columns[0]):
                by_unit = white.reshape(len(white), *rows.shape, -1)
                np.matmul(inverse[:, None], self.columns[0].reshape(*rows.shape, -1), out=by_unit)
            else:
                white[:, rows] = inverse[:, None] @ self.columns[0][rows]
            for exposed in self.columns[1:]:
                white[:, rows] += hyper["kappa"][:, None, None, None] * (inverse[:, None] @ exposed[rows])
        scale = None if self.precision.unit_scale is None else self.precision.unit_scale(hyper)
        for factor in (scale, self.powers):
            if factor is not None:
                white *= np.sqrt(np.atleast_2d(factor)[:, self.precision.unit_ix, None])
        return white


@dataclass(frozen=True, eq=False)
class _DenseOutcomes:
    precision: DensePatterns
    columns: Array
    q: int
    sets: Index
    values: Array

    def at(self, hyper: Hyper) -> tuple[Array, Array, Array]:
        weighted = self.precision.times(hyper, self.values)
        per_unit, rest = by_sets(self.columns, self.q, self.precision.unit_ix, self.sets, weighted)
        return per_unit, rest, (weighted * self.values).sum(axis=1)
