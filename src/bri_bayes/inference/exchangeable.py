"""What is the posterior of a panel of many units, or of many periods? The closed form by classes of equal columns.

Units of one class have the same columns: the same periods, onset, group. Within a class of n units an orthogonal
rotation separates the average from n - 1 contrasts, of which each has a unit's own coefficients and errors alone:

    sqrt(n_k) mean_k = U_k b~_k + sqrt(n_k) (S_k s + G_k g) + e~_k,  k = 1, ..., classes        (jointly C)
    contrasts of k   ~ N(0, D_k),  D_k = U_k V U_k' + Q_k^-1,  by their scatter matrix alone

So units cost nothing beyond their scatter, and the normal that is left has the size of the averages' rows, in its
covariance form: log p(y) = -1/2 (log|C| + y'C^-1 y) and E[f | y] = Cov(f, y) C^-1 y. It is the likelihood of
``collapsed`` and no approximation; that one's cost grows with the number of coefficients, this one's with rows.

Source: Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, section 2.7.
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
from bri_bayes.design.linear_terms import Block, Terms, build_terms
from bri_bayes.inference.batched_algebra import cholesky, solve_lower
from bri_bayes.inference.collapsed import Space
from bri_bayes.inference.conditional import Coefficients
from bri_bayes.inference.hyperparameters import hyperparameters
from bri_bayes.study.model_card import ModelCard

# Numbers of the largest temporary arrays of one batch of points.
BATCH_NUMBERS = 4_000_000

Hyper = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class UnitClass:
    """Units with the same columns.

    ``units`` (n,); ``rows`` (n, T) of the design; ``periods`` (T,); ``per_unit`` (T, q) columns; ``at`` : where rows of
    the average stand; ``deviations`` (n, T) from it; ``root`` (m, T) : root'root is their scatter matrix.
    """

    units: Index
    rows: Index
    periods: Array
    per_unit: Array
    at: slice
    deviations: Array
    root: Array


@dataclass(frozen=True, eq=False)
class Exchangeable:
    """The model of ``terms`` with errors of some structure, by classes of units; as ``Collapsed``, its values are.

    ``y`` (rows,) and ``shared`` (rows, p) : averages times sqrt(n).
    """

    terms: Terms
    space: Space
    structure: ErrorStructure
    classes: tuple[UnitClass, ...]
    y: Array
    shared: Array

    @classmethod
    def build(cls, design: Design, card: ModelCard) -> Exchangeable:
        """The model of a normal card on a design that ``covers_exchangeable`` has let through."""
        terms = build_terms(design, card)
        classes = tuple(_classes(design, terms))
        y = np.concatenate([terms.y[c.rows].mean(axis=0) * np.sqrt(len(c.units)) for c in classes])
        columns = np.column_stack([np.empty((terms.y.size, 0)), *(block.columns for block in terms.shared)])
        shared = np.concatenate([columns[c.rows[0]] * np.sqrt(len(c.units)) for c in classes])
        return cls(terms, hyperparameters(terms, card), card.errors.structure, classes, y, shared)

    def log_posterior(self, vectors: Array) -> Array:
        """log p(y | h) p(h), hyperparameters on their unconstrained scale : (B,)."""
        return self._evaluate(vectors, None)[0]

    def given(self, vectors: Array, functionals: Coefficients) -> tuple[Array, Array, Array]:
        """log p(y | h) p(h) (B,), and means (B, F) and sds (B, F) of linear functionals of own and shared coefficients.

        Where rounding has made a covariance indefinite the log density is -inf, mean and sd are 0 and 1.
        """
        density, mean, variance = self._evaluate(vectors, _Functionals.of(self, functionals))
        sd = np.sqrt(np.maximum(variance, 0.0))
        lost = ~np.isfinite(density + mean.sum(axis=1) + sd.sum(axis=1))
        density[lost], mean[lost], sd[lost] = -np.inf, 0.0, 1.0
        return density, mean, sd

    def _evaluate(self, vectors: Array, asked: _Functionals | None) -> tuple[Array, Array, Array]:
        parts = [self._at(hyper, asked) for hyper in self._batches(self.space.values(vectors))]
        density, mean, variance = (np.concatenate(part) for part in zip(*parts, strict=True))
        return density + self.space.log_prior(vectors), mean, variance

    def _batches(self, hyper: Hyper) -> Iterator[dict[str, Array]]:
        n_points = len(hyper["sigma"])
        size = max(1, BATCH_NUMBERS // (4 * self.y.size**2 + 1))
        for first in range(0, n_points, size):
            yield {name: value[first : first + size] for name, value in hyper.items()}

    def _at(self, hyper: Hyper, asked: _Functionals | None) -> tuple[Array, Array, Array]:
        size, right = len(hyper["sigma"]), 0 if asked is None else asked.size
        joint = self._shared_covariance(hyper)
        log_density = np.zeros(size)
        mean, variance = np.zeros((size, right)), np.zeros((size, right))
        cross = np.zeros((size, right, self.y.size)) if asked is None else asked.shared_cross(self, hyper)
        if asked is not None:
            variance += asked.shared_variance(self, hyper)
        for position, c in enumerate(self.classes):
            prior = per_unit_prior(self.terms.per_unit, hyper)
            of_unit = self._error_covariance(hyper, c.periods) + (c.per_unit * prior[:, None, :]) @ c.per_unit.T
            joint[:, c.at, c.at] += of_unit
            n_contrasts = len(c.units) - 1
            if n_contrasts:
                factor = cholesky(of_unit)
                white = solve_lower(factor, np.broadcast_to(c.root.T, (size, *c.root.T.shape)))
                log_density -= 0.5 * (white**2).sum(axis=(1, 2)) + n_contrasts * _half_log_det(factor)
                log_density -= 0.5 * n_contrasts * c.periods.size * np.log(2 * np.pi)
            if asked is None:
                continue
            averages, spread, moments = asked.averages[position], asked.spreads[position], asked.moments[position]
            variance += np.einsum("bq,fq->bf", prior, averages**2)
            cross[:, :, c.at] += (averages * prior[:, None, :]) @ c.per_unit.T
            if n_contrasts and asked.deviates[position]:
                loaded = c.per_unit * prior[:, None, :]
                half = solve_lower(factor, loaded)
                pulled = np.swapaxes(solve_lower(factor, half, transposed=True), 1, 2)
                mean += np.einsum("bqt,fqt->bf", pulled, moments)
                left_over = prior[:, :, None] * np.eye(prior.shape[1]) - np.swapaxes(half, 1, 2) @ half
                variance += np.einsum("bqr,fqr->bf", left_over, spread)
        factor = cholesky(joint)
        white_y = solve_lower(factor, np.broadcast_to(self.y[:, None], (size, self.y.size, 1)))
        log_density -= 0.5 * (white_y**2).sum(axis=(1, 2)) + _half_log_det(factor)
        log_density -= 0.5 * self.y.size * np.log(2 * np.pi)
        if asked is not None:
            white = solve_lower(factor, np.swapaxes(cross, 1, 2))
            mean += (np.swapaxes(white, 1, 2) @ white_y)[..., 0]
            variance -= (white**2).sum(axis=1)
        return log_density, mean, variance

    def _error_covariance(self, hyper: Hyper, periods: Array) -> Array:
        """(B, T, T)"""
        zero = np.zeros(len(hyper["sigma"]))
        rho, noise = hyper.get("rho", zero), hyper.get("noise", zero)
        return process_covariance(self.structure, hyper["sigma"], periods, rho, noise)

    def _shared_covariance(self, hyper: Hyper) -> Array:
        """What classes have in common, through shared coefficients and through shocks of groups : (B, rows, rows)."""
        joint = np.repeat(self._fixed[None], len(hyper["sigma"]), axis=0)
        for name, matrix in self._scaled.items():
            joint += (hyper[name] ** 2)[:, None, None] * matrix
        for block in self.terms.grouped:
            assert block.dependence is not None, "blocks of groups are processes over the periods"
            process = block.dependence.covariance(hyper)
            if isinstance(block.scale, str):
                process = process * (hyper[block.scale] ** 2)[:, None, None]
            for rows, columns, size in self._group_rows(block):
                joint[:, rows[:, None], rows] += process[:, columns[:, None], columns] * np.outer(size, size)
        return joint

    def _group_rows(self, block: Block) -> list[tuple[Index, Index, Array]]:
        """For each group the rows that its shocks meet, the period of each, and sqrt(n) of its class."""
        assert self.terms.group_ix is not None, "there are blocks of groups"
        group = np.concatenate([np.full(c.periods.size, self.terms.group_ix[c.units[0]]) for c in self.classes])
        columns = np.concatenate([block.columns[c.rows[0]] * np.sqrt(len(c.units)) for c in self.classes])
        size, at = columns.sum(axis=1), columns.argmax(axis=1)
        met = [np.flatnonzero((group == which) & (size > 0)) for which in np.unique(group)]
        return [(rows, at[rows], size[rows]) for rows in met if rows.size]

    @cached_property
    def scales(self) -> list[float | str]:
        """The prior scale of each shared column."""
        return [block.scale for block in self.terms.shared for _ in range(block.columns.shape[1])]

    @cached_property
    def _fixed(self) -> Array:
        """The covariance of shared columns whose prior scale is a number : (rows, rows)."""
        columns = [j for j, scale in enumerate(self.scales) if not isinstance(scale, str)]
        weighted = self.shared[:, columns] * np.array([float(self.scales[j]) for j in columns])
        return np.asarray(weighted @ weighted.T)

    @cached_property
    def _scaled(self) -> dict[str, Array]:
        """That of columns whose scale is a hyperparameter, at scale one, by its name."""
        names = sorted({scale for scale in self.scales if isinstance(scale, str)})
        chosen = {name: self.shared[:, [scale == name for scale in self.scales]] for name in names}
        return {name: columns @ columns.T for name, columns in chosen.items()}

    def shared_prior(self, hyper: Hyper) -> Array:
        """Prior variances of the shared coefficients : (B, p)."""
        ones = np.ones(len(hyper["sigma"]))
        scales = [hyper[scale] if isinstance(scale, str) else scale * ones for scale in self.scales]
        return np.asarray(np.column_stack([np.empty((ones.size, 0)), *scales]) ** 2)


def _classes(design: Design, terms: Terms) -> Iterator[UnitClass]:
    per_unit = np.column_stack([block.columns for block in terms.per_unit])
    starts = np.searchsorted(terms.unit_ix, np.arange(terms.n_units + 1))
    first = 0
    for units in unit_classes(design):
        n_periods = int(starts[units[0] + 1] - starts[units[0]])
        rows = starts[units][:, None] + np.arange(n_periods)
        deviations = terms.y[rows] - terms.y[rows].mean(axis=0)
        root = np.linalg.qr(deviations, mode="r")
        at = slice(first, first + n_periods)
        yield UnitClass(units, rows, terms.period[rows[0]], per_unit[rows[0]], at, deviations, root)
        first += n_periods


def _half_log_det(factor: Array) -> Array:
    """Half the log determinant of A = L L' : (B,)."""
    return np.asarray(np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1))


@dataclass(frozen=True, eq=False)
class _Functionals:
    """F linear functionals, by class: of the average's coefficients b~ (F, q), and of the contrasts.

    ``shared`` (F, p); ``moments`` (F, q, T) : sum over units of weight x deviation; ``spreads`` (F, q, q) : of the
    weights; ``deviates`` : whether any unit's weight differs from its class's.
    """

    shared: Array
    averages: list[Array]
    moments: list[Array]
    spreads: list[Array]
    deviates: list[bool]

    @classmethod
    def of(cls, model: Exchangeable, functionals: Coefficients) -> _Functionals:
        averages, moments, spreads, deviates = [], [], [], []
        for c in model.classes:
            weights = functionals.per_unit[:, c.units]
            center = weights.mean(axis=1)
            differences = weights - center[:, None]
            averages.append(center * np.sqrt(len(c.units)))
            deviates.append(bool(np.abs(differences).max() > 1e-12 * max(np.abs(weights).max(), 1e-300)))
            moments.append(np.einsum("fnq,nt->fqt", differences, c.deviations, optimize=True))
            spreads.append(np.einsum("fnq,fnr->fqr", differences, differences, optimize=True))
        return cls(functionals.shared, averages, moments, spreads, deviates)

    @property
    def size(self) -> int:
        return len(self.shared)

    def shared_cross(self, model: Exchangeable, hyper: Hyper) -> Array:
        """Covariance with the averages' rows through shared coefficients : (B, F, rows)."""
        return np.asarray((self.shared * model.shared_prior(hyper)[:, None, :]) @ model.shared.T)

    def shared_variance(self, model: Exchangeable, hyper: Hyper) -> Array:
        """(B, F)"""
        return np.asarray(model.shared_prior(hyper) @ (self.shared**2).T)


def covers_exchangeable(design: Design, card: ModelCard) -> bool:
    """Whether the route by classes knows the card: one error scale, no weights, no columns that differ by unit."""
    plain = not card.covariates and not card.modifiers and card.contamination is None and WEIGHT not in design
    return card.is_marginal and plain and card.errors.scale == "common" and card.effects.period == "fixed"


def per_unit_prior(blocks: tuple[Block, ...], hyper: Hyper) -> Array:
    """Prior variances of a unit's own coefficients : (B, q)."""
    ones = np.ones(len(hyper["sigma"]))
    scales = [
        hyper[block.scale] if isinstance(block.scale, str) else block.scale * ones
        for block in blocks
        for _ in range(block.columns.shape[1])
    ]
    return np.asarray(np.column_stack(scales) ** 2)


def unit_classes(design: Design) -> list[Index]:
    """The units of each class of equal periods, onset and group, as positions among the units of the design."""
    unit_ix, period_ix = design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()
    starts = np.searchsorted(unit_ix, np.arange(design.sizes["unit"] + 1))
    first, group = design["first_treated"].to_numpy(), design["group_ix"].to_numpy()
    members: dict[tuple[bytes, float, int], list[int]] = {}
    for unit in np.flatnonzero(np.diff(starts)):
        onset = -np.inf if np.isnan(first[unit]) else float(first[unit])
        key = (period_ix[starts[unit] : starts[unit + 1]].tobytes(), onset, int(group[unit]))
        members.setdefault(key, []).append(int(unit))
    return [np.array(units) for units in members.values()]
