"""Is a file in another encoding, or with words of its own for a missing cell, read as its author meant it?"""

import numpy as np
import pytest
from typer.testing import CliRunner

from bri_bayes.app.own_study import study_from_file
from bri_bayes.app.panel_roles import Said
from bri_bayes.cli.main import app
from bri_bayes.core.errors import InputError
from bri_bayes.data.panel import load_panel
from bri_bayes.data.text_encoding import TextFormat
from bri_bayes.study.study_file import load_study

NAMES = {
    "latin-1": "Côte",
    "cp1252": "Åland – Ö",
    "gbk": "哈萨克斯坦",
    "utf-16": "Қазақстан",
    "utf-16-le": "Кыргызстан",
}
OTHERS = ("A", "B", "C", "D")


def _csv(name: str, gaps: tuple[str, ...] = ()) -> str:
    rows = ["country,year,sales,gdp"]
    for at, unit in enumerate((name, *OTHERS)):
        for year in range(2000, 2008):
            gap = gaps[year - 2000] if at == 1 and year - 2000 < len(gaps) else f"{(at * 7 + year) % 11 + 0.5}"
            rows.append(f"{unit},{year},{10 + at + (year - 2000) * 0.1 + (at * year) % 3},{gap}")
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize(("encoding", "name"), NAMES.items())
def test_a_stated_encoding_is_read(tmp_path, encoding, name):
    path = tmp_path / "p.csv"
    path.write_bytes(_csv(name).encode(encoding))
    panel = load_panel(path, unit="country", period="year", text_format=TextFormat(encoding))
    assert sorted([name, *OTHERS]) == [str(unit) for unit in panel["unit"].to_numpy()]
    with pytest.raises(InputError, match="--encoding"):
        load_panel(path, unit="country", period="year")


@pytest.mark.parametrize("encoding", ["ascii", "utf-16", "no-such", "rot13"])
def test_a_wrong_encoding_is_one_sentence_that_names_the_option(tmp_path, encoding):
    path = tmp_path / "p.csv"
    path.write_bytes(_csv("Côte").encode())
    given = ["--outcome", "sales", "--unit", "country", "--period", "year", "--treated", "A", "--onset", "2004"]
    done = CliRunner().invoke(app, ["estimate", str(path), *given, "--encoding", encoding])
    assert isinstance(done.exception, InputError)
    assert done.exception.exit_status == 2
    assert "--encoding" in str(done.exception)
    assert "\n" not in str(done.exception)


def test_words_that_mean_missing_are_gaps_and_a_unit_of_that_name_stays(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text(_csv("-999", ("..", "n/a", "-999", "missing")), encoding="utf-8")
    stated = TextFormat(missing=("-999", "missing"))
    panel = load_panel(path, unit="country", period="year", text_format=stated)
    assert "-999" in panel["unit"].to_numpy()
    assert np.isnan(panel["gdp"].sel(unit="A").to_numpy()).tolist() == [True] * 4 + [False] * 4
    with pytest.raises(InputError, match='"missing", not a number'):
        load_panel(path, unit="country", period="year", columns=["gdp"])


def test_estimate_leaves_out_the_rows_of_a_covariate_with_stated_gaps(tmp_path):
    path = tmp_path / "p.csv"
    path.write_bytes(_csv("哈萨克斯坦", ("-999", "-999")).encode("gbk"))
    given = [
        "--outcome",
        "sales",
        "--unit",
        "country",
        "--period",
        "year",
        "--treated",
        "哈萨克斯坦,B",
        "--onset",
        "2004",
    ]
    options = ["--covariates", "gdp", "--model", "did_iid", "--encoding", "gbk", "--missing", "-999"]
    done = CliRunner().invoke(app, ["estimate", str(path), *given, *options])
    assert done.exit_code == 0, done.exception
    said = " ".join(done.stdout.split())
    assert 'The variable "gdp" is missing in 2 of 40 rows (a unit in a period each) that have the outcome' in said
    assert "2 of 40 cells (a unit in a period each) are left out: the file has no row or no value there" in said


def test_a_study_has_the_same_keys_and_init_writes_them(tmp_path):
    path = tmp_path / "p.csv"
    path.write_bytes(_csv("Côte", ("-999",)).encode("latin-1"))
    said = Said(treated=("Côte",), onset="2004", text_format=TextFormat("latin-1", ("-999",)))
    written = study_from_file(tmp_path / "mine", path, said)
    assert 'The column "gdp" is not offered as a covariate: 1 of 40 rows has no value' in written.notes[0]
    study = load_study(written.path)
    assert (study.panel.encoding, study.panel.missing) == ("latin-1", ("-999",))
    assert "Côte" in study.load()["unit"].to_numpy()
