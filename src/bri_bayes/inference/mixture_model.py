"""Given the mixing weights of its innovations, what are the hyperparameters and coefficients of a linear model?

With lam_j known the innovation of row j is N(0, s_j^2 / lam_j), and the model is normal. Rows of one gap (and of one
unit, where each has a scale) share phi and s: the cross-products of their columns x_j - phi x_{j-1}, weighted with lam,
are three sums that no hyperparameter enters, formed once and combined at every h. Coefficients are eliminated all
together: the sampler needs draws of each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.names import WEIGHT
from bri_bayes.design.design import Design
from bri_bayes.design.error_process import Serial, serial_errors, whitened
from bri_bayes.design.linear_terms import Block, Terms, build_terms
from bri_bayes.inference.batched_algebra import cholesky
from bri_bayes.inference.block_priors import add_prior
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.hyperparameters import Hyperparameters, hyperparameters
from bri_bayes.inference.importance import FEW_POINTS, sample_by_importance
from bri_bayes.inference.marginal import MAX_HYPERPARAMETERS, systematic
from bri_bayes.inference.walkers import WALKERS
from bri_bayes.study.model_card import ModelCard

# Numbers of the cross-products of all rows: beyond, NUTS is shorter.
MOST_PRODUCTS = 20_000_000


def covers_chains(design: Design, card: ModelCard) -> bool:
    """Whether the errors of a normal card are a chain, its columns need no hyperparameter, and it is small enough."""
    if not card.is_marginal or WEIGHT in design or card.errors.structure not in ("iid", "ar1", "random_walk"):
        return False
    terms = build_terms(design, card)
    size = coefficients_of(terms) + 1
    few = hyperparameters(terms, card).dimension <= MAX_HYPERPARAMETERS
    plain = all(block.exposed is None for block in terms.blocks)
    return plain and few and 3 * terms.y.size * size * (size + 1) // 2 <= MOST_PRODUCTS


@dataclass(frozen=True, eq=False)
class GivenMixing:
    """The normal model at B points of h and lam: the log density of h, the factor (B, K + 1, K + 1), y last, and phi
    and s of each class of rows (B, classes)."""

    log_density: Array
    factor: Array
    phi: Array
    scale: Array


@dataclass(frozen=True, eq=False)
class MixtureModel:
    """``columns`` (obs, K + 1) of all coefficients and y; ``blocks`` : their priors; ``class_ix`` (obs,) : rows of one
    class have one phi and one s at each h."""

    columns: Array
    blocks: tuple[Block, ...]
    space: Hyperparameters
    serial: Serial
    class_ix: Index

    @classmethod
    def build(cls, terms: Terms, card: ModelCard) -> MixtureModel:
        """The model of ``terms`` with the errors of a card."""
        blocks = flat_blocks(terms)
        serial = serial_errors(card.errors.structure, terms.unit_ix, terms.period)
        unit = terms.unit_ix if card.errors.scale == "by_unit" else np.zeros_like(terms.unit_ix)
        gap = np.zeros(unit.size) if card.errors.structure == "iid" else serial.gap
        _, class_ix = np.unique(np.column_stack([unit, gap]), axis=0, return_inverse=True)
        columns = np.column_stack([*(block.columns for block in blocks), terms.y])
        return cls(columns, blocks, hyperparameters(terms, card), serial, class_ix.ravel())

    @cached_property
    def size(self) -> int:
        """K."""
        return int(self.columns.shape[1]) - 1

    @cached_property
    def before(self) -> Array:
        """The columns of the row before : (obs, K + 1), zero in the first of a unit."""
        return np.where(self.serial.is_first[:, None], 0.0, np.roll(self.columns, 1, axis=0))

    @cached_property
    def rows_of_class(self) -> list[Index]:
        """The rows of each class."""
        return [np.flatnonzero(self.class_ix == which) for which in range(len(self._firsts))]

    @cached_property
    def _firsts(self) -> Index:
        """A row of each class."""
        return np.unique(self.class_ix, return_index=True)[1]

    @cached_property
    def _products(self) -> list[tuple[Index, Array]]:
        """Of each class: its rows, and of each of them x x', x b' + b x', b b' for its columns x and those b of the row
        before : (rows, 3, pairs)."""
        first, second = np.tril_indices(self.size + 1)
        products = []
        for rows in self.rows_of_class:
            x, b = self.columns[rows], self.before[rows]
            crossed = x[:, first] * b[:, second] + b[:, first] * x[:, second]
            every = np.stack([x[:, first] * x[:, second], crossed, b[:, first] * b[:, second]], axis=1)
            products.append((rows, every))
        return products

    def weighted(self, mixing: Array) -> Array:
        """Cross-products of each class, rows weighted with lam : (B, classes, 3, pairs)."""
        sums = [mixing[:, rows] @ every.reshape(len(rows), -1) for rows, every in self._products]
        return np.stack(sums, axis=1).reshape(len(mixing), len(sums), 3, -1)

    def given(self, vectors: Array, products: Array) -> GivenMixing:
        """The normal model with the ``products`` of lam, up to what no h enters."""
        hyper = self.space.values(vectors)
        phi, scale = self.transition(hyper, self._firsts)
        powers = np.stack([np.ones(phi.shape), -phi, phi**2], axis=2) / scale[:, :, None] ** 2
        packed = (powers.reshape(len(vectors), 1, -1) @ products.reshape(len(vectors), -1, products.shape[-1]))[:, 0]
        system = np.empty((len(vectors), self.size + 1, self.size + 1))
        lower = np.tril_indices(self.size + 1)
        system[:, lower[0], lower[1]] = packed
        system[:, lower[1], lower[0]] = packed
        log_det_prior = add_prior(system, self.blocks, hyper)
        factor = cholesky(system)
        pivots = np.diagonal(factor, axis1=1, axis2=2)
        log_density = self.space.log_prior(vectors) + 0.5 * log_det_prior - 0.5 * pivots[:, -1] ** 2
        log_density -= np.log(pivots[:, :-1]).sum(axis=1) + np.log(scale) @ np.bincount(self.class_ix)
        return GivenMixing(log_density, factor, phi, scale)

    def innovations(self, coefficients: Array, given: GivenMixing) -> Array:
        """(e_j - phi_j e_{j-1}) / s_j : (B, obs)."""
        error = self.columns[:, -1] - coefficients @ self.columns[:, :-1].T
        return whitened(self.serial, error, given.phi[:, self.class_ix], given.scale[:, self.class_ix])

    def transition(self, hyper: Mapping[str, Array], rows: Index) -> tuple[Array, Array]:
        """phi and s of some rows : (B, rows)."""
        rho = hyper.get("rho", np.zeros(len(hyper["sigma"])))
        some = dataclasses.replace(self.serial, unit_ix=self.serial.unit_ix[rows], gap=self.serial.gap[rows])
        return some.transition(hyper.get("sigma_unit", hyper["sigma"]), rho)


def laid_out(terms: Terms) -> Iterator[tuple[Block, int, int]]:
    """The blocks in the order of ``flat_blocks``: each with its first column there, and how many copies it has."""
    groups = 0 if terms.group_ix is None else int(terms.group_ix.max()) + 1
    first = 0
    for blocks, copies in ((terms.per_unit, terms.n_units), (terms.grouped, groups), (terms.shared, 1)):
        for block in blocks:
            yield block, first, copies
            first += copies * int(block.columns.shape[1])


def coefficients_of(terms: Terms) -> int:
    """How many columns ``flat_blocks`` has."""
    return sum(copies * int(block.columns.shape[1]) for block, _, copies in laid_out(terms))


def flat_blocks(terms: Terms) -> tuple[Block, ...]:
    """All coefficients as those of shared columns: of each unit, of each group, shared ones."""
    blocks = []
    for block in terms.per_unit:
        of_unit = np.equal.outer(terms.unit_ix, np.arange(terms.n_units))
        columns = (of_unit[:, :, None] * block.columns[:, None, :]).reshape(terms.y.size, -1)
        blocks.append(dataclasses.replace(block, columns=columns))
    for block in terms.grouped:
        assert terms.group_ix is not None, "grouped columns have groups"
        group = terms.group_ix[terms.unit_ix]
        for which in range(int(terms.group_ix.max()) + 1):
            blocks.append(dataclasses.replace(block, columns=block.columns * (group == which)[:, None]))
    return (*blocks, *terms.shared)


def by_name(terms: Terms, flat: Array) -> dict[str, Array]:
    """Coefficients (R, K) of ``flat_blocks`` by block name, as ``marginal.draw_pairs`` has them."""
    named: dict[str, Array] = {}
    shared = {id(block) for block in terms.shared}
    for block, first, copies in laid_out(terms):
        width = block.columns.shape[1]
        part = flat[:, first : first + width * copies]
        if id(block) not in shared:
            part = part.reshape(len(flat), copies, width)
        named[block.name] = np.concatenate([named[block.name], part], axis=-1) if block.name in named else part
    return named


def starts(design: Design, card: ModelCard, rng: np.random.Generator) -> Array:
    """Where the walkers of each chain begin, one point a chain from the posterior of the normal ``card`` : (B, d)."""
    model = Collapsed.build(design, card)
    first = sample_by_importance(model.log_posterior, model.space.start(), FEW_POINTS, rng)
    chosen = rng.permutation(systematic(first.weights, card.sampler.chains, rng))
    return np.repeat(first.vectors[chosen], WALKERS, axis=0)
