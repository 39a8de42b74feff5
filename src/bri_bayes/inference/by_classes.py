"""What is the posterior of a large panel? A fit by classes of units: hyperparameters drawn, everything linear exact."""

from __future__ import annotations

import time

import numpy as np
import xarray as xr

from bri_bayes.core.effect import Effect
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.design.design import Design
from bri_bayes.inference.class_moments import ClassMoments
from bri_bayes.inference.exact import ExactPosterior
from bri_bayes.inference.exchangeable import Exchangeable, covers_exchangeable
from bri_bayes.inference.hyperparameters import reported
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.linear_estimands import att_weights
from bri_bayes.inference.marginal import systematic, weigh_hyperparameters
from bri_bayes.study.model_card import ModelCard


def fit_by_classes(analysis: Analysis, seed: int) -> Fit:
    """The fit of a card that ``exchangeable.covers_exchangeable`` or ``class_moments.covers_moments`` lets through.

    Its posterior holds draws of the hyperparameters alone: the coefficients of thousands of units are integrated, and
    linear estimands come from ``exact``. There is no R-hat, as nothing is drawn that could have one.
    """
    started, card, design = time.perf_counter(), analysis.card, analysis.design
    rng = np.random.default_rng(seed)
    model = _model(design, card)
    weighted = weigh_hyperparameters(model, card, rng)
    chains, draws = card.sampler.chains, card.sampler.draws
    chosen = rng.permutation(systematic(weighted.weights, chains * draws, rng))
    hyper = model.space.values(weighted.vectors[chosen])
    named = {name: (("chain", "draw"), value.reshape(chains, draws)) for name, value in reported(hyper).items()}
    groups = {
        "posterior": xr.Dataset(named),
        "sample_stats": xr.Dataset(attrs={"engine": "marginal"}),
    }
    notes = []
    if weighted.khat >= KHAT_LIMIT:
        notes.append(f"k-hat is {weighted.khat:.2f}, above {KHAT_LIMIT}: the importance sample is not reliable")
    diagnostics = {
        "engine": "marginal", "ess": weighted.ess, "rhat": None, "khat": weighted.khat, "divergences": 0,
        "notes": notes, "seconds": round(time.perf_counter() - started, 4),
    }  # fmt: skip
    log_marginal = weighted.log_normaliser - model.terms.y.size * float(np.log(design.attrs["y_scale"]))
    exact = ExactPosterior.of(model, design, weighted.vectors, weighted.weights)
    return Fit(analysis, design, xr.DataTree.from_dict(groups), diagnostics, log_marginal, exact)


def att_by_classes(design: Design, card: ModelCard, seed: int) -> tuple[Effect, float]:
    """The average effect and the k-hat of its importance sample."""
    model = _model(design, card)
    weighted = weigh_hyperparameters(model, card, np.random.default_rng(seed))
    exact = ExactPosterior.of(model, design, weighted.vectors, weighted.weights)
    return exact.effects(att_weights(design, card)[None])[0], weighted.khat


def _model(design: Design, card: ModelCard) -> Exchangeable | ClassMoments:
    """Averages and contrasts where all columns of a class are equal, second moments where covariates are not."""
    return (Exchangeable if covers_exchangeable(design, card) else ClassMoments).build(design, card)
