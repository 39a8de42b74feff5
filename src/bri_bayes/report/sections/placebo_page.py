"""What does the page say of the placebos, and which rows do their tables have? From values.json alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bri_bayes.checks import CheckResult
from bri_bayes.presentation import sentences
from bri_bayes.presentation.page_parts import (
    Heading,
    Paragraph,
    Part,
    Picture,
    Shown,
    digits_of,
    p_value,
    page_table,
    plain,
    row_name,
)
from bri_bayes.presentation.study_tables import Values, provenance
from bri_bayes.report.table_files import TableOf

RULE = "An effect stands out of its placebos when at most 5% of them are at least as large in absolute value."
LEVEL = 0.05
# Where the values of a null lie, and what it is called.
NULLS: Mapping[tuple[str, ...], str] = {
    ("time",): "earlier onset, years before the policy only",
    ("space",): "any group of the same countries",
    ("space", "controls_only"): "groups of the controls alone",
    ("space", "wide_pool"): "other countries, as many treated and controls",
    ("space", "wide_pool_all_others"): "other countries, against all others",
    ("predictive",): "simulated from the years before the policy",
    ("predictive", "whole_panel"): "simulated from all years, effect removed",
}
_ATT = ("mean", "sd", "lower", "upper", "p_positive")


def found_nulls(outcome: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The nulls that an outcome has, by what they are called."""
    nulls = {}
    for path, title in NULLS.items():
        values: Any = outcome
        for key in path:
            values = (values or {}).get(key)
        if values and values.get("p_value") is not None:
            nulls[title] = values
    return nulls


def verdicts(outcomes: Mapping[str, Any]) -> list[CheckResult]:
    """A check for each null: it stands out, or cannot be told from a placebo, which is no failure."""
    return [
        CheckResult(
            f"placebo/{name}/{title}",
            "Would we have seen this without the policy?",
            RULE,
            True if null["p_value"] <= LEVEL else None,
            [{"n": null["n"], "p_value": null["p_value"]}],
            f"{outcome['label']}, {title}: {_said(null)}",
        )
        for name, outcome in outcomes.items()
        for title, null in found_nulls(outcome).items()
    ]


def parts(values: Values) -> list[Part]:
    """The answer of every null in one table, then each kind with its figure."""
    outcomes = values["placebo"]["outcomes"]
    columns = {
        "label": ("outcome", row_name),
        "null": ("placebo", plain),
        "effect": ("real effect", digits_of(3)),
        "n": ("placebos", digits_of(0)),
        "p_value": ("share at least as large", p_value),
        "p_value_twfe": ("the same, TWFE", digits_of(3)),
        "excluding_zero": ("placebos without zero, %", digits_of(1)),
    }
    shown: list[Part] = [
        Paragraph("How often does the same model give an effect at least as large where there was no policy? " + RULE),
        Shown(page_table(summary(values), "The real effect among its placebos", columns)),
    ]
    shown += [Paragraph(text) for text in _reading(outcomes)]
    for heading, key, pictures in (
        ("In time", "time", ("placebo_time",)),
        ("In space", "space", ("placebo_space", "placebo_paper")),
        ("From the posterior predictive", "predictive", ("placebo_predictive", "model_checks")),
    ):
        if any(outcome.get(key) for outcome in outcomes.values()):
            shown += [Heading(heading), *(Picture(name) for name in pictures)]
    if any(outcome.get("time") for outcome in outcomes.values()):
        columns = {
            "label": ("outcome", row_name),
            "placebo": ("onset", plain),
            **{
                name: (heading, digits_of(3))
                for name, heading in (("mean", "mean"), ("lower", "2.5%"), ("upper", "97.5%"))
            },
        }
        table = page_table(in_time(values), "The effect with an earlier onset", columns)
        shown.append(Shown(table, folded="Every earlier onset"))
    return shown


def tables() -> dict[str, TableOf]:
    """The tables of the section, files and terminal."""
    return {
        "placebos": ("The real effect among its placebos", summary),
        "placebos_in_time": ("The effect with an earlier onset", in_time),
        "placebos_in_space": ("The effect with every other group of the same countries treated", in_space),
        "placebos_from_pool": ("The effect with random groups of other countries treated", from_pool),
        "posterior_predictive_checks": ("Statistics of the panel among those of panels that the model makes", checks),
    }


def summary(values: Values) -> pd.DataFrame:
    """A row an outcome and null."""
    rows = [
        {
            "outcome": name,
            "label": outcome["label"],
            "null": title,
            "effect": null["observed"]["mean"],
            "n": null["n"],
            "p_value": null["p_value"],
            "p_value_twfe": null.get("p_value_twfe"),
            "excluding_zero": 100 * null["excluding_zero"] / max(null["n"], 1),
        }
        for name, outcome in values["placebo"]["outcomes"].items()
        for title, null in found_nulls(outcome).items()
    ]
    return _frame(values, rows)


def in_time(values: Values) -> pd.DataFrame:
    """A row an outcome and fake onset, without and with the treated years."""
    rows = [
        {"outcome": name, "label": outcome["label"], "placebo": row["label"], "onset": row["onset"], **row["att"]}
        for name, outcome in _having(values, "time")
        for row in (*outcome["time"]["placebos"], *outcome["time"]["with_treated_years"])
    ]
    return _frame(values, rows)


def in_space(values: Values) -> pd.DataFrame:
    """A row an outcome and group: all assignments, then the splits of the controls alone."""
    rows = [
        {
            "outcome": name,
            "label": outcome["label"],
            "null": title,
            "treated": row["label"],
            **row["att"],
            "twfe": row["twfe"],
        }
        for name, outcome in _having(values, "space")
        for title, null in (("any", outcome["space"]), ("controls only", outcome["space"]["controls_only"]))
        if null
        for row in null["placebos"]
    ]
    return _frame(values, rows)


def from_pool(values: Values) -> pd.DataFrame:
    """A row an outcome and random group, against as many others and against all others."""
    rows = [
        {
            "outcome": name,
            "label": outcome["label"],
            "treated": row["label"],
            "controls": row.get("controls", "all others"),
            **row["att"],
            "twfe": row["twfe"],
        }
        for name, outcome in _having(values, "space")
        for null in (outcome["space"]["wide_pool"], outcome["space"]["wide_pool_all_others"])
        if null
        for row in null["placebos"]
    ]
    return _frame(values, rows)


def checks(values: Values) -> pd.DataFrame:
    """A row an outcome and statistic, the spreads of the countries below."""
    rows = []
    for name, outcome in _having(values, "predictive"):
        found = outcome["predictive"]["model_checks"]
        placed = [(row["statistic"], row) for row in found["statistics"]]
        placed += [(f"spread of {unit}", row) for unit, row in found["by_unit"].items()]
        rows += [
            {"outcome": name, "label": outcome["label"], "statistic": statistic}
            | {key: row[key] for key in ("observed", "mean", "lower", "upper", "p_value")}
            for statistic, row in placed
        ]
    return _frame(values, rows)


def _having(values: Values, kind: str) -> list[tuple[str, Any]]:
    return [(name, outcome) for name, outcome in values["placebo"]["outcomes"].items() if outcome.get(kind)]


def _frame(values: Values, rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows).assign(panel=provenance(values))


def _said(null: Mapping[str, Any]) -> str:
    share = sentences.probability(null["p_value"], words=False)
    if null["p_value"] <= LEVEL:
        return f"it stands out, {share} of placebos are at least as large"
    return f"it does not stand out, {share} of placebos are at least as large"


def _reading(outcomes: Mapping[str, Any]) -> list[str]:
    """What each null can and cannot say, with the numbers of this panel."""
    texts = []
    spaces = [outcome["space"] for outcome in outcomes.values() if outcome.get("space")]
    if spaces:
        first = spaces[0]
        texts.append(
            f"Groups of the same countries ({first['n']} in all): the share is an exact p-value if every group was as "
            f"likely to get the policy; it cannot be below 1/{first['n']}. Most fake groups hold treated countries. "
            "The controls alone have no such fault, and few groups."
        )
        texts.append(
            "Over all groups the two-way estimates average to zero"
            + (", whatever the data: " if first["balanced"] else " but for gaps in the panel, whatever the data: ")
            + "that the paper's fake estimates centre on zero is arithmetic, and no evidence for its estimate."
        )
    for outcome in outcomes.values():
        wide = (outcome.get("space") or {}).get("wide_pool")
        if wide:
            rates = {name: sentences.probability(rate, words=False) for name, rate in wide["false_alarms"].items()}
            bayes = sentences.probability(wide["excluding_zero"] / wide["n"], words=False)
            texts.append(
                f"{outcome['label']}: among {wide['n']} random groups from {wide['n_pool']} other countries, where "
                f"nothing was done, ordinary standard errors find an effect at 5% in {rates['twfe/iid']}, clustered "
                f"ones in {rates['twfe/cluster']}, the posterior in {bayes}."
            )
        elif outcome.get("space"):
            texts.append(f"{outcome['label']}: no wider pool; {outcome['space']['no_pool']}.")
    return texts
