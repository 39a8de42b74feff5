"""Which of several cards predicts best, and what do they say together? From the scores of each card to one table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.checks.model_scores import BlockScores, ModelScores, NotScored
from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result
from bri_bayes.estimands.comparison import (
    SMALL_DIFFERENCE,
    WAIC_LIMIT,
    Difference,
    Verdict,
    difference,
    mixture_att,
    model_weights,
    psis_verdict,
    total,
)
from bri_bayes.inference.importance import KHAT_LIMIT


@dataclass(frozen=True)
class PsisSummary(Result):
    """PSIS-LOO over all rows; ``error`` : against the exact score, None where there is none."""

    elpd: float
    p: float
    khat_max: float
    khat_limit: float
    rows_above: int
    verdict: Verdict
    error: float | None


@dataclass(frozen=True)
class WaicSummary(Result):
    """WAIC over all rows, and of how many rows the variance is too large for it."""

    elpd: float
    p: float
    rows_above: int


@dataclass(frozen=True)
class BlockScore(Result):
    """A unit or period that was left out."""

    elpd: float | None
    khat: float | None
    contrasts: int


@dataclass(frozen=True)
class BlockSummary(Result):
    """Sum, standard error over blocks, worst k-hat, and each block; or the ``reason`` why there is none."""

    elpd: float | None
    se: float | None
    mc_sd: float | None = None
    khat_max: float | None = None
    reliable: bool | None = None
    by: Mapping[str, BlockScore] | None = None
    reason: str | None = None


@dataclass(frozen=True)
class CardScores(Result):
    """A card by itself: its scores and its effect; ``method`` : exact or PSIS."""

    method: str
    elpd_loo: float
    se: float | None
    p_loo: float
    mc_sd: float | None
    rows_refitted: int | None
    khat_hyper: float | None
    khat_max: float
    psis: PsisSummary
    waic: WaicSummary
    loco: BlockSummary
    lfo: BlockSummary
    log_marginal: float | None
    att: Effect
    engine: str
    trustworthy: bool
    notes: Sequence[str]


@dataclass(frozen=True)
class ModelRow(CardScores, Difference):
    """A card among the others: ``label`` : what it has in place of the first card; ``similar`` : it predicts as well as
    the best. Weights are None for a card without a reliable score, and all comparisons where no card has one.
    """

    name: str
    label: str
    verdict: Verdict
    similar: bool | None
    weight: float | None
    pseudo_bma: float | None
    pseudo_bma_plus: float | None


@dataclass(frozen=True)
class Stacked(Result):
    """The ATT of the mixture of cards, by two kinds of weights."""

    att: Effect
    att_pseudo_bma_plus: Effect


@dataclass(frozen=True)
class AttRange(Result):
    """The least and the largest posterior mean of the ATT, and whose they are."""

    lowest: float
    lowest_model: str
    highest: float
    highest_model: str


@dataclass(frozen=True)
class ModelTable(Result):
    """``models`` from the best score to the worst; ``best`` and ``stacked`` None where no score is reliable."""

    models: Sequence[ModelRow]
    best: str | None
    stacked: Stacked | None
    att_range: AttRange


def model_table(by_card: Mapping[str, ModelScores], labels: Mapping[str, str]) -> ModelTable:
    """Scores with differences and weights, and the stacked ATT.

    A card whose score is unreliable by rule keeps its row, but is no reference and has no weight.
    """
    elpd = {name: _elpd(scores) for name, scores in by_card.items()}
    verdicts = {name: _verdict(scores) for name, scores in by_card.items()}
    used = [name for name in by_card if verdicts[name] != "unreliable"]
    best = max(used, key=lambda name: float(elpd[name].sum())) if used else None
    weights = model_weights({name: elpd[name] for name in used}) if used else {}
    rows = []
    for name, scores in by_card.items():
        gap = Difference(None, None, None)
        if best is not None:
            gap = difference(elpd[name], elpd[best], np.asarray(by_card[best].unit_ix))
        share = {method: of_card.get(name) for method, of_card in weights.items()}
        rows.append(
            ModelRow(
                **vars(_scores(scores)),
                **vars(gap),
                name=name,
                label=labels[name],
                verdict=verdicts[name],
                similar=_is_similar(gap),
                weight=share.get("stacking"),
                pseudo_bma=share.get("pseudo_bma"),
                pseudo_bma_plus=share.get("pseudo_bma_plus"),
            )
        )
    stacked = None
    if used:
        draws = {name: by_card[name].att_draws for name in used}
        stacked = Stacked(*(mixture_att(draws, weights[method]) for method in ("stacking", "pseudo_bma_plus")))
    return ModelTable(sorted(rows, key=lambda row: -row.elpd_loo), best, stacked, _range(rows))


def _is_similar(gap: Difference) -> bool | None:
    if gap.elpd_diff is None:
        return None
    return abs(gap.elpd_diff) < max(SMALL_DIFFERENCE, 2 * max(gap.se_diff or 0.0, gap.se_diff_units or 0.0))


def _elpd(scores: ModelScores) -> Array:
    return np.asarray((scores.loo or scores.psis).elpd, dtype=float)


def _verdict(scores: ModelScores) -> Verdict:
    if scores.loo is None:
        return psis_verdict(np.asarray(scores.psis.khat), scores.psis.khat_limit)
    return "exact" if _worst(scores.loo.khat) < KHAT_LIMIT else "unreliable"


def _scores(scores: ModelScores) -> CardScores:
    loo, psis, waic = scores.loo, scores.psis, scores.waic
    sums = total(_elpd(scores))
    khat = np.asarray(psis.khat)
    lppd = float(np.sum(waic.elpd) + np.sum(waic.p))
    return CardScores(
        method="psis" if loo is None else "exact",
        elpd_loo=sums.elpd,
        se=sums.se,
        p_loo=lppd - sums.elpd,
        mc_sd=None if loo is None else loo.mc_sd,
        rows_refitted=None if loo is None else sum(loo.refitted),
        khat_hyper=None if loo is None else _worst(loo.khat),
        khat_max=_worst(psis.khat),
        psis=PsisSummary(
            elpd=float(np.sum(psis.elpd)),
            p=psis.p_loo,
            khat_max=_worst(psis.khat),
            khat_limit=psis.khat_limit,
            rows_above=int(np.sum(khat >= psis.khat_limit)),
            verdict=psis_verdict(khat, psis.khat_limit),
            error=None if loo is None else float(np.sum(psis.elpd) - sums.elpd),
        ),
        waic=WaicSummary(
            elpd=float(np.sum(waic.elpd)),
            p=float(np.sum(waic.p)),
            rows_above=int(np.sum(np.asarray(waic.p) > WAIC_LIMIT)),
        ),
        loco=_blocks(scores.loco),
        lfo=_blocks(scores.lfo),
        log_marginal=scores.log_marginal,
        att=scores.att,
        engine=scores.engine,
        trustworthy=scores.trustworthy,
        notes=scores.notes,
    )


def _blocks(scores: BlockScores | NotScored) -> BlockSummary:
    if isinstance(scores, NotScored):
        return BlockSummary(None, None, reason=scores.reason)
    sums = total(np.array([np.nan if value is None else value for value in scores.elpd], dtype=float))
    by_label = zip(scores.labels, scores.elpd, scores.khat, scores.contrasts, strict=True)
    khat = _worst(value for value in scores.khat if value is not None)
    return BlockSummary(
        sums.elpd,
        sums.se,
        mc_sd=scores.mc_sd,
        khat_max=khat,
        reliable=khat < KHAT_LIMIT,
        by={label: BlockScore(elpd, of_block, count) for label, elpd, of_block, count in by_label},
    )


def _worst(khat: Iterable[float]) -> float:
    return max(khat, default=0.0)


def _range(rows: Sequence[ModelRow]) -> AttRange:
    low, high = (pick(rows, key=lambda row: row.att.mean) for pick in (min, max))
    return AttRange(low.att.mean, low.name, high.att.mean, high.name)
