"""Which tables has the main answer of a study? Effects by model, unit and year, diagnostics and parameters."""

from __future__ import annotations

from bri_bayes.inference.hyperparameters import PRIOR_OF
from bri_bayes.presentation.study_tables import (
    BY_EVENT_TIME,
    HEADLINE,
    INTERVALS,
    MODEL,
    OUTCOME,
    Rows,
    baseline_of,
    effect_of,
    models_of,
    unit_name,
)
from bri_bayes.presentation.table_spec import Column, TableSpec, Values, effect_columns, in_csv


def _model_rows(values: Values) -> Rows:
    return [
        {"title": model["title"], "baseline": baseline_of(model), **key, **effect_of(model["att"])}
        for key, model in models_of(values)
    ]


def _unit_rows(values: Values) -> Rows:
    return [
        {**key, "unit": unit, "name": unit_name(values, unit), **effect_of(effect)}
        for key, model in models_of(values)
        for unit, effect in model.get("by_unit", {}).items()
    ]


def _cell_rows(values: Values) -> Rows:
    return [
        {**key, "unit": unit, "name": unit_name(values, unit), "period": int(period), **effect_of(effect)}
        for key, model in models_of(values)
        for unit, effects in model.get("by_unit_and_period", {}).items()
        for period, effect in effects.items()
    ]


def _trade_rows(values: Values) -> Rows:
    """Level with the policy minus level without, all treated units together."""
    return [
        {**key, "period": int(period), **effect_of(effect)}
        for key, model in models_of(values)
        for period, effect in model.get("additional_trade_usd", {}).items()
    ]


def _diagnostic_rows(values: Values) -> Rows:
    rows = []
    for key, model in models_of(values):
        known = model.get("diagnostics", {})
        more = {"log_marginal": model.get("log_marginal"), "passes": model.get("trustworthy")}
        rows.append({**key, **known, **more, "notes": "; ".join(known.get("notes", []))})
    return rows


def _parameter_rows(values: Values) -> Rows:
    """Scales, correlations and coefficients of each card, in outcome units; that a scale is positive is no finding."""
    return [
        {**key, "parameter": name, **effect_of(effect)} | ({"p_positive": None} if _is_a_scale(name) else {})
        for key, model in models_of(values)
        for name, effect in model.get("parameters", {}).items()
    ]


def _is_a_scale(parameter: str) -> bool:
    return parameter.partition("[")[0] in ("sigma", "sigma_unit", *PRIOR_OF)


_UNIT = (*MODEL, *in_csv("unit"), Column("name", "unit"))

BY_MODEL = TableSpec(
    "by_model",
    f"The average effect under each model: {INTERVALS}",
    (*MODEL, Column("title", "what it says", minor=True), Column("baseline", "baseline"), *effect_columns()),
    _model_rows,
)
BY_UNIT = TableSpec(
    "by_unit", f"The average effect of each treated unit: {INTERVALS}", (*_UNIT, *effect_columns()), _unit_rows
)
BY_UNIT_AND_PERIOD = TableSpec(
    "by_unit_and_period",
    f"The effect in each treated unit and period: {INTERVALS}",
    (*_UNIT, Column("period", "year", "year"), *effect_columns()),
    _cell_rows,
)
ADDITIONAL_TRADE = TableSpec(
    "additional_trade",
    f"Additional trade of all treated units, US dollars a year: {INTERVALS}",
    (
        *MODEL,
        Column("period", "year", "year"),
        *(Column(column.key, column.heading, "dollars") for column in effect_columns()[:-1]),
        effect_columns()[-1],
    ),
    _trade_rows,
)
DIAGNOSTICS = TableSpec(
    "diagnostics",
    "Diagnostics of each fit",
    (
        *OUTCOME,
        Column("model", "model", "name"),
        Column("engine", "engine"),
        Column("ess", "ESS", "number", 0),
        Column("rhat", "R-hat", "number", 3),
        Column("khat", "k-hat", "number", 2),
        Column("divergences", "divergences", "count", minor=True),
        Column("log_marginal", "log marginal", "number", 1),
        Column("passes", "passes", "pass"),
        Column("notes", "notes", minor=True),
    ),
    _diagnostic_rows,
)
PARAMETERS = TableSpec(
    "parameters",
    f"Parameters: {INTERVALS}",
    (*MODEL, Column("parameter", "parameter"), *effect_columns(digits=3)),
    _parameter_rows,
)
TABLES = (
    *(HEADLINE, BY_MODEL, BY_UNIT, BY_UNIT_AND_PERIOD, BY_EVENT_TIME),
    *(ADDITIONAL_TRADE, DIAGNOSTICS, PARAMETERS),
)
