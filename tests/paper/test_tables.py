"""Does the loader say what the files say, and refuse what is not a printed number?"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bri_bayes.core.errors import InputError
from bri_bayes.core.resources import shipped
from bri_bayes.paper import Printed, Published, load_published
from bri_bayes.paper.intervals import Interval, common

FILES = ("cells.csv", "statistics.csv", "tables_1_2.csv", "text.csv", "facts.csv", "signatories.csv", "references.csv")


@pytest.fixture(scope="module")
def paper() -> Published:
    return load_published()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of data/published that a test may spoil."""
    return Path(shutil.copytree(shipped("data") / "published", tmp_path / "published"))


def spoil(folder, file, old, new):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.published
def test_the_headline_cells_are_those_of_table_3(paper):
    exports, imports = paper.cell(3, 3, "BRI"), paper.cell(3, 6, "BRI")
    assert (exports.estimate.value, exports.se.value, exports.stars) == (0.218, 0.0385, 1)
    assert (imports.estimate.value, imports.se.value, imports.stars) == (0.0988, 0.0503, 0)
    assert (paper.observations(3, 3), str(paper.r_squared(3, 3)), paper.r_squared(7, 1)) == (6111, "0.926", None)


def test_a_closing_zero_is_a_digit(paper):
    se = paper.cell(6, 1, "lnroaddensity").se
    assert (se.text, se.value, se.decimals, se.half_unit) == ("1.30", 1.3, 2, 0.005)
    assert se.interval == (1.295, 1.305)


def test_the_t_interval_holds_every_rounding(paper):
    cell = paper.cell(3, 6, "BRI")
    low, high = cell.t_interval
    assert low < cell.t < high
    assert (low, high) == pytest.approx((0.09875 / 0.05035, 0.09885 / 0.05025))


def test_a_placebo_has_its_own_name_in_data_and_the_name_bri_in_the_table(paper):
    regression = paper.regression(4, 3)
    assert regression.regressors[0] == "BRI_2007"
    assert regression.variables[0] == "BRI"
    assert regression.onset == 2007
    assert [cell.variable for cell in paper.cells_of(4, 3)] == list(regression.variables)


def test_table_5_column_1_has_no_growth(paper):
    with pytest.raises(
        InputError, match=r'Table 5 \(1\) has no "growth"; .*allowed: BRI, lnpgdp, lnppl, lnroaddensity'
    ):
        paper.cell(5, 1, "growth")


@given(st.decimals(min_value=-1000, max_value=1000, allow_nan=False, places=4), st.integers(0, 4))
def test_a_number_agrees_with_its_own_rounding_and_not_with_the_next(value, places):
    printed = Printed(f"{value:.{places}f}")
    assert printed.agrees(float(value))
    assert not printed.agrees(printed.value + 10.0**-places)
    low, high = printed.interval
    assert high - low == pytest.approx(10.0**-places)


@pytest.mark.parametrize("text", ["", "n/a", "1,23", "0.05*", "(0.1)", "1e3", "+0.2", ".5", "nan"])
def test_what_is_not_a_printed_number_is_refused(text):
    with pytest.raises(ValueError, match="is not a printed number"):
        Printed(text)


def test_a_thousands_comma_is_read():
    assert Printed("6,111").value == 6111


def test_one_digit_changed_in_the_file_changes_one_cell(folder, paper):
    spoil(folder, "cells.csv", "3,3,BRI,0.218,", "3,3,BRI,0.219,")
    changed = load_published(folder)
    assert [key for key, cell in changed.cells.items() if cell != paper.cells[key]] == [(3, 3, "BRI")]


SPOILED = {
    "decimals": (
        "cells.csv",
        "BRI,0.218,3",
        "BRI,0.2180,3",
        r"line \d+: value 0.2180 has 4 decimals, and decimals says 3",
    ),
    "text": ("cells.csv", "BRI,0.218,3", "BRI,o.218,3", r'line \d+: value: "o.218" is not a printed number'),
    "stars": ("cells.csv", ",0.0385,4,*,", ",0.0385,4,****,", "stars is .* allowed: nothing"),
    "twice": ("cells.csv", "3,3,lnppl,", "3,3,BRI,", r"line \d+: .*stands above already"),
    "column": ("cells.csv", "3,3,BRI,", "3,x,BRI,", 'column is "x"; it is a whole number'),
    "unknown": (
        "cells.csv",
        "3,3,lnppl,",
        "3,3,lnpop,",
        r'Table 3 \(3\) "lnppl" is in regressions.toml and not in cells.csv',
    ),
    "header": ("cells.csv", "table,column", "tables,column", "the first line is"),
    "fields": ("statistics.csv", "3,1,observations,", "3,1,observations,,", "has 8 fields, and the header 7"),
    "statistic": ("statistics.csv", "3,1,r_squared", "3,1,adjusted", 'has "adjusted" of Table 3'),
    "fact": ("facts.csv", "2.62,1.17,2.62", "9.62,1.17,2.62", "is not between 1.17 and 2.62"),
    "date": ("signatories.csv", "2015-11-26", "November", "it is a date such as 2015-11-26"),
    "key": ("regressions.toml", "sample =", "samples =", 'unknown key "samples"'),
    "word": ("regressions.toml", 'sample = "matched"', 'sample = "match"', 'sample = "match" is not allowed'),
    "declared twice": ("regressions.toml", "column = 2", "column = 1", "this column is declared twice"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_a_slip_in_a_file_is_a_message_that_says_where(folder, case):
    file, old, new, message = SPOILED[case]
    spoil(folder, file, old, new)
    with pytest.raises(InputError, match=message):
        load_published(folder)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(folder, file):
    (folder / file).unlink()
    with pytest.raises(InputError, match=f"{file}: cannot be read"):
        load_published(folder)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda paper: paper.cell(3, 7, "BRI"), r"no regression in Table 3 \(7\)"),
        (lambda paper: paper.regression(9, 1), r"no regression in Table 9 \(1\)"),
        (lambda paper: paper.statement("onsets"), 'did you mean "onset"'),
        (lambda paper: paper.fact("sd_lnexports"), 'did you mean "sd_lnexport"'),
        (lambda paper: paper.descriptive(1, "areospace", "share_pct"), "Table 1 has no .*did you mean"),
        (lambda paper: paper.statement("controls_unaffected").value, "has no number"),
    ],
)
def test_a_lookup_of_what_is_not_printed_says_what_is(paper, ask, message):
    with pytest.raises(InputError, match=message):
        ask(paper)


numbers = st.floats(-100, 100).filter(lambda x: abs(x) > 1e-3)


@given(numbers, numbers, st.floats(0, 0.5), st.floats(0, 0.5), st.floats(-1, 1), st.floats(-1, 1))
def test_interval_arithmetic_never_leaves_a_possible_result_out(x, y, dx, dy, at_x, at_y):
    first, other = Interval(x - dx, x + dx), Interval(y - dy, y + dy)
    a, b = x + at_x * dx, y + at_y * dy
    slack = 1e-9
    for interval, value in (
        (first + other, a + b),
        (first - other, a - b),
        (first * other, a * b),
        (first.squared, a * a),
        (first.magnitude, abs(a)),
    ):
        assert interval.low - slack <= value <= interval.high + slack
    if not other.low <= 0 <= other.high:
        quotient = first / other
        assert (
            quotient.low - slack * abs(quotient.low) - slack
            <= a / b
            <= quotient.high + slack * abs(quotient.high) + slack
        )


def test_a_division_by_what_may_be_zero_is_an_error():
    with pytest.raises(ZeroDivisionError, match="contains 0"):
        Interval(1, 2) / Interval(-1, 1)


def test_the_common_part_of_intervals_is_their_overlap_or_nothing():
    assert common([Interval(0, 2), Interval(1, 3)]) == Interval(1, 2)
    assert common([Interval(0, 1), Interval(2, 3)]) is None
