"""The few parameters that stay outside the closed form: their priors and their unconstrained scale.

A weakly learned scale has a posterior that ends at zero, and an autocorrelation one that ends at one. On a log or
logit scale these ends are exponential tails, which importance sampling covers badly. So such a parameter is
written as a quantile: x ~ N(0, 1) a priori, and the parameter is its prior's quantile function at Phi(x); the ends
become Gaussian tails. sigma is well identified and stays on the log scale. Beside noise it is not: the data know the
scale of both together. Then sigma = s cos(angle), noise = s sin(angle), with log s and the normal quantile of
angle / (pi / 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import lgamma, log, pi

import numpy as np
from scipy.special import betaincinv, log_ndtr, ndtr, ndtri

from bri_bayes.core.arrays import Array
from bri_bayes.design.effect_paths import growth_sd
from bri_bayes.design.linear_terms import GROWTH, Terms
from bri_bayes.study.model_card import ModelCard

# rho is kept this far from -1 and 1, where the stationary variance ends.
_RHO_MARGIN = 1e-10
# A scale this small against its prior is zero, and its precision still finite.
_SMALLEST_SCALE = 1e-8
# Beyond this tail of its prior a scale stays finite.
_FARTHEST = 1e-300
# Logs of scales are cut here, so that squares of scales and of their inverses are neither zero nor infinite.
_LARGEST_LOG = 40.0
# A design that fits every row has no error left; the cross-products keep enough digits down to this share of the scale.
_SMALLEST_SIGMA = 1e-4
# Where the search for the mode begins, unconstrained: errors of 0.6 sds with some memory, half of a control's exposure,
# and scales a little below the middle of their prior.
_START, _START_SCALE = {"sigma": log(0.6), "rho": 0.5, "kappa": 0.0}, -0.3
NOISE = "noise"
# The half-normal scales and the prior of the card that each has. A term with a new scale adds it here.
PRIOR_OF = {
    "omega": "effect_unit",
    "eta": "effect_step",
    "omega_modifier": "modifier_unit",
    "sigma_period": "period_spread",
    "trend_step": "trend_step",
    NOISE: "noise",
    "shock_ratio": "shock",
}
# Autocorrelations r with (r + 1) / 2 ~ Beta, and the two shapes in the card.
AUTOCORRELATIONS = {"rho": "rho", "shock_rho": "shock_rho"}
# Hyperparameters of each error structure beside its scale.
OF_ERRORS: dict[str, tuple[str, ...]] = {"iid": (), "ar1": ("rho",), "ar1_noise": ("rho", "noise"), "random_walk": ()}


@dataclass(frozen=True)
class Hyperparameters:
    """Names and order of the hyperparameters of a card: ``names`` of scalars, then log sigma of each unit if any.

    Unconstrained vectors are (draws, dimension): log for sigma, normal quantile for the rest.
    """

    card: ModelCard
    names: tuple[str, ...]
    n_units: int

    @property
    def dimension(self) -> int:
        """Length of the unconstrained vector."""
        return len(self.names) + self.n_units

    def start(self) -> Array:
        """Where the search for the mode begins: (dimension,)."""
        return np.array([_START.get(name, _START_SCALE) for name in self.names] + [_START["sigma"]] * self.n_units)

    def values(self, vectors: Array) -> dict[str, Array]:
        """Natural scale: each (draws,), and "sigma_unit" (draws, units) when the error scale differs by unit.

        And "growth", the sd of the effect's growth at the onset, which follows from eta and sigma: ``reported`` leaves
        it out.
        """
        named = {name: self._value(name, vectors[:, i]) for i, name in enumerate(self.names)}
        scales = _exp(vectors[:, len(self.names) :])
        if NOISE in named:
            angle = self._angle(vectors)
            named[NOISE] = np.maximum(named["sigma"] * np.sin(angle), _SMALLEST_SIGMA)
            named["sigma"] = np.maximum(named["sigma"] * np.cos(angle), _SMALLEST_SIGMA)
            scales = scales * np.cos(angle)[:, None]
        if self.n_units:
            named["sigma_unit"] = np.maximum(scales, _SMALLEST_SIGMA)
        if "eta" in named:
            named[GROWTH] = growth_sd(named["eta"], named["sigma"], self.card.priors.effect_growth)
        return named

    def vectors(self, sigma: Array, noise: Array) -> tuple[Array, Array]:
        """The unconstrained columns of sigma and noise, both (draws,)."""
        angle = np.arctan2(noise, sigma)
        return np.log(np.hypot(sigma, noise)), ndtri(np.clip(angle / (pi / 2), 1e-12, 1 - 1e-12))

    def _angle(self, vectors: Array) -> Array:
        return np.asarray((pi / 2) * ndtr(vectors[:, self.names.index(NOISE)]))

    def log_prior(self, vectors: Array) -> Array:
        """Log prior density on the unconstrained scale, Jacobian included: (draws,)."""
        total = np.zeros(len(vectors))
        for i, name in enumerate(self.names):
            x = vectors[:, i]
            if name == "sigma" and NOISE in self.names:
                angle, scale = self._angle(vectors), self.card.priors.noise
                total += _log_half_t3(_exp(x) * np.cos(angle), self.card.priors.sigma) + 2 * x
                total += _log_normal(_exp(x) * np.sin(angle) / scale) + log(2 / scale) + log(pi / 2)
            elif name == "sigma":
                total += _log_half_t3(_exp(x), self.card.priors.sigma) + x
            elif name in AUTOCORRELATIONS:
                a, b = getattr(self.card.priors, AUTOCORRELATIONS[name])
                norm = lgamma(a + b) - lgamma(a) - lgamma(b)
                total += norm + (a - 1) * log_ndtr(x) + (b - 1) * log_ndtr(-x) + _log_normal(x)
            else:
                total += _log_normal(x)
        if self.n_units:
            spread = self.card.priors.sigma_spread
            center = vectors[:, [self.names.index("sigma")]]
            total += (_log_normal((vectors[:, len(self.names) :] - center) / spread) - log(spread)).sum(axis=1)
        return total

    def log_prior_sigma(self, sigma: Array) -> Array:
        """Log prior density of the common error scale on its natural scale, the standardised one : (draws,)."""
        return _log_half_t3(sigma, self.card.priors.sigma)

    def log_density(self, values: Mapping[str, Array]) -> Array:
        """Log prior density of natural values, up to a constant that no prior scale enters : (draws,).

        The share of exposure is left out: its prior stands in no ``Priors``.
        """
        priors, total = self.card.priors, np.zeros(len(values["sigma"]))
        for name in self.names:
            value = values[name]
            if name == "sigma":
                total += self.log_prior_sigma(value)
            elif name in AUTOCORRELATIONS:
                a, b = getattr(priors, AUTOCORRELATIONS[name])
                total += lgamma(a + b) - lgamma(a) - lgamma(b)
                total += (a - 1) * np.log((1 + value) / 2) + (b - 1) * np.log((1 - value) / 2)
            elif name in PRIOR_OF:
                prior = getattr(priors, PRIOR_OF[name])
                log_normal = isinstance(prior, tuple)
                score = np.log(value / prior[0]) / prior[1] if log_normal else value / prior
                total += -0.5 * score**2 - log(prior[1] if log_normal else prior)
        if "sigma_unit" in values:
            spread = priors.sigma_spread
            ratio = np.log(values["sigma_unit"] / values["sigma"][:, None]) / spread
            total += (-0.5 * ratio**2 - log(spread)).sum(axis=1)
        return total

    def _value(self, name: str, x: Array) -> Array:
        if name == "sigma":
            return np.asarray(np.maximum(_exp(x), _SMALLEST_SIGMA))
        if name in AUTOCORRELATIONS:
            return np.asarray(np.clip(2 * ndtr(x) - 1, -1 + _RHO_MARGIN, 1 - _RHO_MARGIN))
        if name == NOISE:  # with sigma, in ``values``
            return x
        if name == "kappa":
            assert self.card.contamination is not None, "only a contaminated card has kappa"
            return np.asarray(betaincinv(*self.card.contamination.prior, ndtr(x)))
        prior = getattr(self.card.priors, PRIOR_OF[name])
        if isinstance(prior, tuple):  # log-normal: its median and the sd of the logarithm
            return np.asarray(prior[0] * _exp(prior[1] * x))
        scale = float(prior)
        return np.asarray(np.maximum(-scale * ndtri(0.5 * np.maximum(ndtr(-x), _FARTHEST)), _SMALLEST_SCALE * scale))


def reported[Value](values: Mapping[str, Value]) -> dict[str, Value]:
    """What has a prior of its own, of the values by name: not the scale that follows from others."""
    return {name: value for name, value in values.items() if name != GROWTH}


def hyperparameters(terms: Terms, card: ModelCard) -> Hyperparameters:
    """The hyperparameters that ``terms`` and the errors of ``card`` need."""
    used = {block.scale for block in terms.blocks if isinstance(block.scale, str)}
    if GROWTH in used:
        used = used - {GROWTH} | {"eta"}
    used |= {"kappa" for block in terms.blocks if block.exposed is not None}
    used |= {name for block in terms.blocks if block.dependence is not None for name in block.dependence.names}
    names = ("sigma", *OF_ERRORS[card.errors.structure], *sorted(used))
    return Hyperparameters(card, names, terms.n_units if card.errors.scale == "by_unit" else 0)


def _exp(x: Array) -> Array:
    return np.asarray(np.exp(np.clip(x, -_LARGEST_LOG, _LARGEST_LOG)))


def _log_normal(x: Array) -> Array:
    return np.asarray(-0.5 * (x**2 + log(2 * pi)))


def _log_half_t3(x: Array, scale: float) -> Array:
    norm = log(2) + lgamma(2) - lgamma(1.5) - 0.5 * log(3 * pi) - log(scale)
    return np.asarray(norm - 2 * np.log1p((x / scale) ** 2 / 3))
