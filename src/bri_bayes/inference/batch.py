"""What is the posterior of the ATT for many outcomes on one design? Simulation studies in seconds.

Columns, prior scales and the precision of the errors do not depend on the outcome, so hyperparameters h_j that cover
all posteriors are drawn once, the model is factorised once at each, and the outcomes are right-hand sides. Given h
the ATT is Gaussian, being linear in the coefficients; so the posterior given outcome i is a mixture of normals,

    p(att | y_i) = sum_j w_ij N(m_ij, s_j^2),    w_ij ~ p(y_i | h_j) p(h_j) / q(h_j)

with Pareto-smoothed weights, and its mean, sd, quantiles and P(> 0) need no draws. Each outcome is standardised by its
spread, as in ``design``; only the wide priors of unit and period effects take the ratio of total spread to spread
within from the median outcome. An outcome that the common points do not cover gets points of its own.

Source: Lindley & Smith (1972), doi:10.1111/j.2517-6161.1972.tb00899.x; for points from a mixture of proposals Owen
(2013), Monte Carlo theory, methods and examples, section 9.11.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.design.design import RELATIVE_ZERO, Design, two_way
from bri_bayes.design.linear_terms import Terms, build_terms
from bri_bayes.inference.gram import GramModel
from bri_bayes.inference.hyperparameters import Hyperparameters, hyperparameters
from bri_bayes.inference.importance import LogDensity, find_mode, sample_by_importance
from bri_bayes.inference.linear_estimands import Functional, att_functional, coefficient_functional
from bri_bayes.inference.mixture import NormalMixtures
from bri_bayes.inference.shared_proposals import (
    LEAST_ESS,
    PROB,
    SUMMARY,
    covering_points,
    is_covered,
    spread_over,
    summarised,
    weigh,
)
from bri_bayes.study.model_card import ModelCard

__all__ = ["LEAST_ESS", "att_of_many", "coefficient_of_many", "covers"]

OUTCOME = "outcome"
# Outcomes whose modes place the first points, and outcomes whose posteriors place the rest.
_PILOTS, _PLACED_BY = 8, 250
# Outcomes side by side in a product, points that are factorised together, and points in a product (measured).
_WIDTH, _FACTORED, _DEPTH = 1000, 250, 8


def att_of_many(design: Design, card: ModelCard, outcomes: Array, *, points: int = 4000, seed: int = 0) -> xr.Dataset:
    """The posterior of the ATT for each row of ``outcomes`` : (outcome, obs), on the rows of ``design``.

    Variables (outcome,): ``mean``, ``sd``, ``lower``, ``upper`` (the 95% interval) in units of the outcome,
    ``p_positive``, and of the importance weights ``khat`` and ``ess``; ``alone`` : whether the outcome got points of
    its own, because the ``points`` common ones gave it a k-hat above 0.7 or an effective number below 100.
    For normal linear cards with a common error scale; what the outcome of ``design`` is does not matter.
    """
    return _of_many(design, card, outcomes, att_functional, points, seed)


def coefficient_of_many(
    design: Design, card: ModelCard, outcomes: Array, covariate: str, *, points: int = 4000, seed: int = 0
) -> xr.Dataset:
    """As ``att_of_many``, for the coefficient of ``covariate``, in units of the outcome a unit of the covariate."""
    if covariate not in card.covariates:
        raise InputError(
            f'"{covariate}" is not a covariate of the card "{card.name}"; {suggest(covariate, card.covariates)}'
        )
    return _of_many(design, card, outcomes, partial(coefficient_functional, covariate), points, seed)


def covers(card: ModelCard) -> bool:
    """Whether the engines for many posteriors cover the card: normal, linear, one error scale, no kappa to learn."""
    learned = card.contamination is not None and card.contamination.share is None
    return card.is_marginal and card.errors.scale == "common" and not learned


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
    batch = _Batch.build(scaling.apply(design, scaling.median), card, functional)
    vectors, log_proposal = _common_points(batch, standard, scaling.roughness, points, rng)
    blocks = [standard[first : first + _WIDTH] for first in range(0, len(y), _WIDTH)]
    found = np.concatenate([batch.together(vectors, log_proposal, block) for block in blocks], axis=1)
    alone = ~is_covered(found)
    for i in np.flatnonzero(alone):
        found[:, i] = _Batch.build(scaling.apply(design, int(i)), card, functional).by_itself(standard[i], rng)
    found[: SUMMARY.index("p_positive")] *= scaling.within
    variables = {name: (OUTCOME, values) for name, values in zip(SUMMARY, found, strict=True)}
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
    left = effects.residuals(y.T)
    squares = (left**2).sum(axis=0)
    within = np.sqrt(squares / max(unit_ix.size - effects.rank, 1))
    lost = np.flatnonzero(~(within > RELATIVE_ZERO * np.abs(y).max(axis=1)))
    if lost.size:
        has = (
            "has missing values" if np.isnan(y[lost[0]]).any() else "is explained completely by unit and period effects"
        )
        raise InputError(f"outcome {lost[0]} of {len(y)} {has}")
    steps = np.diff(left, axis=0)[np.diff(unit_ix) == 0]
    return _Scaling(y, y.mean(axis=1), y.std(axis=1), within, (steps**2).sum(axis=0) / squares)


class _Factors(NamedTuple):
    """What evaluation at B points needs, for any outcome; inverses are of Cholesky factors.

    ``parts`` (B, part); ``own_inverse`` (B, unit, q, q); ``own_shared`` (B, unit x q, p); ``shared_inverse`` (B, p, p);
    L^-1 c as ``own_att`` (B, unit x q) and ``shared_att`` (B, p); ``constant`` (B,) of the log density.
    """

    parts: Array
    own_inverse: Array
    own_shared: Array
    shared_inverse: Array
    own_att: Array
    shared_att: Array
    constant: Array


@dataclass(frozen=True, eq=False)
class _Batch:
    """The model of a card on a design, and the ATT as a linear function of its coefficients.

    ``att_own`` : (unit, q) and ``att_shared`` : (p,), the weights c of own and of shared coefficients in the ATT.
    """

    terms: Terms
    space: Hyperparameters
    model: GramModel
    att_own: Array
    att_shared: Array

    @classmethod
    def build(cls, design: Design, card: ModelCard, functional: Functional) -> _Batch:
        terms = build_terms(design, card)
        model = GramModel(terms, card.errors.structure, by_unit=False)
        return cls(terms, hyperparameters(terms, card), model, *functional(design, card, terms))

    def mode(self, y: Array) -> tuple[Array, Array]:
        """Mode (d,) of the hyperparameters given one standardised outcome (obs,), and their covariance there."""
        return find_mode(self._log_posterior(y), self.space.start())

    def by_itself(self, y: Array, rng: np.random.Generator) -> Array:
        """The summary (7,) given one outcome (obs,), from the points of the ordinary engine."""
        own = sample_by_importance(self._log_posterior(y), self.space.start(), self.space.card.sampler.proposals, rng)
        _, means, sds = self.evaluate(own.vectors, y[None, :])
        return summarised(NormalMixtures(own.weights[None, :], means, sds), np.array([own.khat]))[:, 0]

    def together(self, vectors: Array, log_proposal: Array, y: Array) -> Array:
        """The summaries (7, outcome) given each outcome (outcome, obs), from common points and their log density."""
        log_density, means, sds = self.evaluate(vectors, y)
        weights, khat = weigh(log_density, log_proposal)
        return summarised(NormalMixtures(weights, means, sds), khat)

    def evaluate(self, vectors: Array, y: Array) -> tuple[Array, Array, Array]:
        """log p(y_i, h_j) (outcome, point), mean (outcome, point) and sd (point,) of the ATT given h_j and y_i.

        With L the Cholesky factor of the precision A of the coefficients and m = Z'Qy, the outcome enters through
        L^-1 m alone: m'A^-1 m = |L^-1 m|^2, and the mean of the ATT is (L^-1 c)'(L^-1 m).
        """
        own, shared, squares = self._right_sides(y)
        log_density, means = np.empty((len(y), len(vectors))), np.empty((len(y), len(vectors)))
        sds = np.empty(len(vectors))
        for start in range(0, len(vectors), _FACTORED):
            factors = self._factors(vectors[start : start + _FACTORED])
            sds[start : start + _FACTORED] = np.sqrt(
                (factors.own_att**2).sum(axis=1) + (factors.shared_att**2).sum(axis=1)
            )
            for first in range(0, len(factors.parts), _DEPTH):
                some = _Factors(*(array[first : first + _DEPTH] for array in factors))
                own_y = (some.own_inverse @ np.tensordot(some.parts, own, 1)).reshape(len(some.parts), -1, len(y))
                shared_y = np.tensordot(some.parts, shared, 1) - some.own_shared.transpose(0, 2, 1) @ own_y
                shared_y = some.shared_inverse @ shared_y
                explained = np.einsum("bij,bij->bj", own_y, own_y) + np.einsum("bij,bij->bj", shared_y, shared_y)
                at = slice(start + first, start + first + len(some.parts))
                log_density[:, at] = (some.constant[:, None] - 0.5 * (some.parts @ squares - explained)).T
                means[:, at] = (some.own_att[:, None] @ own_y + some.shared_att[:, None] @ shared_y)[:, 0].T
        lost = ~np.isfinite(log_density.sum(axis=0) + sds)  # rounding made a precision indefinite: no weight
        log_density[:, lost], means[:, lost], sds[lost] = -np.inf, 0.0, 1.0
        return log_density, means, sds

    def _factors(self, vectors: Array) -> _Factors:
        hyper = self.space.values(vectors)
        conditional, p = self.model.conditional(hyper), self.att_shared.size
        own_inverse = np.linalg.inv(conditional.own_factor)
        own_shared = conditional.own_shared[..., :p].reshape(len(vectors), -1, p)
        shared_inverse = np.linalg.inv(conditional.shared_factor[:, :p, :p])
        own_att = (own_inverse @ self.att_own[..., None]).reshape(len(vectors), -1)
        shared_att = self.att_shared - (own_att[:, None] @ own_shared)[:, 0]
        # The log density of the outcome in ``terms``, less what is its own.
        constant = conditional.log_density + 0.5 * conditional.shared_factor[:, p, p] ** 2
        return _Factors(
            self.model.part_weights(hyper),
            own_inverse,
            own_shared,
            shared_inverse,
            own_att,
            (shared_inverse @ shared_att[..., None])[..., 0],
            constant + self.space.log_prior(vectors),
        )

    def _right_sides(self, y: Array) -> tuple[Array, Array, Array]:
        """U'Q_k y (part, unit, q, outcome), S'Q_k y (part, p, outcome) and y'Q_k y (part, outcome)."""
        weighted = self.model.part_products(np.ascontiguousarray(y.T))
        starts = np.searchsorted(self.terms.unit_ix, np.arange(self.model.n_units))
        own = [np.add.reduceat(column[:, None] * weighted, starts, axis=1) for column in self.model.own_columns.T]
        return np.stack(own, axis=2), self.model.shared_columns.T @ weighted, (weighted * y.T).sum(axis=1)

    def _log_posterior(self, y: Array) -> LogDensity:
        """Log posterior density of hyperparameter vectors given one outcome."""
        model = GramModel(dataclasses.replace(self.terms, y=y), self.space.card.errors.structure, by_unit=False)
        return lambda vectors: model.conditional(self.space.values(vectors)).log_density + self.space.log_prior(vectors)


def _common_points(
    batch: _Batch, standard: Array, roughness: Array, points: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Points placed by the modes of a few outcomes, from the roughest to the smoothest, and the posteriors of many."""
    ordered = np.argsort(roughness, kind="stable")
    modes = [batch.mode(standard[i]) for i in spread_over(ordered, _PILOTS)]
    placed_by = standard[spread_over(ordered, _PLACED_BY)]
    return covering_points(modes, lambda vectors: batch.evaluate(vectors, placed_by)[0], points, rng)
