"""A study of quarters says so on every page, in every table and figure."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

import bri_bayes as bb
from bri_bayes.app.own_study import study_from_file
from bri_bayes.app.study_run import run_study

QUARTERS = [f"{year}Q{quarter}" for year in (2012, 2013, 2014) for quarter in (1, 2, 3, 4)]


def simulated(seed: int) -> pd.DataFrame:
    """Simulated firms, two of five treated from 2013Q3 on."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"F{unit}", quarter, np.exp(unit + rng.normal(0, 0.1)), int(unit < 2 and at >= 6))
        for unit in range(5)
        for at, quarter in enumerate(QUARTERS)
    ]
    return pd.DataFrame(rows, columns=["firm", "quarter", "sales", "D"])


def test_no_page_table_or_figure_of_a_study_of_quarters_speaks_of_years_or_ordinals(tmp_path, seed):
    csv = tmp_path / "q.csv"
    simulated(seed).to_csv(csv, index=False)
    study = study_from_file(tmp_path / "study", csv).path
    text = study.read_text(encoding="utf-8")
    assert "onset = 8054 # 2013Q3\n" in text
    text = re.sub(r"^models = .*$", 'models = ["did"]', text, flags=re.MULTILINE)
    study.write_text(re.sub(r"^sections = .*$", 'sections = ["pretrends"]', text, flags=re.MULTILINE), encoding="utf-8")
    out = run_study(study.parent, quick=True, out=tmp_path / "out").path.parent
    said = {
        path.name: read(path) for path in sorted(out.rglob("*")) if path.suffix in (".html", ".svg", ".csv", ".tex")
    }
    assert "2013Q3" in said["report.html"]
    assert {
        name: wrong.group(0)
        for name, page in said.items()
        if (wrong := re.search(r".*\b([Yy]ear(s|ly)?|80[45]\d)\b.*", page))
    } == {}
    assert "2012Q1" in said["pretrend_leads.csv"]
    assert re.search(r"201[234]Q[1-4]", said["pretrend.svg"])


def read(path: Path) -> str:
    """What a person reads of a file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".html", ".svg"):
        text = re.sub(r"<(script|style|metadata)\b.*?</\1>|<[^>]+>", "\n", text, flags=re.DOTALL)
    return text


def test_a_notebook_writes_a_study_of_quarters_that_reads_back(tmp_path, seed, monkeypatch):
    monkeypatch.setattr(
        "bri_bayes.app.notebook.study_folder.run_study", lambda *_, **__: type("Run", (), {"path": tmp_path})
    )
    frame = simulated(seed)
    result = bb.did(frame, "log(sales) ~ 1", unit="firm", period="quarter", treatment="D")
    result.report(tmp_path / "study")
    panel = bb.load_study(tmp_path / "study").load()
    assert panel["period_label"].to_numpy().tolist() == QUARTERS
    assert bb.load_study(tmp_path / "study").assignment.onsets == result.analysis.assignment.onsets
