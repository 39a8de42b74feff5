"""Sentences: a number of any size can be read."""

from __future__ import annotations

import pytest

from bri_bayes.app.notebook.wording import three_digits


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-0.04949, "-0.0495"),
        (0.05, "0.0500"),
        (0.00012, "0.000120"),
        (12.34, "12.3"),
        (999.6, "1,000"),
        (-2130.4, "-2,130"),
        (3.65e9, "3,650,000,000"),
        (2e-7, "2e-07"),
        (2.5e13, "2.5e+13"),
        (0.0, "0"),
    ],
)
def test_three_digits_are_told_without_powers_of_ten_where_people_count(value, shown):
    assert three_digits(value) == shown
