"""What do hundreds of units in regions say at once? The closed form where units of one region are exchangeable.

On a balanced panel with one onset and one error scale the outcome enters by region alone. With n units of a region, all
treated or none, the orthonormal contrasts between them are independent of sqrt(n) times their average,

    contrasts   n - 1 series of  N(0, M)                     M = R + a^2 11' (+ omega^2 pp' where they are treated)
    average     N(sqrt(n) (l + f p), M_0 + n psi^2 K)        M_0 = R + a^2 11'

R the covariance of a unit's errors, a the wide prior of its level, p one from the onset on, psi^2 K the covariance of
the region's shocks, l the period effects, f the common path and the average of the treated units' deviations. So a
point of the hyperparameters costs as many matrices of the size of a series as there are kinds of regions (their sizes,
and the treated one), whatever the number of units, and the few coefficients that all share are one regression.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import GROUP, OBS, PERIOD, UNIT, WEIGHT
from bri_bayes.design.design import Design
from bri_bayes.design.effect_paths import pooled_path
from bri_bayes.design.error_process import process_covariance
from bri_bayes.design.group_shocks import RATIO, ShockProcess, shock_process
from bri_bayes.design.linear_terms import build_terms, period_contrasts, wide_scales
from bri_bayes.inference.hyperparameters import Hyperparameters, hyperparameters
from bri_bayes.inference.importance import Weighted, sample_by_importance
from bri_bayes.inference.mixture import NormalMixtures
from bri_bayes.study.model_card import Effects, ModelCard

# Points whose matrices are held at once.
_TOGETHER = 250


@dataclass(frozen=True, eq=False)
class Kind:
    """Regions of one size: ``n`` units each, ``regions`` of them, treated or not, with a shock or without.

    ``average`` (T, regions) : sqrt(n) times the averages; ``scatter`` (T, T) : sum of products of the contrasts.
    """

    n: int
    regions: int
    treated: bool
    shocked: bool
    average: Array
    scatter: Array


@dataclass(frozen=True, eq=False)
class WidePosterior:
    """The posterior of the ATT of a wide pool in units of the outcome, and of its hyperparameters.

    ``hyper`` : name -> (point,) on the standardised scale, to be read with ``points.weights``; ``log_marginal`` : of
    the standardised outcome.
    """

    points: Weighted
    hyper: dict[str, Array]
    mixture: NormalMixtures

    @property
    def log_marginal(self) -> float:
        """Two cards on the same rows differ by their log Bayes factor."""
        return self.points.log_normaliser

    def log_normal(self, name: str) -> tuple[float, float]:
        """Median and sd of the logarithm of the log-normal with the first two moments of the log of a scale."""
        logs, weights = np.log(self.hyper[name]), self.points.weights
        mean = float(weights @ logs)
        return float(np.exp(mean)), float(np.sqrt(weights @ (logs - mean) ** 2))


def covers_wide(design: Design, card: ModelCard) -> bool:
    """Whether the averages of regions are all that the card sees of the design."""
    plain = card.effects == Effects() and not card.covariates and not card.modifiers and card.contamination is None
    if not (plain and card.is_marginal and card.errors.scale == "common") or WEIGHT in design:
        return False
    if design.sizes[OBS] != design.sizes[UNIT] * design.sizes[PERIOD]:
        return False
    first, group = design["first_treated"].to_numpy(), design["group_ix"].to_numpy()
    treated = np.isfinite(first)
    mixed = set(group[treated & (group >= 0)].tolist()) & set(group[~treated].tolist())
    return not mixed and np.unique(first[treated]).size == 1 and bool((group[treated] >= 0).all())


def wide_posterior(design: Design, card: ModelCard, seed: int, *, proposals: int | None = None) -> WidePosterior:
    """The posterior under a card that ``covers_wide``; as ``inference.att`` but for its cost."""
    model = WidePool.build(design, card)
    size = card.sampler.proposals if proposals is None else proposals
    points = sample_by_importance(model.log_posterior, model.space.start(), size, np.random.default_rng(seed))
    _, means, sds = model.given(points.vectors)
    scale = design.attrs["y_scale"]
    mixture = NormalMixtures(points.weights[None, :], means[None, :] * scale, sds * scale)
    return WidePosterior(points, model.space.values(points.vectors), mixture)


@dataclass(frozen=True, eq=False)
class WidePool:
    """The model of a card on a balanced design of regions: ``periods`` (T,), ``path`` and ``bends`` (T, .) columns."""

    card: ModelCard
    space: Hyperparameters
    kinds: tuple[Kind, ...]
    periods: Array
    shocks: ShockProcess | None
    wide: tuple[float, float]
    path: Array
    bends: Array

    @classmethod
    def build(cls, design: Design, card: ModelCard) -> WidePool:
        """From a design that the card ``covers_wide``."""
        periods = design[PERIOD].to_numpy().astype(float)
        after = periods >= np.nanmin(design["first_treated"].to_numpy())
        length = int(after.sum())
        times = np.asarray(periods[after] - periods[after][0], dtype=np.intp)
        average, changes = pooled_path(times, np.full(length, 1 / length))
        path, bends = np.zeros((periods.size, 1)), np.zeros((periods.size, length - 1))
        path[after], bends[after] = average, changes
        shocks = shock_process(design, card) if card.shocks.process != "none" else None
        space = hyperparameters(build_terms(design, card), card)
        return cls(card, space, _kinds(design, card), periods, shocks, wide_scales(design, card), path, bends)

    def log_posterior(self, vectors: Array) -> Array:
        """log p(y | h) p(h) : (B,), hyperparameters on their unconstrained scale."""
        return self.given(vectors)[0]

    def given(self, vectors: Array) -> tuple[Array, Array, Array]:
        """log p(y | h) p(h), mean and sd of the ATT given h on the standardised scale : three (B,)."""
        parts = [self._given(some) for some in self._batches(vectors)]
        log_density, mean, sd = (np.concatenate(column) for column in zip(*parts, strict=True))
        lost = ~np.isfinite(log_density + mean + sd)
        log_density[lost], mean[lost], sd[lost] = -np.inf, 0.0, 1.0
        return log_density + self.space.log_prior(vectors), mean, sd

    def _batches(self, vectors: Array) -> Iterator[dict[str, Array]]:
        for first in range(0, len(vectors), _TOGETHER):
            yield self.space.values(vectors[first : first + _TOGETHER])

    def _given(self, hyper: dict[str, Array]) -> tuple[Array, Array, Array]:
        n_points, size = hyper["sigma"].size, self.periods.size
        zero = np.zeros(n_points)
        structure = self.card.errors.structure
        errors = process_covariance(
            structure, hyper["sigma"], self.periods, hyper.get("rho", zero), hyper.get("noise", zero)
        )
        errors = errors + self.wide[0] ** 2
        contrasts = period_contrasts(size)
        precision, log_det_prior, functional, deviation = self._prior(hyper)
        moment, log_density = np.zeros((n_points, precision.shape[-1])), -0.5 * log_det_prior
        after = np.outer(self.path, self.path)
        shock = 0.0 if self.shocks is None else hyper[RATIO][:, None, None] ** 2 * self.shocks.covariance(hyper)
        by_treated = {}
        for kind in self.kinds:
            if kind.treated not in by_treated:
                within = errors + deviation[:, None, None] ** 2 * after if kind.treated else errors
                by_treated[kind.treated] = np.linalg.inv(within), np.linalg.slogdet(within)[1]
            inverse, log_det = by_treated[kind.treated]
            count = kind.regions * (kind.n - 1)
            log_density = log_density - 0.5 * (count * log_det + np.einsum("bts,ts->b", inverse, kind.scatter))
            mean = errors + kind.n * shock if kind.shocked else errors
            inverse, log_det = np.linalg.inv(mean), np.linalg.slogdet(mean)[1]
            form = np.einsum("bts,ts->b", inverse, kind.average @ kind.average.T)
            log_density = log_density - 0.5 * (kind.regions * log_det + form)
            columns = np.sqrt(kind.n) * np.hstack([contrasts, *self._effects(treated=kind.treated)])
            weighted = np.swapaxes(inverse @ columns, 1, 2)
            precision = precision + kind.regions * (weighted @ columns)
            moment = moment + weighted @ kind.average.sum(axis=1)
        solved = np.linalg.solve(precision, np.stack([moment, functional], axis=2))
        log_density = log_density - 0.5 * np.linalg.slogdet(precision)[1]
        log_density = log_density + 0.5 * (moment * solved[:, :, 0]).sum(axis=1)
        rows = size * sum(kind.n * kind.regions for kind in self.kinds)
        variance = (functional * solved[:, :, 1]).sum(axis=1)
        mean_att = (functional * solved[:, :, 0]).sum(axis=1)
        return log_density - 0.5 * rows * np.log(2 * np.pi), mean_att, np.sqrt(variance)

    def _effects(self, *, treated: bool) -> list[Array]:
        """Columns of the path, of its bends and of the average deviation of the treated units."""
        columns = [self.path, self.bends, self.path]
        return columns if treated else [np.zeros_like(column) for column in columns]

    def _prior(self, hyper: dict[str, Array]) -> tuple[Array, Array, Array, Array]:
        """Prior precision (B, p, p) of what all share, log determinant of its inverse, weights of the ATT, omega."""
        n_treated = sum(kind.n * kind.regions for kind in self.kinds if kind.treated)
        ones = np.ones(hyper["sigma"].size)
        deviation = hyper["omega"]
        scales = [self.wide[1] * ones] * (self.periods.size - 1)
        scales += [
            self.card.priors.effect * ones,
            *[hyper["eta"]] * self.bends.shape[1],
            deviation / np.sqrt(n_treated),
        ]
        sd = np.stack(scales, axis=1)
        precision = np.zeros((*sd.shape, sd.shape[1]))
        diagonal = np.arange(sd.shape[1])
        precision[:, diagonal, diagonal] = sd**-2.0
        functional = np.zeros(sd.shape)
        functional[:, [self.periods.size - 1, -1]] = 1.0
        return precision, 2 * np.log(sd).sum(axis=1), functional, deviation


def _kinds(design: Design, card: ModelCard) -> tuple[Kind, ...]:
    """The regions by size and treatment; a unit of no region is one of its own that has no shock."""
    n_units, size = design.sizes[UNIT], design.sizes[PERIOD]
    y = (design["y"].to_numpy().reshape(n_units, size) - design.attrs["y_center"]) / design.attrs["y_scale"]
    treated, group = np.isfinite(design["first_treated"].to_numpy()), design["group_ix"].to_numpy()
    label = np.where(group < 0, design.sizes[GROUP] + np.arange(n_units), group)
    members: dict[tuple[int, bool, bool], list[Array]] = {}
    for region in np.unique(label):
        rows = np.flatnonzero(label == region)
        shocked = card.shocks.process != "none" and bool(group[rows[0]] >= 0)
        members.setdefault((rows.size, bool(treated[rows[0]]), shocked), []).append(y[rows])
    kinds = []
    for (n, ever, shocked), regions in members.items():
        averages = np.stack([series.mean(axis=0) for series in regions], axis=1)
        around = np.concatenate([series - series.mean(axis=0) for series in regions])
        kinds.append(Kind(n, len(regions), ever, shocked, np.sqrt(n) * averages, around.T @ around))
    return tuple(kinds)
