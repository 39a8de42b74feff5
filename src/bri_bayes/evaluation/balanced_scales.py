"""What does a card with an error scale a unit say of a balanced panel? The closed form where time and units part.

With AR(1) errors e_it of sd sigma_i, one onset and no gaps, the covariance of a panel is that of the units times that
of time. In the metric of the inverse of the latter, levels taken out, time splits into the direction of a step at the
onset (p) and the rest. Given the hyperparameters, with w_i = 1 / sigma_i^2, S_1 and S_0 their sums over treated and
controls, d the difference of the two weighted averages, f the bends of the effect's path B, psi the treated's shock,

    in the rest    d = B f + e,  e ~ N(0, s),  s = 1/S_1 + 1/S_0 + psi^2 sigma^2,  f ~ N(0, eta^2)
    along p        treated unit i = g + |p| (a + u_i) + e_i,   u_i ~ N(0, omega^2),  a ~ N(0, effect^2),
                   g = the controls' average + the bends' part along p + the shock

and what is left within each side is noise. The ATT is a plus the average of u_i. Levels of units and periods have flat
priors. Points: nodes of log(1 - rho), a quasi-random set of the scales at each; those of the units lie around what
the residuals of each unit say at that rho, and are then placed once more by what a few points say.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pandas as pd
from scipy.special import chdtri, ndtri

from bri_bayes.core.arrays import Array
from bri_bayes.design.effect_paths import START_OF_GROWTH, pooled_path
from bri_bayes.evaluation.bends import Bends
from bri_bayes.evaluation.scenarios import ONSET, PERIODS, TREATED, UNITS
from bri_bayes.inference.mixture import NormalMixtures
from bri_bayes.study.model_card import ModelCard

# Values of rho, and points of the other hyperparameters at each: first few, then many.
_NODES, _FEW, _POINTS = 48, 64, 192
# An effective number of points below which they are placed anew, and how often.
_LEAST, _AGAIN = 60.0, 3
# The ends of 1 - rho, and of omega, eta and psi: below the lower one a scale is zero.
_RHO, _SCALE = (0.002, 1.3), (0.005, 4.0)
# The proposal of log sigma_i: wider than its normal approximation, with the tails of a t; rounds that find its centre.
_WIDER, _DF, _ROUNDS = 1.15, 8.0, 4
_CONTROLS, _REST = UNITS - TREATED, PERIODS - 2


@cache
def balanced_scales(card: ModelCard) -> BalancedScales:
    """The points of a card, made once."""
    return BalancedScales(card)


@dataclass(frozen=True, eq=False)
class BalancedScales:
    """A card of AR(1) errors with a scale a unit, with or without shocks like errors, on panels of ``scenarios``."""

    card: ModelCard
    seed: int = 0

    def posterior(self, outcomes: Array) -> pd.DataFrame:
        """A row a panel (panel, unit, period): mean, sd, lower and upper end of the ATT's 95% interval, and the ess."""
        return pd.DataFrame([self._posterior(panel) for panel in np.asarray(outcomes, dtype=float)])

    def _posterior(self, panel: Array) -> dict[str, float]:
        moved = panel - panel.mean(axis=1, keepdims=True)
        residual = moved - moved.mean(axis=0)
        scale = float(np.sqrt((residual**2).sum() / ((UNITS - 1) * (PERIODS - 1))))
        time = self._time
        products = np.stack([moved @ part @ np.vstack([moved, time.columns]).T for part in time.parts]) / scale
        crossed = np.tensordot(time.powers, products, axes=1)  # (node, unit, unit and column)
        series, others = crossed[:, :, :UNITS] / scale, crossed[:, :, UNITS:]
        level, others = others[:, :, :1], others[:, :, 1:]
        series = series - level * np.swapaxes(level, 1, 2) / time.level[:, None, None]
        others = others - level * time.of_level[:, None, :] / time.level[:, None, None]
        along = others[:, :, 0] / time.length[:, None]
        rest = series - along[:, :, None] * along[:, None, :]
        bends = (others[:, :, 1:] - along[:, :, None] * time.bends_along[:, None, :]) @ time.rotation
        center, sd = _center(rest, self.card.priors.sigma_spread)
        drawn = self._few
        log_weight, mean, variance = self._given(time, drawn, rest, bends, along, center, sd)
        for _ in range(_AGAIN):
            weights = _normalised(log_weight)
            if drawn is self._many and _effective(weights) > _LEAST:
                break
            center = center + sd * (weights[..., None] * drawn["unit"]).sum(axis=(0, 1))
            drawn = self._many
            log_weight, mean, variance = self._given(time, drawn, rest, bends, along, center, sd)
        weights = _normalised(log_weight).ravel()
        mixture = NormalMixtures(weights[None], mean.reshape(1, -1) * scale, np.sqrt(variance).ravel() * scale)
        effect = mixture.effects()[0]
        ends = {"mean": effect.mean, "sd": effect.sd, "lower": effect.lower, "upper": effect.upper}
        return {**ends, "ess": _effective(weights)}

    def _given(
        self, time: _Time, drawn: dict[str, Array], rest: Array, bends: Array, along: Array, center: Array, sd: Array
    ) -> tuple[Array, Array, Array]:
        """From products of the units' series (node, unit, ...): log weight, mean and variance of the ATT at the points.

        ``rest`` of the part that is not along p with itself, ``bends`` with the bends, ``along`` : that along p;
        ``center``, ``sd`` : where log sigma_i is proposed.
        """
        omega, eta, psi = (drawn[name] for name in ("omega", "eta", "psi"))
        sigma_unit, sigma, log_weight = self._scales(time, drawn, center, sd)
        variance = sigma_unit**2
        precision = 1 / variance
        sums = precision[..., :TREATED].sum(-1), precision[..., TREATED:].sum(-1)
        treated, controls = precision[..., :TREATED] / sums[0][..., None], precision[..., TREATED:] / sums[1][..., None]
        shock = (psi * sigma) ** 2
        spread = 1 / sums[0] + 1 / sums[1] + shock
        contrast = np.concatenate([treated, -controls], axis=-1)
        squares = [
            ((weights @ rest[:, some, some]) * weights).sum(-1)
            for weights, some in ((treated, slice(TREATED)), (controls, slice(TREATED, None)))
        ]
        difference = ((contrast @ rest) * contrast).sum(-1)
        within = (precision * np.diagonal(rest, axis1=1, axis2=2)[:, None]).sum(-1)
        within = within - sums[0] * squares[0] - sums[1] * squares[1]
        log_scales = np.log(variance)
        log_weight -= 0.5 * _REST * (log_scales.sum(-1) + np.log(sums[0] * sums[1] * spread))
        ratio = time.eigenvalues[:, None] / spread[..., None]
        seen = (contrast @ bends) / spread[..., None]
        posterior = Bends.given(time.rotation, eta, self.card.priors.effect_growth * sigma / START_OF_GROWTH, ratio)
        bend = posterior.times(seen)
        log_weight += posterior.log_ratio
        log_weight -= 0.5 * (within + difference / spread - (bend * seen).sum(-1))
        # Along p: the treated units around their weighted average, the controls around theirs, and the two averages.
        length, bends_along = time.length[:, None], (time.bends_along[:, None, :] @ time.rotation)
        changed = variance[..., :TREATED] + (omega * length)[..., None] ** 2
        changed_sum = (1 / changed).sum(-1)
        at_treated, at_controls = along[:, None, :TREATED], along[:, None, TREATED:]
        middle = (at_treated / changed).sum(-1) / changed_sum
        expected = (controls * at_controls).sum(-1)
        log_weight -= 0.5 * (
            np.log(changed).sum(-1) + log_scales[..., TREATED:].sum(-1) + np.log(changed_sum * sums[1])
            + ((at_treated - middle[..., None]) ** 2 / changed).sum(-1)
            + (precision[..., TREATED:] * (at_controls - expected[..., None]) ** 2).sum(-1)
        )  # fmt: skip
        expected = expected + (bends_along * bend).sum(-1)
        common = 1 / sums[1] + shock + (bends_along * posterior.times(bends_along)).sum(-1)
        prior = self.card.priors.effect**2
        total = prior * length**2 + common + 1 / changed_sum
        surprise = middle - expected
        log_weight -= 0.5 * (np.log(total) + surprise**2 / total)
        # The ATT is a + the average of u_i; u_i is a share of what unit i has beyond g + |p| a, and noise.
        share = 1 - variance[..., :TREATED] / changed
        mean_share = share.mean(-1)
        of_average, of_common = 1 - mean_share, -mean_share / length
        average, base = prior * length * surprise / total, expected + common * surprise / total
        mean = of_average * average + of_common * base + (share * at_treated).mean(-1) / length
        between = (length * prior * of_average + common * of_common) ** 2 / total
        unit_noise = (omega[..., None] ** 2 * variance[..., :TREATED] / changed).sum(-1) / TREATED**2
        return log_weight, mean, of_average**2 * prior + of_common**2 * common - between + unit_noise

    def _scales(self, time: _Time, drawn: dict[str, Array], center: Array, sd: Array) -> tuple[Array, Array, Array]:
        """sigma_i (node, point, unit), sigma (node, point), and the log of priors and Jacobians over the proposals."""
        priors = self.card.priors
        log_unit = center[:, None] + sd[:, None] * drawn["unit"]
        log_sigma = log_unit.mean(-1) + priors.sigma_spread / np.sqrt(UNITS) * drawn["sigma"]
        log_weight = drawn["constant"] + time.constant[:, None] + np.log(sd).sum(-1)[:, None]
        log_weight = log_weight - 0.5 * ((log_unit - log_sigma[..., None]) ** 2).sum(-1) / priors.sigma_spread**2
        log_weight += 0.5 * drawn["sigma"] ** 2 + log_sigma
        log_weight -= 2 * np.log1p(np.exp(2 * log_sigma) / (3 * priors.sigma**2))
        return np.exp(log_unit), np.exp(log_sigma), log_weight

    @cached_property
    def _few(self) -> dict[str, Array]:
        return self._drawn(_FEW)

    @cached_property
    def _many(self) -> dict[str, Array]:
        return self._drawn(_POINTS)

    def _drawn(self, points: int) -> dict[str, Array]:
        """What does not depend on the panel : (node, point), of the units (node, point, unit)."""
        from scipy.stats import qmc

        shape = _NODES, points
        size = 1 << (_NODES * points - 1).bit_length()
        uniform = qmc.Sobol(UNITS + 5, seed=self.seed).random(size)[: _NODES * points].reshape(*shape, -1)
        uniform = np.clip(uniform, 1e-9, 1 - 1e-9)
        z = ndtri(uniform[..., : UNITS + 1])
        unit = z[..., :UNITS] * np.sqrt(_DF / chdtri(_DF, uniform[..., UNITS + 1]))[..., None] * _WIDER
        # Minus the log density of the proposals: of a multivariate t, and of what is uniform in its logarithm.
        constant = 0.5 * (_DF + UNITS) * np.log1p((unit**2).sum(-1) / (_WIDER**2 * _DF))
        drawn = {"unit": unit, "sigma": z[..., UNITS]}
        priors, low, high = self.card.priors, *np.log(_SCALE)
        scales = {"omega": priors.effect_unit, "eta": priors.effect_step, "psi": priors.shock}
        for place, (name, prior) in enumerate(scales.items(), start=UNITS + 2):
            log_scale = low + uniform[..., place] * (high - low)
            if name == "psi" and self.card.shocks.process == "none":
                drawn[name] = np.zeros(shape)
                continue
            assert not isinstance(prior, tuple), "a half-normal prior"
            drawn[name] = np.exp(log_scale)
            constant += log_scale - 0.5 * (drawn[name] / prior) ** 2
        return {**drawn, "constant": constant}

    @cached_property
    def _time(self) -> _Time:
        years = np.arange(PERIODS - ONSET)
        _, growth, changes = pooled_path(years, np.full(years.size, 1 / years.size))
        bends = np.hstack([START_OF_GROWTH * growth, changes])
        columns = np.zeros((2 + bends.shape[1], PERIODS))
        columns[0], columns[1, ONSET:], columns[2:, ONSET:] = 1.0, 1.0, bends.T
        inner = np.diag([0.0, *np.ones(PERIODS - 2), 0.0])
        parts = np.stack([np.eye(PERIODS), -np.eye(PERIODS, k=1) - np.eye(PERIODS, k=-1), inner])
        low, high = np.log(_RHO)
        away = np.exp(low + (np.arange(_NODES) + 0.5) / _NODES * (high - low))
        rho = 1 - away
        powers = rho[:, None] ** np.arange(3)
        crossed = np.tensordot(powers, columns @ parts @ columns.T, axes=1)
        level = crossed[:, 0, 0]
        crossed = crossed[:, 1:, 1:] - crossed[:, 1:, :1] * crossed[:, :1, 1:] / level[:, None, None]
        of_level = np.tensordot(powers, columns @ parts @ columns.T, axes=1)[:, 0, 1:]
        length = np.sqrt(crossed[:, 0, 0])
        bends_along = crossed[:, 0, 1:] / length[:, None]
        eigenvalues, rotation = np.linalg.eigh(crossed[:, 1:, 1:] - bends_along[:, :, None] * bends_along[:, None, :])
        a, b = self.card.priors.rho
        constant = 0.5 * (UNITS - 1) * (np.log1p(-(rho**2)) - np.log(level))
        constant += np.log(away) + (a - 1) * np.log1p(rho) + (b - 1) * np.log1p(-rho)
        return _Time(
            columns, parts, powers, level, of_level, length, bends_along, np.maximum(eigenvalues, 0), rotation, constant
        )


def _effective(weights: Array) -> float:
    """The effective number of points."""
    return float(1 / (weights**2).sum())


def _normalised(log_weight: Array) -> Array:
    weights = np.exp(log_weight - log_weight.max())
    return np.asarray(weights / weights.sum())


def _center(rest: Array, spread: float) -> tuple[Array, Array]:
    """Centre and sd (node, unit) of log sigma_i: squares of unit i around the weighted average of its side, shrunk."""
    log_scale = 0.5 * np.log(np.diagonal(rest, axis1=1, axis2=2) / _REST)
    sides = (slice(TREATED), slice(TREATED, None))
    degrees = np.empty(log_scale.shape)
    for _ in range(_ROUNDS):
        squares = np.empty(log_scale.shape)
        for side in sides:
            precision = np.exp(-2 * log_scale[:, side])
            weights = precision / precision.sum(axis=1, keepdims=True)
            some = rest[:, side, side]
            with_average = (some @ weights[..., None])[..., 0]
            average = (with_average * weights).sum(axis=1, keepdims=True)
            squares[:, side] = np.diagonal(some, axis1=1, axis2=2) - 2 * with_average + average
            degrees[:, side] = _REST * (1 - weights)
        middle = log_scale.mean(axis=1, keepdims=True)
        data = 0.5 * np.log(np.maximum(squares, 1e-12) / np.maximum(degrees, 1.0))
        information = 2 * degrees
        log_scale = (information * data + middle / spread**2) / (information + 1 / spread**2)
    return log_scale, 1 / np.sqrt(2 * degrees + 1 / spread**2)


@dataclass(frozen=True, eq=False)
class _Time:
    """At the values of rho: products of the level, p and the bends in the metric of the inverse covariance.

    ``columns`` (12, T); ``parts`` (3, T, T) : the inverse covariance is their sum with ``powers`` (node, 3) of rho;
    ``level`` (node,), ``of_level`` (node, 11) : of the level with itself and the others; ``length`` (node,) of p
    without its level; ``bends_along`` (node, 10) p; ``eigenvalues`` and ``rotation`` of the bends without p;
    ``constant`` (node,) : what of the log density and prior depends on rho alone.
    """

    columns: Array
    parts: Array
    powers: Array
    level: Array
    of_level: Array
    length: Array
    bends_along: Array
    eigenvalues: Array
    rotation: Array
    constant: Array
