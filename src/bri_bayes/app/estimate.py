"""One file, one question: what did the treatment do to this outcome? Bayesian and frequentist answers side by side."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from bri_bayes.app.baseline_note import baseline_notes
from bri_bayes.app.levels import levels, logarithmic, question_of_logarithm
from bri_bayes.app.long_panels import in_bins
from bri_bayes.app.own_checks import not_checked, own_checks
from bri_bayes.app.request import Request
from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import json_safe
from bri_bayes.core.names import OBS, PERIOD
from bri_bayes.data.comparable import blame
from bri_bayes.data.panel import period_labels
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import Design, two_way
from bri_bayes.design.log_link import has_log_effects, zeros_of_log1p
from bri_bayes.design.outliers import outliers
from bri_bayes.estimands.first_answer import alternatives, first_card, kept_in, treated_groups, what_separates
from bri_bayes.estimands.linear import averages
from bri_bayes.estimands.summaries import as_dicts, by_unit_and_period, panel_values, warnings_of
from bri_bayes.estimands.why_different import steps_to, why_different
from bri_bayes.frequentist import frequentist_rows
from bri_bayes.frequentist.imputation import ESTIMATOR as IMPUTATION
from bri_bayes.frequentist.level_rows import of_logarithm
from bri_bayes.inference import fit
from bri_bayes.inference.by_classes import fit_by_classes
from bri_bayes.inference.work import plan, seconds_of_average
from bri_bayes.presentation.digits import digits_of
from bri_bayes.presentation.estimate_text import difference_text
from bri_bayes.study.card_changes import with_errors
from bri_bayes.study.card_text import assumption
from bri_bayes.study.model_card import ModelCard, load_card

__all__ = ["Request", "estimate"]

# Seconds of one fit beyond which up to four more are not made for a sentence.
_SHORT = 5.0
_NO_DETAIL = (
    "The effects of single units and cells are left out: with so many treated units they would take many minutes. "
    "--controls with fewer units, or --treated with some of them, has them."
)


def estimate(request: Request) -> dict[str, Any]:
    """The values that ``bri-bayes estimate --json`` prints; "trustworthy" is the diagnostic gate."""
    from bri_bayes.inference.fitting import is_trustworthy

    request = logarithmic(request)
    asked = question_of_logarithm(request)
    card = _card(request, len(asked.assignment.treated_units))
    whole, asked = asked, in_bins(asked, card, request.window)
    analysis = Analysis(asked.panel, asked.assignment, card)
    on_terminal = sys.stderr.isatty()
    try:
        route = plan(analysis.design, card, engine=request.engine)
        compared = of_logarithm(analysis)
        frequentist = [] if compared is None else [row.as_dict() for row in frequentist_rows(compared.design)]
        twfe = (frequentist[0]["estimate"] or 0.0) if frequentist else 0.0
        of_levels = levels(request, analysis, twfe=twfe, binned=asked is not whole)
        if route.by_classes and request.engine != "nuts":
            result = fit_by_classes(analysis, request.seed)
        else:
            result = fit(
                analysis,
                engine=request.engine,
                seed=request.seed,
                pointwise=card.has_log_link,
                progress=on_terminal,
            )
    except InputError as error:
        # Rows that a covariate costs are often why the others do not identify the effect.
        raise InputError(f"{error}{blame(asked.notes)}") from error
    diagnostics = result.diagnostics
    every = averages(result, ("event_time", "unit") if route.in_detail else ("event_time",), cells=route.in_detail)
    bayes = {
        "card": card.name,
        "assumption": assumption(card),
        "treated_groups": treated_groups(analysis.design),
        "att": every.att.as_dict(),
        "by_unit": as_dicts(every.by.get("unit", {})),
        "by_event_time": as_dicts(every.by["event_time"]),
        "by_unit_and_period": by_unit_and_period(every),
        "engine": diagnostics["engine"],
        "ess": diagnostics["ess"],
        "khat": diagnostics["khat"],
        "rhat": diagnostics["rhat"],
        "log_marginal": result.log_marginal,
        "predictive_checks": own_checks(result, request.seed),
    }
    beside = alternatives(analysis, request.seed) if request.model is None else []
    values = {
        "panel": panel_values(asked.panel, analysis.design),
        "outcome": card.outcome,
        "covariates": list(card.covariates),
        "log_points": has_log_effects(analysis.design) and not zeros_of_log1p(analysis.design),
        "model": card.name,
        "treated": list(asked.assignment.treated_units),
        "left_out": dict(asked.left_out),
        "not_yet_treated": list(asked.not_yet_treated),
        "bayes": bayes,
        "alternatives": beside,
        "frequentist": frequentist,
        "ppml": list(of_levels.rows),
        "warnings": [
            *what_separates(card, analysis.design, kept_in(result)),
            *warnings_of(analysis),
            *asked.notes,
            *of_levels.notes,
            *([] if compared is None else _data_notes(asked.panel, compared.design)),
            *(
                _measured(analysis, twfe, bayes["att"], beside, request.seed)
                or _sign_notes(frequentist, bayes["att"], card, n_onsets=len(asked.assignment.onsets))
            ),
            *baseline_notes(analysis, bayes["att"]),
            *([] if route.in_detail else [_NO_DETAIL]),
            *not_checked(result),
            *diagnostics["notes"],
        ],
        "trustworthy": is_trustworthy(result),
    }
    return dict(json_safe(_with_labels(values, asked.panel)))


def _card(request: Request, n_treated: int) -> ModelCard:
    card = load_card(request.model or first_card(n_treated))
    if request.errors is not None:
        card = with_errors(card, request.errors, asked="--errors")
    covariates = request.covariates or card.covariates
    return dataclasses.replace(card, outcome=request.outcome, covariates=covariates)


def _data_notes(panel: xr.Dataset, design: Design) -> list[str]:
    """What the rows themselves say against reading the answer at once."""
    labels = period_labels(panel)
    notes = [
        f"The cell {cell.unit} {labels[cell.period]} ({cell.value:g}) alone makes {100 * cell.share:.0f}% of the "
        "variation beyond unit and period effects: is it an error of typing or of units?"
        for cell in outliers(design)
    ]
    if design.sizes[OBS] - two_way(design).rank <= 1:
        notes.append(
            f"{design.sizes[OBS]} rows leave no degree of freedom beside the effect: the data say nothing of the size "
            "of the errors, so the posterior's width is that of the prior, and least squares has no standard error."
        )
    return notes


def _measured(
    analysis: Analysis, twfe: float, att: Mapping[str, float], beside: Sequence[Mapping[str, Any]], seed: int
) -> list[str]:
    """What makes the posterior differ from least squares, where it does by more than one of its sds and it is cheap."""
    if not twfe or abs(twfe - att["mean"]) <= att["sd"]:
        return []
    card = analysis.card
    known = {card.digest: att["mean"], **{_alike(other["card"], card).digest: other["att"]["mean"] for other in beside}}
    missing = [step for _, step in steps_to(card) if step.digest not in known]
    if any(seconds_of_average(analysis.design, step) > _SHORT for step in missing):
        return []
    difference = why_different(analysis, twfe, seed, known)
    return [] if difference is None else [difference_text(difference, _digits(analysis.design, att))]


def _alike(name: str, card: ModelCard) -> ModelCard:
    """A card that ships, of the outcome and covariates of another."""
    return dataclasses.replace(load_card(name), outcome=card.outcome, covariates=card.covariates)


def _digits(design: Design, att: Mapping[str, float]) -> int:
    return digits_of(att["lower"], att["upper"], "log" if has_log_effects(design) else "none")


def _sign_notes(
    frequentist: Sequence[Mapping[str, Any]], posterior: Mapping[str, float], card: ModelCard, *, n_onsets: int
) -> list[str]:
    """Which assumption separates the rows of the table, where they do not agree on the sign."""
    names = {"twfe": "TWFE", "collapsed": "before and after"}
    rows = {row["estimator"]: row["estimate"] for row in frequentist if row["estimate"] is not None}
    estimates = {names.get(name, name): value for name, value in rows.items() if math.isfinite(value)}
    estimates["the posterior"] = posterior["mean"]
    up, down = ([name for name, value in estimates.items() if sign * value > 0] for sign in (1, -1))
    if not (up and down):
        return []
    imputed = estimates.get(IMPUTATION)
    if n_onsets > 1 and (imputed is None or imputed * posterior["mean"] > 0):
        reason = "onsets differ, and each weighs units and periods in its own way"
    elif card.errors.structure != "iid":
        reason = (
            f"least squares weighs all periods alike, while the card's errors ({card.errors.structure}) persist, "
            "so that the periods next to the onset count most; --errors iid shows the answer without this assumption"
        )
    else:
        reason = "the priors of the card pull the effects together and towards zero, least squares has none"
    return [
        f"The sign hangs on an assumption: {' and '.join(up)} above zero, {' and '.join(down)} below. What separates "
        f"them: {reason}."
    ]


def _with_labels(values: dict[str, Any], panel: xr.Dataset) -> dict[str, Any]:
    """The values with the periods as the file writes them, where these are no years; and what one step is."""
    labels = period_labels(panel)
    step = panel[PERIOD].attrs.get("unit", "year")
    periods = values["panel"]["periods"]
    if [str(period) for period in periods] == [labels[period] for period in periods]:
        return {**values, "panel": {**values["panel"], "period_unit": step}}
    shown = [labels[period] for period in periods]
    nested = {
        unit: {labels[int(period)]: effect for period, effect in effects.items()}
        for unit, effects in values["bayes"]["by_unit_and_period"].items()
    }
    return {
        **values,
        "panel": {**values["panel"], "periods": shown, "period_unit": step},
        "bayes": {**values["bayes"], "by_unit_and_period": nested},
    }
