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
from typing import NamedTuple

import numpy as np
import xarray as xr

from bri_bayes.card import ModelCard
from bri_bayes.design import RELATIVE_ZERO, Design, two_way
from bri_bayes.engines.gram import GramModel
from bri_bayes.engines.hyper import Hyperparameters, hyperparameters
from bri_bayes.engines.importance import (
    KHAT_LIMIT,
    LogDensity,
    Student,
    find_mode,
    sample_by_importance,
    smooth_weights,
)
from bri_bayes.engines.mixture import NormalMixtures
from bri_bayes.errors import InputError
from bri_bayes.terms import Terms, build_terms
from bri_bayes.within import Array, Index

OUTCOME = "outcome"
PROB = 0.95
# Below this effective number of common points an outcome gets points of its own.
LEAST_ESS = 100.0
# Outcomes whose modes place the first points, and outcomes whose posteriors place the rest.
_PILOTS, _PLACED_BY = 8, 250
# How much wider than the modes and the average posterior the proposals are. On simulated panels of 9 x 21, rho 0 to 1,
# narrower ones left out up to 2% of the outcomes (k-hat above 0.7), wider ones cost effective points.
PILOT_INFLATION, _INFLATION = 3.0, 1.5
# Outcomes side by side in a product, points that are factorised together, and points in a product (measured).
_WIDTH, _FACTORED, _DEPTH = 1000, 250, 8
_EFFECT_BLOCKS = ("path", "own_path", "unit_deviation", "modifier_effect", "modifier_deviation")
_SUMMARY = ("mean", "sd", "lower", "upper", "p_positive", "khat", "ess")


def att_of_many(design: Design, card: ModelCard, outcomes: Array, *, points: int = 4000, seed: int = 0) -> xr.Dataset:
    """The posterior of the ATT for each row of ``outcomes`` : (outcome, obs), on the rows of ``design``.

    Variables (outcome,): ``mean``, ``sd``, ``lower``, ``upper`` (the 95% interval) in units of the outcome,
    ``p_positive``, and of the importance weights ``khat`` and ``ess``; ``alone`` : whether the outcome got points of
    its own, because the ``points`` common ones gave it a k-hat above 0.7 or an effective number below 100.
    For normal linear cards with a common error scale; what the outcome of ``design`` is does not matter.
    """
    learned = card.contamination is not None and card.contamination.share is None
    if not card.is_marginal or card.errors.scale != "common" or learned:
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
    batch = _Batch.build(scaling.apply(design, scaling.median), card)
    vectors, log_proposal = _common_points(batch, standard, scaling.roughness, points, rng)
    blocks = [standard[first : first + _WIDTH] for first in range(0, len(y), _WIDTH)]
    found = np.concatenate([batch.together(vectors, log_proposal, block) for block in blocks], axis=1)
    khat, ess = found[_SUMMARY.index("khat")], found[_SUMMARY.index("ess")]
    alone = ~((khat < KHAT_LIMIT) & (ess >= LEAST_ESS))
    for i in np.flatnonzero(alone):
        found[:, i] = _Batch.build(scaling.apply(design, int(i)), card).by_itself(standard[i], rng)
    found[: _SUMMARY.index("p_positive")] *= scaling.within
    variables = {name: (OUTCOME, values) for name, values in zip(_SUMMARY, found, strict=True)}
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
    def build(cls, design: Design, card: ModelCard) -> _Batch:
        terms = build_terms(design, card)
        model = GramModel(terms, card.errors.structure, by_unit=False)
        return cls(terms, hyperparameters(terms, card), model, *_att_weights(design, card, terms))

    def mode(self, y: Array) -> tuple[Array, Array]:
        """Mode (d,) of the hyperparameters given one standardised outcome (obs,), and their covariance there."""
        return find_mode(self._log_posterior(y), self.space.start())

    def by_itself(self, y: Array, rng: np.random.Generator) -> Array:
        """The summary (7,) given one outcome (obs,), from the points of the ordinary engine."""
        own = sample_by_importance(self._log_posterior(y), self.space.start(), self.space.card.sampler.proposals, rng)
        _, means, sds = self.evaluate(own.vectors, y[None, :])
        return _summary(NormalMixtures(own.weights[None, :], means, sds), np.array([own.khat]))[:, 0]

    def together(self, vectors: Array, log_proposal: Array, y: Array) -> Array:
        """The summaries (7, outcome) given each outcome (outcome, obs), from common points and their log density."""
        log_density, means, sds = self.evaluate(vectors, y)
        smoothed = [smooth_weights(log_ratios) for log_ratios in log_density - log_proposal]
        weights, khat = zip(*smoothed, strict=True)
        return _summary(NormalMixtures(np.array(weights), means, sds), np.array(khat))

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


def _att_weights(design: Design, card: ModelCard, terms: Terms) -> tuple[Array, Array]:
    """The weights of own (unit, q) and of shared (p,) coefficients in ``estimands.att``, on the standardised scale.

    Each treated row counts one over their number; with leads the rows of its unit before the onset count against it.
    """
    unit_ix, treated = terms.unit_ix, design["treated"].to_numpy()
    row = treated / treated.sum()
    if card.effects.leads:
        before = np.isfinite(design["event_time"].to_numpy()) & ~treated
        n_before = np.maximum(np.bincount(unit_ix[before], minlength=design.sizes["unit"]), 1)
        row = row - before * (np.bincount(unit_ix, weights=row) / n_before)[unit_ix]
    own, shared = (
        np.hstack([block.columns * float(block.name in _EFFECT_BLOCKS) for block in blocks]) * row[:, None]
        for blocks in (terms.own, terms.shared)
    )
    starts = np.searchsorted(unit_ix, np.arange(design.sizes["unit"]))
    return np.add.reduceat(own, starts, axis=0), shared.sum(axis=0)


def _common_points(
    batch: _Batch, standard: Array, roughness: Array, points: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Hyperparameter vectors (point, d) that cover the posteriors of all outcomes, and their log density (point,).

    A quarter lies around the modes of a few outcomes from the roughest to the smoothest, the rest around the average
    posterior of many; the density is that of the mixture of the two.
    """
    ordered = np.argsort(roughness, kind="stable")
    modes, covariances = zip(*(batch.mode(standard[i]) for i in _spread(ordered, _PILOTS)), strict=True)
    covariance = np.mean(covariances, axis=0) + np.cov(np.array(modes), rowvar=False, bias=True)
    first = Student(np.mean(modes, axis=0), PILOT_INFLATION * covariance)
    pilot = first.draw(points // 4, rng)
    log_density, _, _ = batch.evaluate(pilot, standard[_spread(ordered, _PLACED_BY)])
    log_ratios = log_density - first.log_density(pilot)
    weights = np.exp(log_ratios - log_ratios.max(axis=1, keepdims=True))
    weights = (weights / weights.sum(axis=1, keepdims=True)).mean(axis=0)
    center = weights @ pilot
    second = Student(center, _INFLATION * (weights[:, None] * (pilot - center)).T @ (pilot - center))
    vectors = np.concatenate([pilot, second.draw(points - len(pilot), rng)])
    share = len(pilot) / points
    log_proposal = np.logaddexp(
        np.log(share) + first.log_density(vectors), np.log1p(-share) + second.log_density(vectors)
    )
    return vectors, log_proposal


def _spread(ordered: Index, count: int) -> Index:
    """At most ``count`` elements, evenly spaced from the first to the last."""
    positions = np.linspace(0, ordered.size - 1, min(count, ordered.size)).round().astype(int)
    return np.asarray(ordered[np.unique(positions)])


def _summary(mixtures: NormalMixtures, khat: Array) -> Array:
    """The rows of ``_SUMMARY`` : (7, outcome)."""
    ends = [mixtures.quantile(p) for p in ((1 - PROB) / 2, (1 + PROB) / 2)]
    p_positive = 1 - mixtures.cdf(np.zeros(khat.size))
    return np.stack([mixtures.mean, mixtures.sd, *ends, p_positive, khat, 1 / (mixtures.weights**2).sum(axis=1)])
