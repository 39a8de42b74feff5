"""How do sections show a table of the paper beside the models of this project? Steps, a table and parts of the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from bri_bayes.core.resources import shipped
from bri_bayes.presentation.page_parts import Heading, Paragraph, Part, Shown
from bri_bayes.presentation.table_spec import RECONSTRUCTION, Column, Table, TableSpec, effect_columns, in_csv
from bri_bayes.report.sections.section import Context
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step

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
    """A step for each column of these tables, with the card of the checks; none in a brief run."""
    if context.brief:
        return []
    printed = [path.read_bytes() for path in sorted((shipped("data") / "published").rglob("*")) if path.is_file()]
    return [
        Step(
            name,
            ("paper", f"{table}.{column}"),
            content_key("paper-table", table, column, context.checked.digest, context.seed, *printed),
            partial(call, table, column, context.checked, context.seed),
        )
        for table, column in columns(tables)
    ]


def of_paper(results: Mapping[Parts, Any]) -> list[Any]:
    """The results of ``paper_steps`` among those of a section."""
    return [result for at, result in results.items() if at[0] == "paper"]


def paper_table(section: str, title: str) -> TableSpec:
    """Columns of the paper's tables printed, reproduced on the reconstruction, and their posterior there."""
    return TableSpec(
        f"{section}_paper",
        f"{title} of the paper, the same regression on the reconstruction, and the posterior there",
        (
            Column("table", "table", "name"),
            Column("outcome", "outcome"),
            Column("variable", "variable"),
            Column("published", "printed", "number", 4, "effect"),
            Column("published_se", "s.e.", "number", 4, "effect"),
            Column("reproduced", "least squares", "number", 4, "effect"),
            *in_csv("ordinary_se", kind="number"),
            Column("clustered_se", "clustered s.e.", "number", 4, "effect", minor=True),
            *effect_columns("posterior mean", sd="", digits=4)[:-1],
        ),
        lambda values: _rows(values[section].get("paper", [])),
        panel=lambda values: RECONSTRUCTION,
    )


def _rows(columns: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """A row a coefficient."""
    for column in columns:
        named = {"table": f"{column['table']} ({column['column']})", "outcome": column["outcome"]}
        for row in (*column["rows"], *_through(column)):
            yield {**row, **named, **row["bayes"]}


def _through(column: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The effect of BRI that runs through the channel of a column: the paper has no such number."""
    indirect = column.get("indirect")
    return [] if indirect is None else [{"variable": f"BRI through {column['channel']}", "bayes": indirect}]


def paper_parts(table: Table, title: str) -> list[Part]:
    """A heading, what the panel is, and the table; nothing where the study does not examine the paper."""
    return [Heading(f"{title} in Bayesian form"), Paragraph(NOTE), Shown(table)] if table.rows else []
