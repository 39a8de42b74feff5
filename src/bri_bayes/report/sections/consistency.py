"""Which of the paper's tables can come from one data set, within rounding?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bri_bayes.core.resources import shipped
from bri_bayes.presentation.page_parts import Paragraph, Part, Shown
from bri_bayes.presentation.results import SectionResult
from bri_bayes.presentation.study_tables import Values
from bri_bayes.presentation.table_spec import PUBLISHED, Column, TableSpec, in_csv
from bri_bayes.report.sections.section import Context, Section, no_single_card
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step

NAME = "consistency"
_VERDICTS = {"shared": "can", "conflict": "CANNOT", "undecided": "not decided"}


def steps(context: Context) -> list[Step]:
    """One: the verdicts on all groups take a few seconds."""
    printed = [path.read_bytes() for path in sorted((shipped("data") / "published").rglob("*")) if path.is_file()]
    return [Step(NAME, (), content_key(NAME, *printed), _verdicts)]


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """ "groups" : an entry a set of tables, as ``bri-bayes consistent --json`` prints it."""
    return SectionResult(further={"groups": results[()]})


def parts(values: Values) -> list[Part]:
    """The question, how many sets of tables exclude each other, the verdicts, and the certificates of conflict."""
    groups = values[NAME]["groups"]
    conflicts = [entry for entry in groups if entry["verdict"] == "conflict"]
    page: list[Part] = [
        Paragraph(
            "Regressions on the same rows share their normal equations, which are linear in the unknown "
            "cross-products of the variables. So it can be decided, without any data, whether some data set gives all "
            "their coefficients, each within its rounding."
        ),
        Paragraph(
            f"{len(conflicts)} of {len(groups)} sets of tables cannot come from one data set"
            + (f": {'; '.join(entry['name'] for entry in conflicts)}." if conflicts else "."),
            strong=bool(conflicts),
        ),
        Shown(VERDICTS.fill(values)),
    ]
    certificates = CERTIFICATES.fill(values)
    if certificates.rows:
        page.append(Shown(certificates, "The certificates"))
    return page + [Paragraph(slip["sentence"]) for entry in groups for slip in entry["slips"]]


def _verdict_rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row a set of tables."""
    for entry in values[NAME]["groups"]:
        least = entry["certificate"].get("common", {}).get("least_eigenvalue")
        yield {**entry, "said": _VERDICTS[entry["verdict"]], "least_eigenvalue": least}


def _certificate_rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row a regressor of the plainest certificate of each conflict."""
    for entry in values[NAME]["groups"]:
        for certificate in entry["certificate"].get("collinear", [])[:1]:
            regressions = ", ".join(certificate["regressions"])
            for variable, weight in certificate["combination"].items():
                lower, upper = certificate["bounds"][variable]
                told = {"variable": variable, "weight": weight, "lower": lower, "upper": upper}
                yield {"name": entry["name"], "regressions": regressions, **told}


def _verdicts() -> list[Any]:
    from bri_bayes.paper.consistency_values import paper_consistency

    return paper_consistency()


VERDICTS = TableSpec(
    "consistency_verdicts",
    "Which tables of the paper can come from one data set",
    (
        Column("name", "tables", "name"),
        *in_csv("verdict"),
        Column("said", "one data set"),
        Column("least_eigenvalue", "least eigenvalue", "number", 2),
        Column("why", "why"),
    ),
    _verdict_rows,
    panel=lambda values: PUBLISHED,
)
CERTIFICATES = TableSpec(
    "consistency_certificates",
    "Sums of regressors that a conflict forces to be zero",
    (
        Column("name", "tables", "name"),
        Column("regressions", "regressions", minor=True),
        Column("variable", "variable"),
        Column("weight", "in the sum", "number", 4, "weight"),
        Column("lower", "least", "number", 4, "weight"),
        Column("upper", "greatest", "number", 4, "weight"),
    ),
    _certificate_rows,
    lambda values: (
        "The residuals of these regressions, added with weights that cancel the outcomes, leave this sum of "
        "regressors. It is orthogonal to itself, so it is zero in every row; no rounding of the coefficients "
        "makes it vanish.",
    ),
    panel=lambda values: PUBLISHED,
)
SECTION = Section(
    NAME, "Can one data set give these tables?", steps, collect, parts, (VERDICTS, CERTIFICATES), card=no_single_card
)
