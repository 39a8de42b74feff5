"""What do hundreds of units in regions say at once? The closed form where units of one region are exchangeable.

On a balanced panel with one onset and one error scale the outcome enters by region alone. With n units of a region, all
treated or none, the orthonormal contrasts between them are independent of sqrt(n) times their average,

    contrasts   n - 1 series of  N(0, M)                     M = R + a^2 11' (+ omega^2 pp' where they are treated)
    average     N(sqrt(n) (l + f p), M_0 + n psi^2 K)        M_0 = R + a^2 11'

R the covariance of a unit's errors, a the wide prior of its level, p one from the onset on, psi^2 K the covariance of
the region's shocks, l the period effects, f the common path and the average of the treated units' deviations. One
factor M_0 = L L' and one decomposition L^-1 K L^-T = V diag(k) V' turn every average into T independent numbers of
variance 1 + n psi^2 k_t, whatever its n; so a point of the hyperparameters costs as much for hundreds of units as for
one, and the few coefficients that all share are one regression.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array, Mask
from bri_bayes.core.effect import TAILS, Effect, Middle
from bri_bayes.core.names import GROUP, OBS, PERIOD, UNIT, WEIGHT
from bri_bayes.design.design import Design
from bri_bayes.design.effect_paths import pooled_path
from bri_bayes.design.error_process import process_covariance
from bri_bayes.design.group_shocks import RATIO, ShockProcess, shock_process
from bri_bayes.design.linear_terms import GROWTH, build_terms, period_contrasts, wide_scales
from bri_bayes.inference.hyperparameters import Hyperparameters, hyperparameters
from bri_bayes.inference.importance import Weighted, sample_by_importance
from bri_bayes.inference.mixture import NormalMixtures
from bri_bayes.study.model_card import Effects, ModelCard

# Points whose matrices are held at once.
_TOGETHER = 250


@dataclass(frozen=True, eq=False)
class Regions:
    """The outcome by region: ``n`` (M,) units, ``treated`` (M,), ``shocked`` (M,) whether it has a shock.

    ``average`` (T, M) : sqrt(n) times the averages; ``scatter`` : never-treated, then treated units, each the sum of
    products of the contrasts (T, T) and their number.
    """

    n: Array
    treated: Mask
    shocked: Mask
    average: Array
    scatter: tuple[tuple[Array, int], tuple[Array, int]]


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
    def effect(self) -> Effect:
        """In five numbers."""
        return self.mixture.effects()[0]

    @property
    def log_marginal(self) -> float:
        """Two cards on the same rows differ by their log Bayes factor."""
        return self.points.log_normaliser

    def log_normal(self, name: str) -> tuple[float, float]:
        """Median and sd of the logarithm of the log-normal with the first two moments of the log of a scale."""
        logs, weights = np.log(self.hyper[name]), self.points.weights
        mean = float(weights @ logs)
        return float(np.exp(mean)), float(np.sqrt(weights @ (logs - mean) ** 2))

    def middle(self, name: str) -> Middle:
        """Median and interval of a hyperparameter."""
        order = np.argsort(self.hyper[name])
        share = np.cumsum(self.points.weights[order])
        at = [int(np.searchsorted(share, p)) for p in (0.5, *TAILS)]
        return Middle(*(float(self.hyper[name][order[min(i, order.size - 1)]]) for i in at))


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


def wide_posterior(design: Design, card: ModelCard, seed: int, near: Weighted | None = None) -> WidePosterior:
    """The posterior under a card that ``covers_wide``; as ``inference.att`` but for its cost."""
    model, rng = WidePool.build(design, card), np.random.default_rng(seed)
    points = sample_by_importance(model.log_posterior, model.space.start(), card.sampler.proposals, rng, near)
    _, means, sds = model.given(points.vectors)
    scale = design.attrs["y_scale"]
    mixture = NormalMixtures(points.weights[None, :], means[None, :] * scale, sds * scale)
    return WidePosterior(points, model.space.values(points.vectors), mixture)


@dataclass(frozen=True, eq=False)
class WidePool:
    """The model of a card on a balanced design of regions: ``periods`` (T,), ``path`` and ``bends`` (T, .) columns."""

    card: ModelCard
    space: Hyperparameters
    regions: Regions
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
        average, *growth = pooled_path(times, np.full(length, 1 / length))
        path, bends = np.zeros((periods.size, 1)), np.zeros((periods.size, length - 1))
        path[after], bends[after] = average, np.hstack(growth)
        shocks = shock_process(design, card) if card.shocks.process != "none" else None
        space = hyperparameters(build_terms(design, card), card)
        return cls(card, space, _regions(design, card), periods, shocks, wide_scales(design, card), path, bends)

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
        regions, size = self.regions, self.periods.size
        levels = self._errors(hyper) + self.wide[0] ** 2
        factor = np.linalg.cholesky(levels)
        whitening = np.linalg.inv(factor)
        spread = np.zeros(levels.shape[:2])
        if self.shocks is not None:
            seen = whitening @ self.shocks.covariance(hyper) @ np.swapaxes(whitening, 1, 2)
            spread, vectors = np.linalg.eigh(0.5 * (seen + np.swapaxes(seen, 1, 2)))
            whitening = np.swapaxes(vectors, 1, 2) @ whitening
            spread = hyper[RATIO][:, None] ** 2 * spread
        log_det = 2 * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
        log_density = self._within(hyper, levels, whitening, log_det)
        # Variances (B, T, M) of the averages of all regions, in the directions in which they are independent.
        variance = 1 + spread[:, :, None] * (regions.n * regions.shocked)
        average = whitening @ regions.average
        log_density -= 0.5 * (regions.n.size * log_det + np.log(variance).sum(axis=(1, 2)))
        log_density -= 0.5 * (average**2 / variance).sum(axis=(1, 2))
        weighted, share = np.sqrt(regions.n) * average / variance, regions.n / variance
        everywhere = whitening @ period_contrasts(size)
        effects = whitening @ np.hstack([self.path, self.bends, self.path])
        ever = share[:, :, regions.treated].sum(axis=2, keepdims=True)
        crossed = np.swapaxes(everywhere, 1, 2) @ (ever * effects)
        precision, log_det_prior, functional = self._prior(hyper)
        periods = size - 1
        precision[:, :periods, :periods] += np.swapaxes(everywhere, 1, 2) @ (share.sum(2)[:, :, None] * everywhere)
        precision[:, :periods, periods:] += crossed
        precision[:, periods:, :periods] += np.swapaxes(crossed, 1, 2)
        precision[:, periods:, periods:] += np.swapaxes(effects, 1, 2) @ (ever * effects)
        moment = np.concatenate(
            [
                np.einsum("btp,bt->bp", everywhere, weighted.sum(axis=2)),
                np.einsum("btp,bt->bp", effects, weighted[:, :, regions.treated].sum(axis=2)),
            ],
            axis=1,
        )
        solved = np.linalg.solve(precision, np.stack([moment, functional], axis=2))
        log_density += 0.5 * ((moment * solved[:, :, 0]).sum(axis=1) - np.linalg.slogdet(precision)[1] - log_det_prior)
        rows = size * float(regions.n.sum())
        sd = np.sqrt((functional * solved[:, :, 1]).sum(axis=1))
        return log_density - 0.5 * rows * np.log(2 * np.pi), (functional * solved[:, :, 0]).sum(axis=1), sd

    def _errors(self, hyper: dict[str, Array]) -> Array:
        zero = np.zeros(hyper["sigma"].size)
        rho, noise = hyper.get("rho", zero), hyper.get("noise", zero)
        return process_covariance(self.card.errors.structure, hyper["sigma"], self.periods, rho, noise)

    def _within(self, hyper: dict[str, Array], levels: Array, whitening: Array, log_det: Array) -> Array:
        """Log density of the contrasts between units of one region but for the powers of 2 pi : (B,)."""
        (never, n_never), (ever, n_ever) = self.regions.scatter
        inverse = np.swapaxes(whitening, 1, 2) @ whitening
        total = n_never * log_det + np.einsum("bts,ts->b", inverse, never)
        if n_ever:
            treated = levels + hyper["omega"][:, None, None] ** 2 * np.outer(self.path, self.path)
            total += n_ever * np.linalg.slogdet(treated)[1] + np.einsum("bts,ts->b", np.linalg.inv(treated), ever)
        return np.asarray(-0.5 * total)

    def _prior(self, hyper: dict[str, Array]) -> tuple[Array, Array, Array]:
        """Prior precision (B, p, p) of what all share, log determinant of its inverse (B,), weights of the ATT (B, p).

        Period effects, the average of the path, its bends, and the average of the treated units' deviations.
        """
        n_treated = float(self.regions.n[self.regions.treated].sum())
        ones = np.ones(hyper["sigma"].size)
        scales = [self.wide[1] * ones] * (self.periods.size - 1)
        bends = [hyper[GROWTH], *[hyper["eta"]] * (self.bends.shape[1] - 1)] if self.bends.size else []
        scales += [self.card.priors.effect * ones, *bends]
        sd = np.stack([*scales, hyper["omega"] / np.sqrt(n_treated)], axis=1)
        precision = np.zeros((*sd.shape, sd.shape[1]))
        diagonal = np.arange(sd.shape[1])
        precision[:, diagonal, diagonal] = sd**-2.0
        functional = np.zeros(sd.shape)
        functional[:, [self.periods.size - 1, -1]] = 1.0
        return precision, 2 * np.log(sd).sum(axis=1), functional


def _regions(design: Design, card: ModelCard) -> Regions:
    """The regions of a design; a unit of no region is one of its own that has no shock."""
    n_units, size = design.sizes[UNIT], design.sizes[PERIOD]
    y = (design["y"].to_numpy().reshape(n_units, size) - design.attrs["y_center"]) / design.attrs["y_scale"]
    treated, group = np.isfinite(design["first_treated"].to_numpy()), design["group_ix"].to_numpy()
    label = np.where(group < 0, design.sizes[GROUP] + np.arange(n_units), group)
    _, first, region, n = np.unique(label, return_index=True, return_inverse=True, return_counts=True)
    average = np.stack([y[region == at].mean(axis=0) for at in range(n.size)], axis=1)
    around = y - average.T[region]
    scatter = [(around[some].T @ around[some], int((n - 1)[treated[first] == ever].sum()))
               for ever, some in ((False, ~treated), (True, treated))]  # fmt: skip
    shocked = (group[first] >= 0) & (card.shocks.process != "none")
    return Regions(n.astype(float), treated[first], shocked, np.sqrt(n) * average, (scatter[0], scatter[1]))
