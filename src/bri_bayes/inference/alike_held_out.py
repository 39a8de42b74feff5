"""What is the precision of some rows given all others, where units are alike? From two T x T matrices a kind.

The rotation of ``alike_units`` turned back: with P_0 the precision of the average of a kind and P_1 that of contrasts
within its groups of s units, own coefficients integrated, C its shared columns and A = L L' the precision of theirs,
that of all rows is

    same unit  P_0 / s + (1 - 1 / s) P_1,   same group  (P_0 - P_1) / s,   minus  W_k'W_l,  W_k = L^-1 C_k'P_0

for units of the kinds k and l, and its product with y takes averages of groups and deviations from them. So what all
rows ask for is formed once a kind and not once a unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.inference.alike_units import AlikeUnits, Hyper, precision_of
from bri_bayes.inference.batched_algebra import solve_lower


class OfKind(NamedTuple):
    """At B points: P_0 and P_1 (B, T, T), the same where groups are single units; W (B, p, T); P y (B, n, T)."""

    average: Array
    within: Array
    shared: Array
    score: Array


@dataclass(frozen=True, eq=False)
class AlikeHeldOut:
    """Rows of ``units``, which differ in no shared column."""

    units: AlikeUnits

    def diagonals(self, hyper: Hyper, rows: Index) -> Iterator[tuple[Array, Array]]:
        """Diagonal of the precision, and P y, of ``rows`` : (B, rows) each, some points at a time."""
        for kinds in self._batches(hyper):
            precision, score = (np.empty((len(kinds[0].average), rows.size)) for _ in range(2))
            for which, unit, period, at in self._places(rows):
                some = kinds[which]
                share = 1 / self.units.kinds[which].size
                diagonal = np.diagonal(share * some.average + (1 - share) * some.within, axis1=1, axis2=2)
                precision[:, at] = (diagonal - (some.shared**2).sum(axis=1))[:, period]
                score[:, at] = some.score[:, unit, period]
            yield precision, score

    def blocks(self, hyper: Hyper, rows: Index) -> Iterator[tuple[Array, Array]]:
        """The precision of ``rows`` (B, rows, rows), and P y (B, rows), some points at a time."""
        places = list(self._places(rows))
        for kinds in self._batches(hyper):
            shared = np.empty((len(kinds[0].average), kinds[0].shared.shape[1], rows.size))
            score = np.empty((len(shared), rows.size))
            for which, unit, period, at in places:
                shared[:, :, at] = kinds[which].shared[:, :, period]
                score[:, at] = kinds[which].score[:, unit, period]
            precision = -np.swapaxes(shared, 1, 2) @ shared
            for which, unit, period, at in places:
                some, size = kinds[which], self.units.kinds[which].size
                pairs = (slice(None), period[:, None], period)
                together = np.equal.outer(unit // size, unit // size) / size
                block = together * (some.average[pairs] - some.within[pairs])
                precision[:, at[:, None], at] += block + np.equal.outer(unit, unit) * some.within[pairs]
            yield precision, score

    def _batches(self, hyper: Hyper) -> Iterator[list[OfKind]]:
        p = self.units.size - 1
        numbers = sum(
            kind.rows.shape[1] * (3 * kind.rows.shape[1] + 2 * p + len(kind.units)) for kind in self.units.kinds
        )
        batch = self.units.batch(more=numbers)
        for first in range(0, len(hyper["sigma"]), batch):
            yield self._at({name: value[first : first + batch] for name, value in hyper.items()})

    def _at(self, hyper: Hyper) -> list[OfKind]:
        reduced = self.units.reduced(hyper, precisions=True)
        lower, of_y = reduced.factor[:, :-1, :-1], reduced.factor[:, -1:, :-1]
        average: dict[int, tuple[Array, Array]] = {}
        within: dict[int, Array] = {}
        for level, done, _ in reduced.levels:
            precision = precision_of(done, len(level.per_unit))
            if level.mean is None:
                within[level.kind] = precision
            else:
                crossed = precision @ level.mean[:, :-1] / level.root_n
                average[level.kind] = precision, solve_lower(lower, np.swapaxes(crossed, 1, 2))
        kinds = []
        for position, kind in enumerate(self.units.kinds):
            of_average, shared = average[position]
            of_within = within.get(position, of_average)
            y = self.units.terms.y[kind.rows]
            means = y.reshape(-1, kind.size, y.shape[1]).mean(axis=1)
            every = np.repeat(means, kind.size, axis=0)
            score = every @ of_average + (y - every) @ of_within - of_y @ shared
            kinds.append(OfKind(of_average, of_within, shared, score))
        return kinds

    def _places(self, rows: Index) -> Iterator[tuple[int, Index, Index, Index]]:
        """Of each kind with some of ``rows``: its position, unit and period of each, and which of ``rows`` they are."""
        which, unit, period = (some[rows] for some in self._place_of_row)
        for kind in np.unique(which):
            at = np.flatnonzero(which == kind)
            yield int(kind), unit[at], period[at], at

    @cached_property
    def _place_of_row(self) -> Sequence[Index]:
        """Kind, unit and period of each row : three (obs,)."""
        places = np.zeros((3, self.units.terms.y.size), dtype=np.intp)
        for position, kind in enumerate(self.units.kinds):
            units, periods = np.indices(kind.rows.shape)
            places[:, kind.rows] = np.stack([np.full_like(units, position), units, periods])
        return list(places)
