"""A panel that a command has made once is read back as it was, by the code and the data that made it."""

import os
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from bri_bayes.data.generators import GENERATORS
from bri_bayes.runtime import kept_panels
from bri_bayes.runtime.cache import Cache
from bri_bayes.runtime.kept_panels import kept


@pytest.fixture
def panel():
    cells = {"y": (("unit", "period"), np.array([[0.1, np.nan], [1 / 3, -2e300]]), {"label": "Y <b>"})}
    coords = {"unit": ["A", "Österreich"], "period": [2001, 2002], "group": ("unit", ["", "G"])}
    return xr.Dataset(cells, coords=coords, attrs={"kind": "simulation", "sources": ["a", "b"]})


def test_a_panel_is_made_once_and_read_back_as_it_was(tmp_path, panel):
    made = []

    def make():
        made.append(1)
        return panel

    first, again = (kept("p", make, Cache(tmp_path)) for _ in range(2))
    assert made == [1]
    assert first.identical(panel)
    assert again.identical(panel)
    assert again["unit"].dtype == panel["unit"].dtype


@pytest.mark.parametrize("name", sorted(GENERATORS))
def test_every_generated_panel_comes_back_to_the_bit(tmp_path, name):
    whole = GENERATORS[name]()
    kept("r", lambda: whole, Cache(tmp_path))
    again = kept("r", lambda: pytest.fail("made again"), Cache(tmp_path))
    assert again.identical(whole)
    assert [again[name].values.tobytes() for name in whole] == [whole[name].values.tobytes() for name in whole]


def test_other_shipped_data_a_damaged_file_and_a_folder_that_cannot_be_written_make_it_anew(
    tmp_path, panel, monkeypatch
):
    data, made = tmp_path / "data", []
    (data / "published").mkdir(parents=True)
    monkeypatch.setattr(kept_panels, "shipped", lambda name: data)

    def make():
        made.append(1)
        return panel

    kept("p", make, Cache(tmp_path / "cache"))
    (data / "published" / "cells.csv").write_text("1", encoding="utf-8")
    kept("p", make, Cache(tmp_path / "cache"))
    assert len(made) == 2
    for path in (tmp_path / "cache").rglob("panel-*.npz"):
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    kept("p", make, Cache(tmp_path / "cache"))
    assert len(made) == 3
    (tmp_path / "file").touch()
    assert kept("p", make, Cache(tmp_path / "file")).identical(panel)


def test_a_command_keeps_the_panel_of_its_study_and_a_notebook_nothing(tmp_path):
    for line, expected in ((["-m", "bri_bayes", "pretrends", "--quick"], 1), (["-c", _NOTEBOOK], 0)):
        folder = tmp_path / str(expected)
        subprocess.run([sys.executable, *line], env=_environment(folder), check=True, capture_output=True)
        assert len(list(folder.rglob("panel-reconstruction-*.npz"))) == expected


_NOTEBOOK = "import bri_bayes; bri_bayes.load_study().load()"


def _environment(folder):
    return {**os.environ, "BRI_BAYES_CACHE": str(folder)}
