"""Regression tables of results: what is chosen is shown, in every format, and other packages' tables take a result."""

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

import bri_bayes as bb
from bri_bayes.core.errors import InputError

SMALL = {"sampler": {"draws": 100, "proposals": 400}}


@pytest.fixture(scope="module")
def result():
    rng = np.random.default_rng(3)
    rows = [
        {"country": unit, "year": year, "y": rng.normal() + 3 * (unit in "AB" and year >= 2010), "gdp_%": rng.normal()}
        for unit in "ABCDEF"
        for year in range(2005, 2015)
    ]
    return bb.did(
        pd.DataFrame(rows), outcome="y", covariates="gdp_%", unit="country", period="year", treated=["A", "B"],
        onset=2010, card=bb.card("did", **SMALL),
    )  # fmt: skip


def test_a_table_has_the_columns_rows_names_and_digits_that_are_chosen(result):
    table = result.etable(
        bb.card("did", errors="iid", name="independent", **SMALL),
        names=["main", "iid", "TWFE"],
        rows=["effect", "interval", "rows"],
        least_squares=[("twfe", "cluster")],
        digits=1,
    )
    assert list(table.columns) == ["main", "iid", "TWFE"]
    assert list(table.index) == ["effect", "95% interval", "rows"]
    assert table.loc["effect", "main"] == f"{result.effect.mean:.1f}"
    assert table.loc["effect", "TWFE"] == f"{result.estimates[1].estimate:.1f}"
    assert set(table.loc["rows"]) == {"60"}


def test_without_a_choice_every_column_has_its_coefficients_and_no_star(result):
    table = result.etable(result)
    assert list(table.columns) == ["DID, units independent", "DID, units independent (2)"]
    assert {"gdp_%", "P(effect > 0)", "errors"} <= set(table.index)
    assert "p-value" not in table.index
    assert not table.apply(lambda column: column.str.contains("*", regex=False)).to_numpy().any()
    assert "independent errors" not in set(table.loc["errors"])


def test_a_card_that_was_changed_has_its_name_and_no_label_of_another(result):
    assert list(result.etable(bb.card("did", errors="iid", **SMALL)).columns) == ["DID, units independent", "did"]


def test_cards_that_differ_in_scale_or_drift_alone_have_cells_that_differ(result):
    table = result.etable("did_scale_by_unit", "did_group_walk", rows=["errors", "shocks"])
    assert table.loc["errors"].nunique() == 2
    assert table.loc["shared shocks", "DID, a group that drifts"] == "the treated drift"


def test_a_star_marks_an_interval_without_zero_and_no_other(result):
    assert result.effect.excludes_zero
    table = result.etable(stars=True, least_squares=[("twfe", "iid")])
    assert table.loc["effect", "DID, units independent"] == f"{result.effect.mean:.3f}*"
    assert table.loc["effect"].iloc[1].endswith("*") is (result.estimates[0].p_value < 0.05)
    assert not table.loc["gdp_%", "DID, units independent"].endswith("*")


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"rows": ["efect"]}, 'has no row "efect"; did you mean "effect"'),
        ({"names": ["a", "b"]}, "2 names for a table of 1 columns: DID, units independent"),
        ({"least_squares": [("twfe", "clusters")]}, 'no row "twfe/clusters"; did you mean "twfe/cluster"'),
        ({"format": "tex"}, 'not written as "tex"'),
    ],
)
def test_a_choice_that_does_not_exist_is_refused_by_name(result, choice, message):
    with pytest.raises(InputError, match=message):
        result.etable(**choice)


def test_each_format_has_every_cell_and_escapes_its_own_marks(result):
    chosen = {"rows": ["effect", "coefficients"], "stars": True}
    frame, latex, markdown, html = (
        result.etable(**chosen), *(result.etable(**chosen, format=name) for name in ("latex", "md", "html"))
    )  # fmt: skip
    mean = f"{result.effect.mean:.3f}"
    assert latex.count(r"\\") == markdown.count("\n") == html.count("<tr>") == len(frame) + 1
    assert r"gdp\_\%" in latex
    assert f"{mean}\\*" in markdown
    assert f"<td>{mean}*</td>" in html


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_the_latex_of_a_table_compiles(result, tmp_path):
    text = result.etable(result, least_squares=[("twfe", "permutation")], format="latex")
    page = f"\\documentclass{{article}}\\begin{{document}}{text}\\end{{document}}"
    (tmp_path / "table.tex").write_text(page)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-800:]


def test_maketables_sets_a_result_beside_others_without_a_star(result):
    maketables = pytest.importorskip("maketables")
    table = maketables.ETable([result, result.with_card("did_iid")]).df
    shown = table.astype(str).to_numpy().ravel()
    assert any(f"{result.effect.mean:.3f}" in cell and "*" not in cell for cell in shown)
    coefficients = result.__maketables_coef_table__
    assert list(coefficients.index) == ["ATT", "gdp_%"]
    assert coefficients["p"].isna().all()
    assert result.__maketables_stat__("N") == 60
    assert result.__maketables_stat__("r2") is None


def test_great_tables_takes_the_table_as_it_is(result):
    great_tables = pytest.importorskip("great_tables")
    page = great_tables.GT(result.etable()).as_raw_html()
    assert f"{result.effect.mean:.3f}" in page


def test_a_panel_that_nobody_observed_is_named_in_its_tables():
    panel = bb.load_study("data/simulated.toml").load()
    chosen = panel.sel(unit=["KAZ", "UZB", "MNG", "BLR"])
    card = bb.card("did", outcome="lnexport", **SMALL)
    onsets = bb.Assignment({"KAZ": 2013, "UZB": 2013, "MNG": None, "BLR": None})
    result = bb.DidResult(bb.fit(bb.Analysis(chosen, onsets, card)))
    assert "SIMULATED" in result.etable(rows=["effect"]).loc["data", "DID, units independent"]
