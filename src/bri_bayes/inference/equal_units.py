"""What is the posterior of the ATT for thousands of assignments, where all units have the same rows and columns?

On a balanced panel without covariates the cross-products of ``assignments`` are those of one unit: C'PC = [i = j] A -
F'F for every pair. Path coefficients d meet the sum of the k treated units; the own ones are split by an orthogonal
rotation into their average (times sqrt(k)) and k - 1 contrasts, which nothing else meets. So with v_i = C_i'P y

    precision of (d, average)  M_k = [k A_pp, sqrt(k) A_pq; sqrt(k) A_qp, A_qq] - k [sqrt(k) F_p, F_q]'[.] + prior
    precision of a contrast    D = A_qq + prior

are the same for all assignments of a size, and their densities need sums over treated units of L^-1 v_i alone.

Source: Lindley & Smith (1972), doi:10.1111/j.2517-6161.1972.tb00899.x.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from bri_bayes.core.arrays import Array, Mask
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import Block
from bri_bayes.inference.assignment_columns import AssignmentColumns
from bri_bayes.inference.batched_algebra import cholesky, solve_lower
from bri_bayes.inference.collapsed import BATCH_ELEMENTS, Collapsed
from bri_bayes.inference.error_precision import ReadyProducts
from bri_bayes.inference.hyperparameters import Hyperparameters
from bri_bayes.study.model_card import ModelCard


class _Reduced(NamedTuple):
    """At B points, after nuisance terms are eliminated, with m effect columns and r rows of what units share.

    A (B, m, m), F (B, r, m), v (B, N, m); ``rest`` (B,) the log density without effects, with the prior of h.
    """

    A: Array
    F: Array
    v: Array
    rest: Array


@dataclass(frozen=True, eq=False)
class EqualUnits:
    """The model of a card on a balanced panel in which any unit may be treated from one onset on.

    ``nuisance`` : its terms without effects, on the rows of one unit; ``ready`` : their cross-products with the effect
    columns (m) and the outcomes of all ``n_units`` units, which stand side by side.
    """

    nuisance: Collapsed
    ready: ReadyProducts
    asked: AssignmentColumns
    n_units: int

    @classmethod
    def build(cls, design: Design, card: ModelCard, onset: int) -> EqualUnits:
        """For a design that ``are_equal`` has let through."""
        asked = AssignmentColumns.of(design, card, onset)
        n_units, n_periods = design.sizes["unit"], design.sizes["period"]
        first, terms = slice(0, n_periods), asked.nuisance
        y = terms.y.reshape(n_units, n_periods)
        alone = dataclasses.replace(
            terms,
            y=y[0],
            unit_ix=terms.unit_ix[first],
            period=terms.period[first],
            per_unit=_rows(terms.per_unit, first),
            shared=_rows(terms.shared, first),
        )
        nuisance = Collapsed.of(alone, card, asked.space)
        return cls(nuisance, nuisance.ready(np.column_stack([asked.columns[first], y.T]), by_unit=True), asked, n_units)

    @property
    def space(self) -> Hyperparameters:
        """The hyperparameters."""
        return self.asked.space

    def evaluate(self, vectors: Array, groups: Mask) -> tuple[Array, Array, Array]:
        """log p(y, h_j | assignment i), mean and sd of the ATT given h_j, all (assignment, point).

        ``groups`` (assignment, unit) : true if treated, of any sizes.
        """
        parts = [self._at(some, groups) for some in self._batches(vectors, len(groups))]
        log_density, means, sds = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
        lost = ~np.isfinite(log_density + sds)  # rounding made a precision indefinite: no weight
        log_density[lost], means[lost], sds[lost] = -np.inf, 0.0, 1.0
        return log_density, means, sds

    def _batches(self, vectors: Array, n_groups: int) -> Iterator[Array]:
        p, q = self._sizes
        width = sum(block.columns.shape[1] for block in self.nuisance.terms.blocks) + p + q + self.n_units
        size = max(1, 2 * BATCH_ELEMENTS // max(width**2, n_groups * (p + q)))
        for first in range(0, len(vectors), size):
            yield vectors[first : first + size]

    def _at(self, vectors: Array, groups: Mask) -> tuple[Array, Array, Array]:
        hyper = self.space.values(vectors)
        reduced, prior = self._reduced(hyper, vectors), self._prior_precision(hyper)
        sizes = groups.sum(axis=1)
        out = np.empty((3, len(groups), len(vectors)))
        for k in np.unique(sizes):
            out[:, sizes == k] = self._of_size(int(k), groups[sizes == k].astype(float), reduced, prior)
        return out[0], out[1], out[2]

    def _of_size(self, k: int, member: Array, reduced: _Reduced, prior: Array) -> Array:
        """Log densities, means and sds of the assignments of one size : (3, assignment, B)."""
        (p, q), (A, F, v, rest) = self._sizes, reduced
        scale = np.concatenate([np.full(p, np.sqrt(k)), np.ones(q)])
        system = (A - k * np.swapaxes(F, 1, 2) @ F) * np.outer(scale, scale)
        at = np.arange(p + q)
        system[:, at, at] += prior
        lower = cholesky(system)
        # What each unit adds to the sums, then the weights of the ATT : (B, m, N + 1).
        share = np.concatenate([np.ones(p), np.full(q, 1 / np.sqrt(k))])[:, None]
        weights = share * self.asked.weights[0][:, None] / self.asked.counts[0]
        right = np.concatenate([share * np.swapaxes(v, 1, 2), np.broadcast_to(weights, (len(v), p + q, 1))], axis=2)
        solved = solve_lower(lower, right)
        of_y, of_c = solved[..., :-1], solved[..., -1]
        quadratic = (self._summed(of_y, member) ** 2).sum(axis=1)
        log_det = 2 * np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
        if q and k > 1:
            contrasts = A[:, p:, p:].copy()
            contrasts[:, at[:q], at[:q]] += prior[:, p:]
            of_contrasts = cholesky(contrasts)
            white = solve_lower(of_contrasts, np.swapaxes(v[..., p:], 1, 2))
            quadratic += (white**2).sum(axis=1) @ member.T - (self._summed(white, member) ** 2).sum(axis=1) / k
            log_det += 2 * (k - 1) * np.log(np.diagonal(of_contrasts, axis1=1, axis2=2)).sum(axis=1)
        log_prior = np.log(prior[:, :p]).sum(axis=1) + k * np.log(prior[:, p:]).sum(axis=1)
        log_density = (rest + 0.5 * (log_prior - log_det))[:, None] + 0.5 * quadratic
        means = (of_c[:, None, :] @ of_y)[:, 0] @ member.T
        sds = np.sqrt((of_c**2).sum(axis=1))
        return np.stack([log_density.T, means.T, np.broadcast_to(sds, (len(member), sds.size))])

    @staticmethod
    def _summed(of_units: Array, member: Array) -> Array:
        """Sums over treated units of (B, m, N) : (B, m, assignment)."""
        n_points, m, n_units = of_units.shape
        return (of_units.reshape(-1, n_units) @ member.T).reshape(n_points, m, -1)

    def _reduced(self, hyper: dict[str, Array], vectors: Array) -> _Reduced:
        after, n = self.nuisance.after_units(hyper, self.ready, by_unit=True), self.n_units
        products, m = after.rest[:, 0], sum(self._sizes)
        r = products.shape[1] - m - n
        system = n * products[:, :r, :r]
        log_det_prior = self.nuisance.add_prior(system, self.nuisance.terms.shared, hyper)
        lower = cholesky(system)
        every = products[:, :r, r + m :].sum(axis=2, keepdims=True)
        pulled = solve_lower(lower, np.concatenate([products[:, :r, r : r + m], every], axis=2))
        F, y = pulled[..., :-1], pulled[..., -1]
        v = np.swapaxes(products[:, r : r + m, r + m :], 1, 2) - (np.swapaxes(F, 1, 2) @ y[..., None])[..., 0][:, None]
        size = np.trace(products[:, r + m :, r + m :], axis1=1, axis2=2) - (y**2).sum(axis=1)
        log_det = np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
        rest = n * after.log_constant + 0.5 * (log_det_prior - size) - log_det + self.space.log_prior(vectors)
        return _Reduced(products[:, r : r + m, r : r + m], F, v, rest)

    def _prior_precision(self, hyper: dict[str, Array]) -> Array:
        """Diagonal of the prior precision of the effects of a treated unit : (B, m)."""
        precision = np.zeros((len(next(iter(hyper.values()))), sum(self._sizes), sum(self._sizes)))
        self.nuisance.add_prior(precision, (*self.asked.path, *self.asked.per_unit), hyper)
        return np.diagonal(precision, axis1=1, axis2=2)

    @cached_property
    def _sizes(self) -> tuple[int, int]:
        """Numbers of path columns and of a unit's own columns."""
        p, q = (sum(b.columns.shape[1] for b in blocks) for blocks in (self.asked.path, self.asked.per_unit))
        return p, q


def _rows(blocks: tuple[Block, ...], rows: slice) -> tuple[Block, ...]:
    return tuple(dataclasses.replace(block, columns=block.columns[rows]) for block in blocks)
