"""What do the two equations of a channel say together? Draws of effect, slope and errors of both, side by side.

An equation that the closed form covers is a mixture over its weighted hyperparameters h: given h, effect and slope are
jointly normal and the errors are known. So its answers are computed, and what multiplies the two equations is averaged
over a Sobol sequence of which one coordinate chooses h, in the order of the conditional means, and others the normals:
its error falls nearly as 1 / R, that of independent draws as 1 / sqrt(R) (Owen 1998, doi:10.1006/jcom.1998.0487). An
equation that was sampled gives its draws in the place of the points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from scipy.special import ndtri

from bri_bayes.checks.slopes import flat
from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Value
from bri_bayes.core.names import COVARIATE
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.effects import att
from bri_bayes.estimands.linear import att_effect, coefficient_effects
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.conditional import Coefficients
from bri_bayes.inference.convergence import ESS_LIMIT
from bri_bayes.inference.fitting import fit, is_trustworthy
from bri_bayes.inference.hyperparameters import reported
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.linear_estimands import att_weights, covariate_functional, effect_functionals
from bri_bayes.inference.marginal import is_feasible, weigh_hyperparameters
from bri_bayes.inference.mixture import NormalMixtures
from bri_bayes.inference.quasi_random import sobol

# A power of two, a whole Sobol net. Between seeds an end of the total moves by 0.006 posterior sd (measured).
DRAWS = 8192


class EquationDraws(NamedTuple):
    """(R,) each, in units of the data: average effect, slope on the channel, sd of an innovation and its rho; zero
    where the equation has no slope, or its errors no rho."""

    effect: Array
    slope: Array
    sd: Array
    rho: Array


class Equation(Protocol):
    """The posterior of one equation."""

    @property
    def effect(self) -> Effect:
        """The average over treated cells."""

    @property
    def slope(self) -> Effect | None:
        """Of the outcome on the channel, where it has one."""

    @property
    def diagnostics(self) -> Mapping[str, Value]:
        """Of its computation."""

    @property
    def trustworthy(self) -> bool:
        """Whether they pass."""

    def draws(self, uniform: Array) -> EquationDraws:
        """Draws by uniform numbers (R, 3)."""


@dataclass(frozen=True, eq=False)
class PathDraws:
    """Both equations, (R,) each: alpha, beta and direct effect, the sds of the two innovations, and h, the share of the
    channel's filtered error that is new."""

    alpha: Array
    beta: Array
    direct: Array
    channel_sd: Array
    outcome_sd: Array
    new_share: Array


def path_draws(channel: Equation, outcome: Equation, seed: int) -> PathDraws:
    """The independent posteriors of both equations side by side."""
    uniform = sobol(DRAWS, 5, np.random.default_rng([seed, 11]))
    first, second = channel.draws(uniform[:, [0, 1, 1]]), outcome.draws(uniform[:, 2:])
    new_share = 1 / (1 + (first.rho - second.rho) ** 2 / (1 - first.rho**2))
    return PathDraws(first.effect, second.slope, second.effect, first.sd, second.sd, new_share)


def equation(analysis: Analysis, seed: int, channel: str | None = None) -> Equation:
    """The posterior of an equation, its slope on ``channel`` where it has one: computed where the closed form gets
    there, else as ``fit`` has it."""
    design, card = analysis.design, analysis.card
    if is_feasible(design, card):
        points = _Points.of(analysis, seed, channel)
        if points.khat < KHAT_LIMIT:
            return points
    return _Sampled.of(analysis, seed, channel)


@dataclass(frozen=True, eq=False)
class _Points:
    """Weighted points: ``weights`` (M,), and given each the ``means`` (M, 2) and ``covariance`` (M, 2, 2) of slope and
    effect, the ``sd`` of an innovation and its ``rho``."""

    effect: Effect
    slope: Effect | None
    diagnostics: Mapping[str, Value]
    trustworthy: bool
    khat: float
    weights: Array
    means: Array
    covariance: Array
    sd: Array
    rho: Array

    @classmethod
    def of(cls, analysis: Analysis, seed: int, channel: str | None) -> _Points:
        design, card = analysis.design, analysis.card
        model = Collapsed.build(design, card)
        points = weigh_hyperparameters(model, card, np.random.default_rng(seed))
        used = points.weights > 0
        vectors, weights = points.vectors[used], points.weights[used]
        of_effect = effect_functionals(model.terms, att_weights(design, card)[None])
        functionals, scale = [of_effect], float(design.attrs["y_scale"])
        units = np.array([scale])
        if channel is not None:
            of_slope = covariate_functional(design, model.terms, channel)
            # On the standardised scale, where both have a size like one: the variance of their sum has the covariance.
            x_scale = float(design["x_scale"].sel({COVARIATE: channel}))
            of_slope = Coefficients(*(level * x_scale for level in of_slope))
            functionals += [of_slope, Coefficients(*(a + b for a, b in zip(of_effect, of_slope, strict=True)))]
            units = np.array([scale, scale / x_scale, scale])
        _, means, sds = model.given(
            vectors, Coefficients(*(np.concatenate(levels) for levels in zip(*functionals, strict=True)))
        )
        every = np.broadcast_to(weights, means.T.shape)
        effects = NormalMixtures(every, (means * units).T, (sds * units).T).effects()
        variances = sds**2
        covariance = np.zeros((weights.size, 2, 2))
        covariance[:, 1, 1] = variances[:, 0] * scale**2
        if channel is not None:
            covariance[:, 0, 0] = variances[:, 1] * units[1] ** 2
            covariance[:, 0, 1] = 0.5 * (variances[:, 2] - variances[:, 0] - variances[:, 1]) * scale * units[1]
        means = means * units
        hyper = reported(model.space.values(vectors))
        return cls(
            effect=effects[0],
            slope=None if channel is None else effects[1],
            diagnostics={"engine": "marginal", "ess": points.ess, "khat": points.khat, "divergences": 0},
            trustworthy=points.ess > ESS_LIMIT,
            khat=points.khat,
            weights=weights,
            means=np.column_stack([means[:, 1] if channel is not None else np.zeros(weights.size), means[:, 0]]),
            covariance=covariance,
            sd=hyper["sigma"] * scale,
            rho=hyper.get("rho", np.zeros(weights.size)),
        )

    def draws(self, uniform: Array) -> EquationDraws:
        """Slopes from their normals, then effects given the slopes."""
        by = self.means[:, 0] if self.slope is not None else self.means[:, 1]
        order = np.argsort(by, kind="stable")
        last = np.searchsorted(np.cumsum(self.weights[order]), uniform[:, 0])
        at = order[np.minimum(last, order.size - 1)]
        slope_sd = np.sqrt(self.covariance[:, 0, 0])
        pull = np.divide(self.covariance[:, 0, 1], slope_sd, out=np.zeros_like(slope_sd), where=slope_sd > 0)
        effect_sd = np.sqrt(np.maximum(self.covariance[:, 1, 1] - pull**2, 0.0))
        z = ndtri(uniform[:, 1:])
        slope = self.means[at, 0] + slope_sd[at] * z[:, 0]
        effect = self.means[at, 1] + pull[at] * z[:, 0] + effect_sd[at] * z[:, 1]
        return EquationDraws(effect, slope, self.sd[at], self.rho[at])


@dataclass(frozen=True, eq=False)
class _Sampled:
    """Draws of a sampler, with equal weights."""

    effect: Effect
    slope: Effect | None
    diagnostics: Mapping[str, Value]
    trustworthy: bool
    every: EquationDraws

    @classmethod
    def of(cls, analysis: Analysis, seed: int, channel: str | None) -> _Sampled:
        result = fit(analysis, seed=seed, pointwise=False)
        posterior = result.posterior["posterior"]
        sd = flat(posterior["sigma"])
        slope = np.zeros_like(sd) if channel is None else flat(posterior["beta"].sel(covariate=channel))
        rho = flat(posterior["rho"]) if "rho" in posterior else np.zeros_like(sd)
        return cls(
            effect=att_effect(result),
            slope=None if channel is None else coefficient_effects(result, "beta")[channel],
            diagnostics=dict(result.diagnostics),
            trustworthy=is_trustworthy(result),
            every=EquationDraws(flat(att(result)), slope, sd, rho),
        )

    def draws(self, uniform: Array) -> EquationDraws:
        """Those that the first of the uniform numbers choose."""
        at = (uniform[:, 0] * self.every.sd.size).astype(int)
        return EquationDraws(*(values[at] for values in self.every))
