"""What is the posterior of the ATT of one recipe, also when a part of the model is power-scaled?

The ATT is a mixture of normals over the points of the importance sample (``exact``). Raising the likelihood or a prior
to a power leaves the Gaussian form alone: the same points get other weights, means and sds, exactly. With power a of
the likelihood,

    p(y | b, h)^a = N(y; Z b, (a Q)^-1) |Q|^((a-1)/2) x constant

which is the model of precision a Q, times a factor of h. A normal prior of sd s has sd s / sqrt(a) under power a, a
half-normal scale likewise, and a Beta(p, q) becomes Beta(1 + a (p - 1), 1 + a (q - 1)): those are other cards. The
half-t prior of sigma is raised as it stands. Where only priors of hyperparameters change, what the data say of the
ATT given them does not: the points keep their means and sds and get other weights, at no cost.

Source: Kallioinen, Paananen, Buerkner & Vehtari (2023), doi:10.1007/s11222-023-10366-5.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import Effect
from bri_bayes.design.design import Design
from bri_bayes.design.group_shocks import RATIO
from bri_bayes.design.linear_terms import GROWTH, build_terms
from bri_bayes.inference.collapsed import Collapsed, Space
from bri_bayes.inference.conditional import Coefficients
from bri_bayes.inference.hyperparameters import AUTOCORRELATIONS, Hyperparameters, hyperparameters
from bri_bayes.inference.importance import Weighted, sample_by_importance
from bri_bayes.inference.linear_estimands import att_weights, effect_functionals
from bri_bayes.inference.mixture import NormalMixtures
from bri_bayes.study.card_priors import Priors
from bri_bayes.study.model_card import ModelCard

SIGMA, LIKELIHOOD = "sigma", "likelihood"
# Priors of coefficients: under others the moments of the ATT given the hyperparameters are others.
OF_COEFFICIENTS = ("unit", "period", "effect", "effect_growth", "covariate", "modifier", "trend")


@dataclass(frozen=True)
class Powers:
    """Powers of the likelihood and of the prior of sigma; those of other priors are in the card (``powered``)."""

    likelihood: float = 1.0
    sigma: float = 1.0


@dataclass(frozen=True, eq=False)
class AttPosterior:
    """The posterior of the ATT of a design under a card, in units of the outcome.

    ``points`` : the weighted hyperparameter vectors; ``log_density`` : (point,) of the posterior there, up to a
    constant; ``mixture`` : of one outcome.
    """

    design: Design
    card: ModelCard
    points: Weighted
    log_density: Array
    mixture: NormalMixtures

    @property
    def effect(self) -> Effect:
        """In five numbers."""
        return self.mixture.effects()[0]

    @property
    def log_marginal(self) -> float:
        """Log marginal likelihood of the outcome in its own units."""
        rows, y_scale = self.design.sizes["obs"], self.design.attrs["y_scale"]
        return self.points.log_normaliser - rows * float(np.log(y_scale))

    def hyper(self) -> dict[str, Array]:
        """Hyperparameters at the points on the standardised scale, to be read with ``points.weights``."""
        return _space(self.design, self.card).values(self.points.vectors)

    def powered(self, parts: Iterable[str], power: float) -> NormalMixtures:
        """The posterior with ``parts`` (priors of the card, "likelihood") raised to ``power``, from the same points."""
        card, powers = powered(self.card, parts, power)
        if powers.likelihood == 1.0 and (log_ratios := self.log_ratios(card, powers)) is not None:
            return _mixture(self.points.weights, log_ratios, self.mixture.means[0], self.mixture.sds)
        log_density, means, sds = att_given(self.design, card, self.points.vectors, powers)
        return _mixture(self.points.weights, log_density - self.log_density, means, sds)

    def under(self, card: ModelCard) -> Weighted | None:
        """The same points, weighted for a card with other priors of hyperparameters; None where it has more that is
        other. They are read with ``hyper`` of this card.
        """
        log_ratios = self.log_ratios(card, Powers())
        return None if log_ratios is None else self.points.reweighted(log_ratios)

    def log_ratios(self, card: ModelCard, powers: Powers) -> Array | None:
        """Log of the prior density of ``card`` at the points over that of this one : (point,); None as in ``under``."""
        if any(getattr(card.priors, name) != getattr(self.card.priors, name) for name in OF_COEFFICIENTS):
            return None
        values = self.hyper()
        before, after = _space(self.design, self.card), _space(self.design, card)
        of_sigma = (powers.sigma - 1.0) * before.log_prior_sigma(values[SIGMA])
        return np.asarray(after.log_density(values) - before.log_density(values) + of_sigma)


def att_posterior(design: Design, card: ModelCard, seed: int, near: Weighted | None = None) -> AttPosterior:
    """The posterior of the ATT under a normal linear card, from an importance sample of its hyperparameters.

    ``near`` : hyperparameters of the same names of a posterior near by, which place the sample as far as that does.
    """
    collapsed = Collapsed.build(design, card)
    functional = effect_functionals(collapsed.terms, att_weights(design, card)[None])
    model = KnownMoments(collapsed, functional, {})
    rng, start = np.random.default_rng(seed), collapsed.space.start()
    points = sample_by_importance(
        model.log_posterior, start, card.sampler.proposals, rng, near, placing=collapsed.log_posterior
    )
    log_density, means, sds = model.at(points.vectors) * np.array([1.0, *[design.attrs["y_scale"]] * 2])[:, None]
    mixture = _mixture(points.weights, np.zeros(log_density.size), means, sds)
    return AttPosterior(design, card, points, log_density, mixture)


@dataclass(frozen=True, eq=False)
class KnownMoments:
    """A model that remembers mean and sd of one functional at each point whose density was asked for.

    A factor of the coefficients' precision gives both, and is nearly all of the work.
    """

    model: Collapsed
    functional: Coefficients
    known: dict[bytes, tuple[float, float, float]]

    @property
    def space(self) -> Space:
        """The hyperparameters."""
        return self.model.space

    def log_posterior(self, vectors: Array) -> Array:
        """log p(y | h) p(h) : (B,)."""
        log_density, means, sds = self.model.given(vectors, self.functional)
        rows = zip(log_density.tolist(), means[:, 0].tolist(), sds[:, 0].tolist(), strict=True)
        self.known.update(zip((vector.tobytes() for vector in vectors), rows, strict=True))
        return log_density

    def at(self, vectors: Array) -> Array:
        """Log density, mean and sd of the functional at points that are known : (3, B)."""
        return np.array([self.known[vector.tobytes()] for vector in vectors]).T


def att_given(
    design: Design, card: ModelCard, vectors: Array, powers: Powers | None = None
) -> tuple[Array, Array, Array]:
    """log p(y, h_j) up to a constant, mean and sd of the ATT given h_j (units of the outcome) : three (point,)."""
    powers, model = powers or Powers(), Collapsed.build(design, card)
    if powers.likelihood != 1.0:
        model = model.with_powers(np.full(model.terms.n_units, powers.likelihood))
    functional = effect_functionals(model.terms, att_weights(design, card)[None])
    log_density, means, sds = model.given(vectors, functional)
    if powers.sigma != 1.0:
        space = _space(design, card)
        log_density = log_density + (powers.sigma - 1.0) * space.log_prior_sigma(space.values(vectors)[SIGMA])
    scale = design.attrs["y_scale"]
    return log_density, means[:, 0] * scale, sds[:, 0] * scale


def powered(card: ModelCard, parts: Iterable[str], power: float) -> tuple[ModelCard, Powers]:
    """The card whose ``parts`` (fields of ``Priors``) are raised to ``power``, and what a card cannot say."""
    changes: dict[str, Any] = {}
    powers = Powers()
    for part in parts:
        if part in (SIGMA, LIKELIHOOD):
            powers = dataclasses.replace(powers, **{part: power})
        elif part in AUTOCORRELATIONS.values():
            changes[part] = tuple(1.0 + power * (shape - 1.0) for shape in getattr(card.priors, part))
        elif isinstance(prior := getattr(card.priors, part), tuple):  # log-normal: the spread of the logarithm
            changes[part] = (prior[0], prior[1] / np.sqrt(power))
        else:
            changes[part] = getattr(card.priors, part) / np.sqrt(power)
    return _with_priors(card, **changes), powers


def with_scale(card: ModelCard, block: str, factor: float) -> ModelCard:
    """The card with a prior scale multiplied by ``factor``; the two shapes of rho are divided by it."""
    value = getattr(card.priors, block)
    changed = tuple(shape / factor for shape in value) if isinstance(value, tuple) else value * factor
    return _with_priors(card, **{block: changed})


def prior_blocks(design: Design, card: ModelCard) -> tuple[str, ...]:
    """The priors of the card that its model on this design uses, in the order of ``Priors``."""
    terms, effects = build_terms(design, card), card.effects
    names = {block.name for block in terms.blocks}
    named = {block.scale for block in terms.blocks if isinstance(block.scale, str)}
    used = {
        "unit": True,
        "period": True,
        "effect": bool(names & {"path", "own_path"}),
        "effect_step": bool({"eta", GROWTH} & named),
        "effect_growth": GROWTH in named,
        "effect_unit": "omega" in named,
        "covariate": "beta" in names,
        "modifier": "modifier_effect" in names,
        "modifier_unit": "omega_modifier" in named,
        "trend": "trend" in names,
        "trend_step": "trend_step" in named,
        "sigma": True,
        "sigma_spread": card.errors.scale == "by_unit",
        "rho": card.errors.structure in ("ar1", "ar1_noise"),
        "noise": card.errors.structure == "ar1_noise",
        "shock": RATIO in named,
        "shock_rho": card.shocks.process == "ar1",
        "period_spread": effects.period == "correlated",
    }
    return tuple(field.name for field in dataclasses.fields(Priors) if used[field.name])


def _space(design: Design, card: ModelCard) -> Hyperparameters:
    return hyperparameters(build_terms(design, card), card)


def _with_priors(card: ModelCard, **changes: Any) -> ModelCard:
    return dataclasses.replace(card, priors=dataclasses.replace(card.priors, **changes))


def _mixture(weights: Array, log_ratios: Array, means: Array, sds: Array) -> NormalMixtures:
    """Weights times exp(log_ratios), normalised."""
    used = weights > 0
    top = log_ratios[used].max()
    changed = np.where(used, weights * np.exp(np.minimum(log_ratios - top, 0.0)), 0.0)
    return NormalMixtures((changed / changed.sum())[None, :], means[None, :], sds)
