"""How do errors look when rows count with weights? Analytic weights: a row of weight w has an error of sd s / sqrt(w).

    e_it = u_it / sqrt(w_it),   u of any structure (iid, AR(1), a random walk) with precision Q

so the precision is W^(1/2) Q W^(1/2), the products of columns X and Y are those of W^(1/2) X and W^(1/2) Y under Q, and
log|precision| is log|Q| + sum log w. The weights are known numbers (people, inverse variances of an estimate),
relative to each other: with mean one, sigma is the scale of a row of average weight.
Source: Greene (2018), Econometric Analysis, section 9.6 (weighted least squares).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.inference.error_precision import ErrorPrecision, Hyper, ReadyOutcomes, ReadyProducts


@dataclass(frozen=True, eq=False)
class WeightedErrors:
    """The precision of ``errors`` with a weight a row. ``root`` : (obs,) sqrt(w); ``unit_ix`` : (obs,)."""

    errors: ErrorPrecision
    root: Array
    unit_ix: Index

    def log_det(self, hyper: Hyper) -> Array:
        """log|Q_i| of each unit : (B, N)."""
        return np.asarray(self.errors.log_det(hyper) + 2 * np.bincount(self.unit_ix, np.log(self.root)))

    def times(self, hyper: Hyper, values: Array) -> Array:
        """Q times ``values`` (obs, m) : (B, obs, m)."""
        return np.asarray(self.root[:, None] * self.errors.times(hyper, self.root[:, None] * values))

    def block(self, hyper: Hyper, rows: Index) -> Array:
        """The rows and columns ``rows`` of Q : (B, rows, rows)."""
        return np.asarray(self.errors.block(hyper, rows) * np.outer(self.root[rows], self.root[rows]))

    def diagonal(self, hyper: Hyper) -> Array:
        """(B, obs)."""
        return np.asarray(self.errors.diagonal(hyper) * self.root**2)

    def products(self, columns: list[Array], q: int, sets: Index, powers: Array | None) -> ReadyProducts:
        """Cross-products of the columns, each row times the root of its weight."""
        return self.errors.products([self.root[:, None] * column for column in columns], q, sets, powers)

    def outcomes(self, columns: Array, q: int, sets: Index, values: Array) -> ReadyOutcomes:
        """Other outcomes against columns, each row times the root of its weight."""
        root = self.root[:, None]
        return self.errors.outcomes(root * columns, q, sets, root * values)
