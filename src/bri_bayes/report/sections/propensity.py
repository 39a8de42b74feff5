"""Section: were treated and controls alike before the treatment, and what if controls are weighted to be so?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from bri_bayes.checks.overlap import TreatedScore, UnitScore, overlap, overlap_rows
from bri_bayes.checks.psm_did import (
    METHODS,
    LogitScore,
    MatchedEffect,
    PlugIn,
    PlugInEstimate,
    VariableBalance,
    balance_rows,
    plug_in,
    psm_did,
)
from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result, json_safe
from bri_bayes.core.names import COVARIATE, UNIT
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.pre_period import PrePeriod, pre_period, unit_period_rows
from bri_bayes.inference.att import att_posterior
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.propensity import PropensityDraws, prior_of, prior_propensity, sample_propensity
from bri_bayes.inference.weighted import covers
from bri_bayes.presentation.gates import exceeded
from bri_bayes.presentation.page_parts import Paragraph, Part, Picture, Shown
from bri_bayes.presentation.results import Described, SectionResult
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.sections.claim_rules import judged
from bri_bayes.report.sections.propensity_tables import BALANCE, EFFECTS, SCORES, TABLES, WEIGHTS, with_labels
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step
from bri_bayes.study.model_card import ModelCard, load_card

NAME = "propensity"
FIGURES = ("propensity_prior", "overlap", "love_plot", "match_weights", "psm_did")
# Draws of the score, and how many of them a match is made for.
DRAWS, SETS = 2000, 300
QUICK_DRAWS, QUICK_SETS = 1000, 60
# A step beside those of the ways to match.
PLUG_IN = "plug-in"
# The match whose balance is shown: the one that every treated unit has.
MAIN_METHOD = "nearest"


@dataclass(frozen=True, kw_only=True)
class Coefficient(Effect):
    """Log odds of treatment for one sd of a covariate."""

    term: str
    label: str


@dataclass(frozen=True)
class Score(Result):
    """The propensity score: the card with its priors, coefficients, units, and how it was sampled.

    ``prior_predictive`` : the probability of each number of treated units, from none to all.
    """

    card: str
    rows: str
    prior: Sequence[str]
    years: Sequence[int]
    covariates: Sequence[str]
    coefficients: Sequence[Coefficient]
    units: Sequence[TreatedScore | UnitScore]
    n_treated: int
    prior_predictive: Sequence[float]
    engine: str
    khat: float | None
    ess: float
    rhat: float
    draws: int


@dataclass(frozen=True)
class ScoreAndBalance(Result):
    """What the one step of the score answers."""

    score: Score
    balance: Sequence[VariableBalance]


@dataclass(frozen=True)
class PlugInAndAll(PlugIn):
    """With the posterior when all controls count alike."""

    all_controls: Effect


@dataclass(frozen=True)
class PropensityOutcome(Described):
    """One outcome under each way to match, beside least squares with a score as if it were known."""

    methods: Mapping[str, MatchedEffect]
    frequentist: Sequence[PlugInEstimate]
    logit: LogitScore
    notes: Sequence[str]
    all_controls: Effect


def steps(context: Context) -> list[Step]:
    """One for the score, its prior, overlap and balance; then one an outcome and way to match, and one plug-in."""
    card, did = _card(context), _did_card(context)
    pre, rows = _pre(context, card)
    everything = pre_period(context.panel, context.study.assignment, _shown_variables(context), _years(context))
    draws, sets = (QUICK_DRAWS, QUICK_SETS) if context.quick else (DRAWS, SETS)
    names = {unit: context.study.name_of(unit) for unit in context.study.assignment.units}
    key = [_content(pre), _content(rows), card.digest, context.seed, draws]
    pieces = [
        Step(
            NAME,
            ("score",),
            content_key("propensity-score", key, _content(everything), names),
            partial(_score_step, pre, rows, everything, card, context.seed, draws, names),
            ScoreAndBalance,
        )
    ]
    for outcome in context.study.outcomes:
        analysis = context.analysis(outcome, did)
        same = [analysis.digest, key]
        for method in METHODS:
            matching = partial(_psm_step, analysis, pre, rows, card, method, context.seed, draws, sets)
            name = content_key("psm-did", same, method, sets)
            pieces.append(Step(NAME, (outcome, method), name, matching, MatchedEffect))
        plugging = partial(_plug_in_step, analysis, pre, rows, card, context.seed, draws)
        pieces.append(Step(NAME, (outcome, PLUG_IN), content_key("psm-plug-in", same), plugging, PlugInAndAll))
    return pieces


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """The score, balance, and by outcome the effect under each way to match."""
    step: ScoreAndBalance = results["score",]
    outcomes = {}
    for name in context.study.outcomes:
        plugged: PlugInAndAll = results[name, PLUG_IN]
        outcomes[name] = PropensityOutcome(
            **vars(context.described(name)),
            methods={method: results[name, method] for method in METHODS},
            frequentist=plugged.rows,
            logit=plugged.logit,
            notes=plugged.notes,
            all_controls=plugged.all_controls,
        )
    claims = judged(context, ("matched",), json_safe(outcomes))
    checks = [overlap(step.score.units)]
    return SectionResult(outcomes, claims, checks, _failed(step.score, outcomes), vars(step))


def parts(values: Values) -> list[Part]:
    """The figures, what overlap allows to say, and the tables."""
    section = values[NAME]
    page: list[Part] = [
        Paragraph(f"{check['detail'].split('. ')[0]}.", strong=True)
        for check in section["checks"]
        if check["passed"] is False
    ]
    if refused := next(iter(section["outcomes"].values()))["logit"].get("refused"):
        why = with_labels(section["score"], refused.split(";")[0])  # not what to do instead, which a reader cannot
        page.append(Paragraph(f"There is no maximum-likelihood logit: {why}."))
    page += [Picture(name) for name in FIGURES]
    page += [Shown(BALANCE.fill(values)), *map(Shown, EFFECTS.fill(values).by_outcome())]
    page += [
        Shown(SCORES.fill(values), folded="Scores and counterparts of all units"),
        Shown(WEIGHTS.fill(values), folded="Weights of the controls by way to match"),
    ]
    notes = [note for outcome in section["outcomes"].values() for note in outcome["notes"]]
    return page + [Paragraph(note) for note in dict.fromkeys(notes)]


def _score_step(
    pre: PrePeriod,
    rows: PrePeriod,
    everything: PrePeriod,
    card: ModelCard,
    seed: int,
    draws: int,
    names: Mapping[str, str],
) -> ScoreAndBalance:
    posterior = _sampled(rows, card, seed, draws)
    prior = prior_propensity(rows, card, seed, draws=draws)
    drawn = prior.score
    predicted = (np.random.default_rng([seed, 24]).random(drawn.shape) < drawn).sum(axis=1)
    covariates = [str(name) for name in pre[COVARIATE].to_numpy()]
    labels = ["Intercept", *[str(label) for label in pre["label"].to_numpy()]]
    score = Score(
        card=card.name,
        rows=prior_of(card).rows,
        prior=prior_of(card).lines,
        years=list(pre.attrs["years"]),
        covariates=covariates,
        coefficients=[
            Coefficient(**vars(Effect.of_draws(column)), term=term, label=label)
            for column, term, label in zip(posterior.coefficients.T, ["intercept", *covariates], labels, strict=True)
        ],
        units=overlap_rows(pre, posterior, prior, names),
        n_treated=int(pre["treated"].sum()),
        prior_predictive=(np.bincount(predicted, minlength=pre.sizes[UNIT] + 1) / len(predicted)).tolist(),
        engine=posterior.engine,
        khat=posterior.khat,
        ess=posterior.ess,
        rhat=posterior.rhat,
        draws=draws,
    )
    return ScoreAndBalance(score, balance_rows(pre, everything, posterior, METHODS[MAIN_METHOD]))


def _sampled(rows: PrePeriod, card: ModelCard, seed: int, draws: int) -> PropensityDraws:
    """The draws of the score; the last ones are kept, since every step of a process asks for the same."""
    key = content_key("draws", _content(rows), card.digest, seed, draws)
    if key not in _LAST:
        _LAST.clear()
        _LAST[key] = sample_propensity(rows, card, seed, draws=draws)
    return _LAST[key]


_LAST: dict[str, PropensityDraws] = {}


def _psm_step(
    analysis: Analysis, pre: PrePeriod, rows: PrePeriod, card: ModelCard, method: str, seed: int, draws: int, sets: int
) -> MatchedEffect:
    posterior = _sampled(rows, card, seed, draws)
    return psm_did(analysis, pre, posterior, METHODS[method], seed, sets=sets)


def _plug_in_step(
    analysis: Analysis, pre: PrePeriod, rows: PrePeriod, card: ModelCard, seed: int, draws: int
) -> PlugInAndAll:
    answers = plug_in(analysis, pre, _sampled(rows, card, seed, draws))
    return PlugInAndAll(**vars(answers), all_controls=att_posterior(analysis.design, analysis.card, seed).effect)


def _pre(context: Context, card: ModelCard) -> tuple[PrePeriod, PrePeriod]:
    """A row a unit, and the rows that the card is fitted to."""
    study = context.study
    names = study.propensity.covariates or tuple(study.covariates)
    pre = pre_period(context.panel, study.assignment, names, _years(context))
    if prior_of(card).rows == "unit":
        return pre, pre
    return pre, unit_period_rows(context.panel, study.assignment, names, _years(context))


def _shown_variables(context: Context) -> tuple[str, ...]:
    table, study = context.study.propensity, context.study
    return tuple(dict.fromkeys([*(table.covariates or tuple(study.covariates)), *table.balance]))


def _years(context: Context) -> tuple[int, int] | None:
    return context.study.propensity.years


def _card(context: Context) -> ModelCard:
    """The propensity card: --model, one among the cards of the study, or the one that ships."""
    asked = context.options.get("model")
    if asked is not None:
        return load_card(asked)
    return next((card for card in context.cards.values() if card.propensity is not None), load_card(NAME))


def _did_card(context: Context) -> ModelCard:
    """The first card of the study to which weights can be given, else the shipped ``did``."""
    return next((card for card in context.cards.values() if covers(card)), load_card("did"))


def _content(pre: PrePeriod) -> list[Any]:
    arrays = [pre[name].to_numpy().tolist() for name in ("X", "treated")]
    return [*arrays, *([str(text) for text in pre[name].to_numpy()] for name in (UNIT, "label"))]


def _failed(score: Score, outcomes: Mapping[str, PropensityOutcome]) -> list[str]:
    of_score = exceeded(vars(score))
    return [f"{NAME}/score: {', '.join(of_score)}"] * bool(of_score) + [
        f"{NAME}/{name}/{method}: k-hat is above {KHAT_LIMIT} in {effect.p_unreliable:.1%} of draws"
        for name, outcome in outcomes.items()
        for method, effect in outcome.methods.items()
        if effect.trustworthy is False
    ]


SECTION = Section(
    name=NAME,
    card=_did_card,
    title="Propensity, overlap and balance: how comparable are the controls?",
    steps=steps,
    collect=collect,
    parts=parts,
    outcome=PropensityOutcome,
    tables=TABLES,
)
