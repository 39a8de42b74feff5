"""How do sections show a table of the paper beside the models of this project? Steps, a frame and parts of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from bri_bayes.core.resources import shipped
from bri_bayes.presentation.page_parts import Heading, Paragraph, Part, Shown, digits_of, page_table, plain, row_name
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.sections.section import Context
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step

_NUMBERS = ("published", "published_se", "reproduced", "ordinary_se", "clustered_se", "mean", "sd", "lower", "upper")
NOTE = (
    "On the reconstruction, 291 units solved from the printed tables: it shows what these models make of data that "
    "agree with the paper, and is evidence of nothing about trade."
)


def paper_steps(
    name: str,
    context: Context,
    tables: tuple[int, ...],
    columns: Callable[[tuple[int, ...]], list[tuple[int, int]]],
    call: Callable[..., dict[str, Any]],
) -> list[Step]:
    """A step for each column of these tables, with the main card of the study."""
    printed = [path.read_bytes() for path in sorted((shipped("data") / "published").rglob("*")) if path.is_file()]
    return [
        Step(
            name,
            ("paper", f"{table}.{column}"),
            content_key("paper-table", table, column, context.main.digest, context.seed, *printed),
            partial(call, table, column, context.main, context.seed),
        )
        for table, column in columns(tables)
    ]


def of_paper(results: Mapping[Parts, Any]) -> list[Any]:
    """The results of ``paper_steps`` among those of a section."""
    return [result for at, result in results.items() if at[0] == "paper"]


def paper_frame(values: Values, columns: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A row a coefficient: printed, reproduced on the reconstruction, and the posterior there."""
    rows = [
        {
            "table": f"{one['table']} ({one['column']})",
            "outcome": one["outcome"],
            "variable": row["variable"],
            **{name: row.get(name) for name in _NUMBERS[:5]},
            **{name: row["bayes"][name] for name in _NUMBERS[5:]},
        }
        for one in columns
        for row in [*one["rows"], *_through(one)]
    ]
    frame = pd.DataFrame(rows, columns=["table", "outcome", "variable", *_NUMBERS])
    return frame.astype(dict.fromkeys(_NUMBERS, float)).assign(panel="reconstruction")


def _through(column: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The effect of BRI that runs through the channel of a column: the paper has no such number."""
    indirect = column.get("indirect")
    return [] if indirect is None else [{"variable": f"BRI through {column['channel']}", "bayes": indirect}]


def paper_parts(columns: Sequence[Mapping[str, Any]], title: str) -> list[Part]:
    """A heading, what the panel is, and the table; nothing where the study does not examine the paper."""
    if not columns:
        return []
    show = {
        "table": ("Table", row_name),
        "outcome": ("Outcome", plain),
        "variable": ("Variable", plain),
        "published": ("Printed", digits_of(4)),
        "published_se": ("s.e.", digits_of(4)),
        "reproduced": ("Least squares", digits_of(4)),
        "clustered_se": ("clustered s.e.", digits_of(4)),
        "mean": ("Posterior mean", digits_of(4)),
        "lower": ("Lower", digits_of(4)),
        "upper": ("Upper", digits_of(4)),
    }
    frame = paper_frame({"panel": {"kind": "reconstruction"}}, columns)
    caption = f"{title} of the paper, the same regression on the reconstruction, and the posterior there"
    return [Heading(f"{title} in Bayesian form"), Paragraph(NOTE), Shown(page_table(frame, caption, show))]
