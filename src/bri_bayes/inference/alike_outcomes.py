"""What is the posterior of one functional for thousands of outcomes, where units are alike in kinds?

With the levels of ``alike_units``, P the precision of a level's rows when its own coefficients are integrated, C its
shared columns, and A = L L' the precision of shared coefficients, an outcome meets

    y'Py of all levels = sum over levels of <P, sum of y y'>,     m = sum over levels of C'P y,    |L^-1 m|^2

so the sums of squares and products of an outcome's rotated series are formed once, and a point is a few products of
matrices for all outcomes, whatever the number of units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.inference.alike_units import AlikeUnits, Eliminated, Hyper, Reduced, precision_of
from bri_bayes.inference.batched_algebra import solve_lower
from bri_bayes.inference.unit_kinds import Kind, Level, rotated

# Numbers of the right-hand sides of the points whose products with the outcomes are formed together.
_TOGETHER = 400_000


class Series(NamedTuple):
    """What R outcomes are to a level: ``mean`` (T, R), ``squares`` (T (T + 1) / 2, R) : upper triangles of the sums of
    y y', what is beside the diagonal doubled; ``crossed`` (d, T T, R) : sums of x y' for the differing columns x."""

    mean: Array
    squares: Array
    crossed: Array


@dataclass(frozen=True, eq=False)
class AlikeOutcomes:
    """The model of ``units`` and one functional of its coefficients, ``shared`` (p,) and ``loads`` (K, q)."""

    units: AlikeUnits
    shared: Array
    loads: Array

    def evaluate(self, hyper: Hyper, y: Array) -> tuple[Array, Array, Array]:
        """log p(y_i | h_j) (point, outcome), mean (point, outcome) and sd (point,) of the functional.

        ``y`` (outcome, obs), standardised.
        """
        series = self._series(y)
        batch, parts = self.units.batch(more=sum(len(level.per_unit) ** 2 for level in self._levels)), []
        for first in range(0, len(hyper["sigma"]), batch):
            some = {name: value[first : first + batch] for name, value in hyper.items()}
            reduced = self.units.reduced(some, self.shared[None], self.loads[:, None], precisions=True)
            parts.append((*_answers(reduced, series, self.units), reduced.sds[:, 0]))
        density, means, sds = (np.concatenate(part) for part in zip(*parts, strict=True))
        return density, means, sds

    @property
    def _levels(self) -> list[Level]:
        return [level for _, levels in self.units.patterns for level in levels]

    def _series(self, y: Array) -> list[Series]:
        """Of each level, in the order of ``reduced``."""
        shared = np.column_stack(
            [np.empty((self.units.terms.y.size, 0)), *(b.columns for b in self.units.terms.shared)]
        )
        out = []
        for level in self._levels:
            kind = self.units.kinds[level.kind]
            out.append(_of_level(level, kind, y, shared[:, self.units.differing]))
        return out


def _of_level(level: Level, kind: Kind, y: Array, differing: Array) -> Series:
    (mean, *deviations), (_, *columns) = rotated(kind, y.T), rotated(kind, differing)
    which = 0 if level.mean is not None else 1
    products = np.einsum("tcr,scr->tsr", deviations[which], deviations[which])
    if level.mean is None:
        mean = np.zeros((len(level.per_unit), 0))
    else:
        products += mean[:, None] * mean[None]
    rows, at = np.triu_indices(len(level.per_unit))
    squares = products[rows, at] * np.where(rows == at, 1.0, 2.0)[:, None]
    crossed = np.einsum("tcd,scr->dtsr", columns[which], deviations[which])
    return Series(mean, squares, crossed.reshape(len(crossed), len(level.per_unit) ** 2, len(y)))


def _answers(reduced: Reduced, series: Sequence[Series], units: AlikeUnits) -> tuple[Array, Array]:
    """Log density and mean of the functional : two (B, outcome)."""
    n_points, width = len(reduced.log_density), series[0].squares.shape[1]
    n_shared = reduced.weights.shape[1]
    pieces = [_precisions(done, len(level.per_unit), n_shared) for level, done, _ in reduced.levels]
    upper = [np.triu_indices(len(level.per_unit)) for level, _, _ in reduced.levels]
    log_density, means = np.empty((n_points, width)), np.empty((n_points, width))
    for first in range(0, n_points, step := max(1, _TOGETHER // ((n_shared + 1) * width))):
        few = slice(first, min(first + step, n_points))
        right = np.zeros((few.stop - first, n_shared, width))
        form, mean = np.zeros((len(right), width)), np.zeros((len(right), width))
        for (level, _, loaded), (precision, crossed, solved), pairs, of in zip(
            reduced.levels, pieces, upper, series, strict=True
        ):
            form += precision[few, *pairs] @ of.squares
            if level.mean is not None:
                right += crossed[few] @ of.mean
                mean += (np.swapaxes(loaded[few], 1, 2) @ solved[few])[:, 0] @ of.mean
            for position, products in zip(units.differing, of.crossed, strict=True):
                right[:, position] += precision[few].reshape(len(right), -1) @ products
        right = solve_lower(reduced.factor[few, :-1, :-1], right)
        form -= np.einsum("bpr,bpr->br", right, right)
        log_density[few] = reduced.log_density[few, None] - 0.5 * form
        means[few] = mean + (np.swapaxes(reduced.weights[few], 1, 2) @ right)[:, 0]
    return log_density, means


def _precisions(done: Eliminated, n_periods: int, n_shared: int) -> tuple[Array, Array, Array]:
    """P (B, T, T), C'P (B, p, T) of the columns before the outcome, and ``solved`` of the unit vectors (B, q, T)."""
    white, solved = done.white[..., -n_periods:], done.solved[..., -n_periods:]
    columns, of_columns = done.white[..., :n_shared], done.solved[..., :n_shared]
    crossed = np.swapaxes(columns, -1, -2) @ white - np.swapaxes(of_columns, -1, -2) @ solved
    return precision_of(done, n_periods), crossed, solved
