"""Given the hyperparameters, what are the likelihood and the posterior of anything linear? The one closed-form core.

    y = U b + G g + S s + e,  e ~ N(0, Q(h)^-1),  (b, g, s) ~ N(0, V(h)),  Z = [U G S]
    log p(y | h) = -n/2 log 2 pi + 1/2 log|Q| - 1/2 log|V| - 1/2 log|A| - 1/2 (y'Qy - m'A^-1 m)
    A = Z'QZ + V^-1 = L L',  m = Z'Qy,  c'(b, g, s) | y, h ~ N((L^-1 c)'(L^-1 m), |L^-1 c|^2)

A unit's own coefficients b_i meet that unit's rows alone, those of a group g_j the rows of its units alone. So they are
eliminated unit by unit, then group by group, and the system that is left has the size of S: cost is linear in the
number of units. Appending y to S makes the quadratic form the last pivot of the factor. Everything else is a
right-hand side: another linear functional c, another outcome, the row of a held-out cell, another assignment's columns.

Errors come as an ``ErrorPrecision``, priors from the blocks of ``Terms``; kappa multiplies the ``exposed`` columns.
The likelihood of unit i may be raised to a power v_i: p(y_i | b, h)^v_i is a constant times |Q_i|^(v_i / 2) times the
Gaussian of precision v_i Q_i.

Source: Lindley & Smith (1972), doi:10.1111/j.2517-6161.1972.tb00885.x.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.names import WEIGHT, ErrorStructure
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import Terms, build_terms
from bri_bayes.inference.alike_units import AlikeUnits
from bri_bayes.inference.batched_algebra import cholesky, factor_and_solve
from bri_bayes.inference.block_priors import add_prior
from bri_bayes.inference.conditional import BY_POINT, Coefficients, Conditional
from bri_bayes.inference.error_precision import ErrorPrecision, ReadyOutcomes, ReadyProducts, SumOfParts
from bri_bayes.inference.error_structures import error_precision
from bri_bayes.inference.hyperparameters import hyperparameters
from bri_bayes.inference.summed_units import SummedUnits
from bri_bayes.inference.weighted_errors import WeightedErrors
from bri_bayes.study.model_card import ModelCard

# Elements of the largest temporary array of one batch (doubles): about what a core's own cache holds.
BATCH_ELEMENTS = 300_000
# From so many units on, and so many a kind, kinds are faster for a chain of errors than the parts of its precision.
MANY_UNITS, UNITS_A_KIND = 48, 24


class Space(Protocol):
    """Hyperparameters on an unconstrained scale : vectors (B, dimension)."""

    def start(self) -> Array:
        """Where the search for the mode begins : (dimension,)."""

    def values(self, vectors: Array) -> dict[str, Array]:
        """Natural scale : name -> (B, ...)."""

    def log_prior(self, vectors: Array) -> Array:
        """Log prior density, Jacobian included : (B,)."""


@dataclass(frozen=True, eq=False)
class AfterUnits:
    """What is left when each unit's own coefficients are eliminated, at B points.

    ``factor`` (B, N, q, q), ``solved`` (B, N, q, r) as in ``Conditional``; ``rest`` (B, sets, r, r) : [G S kept y]'
    (Q - Q U (U'QU + V^-1)^-1 U'Q) [G S kept y]; ``log_constant`` (B,) : what the log density has so far, but -1/2 y'Py.
    """

    factor: Array
    solved: Array
    rest: Array
    log_constant: Array


@dataclass(frozen=True, eq=False)
class Collapsed:
    """The linear model of ``terms`` with errors of some precision, its coefficients integrated.

    ``space`` : the hyperparameters; ``powers`` : (N,) of the likelihood of each unit, None where all are one;
    ``structure`` : of errors that have one scale and no weights, None where they have.
    """

    terms: Terms
    space: Space
    errors: ErrorPrecision
    powers: Array | None = None
    structure: ErrorStructure | None = None

    @classmethod
    def build(cls, design: Design, card: ModelCard) -> Collapsed:
        """The model of a normal linear card on a design."""
        terms = build_terms(design, card)
        model = cls.of(terms, card, hyperparameters(terms, card))
        if WEIGHT not in design:
            return model
        errors = WeightedErrors(model.errors, np.sqrt(design[WEIGHT].to_numpy()), terms.unit_ix)
        return dataclasses.replace(model, errors=errors, structure=None)

    @classmethod
    def of(cls, terms: Terms, card: ModelCard, space: Space) -> Collapsed:
        """The model of ``terms`` with the errors of a card."""
        by_unit = card.errors.scale == "by_unit"
        errors = error_precision(card.errors.structure, terms.unit_ix, terms.period, by_unit=by_unit)
        return cls(terms, space, errors, structure=None if by_unit else card.errors.structure)

    def with_outcome(self, y: Array) -> Collapsed:
        """The same model of another standardised outcome (obs,)."""
        return dataclasses.replace(self, terms=dataclasses.replace(self.terms, y=y))

    def with_powers(self, powers: Array) -> Collapsed:
        """The same model with the likelihood of each unit raised to a power : (unit,)."""
        return dataclasses.replace(self, powers=powers)

    def log_posterior(self, vectors: Array) -> Array:
        """log p(y | h) p(h), hyperparameters on their unconstrained scale : (B,)."""
        hyper = self.space.values(vectors)
        if (engine := self.summed or self.alike) is not None:
            log_density = engine.given(hyper)[0]
        else:
            log_density = np.concatenate([self._conditional(some).log_density for _, some in self.batches(hyper)])
        return log_density + self.space.log_prior(vectors)

    def conditional(self, hyper: Mapping[str, Array]) -> Conditional:
        """The coefficients given y, at B points at once."""
        parts = [conditional for _, conditional in self.conditionals(hyper)]
        if len(parts) == 1:
            return parts[0]
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in BY_POINT}
        return dataclasses.replace(parts[0], **arrays)

    def conditionals(self, hyper: Mapping[str, Array]) -> Iterator[tuple[slice, Conditional]]:
        """The same a few points at a time, with their positions."""
        for points, some in self.batches(hyper):
            yield points, self._conditional(some)

    def given(self, vectors: Array, functionals: Coefficients) -> tuple[Array, Array, Array]:
        """log p(y | h) p(h) (B,), and means (B, F) and sds (B, F) of linear functionals of the coefficients.

        Where rounding has made a precision indefinite the log density is -inf, mean and sd are 0 and 1.
        """
        loads = None if self.summed or self.alike is None else self.alike.loads(functionals)
        if self.summed is not None:
            density, mean, sd = self.summed.given(self.space.values(vectors), functionals)
        elif self.alike is not None and loads is not None:
            density, mean, sd = self.alike.given(self.space.values(vectors), functionals.shared, loads)
        else:
            density, mean, sd = self._given(vectors, functionals)
        lost = ~np.isfinite(density + mean.sum(axis=1) + sd.sum(axis=1))
        density[lost], mean[lost], sd[lost] = -np.inf, 0.0, 1.0
        return density + self.space.log_prior(vectors), mean, sd

    def _given(self, vectors: Array, functionals: Coefficients) -> tuple[Array, Array, Array]:
        parts = []
        for _, some in self.batches(self.space.values(vectors), len(functionals.shared)):
            conditional = self._conditional(some)
            parts.append((conditional.log_density, *conditional.moments(functionals)))
        density, mean, sd = (np.concatenate(part) for part in zip(*parts, strict=True))
        return density, mean, sd

    def batches(self, hyper: Mapping[str, Array], right_sides: int = 0) -> Iterator[tuple[slice, dict[str, Array]]]:
        """The points, a few at a time, so that their arrays stay in the cache of a core."""
        q, g, p = self._sizes
        width = self.terms.n_units * (q + 1) + p + 1 + g * (int(self.group_ix.max()) + 1)
        size = max(1, BATCH_ELEMENTS // (width * (g + p + 1 + right_sides)))
        for first in range(0, _size(hyper), size):
            some = slice(first, first + size)
            yield some, {name: value[some] for name, value in hyper.items()}

    def after_units(self, hyper: Mapping[str, Array], products: ReadyProducts, *, by_unit: bool = False) -> AfterUnits:
        """The first level of the elimination, from the cross-products of ``ready``, which says what ``by_unit`` is."""
        crossed = products.at(hyper)
        rest, n_units = crossed.rest, crossed.per_unit.shape[1]
        log_det_prior = add_prior(crossed.per_unit, self.terms.per_unit, hyper)
        factor, solved = factor_and_solve(crossed.per_unit, crossed.own_rest)
        if by_unit:
            rest = rest - np.swapaxes(solved, -1, -2) @ solved
        else:
            for which in range(rest.shape[1]):
                some = solved if rest.shape[1] == 1 else solved[:, self.group_ix == which]
                flat = some.reshape(len(solved), -1, solved.shape[-1])
                rest[:, which] -= np.swapaxes(flat, -1, -2) @ flat
        log_det = self.errors.log_det(hyper)
        powers = np.ones(n_units) if self.powers is None else self.powers
        rows = np.bincount(self.terms.unit_ix, minlength=n_units) @ powers
        constant = 0.5 * (log_det @ powers - rows * np.log(2 * np.pi) + n_units * log_det_prior)
        constant = constant - np.log(np.diagonal(factor, axis1=2, axis2=3)).sum(axis=(1, 2))
        return AfterUnits(factor, solved, rest, constant)

    def ready(self, kept: Array, *, by_unit: bool = False) -> ReadyProducts:
        """Cross-products of own, grouped and shared columns, then of ``kept`` (obs, k) columns, ready for any point."""
        sets = np.arange(self.terms.n_units) if by_unit else self.group_ix
        columns = [np.column_stack([*(b.columns for b in self.terms.blocks), kept])]
        if any(block.exposed is not None for block in self.terms.blocks):
            exposed = [np.zeros_like(b.columns) if b.exposed is None else b.exposed for b in self.terms.blocks]
            columns.append(np.column_stack([*exposed, np.zeros_like(kept)]))
        return self.errors.products(columns, self._sizes[0], sets, self.powers)

    def outcomes(self, y: Array) -> ReadyOutcomes:
        """Other outcomes (outcome, obs) as right-hand sides, ready for any point; without kappa to learn."""
        columns = np.column_stack([block.columns for block in self.terms.blocks])
        return self.errors.outcomes(columns, self._sizes[0], self.group_ix, y.T)

    def right_sides(self, per_unit: Array, rest: Array) -> Coefficients:
        """m = Z'QY of other outcomes from U'QY (B, N, q, R) and [G S]'QY of each group (B, M, g + p, R)."""
        g = self._sizes[1]
        return Coefficients(per_unit, rest[:, :, :g], rest[:, :, g:].sum(axis=1))

    @cached_property
    def summed(self) -> SummedUnits | None:
        """The same from sums over units, where their errors are a sum of few parts with one scale."""
        if not isinstance(self.errors, SumOfParts):
            return None
        return SummedUnits.of(self.terms, self.errors, self.powers)

    @cached_property
    def alike(self) -> AlikeUnits | None:
        """The same by kinds of units, where they are alike and that is less work: not for the chains of few units."""
        if self.structure is None or self.powers is not None:
            return None
        chain = self.structure != "ar1_noise" and not self.terms.grouped
        if chain and self.terms.n_units < MANY_UNITS:
            return None
        units = AlikeUnits.of(self.terms, self.structure)
        enough = units is None or not chain or len(units.kinds) * UNITS_A_KIND <= self.terms.n_units
        return units if enough else None

    @cached_property
    def group_ix(self) -> Index:
        """The group of each unit : (N,), all zero where nothing is grouped."""
        if self.terms.group_ix is None or not self.terms.grouped:
            return np.zeros(self.terms.n_units, dtype=np.intp)
        return self.terms.group_ix[: self.terms.n_units]

    @cached_property
    def _sizes(self) -> tuple[int, int, int]:
        """Numbers of own, grouped and shared columns."""
        levels = (self.terms.per_unit, self.terms.grouped, self.terms.shared)
        q, g, p = (sum(block.columns.shape[1] for block in level) for level in levels)
        return q, g, p

    @cached_property
    def _products(self) -> ReadyProducts:
        return self.ready(self.terms.y[:, None])

    def _conditional(self, hyper: Mapping[str, Array]) -> Conditional:
        (_, g, p), after = self._sizes, self.after_units(hyper, self._products)
        group_factor, group_rest, system, log_density = self._after_groups(hyper, after, g)
        log_det_prior = add_prior(system, self.terms.shared, hyper)
        shared_factor = cholesky(system)
        pivots = np.diagonal(shared_factor, axis1=1, axis2=2)
        log_density = log_density + 0.5 * log_det_prior - np.log(pivots[:, :p]).sum(axis=1) - 0.5 * pivots[:, p] ** 2
        return Conditional(
            after.factor, after.solved, group_factor, group_rest, shared_factor, log_density, self.group_ix
        )

    def _after_groups(self, hyper: Mapping[str, Array], after: AfterUnits, g: int) -> tuple[Array, Array, Array, Array]:
        """The second level: factor (B, M, g, g), solved (B, M, g, r), what is left (B, r, r), log density so far."""
        if not g:
            n_points, r = len(after.rest), after.rest.shape[-1]
            return (
                np.empty((n_points, 1, 0, 0)),
                np.empty((n_points, 1, 0, r)),
                after.rest.sum(axis=1),
                (after.log_constant),
            )
        log_det_prior = add_prior(after.rest, self.terms.grouped, hyper)
        n_groups = after.rest.shape[1]
        factor, solved = factor_and_solve(after.rest[:, :, :g, :g], after.rest[:, :, :g, g:])
        system = (after.rest[:, :, g:, g:] - np.swapaxes(solved, -1, -2) @ solved).sum(axis=1)
        log_det = np.log(np.diagonal(factor, axis1=2, axis2=3)).sum(axis=(1, 2))
        return factor, solved, system, after.log_constant + 0.5 * n_groups * log_det_prior - log_det


def _size(hyper: Mapping[str, Array]) -> int:
    """How many points the hyperparameters have."""
    return len(next(iter(hyper.values())))
