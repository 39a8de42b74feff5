"""Which numbers stand in which row? The values of a study as tables.

Nothing is estimated here. The one computed number is the interval of a published estimate, estimate ± 1.96 standard
errors, because the literature gives no other. Every table has a column ``panel``, so a row says what it is made from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

Values = Mapping[str, Any]

# The 97.5% quantile of the normal distribution.
NORMAL_QUANTILE = 1.959964
PUBLISHED, BAYES = "published", "bayes"
METHODS: Mapping[tuple[str, str], str] = {
    (PUBLISHED, PUBLISHED): "Published",
    ("twfe", "iid"): "TWFE, ordinary s.e.",
    ("twfe", "cluster"): "TWFE, clustered s.e.",
    ("twfe", "cluster_crv3"): "TWFE, clustered s.e. (CRV3)",
    ("twfe", "wild_cluster_bootstrap"): "TWFE, wild cluster bootstrap",
    ("twfe", "permutation"): "TWFE, permutation test",
    ("collapsed", "t"): "Before and after, exact t",
    (BAYES, "posterior"): "Bayes, posterior",
}
PRE_PERIOD, PRE_AVERAGE, REFERENCE = "pre-period", "pre-period average", "event time -1"

_EFFECT = ("mean", "sd", "lower", "upper", "p_positive")
_NUMBERS = (*_EFFECT, "estimate", "se", "p_value", "ess", "rhat", "khat", "seconds", "log_marginal")
_COUNTS = ("event_time", "period", "n_assignments", "divergences")


def headline(values: Values) -> pd.DataFrame:
    """The answer of each method: published, least squares under each inference, and the posterior of the main card.

    ``se`` of the last is the posterior standard deviation.
    """
    rows = []
    for name, outcome in values["outcomes"].items():
        for row in [*_published(outcome), *_frequentist(outcome), *_posterior(outcome)]:
            method = METHODS.get((row["estimator"], row["inference"]), f"{row['estimator']}, {row['inference']}")
            rows.append({"outcome": name, "label": outcome["label"], "method": method} | row)
    columns = ("outcome", "label", "method", "estimator", "inference", "estimate", "se", "lower", "upper", "p_value")
    return _frame(values, rows, (*columns, "p_positive", "n_assignments", "note"))


def by_model(values: Values) -> pd.DataFrame:
    """The average effect under each card, with its baseline: two baselines are two quantities."""
    rows = [
        {"title": model["title"], "baseline": _baseline(model), **key, **_effect(model["att"])}
        for key, model in _models(values)
    ]
    return _frame(values, rows, ("outcome", "label", "model", "title", "baseline", *_EFFECT))


def by_unit(values: Values) -> pd.DataFrame:
    """The average effect of each treated unit, under each card."""
    rows = [
        {**key, "unit": unit, "name": unit_name(values, unit), **_effect(effect)}
        for key, model in _models(values)
        for unit, effect in model.get("by_unit", {}).items()
    ]
    return _frame(values, rows, ("outcome", "label", "model", "unit", "name", *_EFFECT))


def by_unit_and_period(values: Values) -> pd.DataFrame:
    """The effect in each treated unit and period."""
    rows = [
        {**key, "unit": unit, "name": unit_name(values, unit), "period": int(period), **_effect(effect)}
        for key, model in _models(values)
        for unit, effects in model.get("by_unit_and_period", {}).items()
        for period, effect in effects.items()
    ]
    return _frame(values, rows, ("outcome", "label", "model", "unit", "name", "period", *_EFFECT))


def by_event_time(values: Values) -> pd.DataFrame:
    """The average effect at each event time, by card and baseline; ``period`` where one onset makes it a year."""
    rows = []
    for key, model in _models(values):
        paths = {
            _baseline(model): model.get("by_event_time", {}),
            REFERENCE: model.get("by_event_time_reference", {}),
        }
        onset = common_onset(values["outcomes"][key["outcome"]])
        for baseline, path in paths.items():
            for time, effect in sorted((int(time), effect) for time, effect in path.items()):
                when = {"event_time": time, "period": None if onset is None else onset + time}
                rows.append({**key, "baseline": baseline, **when, **_effect(effect)})
    columns = ("outcome", "label", "model", "baseline", "event_time", "period")
    return _frame(values, rows, (*columns, *_EFFECT))


def event_study_rows(rows: pd.DataFrame, outcome: Values) -> pd.DataFrame:
    """The rows of ``by_event_time`` that an event study shows: of the first card with leads, or of the main card."""
    leads = rows[rows["baseline"] == REFERENCE]
    return rows[rows["model"] == (outcome.get("main") if leads.empty else leads["model"].iloc[0])]


def additional_trade(values: Values) -> pd.DataFrame:
    """Level with the policy minus level without, all treated units together, US dollars a year."""
    rows = [
        {**key, "period": int(period), **_effect(effect)}
        for key, model in _models(values)
        for period, effect in model.get("additional_trade_usd", {}).items()
    ]
    return _frame(values, rows, ("outcome", "label", "model", "period", *_EFFECT))


def diagnostics(values: Values) -> pd.DataFrame:
    """Did each fit succeed, with which engine, and how long did it take?"""
    names = ("engine", "ess", "rhat", "khat", "divergences", "seconds")
    rows = []
    for key, model in _models(values):
        found = model.get("diagnostics", {})
        notes = {"notes": "; ".join(found.get("notes", [])), "log_marginal": model.get("log_marginal")}
        rows.append(key | {name: found.get(name) for name in names} | notes | {"passes": model.get("trustworthy")})
    columns = ("outcome", "label", "model", *names, "log_marginal", "passes", "notes")
    return _frame(values, rows, columns).astype({"passes": "boolean"})


def parameters(values: Values) -> pd.DataFrame:
    """Scales, correlations and coefficients of each card, in outcome units."""
    rows = [
        {**key, "parameter": name, **_effect(effect)}
        for key, model in _models(values)
        for name, effect in model.get("parameters", {}).items()
    ]
    return _frame(values, rows, ("outcome", "label", "model", "parameter", *_EFFECT))


TABLES: Mapping[str, Callable[[Values], pd.DataFrame]] = {
    "headline": headline,
    "by_model": by_model,
    "by_unit": by_unit,
    "by_unit_and_period": by_unit_and_period,
    "by_event_time": by_event_time,
    "additional_trade": additional_trade,
    "diagnostics": diagnostics,
    "parameters": parameters,
}
CAPTIONS: Mapping[str, str] = {
    "headline": "The effect by each method, with 95% intervals",
    "by_model": "The average effect under each model: posterior mean, sd and 95% interval",
    "by_unit": "The average effect of each treated unit: posterior mean, sd and 95% interval",
    "by_unit_and_period": "The effect in each treated unit and period: posterior mean, sd and 95% interval",
    "by_event_time": "The effect by event time: posterior mean, sd and 95% interval",
    "additional_trade": "Additional trade of all treated units, US dollars a year: posterior mean, sd and 95% interval",
    "diagnostics": "Diagnostics of each fit",
    "parameters": "Parameters: posterior mean, sd and 95% interval",
}


def main_model(outcome: Values) -> Values:
    """The values of the main card of an outcome; empty where no card was fitted."""
    return dict(outcome["models"].get(outcome.get("main"), {}))


def section_outcomes(values: Values, section: str, key: str) -> dict[str, dict[str, Any]]:
    """What a further section says of each outcome for which it has ``key``, under the label that the study gives."""
    found = values[section].get("details") or values[section]["outcomes"]
    return {
        name: {**found[name], "label": values["outcomes"].get(name, found[name])["label"]}
        for name in found
        if found[name].get(key)
    }


def unit_name(values: Values, unit: str) -> str:
    """The name of a unit, or its code."""
    return str(values.get("unit_names", {}).get(unit, unit))


def common_onset(outcome: Values) -> int | None:
    """The first treated year if it is the same for all treated units, so that an event time is a year; else None."""
    onset, model = outcome.get("onset"), main_model(outcome)
    if onset is None:
        return None
    after = {int(onset) + int(time) for time in model.get("by_event_time", {}) if int(time) >= 0}
    return int(onset) if after == {int(period) for period in model.get("by_period", {})} or not after else None


def provenance(values: Values) -> str:
    """What the numbers are made from, in one line; a panel that is not observed says so first."""
    panel = values["panel"]
    kinds = {
        "simulation": "SIMULATED PANEL - not observations. ",
        "reconstruction": "RECONSTRUCTED PANEL - not observations. ",
        "user": "User's own panel, not checked against a source. ",
    }
    sources = "; ".join(str(source) for source in panel.get("sources") or [])
    parts = [str(panel.get("label") or "").rstrip("."), f"Source: {sources}" if sources else ""]
    text = kinds.get(panel["kind"], "") + ". ".join(part for part in parts if part)
    return text.strip() or "The study names no source."


def estimate_text(values: Values) -> str:
    """The values of ``bri-bayes estimate`` as text for a terminal: methods, units, event times, warnings."""
    panel, bayes = values["panel"], values["bayes"]
    model = {"title": values["model"], "att": bayes["att"]}
    outcome = {"models": {"main": model}, "main": "main", "frequentist": values.get("frequentist")}
    rows = pd.DataFrame([*_frequentist(outcome), *_posterior(outcome)])
    names = [METHODS.get(pair, ", ".join(pair)) for pair in zip(rows["estimator"], rows["inference"], strict=True)]
    shown = rows.drop(columns=["estimator", "inference", "n_assignments", "note"]).set_axis(names).astype(float)
    by = [pd.DataFrame(bayes[f"by_{key}"]).T.rename_axis(key.replace("_", " ")) for key in ("unit", "event_time")]
    parts = [
        f"{values['outcome']}: effect on {', '.join(values['treated'])} (model {values['model']}, {bayes['engine']})",
        f"{provenance(values).rstrip('.')}. {panel['rows']} rows of {len(panel['units'])} units, 95% intervals.",
        *(frame.to_string(float_format="{:.3f}".format, na_rep="") for frame in (shown, *by)),
        *(f"Note: {warning}" for warning in values.get("warnings", [])),
    ]
    return "\n\n".join(parts)


def _published(outcome: Values) -> list[dict[str, Any]]:
    found = outcome.get("published")
    if not found:
        return []
    half = NORMAL_QUANTILE * found["se"]
    bounds = {"lower": found["estimate"] - half, "upper": found["estimate"] + half}
    note = f"{found['source']}; interval: estimate ± 1.96 s.e."
    row = {"estimate": found["estimate"], "se": found["se"], **bounds, "note": note}
    return [{"estimator": PUBLISHED, "inference": PUBLISHED, **row}]


def _frequentist(outcome: Values) -> list[dict[str, Any]]:
    """Known methods in the order of METHODS, then the others in their own order."""
    names = ("estimator", "inference", "estimate", "se", "lower", "upper", "p_value", "n_assignments", "note")
    rows = [{name: row.get(name) for name in names} for row in outcome.get("frequentist") or []]
    order = {method: position for position, method in enumerate(METHODS)}
    return sorted(rows, key=lambda row: order.get((row["estimator"], row["inference"]), len(order)))


def _posterior(outcome: Values) -> list[dict[str, Any]]:
    model = main_model(outcome)
    if not model:
        return []
    effect = _effect(model["att"])
    effect |= {"estimate": effect.pop("mean"), "se": effect.pop("sd")}
    return [{"estimator": BAYES, "inference": "posterior", **effect, "note": model["title"]}]


def _models(values: Values) -> Iterable[tuple[dict[str, str], Values]]:
    for name, outcome in values["outcomes"].items():
        for card, model in outcome["models"].items():
            yield {"outcome": name, "label": outcome["label"], "model": card}, model


def _baseline(model: Values) -> str:
    return str(model.get("baseline") or (PRE_AVERAGE if model.get("by_event_time_reference") else PRE_PERIOD))


def _effect(record: Values) -> dict[str, Any]:
    return {name: record.get(name) for name in _EFFECT}


def _frame(values: Values, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    """The rows under ``columns``, an absent number as missing, and the kind of the panel."""
    types = dict.fromkeys(_NUMBERS, "float64") | dict.fromkeys(_COUNTS, "Int64")
    frame = pd.DataFrame(rows, columns=list(columns))
    frame = frame.astype({column: kind for column, kind in types.items() if column in columns})
    return frame.assign(panel=values["panel"]["kind"])
