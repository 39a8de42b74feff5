"""Where do the true values of a modifier stand in the outcome's model? Its cross-products for many values of them.

Of the columns of a model a few hold the modifier: its slope, those of single units, its main effect. The products of
the others are formed once; those with these few are formed for the true values of every walker.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bri_bayes.core.arrays import Array, Index, Mask
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import Terms
from bri_bayes.inference.mixture_model import MixtureModel, laid_out


@dataclass(frozen=True, eq=False)
class Loads:
    """Columns of the outcome's model that hold true values: ``at`` (J,) among all columns, each (true - ``center``) /
    ``scale`` in the rows of ``rows`` (J, obs), else zero."""

    at: Index
    center: Array
    scale: Array
    rows: Mask

    def columns(self, true: Array) -> Array:
        """(B, J, obs) for true values (B, obs)."""
        standard = (true[:, None] - self.center[:, None]) / self.scale[:, None]
        return np.asarray(standard * self.rows)

    def slopes(self, coefficients: Array) -> Array:
        """What one unit of the true value does to y in each row : (B, obs)."""
        return np.asarray((coefficients[:, self.at] / self.scale) @ self.rows)


@dataclass(frozen=True, eq=False)
class LatentProducts:
    """The cross-products of ``model`` for each walker's true values."""

    model: MixtureModel
    loads: Loads

    def of(self, true: Array) -> Array:
        """(B, classes, 3, pairs), for true values (B, obs)."""
        size, at = self.model.size + 1, self.loads.at
        columns = self.loads.columns(true)
        first = self.model.serial.is_first
        before = np.where(first, 0.0, np.roll(columns, 1, axis=2))
        fixed, fixed_before = self.model.columns, self.model.before
        packed = np.repeat(self._fixed, len(true), axis=0)
        others = np.setdiff1d(np.arange(size), at)
        for position, rows in enumerate(self.model.rows_of_class):
            x, b = (some[:, :, rows] for some in (columns, before))
            for part, crossed, within in _parts(x, b, fixed[rows][:, others], fixed_before[rows][:, others]):
                packed[:, position, part, _pair(at[:, None], others)] = crossed
                packed[:, position, part, _pair(at[:, None], at)] = within
        return packed

    @cached_property
    def _fixed(self) -> Array:
        return self.model.weighted(np.ones((1, self.model.serial.gap.size)))


def _pair(first: Index, second: Index) -> Index:
    """The place of a pair of columns among the lower triangle, row by row."""
    high, low = np.maximum(first, second), np.minimum(first, second)
    return np.asarray(high * (high + 1) // 2 + low)


def _parts(x: Array, b: Array, fixed: Array, before: Array) -> Iterator[tuple[int, Array, Array]]:
    """x x', x b' + b x' and b b' of own columns x (B, J, rows), those of the row before b, and fixed ones (rows, O)."""
    turned = np.swapaxes(x, 1, 2), np.swapaxes(b, 1, 2)
    yield 0, x @ fixed, x @ turned[0]
    yield 1, x @ before + b @ fixed, x @ turned[1] + b @ turned[0]
    yield 2, b @ before, b @ turned[1]


def loads_of(design: Design, terms: Terms, modifier: str) -> Loads:
    """The columns of the outcome's model, in the order of ``flat_blocks``, that hold the modifier."""
    treated, n_units = design["treated"].to_numpy(), terms.n_units
    at = [str(name) for name in design["modifier"].values].index(modifier)
    covariates = [str(name) for name in design["covariate"].values]
    of_z = (float(design["z_center"].to_numpy()[at]), float(design["z_scale"].to_numpy()[at]))
    columns: list[tuple[int, tuple[float, float], Mask]] = []
    for block, first, _ in laid_out(terms):
        width = block.columns.shape[1]
        if block.name == "modifier_deviation":
            of_unit = [treated & (terms.unit_ix == unit) for unit in range(n_units)]
            columns += [(first + u * width + at, of_z, rows) for u, rows in enumerate(of_unit) if rows.any()]
        if block.name == "modifier_effect":
            columns.append((first + at, of_z, treated))
        if block.name == "beta" and modifier in covariates:
            position = covariates.index(modifier)
            of_x = (float(design["x_center"].to_numpy()[position]), float(design["x_scale"].to_numpy()[position]))
            columns.append((first + position, of_x, np.ones(treated.size, dtype=bool)))
    positions, standard, rows = zip(*columns, strict=True)
    center, scale = np.array(standard).T
    return Loads(np.array(positions), center, scale, np.array(rows))
