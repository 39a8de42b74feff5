"""Is a sign ever rounded away?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bri_bayes.presentation.digits import digits_of, ends_of, mean_of, number, reads_as_zero, significant
from bri_bayes.presentation.sentences import interval


@pytest.mark.parametrize(
    ("ends", "digits", "text"),
    [
        ((0.003, 0.012), 2, "0.003 to 0.01"),
        ((-0.51, -0.0004), 2, "−0.51 to −0.0004"),
        ((0.00002, 0.5), 2, "2e−05 to 0.50"),
        # Zero is inside: a rounded end says nothing wrong.
        ((-0.003, 0.5), 2, "0.00 to 0.50"),
        ((0.0, 0.5), 2, "0.00 to 0.50"),
    ],
)
def test_an_interval_that_excludes_zero_does_not_read_as_if_it_touched_it(ends, digits, text):
    assert interval(*ends, digits) == text


@given(st.floats(-1e3, 1e3), st.floats(0, 1e3), st.integers(0, 4))
def test_no_digits_hide_on_which_side_of_zero_an_interval_lies(lower, width, digits):
    upper = lower + width
    if lower > 0 or upper < 0:
        assert not any(reads_as_zero(end) for end in ends_of(lower, upper, digits))


@pytest.mark.parametrize(
    ("effect", "text"),
    [
        ((5.9e-8, 5e-8, 7e-8), "+6e−08"),
        ((-5.9e-8, -7e-8, -5e-8), "−6e−08"),
        # Zero is inside: that the mean rounds to it says nothing wrong.
        ((5.9e-8, -5e-8, 7e-8), "0.0000"),
        ((0.25, 0.1, 0.4), "+0.2500"),
    ],
)
def test_the_mean_of_an_effect_that_excludes_zero_does_not_read_as_zero(effect, text):
    assert mean_of(dict(zip(("mean", "lower", "upper"), effect, strict=True)), 4) == text


def test_signs_are_shown_where_they_are_asked_for():
    assert ends_of(0.3, 12.0, 0, signs=True) == ("+0.3", "+12")
    assert ends_of(-3.2, 12.0, 0, signs=True) == ("−3", "+12")


def test_digits_follow_the_width_and_logs_have_two():
    assert [digits_of(0, 500, "none"), digits_of(0, 5, "log"), digits_of(0.01, 0.02, "log")] == [0, 2, 3]
    assert digits_of(1, 1, "none") == 2


@pytest.mark.parametrize(
    ("value", "text"), [(5.77e-8, "5.8e−08"), (-5.77e-8, "−5.8e−08"), (1.2e-7, "1.20e−07"), (1e-12, "0"), (0.0, "0")]
)
def test_a_number_in_tiny_units_is_read_with_its_power_of_ten(value, text):
    digits = digits_of(4.8e-8, 6.7e-8, "none")
    assert number(value, digits) == text
    assert ends_of(4.8e-8, 6.7e-8, digits) == ("4.8e−08", "6.7e−08")
    # An effect in logs is a share of the outcome, whatever its units.
    assert digits_of(0, 1e-9, "log") == 4


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.499, "3.50"), (10.0, "10.0"), (-0.05, "−0.0500"), (999.7, "1,000"), (0.0, "0"), (-35e3, "−35,000")],
)
def test_closing_zeros_are_significant_digits_too(value, text):
    assert significant(value) == text
