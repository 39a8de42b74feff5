"""Do the paper's tables and figures come back from code? On panels rebuilt from them, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bri_bayes.core.resources import shipped
from bri_bayes.presentation.page_parts import (
    Heading,
    Paragraph,
    Part,
    Picture,
    Show,
    Shown,
    Table,
    digits_of,
    p_value,
    page_table,
    passes,
    plain,
    row_name,
)
from bri_bayes.presentation.results import SectionResult
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.report.table_files import TableOf
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step

NAME = "replication"
_STATISTICS = {
    "treated_mean": "mean, treated",
    "control_mean": "mean, controls",
    "bias_pct": "bias, %",
    "reduction_pct": "reduction, %",
    "p_value": "p",
    "trade_10000_usd": "trade, 10,000 dollars a year",
    "share_pct": "share, %",
    "growth_2003_2012_pct": "growth 2003-2012, %",
    "growth_2013_2023_pct": "growth 2013-2023, %",
}


def steps(context: Context) -> list[Step]:
    """One: panels, regressions and tables together take a few seconds."""
    printed = [path.read_bytes() for path in sorted((shipped("data") / "published").rglob("*")) if path.is_file()]
    return [Step(NAME, (), content_key(NAME, *printed), _replicated)]


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """As the step found them: they do not depend on the study."""
    values = dict(results[()])
    return SectionResult(values.pop("outcomes"), further=values)


def parts(values: Values) -> list[Part]:
    """What the panels are, how much comes back, then table by table and figure by figure."""
    found = values[NAME]
    page: list[Part] = [
        Paragraph(
            "Reconstruction, not observations. The microdata of the paper are not public. Panels of 291 units and 21 "
            "years were solved from its printed tables, so that least squares gives the printed coefficients back; the "
            "rest is drawn. They show what the paper's regressions do, and are evidence of nothing else.",
            strong=True,
        ),
        Paragraph(_returned(found)),
        Heading("Product categories (Table 1, Figures 1 and 2)"),
        Picture("category_levels"),
        Picture("category_growth"),
        Shown(_descriptive(found["categories"]["table"], "Table 1"), "Table 1, published and rebuilt"),
        Heading("Balance before and after matching (Table 2)"),
        Paragraph(_balance_said(found)),
        Shown(_descriptive(found["balance"], "Table 2"), "Table 2, published and rebuilt"),
        Heading("Event study (Figure 3)"),
        Picture("published_event_study"),
        Heading("Fake treated groups (Figure 4)"),
        Picture("fake_groups"),
        Heading("Difference-in-differences on matched units (section 4)"),
        Paragraph(_matched_said(found)),
        Shown(_matched(found)),
        Heading("Tables 3 to 8"),
    ]
    return [*page, *(Shown(table, table.caption) for table in _regressions(found))]


def _replicated() -> dict[str, Any]:
    from bri_bayes.core.json_values import json_safe
    from bri_bayes.paper.replication_values import replication_values

    return dict(json_safe(replication_values()))


def _returned(found: Values) -> str:
    coefficients, errors = found["coefficients"], found["standard_errors"]
    matched = sum(bool(entry["agrees"]) for entry in errors)
    back = sum(entry["agrees"] for entry in coefficients)
    first = found["categories"]["table"]
    second = found["balance"]
    return (
        f"{back} of {len(coefficients)} coefficients of Tables 3 to 8 come back at the printed digits, "
        f"{sum(entry['agrees'] for entry in first)} of {len(first)} numbers of Table 1, "
        f"{sum(entry['agrees'] for entry in second)} of {len(second)} of Table 2, and {matched} of {len(errors)} "
        f"standard errors, ordinary or clustered. {len(found['panels'])} panels are used: some tables exclude each "
        "other."
    )


def _balance_said(found: Values) -> str:
    missed = [entry for entry in found["balance"] if not entry["agrees"]]
    means = [entry for entry in found["balance"] if entry["column"].endswith("mean")]
    spread = found["size_spread"]
    return (
        f"{sum(entry['agrees'] for entry in means)} of {len(means)} means come back. {len(missed)} numbers do not: the "
        "p-values of the rows imply different sample sizes, so that no one sample has them all, and the printed bias "
        f"of export size means a standard deviation of {spread['implied']:.1f} in logs, where the R-squared of Table 3 "
        f"leaves {spread['panel']:.1f}. The p-values are of t-tests over units."
    )


def _matched_said(found: Values) -> str:
    entries = [entry for outcome in found["outcomes"].values() for entry in outcome["psm_did"]]
    inside = sum(entry["inside"] for entry in entries)
    significant = sum(entry["p_value"] < 0.1 for entry in entries)
    return (
        f"{inside} of {len(entries)} coefficients lie in the range that the paper quotes. They do by construction: a "
        "condition on the drawn errors puts each there. With standard errors clustered by unit "
        f"{significant} of {len(entries)} differ from zero at 10%; the paper says all do, at 5% or 10%."
    )


def _descriptive(entries: list[Any], caption: str) -> Table:
    frame = pd.DataFrame(entries)
    sample = frame.get("sample", "")
    printed = [f"{entry['published']:,.{entry['decimals']}f}".replace("-", "−") for entry in entries]
    frame = frame.assign(
        printed=printed,
        variable=frame["variable"].str.replace("_", " "),
        sample=sample,
        statistic=frame["column"].map(_STATISTICS),
    )
    columns: dict[str, tuple[str, Show]] = {"variable": ("variable", row_name), "sample": ("matching", plain)}
    columns |= {"statistic": ("number", plain), "printed": ("published", plain)}
    columns |= {"reproduced": ("rebuilt", digits_of(3)), "agrees": ("agrees", passes)}
    return page_table(frame, caption, columns)


def _matched(found: Values) -> Table:
    frame = _matched_frame({NAME: found})
    columns: dict[str, tuple[str, Show]] = {"label": ("outcome", row_name), "rule": ("matching", plain)}
    columns |= {"estimate": ("coefficient", digits_of(3)), "se": ("clustered s.e.", digits_of(3))}
    columns |= {"p_value": ("p", p_value), "low": ("quoted from", digits_of(3)), "high": ("to", digits_of(3))}
    columns |= {"inside": ("inside", passes), "matched_treated": ("treated", digits_of(0))}
    return page_table(frame, "DID on matched units", columns | {"matched_controls": ("controls", digits_of(0))})


def _regressions(found: Values) -> list[Table]:
    """One table a published table: coefficients and standard errors beside each other; then the R-squared."""
    frame = _coefficients_frame({NAME: found})
    frame = frame.assign(column=frame["column"].map("({})".format))
    columns: dict[str, tuple[str, Show]] = {"variable": ("variable", row_name), "column": ("column", plain)}
    columns |= {"published": ("published", digits_of(4)), "reproduced": ("reproduced", digits_of(4))}
    columns |= {"agrees": ("agrees", passes), "published_se": ("published s.e.", digits_of(4))}
    columns |= {"ordinary": ("ordinary s.e.", digits_of(4)), "clustered": ("clustered s.e.", digits_of(4))}
    tables = [page_table(own, f"Table {table}", columns) for table, own in frame.groupby("table")]
    fit = _fit_frame({NAME: found})
    fit = fit.assign(where=[f"Table {row.table} ({row.column})" for row in fit.itertuples()])
    shares: dict[str, tuple[str, Show]] = {"where": ("column", row_name), "version": ("version", plain)}
    shares |= {"published": ("published R2", digits_of(3)), "overall": ("overall", digits_of(3))}
    shares |= {"within": ("within", digits_of(3)), "rows": ("rows", digits_of(0))}
    notes = [f"Panel {panel['version']} differs in {panel['differs']}." for panel in found["panels"]]
    return [*tables, page_table(fit, "R-squared", shares, notes)]


def _frame(rows: list[Any]) -> pd.DataFrame:
    return pd.DataFrame(rows).assign(panel="reconstruction")


def _coefficients_frame(values: Values) -> pd.DataFrame:
    found = values[NAME]
    errors = pd.DataFrame(found["standard_errors"]).drop(columns=["agrees", "decimals"])
    return _frame(found["coefficients"]).merge(errors, on=["table", "column", "variable"], suffixes=("", "_se"))


def _fit_frame(values: Values) -> pd.DataFrame:
    return _frame(values[NAME]["fit"]).drop(columns="agrees").astype({"published": "float64"})


def _descriptive_frame(values: Values) -> pd.DataFrame:
    return _frame([*values[NAME]["categories"]["table"], *values[NAME]["balance"]])


def _matched_frame(values: Values) -> pd.DataFrame:
    outcomes = values[NAME]["outcomes"].values()
    return _frame([{"label": found["label"], **entry} for found in outcomes for entry in found["psm_did"]])


def _event_frame(values: Values) -> pd.DataFrame:
    rows = [
        {"label": found["label"], "against": reference, **point}
        for found in values[NAME]["outcomes"].values()
        for reference, path in found["event_study"].items()
        for point in path
    ]
    return _frame(rows).astype({"p_value": "float64"})


def _fake_frame(values: Values) -> pd.DataFrame:
    rows = []
    for found in values[NAME]["outcomes"].values():
        for pool, fake in found["fake_groups"]["pools"].items():
            told = {
                "observed": found["fake_groups"]["observed"],
                **{key: fake[key] for key in ("mean", "sd", "as_large")},
            }
            rows.append({"label": found["label"], "pool": pool, **told})
    return _frame(rows)


_SAID = "Reconstruction, not observations"
TABLES: Mapping[str, TableOf] = {
    "replication_coefficients": (f"{_SAID}: coefficients of Tables 3 to 8", _coefficients_frame),
    "replication_fit": (f"{_SAID}: R-squared of Tables 3 to 8", _fit_frame),
    "replication_tables_1_2": (f"{_SAID}: Tables 1 and 2", _descriptive_frame),
    "replication_matched_did": (f"{_SAID}: DID on matched units", _matched_frame),
    "replication_event_study": (f"{_SAID}: event study", _event_frame),
    "replication_fake_groups": (f"{_SAID}: fake treated groups", _fake_frame),
}
SECTION = Section(NAME, "Replication", steps, collect, parts, TABLES)
