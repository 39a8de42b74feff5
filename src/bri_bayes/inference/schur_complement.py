"""What is left of some columns, at a hyperparameter point, when the terms that they do not move are eliminated?

With the precision Q of the errors, own nuisance columns U_i of each unit, shared nuisance columns S, and K_i the rows
of unit i of what is kept (effect columns, and the outcome last),

    R_i = [S_i K_i]'(Q_i - Q_i U_i (U_i'Q_i U_i + V_U^-1)^-1 U_i'Q_i)[S_i K_i]       unit by unit
    L L' = sum_i R_i[S, S] + V_S^-1,    F_i = L^-1 R_i[S, K]                         together

so that K_i'P K_j = [i = j] R_i[K, K] - F_i'F_j after both, at a cost linear in the number of units.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.design.linear_terms import Block, Terms
from bri_bayes.inference.gram import BATCH_ELEMENTS, GramModel, factor_and_solve


@dataclass(frozen=True, eq=False)
class Left:
    """At B points: R_i[K, K] as ``own`` (B, N, k, k), F_i as ``loads`` (B, N, r, k), and ``log_constant`` (B,), the
    log density of the outcome but for -1/2 y'P y.
    """

    own: Array
    loads: Array
    log_constant: Array


class Elimination:
    """The nuisance blocks ``own`` and ``shared``, to be eliminated from ``kept`` (obs, k - 1) and the outcome."""

    def __init__(self, terms: Terms, structure: str, own: list[Block], shared: list[Block], kept: Array) -> None:
        blocks = dataclasses.replace(terms, own=tuple(own), shared=(*shared, Block("kept", kept, 1.0)))
        self._model = GramModel(blocks, structure, by_unit=True)
        self._n_shared = sum(block.columns.shape[1] for block in shared)
        columns = self._model.own_columns.shape[1] + self._n_shared + kept.shape[1] + 1
        self.block_size = max(1, BATCH_ELEMENTS // (self._model.n_units * columns**2) * 2)

    def left(self, hyper: dict[str, Array]) -> Left:
        """What is left at B points; every array of ``hyper`` has B values."""
        model, r = self._model, self._n_shared
        own, own_shared, shared = model.unit_products(hyper)
        own_prior = model.prior_precision("own", hyper)
        shared_prior = model.prior_precision("shared", hyper)[:, :r]
        diagonal = np.arange(own_prior.shape[1])
        own[:, :, diagonal, diagonal] += own_prior[:, None, :]
        factor, solved = factor_and_solve(own, own_shared)
        shared -= np.swapaxes(solved, -1, -2) @ solved
        together = shared[:, :, :r, :r].sum(axis=1)
        diagonal = np.arange(r)
        together[:, diagonal, diagonal] += shared_prior
        lower = np.linalg.cholesky(together)
        loads = np.linalg.inv(lower)[:, None] @ shared[:, :, :r, r:]
        log_det = 2 * np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
        log_det += 2 * np.log(np.diagonal(factor, axis1=2, axis2=3)).sum(axis=(1, 2))
        log_det -= np.log(shared_prior).sum(axis=1) + model.n_units * np.log(own_prior).sum(axis=1)
        n_rows = model.terms.y.size
        log_constant = 0.5 * (model.log_det_precision(hyper) - n_rows * np.log(2 * np.pi) - log_det)
        return Left(shared[:, :, r:, r:], loads, log_constant)
