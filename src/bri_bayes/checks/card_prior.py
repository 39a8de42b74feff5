"""What does one card say of its priors? How the answer hangs on each, and for the one shown first all else."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bri_bayes.checks.power_scaling import ALL, Sensitivity, by_importance, power_scaling
from bri_bayes.checks.prior_predictive import PriorPredictive, prior_predictive
from bri_bayes.checks.prior_scales import LearnedScale, PriorRefit, refits_by_scale, scales
from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.effects import additional_trade
from bri_bayes.estimands.summaries import records
from bri_bayes.inference.att import LIKELIHOOD, att_posterior
from bri_bayes.inference.fitting import fit


@dataclass(frozen=True)
class SensitivityBothWays(Sensitivity):
    """Exact, and from reweighted draws; None for a card whose likelihood given its draws is no chain."""

    by_importance: float | None
    likelihood_by_importance: float | None


@dataclass(frozen=True)
class CardPrior(Result):
    """What was computed for one card; all but sensitivities for the one shown first. ``khats`` : by computation."""

    att: Effect
    sensitivity: Sequence[SensitivityBothWays]
    khats: Mapping[str, float | None]
    scales: Sequence[LearnedScale] | None = None
    refits: Sequence[PriorRefit] | None = None
    predictive: PriorPredictive | None = None
    additional_trade_usd: Mapping[str, Effect] | None = None


def card_prior(analysis: Analysis, seed: int, draws: int, *, full: bool) -> CardPrior:
    """Sensitivities, exact and from ``draws``; ``full`` : with scales, refits and the prior predictive."""
    posterior = att_posterior(analysis.design, analysis.card, seed)
    reweighted = _reweighted(analysis, seed, draws)
    likelihood = reweighted.get(LIKELIHOOD)
    sensitivity = [
        SensitivityBothWays(**vars(row), by_importance=reweighted.get(row.prior), likelihood_by_importance=likelihood)
        for row in power_scaling(posterior)
    ]
    khats: dict[str, float | None] = {"the card": posterior.points.khat}
    if not full:
        return CardPrior(posterior.effect, sensitivity, khats)
    refits = refits_by_scale(posterior, seed)
    khats |= {f"{row.prior} x {row.factor:g}": row.khat for row in refits}
    predictive = prior_predictive(analysis, draws, seed)
    trade = None
    if predictive.additional_trade_by_period:
        trade = records(additional_trade(fit(analysis, engine="marginal", seed=seed, pointwise=False)))
    return CardPrior(posterior.effect, sensitivity, khats, scales(posterior, refits), refits, predictive, trade)


def _reweighted(analysis: Analysis, seed: int, draws: int) -> dict[str, float]:
    """Sensitivities from reweighted draws; none beside noise, whose rows are no chain given the draws, or where shocks
    have a prior that ``log_priors`` does not know."""
    card = analysis.card
    if card.errors.structure == "ar1_noise" or card.shocks.process == "ar1" or isinstance(card.priors.shock, tuple):
        return {}
    sampler = dataclasses.replace(card.sampler, draws=-(-draws // card.sampler.chains))
    drawn = analysis.replace(card=dataclasses.replace(card, sampler=sampler))
    reweighted = by_importance(fit(drawn, engine="marginal", seed=seed, pointwise=False))
    assert ALL in reweighted, "all priors together are among the rows"
    return reweighted
