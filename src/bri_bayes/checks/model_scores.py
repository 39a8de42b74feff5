"""How well does one card predict rows, units and periods that it has not seen? The scores behind a comparison.

Cards of the closed-form engine are scored exactly or by refits (``inference.leave_out``), and their PSIS-LOO stands
beside it as a check of PSIS; a sampled card has PSIS-LOO alone, with its k-hat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.estimands.comparison import PsisScores, WaicScores, finite_khat, psis_scores, waic_scores
from bri_bayes.estimands.effects import att
from bri_bayes.estimands.linear import att_effect
from bri_bayes.inference.fitting import fit, fit_outcomes, is_trustworthy
from bri_bayes.inference.leave_out import ROW_POINTS, can_leave_out, leave_future_out, leave_rows_out, leave_units_out
from bri_bayes.study.card_text import ERROR_WORDS, SHARED_WORDS
from bri_bayes.study.model_card import ModelCard

QUICK_POINTS = 1024
_NOT_SAMPLED = "the sampling engine would need a run of its own for each"
_NOT_QUICK = "left out of a quick run"
_EFFECTS = {
    "common": "one effect",
    "by_unit": "effect by unit",
    "event_time": "effect by event time",
    "by_unit_event_time": "effect by unit and event time",
}
_SCALES = {"common": "one error scale", "by_unit": "error scale by unit"}
_TRENDS = {"none": "no trends", "unit_linear": "trend by unit", "group_random_walk": "drift of the treated group"}
_FAMILIES = {"normal": "normal", "student_t": "Student-t"}


@dataclass(frozen=True)
class RowScores(Result):
    """Each row given all others, and which were ``refitted``; ``mc_sd`` : Monte Carlo sd of the sum of ``elpd``."""

    elpd: Sequence[float]
    khat: Sequence[float]
    refitted: Sequence[bool]
    mc_sd: float


@dataclass(frozen=True)
class BlockScores(Result):
    """Each unit or period that was left out, by ``labels``; None where it has no contrast."""

    labels: Sequence[str]
    elpd: Sequence[float | None]
    khat: Sequence[float | None]
    contrasts: Sequence[int]
    mc_sd: float


@dataclass(frozen=True)
class NotScored(Result):
    """Why there is no score of this kind."""

    reason: str


@dataclass(frozen=True)
class ModelScores(Result):
    """The fit of a card and its scores; ``loo`` is None for a card that the closed form does not cover.

    ``psis`` and ``waic`` come from the draws; ``att_draws`` are for mixtures.
    """

    engine: str
    trustworthy: bool
    rhat: float | None
    ess: float
    khat: float | None
    divergences: int
    notes: Sequence[str]
    att: Effect
    att_draws: Sequence[float]
    log_marginal: float | None
    unit_ix: Sequence[int]
    psis: PsisScores
    waic: WaicScores
    loo: RowScores | None
    loco: BlockScores | NotScored
    lfo: BlockScores | NotScored


def model_scores(analysis: Analysis, seed: int, *, quick: bool = False) -> ModelScores:
    """The fit of a card and its scores."""
    return _scores(fit(analysis, seed=seed), seed, quick=quick)


def scores_of_outcomes(analyses: Mapping[str, Analysis], seed: int) -> dict[str, ModelScores]:
    """The same of one card by outcome, its model compiled once where the outcomes have the same rows."""
    return {name: _scores(result, seed, quick=False) for name, result in fit_outcomes(analyses, seed=seed).items()}


def _scores(result: Fit, seed: int, *, quick: bool) -> ModelScores:
    analysis, design, card = result.analysis, result.design, result.analysis.card
    exact = can_leave_out(design, card)
    psis, waic = _from_draws(result)
    loo: RowScores | None = None
    loco: BlockScores | NotScored = NotScored(_NOT_QUICK if quick else _NOT_SAMPLED)
    lfo = loco
    if exact:
        loo = _by_row(leave_rows_out(design, card, points=QUICK_POINTS if quick else ROW_POINTS, seed=seed))
    if exact and not quick:
        first = min(analysis.assignment.onsets)
        loco = _by_block(leave_units_out(design, card, seed=seed), UNIT)
        lfo = _by_block(leave_future_out(design, card, first=first, seed=seed), PERIOD)
    return ModelScores(
        engine=result.diagnostics["engine"],
        trustworthy=is_trustworthy(result),
        **{name: result.diagnostics[name] for name in ("rhat", "ess", "khat", "divergences")},
        notes=list(result.diagnostics["notes"]),
        att=att_effect(result),
        att_draws=att(result).to_numpy().ravel().tolist(),
        log_marginal=result.log_marginal,
        unit_ix=design["unit_ix"].to_numpy().tolist(),
        psis=psis,
        waic=waic,
        loo=loo,
        loco=loco,
        lfo=lfo,
    )


def differences(card: ModelCard, first: ModelCard) -> str:
    """What a card has in place of what the ``first`` of a comparison has, in words; of that one, what it assumes.

    Its name where it differs in nothing of this list.
    """
    words = [
        (SHARED_WORDS[card.shocks.process], card.shocks.process != first.shocks.process),
        (_EFFECTS[card.effects.treatment], card.effects.treatment != first.effects.treatment),
        ("no pooling", card.effects.pooling == "none" != first.effects.pooling),
        ("leads", card.effects.leads and not first.effects.leads),
        (_TRENDS[card.effects.trend], card.effects.trend != first.effects.trend),
        (f"{card.effects.period} period effects", card.effects.period != first.effects.period),
        (ERROR_WORDS[card.errors.structure], card.errors.structure != first.errors.structure),
        (_SCALES[card.errors.scale], card.errors.scale != first.errors.scale),
        (f"{_FAMILIES[card.likelihood.family]} errors", card.likelihood != first.likelihood),
        (f"with {', '.join(card.covariates)}", set(card.covariates) != set(first.covariates) and bool(card.covariates)),
    ]
    differing = ", ".join(text for text, differs in words if differs)
    if card.name == first.name:
        return f"{SHARED_WORDS[card.shocks.process]}, {ERROR_WORDS[card.errors.structure]}"
    return differing or card.name


def _from_draws(result: Fit) -> tuple[PsisScores, WaicScores]:
    log_likelihood = result.posterior["log_likelihood"]["y"]
    draws = log_likelihood.sizes["chain"] * log_likelihood.sizes["draw"]
    # Draws of the closed form are independent; those of the sampler count by the worst of their effective sizes.
    sampled = result.diagnostics["engine"] != "marginal"
    efficiency = min(1.0, result.diagnostics["ess"] / draws) if sampled else 1.0
    plain = log_likelihood.drop_vars([name for name in log_likelihood.coords if name not in ("chain", "draw")])
    return psis_scores(plain, efficiency=efficiency), waic_scores(plain)


def _by_row(scores: xr.Dataset) -> RowScores:
    elpd, khat, refitted = (scores[name].to_numpy() for name in ("elpd", "khat", "refitted"))
    return RowScores(elpd.tolist(), finite_khat(khat).tolist(), refitted.tolist(), scores.attrs["mc_sd"])


def _by_block(scores: xr.Dataset, dim: str) -> BlockScores:
    elpd = scores["elpd"].to_numpy()
    khat = np.where(np.isnan(elpd), np.nan, finite_khat(scores["khat"].to_numpy()))
    return BlockScores(
        labels=[str(label) for label in scores[dim].to_numpy()],
        elpd=_known(elpd),
        khat=_known(khat),
        contrasts=scores["contrasts"].to_numpy().tolist(),
        mc_sd=scores.attrs["mc_sd"],
    )


def _known(values: Array) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
