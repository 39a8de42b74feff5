"""Does the heat map show the cells that have no value, and those that were filled?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bri_bayes.app.official_data import FetchRequest, draw_gaps
from bri_bayes.cli.main import app
from bri_bayes.core.errors import InputError
from bri_bayes.data.official.gaps import gaps_of
from bri_bayes.report.figures.panel_gaps import MOST_UNITS, panel_gaps, title

from .loopback import World

SMALL = "iso3,year,x,y\nKAZ,2010,1,2\nKAZ,2011,1,\nKAZ,2012,1,2\nMNG,2010,,\nMNG,2012,1,2\n"


def test_gaps_are_shares_of_columns_and_a_year_without_a_row_misses_all(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(SMALL, encoding="utf-8")
    gaps = gaps_of(tmp_path / "p.csv")
    assert gaps.missing.tolist() == [[0.0, 0.5, 0.0], [1.0, 1.0, 0.0]]
    assert gaps.worst == ("MNG", "KAZ")
    assert title(gaps) == "42% of the values are missing, most of MNG, KAZ"
    mesh = panel_gaps(gaps, "x").axes[0].collections[0]
    assert np.asarray(mesh.get_array()).reshape(2, 3).tolist() == gaps.missing.tolist()


def test_filled_cells_are_those_of_the_list_and_missing_ones_those_that_stay_empty(
    fetched_nine: tuple[World, FetchRequest],
) -> None:
    _, request = fetched_nine
    gaps = gaps_of(request.out / "panel_imputed.csv")
    cells = pd.read_csv(request.out / "imputed_cells.csv")
    kazakhstan = cells[cells["iso3"] == "KAZ"].groupby("year").size()
    shown = dict(zip(gaps.years, gaps.filled[gaps.units.index("KAZ")], strict=True))
    assert {year: round(share * len(gaps.columns)) for year, share in shown.items() if share} == kazakhstan.to_dict()
    observed = gaps_of(request.out / "panel.csv")
    assert not observed.filled.any()
    np.testing.assert_allclose(observed.missing, gaps.missing + gaps.filled)
    dots = panel_gaps(gaps, "x").axes[0].collections[1]
    assert len(dots.get_offsets()) == int((gaps.filled > 0).sum())


def test_the_map_of_a_panel_from_another_address_says_so(
    fetched_nine: tuple[World, FetchRequest], tmp_path: Path
) -> None:
    _, request = fetched_nine
    drawn = draw_gaps(request.out / "panel.csv", tmp_path / "gaps.svg").read_text(encoding="utf-8")
    assert "NOT OFFICIAL DATA, but answers of http://127.0.0.1:" in drawn


def test_a_large_panel_shows_the_units_with_the_most_gaps_and_says_so(tmp_path: Path) -> None:
    units = [f"U{i:02d}" for i in range(MOST_UNITS + 5)]
    rows = [f"{unit},2010,{'' if i % 2 else 1}" for i, unit in enumerate(units)]
    (tmp_path / "p.csv").write_text("iso3,year,x\n" + "\n".join(rows) + "\n", encoding="utf-8")
    figure = panel_gaps(gaps_of(tmp_path / "p.csv"), "x")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == units[1::2]
    assert any(f"of {MOST_UNITS + 5} units" in text.get_text().replace("\n", " ") for text in figure.texts)


def test_the_command_writes_both_files_and_refuses_a_repeated_row(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(SMALL, encoding="utf-8")
    arguments = ["data", "check", str(tmp_path / "p.csv"), "--figure", str(tmp_path / "gaps.svg")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"p.csv", "gaps.svg", "gaps.png"}
    (tmp_path / "p.csv").write_text(SMALL + "KAZ,2010,1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="is there twice"):
        gaps_of(tmp_path / "p.csv")
