"""Does every file of a run say what panel it is made from, and does every LaTeX table compile within its page?"""

from __future__ import annotations

import copy
import csv
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bri_bayes.core.io import write_json
from bri_bayes.presentation.main_tables import TABLES
from bri_bayes.report.figures import draw_all
from bri_bayes.report.render import render_report
from bri_bayes.report.sections import load_sections, section_names
from bri_bayes.report.table_files import write_tables

Values = dict[str, Any]
WORDS = {"simulation": "simulat", "reconstruction": "reconstruct"}
# What is made from other numbers than the panel of the study says so in its place.
OTHER = {"published": "printed", "reconstruction": "reconstruct"}


@pytest.fixture(scope="module", params=list(WORDS))
def run(
    request: pytest.FixtureRequest, quick_run: Values, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, Values]:
    """Every file of the quick run, its panel as simulated as it is, or as reconstructed."""
    kind, folder = request.param, tmp_path_factory.mktemp("files")
    values = copy.deepcopy(quick_run)
    values["panel"] |= {"kind": kind, "label": "A panel", "sources": ["a generator"]}
    values["categories"]["panel"] |= {"kind": kind, "label": "A panel", "sources": ["a generator"]}
    sections = load_sections(name for name in section_names() if values.get(name))
    figures = draw_all(values, folder / "figures") if kind == "simulation" else {}
    write_json(folder / "values.json", values)
    write_tables(values, folder / "tables", [spec for section in sections for spec in section.tables])
    parts = {section.name: (section.title, section.parts(values)) for section in sections}
    render_report(values, figures, folder / "report.html", parts)
    return kind, folder, values


def test_every_file_says_what_it_is_made_from(run: tuple[str, Path, Values]) -> None:
    kind, folder, _ = run
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".tex", ".svg", ".html", ".json"})
    assert len(files) > 50
    known = {WORDS[kind], *OTHER.values()}
    silent = [path.name for path in files if not any(word in path.read_text("utf-8").lower() for word in known)]
    assert silent == []
    for path in (folder / "tables").glob("*.csv"):
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        assert {row["panel"] for row in rows} <= {kind, *OTHER}, path.name


def test_the_main_tables_name_the_kind_of_the_panel_and_no_other(run: tuple[str, Path, Values]) -> None:
    kind, folder, _ = run
    for spec in TABLES:
        text = (folder / "tables" / f"{spec.name}.tex").read_text(encoding="utf-8").lower()
        assert f"{WORDS[kind]}ed panel - not observations" in text
        assert spec.frame(json.loads((folder / "values.json").read_text("utf-8")))["panel"].eq(kind).all()


def test_every_latex_table_has_its_cells_and_no_character_that_pdflatex_lacks(run: tuple[str, Path, Values]) -> None:
    _, folder, _ = run
    for path in (folder / "tables").glob("*.tex"):
        text = path.read_text(encoding="utf-8")
        assert text.isascii(), path.name
        for piece in text.split(r"\begin{tabular}")[1:]:
            form, _, body = piece.partition("\n")
            rows = [line for line in body.splitlines() if line.endswith(r"\tabularnewline")]
            cells = {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows if r"\multicolumn" not in row}
            assert cells <= {form.count("@{") - 1}, path.name


def test_every_latex_table_compiles_and_fits_a_plain_article(run: tuple[str, Path, Values], tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed; the cells and characters of each table are checked without it")
    _, folder, _ = run
    names = sorted(path.stem for path in (folder / "tables").glob("*.tex"))
    inputs = "".join(f"\\typeout{{NOW {name}}}\\input{{{folder}/tables/{name}}}\\clearpage\n" for name in names)
    document = f"\\documentclass{{article}}\\begin{{document}}{inputs}\\end{{document}}"
    (tmp_path / "all.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    log = done.stdout.decode(errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert log.count("NOW ") == len(names)
    assert [points for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log) if float(points) > 1] == []
    assert "Float too large" not in log
