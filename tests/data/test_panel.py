"""Claims about reading a CSV file into a panel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bri_bayes.core.errors import InputError
from bri_bayes.data.panel import Column, load_panel

LONG = "iso3,year,exports,gdp\nKAZ,2003,1.5,20\nKAZ,2004,1.8,22\nMNG,2003,0.5,\nMNG,2004,0.25,3\n"
WIDE = "iso3,indicator,2003,2004\nKAZ,exports,1.5,1.8\nKAZ,gdp,20,22\nMNG,exports,0.5,0.25\nMNG,gdp,,3\n"
# Hypothesis runs many examples in one folder; every example overwrites its file.
SHARED_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "panel.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def load(folder: Path, content: str | bytes, **options: object) -> xr.Dataset:
    return load_panel(write(folder, content), **{"unit": "iso3", "period": "year"} | options)


def test_a_long_file_becomes_a_labelled_panel(tmp_path):
    panel = load(
        tmp_path,
        LONG,
        columns={"lnexport": Column("exports", "log", "Exports", "million US dollars"), "gdp": Column("gdp")},
        kind="official",
        label="A label",
        sources=("A source",),
    )
    assert panel.sizes == {"unit": 2, "period": 2}
    assert panel["unit"].to_numpy().tolist() == ["KAZ", "MNG"]
    assert panel["period"].to_numpy().tolist() == [2003, 2004]
    assert panel["period"].dtype == np.int64
    assert panel.attrs.pop("calendar").unit == "year"
    assert panel.attrs == {"kind": "official", "label": "A label", "sources": ["A source"], "path": "panel.csv"}
    np.testing.assert_array_equal(panel["lnexport"], np.log([[1.5, 1.8], [0.5, 0.25]]))
    assert panel["lnexport"].dims == ("unit", "period")
    assert panel["lnexport"].attrs == {
        "label": "Exports",
        "units": "million US dollars",
        "transform": "log",
        "column": "exports",
        "scale": 1.0,
    }
    assert panel["gdp"].attrs["label"] == "gdp"


def test_a_missing_cell_and_a_missing_row_stay_missing(tmp_path):
    panel = load(tmp_path, "iso3,year,y\nA,2003,1\nA,2005,NA\nB,2003,..\nB,2005,.\nC,2005,4\n")
    np.testing.assert_array_equal(panel["y"], [[1, np.nan], [np.nan, np.nan], [np.nan, 4]])
    assert panel["period"].to_numpy().tolist() == [2003, 2005]


def test_wide_and_long_give_the_same_panel(tmp_path):
    columns = {"lnexport": Column("exports", "log"), "gdp": Column("gdp", scale=0.01)}
    xr.testing.assert_identical(load(tmp_path, LONG, columns=columns), load(tmp_path, WIDE, columns=columns))
    xr.testing.assert_identical(load(tmp_path, LONG), load(tmp_path, WIDE))


@pytest.mark.parametrize("header", ["Y2003,Y2004", "2003 [YR2003],2004 [YR2004]", "2003.0,2004", "yr2003, 2004 "])
def test_year_headers_are_read_in_every_common_spelling(tmp_path, header):
    wide = load(tmp_path, f"iso3,{header}\nKAZ,1.5,1.8\nMNG,0.5,0.25\n", columns=["exports"])
    xr.testing.assert_identical(wide, load(tmp_path, LONG, columns=["exports"]))


def test_a_world_bank_file_is_read_by_indicator_name_or_code(tmp_path):
    content = (
        "Country Name,Country Code,Indicator Name,Indicator Code,2003 [YR2003],2004 [YR2004],\n"
        '"Egypt, Arab Rep.",EGY,"GDP (current US$)",NY.GDP,1.5,..,\n'
        '"Egypt, Arab Rep.",EGY,Population,SP.POP,7,8,\n'
    )
    by_code = load(tmp_path, content, unit="Country Code", columns={"gdp": Column("NY.GDP")})
    by_name = load(tmp_path, content, unit="Country Code", columns={"gdp": Column("GDP (current US$)")})
    np.testing.assert_array_equal(by_code["gdp"], [[1.5, np.nan]])
    np.testing.assert_array_equal(by_name["gdp"], by_code["gdp"])
    assert list(load(tmp_path, content, unit="Country Code")) == ["GDP (current US$)", "Population"]


def test_the_column_of_variables_needs_no_telling_name(tmp_path):
    xr.testing.assert_identical(
        load(tmp_path, WIDE.replace("indicator", "what"), columns=["gdp"]), load(tmp_path, LONG, columns=["gdp"])
    )


def test_semicolons_with_decimal_commas_and_tabs_are_read(tmp_path):
    european = LONG.replace(",", ";").replace(".", ",")
    xr.testing.assert_identical(load(tmp_path, european), load(tmp_path, LONG))
    xr.testing.assert_identical(load(tmp_path, LONG.replace(",", "\t")), load(tmp_path, LONG))
    xr.testing.assert_identical(load(tmp_path, LONG.replace(",", ";")), load(tmp_path, LONG))


def test_a_byte_order_mark_blank_rows_and_windows_line_ends_change_nothing(tmp_path):
    spread = "\ufeff" + LONG.replace("\n", "\r\n\r\n") + ",,,\r\n"
    xr.testing.assert_identical(load(tmp_path, spread), load(tmp_path, LONG))


@pytest.mark.parametrize("year", ["2003", "2003.0", " 2003 ", "2003-01-01", "2003-01-01 00:00:00", "Y2003"])
def test_a_period_may_be_an_integer_or_the_first_of_january(tmp_path, year):
    assert load(tmp_path, f"iso3,year,y\nA,{year},1\n")["period"].to_numpy().tolist() == [2003]


def test_namibia_is_a_unit_and_not_a_missing_value(tmp_path):
    panel = load(tmp_path, "iso2,year,y\nNA,2003,1\nAZ,2003,2\n", unit="iso2")
    assert panel["unit"].to_numpy().tolist() == ["AZ", "NA"]


def test_without_columns_every_column_with_numbers_is_taken(tmp_path):
    panel = load(tmp_path, "iso3,year,name,y,empty\nA,2003,Aland,1,\nB,2003,Bland,2,\n")
    assert list(panel) == ["y", "empty"]
    assert panel["empty"].isnull().all()


def test_the_scale_comes_before_the_transform(tmp_path):
    panel = load(tmp_path, LONG, columns={"x": Column("exports", "log1p", scale=100)})
    np.testing.assert_allclose(panel["x"][0], np.log1p([150, 180]))


def test_units_and_periods_outside_the_request_are_not_judged(tmp_path):
    content = LONG + "ABW,2003,0,x\nKAZ,1999,0,y\n"
    columns = {"lnexport": Column("exports", "log"), "gdp": Column("gdp")}
    panel = load(tmp_path, content, columns=columns, units=["MNG", "KAZ"], periods=[2004, 2003])
    xr.testing.assert_identical(panel, load(tmp_path, LONG, columns=columns))
    with pytest.raises(InputError, match="exports of ABW 2003 is 0"):
        load(tmp_path, content, columns={"lnexport": Column("exports", "log")})


cells = st.floats(allow_nan=False, allow_infinity=False, width=32)


@SHARED_FOLDER
@given(values=st.lists(cells, min_size=12, max_size=12), order=st.permutations(range(12)))
def test_shuffled_rows_give_an_identical_panel(tmp_path, values, order):
    rows = [f"{'ABC'[i % 3]},{2000 + i // 3},{value!r}" for i, value in enumerate(values)]
    shuffled = [rows[i] for i in order]
    first, second = (load(tmp_path, "\n".join(["iso3,year,y", *body])) for body in (rows, shuffled))
    xr.testing.assert_identical(first, second)
    np.testing.assert_array_equal(first["y"].T.to_numpy().ravel(), values)


@SHARED_FOLDER
@given(noise=st.binary(max_size=200), at=st.integers(0, len(LONG)), cut=st.integers(0, len(LONG)))
def test_damaged_bytes_give_a_panel_or_one_sentence(tmp_path, noise, at, cut):
    for content in (noise, LONG.encode()[:at] + noise + LONG.encode()[at:], WIDE.encode()[:cut] + noise):
        for columns in (None, {"x": Column("exports", "log", scale=1e300)}):
            try:
                panel = load(tmp_path, content, columns=columns)
            except InputError:
                continue
            assert panel.sizes["unit"] > 0


text_cells = st.text(alphabet='0123456789.,;-+eE_"\n\r\t ynaif\u0661', max_size=8)


@SHARED_FOLDER
@given(table=st.lists(st.lists(text_cells, min_size=3, max_size=4), max_size=4), header=text_cells)
def test_odd_cells_give_a_panel_or_one_sentence(tmp_path, table, header):
    for first in (f"iso3,year,{header}\n", f"iso3,{header},2003\n"):
        content = first + "\n".join(",".join(row) for row in table)
        for columns in (None, ["y"]):
            try:
                panel = load(tmp_path, content, columns=columns)
            except InputError:
                continue
            assert not any(np.isinf(panel[name]).any() for name in panel)


BAD_FILES = {
    "empty file": ("", "the file is empty"),
    "blank file": ("\n \n", "the file is empty"),
    "header only": ("iso3,year,y\n", "a header and no rows"),
    "wrong encoding": ("iso3,year,y\nCôte,2003,1\n".encode("latin-1"), "byte 13 is not UTF-8"),
    "utf-16": (LONG.encode("utf-16"), "is UTF-16, as its first bytes say; give --encoding"),
    "nul byte": (b"iso3,year,y\nA,20\x0003,1\n", "byte 16 is NUL"),
    "cut-off row": ("iso3,year,y\nA,2003,1\nB,20", "row 3 has 2 fields and the header has 3"),
    "long row": ("iso3,year,y\nA,2003,1,5\n", "row 2 has 4 fields and the header has 3"),
    "open quote": ('iso3,year,y\nA,2003,1\n"B,2003,2\n', "row 3 cannot be read .*is a quote left open"),
    "no unit column": ("iso,year,y\nA,2003,1\n", 'there is no column "iso3"; did you mean "iso"'),
    "no period column": ("iso3,years,y\nA,2003,1\n", 'there is no column "year"; did you mean "years"'),
    "same header twice": ("iso3,year,year\nA,2003,1\n", 'names the column "year" more than once'),
    "same wide year twice": ("iso3,2003,Y2003\nA,2,1\n", "two columns for the period 2003"),
    "same cell twice": (
        "iso3,year,y\nA,2003,1\nB,2003,1\nA,2003,2\n",
        "rows 2 and 4 are both A 2003; .* sum or filter",
    ),
    "a row for each product": (
        "iso3,year,product,y\nA,2003,cotton,1\nA,2003,gas,2\nB,2003,gas,2\n",
        'rows 2 and 3 are both A 2003; .* these differ in "product": keep one of its values, or sum over them',
    ),
    "numbers that differ": ("iso3;year;y\nA;2003;1,5\nA;2003;2,5\n", "a unit and a period may have one row: sum or"),
    "text in numbers": ("iso3,year,y\nA,2003,1\nA,2004,many\n", 'row 3: y of A 2004 is "many", not a number'),
    "two marks of one number": ('iso3,year,y\nA,2003,"1,23.5"\nB,2003,1\n', 'y of A 2003 is "1,23.5", not a number'),
    "underscore": ("iso3,year,y\nA,2003,1_000\nB,2003,1\n", 'y of A 2003 is "1_000", not a number'),
    "both decimal marks": ("iso3;year;y\nA;2003;1,5\nB;2003;1.5\n", "decimal commas .* and decimal points"),
    "infinite": ("iso3,year,y\nA,2003,-inf\n", 'row 2: y of A 2003 is "-inf", not a finite number'),
    "overflow": ("iso3,year,y\nA,2003,1e999\n", 'y of A 2003 is "1e999", not a finite number'),
    "quarter among years": (
        "iso3,year,y\nA,2003,1\nA,2003Q1,1\n",
        'row 3: year is "2003Q1", and others are written as "2003"; a period is an integer',
    ),
    "half year": ("iso3,year,y\nA,2003.5,1\n", 'row 2: year is "2003.5"; a period is an integer'),
    "no date": ("iso3,year,y\nA,2003-06-31,1\n", 'row 2: year is "2003-06-31"; .* an ISO date'),
    "no period": ("iso3,year,y\nA,,1\n", 'row 2: year is ""'),
    "no unit": ("iso3,year,y\n ,2003,1\n", r'row 2: the unit \("iso3"\) is empty'),
    "no variable": ("iso3,variable,2003\nA,,1\n", r'row 2: the variable \("variable"\) is empty'),
    "no numbers": ("iso3,year,y\nA,2003,b\n", "no column with numbers"),
    "unnamed wide outcome": ("iso3,2003\nA,1\n", "holds one variable; give it one name, not none"),
    "name of a dimension": ("iso3,year,unit\nA,2003,1\n", 'a variable cannot be called "unit"'),
}


@pytest.mark.parametrize(("content", "sentence"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_refused_with_its_name_and_place(tmp_path, content, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        load(tmp_path, content)
    assert str(caught.value).startswith(f"{tmp_path / 'panel.csv'}: ")
    assert "\n" not in str(caught.value)


BAD_REQUESTS = {
    "column": ({"columns": ["export"]}, 'there is no column "export"; did you mean "exports"'),
    "no columns": ({"columns": []}, "no column with numbers was found or asked for"),
    "unit": ({"units": ["KAZ", "MGN"]}, 'the requested unit "MGN" is not there; did you mean "MNG"'),
    "period": ({"periods": range(2003, 2006)}, 'the requested period "2005" is not there'),
    "kind": ({"kind": "real"}, 'kind "real" is unknown'),
    "forced wide": ({"layout": "wide"}, "no column of this wide file is a period"),
    "overflow": (
        {"columns": {"x": Column("gdp", scale=1e308)}},
        "gdp of KAZ 2003 is inf, .* 2 units; .* needs a finite number",
    ),
}


@pytest.mark.parametrize(("options", "sentence"), BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
def test_a_request_that_the_file_cannot_answer_is_refused(tmp_path, options, sentence):
    with pytest.raises(InputError, match=sentence):
        load(tmp_path, LONG, **options)


@pytest.mark.parametrize(
    ("value", "way_out"), [("0", "keep zeros: estimate has --family poisson"), ("-2.5", "as none")]
)
def test_a_logarithm_of_zero_or_less_is_refused_with_unit_period_value_and_what_takes_it(tmp_path, value, way_out):
    content = LONG.replace("0.25", value)
    sentence = rf"exports of MNG 2004 is {value}; the transform log needs .* above 0; .*{way_out}"
    with pytest.raises(InputError, match=sentence):
        load(tmp_path, content, columns={"y": Column("exports", "log")})


def test_log1p_takes_zero_and_refuses_minus_one(tmp_path):
    columns = {"y": Column("exports", "log1p")}
    assert load(tmp_path, LONG.replace("0.25", "0"), columns=columns)["y"].values[1, 1] == 0
    with pytest.raises(InputError, match=r"exports of MNG 2004 is -1; the transform log1p needs .* above -1"):
        load(tmp_path, LONG.replace("0.25", "-1"), columns=columns)


def test_units_that_differ_in_capitals_alone_are_said(tmp_path):
    content = "iso3,year,y\nF0,2003,1\nf0,2004,2\nG,2003,1\n"
    notes = load(tmp_path, content).attrs["notes"]
    assert '"F0" and "f0" differ in capitals alone and are read as two units.' in notes
    assert not any("capitals" in note for note in load(tmp_path, LONG).attrs.get("notes", []))


@pytest.mark.parametrize(("yes", "no"), [("Y", "N"), ("t", "f"), ("Yes", "no")])
def test_a_column_of_words_for_yes_and_no_is_one_and_zero(tmp_path, yes, no):
    content = f"iso3,year,D\nA,2003,{no}\nA,2004,{yes}\n"
    assert load(tmp_path, content, columns=["D"])["D"].to_numpy().tolist() == [[0.0, 1.0]]


def test_all_cells_without_a_logarithm_are_told_at_once_with_their_units_and_a_way_out(tmp_path):
    rows = [f"{unit},2000Q{quarter},{0 if unit < 'E' else 1}" for unit in "ABCDEF" for quarter in (1, 2)]
    said = (
        r"y of A 2000Q1 is 0, B 2000Q1 is 0, C 2000Q1 is 0, and 5 more: 8 rows of 4 units; the transform log needs a "
        r"finite number above 0; leave such units out of the comparison \(in a study: \[pool\] exclude\), or keep zeros"
    )
    with pytest.raises(InputError, match=said):
        load(tmp_path, "\n".join(["iso3,year,y", *rows]), columns={"y": Column("y", "log")})


def test_a_name_that_is_not_among_the_variables_of_a_wide_file_is_refused(tmp_path):
    with pytest.raises(InputError, match='there is no "exprots" in the column "indicator"; did you mean "exports"'):
        load(tmp_path, WIDE, columns=["exprots"])


def test_a_wide_file_of_one_variable_cannot_have_two_names(tmp_path):
    with pytest.raises(InputError, match=r"give it one name, not 2 \(y, z\)"):
        load(tmp_path, "iso3,2003\nA,1\n", columns=["y", "z"])


def test_a_wide_file_with_a_unit_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match="rows 2 and 3 are both A 2003"):
        load(tmp_path, "iso3,2003\nA,1\nA,2\n", columns=["y"])


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.csv: there is no such file"):
        load_panel(tmp_path / "nothing.csv", unit="iso3", period="year")


def test_a_folder_is_not_a_panel(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_panel(tmp_path, unit="iso3", period="year")


@pytest.mark.parametrize("scale", [0.0, float("nan"), float("inf")])
def test_a_scale_that_destroys_the_column_is_refused(scale):
    with pytest.raises(ValueError, match="the scale must be finite and not zero"):
        Column("y", scale=scale)
