"""What is the posterior of thousands of units that differ in covariates? From second moments by class of units.

Units of one class have the same periods, onset and group, hence the same covariance D_k of their rows when their own
coefficients are integrated; shared columns S_i, covariates among them, may differ. With W_i = [S_i y_i] all that a
point needs of n_k units are the sums over them of W_i[t] W_i[s]', formed once:

    W'PW = sum_k sum_ts D_k^-1[t, s] sum_i W_i[t] W_i[s]',    D_k = U_k V U_k' + Q_k^-1
    log p(y) = -1/2 (n log 2 pi + sum_k n_k log|D_k| - log|L| + log|A| + y'Py - m'A^-1 m),   A = S'PS + L,  m = S'Py

with L the prior precision of shared coefficients s, those of groups among them. A linear functional adds own ones by
E[b_i | y, s] = V U_k' D_k^-1 (y_i - S_i s). It is the likelihood of ``collapsed``; cost does not grow with units.

Source: Lindley & Smith (1972), doi:10.1111/j.2517-6161.1972.tb00885.x.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.names import WEIGHT, ErrorStructure
from bri_bayes.design.design import Design
from bri_bayes.design.error_process import process_covariance
from bri_bayes.design.linear_terms import Terms, build_terms
from bri_bayes.inference.batched_algebra import cholesky, log_determinants, solve_lower
from bri_bayes.inference.collapsed import Space
from bri_bayes.inference.conditional import Coefficients
from bri_bayes.inference.exchangeable import per_unit_prior, unit_classes
from bri_bayes.inference.hyperparameters import hyperparameters
from bri_bayes.study.model_card import ModelCard

# Numbers of the largest temporary arrays of one batch of points.
BATCH_NUMBERS = 1_000_000

Hyper = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class UnitMoments:
    """Units with the same periods (T,) and ``per_unit`` columns (T, q).

    ``units`` (n,); ``columns`` (n, T, r) : shared columns, those of groups, and the outcome; ``moments`` (T T, r r).
    """

    units: Index
    periods: Array
    per_unit: Array
    columns: Array
    moments: Array


@dataclass(frozen=True, eq=False)
class ClassMoments:
    """The model of ``terms`` with errors of some structure, by classes of units; as ``Collapsed``, its values are."""

    terms: Terms
    space: Space
    structure: ErrorStructure
    classes: tuple[UnitMoments, ...]

    @classmethod
    def build(cls, design: Design, card: ModelCard) -> ClassMoments:
        """The model of a normal card on a design that ``covers_moments`` has let through."""
        terms = build_terms(design, card)
        return cls(terms, hyperparameters(terms, card), card.errors.structure, tuple(_classes(design, terms)))

    def log_posterior(self, vectors: Array) -> Array:
        """log p(y | h) p(h), hyperparameters on their unconstrained scale : (B,)."""
        parts = [self._at(hyper)[0] for hyper in self._batches(self.space.values(vectors))]
        return np.concatenate(parts) + self.space.log_prior(vectors)

    def given(self, vectors: Array, functionals: Coefficients) -> tuple[Array, Array, Array]:
        """log p(y | h) p(h) (B,), and means (B, F) and sds (B, F) of linear functionals of the coefficients.

        Where rounding has made a matrix indefinite the log density is -inf, mean and sd are 0 and 1.
        """
        asked = [(c, *_asked(c, functionals)) for c in self.classes]
        direct = np.concatenate([functionals.shared, functionals.grouped.reshape(len(functionals.shared), -1)], axis=1)
        parts = []
        for hyper in self._batches(self.space.values(vectors)):
            density, factor, inverses = self._at(hyper)
            prior = per_unit_prior(self.terms.per_unit, hyper)
            pulled, variance = np.zeros((len(density), *direct.shape)), np.zeros((len(density), len(direct)))
            of_y = np.zeros((len(density), len(direct)))
            for (c, loads, spread), inverse in zip(asked, inverses, strict=True):
                gain = (prior[:, :, None] * c.per_unit.T) @ inverse
                flat = gain.reshape(len(gain), -1) @ loads.reshape(-1, loads.shape[2] * loads.shape[3])
                summed = flat.reshape(len(gain), loads.shape[2], -1)
                pulled += summed[..., :-1]
                of_y += summed[..., -1]
                remaining = prior[:, :, None] * np.eye(prior.shape[1]) - gain @ (c.per_unit * prior[:, None, :])
                variance += np.einsum("bqr,fqr->bf", remaining, spread)
            white = solve_lower(factor[:, :-1, :-1], np.swapaxes(direct - pulled, 1, 2))
            mean = of_y + (factor[:, -1:, :-1] @ white)[:, 0]
            variance += (white**2).sum(axis=1)
            parts.append((density, mean, np.sqrt(np.maximum(variance, 0.0))))
        density, mean, sd = (np.concatenate(part) for part in zip(*parts, strict=True))
        lost = ~np.isfinite(density + mean.sum(axis=1) + sd.sum(axis=1))
        density[lost], mean[lost], sd[lost] = -np.inf, 0.0, 1.0
        return density + self.space.log_prior(vectors), mean, sd

    def _batches(self, hyper: Hyper) -> Iterator[dict[str, Array]]:
        widest = max(c.columns.shape[2] for c in self.classes) + max(c.periods.size for c in self.classes)
        size = max(1, BATCH_NUMBERS // (4 * widest**2))
        for first in range(0, len(hyper["sigma"]), size):
            yield {name: value[first : first + size] for name, value in hyper.items()}

    def _at(self, hyper: Hyper) -> tuple[Array, Array, list[Array]]:
        """log p(y | h) (B,), the factor of [A m; m' y'Py] (B, r, r), and D^-1 (B, T, T) of each class."""
        size, r = len(hyper["sigma"]), self.classes[0].columns.shape[2]
        zero = np.zeros(size)
        system, inverses = np.zeros((size, r, r)), []
        log_density = np.full(size, -0.5 * self.terms.y.size * np.log(2 * np.pi))
        prior = per_unit_prior(self.terms.per_unit, hyper)
        for c in self.classes:
            rho, noise = hyper.get("rho", zero), hyper.get("noise", zero)
            covariance = process_covariance(self.structure, hyper["sigma"], c.periods, rho, noise)
            factor = cholesky(covariance + (c.per_unit * prior[:, None, :]) @ c.per_unit.T)
            root = solve_lower(factor, np.broadcast_to(np.eye(c.periods.size), factor.shape))
            inverse = np.swapaxes(root, 1, 2) @ root
            system += (inverse.reshape(size, -1) @ c.moments).reshape(size, r, r)
            log_density -= len(c.units) * _half_log_det(factor)
            inverses.append(inverse)
        log_density += 0.5 * self._add_prior(system, hyper)
        factor = cholesky(system)
        return log_density - _half_log_det(factor[:, :-1, :-1]) - 0.5 * factor[:, -1, -1] ** 2, factor, inverses

    def _add_prior(self, system: Array, hyper: Hyper) -> Array:
        """Adds the prior precision of shared and grouped coefficients : its log determinant (B,)."""
        ones, first, log_det = np.ones(len(system)), 0, np.zeros(len(system))
        for block in (*self.terms.shared, *self.terms.grouped * self._n_groups):
            size = block.columns.shape[1]
            at = np.arange(first, first + size)
            scale = hyper[block.scale] if isinstance(block.scale, str) else block.scale * ones
            log_det -= 2 * size * np.log(scale)
            if block.dependence is None:
                system[:, at, at] += (scale**-2.0)[:, None]
            else:
                precision = block.dependence.precision(hyper)
                system[:, at[:, None], at] += precision * (scale**-2.0)[:, None, None]
                log_det += log_determinants(precision)
            first += size
        return log_det

    @cached_property
    def _n_groups(self) -> int:
        return 1 if self.terms.group_ix is None else int(self.terms.group_ix.max()) + 1


def covers_moments(design: Design, card: ModelCard) -> bool:
    """Whether what differs by unit stands in shared columns alone (covariates): one error scale, no weights."""
    plain = not card.modifiers and card.contamination is None and WEIGHT not in design
    return card.is_marginal and plain and card.errors.scale == "common" and card.effects.period == "fixed"


def _classes(design: Design, terms: Terms) -> Iterator[UnitMoments]:
    per_unit = np.column_stack([block.columns for block in terms.per_unit])
    shared = np.column_stack([np.empty((terms.y.size, 0)), *(block.columns for block in terms.shared)])
    starts = np.searchsorted(terms.unit_ix, np.arange(terms.n_units + 1))
    for units in unit_classes(design):
        n_periods = int(starts[units[0] + 1] - starts[units[0]])
        rows = starts[units][:, None] + np.arange(n_periods)
        columns = np.concatenate([shared[rows], _of_groups(terms, rows), terms.y[rows][..., None]], axis=2)
        n, _, r = columns.shape
        flat = columns.reshape(n, -1)
        products = (flat.T @ flat).reshape(n_periods, r, n_periods, r)
        moments = np.ascontiguousarray(products.transpose(0, 2, 1, 3)).reshape(n_periods**2, r * r)
        yield UnitMoments(units, terms.period[rows[0]], per_unit[rows[0]], columns, moments)


def _of_groups(terms: Terms, rows: Index) -> Array:
    """Columns of the groups' coefficients, group by group, on the rows of units of one group : (n, T, M g)."""
    if terms.group_ix is None or not terms.grouped:
        return np.empty((*rows.shape, 0))
    columns = np.column_stack([block.columns for block in terms.grouped])[rows]
    out = np.zeros((*rows.shape, int(terms.group_ix.max()) + 1, columns.shape[2]))
    out[:, :, terms.group_ix[terms.unit_ix[rows[0, 0]]]] = columns
    return out.reshape(*rows.shape, -1)


def _asked(c: UnitMoments, functionals: Coefficients) -> tuple[Array, Array]:
    """Sums over units of weight x W (q, T, F, r), and of weight x weight (F, q, q)."""
    weights = functionals.per_unit[:, c.units]
    loads = np.einsum("fnq,ntr->qtfr", weights, c.columns, optimize=True)
    return loads, np.einsum("fnq,fnr->fqr", weights, weights, optimize=True)


def _half_log_det(factor: Array) -> Array:
    """Half the log determinant of A = L L' : (B,)."""
    return np.asarray(np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1))
