"""Does the paper's question run on what the services served?"""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bri_bayes.app.official_data import STUDY, FetchRequest, _put_study_beside, fetch, planned_calls
from bri_bayes.app.official_import import import_files
from bri_bayes.app.section_answer import section_answer
from bri_bayes.core.resources import shipped
from bri_bayes.data.categories import load_categories
from bri_bayes.data.official.check import check_panel
from bri_bayes.data.official.gaps import gaps_of
from bri_bayes.data.provenance import kind_of_file
from bri_bayes.study.study_file import load_study

from .conftest import NINE
from .loopback import World


@pytest.fixture
def study(fetched_nine: tuple[World, FetchRequest], tmp_path: Path) -> Path:
    """The study beside a fetched panel, as in data/."""
    _, request = fetched_nine
    shutil.copy(shipped("data") / "hightech.toml", tmp_path)
    shutil.copytree(request.out, tmp_path / "official", ignore=shutil.ignore_patterns("raw"))
    return tmp_path / "hightech.toml"


def test_the_study_reads_the_fetched_panel_and_says_where_it_comes_from(
    study: Path, fetched_nine: tuple[World, FetchRequest]
) -> None:
    world, _ = fetched_nine
    panel = load_study(study).load()
    assert panel.attrs["kind"] == "user"
    assert set(panel["unit"].to_numpy()) == set(NINE)
    assert panel.sizes["period"] == 21
    served = sum(key[5] for key in world.trade if key[:4] == ("S4", "KAZ", 2013, "X"))
    assert float(panel["lnexport"].sel(unit="KAZ", period=2013)) == pytest.approx(np.log(served))
    # These came from another address: no service is named as their source.
    assert panel.attrs["sources"] == []
    assert panel.attrs["label"].startswith("NOT OFFICIAL DATA, but answers of http://127.0.0.1:")


def test_what_came_from_another_address_is_not_called_official(
    study: Path, fetched_nine: tuple[World, FetchRequest]
) -> None:
    _, request = fetched_nine
    manifest = json.loads((request.out / "manifest.json").read_text())
    assert manifest["kind"] == "user"
    assert manifest["notes"][0].startswith("http://127.0.0.1")
    assert manifest["notes"][0].endswith("is no address of the services: what came is not taken for official data")
    categories = load_study(study).categories
    assert categories is not None
    rows = load_categories(categories).attrs
    assert rows["kind"] == categories.kind_of_rows == "user"
    assert rows["label"].startswith("NOT OFFICIAL DATA, but answers of http://127.0.0.1:")
    assert gaps_of(request.out / "panel_imputed.csv").kind == "user"
    # The same files from the services themselves, and a file without a manifest, are what the study says.
    (study.parent / "official" / "manifest.json").write_text(json.dumps({**manifest, "kind": "official"}))
    official = load_study(study).load().attrs
    assert official["kind"] == "official"
    assert any("UN Comtrade" in source for source in official["sources"])
    assert official["label"].startswith("China's high-technology trade")
    (study.parent / "official" / "manifest.json").unlink()
    assert load_study(study).load().attrs["kind"] == "official"
    assert kind_of_file(request.out / "panel.csv", "simulation") == "simulation"


def test_a_fetch_puts_the_study_beside_its_data_and_leaves_one_that_is_there(
    fetched_nine: tuple[World, FetchRequest], tmp_path: Path
) -> None:
    _, request = fetched_nine
    assert load_study(request.out.parent / STUDY).load().sizes["unit"] == len(NINE)
    (tmp_path / STUDY).write_text("mine", encoding="utf-8")
    _put_study_beside(tmp_path / "official")
    assert (tmp_path / STUDY).read_text(encoding="utf-8") == "mine"
    _put_study_beside(tmp_path / "elsewhere" / "data")
    assert not (tmp_path / "elsewhere").exists()


def test_the_runs_with_and_without_filled_cells_read_panels_that_differ_in_the_listed_cells_alone(study: Path) -> None:
    observed = load_study(study).load()
    filled = load_study(study, panel=study.parent / "official" / "panel_imputed.csv").load()
    listed = pd.read_csv(study.parent / "official" / "imputed_cells.csv")
    assert set(observed.data_vars) == set(filled.data_vars)
    differs = set()
    for name in map(str, observed.data_vars):
        before, after = observed[name].to_series(), filled[name].to_series()
        assert not (before.notna() & (before != after)).any()
        differs |= {(unit, period, name) for unit, period in before.index[before.isna() & after.notna()]}
    cells = set(listed[["iso3", "year", "variable"]].itertuples(index=False, name=None))
    assert differs == {cell for cell in cells if cell[2] in observed}
    assert differs
    assert not {"lnexport", "lnimport"} & {name for _, _, name in differs}


def test_a_section_runs_on_the_fetched_panel_and_none_but_fetch_opens_a_connection(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    values = section_answer("pretrends", study, panel=None, quick=True, jobs=1, seed=0, options={}).values
    assert set(values["outcomes"]) == {"lnexport", "lnimport"}
    assert values["panel"]["kind"] == "user"
    panel = study.parent / "official" / "panel.csv"
    assert check_panel(panel)
    assert import_files([panel], tmp_path / "imported").panel.is_file()
    request = FetchRequest(out=tmp_path / "o", partners=("KAZ",))
    assert planned_calls(request)
    with pytest.raises(AssertionError, match="a connection was opened"):
        fetch(request)
