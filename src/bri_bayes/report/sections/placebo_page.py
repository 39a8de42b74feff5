"""What does the page say of the placebos, and which rows do their tables have? From values.json alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bri_bayes.checks import CheckResult
from bri_bayes.frequentist.estimate import SIGNIFICANCE
from bri_bayes.presentation import sentences
from bri_bayes.presentation.page_parts import Heading, Paragraph, Part, Picture, Shown
from bri_bayes.presentation.study_tables import MODEL, OUTCOME, Values, unit_name
from bri_bayes.presentation.table_spec import Column, TableSpec, effect_columns, in_csv

RULE = "An effect stands out of its placebos when at most 5% of them are at least as large in absolute value."
LEVEL = SIGNIFICANCE
# Where the values of a null lie, and what it is called.
NULLS: Mapping[tuple[str, ...], str] = {
    ("time",): "earlier onset, years before the policy only",
    ("space",): "any group of the same units",
    ("space", "controls_only"): "groups of the controls alone",
    ("space", "wide_pool"): "other units, as many treated and controls",
    ("space", "wide_pool_all_others"): "other units, against all others",
    ("region",): "other regions, against all others",
    ("region", "narrow"): "groups of one other region, as many treated and controls",
    ("predictive",): "simulated from the years before the policy",
    ("predictive", "whole_panel"): "simulated from all years, effect removed",
}


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
    shown: list[Part] = [
        Paragraph("How often does the same model give an effect at least as large where there was no policy? " + RULE),
        *map(Shown, SUMMARY.fill(values).by_outcome()),
    ]
    shown += [Paragraph(text) for text in _reading(outcomes)]
    for heading, key, pictures in (
        ("In time", "time", ("placebo_time",)),
        ("In space", "space", ("placebo_space", "placebo_paper")),
        ("Region by region", "region", ("placebo_region",)),
        ("From the posterior predictive", "predictive", ("placebo_predictive", "model_checks")),
    ):
        if any(outcome.get(key) for outcome in outcomes.values()):
            shown += [Heading(heading), *(Picture(name) for name in pictures)]
    shown += [
        Paragraph(f"{outcome['label']}: no {what}; {outcome[reason]}.")
        for outcome in outcomes.values()
        for reason, what in (("no_time", "earlier onsets"), ("no_region", "regions"))
        if outcome.get(reason)
    ]
    if any(outcome.get("time") for outcome in outcomes.values()):
        shown.append(Shown(IN_TIME.fill(values), folded="Every earlier onset"))
    return shown


def _null_rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row an outcome and null."""
    for name, outcome in values["placebo"]["outcomes"].items():
        for title, null in found_nulls(outcome).items():
            share = 100 * null["excluding_zero"] / max(null["n"], 1)
            more = {"null": title, "effect": null["observed"]["mean"], "excluding_zero": share}
            yield {**null, "outcome": name, "label": outcome["label"], **more}


def _time_rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row an outcome and fake onset, without and with the treated years."""
    for name, outcome in _having(values, "time"):
        for row in (*outcome["time"]["placebos"], *outcome["time"]["with_treated_years"]):
            key = {"outcome": name, "label": outcome["label"], "placebo": row["label"], "onset": row["onset"]}
            yield {**key, **row["att"]}


def _space_rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row an outcome and group: all assignments, then the splits of the controls alone."""
    for name, outcome in _having(values, "space"):
        for title, null in (("any", outcome["space"]), ("controls only", outcome["space"]["controls_only"])):
            key = {"outcome": name, "label": outcome["label"], "null": title}
            yield from (_group(key, row) for row in (null or {}).get("placebos", []))


def _pool_rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row an outcome and random group, against as many others and against all others."""
    for name, outcome in _having(values, "space"):
        for null in (outcome["space"]["wide_pool"], outcome["space"]["wide_pool_all_others"]):
            for row in (null or {}).get("placebos", []):
                against = {"controls": row.get("controls", "all others")}
                yield _group({"outcome": name, "label": outcome["label"], **against}, row)


def _region_rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row an outcome and region, then the groups drawn from regions."""
    for name, outcome in _having(values, "region"):
        key = {"outcome": name, "label": outcome["label"]}
        for row in outcome["region"]["placebos"]:
            yield {
                **key,
                "region": row["label"],
                "treated": "",
                "controls": "all others",
                "n": row["size"],
                **row["att"],
            }
        for row in (outcome["region"].get("narrow") or {}).get("placebos", []):
            yield {**key, "region": row["group"], "treated": row["label"], "controls": row["controls"], **row["att"]}


def _group(key: dict[str, Any], row: Values) -> dict[str, Any]:
    return {**key, "treated": row["label"], **row["att"], "twfe": row["twfe"]}


def _check_rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row an outcome and statistic, the spreads of the countries below, of the card of the checks; before it those of
    the card that is shown first, if it is another.
    """
    section = values["placebo"]
    for name, outcome in section["outcomes"].items():
        key = {"outcome": name, "label": outcome["label"]}
        first = (values["outcomes"].get(name) or {}).get("first") or {}
        if first.get("checks") and first["card"] != section.get("card"):
            yield from _placed_rows(values, key | {"model": first["card"]}, first["checks"], first["spreads"])
        if placed := (outcome.get("predictive") or {}).get("model_checks"):
            key["model"] = section.get("card")
            yield from _placed_rows(values, key, placed["statistics"], placed["by_unit"])


def _placed_rows(
    values: Values, key: dict[str, Any], statistics: Iterable[Values], by_unit: Mapping[str, Values]
) -> Iterator[dict[str, Any]]:
    yield from ({**row, **key} for row in statistics)
    for unit, row in by_unit.items():
        yield {**row, **key, "statistic": f"spread of {unit_name(values, unit)}"}


def _having(values: Values, kind: str) -> list[tuple[str, Any]]:
    return [(name, outcome) for name, outcome in values["placebo"]["outcomes"].items() if outcome.get(kind)]


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
        groups, kind = (f"{first['n']:,} in all", "an exact") if first["exact"] else (f"{first['n']:,} at random", "a")
        texts.append(
            f"Groups of the same units ({groups}): the share is {kind} p-value if every group was as "
            f"likely to get the policy; it cannot be below 1/{first['n']:,}. Most fake groups hold treated units. "
            "The controls alone have no such fault, and few groups."
        )
        texts.append(
            "Over all groups the two-way estimates average to zero"
            + (", whatever the data: " if first["balanced"] else " but for gaps in the panel, whatever the data: ")
            + "that fake estimates centre on zero is arithmetic, and no evidence for the actual one."
        )
    for outcome in outcomes.values():
        wide = (outcome.get("space") or {}).get("wide_pool")
        if wide:
            rates = {name: sentences.probability(rate, words=False) for name, rate in wide["false_alarms"].items()}
            bayes = sentences.probability(wide["excluding_zero"] / wide["n"], words=False)
            texts.append(
                f"{outcome['label']}: among {wide['n']} random groups from {wide['n_pool']} other units, where "
                f"nothing was done, ordinary standard errors find an effect at 5% in {rates['twfe/iid']}, clustered "
                f"ones in {rates['twfe/cluster']}, the posterior in {bayes}."
            )
        elif outcome.get("space"):
            texts.append(f"{outcome['label']}: no placebos of other units; {outcome['space']['no_pool']}.")
    return [*texts, *(text for outcome in outcomes.values() if outcome.get("region") for text in _by_region(outcome))]


def _by_region(outcome: Mapping[str, Any]) -> list[str]:
    """Where the treated region stands among the others, and why groups of one region are not random groups."""
    region, random = outcome["region"], (outcome.get("space") or {}).get("wide_pool")
    size = abs(region["observed"]["mean"])
    larger = sum(abs(row["att"]["mean"]) >= size for row in region["placebos"])
    text = (
        f"{outcome['label']}: each of {region['n']} other regions with {region['least']} units or more was treated in "
        f"turn, against the units outside it ({region['n_pool']} in all); {larger} have an effect at least as large "
        f"in size as {region['region']} (p {sentences.number(region['p_value'], 2)})."
    )
    if narrow := region.get("narrow"):
        rates = {name: sentences.probability(rate, words=False) for name, rate in narrow["false_alarms"].items()}
        bayes = sentences.probability(narrow["excluding_zero"] / narrow["n"], words=False)
        text += (
            f" As many units of one region as were treated, against as many controls each of another (groups of "
            f"{narrow['regions']} regions): permutation finds an effect at 5% in {rates['twfe/permutation']} of "
            f"{narrow['tested']}, clustered standard errors in {rates['twfe/cluster']}, the posterior with shared "
            f"shocks in {bayes} of {narrow['n']}."
        )
    if random:
        text += (
            " Random groups mix units of all regions, whose shocks average out; units of one region share theirs, as "
            "the treated do. So regions are the fairer placebo, and there are few."
        )
    return [text]


SUMMARY = TableSpec(
    "placebos",
    "The real effect among its placebos",
    (
        *OUTCOME,
        Column("null", "placebo", "name"),
        Column("effect", "real effect", "number", 3, "effect"),
        Column("n", "placebos", "count"),
        Column("p_value", "share at least as large", "p-value"),
        Column("p_value_twfe", "the same, TWFE", "p-value"),
        Column("excluding_zero", "intervals excluding zero, %", "number", 1),
    ),
    _null_rows,
)
IN_TIME = TableSpec(
    "placebos_in_time",
    "The effect with an earlier onset",
    (*OUTCOME, Column("placebo", "onset", "name"), *in_csv("onset", kind="year"), *effect_columns(digits=3)),
    _time_rows,
)
_GROUP = (*effect_columns(digits=3), Column("twfe", "TWFE", "number", 3, "effect"))
IN_SPACE = TableSpec(
    "placebos_in_space",
    "The effect with every other group of the same units treated",
    (*OUTCOME, Column("null", "groups", "name"), Column("treated", "treated"), *_GROUP),
    _space_rows,
)
FROM_POOL = TableSpec(
    "placebos_from_pool",
    "The effect with random groups of other units treated",
    (*OUTCOME, Column("treated", "treated"), Column("controls", "controls", minor=True), *_GROUP),
    _pool_rows,
)
BY_REGION = TableSpec(
    "placebos_by_region",
    "The effect with other regions treated",
    (
        *OUTCOME,
        Column("region", "region", "name"),
        Column("treated", "treated"),
        Column("n", "units", "count"),
        Column("controls", "controls", minor=True),
        *effect_columns(digits=3),
    ),
    _region_rows,
)
CHECKS = TableSpec(
    "posterior_predictive_checks",
    "Statistics of the panel among those of panels that the model makes",
    (
        *MODEL,
        Column("statistic", "statistic", "name"),
        Column("observed", "panel", "number"),
        Column("mean", "mean", "number", scale="observed"),
        Column("lower", "2.5%", "number", scale="observed"),
        Column("upper", "97.5%", "number", scale="observed"),
        Column("p_value", "p", "p-value"),
    ),
    _check_rows,
)
TABLES = (SUMMARY, IN_TIME, IN_SPACE, FROM_POOL, BY_REGION, CHECKS)
