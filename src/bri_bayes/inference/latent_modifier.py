"""The effects of a modifier that is measured with error: many chains, step by step, its true values among the unknowns.

With h the hyperparameters of the outcome, beta its coefficients and (w, m, b, s) those of ``true_values``, a sweep

1. moves h by Metropolis steps, beta integrated, given the true values,
2. draws beta,
3. moves (w, m, b, s) by Metropolis steps, the true values integrated, given beta and h,
4. draws the true values.

1 and 2 are a step on (h, beta), 3 and 4 one on (w, m, b, s, true): the order of a partially collapsed sampler (van Dyk
& Park 2008, doi:10.1198/016214508000000409).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import build_terms
from bri_bayes.inference.latent_products import LatentProducts, loads_of
from bri_bayes.inference.marginal import to_parameters
from bri_bayes.inference.mixture_model import MixtureModel, by_name, starts
from bri_bayes.inference.true_values import TrueValues
from bri_bayes.inference.walkers import Proposals, drawn_given, in_chains, walk
from bri_bayes.study.model_card import ModelCard


def sample_latent(design: Design, card: ModelCard, modifier: str, standard_error: Array, seed: int) -> dict[str, Array]:
    """The variables of the PyMC model that are read : name -> (R, ...)."""
    rng, terms = np.random.default_rng(seed), build_terms(design, card)
    model = MixtureModel.build(terms, card)
    at = [str(name) for name in design["modifier"].values].index(modifier)
    reported = design["Z"].to_numpy()[:, at]
    values = TrueValues.build(reported, standard_error, model.serial)
    products = LatentProducts(model, loads_of(design, terms, modifier))
    vectors = starts(design, card, rng)
    size, chains, draws = len(vectors), card.sampler.chains, card.sampler.draws
    state = LatentState(vectors, values.start(size), np.repeat(reported[None], size, axis=0), np.empty((size, 0)))
    center, spread = float(reported.mean()), float(reported.std())
    kept = walk(LatentSweeps(products, values, center, spread, Proposals(rng), Proposals(rng)), state, draws)
    hyper = model.space.values(in_chains([some.vectors for some in kept], chains, draws))
    place = values.place(in_chains([some.place for some in kept], chains, draws))
    named = by_name(terms, in_chains([some.coefficients for some in kept], chains, draws))
    return {
        **to_parameters(design, card, {**named, "sigma": hyper["sigma"]}),
        f"{modifier}_true": in_chains([some.true for some in kept], chains, draws),
        f"{modifier}_persistent_share": place.share,
        f"{modifier}_between": spread * place.between,
    }


@dataclass(frozen=True, eq=False)
class LatentState:
    """Where B walkers are: h and (w, m, b, s) unconstrained, beta (B, K), true values (B, obs) in reported units."""

    vectors: Array
    place: Array
    true: Array
    coefficients: Array


@dataclass(frozen=True, eq=False)
class LatentSweeps:
    """Sweeps of walkers over ``products.model`` and the true ``values``, reported with ``center`` and ``spread``."""

    products: LatentProducts
    values: TrueValues
    center: float
    spread: float
    proposals: Proposals
    of_place: Proposals

    def learned(self, visited: Sequence[LatentState]) -> LatentSweeps:
        """The same with proposals that suit where walkers have been."""
        proposals = self.proposals.learned(np.concatenate([state.vectors for state in visited]))
        of_place = self.of_place.learned(np.concatenate([state.place for state in visited]))
        return LatentSweeps(self.products, self.values, self.center, self.spread, proposals, of_place)

    def next(self, state: LatentState) -> LatentState:
        """After a sweep."""
        model, loads, rng = self.products.model, self.products.loads, self.proposals.rng
        products = self.products.of(state.true)
        vectors, given = self.proposals.steps(state.vectors, lambda at: model.given(at, products))
        coefficients = drawn_given(given.factor, rng)
        reported = self.center + self.spread * self.values.reported
        fitted = coefficients @ model.columns[:, :-1].T
        errors, slopes = model.columns[:, -1] - fitted, self.spread * loads.slopes(coefficients)
        evidence = self.values.evidence(errors, slopes, given, model.class_ix)
        place, at_place = self.of_place.steps(state.place, lambda at: self.values.given(at, evidence))
        true = reported + self.spread * self.values.draw(at_place, rng)
        return LatentState(vectors, place, true, coefficients)
