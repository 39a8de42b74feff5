"""Do the rules that hold for any paper pass consistent tables in a TOML file, and find what is planted there?"""

from __future__ import annotations

import dataclasses

import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.core.resources import shipped
from bri_bayes.paper import Printed, load_published
from bri_bayes.paper.audit import GENERAL, RULES, audit, audit_tables, findings_and_questions, question
from bri_bayes.paper.consistency import joint_consistency
from bri_bayes.paper.reported import Reported, ReportedTables, as_published, load_tables

from .made_up import CONTROLS, TREATED, made_up_paper

EXAMPLE = shipped("data") / "tables_example.toml"
PERIODS = 21
EXPORTS = ((3, 1), (3, 2), (3, 3), (8, 1))


def as_tables(paper, columns, *, units, levels=(0.1, 0.05, 0.01)):
    """Columns of a paper, as a reader would type them."""
    regressions = []
    for column in (paper.regression(*key) for key in columns):
        cells = dict(zip(column.regressors, paper.cells_of(*column.key), strict=True))
        regressions.append(
            Reported(
                name=column.label,
                outcome=column.outcome,
                coefficients={name: cell.estimate for name, cell in cells.items()},
                standard_errors={name: cell.se for name, cell in cells.items()},
                stars={name: cell.stars for name, cell in cells.items()},
                absorbed=frozenset(["period", *(["unit"] if column.unit_effects else [])]),
                observations=paper.statistics[(*column.key, "observations")],
                r_squared=paper.r_squared(*column.key),
            )
        )
    return ReportedTables(tuple(regressions), levels, units, PERIODS)


@pytest.fixture(scope="module")
def made_up():
    return as_tables(made_up_paper(seed=1), EXPORTS, units=TREATED + CONTROLS)


def changed(tables, name, **changes):
    regressions = tuple(
        dataclasses.replace(each, **changes) if each.name == name else each for each in tables.regression
    )
    return dataclasses.replace(tables, regression=regressions)


def test_tables_of_one_data_set_have_no_finding(made_up):
    assert audit_tables(made_up) == []


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("Table 3 (3)", {"observations": Printed("6,111")}, "rows-and-countries"),
        ("Table 3 (3)", {"stars": {"BRI": 1}}, "stars-of-table-3"),
        ("Table 8 (1)", {"r_squared": Printed("0.500")}, "r-squared-falls-8-1-3-3"),
        ("Table 3 (3)", {"r_squared": Printed("0.100")}, "rows-needed-by-t"),
    ],
)
def test_what_is_planted_in_tables_is_found(made_up, name, changes, expected):
    assert expected in {finding.id for finding in audit_tables(changed(made_up, name, **changes))}


@pytest.mark.published
def test_the_shipped_paper_typed_as_tables_gives_the_findings_of_the_general_rules():
    paper = load_published()
    tables = as_tables(paper, (*EXPORTS, (4, 1)), units=9)
    of_tables = {finding.id: finding.severity for finding in audit_tables(tables)}
    of_paper = {finding.id: finding.severity for finding in audit(paper)}
    of_tables.pop("one-data-set", None)  # that question is asked of the shipped paper by `consistent`
    assert {"stars-of-table-3", "stars-of-table-4", "r-squared-3-3", "rows-and-countries"} <= set(of_tables)
    assert of_tables.items() <= of_paper.items()


def test_an_r_squared_that_is_not_overall_is_audited_and_not_asked_of_one_data_set():
    numbers = {"outcome": "y", "coefficients": {"x": Printed("0.50")}, "absorbed": frozenset(["unit"])}
    first = Reported(name="Table 1 (1)", r_squared=Printed("0.900"), **numbers)
    for kind, is_shared in (("overall", False), ("within", True)):
        second = Reported(name="Table 1 (2)", r_squared=Printed("0.300"), r_squared_is=kind, **numbers)
        assert (joint_consistency([first, second]).verdict == "shared") == is_shared


def test_the_general_rules_are_among_those_for_the_paper():
    assert set(GENERAL) < set(RULES)


def test_the_example_conflicts_and_has_stars_that_no_legend_gives():
    findings, passed, not_asked = findings_and_questions(EXAMPLE)
    assert {finding.id for finding in findings} == {"one-data-set", "stars-of-table-1", "star-order-of-table-1"}
    assert len(passed) + len(findings) == len(GENERAL) + 1
    assert not_asked == []


def test_a_rule_that_tables_say_too_little_for_is_named_with_what_is_missing(tmp_path):
    path = tmp_path / "tables.toml"
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(("units", "periods", "observations", "star"))]
    path.write_text("\n".join(kept), encoding="utf-8")
    findings, _, not_asked = findings_and_questions(path)
    assert {finding.id for finding in findings} == {"one-data-set"}
    assert len(not_asked) == sum(bool(needs) for needs in GENERAL.values())
    assert any(sentence.endswith("Not stated: observations, periods.") for sentence in not_asked)
    assert all(sentence.startswith(tuple(question(rule) for rule in GENERAL)) for sentence in not_asked)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "Table 1 (3)"', 'name = "third"', '"third" is not of the form "Table 3 \\(2\\)"'),
        ('{ x = "0.12", z = "0.10" }', '{ x = "0.12" }', "a number for each coefficient, or for none"),
        ("{ x = 2, z = 1 }", "{ x = 4 }", "stars has x = 4"),
        ("star_levels = [0.1, 0.05, 0.01]", "star_levels = [1e-20, 2]", "star_levels are probabilities"),
        ("units = 10", "unit = 10", 'unknown key "unit"; did you mean "units"'),
    ],
)
def test_tables_that_cannot_be_audited_are_refused(tmp_path, old, new, message):
    path = tmp_path / "tables.toml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        findings_and_questions(path)


def test_a_file_without_regressions_is_refused(tmp_path):
    path = tmp_path / "tables.toml"
    path.write_text("units = 3\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"has no \[\[regression\]\]"):
        load_tables(path)


@pytest.mark.parametrize("name", [f"Table {table} ({column})" for table, column in EXPORTS])
@pytest.mark.parametrize("kind", ["standard error", "estimate", "both", "r_squared", "observations", "periods"])
def test_numbers_that_round_to_nothing_leave_the_rules_standing(made_up, name, kind):
    (regression,) = (each for each in made_up.regression if each.name == name)
    nothing = [Printed("0"), Printed("0.000")]
    for zero in nothing:
        if kind in ("standard error", "both", "estimate"):
            for variable in regression.coefficients:
                errors = {**regression.standard_errors, **({} if kind == "estimate" else {variable: zero})}
                values = {**regression.coefficients, **({} if kind == "standard error" else {variable: zero})}
                of_rules(changed(made_up, name, standard_errors=errors, coefficients=values))
        elif kind == "r_squared":
            for share in (zero, Printed("1"), Printed("1.000")):
                of_rules(changed(made_up, name, r_squared=share))
        elif kind == "observations":
            for rows in (zero, Printed("1"), Printed("30")):
                of_rules(changed(made_up, name, observations=rows))
        else:
            of_rules(dataclasses.replace(made_up, periods=1))


def of_rules(tables):
    """What the rules say, each finding in words; a share of 0 standard errors or rows may not end them."""
    published = as_published(tables)
    findings = [finding for rule in GENERAL for finding in rule(published)]
    assert all(finding.finding and "nan" not in finding.finding for finding in findings)
