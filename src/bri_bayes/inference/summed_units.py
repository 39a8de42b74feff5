"""What is the density of a panel whose units err alike? Cross-products are summed over units before anything is known.

Q_i(h) = sum_k w_k(h) Q_ki, own columns U_i, all other columns and the outcome R_i = [S_i y_i]. Units of a kind have the
same U_i'Q_ki U_i, so the same G(h) = (U_i'Q_i U_i + V^-1)^-1, and what is left of all of them without their own
coefficients is a sum of matrices that do not depend on h:

    sum_i R_i'Q_i R_i - R_i'Q_i U_i G U_i'Q_i R_i
        = sum_k w_k [sum_i R_i'Q_ki R_i] - sum_kl,ab w_k w_l G_ab [sum_i R_i'Q_ki u_ia u_ib'Q_li R_i]

So a point costs one product with the stacked matrices in brackets, however many units there are, and R may differ from
unit to unit. Few linear functionals c are further rows of the system: the factor of

    A  m  c~      has the rows  (L^-1 m)'  and  (L^-1 c~)',   c~ = c_s - sum_i S_i'Q_i U_i G c_i
    m' .  .
    c~' . big

which are all that their means and sds need. It is the likelihood of ``collapsed``, whose module has the notation.
Source: Lindley & Smith (1972), doi:10.1111/j.2517-6161.1972.tb00885.x.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.design.linear_terms import Terms
from bri_bayes.inference.batched_algebra import cholesky, factor_and_solve, solve_lower
from bri_bayes.inference.block_priors import add_prior
from bri_bayes.inference.conditional import Coefficients
from bri_bayes.inference.error_precision import SumOfParts, by_sets
from bri_bayes.inference.unit_kinds import versions

# Matrices that are summed: more than these, and so many a unit, are no less work than unit by unit (measured).
_LEAST, _A_UNIT = 100, 12
# Numbers of the system of a batch of points.
_BATCH_ELEMENTS = 500_000
# So many functionals are rows of the system; more are solved for.
_FEW = 6
# The corner of the system that belongs to a functional: large beside what is taken off, of no influence on the rest.
_CORNER = 1e200


@dataclass(frozen=True, eq=False)
class Kind:
    """``units`` (n,) with the same own columns; ``parts`` (P, 2) : the k and a of which Q_k u_a is not zero; ``rows``
    (P, n, p + 1) : u_ia'Q_ki R_i; ``pairs`` (pairs, 2) of parts, a part with itself included."""

    units: Index
    parts: Index
    rows: Array
    pairs: Index

    @classmethod
    def of(cls, rows: Array, units: Index) -> Kind:
        """``rows`` (K, N, q, p + 1) of all units, of which these are of a kind."""
        some = rows[:, units]
        parts = np.argwhere(some.any(axis=(1, 3)))
        pairs = list(combinations_with_replacement(range(len(parts)), 2))
        return cls(units, parts, some[parts[:, 0], :, parts[:, 1]], np.array(pairs, dtype=np.intp).reshape(-1, 2))

    @property
    def summed(self) -> Array:
        """The matrices of its pairs, (pairs, p + 1, p + 1), a pair in both orders."""
        first, second = self.pairs.T
        matrices = np.swapaxes(self.rows[first], -1, -2) @ self.rows[second]
        return np.asarray(matrices + np.swapaxes(matrices, -1, -2) * (first != second)[:, None, None])


@dataclass(frozen=True, eq=False)
class SummedUnits:
    """The model of ``terms`` with the errors of few parts, the likelihood of each unit raised to a power.

    ``of_own`` (K, kinds, q, q) U'Q_k U; ``matrices`` (K + pairs, (p + 1)^2), those of pairs after those of parts.
    """

    terms: Terms
    errors: SumOfParts
    powers: Array
    kinds: Sequence[Kind]
    of_own: Array
    matrices: Array

    @classmethod
    def of(cls, terms: Terms, errors: SumOfParts, powers: Array | None) -> SummedUnits | None:
        """None where units have scales or groups, controls are exposed, or too many units are unlike."""
        if errors.unit_scale is not None or terms.grouped or any(block.exposed is not None for block in terms.blocks):
            return None
        q = sum(block.columns.shape[1] for block in terms.per_unit)
        columns = np.column_stack([*(block.columns for block in terms.blocks), terms.y])
        powers = np.ones(terms.n_units) if powers is None else powers
        weighted = errors.part_times(columns) * powers[terms.unit_ix, None]
        present, unit_ix = np.unique(terms.unit_ix, return_inverse=True)
        of_present, rest = by_sets(columns, q, unit_ix, np.zeros(present.size, dtype=np.intp), weighted)
        by_unit = np.zeros((len(rest), terms.n_units, *of_present.shape[2:]))
        by_unit[:, present] = of_present  # a unit without rows has its prior
        flat = by_unit[..., :q].transpose(1, 0, 2, 3).reshape(terms.n_units, -1)
        of_unit = versions(flat)
        alike = [np.flatnonzero(of_unit == which) for which in range(int(of_unit.max()) + 1)]
        kinds = [Kind.of(by_unit[..., q:], some) for some in alike]
        if sum(len(kind.pairs) for kind in kinds) > max(_LEAST, _A_UNIT * terms.n_units):
            return None
        matrices = np.concatenate([rest[:, 0, :, q:], *(kind.summed for kind in kinds)])
        return cls(
            terms,
            errors,
            powers,
            kinds,
            by_unit[:, [some[0] for some in alike], :, :q],
            matrices.reshape(len(matrices), -1),
        )

    def given(self, hyper: Mapping[str, Array], functionals: Coefficients | None = None) -> tuple[Array, Array, Array]:
        """log p(y | h) (B,), and means (B, F) and sds (B, F) of linear functionals of the coefficients; NaN where
        rounding has made a matrix indefinite."""
        asked = None if functionals is None else _Asked.of(self, functionals)
        more = 0 if asked is None else len(asked.shared)
        batch = max(1, _BATCH_ELEMENTS // ((self.size + more) ** 2 + len(self.matrices)))
        parts = []
        for start in range(0, len(hyper["sigma"]), batch):
            parts.append(self._given({name: value[start : start + batch] for name, value in hyper.items()}, asked))
        density, mean, sd = (np.concatenate(part) for part in zip(*parts, strict=True))
        return density, mean, sd

    def _given(self, hyper: Mapping[str, Array], asked: _Asked | None) -> tuple[Array, Array, Array]:
        weights, r = self.errors.weights(hyper), self.size
        of_own = np.tensordot(weights, self.of_own, 1)
        log_det_prior = add_prior(of_own, self.terms.per_unit, hyper)
        factor, root = factor_and_solve(of_own, np.eye(of_own.shape[-1]))
        inverse = np.swapaxes(root, -1, -2) @ root
        counts = np.array([kind.units.size for kind in self.kinds])
        rows = np.bincount(self.terms.unit_ix, minlength=self.powers.size) @ self.powers
        density = 0.5 * (self.errors.log_det(hyper) @ self.powers - rows * np.log(2 * np.pi))
        density += 0.5 * self.powers.size * log_det_prior
        density -= np.log(np.diagonal(factor, axis1=2, axis2=3)).sum(axis=2) @ counts
        load = np.concatenate([weights, -self._of_pairs(weights, inverse)], axis=1)
        system = (load @ self.matrices).reshape(-1, r, r)
        density += 0.5 * add_prior(system, self.terms.shared, hyper)
        if asked is None:
            pivots = np.diagonal(cholesky(system), axis1=1, axis2=2)
            none = np.empty((len(weights), 0))
            return density - np.log(pivots[:, :-1]).sum(axis=1) - 0.5 * pivots[:, -1] ** 2, none, none
        right, variance = asked.given(weights, inverse)
        shared, solved = _factor(system, right)
        pivots = np.diagonal(shared, axis1=1, axis2=2)[:, :r]
        mean = (solved @ shared[:, r - 1, : r - 1, None])[..., 0] - right[..., -1]
        sd = np.sqrt(variance + (solved**2).sum(axis=2))
        return density - np.log(pivots[:, :-1]).sum(axis=1) - 0.5 * pivots[:, -1] ** 2, mean, sd

    def _of_pairs(self, weights: Array, inverse: Array) -> Array:
        """w_k w_l G_ab of each pair of each kind : (B, pairs)."""
        loads = []
        for which, kind in enumerate(self.kinds):
            (k, a), (m, b) = kind.parts[kind.pairs[:, 0]].T, kind.parts[kind.pairs[:, 1]].T
            loads.append(weights[:, k] * weights[:, m] * inverse[:, which, a, b])
        return np.concatenate(loads, axis=1)

    @property
    def size(self) -> int:
        """Of the system that is left: shared columns and the outcome."""
        return 1 + sum(int(block.columns.shape[1]) for block in self.terms.shared)


@dataclass(frozen=True, eq=False)
class _Asked:
    """F functionals: ``shared`` (F, p + 1), zero for the outcome; of each part and own column b of each kind whose
    coefficients count, ``at`` (kind, k, a, b) and ``vectors`` (parts, F (p + 1)); ``squares`` (kinds, q, q, F)."""

    shared: Array
    at: Index
    vectors: Array
    squares: Array

    @classmethod
    def of(cls, units: SummedUnits, functionals: Coefficients) -> _Asked:
        per_unit = functionals.per_unit  # (F, N, q)
        at, vectors, squares = [], [], []
        for which, kind in enumerate(units.kinds):
            loads = per_unit[:, kind.units]
            squares.append(np.einsum("fia,fib->abf", loads, loads))
            for b in np.flatnonzero(loads.any(axis=(0, 1))):
                at += [(which, k, a, b) for k, a in kind.parts]
                vectors.append(loads[None, :, :, b] @ kind.rows)  # (P, F, p + 1)
        shared = np.column_stack([functionals.shared, np.zeros(len(per_unit))])
        every = np.concatenate([np.empty((0, *shared.shape)), *vectors]).reshape(-1, shared.size)
        return cls(shared, np.array(at, dtype=np.intp).reshape(-1, 4), every, np.stack(squares))

    def given(self, weights: Array, inverse: Array) -> tuple[Array, Array]:
        """c~ and, in the place of the outcome, what own coefficients take off the mean : (B, F, p + 1); the variance
        that is theirs : (B, F)."""
        which, k, a, b = self.at.T
        pulled = (weights[:, k] * inverse[:, which, a, b]) @ self.vectors
        variance = np.einsum("bkij,kijf->bf", inverse, self.squares)
        return self.shared - pulled.reshape(len(weights), *self.shared.shape), variance


def _factor(system: Array, right: Array) -> tuple[Array, Array]:
    """The factor of the system, and its inverse times c~ of each functional : (B, F, p)."""
    size, count, p = len(system), right.shape[1], system.shape[1] - 1
    if count > _FEW:
        factor = cholesky(system)
        return factor, np.swapaxes(solve_lower(factor[:, :p, :p], np.swapaxes(right[..., :p], 1, 2)), 1, 2)
    larger = np.zeros((size, p + 1 + count, p + 1 + count))
    larger[:, : p + 1, : p + 1] = system
    larger[:, p + 1 :, :p] = right[..., :p]
    corner = np.arange(p + 1, p + 1 + count)
    larger[:, corner, corner] = _CORNER
    factor = cholesky(larger)
    return factor, factor[:, p + 1 :, :p]
