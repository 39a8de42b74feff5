"""A file of flows between countries goes in, two rows a flow come out, whatever form the file has."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bri_bayes.app.gravity import GravityRequest, gravity
from bri_bayes.cli.main import app
from bri_bayes.core.errors import InputError
from bri_bayes.data.bilateral_flows import FlowColumns, read_flows

NUMBERS = {"CHN": 156, "KAZ": 398, "UZB": 860, "MNG": 496, "BLR": 112, "RUS": 643, "IND": 699}


def _flows(rng: np.random.Generator) -> pd.DataFrame:
    """Flows of seven countries in eight years, some of them without a row; exports to two partners rise by half."""
    names = list(NUMBERS)
    size = dict(zip(names, rng.lognormal(3, 1, len(names)), strict=True))
    rows = [
        (i, j, year, size[i] * size[j] * rng.lognormal(0, 0.2) * (1.5 if _is_policy(i, j, year) else 1.0))
        for i in names for j in names if i != j for year in range(2009, 2017)
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["exporter", "importer", "year", "value"])
    return frame[rng.random(len(frame)) < 0.95].round(3).reset_index(drop=True)


def _is_policy(exporter: str, importer: str, year: int) -> bool:
    return exporter == "CHN" and importer in ("KAZ", "UZB") and year >= 2013


@pytest.fixture
def file(rng: np.random.Generator, tmp_path: Path) -> Path:
    path = tmp_path / "flows.csv"
    _flows(rng).to_csv(path, index=False)
    return path


def _asked(path: Path, **changes: object) -> GravityRequest:
    return GravityRequest(path, "CHN", ("KAZ", "UZB"), "2013", **changes)  # type: ignore[arg-type]


def test_the_command_gives_two_rows_a_flow_and_says_how_to_read_them(file: Path) -> None:
    command = ["gravity", str(file), "--country", "CHN", "--treated", "KAZ,UZB", "--onset", "2013"]
    values = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert [(row["flow"], row["inference"]) for row in values["rows"]] == [
        (flow, way) for flow in ("export", "import") for way in ("cluster_pair", "placebo_partners")
    ]
    assert values["rows"][0]["estimate"] == pytest.approx(np.log(1.5), abs=0.3)
    # Two of six partners: fifteen pairs of them, so no p-value is far below one in fifteen.
    assert values["rows"][1]["p_value"] > 0.05
    assert values["panel"]["kind"] == "user"
    text = CliRunner().invoke(app, command).stdout
    assert "not checked against a source" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_release_of_baci_gives_what_its_totals_give(file: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(file)
    folder = tmp_path / "BACI_HS02"
    folder.mkdir()
    for year, of_year in frame.groupby("year"):
        # Each flow in two products.
        lines = [
            f"{year},{NUMBERS[row.exporter]},{NUMBERS[row.importer]},{code},{row.value / 2!r},          NA\n"
            for row in of_year.itertuples() for code in ("010121", "854231")
        ]  # fmt: skip
        (folder / f"BACI_HS02_Y{year}_V1.csv").write_text("t,i,j,k,v,q\n" + "".join(lines))
    codes = "".join(f"{number},{name}\n" for name, number in NUMBERS.items())
    (folder / "country_codes_V1.csv").write_text("country_code,country_iso3\n" + codes)
    of_baci, of_file = gravity(_asked(folder)), gravity(_asked(file))
    for (_, summed), (_, given) in zip(of_baci.rows, of_file.rows, strict=True):
        assert summed.estimate == pytest.approx(given.estimate, abs=1e-6)
    assert gravity(_asked(folder, years=(2011, 2014))).panel["periods"] == [2011, 2012, 2013, 2014]


def test_flows_without_a_row_are_missing_or_zero_as_asked(file: Path) -> None:
    listed, filled = (read_flows(file, FlowColumns(), zeros=zeros) for zeros in (False, True))
    assert len(filled.frame) == 7 * 6 * 8 == len(listed.frame) + filled.filled
    assert float(filled.frame["value"].sum()) == pytest.approx(float(listed.frame["value"].sum()))
    assert any("are zero" in note for note in gravity(_asked(file, zeros=True)).notes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"country": "CHI"}, r'there is no country "CHI"; did you mean "CHN"'),
        ({"treated": ("CHN",)}, "names the partners of CHN that the policy is about"),
        ({"onset": "2009"}, r'--onset "2009" is no period of .* with one before it; the file has 2009 to 2016'),
        ({"columns": FlowColumns(value="worth")}, r'there is no column "worth"'),
    ],
)
def test_what_the_file_does_not_have_is_refused_in_a_sentence(file: Path, change: dict[str, object], said: str) -> None:
    given: dict[str, object] = {"country": "CHN", "treated": ("KAZ",), "onset": "2013", **change}
    with pytest.raises(InputError, match=said):
        gravity(GravityRequest(file, **given))  # type: ignore[arg-type]


def test_a_negative_flow_and_a_flow_that_stands_twice_are_refused(file: Path) -> None:
    frame = pd.read_csv(file)
    frame.assign(value=frame["value"].where(frame.index != 3, -1.0)).to_csv(file, index=False)
    with pytest.raises(InputError, match=r'row 5: "value" is negative'):
        gravity(_asked(file))
    pd.concat([frame, frame.iloc[[0]]]).to_csv(file, index=False)
    with pytest.raises(InputError, match="one is allowed"):
        gravity(_asked(file))
