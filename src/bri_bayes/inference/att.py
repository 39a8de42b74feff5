"""What is the posterior of the ATT of one recipe, without drawing it, also when a part of the model is power-scaled?

Given the hyperparameters h the ATT is a linear function of Gaussian coefficients. So its posterior is a mixture of
normals over the weighted points of the importance sample,

    p(att | y) = sum_j w_j N(m_j, s_j^2),    w_j ~ p(y | h_j) p(h_j) / q(h_j)

and its mean, quantiles and P(> 0) have no error of drawing. Raising the likelihood or a prior to a power leaves the
Gaussian form alone: the same points get other weights, means and sds, exactly. With power a of the likelihood,

    p(y | b, h)^a = N(y; Z b, (a Q)^-1) |Q|^((a-1)/2) x constant

which is the model of precision a Q, times a factor of h. A normal prior of sd s has sd s / sqrt(a) under power a, a
half-normal scale likewise, and a Beta(p, q) becomes Beta(1 + a (p - 1), 1 + a (q - 1)): those are other cards. The
half-t prior of sigma is raised as it stands.

Sources: Lindley & Smith (1972), doi:10.1111/j.2517-6161.1972.tb00899.x; Kallioinen, Paananen, Buerkner & Vehtari
(2023), doi:10.1007/s11222-023-10366-5.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import build_terms
from bri_bayes.inference.gram import Conditional, GramModel
from bri_bayes.inference.hyperparameters import Hyperparameters, hyperparameters
from bri_bayes.inference.importance import Weighted, sample_by_importance
from bri_bayes.inference.linear_estimands import att_functional
from bri_bayes.inference.mixture import NormalMixtures
from bri_bayes.study.model_card import ModelCard, Priors

PROB = 0.95
SIGMA, LIKELIHOOD = "sigma", "likelihood"


@dataclass(frozen=True)
class Powers:
    """Powers of the likelihood and of the prior of sigma; those of other priors are in the card (``powered``)."""

    likelihood: float = 1.0
    sigma: float = 1.0


@dataclass(frozen=True, eq=False)
class AttModel:
    """The model of a card on a design, and the ATT as a linear function of its coefficients.

    ``own`` : (unit, q) and ``shared`` : (p,), the weights of own and shared coefficients in the ATT; ``scale`` : what
    one on the standardised scale is in units of the outcome.
    """

    space: Hyperparameters
    model: GramModel
    own: Array
    shared: Array
    scale: float

    @classmethod
    def build(cls, design: Design, card: ModelCard) -> AttModel:
        """For any normal linear card."""
        terms = build_terms(design, card)
        model = GramModel(terms, card.errors.structure, by_unit=card.errors.scale == "by_unit")
        return cls(hyperparameters(terms, card), model, *att_functional(design, card, terms), design.attrs["y_scale"])

    def given(self, vectors: Array, powers: Powers | None = None) -> tuple[Array, Array, Array]:
        """log p(y, h_j) up to a constant, mean and sd of the ATT given h_j (units of the outcome) : three (point,)."""
        powers = powers or Powers()
        hyper = self.space.values(vectors)
        tempered = hyper | {
            name: hyper[name] / np.sqrt(powers.likelihood) for name in ("sigma", "sigma_unit") if name in hyper
        }
        conditional = self.model.conditional(tempered)
        log_density = conditional.log_density + self.space.log_prior(vectors)
        if powers.likelihood != 1.0:
            log_density = log_density + (powers.likelihood - 1.0) * self._half_log_precision(hyper)
        if powers.sigma != 1.0:
            log_density = log_density + (powers.sigma - 1.0) * self.space.log_prior_sigma(hyper[SIGMA])
        means, sds = self._att(conditional)
        lost = ~np.isfinite(log_density + means + sds)
        log_density = np.where(lost, -np.inf, log_density)
        return log_density, np.where(lost, 0.0, means) * self.scale, np.where(lost, 1.0, sds) * self.scale

    def _half_log_precision(self, hyper: dict[str, Array]) -> Array:
        """1/2 log |Q| of the errors : (point,)."""
        sigma = hyper.get("sigma_unit", hyper[SIGMA])
        _, s = self.model.serial.transition(sigma, hyper.get("rho", np.zeros(hyper[SIGMA].size)))
        return np.asarray(-np.log(s).sum(axis=1))

    def _att(self, conditional: Conditional) -> tuple[Array, Array]:
        """Mean (L^-1 c)'(L^-1 Z'Qy) and sd |L^-1 c| of c'b, with L L' the precision of coefficients b : (point,)."""
        p = self.shared.size
        own_c = np.linalg.solve(
            conditional.own_factor, np.broadcast_to(self.own[..., None], (*conditional.own_shared.shape[:3], 1))
        )[..., 0]
        explained = np.einsum("jnq,jnqp->jp", own_c, conditional.own_shared)
        shared_c = np.linalg.solve(conditional.shared_factor[:, :p, :p], (self.shared - explained[:, :p])[..., None])[
            ..., 0
        ]
        means = explained[:, p] + np.einsum("jp,jp->j", shared_c, conditional.shared_factor[:, p, :p])
        return means, np.sqrt((own_c**2).sum(axis=(1, 2)) + (shared_c**2).sum(axis=1))


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
    def record(self) -> dict[str, float]:
        """The "att" of every JSON, with its 95% interval."""
        ends = [float(self.mixture.quantile(p)[0]) for p in ((1 - PROB) / 2, (1 + PROB) / 2)]
        positive = float(1 - self.mixture.cdf(np.zeros(1))[0])
        return {
            "mean": float(self.mixture.mean[0]),
            "sd": float(self.mixture.sd[0]),
            "lower": ends[0],
            "upper": ends[1],
            "p_positive": positive,
        }

    def hyper(self) -> dict[str, Array]:
        """Hyperparameters at the points on the standardised scale, to be read with ``points.weights``."""
        return AttModel.build(self.design, self.card).space.values(self.points.vectors)

    def powered(self, parts: Iterable[str], power: float) -> NormalMixtures:
        """The posterior with ``parts`` (priors of the card, "likelihood") raised to ``power``, from the same points."""
        card, powers = powered(self.card, parts, power)
        log_density, means, sds = AttModel.build(self.design, card).given(self.points.vectors, powers)
        return _mixture(self.points.weights, log_density - self.log_density, means, sds)


def att_posterior(design: Design, card: ModelCard, seed: int) -> AttPosterior:
    """The posterior of the ATT under a normal linear card, from an importance sample of its hyperparameters."""
    model = AttModel.build(design, card)

    def log_density(vectors: Array) -> Array:
        values = model.space.values(vectors)
        return model.model.conditional(values).log_density + model.space.log_prior(vectors)

    rng = np.random.default_rng(seed)
    points = sample_by_importance(log_density, model.space.start(), card.sampler.proposals, rng)
    found, means, sds = model.given(points.vectors)
    return AttPosterior(design, card, points, found, _mixture(points.weights, np.zeros(found.size), means, sds))


def powered(card: ModelCard, parts: Iterable[str], power: float) -> tuple[ModelCard, Powers]:
    """The card whose ``parts`` (fields of ``Priors``) are raised to ``power``, and what a card cannot say."""
    changes: dict[str, Any] = {}
    powers = Powers()
    for part in parts:
        if part in (SIGMA, LIKELIHOOD):
            powers = dataclasses.replace(powers, **{part: power})
        elif part == "rho":
            changes[part] = tuple(1.0 + power * (shape - 1.0) for shape in card.priors.rho)
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
    names = {block.name for block in (*terms.own, *terms.shared)}
    named = {block.scale for block in (*terms.own, *terms.shared) if isinstance(block.scale, str)}
    used = {
        "unit": True,
        "period": True,
        "effect": bool(names & {"path", "own_path"}),
        "effect_step": "eta" in named,
        "effect_unit": "omega" in named,
        "covariate": "beta" in names,
        "modifier": "modifier_effect" in names,
        "modifier_unit": "omega_modifier" in named,
        "trend": "trend" in names,
        "trend_step": "trend_step" in named,
        "sigma": True,
        "sigma_spread": card.errors.scale == "by_unit",
        "rho": card.errors.structure == "ar1",
        "period_spread": effects.period == "correlated",
    }
    return tuple(field.name for field in dataclasses.fields(Priors) if used[field.name])


def _with_priors(card: ModelCard, **changes: Any) -> ModelCard:
    return dataclasses.replace(card, priors=dataclasses.replace(card.priors, **changes))


def _mixture(weights: Array, log_ratios: Array, means: Array, sds: Array) -> NormalMixtures:
    """Weights times exp(log_ratios), normalised."""
    used = weights > 0
    top = log_ratios[used].max()
    changed = np.where(used, weights * np.exp(np.minimum(log_ratios - top, 0.0)), 0.0)
    return NormalMixtures((changed / changed.sum())[None, :], means[None, :], sds)
