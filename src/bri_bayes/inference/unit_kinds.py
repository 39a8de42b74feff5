"""Which units of a panel are alike? Kinds with the same periods, columns and size of group, rotated into levels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.design.linear_terms import Terms

# Kinds are taken one after the other, units all at once: more kinds than this are no less work (measured).
MOST_KINDS = 12


@dataclass(frozen=True, eq=False)
class Kind:
    """``units`` (n,) in groups of ``size``, one after the other; ``rows`` (n, T); ``shocks`` (T,) : which of a group's
    shocks meet the rows, empty where none do."""

    units: Index
    rows: Index
    size: int
    shocks: Index


@dataclass(frozen=True, eq=False)
class Level:
    """``count`` rotated units of the kind at ``kind`` with errors of covariance Sigma + ``shocks`` S.

    ``per_unit`` (T, q); ``mean`` (T, p + 1) : shared columns and outcome of the average, None where there is none;
    ``deviations`` (T, c, d + 1) : of the differing shared columns and the outcome, whose sums of squares and products
    are those of the contrasts; ``moments`` (T T, (d + 1)^2) : these sums where they are fewer numbers, then no
    deviations; ``root_n`` of the average.
    """

    kind: int
    count: int
    shocks: int
    per_unit: Array
    mean: Array | None
    deviations: Array
    moments: Array | None
    root_n: float

    @property
    def columns(self) -> Array:
        """All of them side by side : (T, q + p + 1 + c (d + 1))."""
        mean = np.empty((len(self.per_unit), 0)) if self.mean is None else self.mean
        return np.hstack([self.per_unit, mean, self.deviations.reshape(len(self.per_unit), -1)])


def differing_columns(terms: Terms, shared: Array) -> Index:
    """Columns of which more than half of the units that have rows in the same periods have a version of their own."""
    most = np.zeros(shared.shape[1], dtype=bool)
    for rows in _by_periods(terms):
        of_units = shared[rows]
        for column in np.flatnonzero((of_units != of_units[:1]).any(axis=(0, 1))):
            most[column] |= versions(of_units[:, :, column]).max() + 1 > max(2, len(rows) / 2)
    return np.flatnonzero(most)


def versions(rows: Array) -> Index:
    """Which of the different rows, numbered as they come, each of ``rows`` (n, k) is : (n,)."""
    known: dict[bytes, int] = {}
    plain = np.ascontiguousarray(rows + 0.0)  # zero has one sign
    return np.array([known.setdefault(row.tobytes(), len(known)) for row in plain], dtype=np.intp)


def _by_periods(terms: Terms) -> list[Index]:
    """The rows (n, T) of the units that have rows in the same periods, for each set of periods."""
    starts = np.searchsorted(terms.unit_ix, np.arange(terms.n_units + 1))
    by_periods: dict[tuple[float, ...], list[Index]] = {}
    for unit in np.flatnonzero(np.diff(starts)):
        rows = np.arange(starts[unit], starts[unit + 1])
        by_periods.setdefault(tuple(terms.period[rows]), []).append(rows)
    return [np.array(rows) for rows in by_periods.values()]


def kinds_of_units(terms: Terms, columns: Array) -> list[Kind] | None:
    """Units with the same ``columns`` (obs, c), in groups of one size; None where they are hardly fewer than units.

    None, too, where a group with shocks has units of two kinds.
    """
    shocks = terms.grouped[0].columns if terms.grouped else np.zeros((terms.y.size, 0))
    kinds, group_of = [], terms.group_ix if terms.group_ix is not None and terms.grouped else np.arange(terms.n_units)
    n_units = 0
    for rows in _by_periods(terms):
        n_units += len(rows)
        units = terms.unit_ix[rows[:, 0]]
        has_shocks = shocks[rows].any(axis=(1, 2))
        group = np.where(has_shocks, group_of[units], -1 - units)
        sizes = np.array([(group == some).sum() for some in group])
        joined = np.column_stack([sizes, has_shocks, columns[rows].reshape(len(rows), -1)])
        which = versions(joined)
        for kind in range(int(which.max()) + 1):
            members = np.flatnonzero(which == kind)
            members = members[np.argsort(group[members], kind="stable")]
            first = members[0]
            at = shocks[rows[first]].argmax(axis=1) if has_shocks[first] else np.empty(0, dtype=np.intp)
            kinds.append(Kind(units[members], rows[members], int(sizes[first]), at))
    groups = [np.unique(group_of[kind.units]) for kind in kinds if kind.shocks.size]
    whole = sum(map(len, groups)) == len(set(np.concatenate([[], *groups])))
    whole = whole and all(len(np.unique(group_of[k.units])) * k.size == len(k.units) for k in kinds if k.shocks.size)
    fewer = len(kinds) <= min(max(2, n_units / 2), MOST_KINDS) and len(kinds) < n_units
    return kinds if whole and fewer else None


def levels_of(position: int, kind: Kind, per_unit: Array, columns: Array, differing: Index) -> Iterator[Level]:
    """The rotated units of a kind; ``columns`` (obs, p + 1) : shared ones and the outcome."""
    n, size, n_groups = len(kind.units), kind.size, len(kind.units) // kind.size
    of_unit = per_unit[kind.rows[0]]
    average, between, within = rotated(kind, columns)
    at = np.append(differing, columns.shape[1] - 1)
    shocks = size * bool(kind.shocks.size)
    yield Level(position, n_groups, shocks, of_unit, average, *_fewest(between[..., at]), float(np.sqrt(n)))
    if size > 1:
        yield Level(position, n - n_groups, 0, of_unit, None, *_fewest(within[..., at]), 0.0)


def rotated(kind: Kind, values: Array) -> tuple[Array, Array, Array]:
    """Of ``values`` (obs, k): the average of the units times sqrt(n) (T, k), deviations of groups from it, times the
    root of their size (T, m, k), and of units from their groups (T, n, k); no deviations of what is alone."""
    n, n_periods = kind.rows.shape
    by_group = values[kind.rows].reshape(n // kind.size, kind.size, n_periods, values.shape[1])
    means = by_group.mean(axis=1)
    between = np.moveaxis(means - means.mean(axis=0), 0, 1) * np.sqrt(kind.size)
    within = np.moveaxis((by_group - means[:, None]).reshape(n, n_periods, values.shape[1]), 0, 1)
    alone = slice(0, None if len(means) > 1 else 0), slice(0, None if kind.size > 1 else 0)
    return means.mean(axis=0) * np.sqrt(n), between[:, alone[0]], within[:, alone[1]]


def _fewest(deviations: Array) -> tuple[Array, Array | None]:
    """Deviations (T, c, k) as they are, or none of them and their moments (T T, k k), whichever are fewer columns."""
    n_periods, count, k = deviations.shape
    if count * k <= n_periods:
        return deviations, None
    moments = np.einsum("tck,scl->tskl", deviations, deviations, optimize=True)
    return deviations[:, :0], moments.reshape(n_periods**2, k**2)
