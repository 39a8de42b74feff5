"""What does ``bri-bayes estimate`` print? Methods, units and event times as tables of a terminal, and warnings."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from bri_bayes.core.effect import TAILS
from bri_bayes.data.comparable import listed
from bri_bayes.estimands.baselines import Baselines
from bri_bayes.estimands.why_different import LASTING, NOISE, Difference
from bri_bayes.presentation.digits import digits_of, ends_of, mean_of
from bri_bayes.presentation.names_shown import card_label
from bri_bayes.presentation.sentences import claim_of, number, probability, signed
from bri_bayes.presentation.study_tables import (
    BAYES,
    Rows,
    effect_of,
    frequentist_rows,
    method_name,
    posterior_rows,
    provenance,
)
from bri_bayes.presentation.table_spec import Column, Table, Values, effect_columns
from bri_bayes.presentation.terminal_table import WIDTH, terminal_text

_METHODS = (
    Column("method", "method", "name"),
    *(Column(key, heading, "number", scale="effect") for key, heading in
      (("estimate", "estimate"), ("se", "s.e. or sd"), ("lower", "2.5%"), ("upper", "97.5%"))),
    Column("p_value", "p", "p-value"),
    Column("p_positive", "P(> 0)", "probability"),
)  # fmt: skip


def difference_text(difference: Difference, digits: int) -> str:
    """Which component makes most of the difference between least squares and the posterior, with every step."""
    steps = ", ".join(f"{signed(move.effect, digits)} with {move.component}" for move in difference.moves)
    return (
        f"Least squares gives {signed(difference.least_squares, digits)}, the posterior "
        f"{signed(difference.posterior, digits)}. One assumption added after the other: {steps}. "
        f"{_which_assumption(difference)}"
    )


def _which_assumption(difference: Difference) -> str:
    """The component that makes more than half of the difference; else all about errors, or what is largest."""
    whole = difference.posterior - difference.least_squares
    about_errors = [move for move in difference.moves if move.component in (LASTING, NOISE)]
    if difference.largest.moved > 0.5 * whole > 0 or difference.largest.moved < 0.5 * whole < 0:
        return f"Most of the difference comes from {difference.largest.component}."
    if 2 * sum(move.moved for move in about_errors) / whole > 1:
        return f"Most of the difference comes from {' and '.join(move.component for move in about_errors)} together."
    return f"No assumption makes most of the difference; the largest step is that of {difference.largest.component}."


def baselines_text(baselines: Baselines, digits: int, *, lasting: bool) -> str:
    """That the effect hangs on its baseline, with both numbers; ``lasting`` : whether errors of the card last."""
    weighed = ", which errors that last weigh most" if lasting else ""
    return (
        f"The baseline matters: imputation gives {signed(baselines.whole, digits)} against all periods before the "
        f"onset, and {signed(baselines.last, digits)} against the last {baselines.n_last} alone{weighed}."
    )


# Beyond this a percentage says nothing.
LARGEST_LOG = 20.0
# Of log(1 + level) where levels are zero.
NO_PERCENTAGES = (
    "Some rows are zero, so that these are no percentages: levels in thousands or millions would give other effects."
)
# How the posterior was computed.
_ENGINES = {"marginal": "in closed form", "nuts": "by NUTS", "gibbs": "by a Gibbs sampler"}


def estimate_text(values: Values) -> str:
    """The values of ``bri-bayes estimate`` as text."""
    panel, bayes = values["panel"], values["bayes"]
    model = {"title": values["model"], "att": bayes["att"]}
    outcome = {
        "models": {"main": model},
        "main": "main",
        "frequentist": [*(values.get("frequentist") or []), *(values.get("ppml") or [])],
    }
    rows = [{**row, "method": method_name(row)} for row in (*frequentist_rows(outcome), *posterior_rows(outcome))]
    rows += [_alternative(other) for other in values.get("alternatives", [])]
    made_from = {**panel, "kind": "user"} if panel["kind"] == "user" else panel
    step = panel.get("period_unit", "year")
    by = {"unit": "The effect by unit", "event_time": f"The effect by {step}s since the onset"}
    tables = [Table("methods", "The effect by each method", _METHODS, tuple(rows), panel=made_from)]
    for key, caption in by.items():
        if not bayes[f"by_{key}"]:
            continue
        columns = (Column("at", key.replace("_", " "), "name"), *effect_columns())
        effects = tuple({"at": str(name), **effect} for name, effect in bayes[f"by_{key}"].items())
        tables.append(Table(f"by_{key}", caption, columns, effects, panel=made_from))
    computed = _ENGINES.get(bayes["engine"], bayes["engine"])
    said = [
        f"{values['outcome']}: effect on {listed(values['treated'])} ({card_label(values['model'])}; {computed})",
        f"{_answer(values)} The posterior assumes: {bayes['assumption']}.{_adjusted(values)}"
        f"{_checked(bayes.get('predictive_checks'))}",
        f"{provenance(values).rstrip('.')}. {panel['rows']:,} rows of {len(panel['units'])} units, 95% intervals. "
        f"{unit_of_effects(values)}",
    ]
    warnings = (*values.get("warnings", []), *empty_cells(rows))
    notes = [f"Note: {warning}" for warning in warnings]
    texts = (
        [textwrap.fill(text, WIDTH) for text in said],
        map(terminal_text, tables),
        [textwrap.fill(text, WIDTH) for text in notes],
    )
    return "\n\n".join(text for group in texts for text in group)


def _answer(values: Values) -> str:
    """The effect in a sentence, in percent too where it is in log points."""
    att, logs = values["bayes"]["att"], _in_log_points(values)
    digits = digits_of(att["lower"], att["upper"], "log" if logs else "none")
    ends = " and ".join(ends_of(att["lower"], att["upper"], digits))
    if logs and att["upper"] < LARGEST_LOG:
        percents = (100 * math.expm1(att["lower"]), 100 * math.expm1(att["upper"]))
        fine = 0 if max(map(abs, percents)) >= 10 else 1
        low, high = ends_of(*percents, fine, signs=True)
        ends += f" ({low}% to {high}%)"
    if values.get("trustworthy") is False:
        return "The computation did not pass its diagnostics: do not use its numbers."
    return (
        f"The effect {claim_of(att)}: {mean_of(att, digits)} on average, with 95% probability between {ends}, "
        f"and positive with {probability(att['p_positive'])}."
    )


def _checked(checks: Sequence[Values] | None) -> str:
    """Which of its predictive checks the model of the answer fails."""
    if not checks:
        return ""
    failed = [f"{row['name']} (p {number(row['p_value'], 3)})" for row in checks if row["extreme"]]
    if not failed:
        return f" Panels that this model makes are like this one in all {len(checks)} predictive checks."
    scales = any(row["extreme"] and row["statistic"] == "spread" for row in checks)
    hint = " --model did_scale_by_unit gives each unit an error scale of its own." if scales else ""
    low, high = (number(end, 3) for end in TAILS)
    return (
        f" This panel is unlike those that the model makes in: {', '.join(failed)}; a p below {low} or above "
        f"{high} says so, and the interval is to be read with care.{hint}"
    )


def _adjusted(values: Values) -> str:
    """The covariates of the posterior."""
    named = values.get("covariates")
    return f" Adjusted for: {', '.join(named)}." if named else ""


def _alternative(other: Values) -> dict[str, object]:
    """The answer of another assumption as a row beside the first."""
    effect = effect_of(other["att"])
    named = {"estimate": effect.pop("mean"), "se": effect.pop("sd"), **effect}
    return {"estimator": BAYES, "inference": "posterior", "method": f"Bayes: {other['assumption']}", **named}


def unit_of_effects(values: Values) -> str:
    """What an effect of one is, in the terms of the outcome."""
    if _in_log_points(values):
        return "Effects are log points: 0.01 is about 1%."
    if str(values["outcome"]).startswith("log1p("):
        return f"Effects are in the units of {values['outcome']}. {NO_PERCENTAGES}"
    return f'Effects are in the units of "{values["outcome"]}".'


def _in_log_points(values: Values) -> bool:
    stated = values.get("log_points")
    return bool(stated) if stated is not None else str(values["outcome"]).startswith(("log(", "log1p("))


def empty_cells(rows: Rows) -> list[str]:
    """Why a method has no interval: one sentence a reason, with the methods that give it."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.get("note") and row["estimator"] != BAYES and (row["lower"] is None or row["upper"] is None):
            reasons.setdefault(str(row["note"]).rstrip("."), []).append(str(row["method"]))
    return [f"{'; '.join(methods)}: {reason}." for reason, methods in reasons.items()]
