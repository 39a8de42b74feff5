"""Which numbers of the propensity section stand in which table?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from bri_bayes.presentation.page_parts import Cell, Table, chance, digits_of, p_value, page_table, plain, row_name
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.table_files import TableOf

NAME = "propensity"
METHOD_TITLES: Mapping[str, str] = {
    "nearest": "Nearest neighbour, with replacement",
    "kernel": "Kernel (Epanechnikov, 0.06)",
    "radius": "Radius 0.1",
}
BALANCE_CAPTION = (
    "Balance before matching and, over draws of the match, after it (nearest neighbour). SMD: difference of means over "
    "sqrt((s_t² + s_c²)/2); SMD, treated sd: over s_t; both with the sds before matching"
)
EFFECTS_CAPTION = "Matched difference-in-differences, average effect on the matched treated units"
_EFFECT = ("mean", "sd", "lower", "upper", "p_positive")


def balance(values: Values) -> pd.DataFrame:
    """A row a variable."""
    rows = []
    for row in values[NAME]["balance"]:
        before, after = row["before"], row["after"]
        treated = after["smd_treated_sd"] or {}
        rows.append(
            {
                "covariate": row["covariate"],
                "label": row["label"],
                "in_score": row["in_score"],
                "mean_treated": before["mean_treated"],
                "mean_control": before["mean_control"],
                "smd_before": before["smd"],
                "smd_treated_sd_before": before["smd_treated_sd"],
                "variance_ratio_before": before["variance_ratio"],
                "p_value_before": before["p_value"],
                "smd_after": after["smd"]["mean"],
                "smd_after_lower": after["smd"]["lower"],
                "smd_after_upper": after["smd"]["upper"],
                "smd_treated_sd_after": treated.get("mean"),
                "p_balanced": after["p_balanced"],
                "bias_reduction": (row["bias_reduction"] or {}).get("mean"),
            }
        )
    return _frame(values, rows)


def effects(values: Values) -> pd.DataFrame:
    """The posterior under each match, without one, and the plug-in least squares."""
    rows: list[dict[str, Any]] = []
    for name, outcome in values[NAME]["outcomes"].items():
        key = {"outcome": name, "label": outcome["label"]}
        rows.append(
            {
                **key,
                "method": "All controls alike",
                "score": "none",
                "inference": "posterior",
                **_effect(outcome["all_controls"]),
            }
        )
        for method, found in outcome["methods"].items():
            more = {"method": METHOD_TITLES[method], "score": "posterior", "inference": "posterior"}
            rows.append(
                {
                    **key,
                    **more,
                    **_effect(found["att"]),
                    "share_from_matching": found.get("share_from_matching"),
                    "p_no_match": found["p_no_match"],
                    "effective_controls": (found["effective_controls"] or {}).get("mean"),
                    "matched_treated": sum(found["matched"].values()),
                }
            )
        for row in outcome["frequentist"]:
            method = METHOD_TITLES[row["estimator"].partition("/")[2]]
            estimate = {
                "mean": row["estimate"],
                "sd": row["se"],
                "lower": row["lower"],
                "upper": row["upper"],
                "p_value": row["p_value"],
            }
            inference = "weighted TWFE, " + ("ordinary s.e." if row["inference"] == "iid" else "clustered s.e.")
            rows.append({**key, "method": method, "score": row["score"], "inference": inference, **estimate})
    numbers = [*_EFFECT, "p_value", "share_from_matching", "p_no_match", "effective_controls", "matched_treated"]
    frame = pd.DataFrame(rows, columns=["outcome", "label", "method", "score", "inference", *numbers])
    return frame.astype(dict.fromkeys(numbers, float)).assign(panel=values["panel"]["kind"])


def scores(values: Values) -> pd.DataFrame:
    """A row a unit: its score, and for a treated one its chance of a counterpart."""
    rows = [
        {
            "unit": row["unit"],
            "name": row["name"],
            "treated": row["treated"],
            **{name: row["score"][name] for name in ("mean", "sd", "lower", "upper")},
            "p_counterpart": row.get("p_counterpart"),
            "nearest": row.get("nearest"),
            "p_nearest": row.get("p_nearest"),
            "distance": row.get("distance"),
            "extrapolates": "; ".join(f"{one['label']} {one['sds']:+.1f} sd" for one in row.get("extrapolates", [])),
        }
        for row in values[NAME]["score"]["units"]
    ]
    return _frame(values, rows)


def weights(values: Values) -> pd.DataFrame:
    """The share of each control in the comparison, by way to match (the same for every outcome with all units)."""
    names = {row["unit"]: row["name"] for row in values[NAME]["score"]["units"]}
    rows = []
    for method, found in _methods(values):
        for unit, share in found["control_weights"].items():
            rows.append({"method": METHOD_TITLES[method], "unit": unit, "name": names.get(unit, unit), **share})
    return _frame(values, rows)


def coefficients(values: Values) -> pd.DataFrame:
    """Log odds of treatment for one sd of each covariate."""
    return _frame(values, [dict(row) for row in values[NAME]["score"]["coefficients"]])


def balance_page(values: Values) -> Table:
    """The table of balance on the page."""
    columns = {
        "label": ("Variable", row_name),
        "mean_treated": ("Mean, treated", digits_of(3)),
        "mean_control": ("Mean, controls", digits_of(3)),
        "smd_before": ("SMD before", digits_of(2)),
        "smd_treated_sd_before": ("SMD before, treated sd", digits_of(2)),
        "variance_ratio_before": ("Variance ratio", digits_of(2)),
        "p_value_before": ("t test p", _p_or_dash),
        "smd_after": ("SMD after, mean", digits_of(2)),
        "smd_after_lower": ("lower", digits_of(2)),
        "smd_after_upper": ("upper", digits_of(2)),
        "p_balanced": ("P(|SMD| < 0.1)", chance),
        "bias_reduction": ("Bias reduction, %", digits_of(0)),
    }
    return page_table(balance(values), BALANCE_CAPTION, columns)


def effects_page(values: Values) -> Table:
    """The effects on the page."""
    columns = {
        "label": ("Outcome", row_name),
        "method": ("Match", plain),
        "score": ("Score", plain),
        "inference": ("Inference", plain),
        "mean": ("Effect", digits_of(3)),
        "sd": ("sd or s.e.", digits_of(3)),
        "lower": ("Lower", digits_of(3)),
        "upper": ("Upper", digits_of(3)),
        "p_positive": ("P(> 0)", chance),
        "share_from_matching": ("Variance from the match", chance),
        "p_no_match": ("Draws without a match", chance),
        "matched_treated": ("Treated matched", digits_of(1)),
        "effective_controls": ("Controls it is worth", digits_of(1)),
    }
    notes = ["Standard errors of weighted TWFE take the match as known."]
    return page_table(effects(values), EFFECTS_CAPTION, columns, notes)


def scores_page(values: Values) -> Table:
    """The scores on the page."""
    columns = {
        "name": ("Unit", row_name),
        "mean": ("Score", digits_of(2)),
        "lower": ("Lower", digits_of(2)),
        "upper": ("Upper", digits_of(2)),
        "p_counterpart": ("P(counterpart)", chance),
        "nearest": ("Nearest control", plain),
        "p_nearest": ("in draws", chance),
        "extrapolates": ("Outside the controls' range", plain),
    }
    return page_table(scores(values), "Propensity scores, posterior mean and 95% interval", columns)


def weights_page(values: Values) -> Table:
    """The weights on the page."""
    columns = {
        "method": ("Match", row_name),
        "name": ("Control", plain),
        "mean": ("Share", chance),
        "lower": ("Lower", chance),
        "upper": ("Upper", chance),
        "p_used": ("Used in draws", chance),
        "p_largest": ("Largest in draws", chance),
    }
    return page_table(weights(values), "Share of each control in the comparison, over draws of the match", columns)


def _methods(values: Values) -> Iterator[tuple[str, Mapping[str, Any]]]:
    first = next(iter(values[NAME]["outcomes"].values()))
    yield from first["methods"].items()


def _effect(att: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: (att or {}).get(name) for name in _EFFECT}


def _frame(values: Values, rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows).assign(panel=values["panel"]["kind"])


def _p_or_dash(value: Any) -> Cell:
    return plain("–") if pd.isna(value) else p_value(value)


def findings(values: Values) -> pd.DataFrame:
    """What overlap and the maximum-likelihood logit allow, in sentences."""
    own = values[NAME]
    first = next(iter(own["outcomes"].values()))
    sentences = [part.rstrip(".") for check in own["checks"] for part in check["detail"].split(". ")]
    rows = [{"about": "overlap", "finding": f"{sentence}."} for sentence in sentences]
    if first["logit"].get("refused"):
        rows.append({"about": "logit", "finding": first["logit"]["refused"]})
    rows += [{"about": "plug-in", "finding": note} for note in first["notes"]]
    return _frame(values, rows)


TABLES: Mapping[str, TableOf] = {
    "propensity_findings": ("What overlap and the maximum-likelihood logit allow", findings),
    "propensity_effects": (EFFECTS_CAPTION, effects),
    "propensity_balance": (BALANCE_CAPTION, balance),
    "propensity_scores": ("Propensity scores and the chance of a counterpart", scores),
    "propensity_weights": ("Share of each control in the comparison, over draws of the match", weights),
    "propensity_coefficients": ("Log odds of treatment for one sd of a covariate", coefficients),
}
