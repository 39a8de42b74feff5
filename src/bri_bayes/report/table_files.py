"""How does a table become a file? CSV with every digit and name, LaTeX in words; both say what panel it is of."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bri_bayes.core.io import write_text
from bri_bayes.presentation.cells import readable
from bri_bayes.presentation.main_tables import TABLES
from bri_bayes.presentation.names_shown import table_in_words
from bri_bayes.presentation.table_spec import Column, Table, TableSpec, Values, is_missing
from bri_bayes.report.latex import latex_text

# What a spreadsheet takes for the start of a formula.
_FORMULA = ("=", "+", "-", "@")


def write_tables(values: Values, folder: Path, more: Iterable[TableSpec] = ()) -> dict[str, Path]:
    """Write every table as NAME.csv and NAME.tex into ``folder``, those of the sections too; the CSV of each name."""
    paths = {}
    for spec in (*TABLES, *more):
        table = spec.fill(values)
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
