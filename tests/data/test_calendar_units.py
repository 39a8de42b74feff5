"""Claims about periods: which ordinals months, quarters, dates and fiscal years are."""

from __future__ import annotations

import numpy as np
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.data.calendar_units import calendar_of, gap_notes, period_headers

# Labels, what one step is, and how many steps lie between the first and each other.
WRITTEN = {
    "years": (["2003", "2004", "2007"], "year", [0, 1, 4]),
    "R's years": (["X2003", "X2004"], "year", [0, 1]),
    "World Bank": (["2003 [YR2003]", "2004 [YR2004]"], "year", [0, 1]),
    "no years": (["1", "2", "3"], "period", [0, 1, 2]),
    "YYYYMM": (["201011", "201012", "201101"], "month", [0, 1, 2]),
    "ISO months": (["2010-11", "2010-12", "2011-01"], "month", [0, 1, 2]),
    "months of statistics offices": (["2010M11", "2010M12", "2011M01"], "month", [0, 1, 2]),
    "named months": (["Nov 2010", "December 2010", "Jan 2011"], "month", [0, 1, 2]),
    "first days of months": (["2010-11-01", "2010-12-01", "2011-01-01"], "month", [0, 1, 2]),
    "last days of months": (["2010-11-30", "2010-12-31", "2011-01-31", "2011-02-28"], "month", [0, 1, 2, 3]),
    "last days of quarters": (["2010-03-31", "2010-06-30", "2010-12-31"], "quarter", [0, 1, 3]),
    "quarters": (["2010Q3", "2010Q4", "2011Q1"], "quarter", [0, 1, 2]),
    "quarters written otherwise": (["Q3 2010", "2010-Q4", "2011q1"], "quarter", [0, 1, 2]),
    "half-years": (["2010H1", "2010H2", "2011H1"], "half-year", [0, 1, 2]),
    "fiscal years": (["1998/99", "1999/00", "2000/01"], "fiscal year", [0, 1, 2]),
    "long fiscal years": (["2005-2006", "2006-2007"], "fiscal year", [0, 1]),
    "yearly dates": (["2010-06-30", "2011-06-30", "2013-06-30"], "year", [0, 1, 3]),
    "weeks": (["2010-01-04", "2010-01-11", "2010-01-25"], "week", [0, 1, 3]),
    "ISO weeks": (["2010-W52", "2011-W01"], "week", [0, 1]),
    "days": (["2010-02-27", "2010-02-28", "2010-03-01"], "day", [0, 1, 2]),
    "compact dates": (["20100227", "20100228", "20100301"], "day", [0, 1, 2]),
    "every ten days": (["2010-01-01", "2010-01-11", "2010-01-21"], "10-day step", [0, 1, 2]),
}


@pytest.mark.parametrize(("labels", "unit", "steps"), WRITTEN.values(), ids=WRITTEN.keys())
def test_periods_are_as_many_steps_apart_as_the_calendar_has(labels, unit, steps):
    calendar = calendar_of(labels, where="a file", column="time")
    ordinals = [calendar.ordinal(label) for label in labels]
    assert calendar.unit == unit
    np.testing.assert_array_equal(np.subtract(ordinals, ordinals[0]), steps)


def test_december_to_january_is_one_month():
    calendar = calendar_of(["201012", "201101"], where="a file", column="time")
    assert calendar.ordinal("201101") - calendar.ordinal("201012") == 1


def test_a_year_stands_for_its_first_and_at_the_end_for_its_last_step():
    calendar = calendar_of(["2010Q1", "2010Q2"], where="a file", column="time")
    assert calendar.ordinal("2011") == calendar.ordinal("2011Q1")
    assert calendar.ordinal("2011", end=True) == calendar.ordinal("2011Q4")


def test_an_onset_between_two_steps_is_the_later():
    calendar = calendar_of(["2010-03-31", "2010-06-30", "2010-09-30"], where="a file", column="time")
    assert calendar.ordinal("2010-05") == calendar.ordinal("2010-06-30")
    assert calendar.ordinal("2010-05-15") == calendar.ordinal("2010-06-30")


def test_gaps_and_unequal_spacing_are_said():
    assert gap_notes("year", [2003, 2004]) == ()
    assert gap_notes("year", [2000, 2004, 2008])[0].startswith("The periods are 4 years apart: effects by event time")
    assert "not equally spaced (1 to 3 days apart)" in gap_notes("day", [1, 2, 5])[0]


@pytest.mark.parametrize("label", ["2010-13", "2010Q5", "2003.5", "", "x", "2010-02-30", "01/02/2010"])
def test_what_is_no_period_is_refused_with_its_row(label):
    with pytest.raises(InputError, match=r'a file: row 3: time is ".*", and others are written as "2003"; a period is'):
        calendar_of(["2003", label], where="a file", column="time", rows={"2003": 2, label: 3})


@pytest.mark.parametrize("labels", [["1.2.2001"], ["01-02-99"], ["31/12/01"], ["01/02/2001", "01/03/2001"]])
def test_of_a_date_that_may_be_read_both_ways_the_message_says_how_to_write_it(labels):
    with pytest.raises(InputError, match=r"is the day first, or the month\? write it as 2010-05-31"):
        calendar_of(labels, where="a file", column="time")


def test_dates_with_a_day_above_twelve_in_both_places_are_refused():
    with pytest.raises(InputError, match=r'time is "31/12/2001"; .* is the day first, or the month\?'):
        calendar_of(["31/12/2001", "12/31/2002"], where="a file", column="time")


@pytest.mark.parametrize(
    ("labels", "unit"),
    [
        (["31/12/2001", "31/12/2002", "31/12/2004"], "year"),
        (["12/31/2001", "12/31/2002", "12/31/2004"], "year"),
        (["01/01/2001", "01/01/2002", "01/01/2004"], "year"),
        (["31.01.2001", "28.02.2001", "31.03.2001"], "month"),
        (["5-1-2001", "19-1-2001", "2-2-2001"], "week"),
        (["13/02/2001 00:00:00", "14/02/2001 00:00:00"], "day"),
    ],
)
def test_dates_whose_year_is_last_are_read_where_one_order_alone_is_possible(labels, unit):
    calendar = calendar_of(labels, where="a file", column="time")
    assert calendar.unit == unit
    ordinals = [calendar.ordinal(label) for label in labels]
    assert None not in ordinals
    assert ordinals == sorted(ordinals)
    assert calendar.ordinal("2001") is not None


def test_the_order_of_a_column_holds_for_an_onset_too():
    calendar = calendar_of(["31/12/2001", "31/12/2002"], where="a file", column="time")
    assert calendar.ordinal("31/12/2002") == calendar.ordinal("2002-12-31") == calendar.ordinal("01/02/2002")
    assert calendar.ordinal("12/31/2002") is None
    same_both_ways = calendar_of(["01/01/2001", "01/01/2002"], where="a file", column="time")
    assert same_both_ways.ordinal("01/01/2002") is not None
    assert same_both_ways.ordinal("01/02/2002") is None


def test_columns_of_a_wide_file_may_be_such_dates():
    assert period_headers(["unit", "31/12/2001", "31/12/2002", "population"]) == [1, 2]
    assert period_headers(["unit", "01/02/2001", "01/03/2001"]) == []
