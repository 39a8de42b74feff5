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

A set of weights is a power of each unit's likelihood in the one closed-form core; the posterior under the nearest
powers so far places its hyperparameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import Effect
from bri_bayes.core.errors import InputError
from bri_bayes.design.design import Design
from bri_bayes.inference.att import KnownMoments
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.importance import FEW_POINTS, KHAT_LIMIT, sample_by_importance
from bri_bayes.inference.linear_estimands import att_weights, effect_functionals
from bri_bayes.inference.mixture import NormalMixtures
from bri_bayes.study.model_card import ModelCard


@dataclass(frozen=True, eq=False)
class WeightedPosteriors:
    """The posterior of the ATT under each set of weights, a mixture of one outcome in its units.

    ``khat`` : (set,) of the importance weights.
    """

    mixtures: Sequence[NormalMixtures]
    khat: Array

    @property
    def mean(self) -> Array:
        """(set,)"""
        return np.array([float(mixture.mean[0]) for mixture in self.mixtures])

    @property
    def sd(self) -> Array:
        """(set,)"""
        return np.array([float(mixture.sd[0]) for mixture in self.mixtures])

    def together(self, shares: Array) -> Effect:
        """The ATT where set i has the probability ``shares[i]`` : (set,)."""
        weights = [share * mixture.weights for share, mixture in zip(shares, self.mixtures, strict=True)]
        means, sds = ([getattr(mixture, name) for mixture in self.mixtures] for name in ("means", "sds"))
        return NormalMixtures(np.hstack(weights), np.hstack(means), np.concatenate(sds)).effects()[0]


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


def weighted_posteriors(design: Design, card: ModelCard, powers: Array, seed: int) -> WeightedPosteriors:
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
    middle = powers.mean(axis=0)
    start = model.with_powers(middle)
    done = [(middle, sample_by_importance(start.log_posterior, start.space.start(), FEW_POINTS, rng))]
    mixtures, khat = [], []
    for power in powers:
        near = done[int(np.argmin([((other - power) ** 2).sum() for other, _ in done]))][1]
        known = att_given_powers(design, card, model.with_powers(power))
        points = sample_by_importance(known.log_posterior, model.space.start(), FEW_POINTS, rng, near)
        if points.khat < KHAT_LIMIT:
            done.append((power, points))
        _, means, sds = known.at(points.vectors) * design.attrs["y_scale"]
        mixtures.append(NormalMixtures(points.weights[None], means[None], sds))
        khat.append(points.khat)
    return WeightedPosteriors(mixtures, np.array(khat))


def att_given_powers(design: Design, card: ModelCard, model: Collapsed) -> KnownMoments:
    """The model with the ATT of the counted units: log p(y, h), and its mean and sd given h."""
    assert model.powers is not None, "a weighted model has powers"
    weights = att_weights(design, card, model.powers > 0)
    return KnownMoments(model, effect_functionals(model.terms, weights[None]), {})
