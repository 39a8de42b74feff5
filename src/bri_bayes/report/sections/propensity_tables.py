"""Which numbers of the propensity section stand in which table?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import OUTCOME, Values
from bri_bayes.presentation.table_spec import Column, TableSpec, effect_columns, in_csv

NAME = "propensity"
METHOD_TITLES: Mapping[str, str] = {
    "nearest": "Nearest neighbour, with replacement",
    "kernel": "Kernel (Epanechnikov, 0.06)",
    "radius": "Radius 0.1",
}


def _balance_rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row a variable."""
    for row in values[NAME]["balance"]:
        before, after = row["before"], row["after"]
        yield {
            **row,
            "mean_treated": before["mean_treated"],
            "mean_control": before["mean_control"],
            "smd_before": before["smd"],
            "smd_treated_sd_before": before["smd_treated_sd"],
            "variance_ratio_before": before["variance_ratio"],
            "p_value_before": before["p_value"],
            "smd_after": after["smd"]["mean"],
            "smd_after_lower": after["smd"]["lower"],
            "smd_after_upper": after["smd"]["upper"],
            "smd_treated_sd_after": (after["smd_treated_sd"] or {}).get("mean"),
            "p_balanced": after["p_balanced"],
            "bias_reduction": (row["bias_reduction"] or {}).get("mean"),
        }


def _effect_rows(values: Values) -> Iterator[dict[str, Any]]:
    """The posterior under each match, without one, and the plug-in least squares."""
    for name, outcome in values[NAME]["outcomes"].items():
        key = {"outcome": name, "label": outcome["label"], "inference": "posterior"}
        yield {**key, "method": "All controls alike", "score": "none", **(outcome["all_controls"] or {})}
        for method, answer in outcome["methods"].items():
            more = {
                "method": METHOD_TITLES[method],
                "score": "posterior",
                "effective_controls": (answer["effective_controls"] or {}).get("mean"),
                "matched_treated": sum(answer["matched"].values()),
                "matched_controls": sum(weight["p_used"] for weight in answer["control_weights"].values()),
            }
            yield {**answer, **key, **more, **(answer["att"] or {})}
        for row in outcome["frequentist"]:
            method = METHOD_TITLES[row["estimator"].partition("/")[2]]
            inference = "weighted TWFE, " + ("ordinary s.e." if row["inference"] == "iid" else "clustered s.e.")
            estimate = {"mean": row["estimate"], "sd": row["se"]}
            sizes = {f"matched_{group}": row[f"n_matched_{group}"] for group in ("treated", "controls")}
            yield {**row, **key, "method": method, "inference": inference, **estimate, **sizes}


def with_labels(score: Values, text: str) -> str:
    """A sentence with the labels of the covariates in place of their quoted names."""
    for row in score["coefficients"]:
        text = text.replace(f'"{row["term"]}"', f'"{row["label"]}"')
    return text


def _score_rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row a unit: its score, and for a treated one its chance of a counterpart."""
    for row in values[NAME]["score"]["units"]:
        outside = "; ".join(
            f"{term['label']} {sentences.signed(term['sds'], 1)} sd" for term in row.get("extrapolates", [])
        )
        yield {**row, **row["score"], "extrapolates": outside}


def _weight_rows(values: Values) -> Iterator[dict[str, Any]]:
    """The share of each control in the comparison, by way to match (the same for every outcome with all units)."""
    names = {row["unit"]: row["name"] for row in values[NAME]["score"]["units"]}
    for method, answer in next(iter(values[NAME]["outcomes"].values()))["methods"].items():
        for unit, share in answer["control_weights"].items():
            yield {"method": METHOD_TITLES[method], "unit": unit, "name": names.get(unit, unit), **share}


def _findings(values: Values) -> Iterator[dict[str, Any]]:
    """What overlap and the maximum-likelihood logit allow, in sentences."""
    section = values[NAME]
    first = next(iter(section["outcomes"].values()))
    for check in section["checks"]:
        for part in check["detail"].split(". "):
            yield {"about": "overlap", "finding": f"{part.rstrip('.')}."}
    if first["logit"].get("refused"):
        yield {"about": "logit", "finding": first["logit"]["refused"]}
    yield from ({"about": "plug-in", "finding": note} for note in first["notes"])


FINDINGS = TableSpec(
    "propensity_findings",
    "What overlap and the maximum-likelihood logit allow",
    (Column("about", "about", "name"), Column("finding", "finding")),
    _findings,
)
EFFECTS = TableSpec(
    "propensity_effects",
    "Matched difference-in-differences, average effect on the matched treated units",
    (
        *OUTCOME,
        Column("method", "match", "name"),
        Column("score", "score"),
        Column("inference", "inference"),
        *effect_columns("effect", sd="sd or s.e.", digits=3),
        *in_csv("p_value", kind="p-value"),
        Column("share_from_matching", "variance from the match", "probability", minor=True),
        Column("p_no_match", "draws without a match", "probability", minor=True),
        Column("effective_controls", "controls it is worth", "number", 1, minor=True),
        Column("matched_treated", "treated matched", "number", 1),
        Column("matched_controls", "controls used", "number", 1),
    ),
    _effect_rows,
    lambda values: (
        "Standard errors of weighted TWFE take the match as known. Units matched and used: of a posterior, on average "
        "over its draws; where they are few, a narrow interval of least squares is that of a handful of series.",
    ),
)
BALANCE = TableSpec(
    "propensity_balance",
    "Balance before matching and, over draws of the match, after it (nearest neighbour)",
    (
        *in_csv("covariate"),
        Column("label", "variable", "name"),
        *in_csv("in_score"),
        Column("mean_treated", "mean, treated", "number", 3),
        Column("mean_control", "mean, controls", "number", 3),
        Column("smd_before", "SMD before", "number", 2),
        Column("smd_treated_sd_before", "SMD before, treated sd", "number", 2, minor=True),
        Column("variance_ratio_before", "variance ratio", "number", 2),
        Column("p_value_before", "t test p", "p-value"),
        Column("smd_after", "SMD after, mean", "number", 2),
        Column("smd_after_lower", "lower", "number", 2),
        Column("smd_after_upper", "upper", "number", 2),
        *in_csv("smd_treated_sd_after", kind="number"),
        Column("p_balanced", "P(|SMD| < 0.1)", "probability"),
        Column("bias_reduction", "bias reduction, %", "number", 0, minor=True),
    ),
    _balance_rows,
    lambda values: (
        "SMD: difference of means over the root of the mean of both variances; SMD, treated sd: over the sd of the "
        "treated; both with the variances before matching.",
    ),
)
SCORES = TableSpec(
    "propensity_scores",
    "Propensity scores, posterior mean and 95% interval, and the chance of a counterpart",
    (
        *in_csv("unit"),
        Column("name", "unit", "name"),
        *in_csv("treated"),
        Column("mean", "score", "probability"),
        *in_csv("sd", kind="number"),
        Column("lower", "lower", "probability"),
        Column("upper", "upper", "probability"),
        Column("p_counterpart", "P(counterpart)", "probability"),
        Column("nearest", "nearest control"),
        Column("p_nearest", "in draws", "probability"),
        *in_csv("distance", kind="number"),
        Column("extrapolates", "outside the controls' range", minor=True),
    ),
    _score_rows,
)
WEIGHTS = TableSpec(
    "propensity_weights",
    "Share of each control in the comparison, over draws of the match",
    (
        Column("method", "match", "name"),
        *in_csv("unit"),
        Column("name", "control"),
        Column("mean", "share", "probability"),
        Column("lower", "lower", "probability"),
        Column("upper", "upper", "probability"),
        Column("p_used", "used in draws", "probability"),
        Column("p_largest", "largest in draws", "probability"),
    ),
    _weight_rows,
)
COEFFICIENTS = TableSpec(
    "propensity_coefficients",
    "Log odds of treatment for one sd of a covariate",
    (*in_csv("term"), Column("label", "covariate", "name"), *effect_columns(digits=2)),
    lambda values: values[NAME]["score"]["coefficients"],
)
TABLES = (FINDINGS, EFFECTS, BALANCE, SCORES, WEIGHTS, COEFFICIENTS)
