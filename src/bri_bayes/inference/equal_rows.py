"""What is left of a balanced panel whose units have the same columns, before anybody is treated? T x T arrays a point.

Let the N units share their T periods and their columns: U of a unit's own coefficients, Z of shared ones, V_U and V_Z
their prior variances, Q the precision of a unit's errors. With

    S = Q - Q U (U'QU + V_U^-1)^-1 U'Q,    F'F = S Z (N Z'SZ + V_Z^-1)^-1 Z'S

the outcomes have, up to constants, the log density -1/2 (sum_i y_i'S y_i - |F sum_i y_i|^2), and effect columns X of a
unit (``TreatedEffects``) meet them through X'SX, F X and X'(S y_i - F'F sum_j y_j). None of this depends on who is
treated or from when on. Path coefficients d meet the sum of the k treated units; their own ones are split by an
orthogonal rotation into their average (times sqrt(k)) and k - 1 contrasts, which nothing else meets. So

    precision of (d, average)  M_k = [k A_pp, sqrt(k) A_pq; sqrt(k) A_qp, A_qq] - k [sqrt(k) F_p, F_q]'[.] + prior
    precision of a contrast    D = A_qq + prior,    A = X'SX

are the same for all groups of k treated units and for all outcomes.

Source: Lindley & Smith (1972), doi:10.1111/j.2517-6161.1972.tb00885.x.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import Block
from bri_bayes.inference.assignment_columns import AssignmentColumns
from bri_bayes.inference.batched_algebra import cholesky, solve_lower
from bri_bayes.inference.block_priors import add_prior
from bri_bayes.inference.collapsed import BATCH_ELEMENTS, Collapsed, Space
from bri_bayes.inference.error_precision import ReadyProducts
from bri_bayes.study.model_card import ModelCard


class Reduced(NamedTuple):
    """At B points ``hyper``: S and ``shared`` F'F (B, T, T), and ``constant`` (B,) of the log density and the prior."""

    hyper: Mapping[str, Array]
    S: Array
    shared: Array
    constant: Array

    def scores(self, some: Array, every: Array) -> Array:
        """S y_i - F'F sum_j y_j of R series ``some`` (T, R), ``every`` (T, 1 or R) the sum of all units : (B, T, R)."""
        return np.asarray(self.S @ some - self.shared @ every)


@dataclass(frozen=True, eq=False)
class EqualRows:
    """The terms without effects on the rows of one of ``n_units`` units.

    ``of_unit`` : the coefficients of the unit, with the errors, and ``ready`` their cross-products with 1, ..., T;
    ``space`` : the hyperparameters, those of the effects included; ``shared`` : coefficients that units share.
    """

    of_unit: Collapsed
    ready: ReadyProducts
    shared: tuple[Block, ...]
    n_units: int

    @classmethod
    def build(cls, design: Design, card: ModelCard, asked: AssignmentColumns, space: Space) -> EqualRows:
        """For a design that ``are_equal`` has let through."""
        n_periods, terms = design.sizes["period"], asked.nuisance
        first = slice(0, n_periods)
        alone = dataclasses.replace(
            terms,
            y=terms.y[first],
            unit_ix=terms.unit_ix[first],
            period=terms.period[first],
            per_unit=_rows(terms.per_unit, first),
            shared=(),
        )
        of_unit = Collapsed.of(alone, card, space)
        ready = of_unit.ready(np.eye(n_periods), by_unit=True)
        return cls(of_unit, ready, _rows(terms.shared, first), design.sizes["unit"])

    @property
    def space(self) -> Space:
        """The hyperparameters."""
        return self.of_unit.space

    @property
    def n_periods(self) -> int:
        """T."""
        return self.of_unit.terms.y.size

    def batches(self, vectors: Array, numbers: int = 0) -> Iterator[slice]:
        """The points, a few at a time; ``numbers`` : that the caller holds at a point."""
        size = max(1, 2 * BATCH_ELEMENTS // max(2 * self.n_periods**2, numbers))
        for first in range(0, len(vectors), size):
            yield slice(first, first + size)

    def at(self, vectors: Array) -> Reduced:
        """At the points (B, dimension)."""
        hyper, n = self.space.values(vectors), self.n_units
        after = self.of_unit.after_units(hyper, self.ready, by_unit=True)
        S, Z = after.rest[:, 0], self._shared_columns
        crossed = Z.T @ S
        system = n * (crossed @ Z)
        log_det_prior = add_prior(system, self.shared, hyper)
        lower = cholesky(system)
        log_det = np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
        constant = n * after.log_constant + 0.5 * log_det_prior - log_det + self.space.log_prior(vectors)
        F = solve_lower(lower, crossed)
        return Reduced(hyper, S, np.swapaxes(F, 1, 2) @ F, constant)

    @cached_property
    def _shared_columns(self) -> Array:
        """Z : (T, r)."""
        return np.hstack([block.columns for block in self.shared])


class Solved(NamedTuple):
    """The effects of k treated units at B points.

    ``white`` (B, m, R) : L^-1 times right-hand sides, M_k = L L'; ``of_c`` (B, m) : L^-1 c of the weights of the ATT;
    ``contrasts`` (B, q, q) : the factor of D, None where there are no contrasts; ``log_density`` (B,) : what the
    effects add to the log density without the outcome.
    """

    white: Array
    of_c: Array
    contrasts: Array | None
    log_density: Array

    @property
    def sds(self) -> Array:
        """The sd of the ATT : (B,)."""
        return np.asarray(np.sqrt((self.of_c**2).sum(axis=1)))


@dataclass(frozen=True, eq=False)
class TreatedEffects:
    """The effect columns X that a treated unit has on its T rows, from one onset on."""

    rows: EqualRows
    asked: AssignmentColumns

    def pulled(self, series: Array) -> Array:
        """X' times series (B, T, R) : (B, m, R)."""
        return np.asarray(self._columns.T @ series[:, self._first :])

    def crossed(self, matrices: Array) -> Array:
        """X' (.) X of matrices (B, T, T) : (B, m, m)."""
        some = matrices[:, self._first :, self._first :]
        return np.asarray(self._columns.T @ (some @ self._columns))

    def own_rows(self, pulled: Array) -> Array:
        """The rows of a unit's own coefficients of (B, m, R) : (B, q, R)."""
        return pulled[:, self._sizes[0] :]

    def solve(self, k: int, of_sums: Array, of_one: Array, right: Array, hyper: Mapping[str, Array]) -> Solved:
        """With k treated units, from X'(S - k F'F) X and X'SX, both (B, m, m).

        ``right`` (B, m, R) : sums over treated units of X'(...), which are scaled for the average of their own effects.
        """
        p, q = self._sizes
        prior = self._prior_precision(hyper, len(right))
        scale = np.concatenate([np.full(p, np.sqrt(k)), np.ones(q)])
        system, at = of_sums * np.outer(scale, scale), np.arange(p + q)
        system[:, at, at] += prior
        lower = cholesky(system)
        share = np.concatenate([np.ones(p), np.full(q, 1 / np.sqrt(k))])[:, None]
        weights = np.broadcast_to(self.asked.weights[0][:, None] / self.asked.counts[0], (len(right), p + q, 1))
        solved = solve_lower(lower, share * np.concatenate([right, weights], axis=2))
        log_det = 2 * np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
        contrasts = None
        if q and k > 1:
            precision = of_one[:, p:, p:].copy()
            precision[:, at[:q], at[:q]] += prior[:, p:]
            contrasts = cholesky(precision)
            log_det += 2 * (k - 1) * np.log(np.diagonal(contrasts, axis1=1, axis2=2)).sum(axis=1)
        log_prior = np.log(prior[:, :p]).sum(axis=1) + k * np.log(prior[:, p:]).sum(axis=1)
        return Solved(solved[..., :-1], solved[..., -1], contrasts, 0.5 * (log_prior - log_det))

    @cached_property
    def _first(self) -> int:
        """The first row with an effect."""
        return int(np.flatnonzero(self.asked.columns[: self.rows.n_periods].any(axis=1))[0])

    @cached_property
    def _columns(self) -> Array:
        """X from ``_first`` on : (T - first, m)."""
        return np.ascontiguousarray(self.asked.columns[self._first : self.rows.n_periods])

    def _prior_precision(self, hyper: Mapping[str, Array], n_points: int) -> Array:
        """Diagonal of the prior precision of the effects of a treated unit : (B, m)."""
        precision = np.zeros((n_points, sum(self._sizes), sum(self._sizes)))
        add_prior(precision, (*self.asked.path, *self.asked.per_unit), hyper)
        return np.diagonal(precision, axis1=1, axis2=2)

    @cached_property
    def _sizes(self) -> tuple[int, int]:
        """Numbers of path columns and of a unit's own columns."""
        p, q = (sum(b.columns.shape[1] for b in blocks) for blocks in (self.asked.path, self.asked.per_unit))
        return p, q


def without_lost(log_density: Array, means: Array, sds: Array) -> tuple[Array, Array, Array]:
    """The same arrays (problem, point), without weight where rounding has made a precision indefinite."""
    sds = np.array(np.broadcast_to(sds, means.shape))
    lost = ~np.isfinite(log_density + sds)
    log_density[lost], means[lost], sds[lost] = -np.inf, 0.0, 1.0
    return log_density, means, sds


def _rows(blocks: tuple[Block, ...], rows: slice) -> tuple[Block, ...]:
    return tuple(dataclasses.replace(block, columns=block.columns[rows]) for block in blocks)
