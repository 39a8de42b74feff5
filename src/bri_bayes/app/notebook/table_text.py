"""How is a table of text written for a paper, a README or a page? LaTeX, Markdown and HTML, without a package more."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.report.latex import escaped

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["latex", "md", "html"]


def as_text(table: pd.DataFrame, form: Format) -> str:
    """The table, its index as first column, in one of the formats; every character of a cell is shown as it is."""
    if form not in get_args(Format):
        raise InputError(f'a table is not written as "{form}"; {suggest(form, get_args(Format))}')
    head = ["", *map(str, table.columns)]
    body = [[str(label), *map(str, row)] for label, row in zip(table.index, table.to_numpy(), strict=True)]
    return {"latex": _latex, "md": _markdown, "html": _html}[form](head, body)


def _latex(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A tabular that pdflatex sets without a package: put it into a table of your own."""
    lines = [" & ".join(map(escaped, row)) + r" \\" for row in (head, *body)]
    return "\n".join(
        [f"\\begin{{tabular}}{{l{'c' * (len(head) - 1)}}}", r"\hline", lines[0], r"\hline", *lines[1:], r"\hline",
         r"\end{tabular}"]
    )  # fmt: skip


def _markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    rows = [
        [cell.replace("\\", "\\\\").replace("|", "\\|").replace("*", "\\*") for cell in row] for row in (head, *body)
    ]
    rule = ["---", *[":-:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))


def _html(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    heads = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in head[1:])
    rows = []
    for label, *cells in body:
        shown = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        rows.append(f'<tr><th scope="row">{html.escape(label)}</th>{shown}</tr>')
    lines = "\n".join(rows)
    return f"<table>\n<thead><tr><td></td>{heads}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>"
