"""What is the posterior of the ATT for thousands of assignments, where all units have the same rows and columns?

Factors are those of ``equal_rows``, the same for all groups of a size; their densities need sums over treated units of
L^-1 v_i alone, v_i = X'(S y_i - F'F sum_j y_j).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array, Mask
from bri_bayes.design.design import Design
from bri_bayes.inference.assignment_columns import AssignmentColumns
from bri_bayes.inference.batched_algebra import solve_lower
from bri_bayes.inference.collapsed import Space
from bri_bayes.inference.equal_rows import EqualRows, Solved, TreatedEffects, without_lost
from bri_bayes.study.model_card import ModelCard


@dataclass(frozen=True, eq=False)
class EqualUnits:
    """The model of a card on a balanced panel in which any unit may be treated from one onset on.

    ``y`` (T, N) : the outcomes of the units, side by side.
    """

    rows: EqualRows
    effects: TreatedEffects
    y: Array

    @classmethod
    def build(cls, design: Design, card: ModelCard, onset: int) -> EqualUnits:
        """For a design that ``are_equal`` has let through."""
        asked = AssignmentColumns.of(design, card, onset)
        rows = EqualRows.build(design, card, asked, asked.space)
        y = asked.nuisance.y.reshape(rows.n_units, rows.n_periods).T
        return cls(rows, TreatedEffects(rows, asked), np.ascontiguousarray(y))

    @property
    def space(self) -> Space:
        """The hyperparameters."""
        return self.rows.space

    def evaluate(self, vectors: Array, groups: Mask) -> tuple[Array, Array, Array]:
        """log p(y, h_j | assignment i), mean and sd of the ATT given h_j, all (assignment, point).

        ``groups`` (assignment, unit) : true if treated, of any sizes.
        """
        sizes = groups.sum(axis=1)
        out = np.empty((3, len(groups), len(vectors)))
        every, squares = self.y.sum(axis=1, keepdims=True), self.y @ self.y.T
        of_every = every @ every.T
        largest = int(np.bincount(sizes).max()) * self.effects.asked.columns.shape[1]
        for some in self.rows.batches(vectors, self.y.size + largest):
            reduced = self.rows.at(vectors[some])
            v = self.effects.pulled(reduced.scores(self.y, every))
            size = (reduced.S * squares - reduced.shared * of_every).sum(axis=(1, 2))
            of_one, of_all = self.effects.crossed(reduced.S), self.effects.crossed(reduced.shared)
            for k in np.unique(sizes):
                solved = self.effects.solve(int(k), of_one - k * of_all, of_one, v, reduced.hyper)
                out[:, sizes == k, some] = self._of_size(int(k), groups[sizes == k].astype(float), solved, v)
            out[0, :, some] += reduced.constant - 0.5 * size
        return without_lost(*out)

    def _of_size(self, k: int, member: Array, solved: Solved, v: Array) -> Array:
        """What the assignments of one size add to log densities, and means and sds : (3, assignment, B)."""
        quadratic = (_summed(solved.white, member) ** 2).sum(axis=1)
        if solved.contrasts is not None:
            white = solve_lower(solved.contrasts, self.effects.own_rows(v))
            quadratic += (white**2).sum(axis=1) @ member.T - (_summed(white, member) ** 2).sum(axis=1) / k
        log_density = solved.log_density[:, None] + 0.5 * quadratic
        means = (solved.of_c[:, None, :] @ solved.white)[:, 0] @ member.T
        return np.stack([log_density.T, means.T, np.broadcast_to(solved.sds, means.T.shape)])


def _summed(of_units: Array, member: Array) -> Array:
    """Sums over treated units of (B, m, N) : (B, m, assignment)."""
    n_points, m, n_units = of_units.shape
    return (of_units.reshape(-1, n_units) @ member.T).reshape(n_points, m, -1)
