"""What do cross-products cost where many units have the same columns? Each kind of columns is whitened once.

Indicators of periods, shocks, the path of the effect and levels are the same in all treated units of one onset, and in
all controls; only the outcome and covariates are a unit's own. With C_k the alike columns of kind k, S_i the differing
ones of unit i, and R'R the precision of the errors of a unit,

    sum_i [C S]'R'R [C S] = sum_k n_k (R C_k)'(R C_k)   and   sum_i (R C_k(i))'(R S_i),   sum_i (R S_i)'(R S_i)

so the large first product is made for two kinds in place of nine units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.inference.unit_kinds import versions


@dataclass(frozen=True, eq=False)
class Kind:
    """Units (n,) whose ``alike`` columns (T, c) are equal; ``differing`` (n, T, d) are the others, unit by unit."""

    units: Index
    alike: Array
    differing: Array


@dataclass(frozen=True, eq=False)
class AlikeColumns:
    """Columns of units that have rows in the same periods, split into kinds : positions ``alike`` (c,), ``differing``
    (d,)."""

    alike: Index
    differing: Index
    kinds: Sequence[Kind]

    @classmethod
    def of(cls, columns: Array, units: Index, sets: Index) -> AlikeColumns | None:
        """``columns`` (n, T, c) of the units at the positions ``units`` (n,), all of a kind in one set of ``sets``.

        None where that many kinds are no fewer products.
        """
        n = len(columns)
        kinds_of = np.array([versions(columns[:, :, k]).max() + 1 for k in range(columns.shape[2])])
        alike, differing = np.flatnonzero(kinds_of <= n / 2), np.flatnonzero(kinds_of > n / 2)
        if not alike.size:
            return None
        joined = np.column_stack([sets[units], columns[:, :, alike].reshape(n, -1)])
        which = versions(joined)
        if (n_kinds := int(which.max()) + 1) > n / 2:
            return None
        kinds = []
        for kind in range(n_kinds):
            members = np.flatnonzero(which == kind)
            kinds.append(Kind(units[members], columns[members[0]][:, alike], columns[members][:, :, differing]))
        return cls(alike, differing, kinds)

    def add_products(self, root: Array, q: int, sets: Index, by_unit: Array, rest: Array) -> None:
        """Adds, with ``root`` R (B, T, T), to ``by_unit`` (B, N, q, c) and to ``rest`` (B, sets, c - q, c - q).

        The first q columns are a unit's own coefficients, the others meet each other in the sums of its set.
        """
        alike_own, alike_rest = self.alike[self.alike < q], self.alike[self.alike >= q] - q
        own_rest = self.differing[self.differing < q], self.differing[self.differing >= q] - q
        for kind in self.kinds:
            n, which = len(kind.units), sets[kind.units[0]]
            whole, single = root @ kind.alike, root[:, None] @ kind.differing
            gram = np.swapaxes(whole, -1, -2) @ whole
            crossed = np.swapaxes(whole, -1, -2)[:, None] @ single
            squared = np.swapaxes(single, -1, -2) @ single
            a, d = len(alike_own), len(own_rest[0])
            rows = kind.units[:, None, None]
            by_unit[:, rows, alike_own[:, None], self.alike] = gram[:, None, :a]
            by_unit[:, rows, alike_own[:, None], self.differing] = crossed[:, :, :a]
            by_unit[:, rows, own_rest[0][:, None], self.alike] = np.swapaxes(crossed, -1, -2)[:, :, :d]
            by_unit[:, rows, own_rest[0][:, None], self.differing] = squared[:, :, :d]
            of_set = rest[:, which]
            of_set[:, alike_rest[:, None], alike_rest] += n * gram[:, a:, a:]
            summed = crossed[:, :, a:, d:].sum(axis=1)
            of_set[:, alike_rest[:, None], own_rest[1]] += summed
            of_set[:, own_rest[1][:, None], alike_rest] += np.swapaxes(summed, -1, -2)
            of_set[:, own_rest[1][:, None], own_rest[1]] += squared[:, :, d:, d:].sum(axis=1)
