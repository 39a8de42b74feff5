"""How does a table become a file? CSV with every digit and name, LaTeX and HTML in words; all say of which panel."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from bri_bayes.core.io import write_text
from bri_bayes.presentation.cells import grid, readable
from bri_bayes.presentation.main_tables import TABLES
from bri_bayes.presentation.names_shown import table_in_words
from bri_bayes.presentation.table_spec import Column, Table, TableSpec, Values, is_missing, provenance_of
from bri_bayes.report.latex import latex_text

# What a spreadsheet takes for the start of a formula.
_FORMULA = ("=", "+", "-", "@")


def write_tables(values: Values, folder: Path, more: Iterable[TableSpec] = ()) -> dict[str, Path]:
    """Write every table that has a row as NAME.csv and NAME.tex into ``folder``, those of the sections too; the CSV of
    each name. Dollars of an outcome that is no amount, say, have none.
    """
    paths = {}
    for spec in (*TABLES, *more):
        table = spec.fill(values)
        if not table.rows:
            continue
        paths[spec.name] = folder / f"{spec.name}.csv"
        write_text(paths[spec.name], csv_text(table))
        write_text(folder / f"{spec.name}.tex", latex_text(table_in_words(values, table)))
    return paths


def csv_text(table: Table) -> str:
    """All digits of all columns; the last column, ``panel``, says what the rows are made from."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([*(column.key for column in table.columns), "panel"])
    for row in table.rows:
        lines.writerow([*(_cell(row.get(column.key), column) for column in table.columns), table.panel["kind"]])
    return text.getvalue()


def html_text(table: Table) -> str:
    """A page with the table alone, as a reader sees it, to be pasted into a document."""
    shown = grid(table)
    heads = "".join(f"<th>{escape(column.heading)}</th>" for column in shown.columns)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell.text)}</td>' for cell in row)}</tr>\n" for row in shown.rows)
    caption = ". ".join(part.rstrip(".") for part in (table.caption, provenance_of(table.panel)))
    notes = "".join(f"<p>{escape(note)}</p>\n" for note in shown.notes)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(table.caption)}</title></head>'
        f"<body><table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{heads}</tr></thead>\n"
        f"<tbody>\n{rows}</tbody></table>\n{notes}</body></html>\n"
    )


def _cell(value: Any, column: Column) -> Any:
    if is_missing(value):
        return ""
    if column.kind in ("count", "year") and float(value).is_integer():
        return int(value)
    return float(value) if column.is_numeric else value if isinstance(value, bool) else plain_text(str(value))


def plain_text(text: str) -> str:
    """Text without control characters, an apostrophe before what a spreadsheet would compute."""
    text = readable(text)
    try:
        float(text)
    except ValueError:
        return f"'{text}" if text.startswith(_FORMULA) else text
    return text
