"""Section: were treated and controls alike before the treatment, and what if controls are weighted to be so?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from bri_bayes.checks import CheckResult
from bri_bayes.checks.overlap import overlap, overlap_rows
from bri_bayes.checks.psm_did import METHODS, balance_rows, plug_in, psm_did
from bri_bayes.core.json_values import from_json, json_safe
from bri_bayes.core.names import COVARIATE, UNIT
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.pre_period import PrePeriod, pre_period, unit_period_rows
from bri_bayes.inference.convergence import ESS_LIMIT, RHAT_LIMIT
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.propensity import PropensityDraws, prior_of, prior_propensity, sample_propensity
from bri_bayes.inference.weighted import covers
from bri_bayes.presentation.gates import beyond_limits
from bri_bayes.presentation.page_parts import Paragraph, Part, Picture, Shown
from bri_bayes.presentation.results import SectionResult
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.sections.claim_rules import judged
from bri_bayes.report.sections.propensity_tables import BALANCE, EFFECTS, SCORES, TABLES, WEIGHTS
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


def steps(context: Context) -> list[Step]:
    """One for the score, its prior, overlap and balance; then one an outcome and way to match, and one plug-in."""
    card, did = _card(context), _did_card(context)
    pre, rows = _pre(context, card)
    everything = pre_period(context.panel, context.study.assignment, _shown_variables(context), _years(context))
    draws, sets = (QUICK_DRAWS, QUICK_SETS) if context.quick else (DRAWS, SETS)
    names = {unit: context.study.name_of(unit) for unit in context.study.assignment.units}
    key = [_content(pre), _content(rows), card.digest, context.seed, draws]
    found = [
        Step(
            NAME,
            ("score",),
            content_key("propensity-score", key, _content(everything), names),
            partial(_score_step, pre, rows, everything, card, context.seed, draws, names),
        )
    ]
    for outcome in context.study.outcomes:
        analysis = context.analysis(outcome, did)
        same = [analysis.digest, key]
        for method in METHODS:
            call = partial(_psm_step, analysis, pre, rows, card, method, context.seed, draws, sets)
            found.append(Step(NAME, (outcome, method), content_key("psm-did", same, method, sets), call))
        call = partial(_plug_in_step, analysis, pre, rows, card, context.seed, draws)
        found.append(Step(NAME, (outcome, PLUG_IN), content_key("psm-plug-in", same), call))
    return found


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """The score, balance, and by outcome the effect under each way to match."""
    score = dict(results["score",])
    check = from_json(CheckResult, score.pop("check"))
    outcomes = {}
    for name, outcome in context.study.outcomes.items():
        plugged = results[name, PLUG_IN]
        outcomes[name] = {
            "label": outcome.label or name,
            "units": outcome.units,
            "transform": outcome.transform,
            "methods": {method: results[name, method] for method in METHODS},
            "frequentist": plugged["rows"],
            "logit": plugged["logit"],
            "notes": plugged["notes"],
            "all_controls": plugged["all_controls"],
        }
    further = {"score": score, "balance": score.pop("balance")}
    return SectionResult(outcomes, judged(context, ("matched",), outcomes), [check], _failed(score, outcomes), further)


def parts(values: Values) -> list[Part]:
    """The figures, what overlap allows to say, and the tables."""
    section = values[NAME]
    refused = next(iter(section["outcomes"].values()))["logit"].get("refused")
    page: list[Part] = [
        Paragraph(f"{check['detail'].split('. ')[0]}.", strong=True)
        for check in section["checks"]
        if check["passed"] is False
    ]
    if refused:
        page.append(Paragraph(f"The maximum-likelihood logit does not exist: {refused}."))
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
) -> dict[str, Any]:
    posterior = _sampled(rows, card, seed, draws)
    prior = prior_propensity(rows, card, seed, draws=draws)
    units = overlap_rows(pre, posterior)
    rng = np.random.default_rng([seed, 24])
    for at, row in enumerate(units):
        row["name"] = names.get(row["unit"], row["unit"])
        row["prior"] = _spread(prior.score[:, at])
        row["quantiles"] = _quantiles(posterior.score[:, at])
        row["prior_quantiles"] = _quantiles(prior.score[:, at])
    predicted = (rng.random(prior.score.shape) < prior.score).sum(axis=1)
    named = [str(name) for name in pre[COVARIATE].to_numpy()]
    terms = ["intercept", *named]
    labels = ["Intercept", *[str(label) for label in pre["label"].to_numpy()]]
    return dict(
        json_safe(
            {
                "card": card.name,
                "rows": prior_of(card).rows,
                "prior": prior_of(card).lines,
                "years": list(pre.attrs["years"]),
                "covariates": named,
                "coefficients": [
                    {
                        "term": term,
                        "label": label,
                        **_spread(posterior.coefficients[:, at]),
                        "p_positive": float((posterior.coefficients[:, at] > 0).mean()),
                    }
                    for at, (term, label) in enumerate(zip(terms, labels, strict=True))
                ],
                "units": units,
                "n_treated": int(pre["treated"].sum()),
                "prior_predictive": (np.bincount(predicted, minlength=pre.sizes[UNIT] + 1) / len(predicted)).tolist(),
                "balance": balance_rows(pre, everything, posterior, METHODS[MAIN_METHOD]),
                "check": overlap(units, dict(names)),
                "engine": posterior.engine,
                "khat": posterior.khat,
                "ess": posterior.ess,
                "rhat": posterior.rhat,
                "draws": draws,
            }
        )
    )


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
) -> dict[str, Any]:
    posterior = _sampled(rows, card, seed, draws)
    return dict(json_safe(psm_did(analysis, pre, posterior, METHODS[method], seed, sets=sets)))


def _plug_in_step(
    analysis: Analysis, pre: PrePeriod, rows: PrePeriod, card: ModelCard, seed: int, draws: int
) -> dict[str, Any]:
    from bri_bayes.inference.att import att_posterior

    posterior = _sampled(rows, card, seed, draws)
    att = att_posterior(analysis.design, analysis.card, seed).effect.as_dict()
    return dict(json_safe({**plug_in(analysis, pre, posterior), "all_controls": att}))


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
    return [*arrays, [str(one) for one in pre[UNIT].to_numpy()], [str(one) for one in pre["label"].to_numpy()]]


def _failed(score: Mapping[str, Any], outcomes: Mapping[str, Any]) -> list[str]:
    found = []
    khat = score["khat"]
    if not (score["rhat"] < RHAT_LIMIT and score["ess"] > ESS_LIMIT and (khat is None or khat < KHAT_LIMIT)):
        found.append(f"{NAME}/score: {beyond_limits(score)}")
    return found + [
        f"{NAME}/{name}/{method}: k-hat is above {KHAT_LIMIT} in {content['p_unreliable']:.1%} of draws"
        for name, outcome in outcomes.items()
        for method, content in outcome["methods"].items()
        if content["att"] is not None and not content["trustworthy"]
    ]


def _spread(values: np.ndarray) -> dict[str, float]:
    lower, upper = np.quantile(values, [0.025, 0.975])
    return {"mean": float(values.mean()), "sd": float(values.std(ddof=1)), "lower": float(lower), "upper": float(upper)}


def _quantiles(values: np.ndarray) -> list[float]:
    """Every fifth percentile from the 5th to the 95th: the shape of a score, for figures."""
    return [float(value) for value in np.quantile(values, np.linspace(0.05, 0.95, 19))]


SECTION = Section(
    name=NAME,
    title="Propensity, overlap and balance: how comparable are the controls?",
    steps=steps,
    collect=collect,
    parts=parts,
    tables=TABLES,
)
