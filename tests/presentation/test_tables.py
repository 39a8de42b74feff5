"""Is one declaration enough for every form of a table: the same cells, readable numbers, nothing too wide?"""

from __future__ import annotations

import csv
import dataclasses
import io
from typing import Any

import pytest

from bri_bayes.presentation import sentences
from bri_bayes.presentation.cells import grid
from bri_bayes.presentation.table_spec import Column, Table, TableSpec, effect_columns, in_csv
from bri_bayes.presentation.terminal_table import terminal_text
from bri_bayes.report.latex import escaped, latex_text
from bri_bayes.report.table_files import csv_text

PANEL = {"kind": "simulation", "label": "Made for a test", "sources": []}
ROWS = (
    {"outcome": "y", "label": "Exports", "unit": "KAZ", "mean": 0.25, "sd": 0.1, "lower": 0.05, "upper": 0.45,
     "p_positive": 0.99},
    {"outcome": "y", "label": "Exports", "unit": "UZB", "mean": -0.125, "sd": 0.1, "lower": -0.3, "upper": None,
     "p_positive": 0.1},
)  # fmt: skip
SPEC = TableSpec(
    "by_unit",
    "The effect by unit",
    (*in_csv("outcome"), Column("label", "outcome", "name"), Column("unit", "unit", "name"), *effect_columns()),
    lambda values: values["rows"],
)


def table(*rows: dict[str, Any], columns: tuple[Column, ...] | None = None) -> Table:
    filled = SPEC.fill({"panel": PANEL, "rows": rows or ROWS})
    return filled if columns is None else dataclasses.replace(filled, columns=columns)


def column_of_numbers(*numbers: float | None, kind: Any = "number", digits: int | None = None) -> Table:
    return table(*({"x": number} for number in numbers), columns=(Column("x", "x", kind, digits),))


def texts(shown: Table) -> list[str]:
    return [row[0].text for row in grid(shown).rows]


def test_every_form_has_the_same_rows_and_says_once_what_they_are_made_from() -> None:
    shown = table()
    for text, minus in ((terminal_text(shown), "−0.125"), (latex_text(shown), "$-$0.125"), (csv_text(shown), "-0.125")):
        assert "KAZ" in text
        assert minus in text
        assert "simulat" in text.lower()
    assert terminal_text(shown).count("SIMULATED PANEL") == latex_text(shown).count("SIMULATED PANEL") == 1
    assert [row["panel"] for row in csv.DictReader(io.StringIO(csv_text(shown)))] == ["simulation"] * 2


def test_a_csv_has_every_digit_and_a_column_that_only_it_has() -> None:
    mean = 0.12345678901234567
    rows = list(csv.DictReader(io.StringIO(csv_text(table({**ROWS[0], "mean": mean})))))
    assert float(rows[0]["mean"]) == mean
    assert rows[0]["outcome"] == "y"
    assert "outcome" not in [column.key for column in grid(table()).columns]


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_text_that_a_spreadsheet_would_compute_is_kept_as_text_and_numbers_are_left_alone(start: str) -> None:
    (row,) = csv.DictReader(io.StringIO(csv_text(table({**ROWS[1], "unit": f"{start}SUM(A1)"}))))
    assert row["unit"] == f"'{start}SUM(A1)"
    assert row["mean"] == "-0.125"


def test_control_characters_reach_neither_terminal_nor_csv() -> None:
    evil = table({**ROWS[0], "unit": "KA\x1b[2JZ\r\n\x07end"})
    for text in (terminal_text(evil), csv_text(evil)):
        assert not {"\x1b", "\x07", "\r"} & set(text)
        assert "KA [2JZ end" in text


@pytest.mark.parametrize(
    ("numbers", "shown", "power"),
    [
        ((0.218, 0.1, 0.3), ["0.218", "0.100", "0.300"], ""),
        ((5.9e-8, 2e-8), ["59.00", "20.00"], "10⁻⁹"),
        ((1.234e12, 2e11), ["1.23", "0.20"], "10¹²"),
        ((12.5, 150.0, 9.0), ["12.5", "150.0", "9.0"], ""),
        ((0.5, 5.9e-8), ["0.500", "6e−08"], ""),
        ((0.5, 1e-17), ["0.500", "0.000"], ""),
    ],
)
def test_a_number_keeps_its_significant_digits_with_one_power_of_ten_a_column(
    numbers: tuple[float, ...], shown: list[str], power: str
) -> None:
    filled = column_of_numbers(*numbers)
    assert texts(filled) == shown
    assert [note.removeprefix("x: in ").rstrip(".") for note in grid(filled).notes] == ([power] if power else [])


def test_an_effect_that_a_sentence_rounds_to_zero_is_zero_in_a_table_and_a_clear_interval_never_touches_it() -> None:
    open_, clear = {"mean": -2e-6, "sd": 0.2, "lower": -0.4, "upper": 0.4}, {"lower": 2e-6, "upper": 0.4, "mean": 0.2}
    rows = grid(table({**ROWS[0], **open_}, {**ROWS[0], **open_, **clear}, {**ROWS[0], **open_, "sd": 2e-6})).rows
    by_key = [dict(zip((column.key for column in grid(table()).columns), row, strict=True)) for row in rows]
    assert by_key[0]["mean"].text == sentences.signed(-2e-6, 3) == "0.000"
    assert by_key[1]["lower"].text == sentences.interval(2e-6, 0.4, 3).split(" to ")[0] == "2e−06"
    assert by_key[2]["sd"].text == "2e−06"


def test_how_far_something_moved_is_zero_where_its_decimals_say_so_and_a_truth_is_yes_or_no() -> None:
    columns = (Column("moved_sd", "moved", "number", 2, "distance"), Column("violation", "violation"))
    rows = ({"moved_sd": -1e-5, "violation": False}, {"moved_sd": 0.08, "violation": True})
    shown = grid(Table("t", "c", columns, rows, panel={"kind": "user"}))
    assert [[cell.text for cell in row] for row in shown.rows] == [["0.00", "no"], ["0.08", "yes"]]


def test_columns_of_one_scale_share_decimals_and_the_note_names_the_unit() -> None:
    rows = ({**ROWS[0], "mean": 2.5e9, "sd": 4e6, "lower": 1.2e9, "upper": 3.9e9},)
    shown = table(*rows).titled("Trade", unit="US dollars")
    assert [cell.text for cell in grid(shown).rows[0][2:6]] == ["2.50", "0.004", "1.20", "3.90"]
    assert grid(shown).notes == ("mean, sd, 2.5%, 97.5%: in 10⁹ US dollars.",)


def test_the_value_behind_a_text_is_exact_and_a_missing_one_is_a_dash() -> None:
    (_, row) = grid(table()).rows
    assert (row[2].text, row[2].value) == ("−0.125", -0.125)
    assert (row[5].text, row[5].value) == ("–", None)
    assert texts(column_of_numbers(0.0004, 0.5, kind="p-value")) == ["<0.001", "0.500"]
    assert texts(column_of_numbers(2013.0, kind="year")) == ["2013"]


@pytest.mark.parametrize("words", [2, 40])
def test_no_line_of_a_terminal_is_longer_than_80_and_what_is_left_out_is_said(words: int) -> None:
    text = "stepwise " * words
    columns = (
        Column("unit", "unit", "name"),
        Column("why", "why"),
        *(Column(f"x{number}", f"number {number}", "number", minor=number > 6) for number in range(words // 2)),
    )
    rows = [{"unit": text, "why": text, **{f"x{number}": 1234.5678 for number in range(20)}}] * 50
    shown = terminal_text(table(*rows, columns=columns))
    assert max(map(len, shown.splitlines())) <= 80
    assert "10 rows more" in shown
    assert ("the columns" in shown) == (words == 40)
    if words == 40:
        assert "number 19" in shown.replace("\n", " ")


def test_a_long_heading_of_numbers_wraps_before_a_text_is_squeezed_into_a_sliver() -> None:
    numbers = (Column(f"x{at}", "share of placebos that are as large", "number") for at in range(4))
    rows = [{"what": "groups of the controls alone", **{f"x{at}": 0.5 for at in range(4)}}] * 3
    shown = terminal_text(table(*rows, columns=(Column("what", "what is compared"), *numbers)))
    assert "groups of the" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_name_shared_by_rows_stands_above_them_once() -> None:
    lines = terminal_text(table()).splitlines()
    assert [line for line in lines if "Exports" in line] == ["Exports"]
    assert latex_text(table()).count("Exports") == 1


def test_latex_escapes_what_it_would_read_as_a_command_and_writes_signs_and_accents() -> None:
    assert escaped("50% & $x_1$ {a} #2 ~ ^ \\input") == (
        r"50\% \& \$x\_1\$ \{a\} \#2 \textasciitilde{} \textasciicircum{} \textbackslash{}input"
    )
    assert escaped("−1 ≥ ρ² “Çiğ”") == r"$-$1 $\ge$ $\rho$$^2$ ``\c{C}i\u{g}''"
    assert escaped("中") == "[U+4E2D]"
    assert escaped("a|b<c>") == "a$|$b$<$c$>$"


def test_every_row_of_a_latex_table_has_as_many_cells_as_the_table_has_columns() -> None:
    text = latex_text(table(*(ROWS * 60)))
    assert text.count(r"\begin{table}") == 3  # 120 rows, so many to a page
    form = next(line for line in text.splitlines() if line.startswith(r"\begin{tabular}"))
    columns = form.count("@{") - 1
    rows = [line for line in text.splitlines() if line.endswith(r"\tabularnewline") and "multicolumn" not in line]
    assert {line.count(" & ") + 1 for line in rows} == {columns} == {6}


def test_an_empty_table_is_a_latex_table_that_says_so() -> None:
    empty = dataclasses.replace(table(), rows=())
    assert r"\multicolumn{7}{@{}l@{}}{No rows.}" in latex_text(empty)
    assert csv_text(empty) == "outcome,label,unit,mean,sd,lower,upper,p_positive,panel\n"
    assert list(empty.frame().columns) == [*csv_text(empty).strip().split(",")]
