"""How likely are some rows given all others? Closed form for given hyperparameters, for single rows and for blocks.

Given the hyperparameters h the outcome is Gaussian with precision P = Q - Q Z A^-1 Z'Q (all coefficients integrated,
see ``collapsed``), so for a set B of rows

    y_B | y_-B, h ~ N(y_B - P_BB^-1 (P y)_B, P_BB^-1)

P is never formed: with A = L L' a row of L^-1 Z'Q has one part for the coefficients of its unit and one for the shared
ones. Source: Rue & Held (2005), Gaussian Markov Random Fields, theorem 2.3; for single rows Sundararajan & Keerthi
(2001), Neural Computation 13(5), doi:10.1162/08997660151134343.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.design.linear_terms import Block, Terms
from bri_bayes.inference.alike_held_out import AlikeHeldOut
from bri_bayes.inference.alike_units import AlikeUnits
from bri_bayes.inference.batched_algebra import forward, log_determinants, solve_lower
from bri_bayes.inference.collapsed import Collapsed

# Elements of the largest temporary array of one batch (doubles).
_BATCH_ELEMENTS = 1_000_000


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Densities of rows given all others under one model, for many hyperparameters at a time."""

    model: Collapsed

    def row_log_density(self, hyper: Mapping[str, Array], rows: Index | None = None) -> Array:
        """log p(y_j | all other rows, h) : (B, rows), standardised outcome; of all rows unless some are asked for."""
        asked = np.arange(self.model.terms.y.size) if rows is None else rows
        pieces = self._diagonals(hyper, asked) if self._alike is None else self._alike.diagonals(hyper, asked)
        densities = [0.5 * (np.log(some) - np.log(2 * np.pi) - score**2 / some) for some, score in pieces]
        return np.concatenate(densities)

    def contrast_log_density(self, hyper: Mapping[str, Array], rows: Index, contrasts: Array) -> Array:
        """log p(C y_B | all rows outside B, h) : (B,), for ``rows`` B and ``contrasts`` C (c, rows).

        -inf where a matrix has overflowed or rounding has made it indefinite.
        """
        densities = []
        for precision, score in self._blocks(hyper, rows) if self._alike is None else self._alike.blocks(hyper, rows):
            covariance = np.linalg.inv(precision)
            miss = (covariance @ score[..., None])[..., 0]
            densities.append(_log_normal(miss @ contrasts.T, contrasts @ covariance @ contrasts.T))
        density = np.concatenate(densities)
        return np.where(np.isfinite(density), density, -np.inf)

    def _diagonals(self, hyper: Mapping[str, Array], rows: Index) -> Iterator[tuple[Array, Array]]:
        """Diagonal of the precision, and P y, of ``rows`` : (B, rows) each, some points at a time."""
        for some, of_rows in self._batches(hyper, rows):
            diagonal = self.model.errors.diagonal(some)[:, rows]
            yield diagonal - sum((part**2).sum(axis=-1) for part in of_rows.parts), of_rows.score

    def _blocks(self, hyper: Mapping[str, Array], rows: Index) -> Iterator[tuple[Array, Array]]:
        """The precision of ``rows`` (B, rows, rows), and P y (B, rows), some points at a time."""
        unit = self.model.terms.unit_ix[rows]
        group = self.model.group_ix[unit]
        together = (unit[:, None] == unit, group[:, None] == group, np.ones((rows.size, rows.size)))
        for some, of_rows in self._batches(hyper, rows):
            precision = self.model.errors.block(some, rows)
            for part, same in zip(of_rows.parts, together, strict=True):
                precision -= same * (part @ part.transpose(0, 2, 1))
            yield precision, of_rows.score

    @cached_property
    def _alike(self) -> AlikeHeldOut | None:
        """The same by kinds of units, where they are alike in all columns."""
        model = self.model
        if model.structure is None or model.powers is not None:
            return None
        units = model.alike or AlikeUnits.of(model.terms, model.structure)
        return None if units is None or units.differing.size else AlikeHeldOut(units)

    def _batches(self, hyper: Mapping[str, Array], rows: Index) -> Iterator[tuple[dict[str, Array], _Rows]]:
        columns = np.column_stack([*(block.columns for block in self.model.terms.blocks), self.model.terms.y])
        q = sum(block.columns.shape[1] for block in self.model.terms.per_unit)
        size = max(1, _BATCH_ELEMENTS // (len(columns) * (q + 1) * (columns.shape[1] - q)))
        for first in range(0, hyper["sigma"].size, size):
            some = {name: value[first : first + size] for name, value in hyper.items()}
            yield some, _rows(self.model, some, columns, q, rows)


@dataclass(frozen=True, eq=False)
class _Rows:
    """For a batch of B hyperparameters: the ``parts`` of L^-1 Z'Q of a row, those of the coefficients of its unit (B,
    rows, q), of its group (B, rows, g) and of all (B, rows, p); ``score`` (B, rows) is P y."""

    parts: tuple[Array, Array, Array]
    score: Array


def _rows(model: Collapsed, hyper: dict[str, Array], columns: Array, q: int, rows: Index) -> _Rows:
    unit_ix = model.terms.unit_ix[rows]
    group_ix = model.group_ix[unit_ix]
    conditional = model.conditional(hyper)
    g = conditional.group_factor.shape[-1]
    q_columns = model.errors.times(hyper, columns)[:, rows]
    per_unit = forward(conditional.own_factor[:, unit_ix], q_columns[..., :q, None])[..., 0]
    rest = q_columns[..., q:] - np.einsum("bnq,bnqr->bnr", per_unit, conditional.own_rest[:, unit_ix])
    grouped = rest[..., :g]
    if g:
        grouped = forward(conditional.group_factor[:, group_ix], grouped[..., None])[..., 0]
        explained = np.einsum("bng,bngr->bnr", grouped, conditional.group_rest[:, group_ix])
        rest = np.concatenate([grouped, rest[..., g:] - explained], axis=-1)
    lower, of_y = conditional.shared_factor[:, :-1, :-1], conditional.shared_factor[:, -1, :-1, None]
    shared = np.swapaxes(solve_lower(lower, np.swapaxes(rest[..., g:-1], -1, -2)), -1, -2)
    return _Rows((per_unit, grouped, shared), rest[..., -1] - (shared @ of_y)[..., 0])


def _log_normal(x: Array, covariance: Array) -> Array:
    """log N(x; 0, covariance) : (B,) for x (B, c)."""
    solved = np.linalg.solve(covariance, x[..., None])[..., 0]
    log_det = log_determinants(covariance)
    return np.asarray(-0.5 * (x.shape[1] * np.log(2 * np.pi) + log_det + np.einsum("bi,bi->b", x, solved)))


def with_flat_level(model: Collapsed, rows: Index) -> Collapsed:
    """The same model with an unknown level of ``rows``, under a flat prior.

    With e = 1 / sqrt(n) on the n rows B, orthonormal contrasts C and a level of sd k its density of y given all other
    rows tends to log p(C y_B | y_-B) - 1/2 log(2 pi n k^2), and -log k is what a flat prior leaves out. So

        log p(C y_B | y_-B, h) = log p_flat(y | h) - log p(y_-B | h) + 1/2 log(2 pi n)
    """
    column = np.zeros((model.terms.y.size, 1))
    column[rows] = 1.0
    terms = dataclasses.replace(model.terms, shared=(*model.terms.shared, Block("flat_level", column, inf)))
    return dataclasses.replace(model, terms=terms)


def rows_of(terms: Terms, rows: Index) -> Terms:
    """The terms of some rows: columns, prior scales and the meaning of every coefficient stay."""

    def some(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        return tuple(dataclasses.replace(block, columns=block.columns[rows]) for block in blocks)

    return dataclasses.replace(
        terms,
        y=terms.y[rows],
        unit_ix=terms.unit_ix[rows],
        period=terms.period[rows],
        per_unit=some(terms.per_unit),
        grouped=some(terms.grouped),
        shared=some(terms.shared),
    )
