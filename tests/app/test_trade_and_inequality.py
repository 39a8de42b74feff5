"""Claims about the commands that measure something in a file of the reader."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from bri_bayes.cli.main import app
from bri_bayes.core.errors import InputError

GROUPS = "iso3,year,area,income,people\nKAZ,2003,urban,3,5\nKAZ,2003,rural,1,5\n"
GROUP_OPTIONS = ["--unit", "iso3", "--period", "year", "--group", "area", "--mean", "income", "--population", "people"]


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False, standalone_mode=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def trade(rng, path):
    rows = ["t,i,j,k,v,q"]
    for product in range(8):
        for partner in (398, 417, 496):
            value, quantity = rng.lognormal(3), rng.lognormal(1)
            rows += [f"2015,156,{partner},{850000 + product},{value},{quantity}"]
            rows += [f"2015,{partner},156,{850000 + product},{quantity},{'NA' if product == 0 else value}"]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_inequality_prints_the_closed_form_of_two_groups_as_json(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text(GROUPS)
    values = json.loads(run("inequality", path, *GROUP_OPTIONS, "--json"))
    row = values["rows"][0]
    assert row["theil_t"] == pytest.approx(0.75 * np.log(1.5) + 0.25 * np.log(0.5))
    assert row["gini"] == pytest.approx(0.25)
    assert values["units"]["theil_t"] == "nats"


def test_quality_gives_a_column_for_each_flow_and_counts_what_was_lost(tmp_path, rng):
    out = tmp_path / "quality.csv"
    values = json.loads(run("quality", trade(rng, tmp_path / "baci.csv"), "--out", out, "--json"))
    assert {"unit", "period", "quality_exp", "quality_imp"} <= set(values["rows"][0])
    assert "import: 3 of 24 rows have no quantity: left out" in values["notes"]
    assert out.read_text().startswith("unit,period,quality_exp")


def test_quality_takes_columns_of_the_readers_own(tmp_path, rng):
    path = trade(rng, tmp_path / "own.csv")
    exported = [line.replace(",156,", ",") for line in path.read_text().splitlines() if line.startswith("2015,156,")]
    path.write_text("\n".join(["year,to,hs,usd,tons", *exported]) + "\n")
    values = json.loads(
        run("quality", path, "--columns", "to,year,hs,usd,tons", "--products", "850001,850002", "--json")
    )
    assert [row["products_export"] for row in values["rows"]] == [2, 2, 2]


def test_bad_options_are_one_sentence(tmp_path, rng):
    path = trade(rng, tmp_path / "baci.csv")
    with pytest.raises(InputError, match='--columns "a,b" has 2 names'):
        run("quality", path, "--columns", "a,b")
    with pytest.raises(InputError, match='the flow "exports" is unknown; did you mean "export"'):
        run("quality", path, "--flow", "exports")
    with pytest.raises(InputError, match='--years "2003" is not a first and a last period'):
        run("quality", path, "--years", "2003")
