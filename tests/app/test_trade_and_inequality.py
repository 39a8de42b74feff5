"""Claims about the commands that measure something in a file of the reader."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from typer.testing import CliRunner

from bri_bayes.cli.main import app
from bri_bayes.core.errors import InputError
from bri_bayes.data.trade import read_trade

GROUPS = "iso3,year,area,income,people\nKAZ,2003,urban,3,5\nKAZ,2003,rural,1,5\n"
GROUP_OPTIONS = ["--unit", "iso3", "--period", "year", "--group", "area", "--mean", "income", "--population", "people"]


def run(*arguments: object) -> str:
    result = CliRunner().invoke(
        app, [str(argument) for argument in arguments], catch_exceptions=False, standalone_mode=False
    )
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


FLOWS = "from,to,year,usd\n" + "".join(
    f"{seller},{buyer},{year},{2 + (3 * a + 5 * b + year) % 7 + (year > 2011 and {a, b} == {0, 1})}\n"
    for a, seller in enumerate("ABCDÉ")
    for b, buyer in enumerate("ABCDÉ")
    if a != b
    for year in range(2009, 2014)
)
QUALITY = "to,year,hs,usd,tons\n" + "".join(
    f"{unit},2015,85000{product},{2 + product + at},{1 + product * at % 3}\n"
    for at, unit in enumerate(("Perú", "Chad", "Mali"))
    for product in range(6)
)
IN_OTHER_TEXT = {
    "inequality": (GROUPS.replace("KAZ", "Perú"), GROUP_OPTIONS),
    "quality": (QUALITY, ["--columns", "to,year,hs,usd,tons"]),
    "gravity": (
        FLOWS, ["--country", "A", "--treated", "B,É", "--onset", "2012", "--columns", "from,to,year,usd"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
@pytest.mark.parametrize(("command", "content", "options"), [(name, *of) for name, of in IN_OTHER_TEXT.items()])
def test_a_stated_encoding_gives_the_answer_of_the_same_file_in_utf_8(tmp_path, command, content, options, encoding):
    path = tmp_path / "own.csv"
    path.write_text(content, encoding="utf-8")
    expected = run(command, path, *options, "--json")
    path.write_bytes(content.encode(encoding))
    assert run(command, path, *options, "--encoding", encoding, "--json") == expected
    with pytest.raises(InputError, match="--encoding"):
        run(command, path, *options)


def test_elasticities_are_read_in_the_encoding_of_the_file(tmp_path):
    path, sigmas = tmp_path / "own.csv", tmp_path / "sigmas.csv"
    path.write_bytes(QUALITY.encode("latin-1"))
    sigmas.write_bytes("product,sigma,source\n85,3,José\n".encode("latin-1"))
    given = ["--columns", "to,year,hs,usd,tons", "--encoding", "latin-1", "--json"]
    with_three = run("quality", path, "--sigmas", sigmas, *given)
    assert json.loads(with_three)["rows"] == json.loads(run("quality", path, "--sigma", "3", *given))["rows"]


def test_bad_options_are_one_sentence(tmp_path, rng):
    path = trade(rng, tmp_path / "baci.csv")
    with pytest.raises(InputError, match='--columns "a,b" has 2 names'):
        run("quality", path, "--columns", "a,b")
    with pytest.raises(InputError, match='the flow "exports" is unknown; did you mean "export"'):
        run("quality", path, "--flow", "exports")
    with pytest.raises(InputError, match='--years "2003" is not a first and a last period'):
        run("quality", path, "--years", "2003")


def test_namibia_stays_and_no_other_country_moves(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text(GROUPS + "NA,2003,urban,4,2\nNA,2003,rural,1,6\n")
    rows = {row["unit"]: row for row in json.loads(run("inequality", path, *GROUP_OPTIONS, "--json"))["rows"]}
    assert set(rows) == {"KAZ", "NA"}
    assert rows["KAZ"]["theil_t"] == pytest.approx(0.75 * np.log(1.5) + 0.25 * np.log(0.5))
    users_file = tmp_path / "own.csv"
    header = "unit,period,product,value,quantity\n"
    cells = [(unit, product) for unit in ("NA", "KAZ", "MNG") for product in ("850001", "850002", "850003")]
    users_file.write_text(header + "".join(f"{u},2003,{p},{5 + 3 * i},{2 + i % 4}\n" for i, (u, p) in enumerate(cells)))
    quality = json.loads(run("quality", users_file, "--columns", "unit,period,product,value,quantity", "--json"))[
        "rows"
    ]
    assert [row["unit"] for row in quality] == ["KAZ", "MNG", "NA"]


OWN = "unit,period,product,value,quantity\nA,2000,01,1,1\n"
STRICT = {
    "part of a year": (
        "quality",
        OWN + "B,2000.7,01,1,1\n",
        'row 3: period is "2000.7", and others are written as "2000"',
    ),
    "short row": ("quality", OWN + "B,2000,01,1\n", "row 3 has 4 fields and the header has 5"),
    "two rows": ("quality", OWN + "A,2000,01,2,2\n", "repeat a flow, period, unit and product"),
    "ambiguous value": ("quality", OWN.replace(",", ";") + "B;2000;01;1,063;2\n", "--decimal"),
    "part of a year of groups": ("inequality", GROUPS + "MNG,2003.5,rural,1,1\n", 'year is "2003.5"'),
    "short row of groups": ("inequality", GROUPS + "MNG,2003\n", "row 4 has 2 fields and the header has 5"),
    "two rows of groups": ("inequality", GROUPS + "KAZ,2003,rural,1,1\n", "rows 3 and 4 are both KAZ 2003 rural"),
}


@pytest.mark.parametrize(("command", "content", "sentence"), STRICT.values(), ids=STRICT.keys())
def test_what_the_strict_reader_refuses_is_refused_here_too(tmp_path, command, content, sentence):
    path = tmp_path / "file.csv"
    path.write_text(content)
    options = GROUP_OPTIONS if command == "inequality" else ["--columns", "unit,period,product,value,quantity"]
    with pytest.raises(InputError, match=sentence):
        run(command, path, *options)


@pytest.mark.parametrize("command", ["inequality", "quality"])
def test_the_table_is_never_written_over_the_file_that_is_read(tmp_path, command):
    path = tmp_path / "file.csv"
    path.write_text(GROUPS)
    options = GROUP_OPTIONS if command == "inequality" else []
    with pytest.raises(InputError, match="is a file that the command reads"):
        run(command, path, *options, "--out", tmp_path / "." / "file.csv")
    assert path.read_text() == GROUPS


@pytest.mark.parametrize("at", [60, 90, 120])
def test_a_zip_that_is_damaged_inside_gets_one_sentence(tmp_path, at):
    path = tmp_path / "baci.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("BACI_Y2003.csv", "t,i,j,k,v,q\n" + "2003,156,398,300490,1.5,2.5\n" * 9)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="is it damaged"):
        read_trade(path)


@pytest.mark.parametrize("sigma", ["1", "1e308", "nan"])
def test_an_elasticity_that_no_product_has_is_refused(tmp_path, sigma):
    rows = [
        f"{unit},2003,{code},{len(unit + code)}.5,1" for unit in ("KAZ", "MNG", "UZB") for code in ("300490", "847130")
    ]
    path = tmp_path / "trade.csv"
    path.write_text("\n".join(["unit,period,product,value,quantity", *rows]) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="needs an elasticity above 1, at most 1,000,000"):
        run("quality", path, "--sigma", sigma)
