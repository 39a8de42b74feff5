"""Which of the paper's tables can come from one data set, within rounding?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bri_bayes.core.resources import shipped
from bri_bayes.presentation.page_parts import Paragraph, Part, Show, Shown, digits_of, page_table, plain, row_name
from bri_bayes.presentation.results import SectionResult
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.report.table_files import TableOf
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
    columns: dict[str, tuple[str, Show]] = {"name": ("tables", row_name), "said": ("one data set", plain)}
    columns |= {"least_eigenvalue": ("least eigenvalue", digits_of(2)), "why": ("why", plain)}
    frame = verdicts(values).assign(said=lambda table: table["verdict"].map(_VERDICTS))
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
        Shown(page_table(frame, "Verdicts", columns)),
    ]
    certificates = certificate_frame(values)
    if not certificates.empty:
        shown: dict[str, tuple[str, Show]] = {"name": ("tables", row_name), "regressions": ("regressions", plain)}
        shown |= {"variable": ("variable", plain), "weight": ("in the sum", digits_of(4))}
        shown |= {"lower": ("least", digits_of(4)), "upper": ("greatest", digits_of(4))}
        note = (
            "The residuals of these regressions, added with weights that cancel the outcomes, leave this sum of "
            "regressors. It is orthogonal to itself, so it is zero in every row; no rounding of the coefficients "
            "makes it vanish."
        )
        page.append(Shown(page_table(certificates, "Certificates of conflict", shown, [note]), "The certificates"))
    return page + [Paragraph(slip["sentence"]) for entry in groups for slip in entry["slips"]]


def verdicts(values: Values) -> pd.DataFrame:
    """A row a set of tables."""
    rows = [
        {
            "name": entry["name"],
            "verdict": entry["verdict"],
            "least_eigenvalue": entry["certificate"].get("common", {}).get("least_eigenvalue"),
            "why": entry["why"],
        }
        for entry in values[NAME]["groups"]
    ]
    return pd.DataFrame(rows).astype({"least_eigenvalue": "float64"}).assign(panel="published")


def certificate_frame(values: Values) -> pd.DataFrame:
    """A row a regressor of the plainest certificate of each conflict."""
    rows = []
    for entry in values[NAME]["groups"]:
        for one in entry["certificate"].get("collinear", [])[:1]:
            for name, weight in one["combination"].items():
                lower, upper = one["bounds"][name]
                told = {"variable": name, "weight": weight, "lower": lower, "upper": upper}
                rows.append({"name": entry["name"], "regressions": ", ".join(one["regressions"]), **told})
    columns = ["name", "regressions", "variable", "weight", "lower", "upper"]
    return pd.DataFrame(rows, columns=columns).assign(panel="published")


def _verdicts() -> list[Any]:
    from bri_bayes.paper.consistency_values import paper_consistency

    return paper_consistency()


TABLES: Mapping[str, TableOf] = {
    "consistency_verdicts": ("Which tables of the paper can come from one data set", verdicts),
    "consistency_certificates": ("Sums of regressors that a conflict forces to be zero", certificate_frame),
}
SECTION = Section(NAME, "Can one data set give these tables?", steps, collect, parts, TABLES)
