"""Claims about the periods on a page: quarters and months as the file writes them, years as ever."""

from __future__ import annotations

import pytest

from bri_bayes.presentation.period_words import markup_writer, period_label, writer
from bri_bayes.presentation.table_spec import Column, TableSpec
from bri_bayes.report.brief_sentences import from_appendix

QUARTERS = {
    "study": {"title": "Sales a year", "policy": "the five year plan", "labels": {"x": "sales of 8052"}},
    "unit_names": {"8053": "8053"},
    "panel": {
        "kind": "user",
        "label": "years.csv",
        "periods": [8051, 8052],
        "period_unit": "quarter",
        "period_labels": {"8051": "2012Q4", "8052": "2013Q1"},
    },
    "outcomes": {},
}
YEARS = {"panel": {"period_unit": "year", "period_labels": {}}}


def test_ordinals_become_labels_and_years_quarters():
    write = writer(QUARTERS)
    assert write("Since 8052, 3 of 12 years; 0.01 a year.") == "Since 2013Q1, 3 of 12 quarters; 0.01 a quarter."
    assert write("Year and unit-years, 8051-8052") == "Quarter and unit-quarters, 2012Q4-2013Q1"


def test_a_number_that_holds_an_ordinal_is_no_period():
    assert writer(QUARTERS)("18052, 0.8052, 8052.5, 8052,100 and x8052") == "18052, 0.8052, 8052.5, 8052,100 and x8052"


def test_what_the_user_has_named_stays():
    said = "Sales a year: years.csv, the five year plan, sales of 8052"
    assert writer(QUARTERS)(f"{said} in a year") == f"{said} in a quarter"


@pytest.mark.parametrize(
    ("unit", "word"), [("10 days", "periods"), ("fiscal year", "years"), ("half-year", "half-years")]
)
def test_the_word_of_a_step(unit, word):
    panel = QUARTERS["panel"] | {"period_unit": unit}
    assert writer({**QUARTERS, "panel": panel})("two years") == f"two {word}"


def test_values_of_years_and_of_an_earlier_version_are_written_as_they_are():
    for values in (YEARS, {"panel": {}}, {}):
        assert writer(values) is str
        assert markup_writer(values) is str
    assert period_label(YEARS, 2013) is None


def test_of_a_page_what_is_read_is_written_and_what_is_code_is_not():
    page = (
        '<style>.year{}</style><script>let year = 8052</script><a href="8052/year" id="year" data-label="year">8052</a>'
    )
    assert markup_writer(QUARTERS)(page) == (
        "<style>.year{}</style><script>let year = 8052</script>"
        '<a href="8052/year" id="year" data-label="quarter">2013Q1</a>'
    )


def test_a_label_that_is_markup_is_text_on_a_page():
    panel = QUARTERS["panel"] | {"period_labels": {"8051": "<script>alert(1)</script>", "8052": '" onload="x'}}
    page = '<p data-label="8052">8051</p>'
    assert markup_writer({**QUARTERS, "panel": panel})(page) == (
        '<p data-label="&quot; onload=&quot;x">&lt;script&gt;alert(1)&lt;/script&gt;</p>'
    )


def test_a_table_has_the_label_in_its_column_of_periods_and_counts_as_they_are():
    columns = (Column("period", "year", "year"), Column("rows", "rows", "count"), Column("note", "note"))
    spec = TableSpec("t", "Each year", columns, lambda values: [{"period": 8052, "rows": 8052, "note": "from 8051"}])
    table = spec.fill(QUARTERS)
    assert table.caption == "Each quarter"
    assert (table.columns[0].heading, table.columns[0].kind) == ("quarter", "text")
    assert table.rows == ({"period": "2013Q1", "rows": 8052, "note": "from 2012Q4"},)
    assert spec.fill({**QUARTERS, "panel": {"kind": "user", **YEARS["panel"]}}).rows[0]["period"] == 8052


def test_a_page_in_chinese_counts_quarters_and_names_them_without_the_word_for_a_year():
    write = writer(QUARTERS)
    assert write("20 年中有 19 年；（8052 年）；每年相差；年均差异；各年；最后一年") == (
        "20 个季度中有 19 个季度；（2013Q1）；每季度相差；每季度差异；各季度；最后一季度"
    )
    assert write("起始于 2013Q1 年；最大年度变化；处理国年份") == "起始于 2013Q1；最大季度变化；处理国季度"


def test_a_chinese_name_of_the_user_stays():
    named = {**QUARTERS, "study": QUARTERS["study"] | {"title": "三年计划"}}
    assert writer(named)("三年计划：3 年") == "三年计划：3 个季度"


def test_event_times_stay_numbers_even_where_the_ordinals_of_the_panel_are_as_small():
    panel = QUARTERS["panel"] | {
        "periods": [0, 1],
        "period_unit": "10 days",
        "period_labels": {"0": "May", "1": "June"},
    }
    columns = (Column("event_time", "years since the onset", "year"), Column("period", "year", "year"))
    spec = TableSpec("t", "Each year", columns, lambda values: [{"event_time": 1, "period": 1}])
    table = spec.fill({**QUARTERS, "panel": panel})
    assert table.rows == ({"event_time": 1, "period": "June"},)
    assert [column.kind for column in table.columns] == ["year", "text"]


@pytest.mark.parametrize("count", [8052, 8051])
def test_a_count_that_equals_an_ordinal_is_no_period(count):
    content = {"panel": {"label": "q.csv", "units": ["A"], "rows": count}, "noun": "units", "years": "8051 to 8052"}
    said = writer({**QUARTERS, "study": {}})(from_appendix("data", content)[0])
    assert said == f"q.csv: 1 units, 2012Q4 to 2013Q1; {count:,} rows."
