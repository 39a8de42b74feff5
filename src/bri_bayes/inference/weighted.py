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

The cross-products of each unit are formed once; a set of weights only scales them. Hyperparameters are drawn once, from
points that cover the unweighted and the weighted posteriors, and reweighted for each set.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import Terms, build_terms
from bri_bayes.inference.gram import GramModel
from bri_bayes.inference.hyperparameters import Hyperparameters, hyperparameters
from bri_bayes.inference.importance import (
    KHAT_LIMIT,
    LogDensity,
    Student,
    Weighted,
    find_mode,
    sample_by_importance,
    smooth_weights,
)
from bri_bayes.study.model_card import ModelCard

# Hyperparameter points, and how much wider than the posterior under equal weights their proposal is.
POINTS, INFLATION = 400, 3.0
_EFFECT_BLOCKS = ("path", "own_path", "unit_deviation")


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
    engine = _Weighted(design, card)
    rng = np.random.default_rng([seed, 22])
    vectors, log_proposal = engine.points(powers.mean(axis=0), rng)
    found = [engine.summary(power, vectors, log_proposal, draws, rng) for power in powers]
    mean, sd, sampled, khat = (np.array(part) for part in zip(*found, strict=True))
    scale = design.attrs["y_scale"]
    return WeightedPosteriors(mean * scale, sd * scale, sampled * scale, khat)


class _Weighted:
    """A design whose units take powers: cross-products by unit, scaled and summed when a set of powers comes."""

    def __init__(self, design: Design, card: ModelCard) -> None:
        self.design, self.terms = design, build_terms(design, card)
        self.space: Hyperparameters = hyperparameters(self.terms, card)
        self._by_unit = GramModel(self.terms, card.errors.structure, by_unit=True)
        self.proposals = card.sampler.proposals

    def points(self, power: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """Hyperparameter vectors (POINTS, d) and the log density of their proposal, wide around one posterior."""
        mode, covariance = find_mode(self._log_posterior(self.model(power)), self.space.start())
        proposal = Student(mode, INFLATION * covariance)
        vectors = proposal.draw(POINTS, rng)
        return vectors, proposal.log_density(vectors)

    def model(self, power: Array) -> GramModel:
        """The cross-products and counts of the rows under these powers : (unit,)."""
        model = copy.copy(self._by_unit)
        parts = self._by_unit
        vars(model).update(
            by_unit=False,
            _own=parts._own * power[:, None, None],
            _own_shared=parts._own_shared * power[:, None, None],
            _shared=np.einsum("kuij,u->kij", parts._shared, power),
            _counts=parts._counts * power,
            _rows=parts._rows * power,
        )
        return model

    def summary(
        self, power: Array, vectors: Array, log_proposal: Array, draws: int, rng: np.random.Generator
    ) -> tuple[float, float, Array, float]:
        """Mean, sd, draws and k-hat of the ATT under ``power``; points of its own where the common ones fail."""
        model = self.model(power)
        log_density, means, sds = self._att(model, power, vectors)
        weights, khat = smooth_weights(log_density - log_proposal)
        if khat > KHAT_LIMIT:
            own = sample_by_importance(self._log_posterior(model), self.space.start(), self.proposals, rng)
            vectors, weights, khat = own.vectors, own.weights, own.khat
            if khat > KHAT_LIMIT:
                vectors, weights, khat = self._wider(model, own, rng)
            _, means, sds = self._att(model, power, vectors)
        mean = float(weights @ means)
        sd = float(np.sqrt(weights @ (sds**2 + (means - mean) ** 2)))
        chosen = rng.choice(weights.size, draws, p=weights)
        return mean, sd, means[chosen] + sds[chosen] * rng.standard_normal(draws), float(khat)

    def _wider(self, model: GramModel, found: Weighted, rng: np.random.Generator) -> tuple[Array, Array, float]:
        """Points of a proposal that is wider than the posterior as it was found: for one with a long tail."""
        center = found.weights @ found.vectors
        apart = found.vectors - center
        proposal = Student(center, INFLATION * (found.weights[:, None] * apart).T @ apart)
        vectors = proposal.draw(10 * POINTS, rng)
        weights, khat = smooth_weights(self._log_posterior(model)(vectors) - proposal.log_density(vectors))
        return vectors, weights, khat

    def _log_posterior(self, model: GramModel) -> LogDensity:
        return lambda vectors: model.conditional(self.space.values(vectors)).log_density + self.space.log_prior(vectors)

    def _att(self, model: GramModel, power: Array, vectors: Array) -> tuple[Array, Array, Array]:
        """log p(y, h), and mean and sd of the ATT given h, at each point : (point,).

        With L the Cholesky factor of the precision of the coefficients, the mean of c'b is (L^-1 c)'(L^-1 m), its
        variance |L^-1 c|^2; own coefficients first, shared ones after them.
        """
        own_weight, shared_weight = att_weights(self.design, self.terms, power > 0)
        conditional = model.conditional(self.space.values(vectors))
        p = shared_weight.size
        # The factor is kept, and not the matrix: solve L x = c by rows.
        own_att = _forward(conditional.own_factor, own_weight)
        pulled = np.einsum("buq,buqp->bp", own_att, conditional.own_shared[..., :p])
        shared_att = _forward(conditional.shared_factor[:, :p, :p], shared_weight - pulled)
        own_y, shared_y = conditional.own_shared[..., p], conditional.shared_factor[:, p, :p]
        means = np.einsum("buq,buq->b", own_att, own_y) + (shared_att * shared_y).sum(axis=1)
        sds = np.sqrt((own_att**2).sum(axis=(1, 2)) + (shared_att**2).sum(axis=1))
        return conditional.log_density + self.space.log_prior(vectors), means, sds


def att_weights(design: Design, terms: Terms, counted: NDArray[np.bool_]) -> tuple[Array, Array]:
    """The coefficients' weights in the average effect over treated cells of the units ``counted`` (unit,) bool.

    Own (unit, q) and shared (p,), on the standardised scale.
    """
    unit_ix = terms.unit_ix
    rows = design["treated"].to_numpy() & counted[unit_ix]
    n_units = int(unit_ix.max()) + 1
    share = rows / rows.sum()
    own = [
        np.stack([np.bincount(unit_ix, share * column, minlength=n_units) for column in block.columns.T], axis=1)
        * (block.name in _EFFECT_BLOCKS)
        for block in terms.own
    ]
    shared = [share @ block.columns * (block.name in _EFFECT_BLOCKS) for block in terms.shared]
    return np.hstack(own), np.concatenate(shared)


def _forward(factor: Array, right: Array) -> Array:
    """x with L x = right for lower triangular factors L (..., q, q) and right (..., q)."""
    full = np.broadcast_to(right, factor.shape[:-1])
    x = np.empty_like(full)
    for j in range(factor.shape[-1]):
        x[..., j] = (full[..., j] - (factor[..., j, :j] * x[..., :j]).sum(-1)) / factor[..., j, j]
    return x
