"""Do the paper's tables and figures come back from code? On panels rebuilt from them, cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from bri_bayes.core.resources import shipped
from bri_bayes.presentation.page_parts import Heading, Paragraph, Part, Picture, Shown
from bri_bayes.presentation.results import SectionResult
from bri_bayes.presentation.study_tables import Values
from bri_bayes.presentation.table_spec import RECONSTRUCTION, Column, Table, TableSpec, in_csv
from bri_bayes.report.sections.section import Context, Section, no_single_card
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step

NAME = "replication"
Rows = Callable[[Values], Iterable[Values]]
Notes = Callable[[Values], Iterable[str]]
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
    replication = values[NAME]
    printed = DESCRIPTIVE.fill(values)
    page: list[Part] = [
        Paragraph(
            "Reconstruction, not observations. The microdata of the paper are not public. Panels of 291 units and 21 "
            "years were solved from its printed tables, so that least squares gives the printed coefficients back; the "
            "rest is drawn. They show what the paper's regressions do, and are evidence of nothing else.",
            strong=True,
        ),
        Paragraph(_returned(replication)),
        Heading("Product categories (Table 1, Figures 1 and 2)"),
        Picture("category_levels"),
        Picture("category_growth"),
        Shown(printed.where(table=1).titled("Table 1"), "Table 1, published and rebuilt"),
        Heading("Balance before and after matching (Table 2)"),
        Paragraph(_balance_said(replication)),
        Shown(printed.where(table=2).titled("Table 2"), "Table 2, published and rebuilt"),
        Heading("Event study (Figure 3)"),
        Picture("published_event_study"),
        Heading("Fake treated groups (Figure 4)"),
        Picture("fake_groups"),
        Heading("Difference-in-differences on matched units (section 4)"),
        Paragraph(_matched_said(replication)),
        Shown(MATCHED.fill(values)),
        Heading("Tables 3 to 8"),
    ]
    return [*page, *(Shown(table, table.caption) for table in _regressions(values))]


def _replicated() -> dict[str, Any]:
    from bri_bayes.core.json_values import json_safe
    from bri_bayes.paper.replication_values import replication_values

    return dict(json_safe(replication_values()))


def _returned(replication: Values) -> str:
    coefficients, errors = replication["coefficients"], replication["standard_errors"]
    matched = sum(bool(entry["agrees"]) for entry in errors)
    back = sum(entry["agrees"] for entry in coefficients)
    first = replication["categories"]["table"]
    second = replication["balance"]
    return (
        f"{back} of {len(coefficients)} coefficients of Tables 3 to 8 come back at the printed digits, "
        f"{sum(entry['agrees'] for entry in first)} of {len(first)} numbers of Table 1, "
        f"{sum(entry['agrees'] for entry in second)} of {len(second)} of Table 2, and {matched} of {len(errors)} "
        f"standard errors, ordinary or clustered. {len(replication['panels'])} panels are used: some tables exclude "
        "each other."
    )


def _balance_said(replication: Values) -> str:
    missed = [entry for entry in replication["balance"] if not entry["agrees"]]
    means = [entry for entry in replication["balance"] if entry["column"].endswith("mean")]
    spread = replication["size_spread"]
    return (
        f"{sum(entry['agrees'] for entry in means)} of {len(means)} means come back. {len(missed)} numbers do not: the "
        "p-values of the rows imply different sample sizes, so that no one sample has them all, and the printed bias "
        f"of export size means a standard deviation of {spread['implied']:.1f} in logs, where the R-squared of Table 3 "
        f"leaves {spread['panel']:.1f}. The p-values are of t-tests over units."
    )


def _matched_said(replication: Values) -> str:
    entries = [entry for outcome in replication["outcomes"].values() for entry in outcome["psm_did"]]
    inside = sum(entry["inside"] for entry in entries)
    significant = sum(entry["p_value"] < 0.1 for entry in entries)
    return (
        f"{inside} of {len(entries)} coefficients lie in the range that the paper quotes. They do by construction: a "
        "condition on the drawn errors puts each there. With standard errors clustered by unit "
        f"{significant} of {len(entries)} differ from zero at 10%; the paper says all do, at 5% or 10%."
    )


def _regressions(values: Values) -> list[Table]:
    """One table a published table: coefficients and standard errors beside each other; then the R-squared."""
    coefficients = COEFFICIENTS.fill(values)
    tables = dict.fromkeys(row["table"] for row in coefficients.rows)
    each = [coefficients.where(table=table).without("table").titled(f"Table {table}") for table in tables]
    return [*each, FIT.fill(values).titled("R-squared")]


def _coefficient_rows(values: Values) -> Iterator[dict[str, Any]]:
    section = values[NAME]
    key = itemgetter("table", "column", "variable")
    errors = {key(entry): entry for entry in section["standard_errors"]}
    for entry in section["coefficients"]:
        if error := errors.get(key(entry)):
            more = {"published_se": error["published"], "ordinary": error["ordinary"], "clustered": error["clustered"]}
            yield {**entry, **more, "where": f"({entry['column']})"}


def _fit_rows(values: Values) -> Iterator[dict[str, Any]]:
    yield from ({**row, "where": f"Table {row['table']} ({row['column']})"} for row in values[NAME]["fit"])


def _descriptive_rows(values: Values) -> Iterator[dict[str, Any]]:
    for row in (*values[NAME]["categories"]["table"], *values[NAME]["balance"]):
        printed = f"{row['published']:,.{row['decimals']}f}".replace("-", "−")
        said = {"variable_words": row["variable"].replace("_", " "), "statistic": _STATISTICS.get(row["column"])}
        yield {**row, **said, "printed": printed}


def _matched_rows(values: Values) -> Iterator[dict[str, Any]]:
    for outcome in values[NAME]["outcomes"].values():
        yield from ({"label": outcome["label"], **entry} for entry in outcome["psm_did"])


def _event_rows(values: Values) -> Iterator[dict[str, Any]]:
    for outcome in values[NAME]["outcomes"].values():
        for reference, path in outcome["event_study"].items():
            yield from ({"label": outcome["label"], "against": reference, **point} for point in path)


def _fake_rows(values: Values) -> Iterator[dict[str, Any]]:
    for outcome in values[NAME]["outcomes"].values():
        fakes = outcome["fake_groups"]
        for pool, fake in fakes["pools"].items():
            yield {**fake, "label": outcome["label"], "pool": pool, "observed": fakes["observed"]}


def _spec(
    name: str, caption: str, columns: tuple[Column, ...], rows: Rows, notes: Notes = lambda values: ()
) -> TableSpec:
    return TableSpec(f"{NAME}_{name}", caption, columns, rows, notes, panel=lambda values: RECONSTRUCTION)


_LABEL = Column("label", "outcome", "name")
COEFFICIENTS = _spec(
    "coefficients",
    "Coefficients of Tables 3 to 8",
    (
        Column("table", "table", "year"),
        *in_csv("column"),
        Column("where", "column"),
        Column("variable", "variable", "name"),
        Column("published", "published", "number", 4, "effect"),
        *in_csv("decimals", kind="count"),
        Column("reproduced", "reproduced", "number", 4, "effect"),
        Column("agrees", "agrees", "pass"),
        Column("published_se", "published s.e.", "number", 4, "effect"),
        Column("ordinary", "ordinary s.e.", "number", 4, "effect"),
        Column("clustered", "clustered s.e.", "number", 4, "effect"),
    ),
    _coefficient_rows,
)
FIT = _spec(
    "fit",
    "R-squared of Tables 3 to 8",
    (
        *in_csv("table", "column"),
        Column("where", "column", "name"),
        Column("version", "version"),
        *in_csv("observations", kind="count"),
        Column("rows", "rows", "count"),
        Column("published", "published R2", "number", 3),
        *in_csv("decimals", kind="count"),
        Column("overall", "overall", "number", 3),
        Column("within", "within", "number", 3),
    ),
    _fit_rows,
    lambda values: [f"Panel {panel['version']} differs in {panel['differs']}." for panel in values[NAME]["panels"]],
)
DESCRIPTIVE = _spec(
    "tables_1_2",
    "Tables 1 and 2",
    (
        *in_csv("table", kind="year"),
        *in_csv("variable"),
        Column("variable_words", "variable", "name"),
        Column("sample", "matching"),
        *in_csv("column"),
        Column("statistic", "number"),
        *in_csv("published", kind="number"),
        *in_csv("decimals", kind="count"),
        Column("printed", "published"),
        Column("reproduced", "rebuilt", "number", 3),
        Column("agrees", "agrees", "pass"),
    ),
    _descriptive_rows,
)
MATCHED = _spec(
    "matched_did",
    "DID on matched units",
    (
        *in_csv("outcome", "method"),
        _LABEL,
        Column("rule", "matching"),
        Column("estimate", "coefficient", "number", 3, "effect"),
        Column("se", "clustered s.e.", "number", 3, "effect"),
        Column("p_value", "p", "p-value"),
        Column("low", "quoted from", "number", 3, "effect"),
        Column("high", "quoted to", "number", 3, "effect"),
        Column("inside", "inside", "pass"),
        Column("matched_treated", "treated", "count", minor=True),
        Column("matched_controls", "controls", "count", minor=True),
    ),
    _matched_rows,
)
EVENT_STUDY = _spec(
    "event_study",
    "Event study",
    (
        _LABEL,
        Column("against", "against", "name"),
        Column("event_time", "years since the onset", "year"),
        Column("period", "year", "year"),
        Column("estimate", "estimate", "number", 3, "effect"),
        Column("se", "s.e.", "number", 3, "effect"),
        Column("lower", "2.5%", "number", 3, "effect"),
        Column("upper", "97.5%", "number", 3, "effect"),
        Column("p_value", "p", "p-value"),
    ),
    _event_rows,
)
FAKE_GROUPS = _spec(
    "fake_groups",
    "Fake treated groups",
    (
        _LABEL,
        Column("pool", "drawn from"),
        Column("observed", "actual", "number", 3, "effect"),
        Column("mean", "mean of the fakes", "number", 3, "effect"),
        Column("sd", "sd", "number", 3, "effect"),
        Column("as_large", "at least as large", "probability"),
    ),
    _fake_rows,
)
TABLES = (COEFFICIENTS, FIT, DESCRIPTIVE, MATCHED, EVENT_STUDY, FAKE_GROUPS)
SECTION = Section(NAME, "Replication", steps, collect, parts, TABLES, card=no_single_card)
