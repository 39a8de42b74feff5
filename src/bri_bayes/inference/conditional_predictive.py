"""How likely are some rows given all others? Closed form for given hyperparameters, for single rows and for blocks.

Given the hyperparameters h the outcome is Gaussian with precision P = Q - Q Z A^-1 Z'Q (all coefficients integrated,
see ``gram``), so for a set B of rows

    y_B | y_-B, h ~ N(y_B - P_BB^-1 (P y)_B, P_BB^-1)

P is never formed: with A = L L' a row of L^-1 Z'Q has one part for the coefficients of its unit and one for the shared
ones. Source: Rue & Held (2005), Gaussian Markov Random Fields, theorem 2.3; for single rows Sundararajan & Keerthi
(2001), Neural Computation 13(5), doi:10.1162/08997660151134343.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.design.linear_terms import Block, Terms
from bri_bayes.inference.gram import GramModel

# Elements of the largest temporary array of one batch (doubles).
_BATCH_ELEMENTS = 1_000_000


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Densities of rows given all others under one model, for many hyperparameters at a time."""

    model: GramModel

    def row_log_density(self, hyper: dict[str, Array]) -> Array:
        """log p(y_j | all other rows, h) : (B, obs), standardised outcome."""
        diagonals = self.model.part_diagonals()
        found = []
        for some in self._factors(hyper):
            precision = np.einsum("bkn,kn->bn", some.weights, diagonals)
            precision -= (some.own**2).sum(axis=-1) + (some.shared**2).sum(axis=-1)
            found.append(0.5 * (np.log(precision) - np.log(2 * np.pi) - some.score**2 / precision))
        return np.concatenate(found)

    def contrast_log_density(self, hyper: dict[str, Array], rows: Index, contrasts: Array) -> Array:
        """log p(C y_B | all rows outside B, h) : (B,), for ``rows`` B and ``contrasts`` C (c, rows)."""
        unit = self.model.terms.unit_ix[rows]
        identity = np.zeros((self.model.terms.y.size, rows.size))
        identity[rows, np.arange(rows.size)] = 1.0
        parts = self.model.part_products(identity)[:, rows]
        same_unit = (unit[:, None] == unit[None, :]).astype(float)
        found = []
        for some in self._factors(hyper):
            own, shared, score = some.own[:, rows], some.shared[:, rows], some.score[:, rows]
            precision = np.einsum("bki,kij->bij", some.weights[:, :, rows], parts)
            precision -= same_unit * (own @ own.transpose(0, 2, 1)) + shared @ shared.transpose(0, 2, 1)
            covariance = np.linalg.inv(precision)
            miss = (covariance @ score[..., None])[..., 0]
            found.append(_log_normal(miss @ contrasts.T, contrasts @ covariance @ contrasts.T))
        return np.concatenate(found)

    def _factors(self, hyper: dict[str, Array]) -> Iterator[_Factors]:
        model = self.model
        n, q, p = model.terms.y.size, model.own_columns.shape[1], model.shared_columns.shape[1]
        products = model.part_products(np.column_stack([model.own_columns, model.shared_columns, model.terms.y]))
        size = max(1, _BATCH_ELEMENTS // (n * (q + 1) * (p + 1)))
        for first in range(0, hyper["sigma"].size, size):
            some = {name: value[first : first + size] for name, value in hyper.items()}
            yield _factors(model, some, products)


@dataclass(frozen=True, eq=False)
class _Factors:
    """For a batch of B hyperparameters: ``own`` (B, obs, q) and ``shared`` (B, obs, p) are the parts of L^-1 Z'Q of a
    row, ``score`` (B, obs) is P y, ``weights`` (B, parts, obs) those of the parts of Q."""

    own: Array
    shared: Array
    score: Array
    weights: Array


def _factors(model: GramModel, hyper: dict[str, Array], products: Array) -> _Factors:
    unit_ix, q, p = model.terms.unit_ix, model.own_columns.shape[1], model.shared_columns.shape[1]
    conditional = model.conditional(hyper)
    weights = model.unit_part_weights(hyper)[:, :, unit_ix]
    q_columns = np.einsum("bkn,knc->bnc", weights, products)
    own_inverse = np.linalg.inv(conditional.own_factor)[:, unit_ix]
    own = np.einsum("bnij,bnj->bni", own_inverse, q_columns[..., :q])
    own_shared = conditional.own_shared[:, unit_ix]
    explained = np.einsum("bnq,bnqp->bnp", own, own_shared)
    shared_inverse = np.linalg.inv(conditional.shared_factor[:, :p, :p])
    shared = (q_columns[..., q : q + p] - explained[..., :p]) @ shared_inverse.transpose(0, 2, 1)
    shared_y = conditional.shared_factor[:, p, :p]
    score = q_columns[..., q + p] - explained[..., p] - (shared @ shared_y[..., None])[..., 0]
    return _Factors(own, shared, score, weights)


def _log_normal(x: Array, covariance: Array) -> Array:
    """log N(x; 0, covariance) : (B,) for x (B, c)."""
    solved = np.linalg.solve(covariance, x[..., None])[..., 0]
    log_det = np.linalg.slogdet(covariance)[1]
    return np.asarray(-0.5 * (x.shape[1] * np.log(2 * np.pi) + log_det + np.einsum("bi,bi->b", x, solved)))


def rows_of(terms: Terms, rows: Index) -> Terms:
    """The terms of some rows: columns, prior scales and the meaning of every coefficient stay."""

    def some(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        return tuple(dataclasses.replace(block, columns=block.columns[rows]) for block in blocks)

    return dataclasses.replace(
        terms,
        y=terms.y[rows],
        unit_ix=terms.unit_ix[rows],
        period=terms.period[rows],
        own=some(terms.own),
        shared=some(terms.shared),
    )
