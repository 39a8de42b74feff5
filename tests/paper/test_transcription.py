"""Are the CSV files what the paper prints? The tables are read again from a transcription and from the paper."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bri_bayes.paper import Published, load_published

FOLDER = Path(__file__).resolve().parents[2] / "data" / "published" / "transcription"
REGRESSION_TABLES = range(3, 9)

# How the tables, misprints included, name what cells.csv names otherwise.
VARIABLES = {
    "lnppi": "lnppl",
    "lnpppl": "lnppl",
    "E&T-cooperation": "et_cooperation",
    "cultural-exchange": "cultural_exchange",
    "BRI x inequality": "BRI_x_inequality",
    r"BRI \times inequality": "BRI_x_inequality",
}
STATISTICS = {"Observations": "observations", "R-squared": "r_squared"}
ROWS = {
    "aerospace": "aerospace",
    "computers and office equipment": "computers",
    "electronics and communication": "electronics",
    "pharmaceuticals": "pharmaceuticals",
    "scientific instruments": "instruments",
    "electrical machinery": "electrical",
    "chemicals": "chemicals",
    "total": "total",
    "export growth": "export_growth",
    "export volatility": "export_volatility",
    "export size (log)": "export_size_log",
}
COLUMNS = {
    1: ("sitc", "trade_10000_usd", "share_pct", "growth_2003_2012_pct", "growth_2013_2023_pct"),
    2: ("treated_mean", "control_mean", "bias_pct", "reduction_pct", "p_value"),
}
# The rows of Tables 1 and 2 in the paper, in order.
CATEGORIES = ("航空航天", "计算机与办公设备", "电子通信设备", "医药产品", "科学仪器", "电气机械", "化学制品", "合计")
BALANCE = {"出口增长率": "export growth", "出口波动性": "export volatility", "出口规模(对数)": "export size (log)"}
PRINTED = re.compile(r"(?:(-?[\d,]+(?:\.\d+)?)(\**))?\s*(?:\((\d+\.\d+)\))?")

# Computed again from the real panel: a share or a spread of that many digits.
FACT_TOLERANCE = 0.006


@pytest.fixture(scope="module")
def paper() -> Published:
    return load_published()


@pytest.fixture(scope="module")
def text(shared) -> str:
    return (shared / "paper" / "akyeva2026.txt").read_text(encoding="utf-8")


def transcribed(table):
    """The rows of a transcribed table below its header, each a list of stripped fields."""
    lines = (FOLDER / f"table_{table}.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split("|") for line in lines if "|" in line and not line.startswith("Note")]
    return [[field.strip() for field in row] for row in rows[1:]]


def in_paper(text, table):
    """The rows of a table as the paper's text has them, each a list of stripped fields without markup."""
    start = text.index(f"\nTable {table}. ")
    end = re.compile(r"\n(?:注|Table \d|\([一二三四]\)|6\. 结论|表 1 显示)").search(text, start + 10).start()
    marks = re.compile(r"</?i>|[$^{}]")
    lines = [line for line in text[start:end].splitlines() if "\t" in line]
    return [
        [marks.sub("", field).strip().strip("*" if not number else "") for number, field in enumerate(line.split("\t"))]
        for line in lines
    ]


def regression_cells(rows):
    """Coefficients {(column, variable): (value, stars, se)} and statistics {(column, name): value} of table rows."""
    cells, statistics, above = {}, {}, None
    for name, *fields in rows:
        above = VARIABLES.get(name, name) or above
        for column, field in enumerate(fields, 1):
            value, stars, se = PRINTED.fullmatch(field).groups() if PRINTED.fullmatch(field) else (None, None, None)
            if above in STATISTICS and value:
                statistics[column, STATISTICS[above]] = value
            elif value:
                cells[column, above] = (value, stars, se)
            elif se:
                # In Tables 3 and 7 the standard error stands below its coefficient.
                value, stars, none = cells[column, above]
                assert none is None, f"{above} has two standard errors in column {column}"
                cells[column, above] = (value, stars, se)
    return cells, statistics


def shipped_cells(paper, table):
    return {
        (cell.column, cell.variable): (cell.estimate.text, "*" * cell.stars, cell.se.text)
        for cell in paper.cells.values()
        if cell.table == table
    }


def shipped_statistics(paper, table):
    return {(column, name): number.text for (t, column, name), number in paper.statistics.items() if t == table}


def shipped_descriptives(paper, table):
    return {
        (cell.row, cell.sample, cell.column): (cell.number.text, "*" * cell.stars)
        for cell in paper.descriptives.values()
        if cell.table == table
    }


def descriptive_cells(table, rows):
    """Cells {(row, sample, column): (value, stars)} of Table 1 or 2."""
    cells = {}
    for name, *fields in rows:
        sample, values = ("", fields) if table == 1 else (fields[0], fields[1:])
        for column, field in zip(COLUMNS[table], values, strict=True):
            if field not in ("", "-", "—"):
                cells[ROWS[name], sample, column] = (field.rstrip("*"), "*" * field.count("*"))
    return cells


@pytest.mark.parametrize("table", REGRESSION_TABLES)
def test_every_coefficient_is_the_transcribed_one_and_none_is_left_out(paper, table):
    cells, statistics = regression_cells(transcribed(table))
    assert cells == shipped_cells(paper, table)
    assert statistics == shipped_statistics(paper, table)


@pytest.mark.parametrize("table", [1, 2])
def test_every_number_of_tables_1_and_2_is_the_transcribed_one_and_none_is_left_out(paper, table):
    assert descriptive_cells(table, transcribed(table)) == shipped_descriptives(paper, table)


@pytest.mark.parametrize("table", REGRESSION_TABLES)
def test_the_declared_effects_are_the_yes_and_no_of_the_table(paper, table):
    effects = {name: fields for name, *fields in transcribed(table) if name.endswith(" effects")}
    for regression in (cell_of for cell_of in paper.regressions() if cell_of.table == table):
        stated = {name: fields[regression.column - 1] == "Yes" for name, fields in effects.items()}
        assert stated == {"country effects": regression.unit_effects, "year effects": regression.period_effects}


def test_there_are_130_coefficients_in_27_columns(paper):
    counts = {table: sum(cell.table == table for cell in paper.cells.values()) for table in REGRESSION_TABLES}
    assert counts == {3: 22, 4: 20, 5: 14, 6: 20, 7: 40, 8: 14}
    assert len(paper.regressions()) == 27


@pytest.mark.published
@pytest.mark.parametrize("table", REGRESSION_TABLES)
def test_the_paper_prints_every_coefficient_and_no_other(paper, text, table):
    cells, statistics = regression_cells(in_paper(text, table))
    assert cells == shipped_cells(paper, table)
    assert statistics == shipped_statistics(paper, table)


@pytest.mark.published
@pytest.mark.parametrize("table", REGRESSION_TABLES)
def test_the_paper_has_the_declared_outcomes_above_the_columns(paper, text, table):
    outcomes = {cell_of.outcome for cell_of in paper.regressions()}
    header = next(row for row in in_paper(text, table) if any(field.strip("*") in outcomes for field in row[1:]))
    names, above = {}, None
    columns = sum(cell_of.table == table for cell_of in paper.regressions())
    for column, field in enumerate((header[1:] + [""] * columns)[:columns], 1):
        above = field.strip("*") or above
        names[column] = above
    assert names == {cell_of.column: cell_of.outcome for cell_of in paper.regressions() if cell_of.table == table}


@pytest.mark.published
def test_the_paper_prints_every_number_of_table_1(paper, text):
    rows = [row for row in in_paper(text, 1) if row[0] in CATEGORIES]
    assert [row[0] for row in rows] == list(CATEGORIES)
    width = 1 + len(COLUMNS[1])
    named = [[name, *(row + [""] * width)[1:width]] for name, row in zip(list(ROWS)[:8], rows, strict=True)]
    assert descriptive_cells(1, named) == shipped_descriptives(paper, 1)


@pytest.mark.published
def test_the_paper_prints_every_number_of_table_2(paper, text):
    sample = {"匹配前": "before", "匹配后": "after"}
    rows = [[BALANCE[row[0]], sample[row[1]], *row[2:]] for row in in_paper(text, 2) if row[0] in BALANCE]
    assert descriptive_cells(2, rows) == shipped_descriptives(paper, 2)


@pytest.mark.published
def test_every_quotation_stands_in_the_paper(paper, text):
    assert [cell_of.id for cell_of in paper.statements.values() if cell_of.quote not in text] == []


def test_every_quoted_number_stands_in_its_quotation(paper):
    spelt = {"treated_countries": "五个", "control_countries": "四个", "placebo_group_size": "与原实验组规模相同"}
    for cell_of in paper.statements.values():
        if cell_of.number is not None:
            assert spelt.get(cell_of.id, cell_of.number.text) in cell_of.quote, cell_of.id


@pytest.mark.published
def test_every_reference_has_its_number_and_its_authors_in_the_list(paper, text):
    entries = dict(re.findall(r"^- \[(\d+)\] (.*)$", text, flags=re.MULTILINE))
    assert {str(number) for number in paper.references} == set(entries)
    for number, entry in paper.references.items():
        line = entries[str(number)]
        assert all(author in line for author in entry.authors), number
        assert entry.year is None or str(entry.year) in re.sub(r"https?://\S+", "", line), number


@pytest.mark.real
def test_the_spread_of_log_trade_is_that_of_the_real_panel(paper, shared):
    panel = real_panel(shared)
    panel = panel[panel["year"].between(2003, 2020)]
    nine = panel["iso3"].isin(
        [*paper.statement("treated_countries").words, *paper.statement("control_countries").words]
    )
    for outcome, column in (("lnexport", "baci_export_musd"), ("lnimport", "baci_import_musd")):
        fact = paper.fact(f"sd_{outcome}")
        traded = panel[column] > 0
        assert np.log(panel.loc[traded, column]).std() == pytest.approx(fact.value, abs=FACT_TOLERANCE)
        assert np.log(panel.loc[traded & nine, column]).std() == pytest.approx(fact.low, abs=FACT_TOLERANCE)


@pytest.mark.real
def test_the_shares_within_countries_are_those_of_the_real_panel(paper, shared):
    panel = real_panel(shared).query("2003 <= year <= 2023")
    names = ["lnppl", "lnpgdp", "growth"]
    panel = panel.assign(
        lnppl=np.log(panel["population"]),
        lnpgdp=np.log(panel["gdp_per_capita_2015usd"]),
        growth=panel["gdp_growth_pct"],
    ).dropna(subset=names)
    nine = panel["iso3"].isin(
        [*paper.statement("treated_countries").words, *paper.statement("control_countries").words]
    )
    for name in names:
        fact = paper.fact(f"within_share_{name}")
        others = [other for other in names if other != name]
        everyone, few = (within_share(rows, name, others) for rows in (panel, panel[nine]))
        assert everyone == pytest.approx(fact.value, rel=0.03)
        assert few == pytest.approx(fact.high if fact.high > fact.value else fact.low, rel=0.03)


def real_panel(shared):
    return pd.read_csv(shared / "data" / "real_panel" / "china_partners_2000_2023.csv")


def within_share(rows, name, others):
    """Variance of a covariate that years, countries and the others leave, over what years and the others leave."""
    unmatched = {}
    for effects in (["year"], ["year", "iso3"]):
        dummies = pd.get_dummies(rows[effects].astype(str), drop_first=True).to_numpy(float)
        known = np.column_stack([np.ones(len(rows)), dummies, rows[others].to_numpy(float)])
        y = rows[name].to_numpy(float)
        unmatched[len(effects)] = float(np.sum((y - known @ np.linalg.lstsq(known, y, rcond=None)[0]) ** 2))
    return unmatched[2] / unmatched[1]
