"""What do the cards say of thousands of balanced panels? The closed form where units of one side are exchangeable.

On a balanced panel with one onset and one error scale, contrasts between units within the treated, within the controls
and of the two averages are independent given the hyperparameters. So the likelihood of a panel of 9 x 21 cells needs
three matrices of the size of a unit's series,

    difference of averages   R (1/n_1 + 1/n_0 + psi^2) + P V P' + omega^2 / n_1 p p'
    within the treated       R + omega^2 p p'            within the controls   R

with R the covariance of a unit's errors, V that of the effect's path P, p one from the onset on, psi the sd of the
treated units' shock against an error. Levels of units and periods are taken out (flat priors), and the prior of the
average effect multiplies what a flat one gives. Common points of the
hyperparameters, relative to sigma, serve all panels; sigma is integrated by quadrature at each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pandas as pd
from scipy.special import ndtr

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.effect import TAILS
from bri_bayes.core.names import ErrorScale
from bri_bayes.design.effect_paths import growth_sd, pooled_path
from bri_bayes.design.error_process import process_covariance
from bri_bayes.design.linear_terms import period_contrasts
from bri_bayes.evaluation.scenarios import ONSET, PERIODS, TREATED, UNITS
from bri_bayes.study.model_card import ModelCard

_POINTS, _NODES, _HALVINGS = 2**13, 5, 11
# Panels side by side: what fits in memory with some thousand points that count.
_TOGETHER = 50
# The ends of the points: of 1 - rho, and of a scale in units of sigma; below the lower one a scale is zero.
_RHO, _SCALE = (0.002, 1.3), (0.01, 20.0)
# A prior sd of the average in units of sigma that is flat, and the share of the weight that is left out.
_FLAT, _NEGLIGIBLE = 50.0, 1e-5
_CONTROLS = UNITS - TREATED
_DEGREES = (PERIODS - 1) * (UNITS - 1)


@cache
def balanced(card: ModelCard) -> Balanced:
    """The points of a card, made once."""
    return Balanced(card)


def covers_balanced(card: ModelCard, scale: ErrorScale = "common") -> bool:
    """Whether ``Balanced``, or with a scale "by_unit" ``BalancedScales``, knows the card.

    AR(1) errors, without noise where units have scales; shocks like errors, or none; a path of effects, no more terms.
    """
    plain = ModelCard(
        name=card.name, title=card.title, outcome=card.outcome, errors=card.errors, shocks=card.shocks,
        priors=card.priors, sampler=card.sampler, references=card.references,
    )  # fmt: skip
    structures = ("ar1", "ar1_noise") if scale == "common" else ("ar1",)
    known = card.errors.structure in structures and card.errors.scale == scale
    return known and card.shocks.process in ("none", "like_errors") and plain == card


@dataclass(frozen=True, eq=False)
class Balanced:
    """A card of AR(1) errors, with or without noise and shocks like errors, on the balanced panels of ``scenarios``."""

    card: ModelCard
    seed: int = 0

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The hyperparameters but sigma."""
        noise = ("noise",) if self.card.errors.structure == "ar1_noise" else ()
        shock = ("shock",) if self.card.shocks.process == "like_errors" else ()
        return ("rho", "omega", "eta", *noise, *shock)

    def posterior(self, outcomes: Array) -> pd.DataFrame:
        """A row a panel (panel, unit, period): mean, sd, lower and upper end of the ATT's 95% interval, and the ess."""
        blocks = [self._block(outcomes[first : first + _TOGETHER]) for first in range(0, len(outcomes), _TOGETHER)]
        return pd.concat(blocks, ignore_index=True)

    def _block(self, outcomes: Array) -> pd.DataFrame:
        series = np.asarray(outcomes) @ period_contrasts(PERIODS)
        treated, controls = series[:, :TREATED], series[:, TREATED:]
        difference = treated.mean(axis=1) - controls.mean(axis=1)
        within = [period_contrasts(TREATED).T @ treated, period_contrasts(_CONTROLS).T @ controls]
        squares = (difference**2).sum(axis=1) / (1 / TREATED + 1 / _CONTROLS)
        scale = np.sqrt((squares + sum((part**2).sum(axis=(1, 2)) for part in within)) / _DEGREES)
        difference = difference / scale[:, None]
        products = [difference[:, :, None] * difference[:, None, :]]
        products += [np.swapaxes(part, 1, 2) @ part / scale[:, None, None] ** 2 for part in within]
        form = sum(
            inverse.reshape(len(inverse), -1) @ product.reshape(len(product), -1).T
            for inverse, product in zip(self._model.inverses, products, strict=True)
        )
        return self._mixture(np.asarray(form), self._model.weights @ difference.T, scale)

    def _mixture(self, form: Array, means: Array, scale: Array) -> pd.DataFrame:
        """From quadratic forms and conditional means (point, panel), at sigma = 1, the posterior of each panel."""
        log_sigma = 0.5 * np.log(form / _DEGREES)
        central = self._log_weight(form, log_sigma, means)
        share = np.exp(central - central.max(axis=0))
        share /= share.sum(axis=0)
        kept = np.flatnonzero(share.mean(axis=1) + share.max(axis=1) / 50 > _NEGLIGIBLE)
        nodes, quadrature = np.polynomial.hermite_e.hermegauss(_NODES)
        step = 1 / np.sqrt(2 * _DEGREES)
        at = log_sigma[None, kept] + step * nodes[:, None, None]
        log_weight = np.stack([self._log_weight(form[kept], place, means[kept], kept) for place in at])
        log_weight += (0.5 * nodes**2 + np.log(quadrature))[:, None, None]
        weight = np.exp(log_weight - log_weight.max(axis=(0, 1)))
        weight /= weight.sum(axis=(0, 1))
        variance, prior = self._variances(np.exp(at), kept)
        center = means[None, kept] * prior / (variance + prior)
        sd = np.sqrt(variance * prior / (variance + prior))
        mean = (weight * center).sum(axis=(0, 1))
        total = np.sqrt((weight * (sd**2 + center**2)).sum(axis=(0, 1)) - mean**2)
        ends = []
        for probability, side in zip(TAILS, (-1, 0), strict=True):
            low, high = mean + 5 * side * total, mean + 5 * (side + 1) * total
            for _ in range(_HALVINGS):
                middle = 0.5 * (low + high)
                below = (weight * ndtr((middle - center) / sd)).sum(axis=(0, 1)) < probability
                low, high = np.where(below, middle, low), np.where(below, high, middle)
            ends.append(0.5 * (low + high))
        ess = 1 / (weight.sum(axis=0) ** 2).sum(axis=0)
        columns = {"mean": mean, "sd": total, "lower": ends[0], "upper": ends[1]}
        return pd.DataFrame({**{name: value * scale for name, value in columns.items()}, "ess": ess})

    def _variances(self, sigma: Array, some: Index | slice) -> tuple[Array, Array]:
        """Of the ATT given h under a flat prior, and a priori: (..., point, panel)."""
        unit_variance = (self._points["omega"][some, None] * sigma) ** 2 / TREATED
        return self._model.variance[some, None] * sigma**2, self.card.priors.effect**2 + unit_variance

    def _log_weight(self, form: Array, log_sigma: Array, means: Array, kept: Index | None = None) -> Array:
        """log p(y, h) over the density of the points, at sigma (point, panel), in terms of log sigma."""
        some: Index | slice = slice(None) if kept is None else kept
        priors, sigma = self.card.priors, np.exp(log_sigma)
        log_weight = self._model.constant[some, None] - _DEGREES * log_sigma - 0.5 * form / sigma**2
        log_weight = log_weight - 2 * np.log1p((sigma / priors.sigma) ** 2 / 3) + log_sigma
        variance, prior = self._variances(sigma, some)
        log_weight = log_weight - 0.5 * (np.log(variance + prior) + means**2 / (variance + prior))
        scales = {"omega": priors.effect_unit, "eta": priors.effect_step, "noise": priors.noise}
        for name, values in self._points.items():
            relative = values[some, None]
            if name in scales:  # half-normal on the standardised scale
                log_weight = log_weight - 0.5 * (relative * sigma / scales[name]) ** 2 + log_sigma
            elif name == "shock":
                assert not isinstance(priors.shock, tuple), "a half-normal prior"
                log_weight = log_weight - 0.5 * (relative / priors.shock) ** 2
            elif name == "rho":
                a, b = priors.rho
                log_weight = log_weight + (a - 1) * np.log1p(relative) + (b - 1) * np.log1p(-relative)
        return np.asarray(log_weight)

    @cached_property
    def _points(self) -> dict[str, Array]:
        from scipy.stats import qmc

        uniform = qmc.Sobol(len(self.names), seed=self.seed).random(_POINTS)
        points = {}
        for name, column in zip(self.names, uniform.T, strict=True):
            low, high = np.log(_RHO if name == "rho" else _SCALE)
            value = np.exp(low + column * (high - low))
            points[name] = 1 - value if name == "rho" else value
        return points

    @cached_property
    def _model(self) -> _Model:
        points, ones = self._points, np.ones(_POINTS)
        zero = np.zeros(_POINTS)
        years = np.arange(PERIODS, dtype=float)
        structure = self.card.errors.structure
        error = process_covariance(structure, ones, years, points["rho"], points.get("noise", zero))
        after = (years >= ONSET).astype(float)
        length = PERIODS - ONSET
        average, growth, changes = pooled_path(np.arange(length), np.full(length, 1 / length))
        start = growth_sd(points["eta"], ones, self.card.priors.effect_growth)
        path = _FLAT**2 * average @ average.T + (start**2)[:, None, None] * (growth @ growth.T)
        path = path + (points["eta"] ** 2)[:, None, None] * (changes @ changes.T)
        unit_variance = (points["omega"] ** 2)[:, None, None] * np.outer(after, after)
        effect = unit_variance / TREATED
        effect[:, ONSET:, ONSET:] += path
        share = 1 / TREATED + 1 / _CONTROLS + points.get("shock", zero) ** 2
        contrasts = period_contrasts(PERIODS)
        inside = [share[:, None, None] * error + effect, error + unit_variance, error]
        covariances = [contrasts.T @ matrix @ contrasts for matrix in inside]
        inverses = [np.linalg.inv(matrix) for matrix in covariances]
        counts = (1, TREATED - 1, _CONTROLS - 1)
        log_det = sum(n * np.linalg.slogdet(m)[1] for n, m in zip(counts, covariances, strict=True))
        with_att = effect[:, :, ONSET:].mean(axis=2) @ contrasts
        weights = np.einsum("bts,bs->bt", inverses[0], with_att)
        variance = effect[:, ONSET:, ONSET:].mean(axis=(1, 2)) - (weights * with_att).sum(axis=1)
        spacing = sum(np.log(1 - value if name == "rho" else value) for name, value in points.items())
        return _Model(inverses, np.asarray(spacing - 0.5 * log_det), weights, variance)


@dataclass(frozen=True, eq=False)
class _Model:
    """At the points, sigma = 1: inverse covariances (point, T - 1, T - 1) of the three kinds of contrasts, constant of
    the log density over that of the points, and what gives mean (point, T - 1) and variance (point,) of the ATT."""

    inverses: list[Array]
    constant: Array
    weights: Array
    variance: Array
