"""Which numbers stand in which row? The values of a study as tables.

Nothing is estimated here. The one computed number is the interval of a published estimate, estimate ± 1.96 standard
errors, because the literature gives no other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import NormalDist
from typing import Any

import pandas as pd

from bri_bayes.core.effect import TAILS
from bri_bayes.frequentist.collapsed import UNBALANCED
from bri_bayes.presentation import table_spec
from bri_bayes.presentation.table_spec import Column, TableSpec, effect_columns, in_csv, provenance_of

Values = table_spec.Values

NORMAL_QUANTILE = NormalDist().inv_cdf(TAILS[1])
PUBLISHED, BAYES = "published", "bayes"
COLLAPSED = ("collapsed", "t")
METHODS: Mapping[tuple[str, str], str] = {
    (PUBLISHED, PUBLISHED): "Published",
    ("twfe", "iid"): "TWFE, ordinary s.e.",
    ("twfe", "cluster"): "TWFE, clustered s.e.",
    ("twfe", "cluster_crv3"): "TWFE, clustered s.e. (CRV3)",
    ("twfe", "wild_cluster_bootstrap"): "TWFE, wild cluster bootstrap",
    ("twfe", "permutation"): "TWFE, permutation test",
    COLLAPSED: "Before and after, exact t",
    ("imputation", "wild_cluster_bootstrap"): "Imputation, wild cluster bootstrap",
    ("ppml", "cluster"): "PPML, clustered s.e.",
    ("ppml", "cluster_crv3"): "PPML, clustered s.e. (CRV3)",
    ("ppml", "permutation"): "PPML, permutation test",
    (BAYES, "posterior"): "Bayes, posterior",
}
PRE_PERIOD, PRE_AVERAGE, REFERENCE = "pre-period", "pre-period average", "event time -1"

_EFFECT = ("mean", "sd", "lower", "upper", "p_positive")
Rows = list[dict[str, Any]]


def headline(values: Values) -> pd.DataFrame:
    """The answer of each method: published, least squares under each inference, the posterior that is shown first."""
    return HEADLINE.frame(values)


def by_event_time(values: Values) -> pd.DataFrame:
    """The average effect at each event time, by card and baseline; ``period`` where one onset makes it a year."""
    return BY_EVENT_TIME.frame(values)


def largest_lead(pretrend: Values) -> Values:
    """The year before the onset in which treated units stand farthest from controls, by the mean."""
    return dict(max(pretrend["leads"], key=lambda lead: abs(lead["mean"])))


def event_study_rows(rows: pd.DataFrame, outcome: Values) -> pd.DataFrame:
    """The rows of ``by_event_time`` that an event study shows: of the first card with leads, or of that shown first."""
    leads = rows[rows["baseline"] == REFERENCE]
    return rows[rows["model"] == (outcome.get("main") if leads.empty else leads["model"].iloc[0])]


def headline_notes(rows: Iterable[Values]) -> tuple[str, ...]:
    """Where a published number is from, what a method is, and how many assignments it goes through; each once."""
    notes = [f"{row['method']}: {str(row['note']).rstrip('.')}." for row in rows if row.get("note")]
    notes += [f"{row['method']}: {row['n_assignments']:,} assignments or sign vectors." for row in rows
              if row.get("n_assignments") and "assignments" not in str(row.get("note"))]  # fmt: skip
    return tuple(dict.fromkeys(notes))


def _headline_rows(values: Values) -> Rows:
    """``se`` of the posterior is its standard deviation."""
    rows = []
    for name, outcome in values["outcomes"].items():
        for row in [*_published(outcome), *frequentist_rows(outcome), *posterior_rows(outcome)]:
            rows.append({"outcome": name, "label": outcome["label"], "method": method_name(row)} | row)
    return rows


def method_name(row: Values) -> str:
    """An estimator with its inference in words; the t test of changes is exact where every cell is observed."""
    if (row["estimator"], row["inference"]) == COLLAPSED and UNBALANCED in (row.get("note") or ""):
        return "Before and after, t"
    return METHODS.get((row["estimator"], row["inference"]), f"{row['estimator']}, {row['inference']}")


def _event_rows(values: Values) -> Rows:
    rows = []
    for key, model in models_of(values):
        paths = {
            baseline_of(model): model.get("by_event_time", {}),
            REFERENCE: model.get("by_event_time_reference", {}),
        }
        onset = common_onset(values["outcomes"][key["outcome"]])
        for baseline, path in paths.items():
            for time, effect in sorted((int(time), effect) for time, effect in path.items()):
                when = {"event_time": time, "period": None if onset is None else onset + time}
                row = {**key, "baseline": baseline, **when, **effect_of(effect)}
                # At the reference the effect is zero by definition: it has no sign.
                rows.append(row if effect.get("sd") != 0 else {**row, "p_positive": None})
    return rows


OUTCOME = (*in_csv("outcome"), Column("label", "outcome", "name"))
MODEL = (*OUTCOME, Column("model", "model"))
INTERVALS = "posterior mean, sd and 95% interval"

HEADLINE = TableSpec(
    "headline",
    "The effect by each method, with 95% intervals",
    (
        *OUTCOME,
        Column("method", "method", "name"),
        *in_csv("estimator", "inference"),
        Column("estimate", "estimate", "number", scale="effect"),
        Column("se", "s.e. or sd", "number", scale="effect"),
        Column("lower", "lower 95%", "number", scale="effect"),
        Column("upper", "upper 95%", "number", scale="effect"),
        Column("p_value", "p-value", "p-value"),
        Column("p_positive", "P(> 0)", "probability"),
        *in_csv("n_assignments", kind="count"),
        *in_csv("note"),
    ),
    _headline_rows,
    lambda values: headline_notes(_headline_rows(values)),
)
BY_EVENT_TIME = TableSpec(
    "by_event_time",
    f"The effect by event time: {INTERVALS}",
    (
        *MODEL,
        Column("baseline", "against", minor=True),
        Column("event_time", "years since the onset", "year"),
        Column("period", "year", "year"),
        *effect_columns(),
    ),
    _event_rows,
)


def main_model(outcome: Values) -> Values:
    """The values of the card that is shown first; empty where no card was fitted."""
    return dict(outcome["models"].get(outcome.get("main"), {}))


def unit_name(values: Values, unit: str) -> str:
    """The name of a unit, or its code."""
    return str(values.get("unit_names", {}).get(unit, unit))


def common_onset(outcome: Values) -> int | None:
    """The first treated year if it is the same for all treated units, so that an event time is a year; else None."""
    onsets = set(_onsets(outcome).values())
    return int(onsets.pop()) if len(onsets) == 1 else None


def treated_since(values: Values, outcome: Values, most: float = math.inf) -> str:
    """The treated units by name, and with the first treated year of each where it is not the same for all; of more than
    ``most`` how many since when."""
    by_onset: dict[int, list[str]] = {}
    for unit in outcome["treated"]:
        by_onset.setdefault(int(_onsets(outcome)[unit]), []).append(unit_name(values, unit))
    told = {
        onset: ", ".join(units) if len(outcome["treated"]) <= most else f"{len(units):,}"
        for onset, units in sorted(by_onset.items())
    }
    return "; ".join(told.values() if len(told) == 1 else (f"{units} since {onset}" for onset, units in told.items()))


def _onsets(outcome: Values) -> dict[str, int]:
    return dict(outcome.get("onsets") or dict.fromkeys(outcome["treated"], outcome["onset"]))


def provenance(values: Values) -> str:
    """What the numbers of a study are made from, in one line."""
    return provenance_of(values["panel"])


def _published(outcome: Values) -> Rows:
    published = outcome.get("published")
    if not published:
        return []
    half = NORMAL_QUANTILE * published["se"]
    bounds = {"lower": published["estimate"] - half, "upper": published["estimate"] + half}
    note = f"{published['source']}; interval: estimate ± 1.96 s.e."
    row = {"estimate": published["estimate"], "se": published["se"], **bounds, "note": note}
    return [{"estimator": PUBLISHED, "inference": PUBLISHED, **row}]


def frequentist_rows(outcome: Values) -> Rows:
    """Known methods in the order of METHODS, then the others in their own order."""
    names = ("estimator", "inference", "estimate", "se", "lower", "upper", "p_value", "n_assignments", "note")
    rows = [{name: row.get(name) for name in names} for row in outcome.get("frequentist") or []]
    order = {method: position for position, method in enumerate(METHODS)}
    return sorted(rows, key=lambda row: order.get((row["estimator"], row["inference"]), len(order)))


def posterior_rows(outcome: Values) -> Rows:
    """The posterior of the card that is shown first as a row beside the other methods."""
    model = main_model(outcome)
    if not model:
        return []
    effect = effect_of(model["att"])
    effect |= {"estimate": effect.pop("mean"), "se": effect.pop("sd")}
    return [{"estimator": BAYES, "inference": "posterior", **effect, "note": model["title"]}]


def models_of(values: Values) -> Iterable[tuple[dict[str, str], Values]]:
    """Each card of each outcome under the columns that name it."""
    for name, outcome in values["outcomes"].items():
        for card, model in outcome["models"].items():
            yield {"outcome": name, "label": outcome["label"], "model": card}, model


def baseline_of(model: Values) -> str:
    """What the effects of a card are measured against."""
    return str(model.get("baseline") or (PRE_AVERAGE if model.get("by_event_time_reference") else PRE_PERIOD))


def effect_of(record: Values) -> dict[str, Any]:
    """The five numbers of an effect."""
    return {name: record.get(name) for name in _EFFECT}


def last_in_dollars(model: Values) -> tuple[str, Values] | None:
    """The last period whose additional trade is known in dollars, and the effect in it."""
    periods = model.get("additional_trade_usd") or {}
    last = max(periods, key=int, default=None)
    return None if last is None else (last, periods[last])
