"""What is the posterior of the ATT for many outcomes on one design? Simulation studies in seconds.

Columns, prior scales and the precision of the errors do not depend on the outcome, so hyperparameters h_j that cover
all posteriors are drawn once, the model is factorised once at each, and the outcomes are right-hand sides. Given h
the ATT is Gaussian, being linear in the coefficients; so the posterior given outcome i is a mixture of normals,

    p(att | y_i) = sum_j w_ij N(m_ij, s_j^2),    w_ij ~ p(y_i | h_j) p(h_j) / q(h_j)

with Pareto-smoothed weights, and its mean, sd, quantiles and P(> 0) need no draws. Each outcome is standardised by its
spread, as in ``design``; only the wide priors of unit and period effects take the ratio of total spread to spread
within from the median outcome. An outcome that the common points do not cover gets points of its own.

Source: Lindley & Smith (1972), doi:10.1111/j.2517-6161.1972.tb00885.x; for points from a mixture of proposals Owen
(2013), Monte Carlo theory, methods and examples, section 9.11.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.effect import PROB
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.design.design import RELATIVE_ZERO, Design, two_way
from bri_bayes.design.linear_terms import Terms
from bri_bayes.inference.alike_outcomes import AlikeOutcomes
from bri_bayes.inference.assignment_columns import covers
from bri_bayes.inference.att import KnownMoments
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.conditional import Coefficients
from bri_bayes.inference.equal_outcomes import EqualOutcomes, covers_equal, without_lost_points
from bri_bayes.inference.importance import FEW_POINTS, sample_by_importance
from bri_bayes.inference.linear_estimands import att_weights, covariate_functional, effect_functionals
from bri_bayes.inference.mixture import NormalMixtures
from bri_bayes.inference.mode import modes_in_turn
from bri_bayes.inference.shared_proposals import (
    LEAST_ESS,
    SUMMARY,
    covering_points,
    shared_summaries,
    spread_over,
    summarised,
    weigh,
)
from bri_bayes.study.model_card import ModelCard

__all__ = ["LEAST_ESS", "att_of_many", "coefficient_of_many", "scaled"]

OUTCOME = "outcome"
# One linear functional of the coefficients of a card's terms on a design.
Functional = Callable[[Design, ModelCard, Terms], Coefficients]
# Outcomes whose modes place the first points, and outcomes whose posteriors place the rest.
_PILOTS, _PLACED_BY = 8, 250
# Outcomes side by side in a product, points that are factorised together, and points in a product (measured).
_WIDTH, _FACTORED, _DEPTH = 1500, 250, 8


def att_of_many(design: Design, card: ModelCard, outcomes: Array, *, points: int = 4000, seed: int = 0) -> xr.Dataset:
    """The posterior of the ATT for each row of ``outcomes`` : (outcome, obs), on the rows of ``design``.

    Variables (outcome,): ``mean``, ``sd``, ``lower``, ``upper`` (the 95% interval) in units of the outcome,
    ``p_positive``, and of the importance weights ``khat`` and ``ess``; ``alone`` : whether the outcome got points of
    its own, because the ``points`` common ones gave it a k-hat above 0.7 or an effective number below 100.
    For normal linear cards with a common error scale; what the outcome of ``design`` is does not matter.
    """
    return _of_many(design, card, outcomes, _att, points, seed)


def coefficient_of_many(
    design: Design, card: ModelCard, outcomes: Array, covariate: str, *, points: int = 4000, seed: int = 0
) -> xr.Dataset:
    """As ``att_of_many``, for the coefficient of ``covariate``, in units of the outcome a unit of the covariate."""
    if covariate not in card.covariates:
        raise InputError(
            f'"{covariate}" is not a covariate of the card "{card.name}"; {suggest(covariate, card.covariates)}'
        )
    return _of_many(design, card, outcomes, partial(_coefficient, covariate), points, seed)


def scaled(design: Design, outcome: Array) -> Design:
    """``design`` with another outcome (obs,), standardised by its own spread."""
    return _scaling(design, np.asarray(outcome, dtype=float)[None]).apply(design, 0)


def _att(design: Design, card: ModelCard, terms: Terms) -> Coefficients:
    return effect_functionals(terms, att_weights(design, card)[None])


def _coefficient(covariate: str, design: Design, _: ModelCard, terms: Terms) -> Coefficients:
    return covariate_functional(design, terms, covariate)


def _of_many(
    design: Design, card: ModelCard, outcomes: Array, functional: Functional, points: int, seed: int
) -> xr.Dataset:
    if not covers(card):
        raise InputError(
            f'the card "{card.name}" is not a normal linear card with a common error scale and no kappa to learn: '
            "fit its outcomes one by one"
        )
    y = np.asarray(outcomes, dtype=float)
    if y.ndim != 2 or y.shape[1] != design.sizes["obs"] or not len(y):
        raise InputError(f"outcomes have the shape {y.shape}; the design needs (outcomes, {design.sizes['obs']})")
    scaling = _scaling(design, y)
    standard = (y - scaling.center[:, None]) / scaling.within[:, None]
    rng = np.random.default_rng(seed)
    model = _ManyOutcomes.build(scaling.apply(design, scaling.median), card, functional)

    # The roughness of outcomes whose mode was looked for, and that mode.
    known: list[tuple[float, Array]] = []

    def together(which: Index) -> Array:
        # Placed by the modes of a few outcomes, from the roughest to the smoothest, and the posteriors of many.
        ordered = which[np.argsort(scaling.roughness[which], kind="stable")]
        pilots, placed_by = spread_over(ordered, _PILOTS), standard[spread_over(ordered, _PLACED_BY)]
        modes = model.modes(standard[pilots])
        known.extend((scaling.roughness[i], mode) for i, (mode, _) in zip(pilots, modes, strict=True))
        common = covering_points(modes, lambda vectors: model.evaluate(vectors, placed_by)[0], points, rng)
        blocks = [which[first : first + _WIDTH] for first in range(0, which.size, _WIDTH)]
        return np.concatenate([model.together(*common, standard[block]) for block in blocks], axis=1)

    summaries, alone = shared_summaries(together, len(y))
    for i in np.flatnonzero(alone):
        rescaled = _ManyOutcomes.build(scaling.apply(design, int(i)), card, functional)
        _, near = min(known, key=lambda other: abs(other[0] - scaling.roughness[i]))
        summaries[:, i] = rescaled.by_itself(standard[i], near, card, rng)
    summaries[: SUMMARY.index("p_positive")] *= scaling.within
    variables = {name: (OUTCOME, values) for name, values in zip(SUMMARY, summaries, strict=True)}
    return xr.Dataset({**variables, "alone": (OUTCOME, alone)}, attrs={"prob": PROB, "points": points})


@dataclass(frozen=True, eq=False)
class _Scaling:
    """How ``design`` would scale each outcome: mean, total sd, and sd after unit and period effects, all (outcome,).

    ``roughness`` : what those effects leave, its squared steps from row to row against its squares (Durbin & Watson).
    """

    y: Array
    center: Array
    total: Array
    within: Array
    roughness: Array

    @property
    def median(self) -> int:
        """The outcome with the median ratio of total to within sd."""
        return int(np.argsort(self.total / self.within, kind="stable")[len(self.y) // 2])

    def apply(self, design: Design, i: int) -> Design:
        """``design`` with outcome ``i``."""
        scales = {"y_center": self.center[i], "y_sd": self.total[i], "y_scale": self.within[i]}
        changed = design.assign(y=(design["y"].dims, self.y[i]))
        return changed.assign_attrs({name: float(value) for name, value in scales.items()})


def _scaling(design: Design, y: Array) -> _Scaling:
    effects, unit_ix = two_way(design), design["unit_ix"].to_numpy()
    residuals = effects.residuals(y.T)
    squares = (residuals**2).sum(axis=0)
    within = np.sqrt(squares / max(unit_ix.size - effects.rank, 1))
    lost = np.flatnonzero(~(within > RELATIVE_ZERO * np.abs(y).max(axis=1)))
    if lost.size:
        has = (
            "has missing values" if np.isnan(y[lost[0]]).any() else "is explained completely by unit and period effects"
        )
        raise InputError(f"outcome {lost[0]} of {len(y)} {has}")
    steps = np.diff(residuals, axis=0)[np.diff(unit_ix) == 0]
    return _Scaling(y, y.mean(axis=1), y.std(axis=1), within, (steps**2).sum(axis=0) / squares)


@dataclass(frozen=True, eq=False)
class _ManyOutcomes:
    """The model of a card on a design, and one linear functional of its coefficients.

    ``equal`` : the same where the functional is the ATT and all units have the same rows and columns.
    """

    model: Collapsed
    functional: Coefficients
    equal: EqualOutcomes | None

    @classmethod
    def build(cls, design: Design, card: ModelCard, functional: Functional) -> _ManyOutcomes:
        model = Collapsed.build(design, card)
        equal = EqualOutcomes.build(design, card) if functional is _att and covers_equal(design, card) else None
        return cls(model, functional(design, card, model.terms), equal)

    def modes(self, outcomes: Array) -> list[tuple[Array, Array]]:
        """Mode (d,) of the hyperparameters given each standardised outcome (outcome, obs), and their covariance."""
        densities = (self.model.with_outcome(y).log_posterior for y in outcomes)
        return modes_in_turn(densities, self.model.space.start())

    def by_itself(self, y: Array, near: Array, card: ModelCard, rng: np.random.Generator) -> Array:
        """The summary (7,) given one outcome (obs,), from few points of its own, whose mode is looked for from ``near``
        (d,)."""
        plain = self.model.with_outcome(y)
        model, few = KnownMoments(plain, self.functional, {}), min(FEW_POINTS, card.sampler.proposals)
        points = sample_by_importance(model.log_posterior, near, few, rng, placing=plain.log_posterior)
        _, means, sds = model.at(points.vectors)
        return summarised(NormalMixtures(points.weights[None, :], means[None, :], sds), np.array([points.khat]))[:, 0]

    def together(self, vectors: Array, log_proposal: Array, y: Array) -> Array:
        """The summaries (7, outcome) given each outcome (outcome, obs), from common points and their log density."""
        log_density, means, sds = self.evaluate(vectors, y)
        weights, khat = weigh(log_density, log_proposal)
        return summarised(NormalMixtures(weights, means, sds), khat)

    def evaluate(self, vectors: Array, y: Array) -> tuple[Array, Array, Array]:
        """log p(y_i, h_j) (outcome, point), mean (outcome, point) and sd (point,) of the functional given h_j and y_i.

        The outcome enters through L^-1 m alone: m'A^-1 m = |L^-1 m|^2, and the mean is (L^-1 c)'(L^-1 m).
        """
        if self.equal is not None:
            return self.equal.evaluate(vectors, y)
        if (alike := self._alike) is not None:
            density, of_each, sd = alike.evaluate(self.model.space.values(vectors), y)
            density += self.model.space.log_prior(vectors)[:, None]
            return without_lost_points(density.T, of_each.T, sd)
        log_density, means, sds = np.empty((len(y), len(vectors))), np.empty((len(y), len(vectors))), []
        outcomes = self.model.outcomes(y)
        right = Coefficients(*(np.moveaxis(level, 0, -1)[None] for level in self.functional))
        for start in range(0, len(vectors), _FACTORED):
            some = vectors[start : start + _FACTORED]
            hyper = self.model.space.values(some)
            conditional = self.model.conditional(hyper)
            constant = conditional.log_density_of_no_outcome + self.model.space.log_prior(some)
            weights = [level.reshape(len(some), 1, -1) for level in conditional.forward(right)]
            sds.append(np.sqrt(sum((level**2).sum(axis=(1, 2)) for level in weights)))
            for first in range(0, len(some), _DEPTH):
                few = slice(first, first + _DEPTH)
                per_unit, rest, squares = outcomes.at({name: value[few] for name, value in hyper.items()})
                levels = conditional.at(few).forward(self.model.right_sides(per_unit, rest))
                flat = [level.reshape(len(per_unit), -1, len(y)) for level in levels]
                explained = sum(np.einsum("bij,bij->bj", level, level) for level in flat)
                at = slice(start + first, start + first + len(per_unit))
                log_density[:, at] = (constant[few, None] - 0.5 * (squares - explained)).T
                means[:, at] = np.sum(
                    [(w[few] @ level)[:, 0] for w, level in zip(weights, flat, strict=True)], axis=0
                ).T
        return without_lost_points(log_density, means, np.concatenate(sds))

    @cached_property
    def _alike(self) -> AlikeOutcomes | None:
        """The same by kinds of units, where they are alike and the functional takes them so."""
        units = self.model.alike
        loads = None if units is None else units.loads(self.functional)
        return None if units is None or loads is None else AlikeOutcomes(units, self.functional.shared[0], loads[:, 0])
