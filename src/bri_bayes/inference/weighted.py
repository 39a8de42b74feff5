"""What is the posterior of the ATT when units count with weights, for many sets of weights?

Matching gives each unit a weight w_i. The likelihood of its series is raised to the power v_i (a power likelihood,
Ibrahim & Chen 2000, doi:10.1214/ss/1009212673; Holmes & Walker 2017, doi:10.1093/biomet/asx010):

    p(b, h | y, v)  ~  p(b, h) prod_i p(y_i | b, h)^{v_i}

    v_i = 1 for a matched treated unit,   v_j = w_j (sum w) / (sum w^2) for a control,   0 for the others

so only the relative weights of controls move the estimate, and the controls together count as (sum w)^2 / (sum w^2)
units, their effective number: a control that stands in for five treated units is one series, not five. With iid errors
and equal rows the variance of the ATT is then sigma^2 (1/T0 + 1/T1) (1/m + 1/effective number), that of the weighted
difference itself. With one common effect, wide priors and iid errors the posterior mean is weighted two-way fixed
effects. The ATT is the average over the treated cells of *matched* units.

A set of weights is a power of each unit's likelihood in the one closed-form core. Hyperparameters are drawn once, from
points that cover the unweighted and the weighted posteriors, and reweighted for each set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.design.design import Design
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.importance import (
    FEW_POINTS,
    KHAT_LIMIT,
    Student,
    Weighted,
    moments,
    sample_by_importance,
    smooth_weights,
)
from bri_bayes.inference.linear_estimands import att_weights, effect_functionals
from bri_bayes.inference.mixture import NormalMixtures
from bri_bayes.inference.mode import find_mode
from bri_bayes.study.model_card import ModelCard

# Hyperparameter points, and how much wider than the posterior under equal weights their proposal is.
POINTS, INFLATION = 400, 3.0
# As many times more points are tried where a posterior has a long tail.
_MORE = 10


@dataclass(frozen=True, eq=False)
class WeightedPosteriors:
    """One posterior of the ATT for each set of weights, in units of the outcome.

    ``mean``, ``sd`` : (set,); ``draws`` : (set, draw); ``khat`` : (set,) of the importance weights.
    """

    mean: Array
    sd: Array
    draws: Array
    khat: Array


def power_weights(weights: Array, treated: Array) -> Array:
    """The powers v (..., unit) of matching weights w (..., unit), as above."""
    controls = np.where(treated, 0.0, weights)
    squares = (controls**2).sum(axis=-1, keepdims=True)
    factor = np.divide(controls.sum(axis=-1, keepdims=True), squares, out=np.zeros_like(squares), where=squares > 0)
    return np.asarray(np.where(treated, weights > 0, controls * factor), dtype=float)


def covers(card: ModelCard) -> bool:
    """Whether weights can be given to a card: normal, linear, one error scale, no leads, modifiers or contamination."""
    plain = not card.modifiers and card.contamination is None and not card.effects.leads
    return card.is_marginal and card.errors.scale == "common" and plain


def weighted_posteriors(
    design: Design, card: ModelCard, powers: Array, seed: int, *, draws: int = 10
) -> WeightedPosteriors:
    """The posterior of the ATT of the treated units with a positive power, for each row of ``powers`` (set, unit).

    Units are those of ``design``, in its order. Raises InputError for a card that weights are not made for, and where
    a set leaves no treated unit or no control.
    """
    if not covers(card):
        raise InputError(
            f'the card "{card.name}" cannot take matching weights; it must be normal, linear, without leads'
        )
    treated = np.isfinite(design["first_treated"].to_numpy())
    if not ((powers[:, treated] > 0).any(axis=1) & (powers[:, ~treated] > 0).any(axis=1)).all():
        raise InputError("a set of matching weights has no treated unit or no control")
    model, rng = Collapsed.build(design, card), np.random.default_rng([seed, 22])
    middle = model.with_powers(powers.mean(axis=0))
    mode, covariance = find_mode(middle.log_posterior, middle.space.start())
    proposal = Student(mode, INFLATION * covariance)
    vectors = proposal.draw(POINTS, rng)
    log_proposal = proposal.log_density(vectors)
    summaries = [
        _summary(design, card, model.with_powers(power), vectors, log_proposal, draws, rng) for power in powers
    ]
    mean, sd, sampled, khat = (np.array(part) for part in zip(*summaries, strict=True))
    scale = design.attrs["y_scale"]
    return WeightedPosteriors(mean * scale, sd * scale, sampled * scale, khat)


def att_given_powers(design: Design, card: ModelCard, model: Collapsed, vectors: Array) -> tuple[Array, Array, Array]:
    """log p(y, h), and mean and sd of the ATT of the counted units given h, at each point : three (point,)."""
    assert model.powers is not None, "a weighted model has powers"
    weights = att_weights(design, card, model.powers > 0)
    log_density, means, sds = model.given(vectors, effect_functionals(model.terms, weights[None]))
    return log_density, means[:, 0], sds[:, 0]


def _summary(
    design: Design,
    card: ModelCard,
    model: Collapsed,
    vectors: Array,
    log_proposal: Array,
    draws: int,
    rng: np.random.Generator,
) -> tuple[float, float, Array, float]:
    """Mean, sd, draws and k-hat of the ATT, from points of the model's own where the common ones fail."""
    log_density, means, sds = att_given_powers(design, card, model, vectors)
    weights, khat = smooth_weights(log_density - log_proposal)
    if khat > KHAT_LIMIT:
        points = sample_by_importance(model.log_posterior, model.space.start(), FEW_POINTS, rng)
        vectors, weights, khat = points.vectors, points.weights, points.khat
        if khat > KHAT_LIMIT:
            vectors, weights, khat = _wider(model, points, rng)
        _, means, sds = att_given_powers(design, card, model, vectors)
    mixture = NormalMixtures(weights[None], means[None], sds)
    chosen = rng.choice(weights.size, draws, p=weights)
    sampled = means[chosen] + sds[chosen] * rng.standard_normal(draws)
    return float(mixture.mean[0]), float(mixture.sd[0]), sampled, float(khat)


def _wider(model: Collapsed, points: Weighted, rng: np.random.Generator) -> tuple[Array, Array, float]:
    """Points of a proposal that is wider than the posterior of the first ones: for one with a long tail."""
    center, covariance = moments(points.weights, points.vectors)
    proposal = Student(center, INFLATION * covariance)
    vectors = proposal.draw(_MORE * POINTS, rng)
    weights, khat = smooth_weights(model.log_posterior(vectors) - proposal.log_density(vectors))
    return vectors, weights, khat
