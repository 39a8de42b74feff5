"""How does a table become a file? CSV with every digit, LaTeX for a page, both written whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from bri_bayes.core.io import write_text
from bri_bayes.presentation.study_tables import CAPTIONS, TABLES, Values, provenance

# Said by another column or by the caption, and too wide for a page.
_NOT_IN_LATEX = ("panel", "outcome", "estimator", "inference", "note", "notes", "title", "unit")
_LONG = 40  # rows that a LaTeX page holds
_LATEX = str.maketrans(
    {char: f"\\{char}" for char in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)


TableOf = tuple[str, Callable[[Values], pd.DataFrame]]


def write_tables(values: Values, folder: Path, more: Mapping[str, TableOf] | None = None) -> dict[str, Path]:
    """Write every table as NAME.csv and NAME.tex into ``folder``; returns the CSV of each name.

    ``more`` : tables of further sections, name -> (caption, frame from values).
    """
    paths = {}
    captioned = {name: (CAPTIONS[name], table) for name, table in TABLES.items()} | dict(more or {})
    for name, (title, table) in captioned.items():
        frame = table(values)
        paths[name] = write_csv(frame, folder / f"{name}.csv")
        notes = frame.get("note", pd.Series(dtype=str)).dropna().unique()
        caption = ". ".join([title, *(str(note).rstrip(".") for note in notes), *_made_from(values, frame)])
        write_latex(frame, folder / f"{name}.tex", caption, name)
    return paths


def _made_from(values: Values, frame: pd.DataFrame) -> list[str]:
    """The provenance of the study's panel, unless the column ``panel`` says that the table is made from another one."""
    other = "panel" in frame and not frame["panel"].eq(values["panel"]["kind"]).all()
    return [] if other else [provenance(values)]


def write_csv(table: pd.DataFrame, path: Path) -> Path:
    """Write all digits; the column ``panel`` says what the rows are made from."""
    write_text(path, table.to_csv(index=False, lineterminator="\n"))
    return path


def write_latex(table: pd.DataFrame, path: Path, caption: str, label: str) -> Path:
    """Write a booktabs table, or a longtable if it is long, with four decimals; the caption carries the provenance."""
    shown = table.drop(columns=[*_NOT_IN_LATEX], errors="ignore").dropna(axis=1, how="all")
    shown = shown.rename(columns=lambda column: str(column).replace("_", " "))
    text = shown.to_latex(
        index=False,
        escape=True,
        na_rep="",
        formatters=dict.fromkeys(shown.select_dtypes("float"), _latex_number),
        caption=caption.translate(_LATEX),
        label=f"tab:{label}",
        longtable=len(shown) > _LONG,
    )
    write_text(path, f"% needs \\usepackage{{booktabs,longtable}}\n{text}")
    return path


def _latex_number(number: float) -> str:
    if math.isnan(number):
        return ""
    text = f"{number:,.0f}" if abs(number) >= 1e4 else f"{number:.4f}"
    return f"${text}$" if text.startswith("-") else text
