"""What does the same card say of a changed recipe? One refit, with what its diagnostics say."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.linear import att_effect
from bri_bayes.inference.att import att_posterior
from bri_bayes.inference.fitting import fit, is_trustworthy
from bri_bayes.inference.importance import FEW_POINTS, KHAT_LIMIT, Weighted
from bri_bayes.inference.marginal import is_feasible
from bri_bayes.inference.shared_proposals import LEAST_ESS
from bri_bayes.study.model_card import ModelCard


@dataclass(frozen=True)
class Refit(Result):
    """The ATT of one recipe, and whether its computation can be trusted; no R-hat where nothing is drawn."""

    att: Effect
    engine: str
    ess: float | None
    khat: float | None
    rhat: float | None
    rows: int
    log_marginal: float | None
    trustworthy: bool


# The panel's own answer by digest of the recipe and seed: several checks of one process place placebos around it.
_OBSERVED: dict[tuple[str, int], Effect] = {}
# Points that place those of variants, by digest and seed.
_NEAR: dict[tuple[str, str, int], Weighted | None] = {}
_MOST_KEPT = 64


def observed_effect(analysis: Analysis, seed: int) -> Effect:
    """The ATT of the recipe from its own points, so that it has the digits of every other section; once a process."""
    key = (analysis.digest, seed)
    if key not in _OBSERVED:
        if len(_OBSERVED) >= _MOST_KEPT:
            _OBSERVED.clear()
        _OBSERVED[key] = att_posterior(analysis.design, analysis.card, seed).effect
    return _OBSERVED[key]


def with_few_points(analysis: Analysis) -> Analysis:
    """A changed recipe, one of many: the same card on fewer points, where it is integrated over points."""
    sampler = analysis.card.sampler
    return analysis.sampled(dataclasses.replace(sampler, proposals=min(FEW_POINTS, sampler.proposals)))


def near_by(analysis: Analysis, card: ModelCard, seed: int) -> Weighted | None:
    """Hyperparameters under ``card`` on the panel and assignment of ``analysis``: those of its variants lie near by.

    Without covariates, whose rows a variant may lack; None where controls are exposed, and where the closed form does
    not cover the card or did not get there. Once a process: the same variant has the same digits in each section.
    """
    if card.contamination is not None:
        return None
    plain = dataclasses.replace(card, covariates=())
    key = (analysis.digest, plain.digest, seed)
    if key not in _NEAR:
        if len(_NEAR) >= _MOST_KEPT:
            _NEAR.clear()
        recipe = with_few_points(analysis.replace(card=plain))
        covered = is_feasible(recipe.design, recipe.card)
        points = att_posterior(recipe.design, recipe.card, seed).points if covered else None
        _NEAR[key] = points if points is not None and points.khat < KHAT_LIMIT else None
    return _NEAR[key]


def refit(analysis: Analysis, seed: int, *, variant_of: Analysis | None = None) -> Refit:
    """Fit the recipe anew: as ``fit`` does, without the draws where the closed form needs none.

    ``variant_of`` : a recipe whose posterior under the same card places the points.
    """
    design, card = analysis.design, analysis.card
    if is_feasible(design, card):
        near = None if variant_of is None else near_by(variant_of, card, seed)
        answer = att_posterior(design, card, seed, near)
        points = answer.points
        if points.khat < KHAT_LIMIT:
            return Refit(
                att=answer.effect,
                engine="marginal",
                ess=points.ess,
                khat=points.khat,
                rhat=None,
                rows=design.sizes["obs"],
                log_marginal=answer.log_marginal,
                trustworthy=points.ess > LEAST_ESS,
            )
    result = fit(analysis, seed=seed, pointwise=False)
    known = result.diagnostics
    return Refit(
        att=att_effect(result),
        engine=known["engine"],
        ess=known["ess"],
        khat=known["khat"],
        rhat=known["rhat"],
        rows=design.sizes["obs"],
        log_marginal=result.log_marginal,
        trustworthy=is_trustworthy(result),
    )


def placebo_refit(recipe: Analysis, observed: Analysis, seed: int) -> Refit:
    """Of a recipe with other treated units: few points, placed by the posterior of ``observed``; this one from all."""
    if recipe.digest == observed.digest:
        return refit(observed, seed)
    return refit(with_few_points(recipe), seed, variant_of=observed)
