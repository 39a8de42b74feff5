"""Claims about files as people have them: downloads with notes, workbooks, wide files with facts of the unit."""

from __future__ import annotations

import gzip
import io
import zipfile

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bri_bayes.core.errors import InputError
from bri_bayes.data.panel import load_panel, period_labels

from .workbooks import workbook

LONG = "iso3,year,y,first\nKAZ,2003,1.5,2004\nKAZ,2004,1.8,2004\nMNG,2003,0.5,\nMNG,2004,0.25,\n"
PREAMBLE = '"Data Source","World Development Indicators",\n\n"Last Updated Date","2025-01-01",\n\n'
FOOTER = "\n\n\nData from database: World Development Indicators\nLast Updated: 01/01/2025\n"
BANK = '"Country Name","Country Code","Series Name","Series Code","2003 [YR2003]","2004 [YR2004]"\n'
BANK += '"Congo, Dem. Rep.",COD,"GDP",NY.GDP,1.5,1.8\n"Mongolia",MNG,"GDP",NY.GDP,..,0.25\n'


def load(path, content: str | bytes, **options) -> xr.Dataset:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_panel(path, **{"unit": "iso3", "period": "year", "columns": ["y"]} | options)


def as_zip(**members: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "."), text)
    return stream.getvalue()


FRAME = pd.read_csv(io.StringIO(LONG))


def stata() -> bytes:
    stream = io.BytesIO()
    FRAME.to_stata(stream, write_index=False)
    return stream.getvalue()


CONTAINERS = {
    "tsv": ("panel.tsv", LONG.replace(",", "\t")),
    "txt": ("panel.txt", LONG.replace(",", ";")),
    "gz": ("panel.csv.gz", gzip.compress(LONG.encode())),
    "zip": ("panel.zip", as_zip(panel__csv=LONG)),
    "zip of the World Bank": ("panel.zip", as_zip(API_NY__csv=LONG, Metadata_Country_API_NY__csv="a,b\n1,2\n")),
    "xlsx": (
        "panel.xlsx",
        workbook([list(FRAME), *FRAME.astype(object).where(FRAME.notna(), None).to_numpy().tolist()]),
    ),
    "dta": ("panel.dta", stata()),
    "parquet": ("panel.parquet", FRAME.to_parquet()),
}


@pytest.mark.parametrize(("name", "content"), CONTAINERS.values(), ids=CONTAINERS.keys())
def test_every_container_gives_the_same_panel(tmp_path, name, content):
    plain = load(tmp_path / "plain.csv", LONG)
    other = load(tmp_path / name, content)
    np.testing.assert_array_equal(other["y"], plain["y"])
    assert other["unit"].to_numpy().tolist() == ["KAZ", "MNG"]
    assert other["period"].to_numpy().tolist() == [2003, 2004]


def test_a_workbook_with_a_title_dates_and_notes_is_read(tmp_path):
    days = [pd.Timestamp(2010, month, 1) for month in (11, 12)]
    rows = [
        ["A title"],
        [],
        ["iso3", "year", "y"],
        ["KAZ", days[0], 1.5],
        ["KAZ", days[1], 2.0],
        [],
        ["Source: made up"],
    ]
    panel = load(tmp_path / "a.xlsx", workbook(rows))
    assert list(period_labels(panel).values()) == ["2010-11-01", "2010-12-01"]
    assert np.diff(panel["period"]).tolist() == [1]
    assert any("above the header in row 3" in note for note in panel.attrs["notes"])
    assert any('the first "Source: made up"' in note for note in panel.attrs["notes"])


@pytest.mark.parametrize("name", ["a.xlsx", "a.dta", "a.parquet", "a.zip", "a.csv.gz"])
def test_a_damaged_container_is_one_sentence(tmp_path, name):
    whole = dict(CONTAINERS.values()) | {"a.zip": CONTAINERS["zip"][1]}
    content = next(bytes(data) for key, data in whole.items() if key.endswith(name[1:]))
    for damaged in (content[: len(content) // 2], b"\x00" * 50, b"", content[:20] + b"\xff" * 9 + content[29:]):
        try:
            load(tmp_path / name, damaged)
        except InputError as error:
            message = str(error)
            assert message.startswith(str(tmp_path / name))
            assert "\n" not in message


def test_a_zip_of_two_tables_is_refused_with_their_names(tmp_path):
    with pytest.raises(InputError, match=r"must hold one table, and this has 2 \('a.csv', 'b.csv'\)"):
        load(tmp_path / "a.zip", as_zip(a__csv=LONG, b__csv=LONG))


def test_a_world_bank_download_is_read_as_it_comes(tmp_path):
    panel = load(tmp_path / "a.csv", PREAMBLE + BANK + FOOTER, unit="Country Code", columns=["NY.GDP"])
    np.testing.assert_array_equal(panel["NY.GDP"], [[1.5, 1.8], [np.nan, 0.25]])
    assert len(panel.attrs["notes"]) == 2


def test_a_short_last_row_is_a_cut_off_file_and_no_note(tmp_path):
    with pytest.raises(InputError, match="row 6 has 1 fields and the header has 4; is the file cut off"):
        load(tmp_path / "a.csv", LONG + "MNG")
    with pytest.raises(InputError, match='row 8 is data below the note "Note"'):
        load(tmp_path / "a.csv", LONG + "\nNote\nMNG,2005,1,\n")


def test_columns_beside_the_years_are_facts_of_the_unit(tmp_path):
    wide = "iso3,treated,2003,2004\nKAZ,1,1.5,1.8\nMNG,0,0.5,0.25\n"
    panel = load(tmp_path / "a.csv", wide, columns=["y", "treated"])
    np.testing.assert_array_equal(panel["treated"], [[1, 1], [0, 0]])
    np.testing.assert_array_equal(panel["y"], [[1.5, 1.8], [0.5, 0.25]])


def test_units_across_the_columns_get_a_hint(tmp_path):
    with pytest.raises(InputError, match=r'no column "iso3".*if each further column is a unit, turn the table round'):
        load(tmp_path / "a.csv", "year,KAZ,MNG,BLR\n2003,1,2,3\n2004,2,3,4\n")


def test_unit_columns_have_one_text_a_unit(tmp_path):
    panel = load(tmp_path / "a.csv", LONG, unit_columns=["first"])
    assert panel.attrs["unit_columns"] == {"first": {"KAZ": "2004", "MNG": ""}}
    with pytest.raises(InputError, match='"first" of KAZ is "2004" and "2005"; a unit has one value'):
        load(tmp_path / "a.csv", LONG.replace("1.8,2004", "1.8,2005"), unit_columns=["first"])


def test_a_column_of_true_and_false_or_yes_and_no_is_one_and_zero(tmp_path):
    for words in (("True", "False"), ("TRUE", "FALSE"), ("yes", "no")):
        content = LONG.replace("1.5", words[0]).replace("1.8", words[1]).replace("0.5", words[1]).replace("0.25", "NA")
        np.testing.assert_array_equal(load(tmp_path / "a.csv", content)["y"], [[1, 0], [0, np.nan]])


def test_a_blank_cell_of_a_treatment_is_named_and_a_missing_row_is_not(tmp_path):
    content = "iso3,year,y,d\nKAZ,2003,1,0\nKAZ,2004,2,\nMNG,2003,1,0\n"
    with pytest.raises(InputError, match=r'treatment column "d" is empty for KAZ 2004 \(row 3\); it needs a value'):
        load(tmp_path / "a.csv", content, columns=["y", "d"], no_blanks=["d"])
    assert (
        load(tmp_path / "a.csv", content.replace("2,\n", "2,1\n"), columns=["y", "d"], no_blanks=["d"])["d"]
        .isnull()
        .sum()
        == 1
    )


@pytest.mark.parametrize("name", ["KA\x1b[2JZ", "KA\nZ", "KA\x07Z", "KA\u202eZ", "KA\u2028Z", "K" * 201])
def test_a_name_that_would_forge_lines_or_drive_a_terminal_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"has the control character|has 201 characters") as caught:
        load(tmp_path / "a.csv", LONG.replace("KAZ", f'"{name}"'))
    assert str(caught.value).isprintable()


def test_first_and_last_period_are_given_as_the_file_writes_them(tmp_path):
    content = "iso3,year,y\n" + "".join(f"KAZ,2010-{month:02d},{month}\n" for month in range(1, 13))
    panel = load(tmp_path / "a.csv", content, between=("2010-03", "2010-05"))
    assert list(period_labels(panel).values()) == ["2010-03", "2010-04", "2010-05"]
    with pytest.raises(InputError, match='"March" is no period as this file writes them'):
        load(tmp_path / "a.csv", content, between=("March", "2010-05"))
