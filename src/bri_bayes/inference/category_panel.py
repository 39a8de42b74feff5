"""Given the covariances of errors and countries, what are the effects by category? The panel model, effects integrated.

The model of ``models.categories.build_category_panel``: with E the matrix of rows (outcome, effects by event time,
countries, holes) and columns categories, whose first rows are the identity and whose others hold minus the effects,

    log p = level(rho) - n / 2 log |Sigma| - tr(Sigma^-1 E'M(rho)E) / 2,      n = (N - 1)(T - 1)

which is Gaussian in the effects g: precision Sigma^-1[c, c'] M[r, r'] of the elements (r, c) and (r', c'). A priori the
paths of categories are mu_c + steps. Their average over categories and what sets them apart are independent: both are a
constant over time, of variance a, plus a centred walk of variance b a step,

    average times sqrt(C)   a = C EFFECT^2 + spread^2,  b = C eta_common^2 + eta_own^2
    contrasts               a = spread^2,               b = eta_own^2

and those of countries are N(0, Omega).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from bri_bayes.core.arrays import Array, Index
from bri_bayes.design.category_design import CategoryDesign
from bri_bayes.inference.batched_algebra import cholesky
from bri_bayes.inference.covariances import inverse, log_det
from bri_bayes.inference.walkers import drawn_given
from bri_bayes.models.categories import EFFECT, SPREAD, STEP, category_columns, centred_walk

# Scales stay above this, so that their inverse squares are finite.
_SMALLEST = 1e-6


@dataclass(frozen=True, eq=False)
class GivenCovariances:
    """At B points: ``log_density`` of h, the ``factor`` (B, F + 1, F + 1) of the effects' precision, the outcome last,
    and M : (B, rows, rows)."""

    log_density: Array
    factor: Array
    products: Array


@dataclass(frozen=True, eq=False)
class CategoryPanel:
    """``columns`` (T, N, rows) less their means over units; ``size`` : categories; ``row``, ``category`` (F,) : of each
    unknown element of E; ``walk`` (K, K - 1) : from steps to a path; ``countries`` : treated units."""

    columns: Array
    size: int
    row: Index
    category: Index
    walk: Array
    countries: int

    @classmethod
    def build(cls, design: CategoryDesign) -> CategoryPanel:
        """For a panel over years."""
        size, times, holes = design.y.shape[2], design.times, design.holes
        countries = design.treated_ix.size
        effects = np.arange(times.size + countries)
        row = np.concatenate([np.repeat(size + effects, size), size + effects.size + np.arange(len(holes))])
        category = np.concatenate([np.tile(np.arange(size), effects.size), holes[:, 2]]).astype(np.intp)
        treated = (design.event_time[:, :, None] == times).sum(axis=(0, 1))
        return cls(category_columns(design), size, row, category, centred_walk(times, treated), countries)

    @property
    def rows(self) -> int:
        """n = (N - 1)(T - 1)."""
        return int((self.columns.shape[0] - 1) * (self.columns.shape[1] - 1))

    def moments(self, rho: Array) -> tuple[Array, Array]:
        """M (B, rows, rows) and level (B,) for rho (B,): a unit's flat level is integrated, those of periods are out.

        The inverse of the correlation matrix of innovations of sd one has the diagonal (1, 1 + rho^2, ..., 1) and -rho
        beside it.
        """
        whole, inner, beside, outer, mixed, middle = self._crossed
        n_periods, n_units, _ = self.columns.shape
        rest = 1 - rho
        total = 2 + (n_periods - 2) * rest
        r, share = rho[:, None, None], (rest / total)[:, None, None]
        score = outer + 2 * (1 - r) * mixed + (1 - r) ** 2 * middle
        level = 0.5 * (n_units - 1) * self.size * (np.log1p(-(rho**2)) - np.log(rest * total))
        return whole + r**2 * inner - r * beside - share * score, level

    def given(self, vectors: Array, sigma: Array, omega: Array) -> GivenCovariances:
        """The effects integrated, for vectors (B, 4) of ``scales`` and lower factors of Sigma and Omega (B, C, C)."""
        rho, spread, common, single = self.scales(vectors)
        products, level = self.moments(rho)
        precision, size = inverse(sigma), self.size
        elements = len(self.row)
        system = np.zeros((len(rho), elements + 1, elements + 1))
        self._add_likelihood(system, products, precision)
        crossed = products[:, :, :size] @ precision
        system[:, -1, :-1] = system[:, :-1, -1] = -crossed[:, self.row, self.category]
        system[:, -1, -1] = np.trace(crossed[:, :size], axis1=1, axis2=2)
        log_det_prior = self._add_prior(system, spread, common, single, omega)
        factor = cholesky(system)
        pivots = np.diagonal(factor, axis1=1, axis2=2)
        density = level - 0.5 * self.rows * log_det(sigma) + 0.5 * log_det_prior - 0.5 * pivots[:, -1] ** 2
        density -= np.log(pivots[:, :-1]).sum(axis=1)
        return GivenCovariances(density + self._log_prior(vectors, spread, common, single), factor, products)

    def scales(self, vectors: Array) -> tuple[Array, Array, Array, Array]:
        """rho, the spread of categories, and the sds of common and single steps, of unconstrained vectors (B, 4)."""
        spread, common, single = (np.maximum(np.exp(vectors[:, at]), _SMALLEST) for at in (1, 2, 3))
        return np.clip(2 * ndtr(vectors[:, 0]) - 1, -1 + 1e-10, 1 - 1e-10), spread, common, single

    def draw(self, given: GivenCovariances, rng: np.random.Generator) -> Array:
        """E, its unknown elements drawn : (B, rows, C)."""
        drawn = drawn_given(given.factor, rng)
        every = np.zeros((len(drawn), self.columns.shape[2], self.size))
        at = np.arange(self.size)
        every[:, at, at] = 1.0
        every[:, self.row, self.category] = drawn
        return every

    def paths(self, every: Array) -> tuple[Array, Array]:
        """Effects by event time (B, K, C) and those of countries (B, countries, C) in E."""
        first, last = self.size, self.size + len(self.walk)
        return -every[:, first:last], -every[:, last : last + self.countries]

    def _add_likelihood(self, system: Array, products: Array, precision: Array) -> None:
        """Sigma^-1[c, c'] M[r, r'] : every category of a row, and holes, which have one each."""
        size, last = self.size, self.size + len(self.walk) + self.countries
        every = (last - size) * size
        block = products[:, size:last, None, size:last, None] * precision[:, None, :, None, :]
        system[:, :every, :every] = block.reshape(len(system), every, every)
        for hole in range(every, len(self.row)):
            column = products[:, self.row, self.row[hole]] * precision[:, self.category, self.category[hole]]
            system[:, :-1, hole] = system[:, hole, :-1] = column

    def _add_prior(self, system: Array, spread: Array, common: Array, single: Array, omega: Array) -> Array:
        size, n_times = self.size, len(self.walk)
        constant, steps = self._path
        average = _over(constant, size * EFFECT**2 + spread**2) + _over(steps, size * common**2 + single**2)
        contrast = _over(constant, spread**2) + _over(steps, single**2)
        last = n_times * size
        block = system[:, :last, :last].reshape(len(system), n_times, size, n_times, size)
        block += ((average - contrast) / size)[:, :, None, :, None]
        at = np.arange(size)
        block[:, :, at, :, at] += contrast
        system[:, :last, :last] = block.reshape(len(system), last, last)
        precision = inverse(omega)
        for country in range(self.countries):
            own_rows = slice(last + country * size, last + (country + 1) * size)
            system[:, own_rows, own_rows] += precision
        log_scales = np.log(size * EFFECT**2 + spread**2) + (n_times - 1) * np.log(size * common**2 + single**2)
        log_scales += (size - 1) * (2 * np.log(spread) + (n_times - 1) * 2 * np.log(single))
        return np.asarray(-log_scales - self.countries * log_det(omega))

    def _log_prior(self, vectors: Array, spread: Array, common: Array, single: Array) -> Array:
        """rho uniform, scales half-normal, up to a constant."""
        half = (spread / SPREAD) ** 2 + (common / STEP) ** 2 + (single / STEP) ** 2
        return np.asarray(-0.5 * (vectors[:, 0] ** 2 + half) + vectors[:, 1:].sum(axis=1))

    @cached_property
    def _path(self) -> tuple[Array, Array]:
        """The precision of a constant and of a centred walk, each of variance one : (K, K)."""
        turned = np.linalg.inv(np.column_stack([np.ones(len(self.walk)), self.walk]))
        return np.outer(turned[0], turned[0]), turned[1:].T @ turned[1:]

    @cached_property
    def _crossed(self) -> tuple[Array, ...]:
        z = self.columns
        ends, middle = z[0] + z[-1], z[1:-1].sum(axis=0)
        pairs = ((z, z), (z[1:-1], z[1:-1]), (z[1:], z[:-1]), (ends, ends), (ends, middle), (middle, middle))
        sums = [np.tensordot(a, b, axes=(range(a.ndim - 1), range(a.ndim - 1))) for a, b in pairs]
        whole, inner, beside, *rest = [(some + some.T) / 2 for some in sums]
        return whole, inner, 2 * beside, *rest


def _over(matrix: Array, variance: Array) -> Array:
    return np.asarray(matrix / variance[:, None, None])
