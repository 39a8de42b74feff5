"""Claims about numbers as files write them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bri_bayes.core.errors import InputError
from bri_bayes.data.number_format import NumberFormat, read_numbers


def read(cells, delimiter=";", **options):
    return read_numbers(cells, where="a file: y", delimiter=delimiter, **options)


WRITTEN = {
    "points": (",", ["1.5", "1063", "-2"], [1.5, 1063, -2]),
    "decimal commas": (";", ["1,5", "1063", "0,125"], [1.5, 1063, 0.125]),
    "thousands commas": ("\t", ["1,063.5", "987"], [1063.5, 987]),
    "thousands points": ("\t", ["1.063,5", "987"], [1063.5, 987]),
    "millions tell the separator": ("\t", ["1,063,000", "1,063", "987"], [1063000, 1063, 987]),
    "lakhs": (",", ["1,23,45,678", "1,000"], [12345678, 1000]),
    "three decimals beside two": (";", ["1,063", "1,06"], [1.063, 1.06]),
    "three decimals below one": (";", ["0,063", "1,063"], [0.063, 1.063]),
    "three decimals everywhere between commas": (",", ["12.500", "7.125"], [12.5, 7.125]),
    "blanks": (";", ["1 063", "987", "1 063 000,5"], [1063, 987, 1063000.5]),
    "no-break and thin blanks": (";", ["1\u00a0063", "1\u202f063", "1\u2009063"], [1063, 1063, 1063]),
    "apostrophes": (";", ["1'063.5", "1\u2019063"], [1063.5, 1063]),
    "percent": (",", ["12.5%", "3 %", "0"], [12.5, 3, 0]),
    "currency before and after": (";", ["€1.063,50", "- 5,25 €"], [1063.5, -5.25]),
    "dollars": (",", ["$1,063.50", "$987", "-$3"], [1063.5, 987, -3]),
    "exponents": (";", ["1.2e3", "1E-05", "2e+2"], [1200, 1e-5, 200]),
    "minus signs of typography": (",", ["\u22121.5", "\u20132"], [-1.5, -2]),
    "accounting": (",", ["(1,234.50)", "$(2.5)", "3"], [-1234.5, -2.5, 3]),
    "missing in every spelling": (",", ["", "NA", "..", ".", "1"], [np.nan] * 4 + [1]),
}


@pytest.mark.parametrize(("delimiter", "cells", "values"), WRITTEN.values(), ids=WRITTEN.keys())
def test_a_column_is_read_as_people_write_numbers(delimiter, cells, values):
    numbers = read(cells, delimiter)
    np.testing.assert_array_equal(numbers.values, values)
    assert numbers.bad == ()


@pytest.mark.parametrize("mark", [",", "."])
@pytest.mark.parametrize("delimiter", [";", "\t", ","])
def test_a_mark_with_three_digits_behind_it_everywhere_is_asked_about(mark, delimiter):
    cells = [f"1{mark}063", "987", f"1{mark}096"]
    with pytest.raises(InputError, match=f'two ways: .* --decimal "{mark}" or --thousands "{mark}"'):
        read(cells, delimiter)
    np.testing.assert_array_equal(read(cells, delimiter, marks=NumberFormat(decimal=mark)).values, [1.063, 987, 1.096])
    np.testing.assert_array_equal(read(cells, delimiter, marks=NumberFormat(thousands=mark)).values, [1063, 987, 1096])


def test_another_column_tells_the_mark_that_a_column_does_not():
    np.testing.assert_array_equal(read(["1,063", "987"], others=[["a", "b"], ["2.5", "3"]]).values, [1063, 987])
    np.testing.assert_array_equal(read(["1,063", "987"], others=[["2,5", "3"]]).values, [1.063, 987])


@pytest.mark.parametrize("cell", ["1,23.5", "12 34", "1_000", "12-", "-", "((1))", "(-1)", "1e", "0x10", "\u0661"])
def test_what_is_no_number_is_not_made_one(cell):
    assert read([cell, "2.5"], ",").bad == (0,)


def test_two_units_or_two_decimal_marks_in_one_column_are_refused():
    with pytest.raises(InputError, match=r"is in \$ and €; a column has one unit"):
        read(["€5", "$5"])
    with pytest.raises(InputError, match="has percent signs on some numbers"):
        read(["5%", "5"])
    with pytest.raises(InputError, match=r'decimal commas \("1,5"\) and decimal points \("1.5"\)'):
        read(["1,5", "1.5"])


def test_stated_marks_are_checked():
    with pytest.raises(InputError, match='--decimal ";" is unknown'):
        NumberFormat(decimal=";")
    with pytest.raises(InputError, match='--decimal and --thousands are both ","'):
        NumberFormat(",", ",")
    assert read(["1.5", "2"], marks=NumberFormat(decimal=",")).bad == (0,)


def grouped(value: int, mark: str) -> str:
    return f"{value:,}".replace(",", mark)


@given(
    values=st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=20),
    thousands=st.sampled_from([",", ".", " ", "'"]),
    delimiter=st.sampled_from([";", "\t", ","]),
)
def test_whole_numbers_with_separators_are_read_exactly_or_asked_about(values, thousands, delimiter):
    cells = [grouped(value, thousands) for value in values]
    try:
        numbers = read(cells, delimiter)
    except InputError:
        numbers = read(cells, delimiter, marks=NumberFormat(thousands=thousands))
    # One reading is left to the convention of the file: three places in every number between commas.
    if not (delimiter == "," and thousands == "." and all(1000 <= abs(value) < 10**6 for value in values)):
        np.testing.assert_array_equal(numbers.values, values)


@given(values=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20), decimal=st.sampled_from([",", "."]))
def test_floats_with_all_their_digits_are_read_exactly(values, decimal):
    cells = [repr(value).replace(".", decimal) for value in values]
    numbers = read(cells, ";", marks=NumberFormat(decimal=decimal))
    np.testing.assert_array_equal(numbers.values, values)
