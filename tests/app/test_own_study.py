"""Does `init` write a study that runs for a panel that it has never seen?"""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from bri_bayes.app.own_study import study_from_file
from bri_bayes.app.panel_roles import Said
from bri_bayes.app.section_answer import section_answer
from bri_bayes.app.study_run import init_study, run_study
from bri_bayes.cli.main import app
from bri_bayes.core.errors import InputError
from bri_bayes.estimands.summaries import comparison_notes
from bri_bayes.report.main_answer import rows_of
from bri_bayes.report.sections.section import Context
from bri_bayes.runtime.cache import Cache
from bri_bayes.study.model_card import load_card
from bri_bayes.study.study_file import load_study

UNITS = ("Alba", "Brio", "Cora", "Dena", "Elko", "Fara")


def _panel(
    path: Path, *, staggered: bool = False, switch: bool = True, shift: float = 0.0, separator: str = ","
) -> Path:
    rng = np.random.default_rng(1)
    lines = [["country", "year", "sales", "gdp", *(["policy"] if switch else [])]]
    for i, unit in enumerate(UNITS):
        onset = (2007 + 2 * i * staggered) if i < 2 else math.inf
        for year in range(2000, 2013):
            sales = math.exp(3 + 0.2 * i + 0.03 * (year - 2000) + rng.normal(0, 0.1)) - shift
            row = [unit, str(year), f"{sales:.2f}", f"{5 + i + rng.random():.2f}"]
            lines.append([*row, *([str(int(year >= onset))] if switch else [])])
    path.write_text("\n".join(separator.join(line) for line in lines) + "\n", encoding="utf-8")
    return path


def test_a_treatment_is_named_as_estimate_names_it_where_the_file_has_two(tmp_path: Path) -> None:
    """Of two columns of 0 and 1 the first is taken, unless the command line says which is meant."""
    file = _panel(tmp_path / "p.csv")
    lines = [line.split(",") for line in file.read_text(encoding="utf-8").splitlines()]
    late = [["later"], *([str(int(row[0] == "Cora" and row[1] >= "2009"))] for row in lines[1:])]
    file.write_text("\n".join(",".join([*row, *new]) for row, new in zip(lines, late, strict=True)), encoding="utf-8")
    arguments = ["init", str(tmp_path / "mine"), "--from", str(file), "--outcome", "sales", "--treatment", "later"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert load_study(tmp_path / "mine").assignment.treated_units == ("Cora",)
    study = load_study(study_from_file(tmp_path / "first", file, Said(outcome="sales")).path)
    assert study.assignment.treated_units == ("Alba", "Brio")


def test_a_treatment_beside_the_years_of_a_wide_file_is_named(tmp_path: Path, shared: Path) -> None:
    said = Said(unit="region", outcome="sales", treatment="treated", onset="2010")
    file = shared / "cases" / "c11_wide_static_treat.csv"
    assert load_study(study_from_file(tmp_path / "wide", file, said).path).assignment.treated_units == ("R1", "R2")


def test_dates_with_the_day_first_are_periods_whatever_their_column_is_called(tmp_path: Path) -> None:
    file = _panel(tmp_path / "p.csv")
    text = re.sub(r",(20\d\d),", r",31/12/\1,", file.read_text(encoding="utf-8")).replace("year", "ending")
    file.write_text(text, encoding="utf-8")
    study = load_study(study_from_file(tmp_path / "mine", file, Said(outcome="sales")).path)
    assert study.panel.period == "ending"
    assert study.load().sizes["period"] == 13


def test_the_written_study_runs_as_it_is(tmp_path: Path) -> None:
    arguments = ["init", str(tmp_path / "mine"), "--from", str(_panel(tmp_path / "p.csv"))]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    study = load_study(tmp_path / "mine")
    assert study.assignment.first_treated == {"Alba": 2007, "Brio": 2007, **dict.fromkeys(UNITS[2:])}
    assert study.outcomes["sales"].transform == "log"
    assert study.load().attrs["kind"] == "user"
    text = (tmp_path / "mine" / "study.toml").read_text(encoding="utf-8")
    assert '# [covariates."gdp"]' in text
    # The comment becomes a covariate by taking its signs away.
    uncommented = text.replace("# [covariates", "[covariates").replace("# column", "column").replace("# label", "label")
    (tmp_path / "mine" / "study.toml").write_text(uncommented, encoding="utf-8")
    assert list(load_study(tmp_path / "mine").covariates) == ["gdp"]
    values = section_answer("pretrends", tmp_path / "mine", quick=True).values
    assert set(values["outcomes"]) == {"sales"}


def test_onsets_by_unit_semicolons_and_values_below_zero_are_written_as_they_are(tmp_path: Path) -> None:
    file = _panel(tmp_path / "p.csv", staggered=True, shift=100.0, separator=";")
    study = load_study(study_from_file(tmp_path / "mine", file, Said(outcome="sales")).path)
    assert study.assignment.first_treated["Brio"] == 2009
    assert study.outcomes["sales"].transform == "none"
    assert study.load().sizes["unit"] == len(UNITS)


def test_an_outcome_that_is_named_is_taken_as_it_is_and_one_that_is_read_off_in_logs_is_said(tmp_path: Path) -> None:
    """As ``estimate`` takes it: the same name gave an effect in levels there and in log points here."""
    file = _panel(tmp_path / "p.csv")
    transforms = {}
    for folder, name in {"named": "sales", "asked": "log(sales)", "read": None}.items():
        written = study_from_file(tmp_path / folder, file, Said(outcome=name))
        transforms[folder] = load_study(written.path).outcomes["sales"].transform
        assert any("is read off the file and taken in logarithms" in note for note in written.notes) == (name is None)
    assert transforms == {"named": "none", "asked": "log", "read": "log"}


def test_a_rate_is_not_taken_for_an_amount(tmp_path: Path) -> None:
    file = _panel(tmp_path / "p.csv")
    rows = [line.split(",") for line in file.read_text(encoding="utf-8").splitlines()]
    rates = [[*row[:2], f"{55 + float(row[2]) / 10:.2f}", *row[3:]] for row in rows[1:]]
    file.write_text("\n".join(map(",".join, [rows[0], *rates])) + "\n", encoding="utf-8")
    study = load_study(study_from_file(tmp_path / "mine", file, Said()).path)
    assert study.outcomes["sales"].transform == "none"
    assert "as rates are" in (tmp_path / "mine" / "study.toml").read_text(encoding="utf-8")


def test_who_was_treated_may_be_said(tmp_path: Path) -> None:
    file = _panel(tmp_path / "p.csv", switch=False)
    study = load_study(
        study_from_file(tmp_path / "mine", file, Said(treated=("Cora",), onset="2005", outcome="gdp")).path
    )
    assert study.assignment.treated_units == ("Cora",)
    assert list(study.outcomes) == ["gdp"]


@pytest.mark.parametrize(("last", "named"), [("SRB", True), ("XQZ", False)])
def test_countries_by_their_codes_are_called_by_their_names_where_all_units_are_such(
    tmp_path: Path, last: str, named: bool
) -> None:
    rows = [
        f"{unit},{year},{year % 7 + len(unit)}" for unit in ("KAZ", "UZB", "MNG", last) for year in range(2000, 2010)
    ]
    path = tmp_path / "panel.csv"
    path.write_text("\n".join(["iso,year,sales", *rows]) + "\n", encoding="utf-8")
    study = load_study(study_from_file(tmp_path / "made", path, Said(treated=["KAZ", "UZB"], onset="2005")).path)
    assert study.name_of("KAZ") == ("Kazakhstan" if named else "KAZ")
    assert ("[unit_names]" in (tmp_path / "made" / "study.toml").read_text(encoding="utf-8")) == named


def test_a_treatment_of_words_is_found_as_one_of_digits(tmp_path: Path) -> None:
    text = _panel(tmp_path / "p.csv").read_text(encoding="utf-8")
    said = {"0": "False", "1": "TRUE"}
    words = "\n".join(f"{line[:-1]}{said.get(line[-1], line[-1])}" for line in text.splitlines())
    (tmp_path / "q.csv").write_text(words + "\n", encoding="utf-8")
    study = load_study(study_from_file(tmp_path / "mine", tmp_path / "q.csv").path)
    assert study.assignment.first_treated == {"Alba": 2007, "Brio": 2007, **dict.fromkeys(UNITS[2:])}


def test_a_column_with_the_first_treated_period_says_who_was_treated_and_is_no_outcome(tmp_path: Path) -> None:
    lines = _panel(tmp_path / "p.csv", switch=False).read_text(encoding="utf-8").splitlines()
    first = {"Alba": "2007", "Brio": "2009"}
    with_onsets = [
        f"{line},{'start' if at == 0 else first.get(line.split(',')[0], '')}" for at, line in enumerate(lines)
    ]
    file = tmp_path / "q.csv"
    file.write_text("\n".join(with_onsets) + "\n", encoding="utf-8")
    arguments = ["init", str(tmp_path / "mine"), "--from", str(file), "--onset-column", "start"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    study = load_study(tmp_path / "mine")
    assert study.assignment.first_treated == {"Alba": 2007, "Brio": 2009, **dict.fromkeys(UNITS[2:])}
    assert set(study.outcomes) == {"sales"}
    with pytest.raises(InputError, match="--treated and --onset-column both say who was treated"):
        study_from_file(tmp_path / "again", file, Said(treated=("Alba",), onset="2007", onset_column="start"))


def test_a_row_with_a_gap_is_no_header(tmp_path: Path) -> None:
    file = _panel(tmp_path / "p.csv")
    lines = file.read_text().splitlines()
    # The first row has no gdp.
    file.write_text("\n".join([lines[0], ",".join([*lines[1].split(",")[:3], "", "0"]), *lines[2:]]) + "\n")
    study = load_study(study_from_file(tmp_path / "mine", file).path)
    assert list(study.outcomes) == ["sales"]
    assert study.load().sizes == {"unit": len(UNITS), "period": 13}


def _with_gaps(path: Path) -> Path:
    """The panel with a covariate ``rate`` of which one cell is missing, a constant, and units and periods as codes."""
    rows = [line.split(",") for line in _panel(path).read_text(encoding="utf-8").splitlines()]
    changed = [["code", "wave", *rows[0][2:], "rate", "island"]]
    for at, row in enumerate(rows[1:]):
        changed.append([str(UNITS.index(row[0]) + 1), row[1][2:], *row[2:], "" if at == 4 else str(at % 7), "1"])
    path.write_text("\n".join(map(",".join, changed)) + "\n", encoding="utf-8")
    return path


def test_units_and_periods_that_are_codes_are_said_and_covariates_passed_over_are_named(tmp_path: Path) -> None:
    file = _with_gaps(tmp_path / "p.csv")
    arguments = ["init", str(tmp_path / "mine"), "--from", str(file)]
    refused = CliRunner().invoke(app, arguments)
    assert "say --period COLUMN" in str(refused.exception)
    done = CliRunner().invoke(app, [*arguments, "--period", "wave"])
    assert done.exit_code == 0
    gap = 'The column "rate" is not offered as a covariate: 1 of 78 rows has no value (row 6) and would be left out.'
    assert f"bri-bayes: {gap}" in done.stderr
    assert 'The column "island" is not offered as a covariate: it has no values but 1.' in done.stderr
    text = (tmp_path / "mine" / "study.toml").read_text(encoding="utf-8")
    assert f"# {gap}" in text
    assert load_study(tmp_path / "mine").assignment.treated_units == ("1", "2")


def test_covariates_that_are_asked_for_are_in_the_study(tmp_path: Path) -> None:
    said = Said(unit="code", period="wave", outcome="sales", covariates=("rate", "log(gdp)"))
    written = study_from_file(tmp_path / "mine", _with_gaps(tmp_path / "p.csv"), said)
    study = load_study(written.path)
    assert list(study.covariates) == ["rate", "log(gdp)"]
    assert study.covariates["log(gdp)"].transform == "log"
    assert study.adjust == ("rate", "log(gdp)")
    cost = 'The variable "rate" is missing in 1 of 78 rows'
    assert [note.partition(" (")[0] for note in written.notes if "rate" in note] == [cost]
    with pytest.raises(InputError, match='--covariates "rat" is no column of numbers; did you mean "rate"'):
        study_from_file(tmp_path / "other", tmp_path / "p.csv", Said("code", "wave", covariates=("rat",)))


def test_a_study_with_several_onsets_says_that_two_way_estimates_are_of_another_quantity(tmp_path: Path) -> None:
    study = load_study(study_from_file(tmp_path / "mine", _panel(tmp_path / "p.csv", staggered=True)).path)
    (note,) = comparison_notes(rows_of(study, study.load(), "sales"))
    assert note.startswith("Onsets differ (2007, 2009).")
    assert note.endswith("The two numbers are different quantities.")


def test_every_card_of_a_study_adjusts_for_what_it_says(tmp_path: Path) -> None:
    study = load_study(study_from_file(tmp_path / "mine", _panel(tmp_path / "p.csv"), Said(covariates=("gdp",))).path)
    context = Context(study, study.load(), {"did": study.adjusted(load_card("did"))})
    assert context.checked.covariates == context.shown.covariates == ("gdp",)
    assert rows_of(study, study.load(), "sales").card.covariates == ("gdp",)
    assert comparison_notes(context.analysis("sales")) == ["Adjusted for gdp."]
    # A card that names its own keeps them.
    named = dataclasses.replace(load_card("did"), covariates=("other",))
    assert study.adjusted(named) == named
    text = (tmp_path / "mine" / "study.toml").read_text(encoding="utf-8")
    (tmp_path / "mine" / "study.toml").write_text(text.replace('adjust = ["gdp"]', 'adjust = ["gpd"]'))
    with pytest.raises(InputError, match='adjust has "gpd"; did you mean "gdp"'):
        load_study(tmp_path / "mine")


@pytest.mark.real
def test_a_study_whose_covariate_leaves_too_few_rows_blames_it(tmp_path: Path, shared: Path) -> None:
    study_from_file(tmp_path / "mine", shared / "cases" / "c12_covmiss.csv", Said(covariates=("x",)))
    with pytest.raises(InputError, match='The variable "x" is missing in 20 of 60 rows'):
        run_study(tmp_path / "mine", quick=True, out=tmp_path / "report", cache=Cache(tmp_path / "cache"))


def test_two_folders_have_reports_of_their_own(tmp_path: Path) -> None:
    file = _panel(tmp_path / "p.csv")
    names = [load_study(study_from_file(tmp_path / folder, file).path).name for folder in ("my sales", "other: (2)")]
    assert names == ["my sales", "other_ _2_"]
    shipped = [load_study(init_study(tmp_path / folder)).name for folder in ("a", "b")]
    assert [*shipped, load_study(None).name] == ["a", "b", "study"]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "no column is 0 before a treatment and 1 from it on"),
        ({"treated": ("Cora",)}, "--treated and --onset belong together"),
        ({"onset": "2005"}, "nothing says who is treated from 2005 on; say --treated A,B"),
        ({"treated": ("Cora",), "onset": "2005", "treatment": "gdp"}, "--treated and --treatment both say who"),
        ({"treatment": "policy", "onset_column": "gdp"}, "--treatment and --onset-column both say who"),
        ({"treatment": "policy"}, '--treatment "policy" is no column; allowed: country, gdp, sales, year'),
        ({"treatment": "sales", "outcome": "sales"}, '--treatment "sales" is the outcome, too'),
        ({"onset": "2005", "onset_column": "gdp"}, "--onset and --onset-column both say from when on"),
        (
            {"treated": ("Cora",), "onset": "2005", "outcome": "sale"},
            r'"sale" is no column of numbers; did you mean "sales"',
        ),
        ({"treated": ("Coro",), "onset": "2005"}, 'did you mean "Cora"'),
    ],
)
def test_what_cannot_be_told_is_asked_for_and_leaves_no_folder(
    tmp_path: Path, options: dict[str, Any], match: str
) -> None:
    file = _panel(tmp_path / "p.csv", switch=False)
    with pytest.raises(InputError, match=match):
        study_from_file(tmp_path / "mine", file, Said(**options))
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a,b\nx,1\ny,2\n", "no column looks like a year"),
        ("year,b\n2000,1\n2001,2\n", "no column names the units"),
        ("unit,year\nA,2000\nB,2000\n", "no column of numbers for an outcome"),
        ("unit,X2000,X2001\nA,1,2\nB,1,2\n", r'its columns are periods \("X2000", "X2001" .*--outcome NAME'),
    ],
)
def test_a_file_that_is_no_panel_is_refused(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / "p.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=match):
        study_from_file(tmp_path / "mine", tmp_path / "p.csv")


def test_numbers_that_are_no_codes_are_no_units_and_the_columns_are_named(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text("year,sales,gdp\n2000,1.5,3\n2000,1.5,4\n2001,2.5,4\n", encoding="utf-8")
    with pytest.raises(InputError, match="no column names the units; say --unit COLUMN, one of sales, gdp"):
        study_from_file(tmp_path / "mine", file)


@pytest.mark.parametrize(("end", "never"), [("", "0"), (".0", "")])
def test_a_column_of_first_treated_periods_tells_who_was_treated_and_is_no_outcome(
    tmp_path: Path, end: str, never: str
) -> None:
    rows = [line.split(",") for line in _panel(tmp_path / "p.csv", switch=False).read_text().splitlines()]
    first = {"Alba": "2005", "Brio": "2007", "Cora": "2009"}
    lines = [
        ["country", "year", "first", *rows[0][2:]],
        *([*row[:2], first[row[0]] + end if row[0] in first else never, *row[2:]] for row in rows[1:]),
    ]
    (tmp_path / "p.csv").write_text("\n".join(map(",".join, lines)) + "\n", encoding="utf-8")
    study = load_study(study_from_file(tmp_path / "mine", tmp_path / "p.csv").path)
    assert list(study.outcomes) == ["sales"]
    assert {unit: onset for unit, onset in study.assignment.first_treated.items() if onset} == {
        unit: int(onset) for unit, onset in first.items()
    }
    assert "first" not in (tmp_path / "mine" / "study.toml").read_text().partition("[outcomes")[2]


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "treated", "controls", "periods", "said"),
    [
        ("c08_all_treated", "12345", ("6", "7", "8", "9", "10"), (2001, 2012), "Every unit is treated in the end"),
        ("c09_always_treated", ("T1", "T2", "T3", "T4"), tuple(f"N{i}" for i in range(1, 6)), (2008, 2017), "A1, A2"),
        ("c10_first_treat", ("R1", "R2"), tuple(f"R{i}" for i in range(3, 7)), (2005, 2014), ""),
    ],
)
def test_the_study_of_a_panel_as_people_have_it_compares_what_can_be_compared(
    tmp_path: Path, shared: Path, name: str, treated: Any, controls: tuple[str, ...], periods: Any, said: str
) -> None:
    written = study_from_file(tmp_path / "mine", shared / "cases" / f"{name}.csv")
    study = load_study(written.path)
    assert set(study.assignment.treated_units) == set(treated)
    assert set(study.assignment.never_treated) == set(controls)
    years = study.load()["period"].to_numpy()
    assert (years[0], years[-1]) == periods
    assert said in " ".join(written.notes)
    # Who is treated and left out is no donor of a wider pool either.
    assert set(map(str, study.load_pool()["unit"].to_numpy())) == {*treated, *controls}
    # What it leaves out stands in the study, too.
    assert all(note in written.path.read_text(encoding="utf-8") for note in written.notes)


@pytest.mark.real
def test_no_sample_goes_on_into_years_in_which_the_controls_are_treated(tmp_path: Path, shared: Path) -> None:
    study_from_file(tmp_path / "mine", shared / "cases" / "c08_all_treated.csv")
    values = section_answer("robustness", tmp_path / "mine", quick=True).values
    choices = {row["choice"]: row["options"] for row in values["outcomes"]["y"]["choices"]}
    ends = [int(row["option"]) for row in choices["the last year of the sample"]]
    assert max(ends) < 2012


def test_many_columns_with_gaps_are_one_sentence(tmp_path: Path) -> None:
    rows = _panel(tmp_path / "p.csv").read_text(encoding="utf-8").splitlines()
    more = [rows[0] + "".join(f",z{i}" for i in range(12)), *(f"{row}{',' * 12}" for row in rows[1:3])]
    more += [f"{row}{',3' * 12}" for row in rows[3:]]
    (tmp_path / "p.csv").write_text("\n".join(more) + "\n", encoding="utf-8")
    written = study_from_file(tmp_path / "mine", tmp_path / "p.csv", Said(outcome="sales"))
    assert [note.partition(":")[0] for note in written.notes] == [
        "12 columns are not offered as covariates, for cells are missing or do not differ"
    ]


def _wide(path: Path, head: str = "{}", facts: dict[str, tuple[str, ...]] | None = None) -> Path:
    """Sales in a column a year, periods written as ``head``, and facts of the units beside them."""
    rng = np.random.default_rng(2)
    facts = facts or {}
    lines = [["country", *facts, *(head.format(year) for year in range(2000, 2013))]]
    for i, unit in enumerate(UNITS):
        sales = 2000 + 100 * i + rng.normal(0, 20, 13)
        lines.append([unit, *(column[i] for column in facts.values()), *(f"{cell:.0f}" for cell in sales)])
    path.write_text("\n".join(map(",".join, lines)) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("head", ["{}", "X{}", "{0} [YR{0}]"])
def test_a_file_with_a_column_a_year_has_a_study(tmp_path: Path, head: str) -> None:
    said = Said(treated=("Alba",), onset="2007", outcome="log(sales)")
    study = load_study(study_from_file(tmp_path / "mine", _wide(tmp_path / "p.csv", head), said).path)
    panel = study.load()
    assert panel.sizes == {"unit": len(UNITS), "period": 13}
    # Numbers of four digits below a year are values, not years.
    means = panel["sales"].mean("period").sel(unit=list(UNITS)).to_numpy()
    assert means == pytest.approx(np.log(2000 + 100 * np.arange(6)), abs=0.05)
    assert study.outcomes["sales"].transform == "log"
    assert study.assignment.first_treated == {"Alba": 2007, **dict.fromkeys(UNITS[1:])}


def test_a_wide_file_may_say_who_is_treated_and_when_beside_its_years(tmp_path: Path) -> None:
    who, when = ("1", "0", "1", "0", "0", "0"), ("2007", "", "2009", "", "", "")
    marked = _wide(tmp_path / "p.csv", facts={"joined": who})
    study = load_study(study_from_file(tmp_path / "a", marked, Said(onset="2007", outcome="sales")).path)
    assert study.assignment.first_treated == dict.fromkeys(UNITS) | {"Alba": 2007, "Cora": 2007}
    with pytest.raises(InputError, match='"joined" says who is treated and not from when on; say --onset'):
        study_from_file(tmp_path / "b", marked, Said(outcome="sales"))
    dated = _wide(tmp_path / "q.csv", "X{}", {"start": when})
    study = load_study(study_from_file(tmp_path / "c", dated, Said(outcome="sales")).path)
    assert study.assignment.first_treated == dict.fromkeys(UNITS) | {"Alba": 2007, "Cora": 2009}
    with pytest.raises(InputError, match="covariates need a file with a row for each unit and period"):
        study_from_file(tmp_path / "d", dated, Said(outcome="sales", covariates=("gdp",)))


def test_a_treated_unit_may_have_a_comma_in_its_name_though_nobody_says_which_column_names_units(
    tmp_path: Path,
) -> None:
    text = _panel(tmp_path / "p.csv", switch=False).read_text(encoding="utf-8").replace("Alba", '"Alba, Rep."')
    (tmp_path / "p.csv").write_text(text, encoding="utf-8")
    treated = ["--treated", "Alba, Rep.", "--treated", "Brio", "--onset", "2007"]
    arguments = ["init", str(tmp_path / "mine"), "--from", str(tmp_path / "p.csv"), *treated]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert set(load_study(tmp_path / "mine").assignment.treated_units) == {"Alba, Rep.", "Brio"}


def test_a_page_calls_a_column_in_words(tmp_path: Path) -> None:
    csv = tmp_path / "p.csv"
    rows = [
        f"{unit},{year},{1 + year % 5},{int(unit == 'A' and year > 2004)}"
        for unit in "ABC"
        for year in range(2000, 2009)
    ]
    csv.write_text("\n".join(["unit,year,high_tech_sales,D", *rows]), encoding="utf-8")
    text = study_from_file(tmp_path / "s", csv).path.read_text(encoding="utf-8")
    assert 'title = "The effect on high tech sales"' in text
    assert 'label = "high tech sales"' in text
    assert 'column = "high_tech_sales"' in text
