"""The sections about the paper: shown when the study has their numbers, each number of values.json behind its text."""

import pytest

from bri_bayes.core.resources import shipped
from bri_bayes.frequentist.collapsed import UNBALANCED
from bri_bayes.presentation.cells import grid
from bri_bayes.report.brief_sentences import power
from bri_bayes.report.captions import _power
from bri_bayes.report.main_answer import _evidence_step
from bri_bayes.report.paper_page import paper_content

FINDING = {
    "id": "rows",
    "severity": "contradiction",
    "claim": "There are 9 countries.",
    "finding": "6,111 rows are not 9 times 21.",
    "cells": [f"Table {i}" for i in range(6)],
    "computed": {},
}
POSTERIOR = {"mean": 0.1, "sd": 0.1, "lower": -0.1, "upper": 0.3, "p_positive": 0.84, "p_half": 0.5}
READING = {
    "outcome": "lnexport",
    "cell": "Table 3 (3) BRI",
    "estimate": 0.218,
    "se": 0.0385,
    "assumptions": {"standard error": "it is right"},
    "priors": [{"name": "sceptical", "mean": 0.0, "sd": 0.1, "reason": "nothing expected"}],
    "readings": [
        {"prior": "sceptical", "noise": "Table 4", "noise_sd": 0.107, "posterior": POSTERIOR, "factor_interval": 0.9}
    ],
}
POWER = {
    "effect": 0.218,
    "rho": 0.8,
    "innovation_sd": 0.25,
    "panels": 1000,
    "rows": [
        {
            "effect": effect,
            "rho": rho,
            "test": "twfe/iid",
            "power": 0.44,
            "type_s": None,
            "type_m": 2.5,
            "coverage": 0.56,
            "length": 0.5,
        }
        for effect in (0.0, 0.218)
        for rho in (0.8, 1.0)
    ],
}


def shown_row(table):
    shown = grid(table)
    return dict(zip((column.heading for column in shown.columns), shown.rows[0], strict=True))


@pytest.fixture
def content():
    other = {**FINDING, "id": "stars", "severity": "unclear"}
    outcomes = {"lnexport": {"label": "Exports", "power": POWER}, "lnimport": {"label": "Imports", "power": None}}
    panel = {"kind": "user"}
    return paper_content(
        {"panel": panel, "paper": {"audit": [FINDING, other], "reading": [READING]}, "outcomes": outcomes}
    )


def test_a_study_without_the_paper_has_none_of_its_sections():
    for values in ({}, {"paper": None}):
        content = paper_content(values)
        assert not content["audit"]
        assert not content["readings"]
        assert not content["power"]
        assert content["audit_count"] is None


def test_findings_are_counted_and_grouped_by_severity_and_long_lists_of_cells_are_cut(content):
    assert content["audit_count"] == "2 findings: 1 contradiction, 1 unclear."
    first, second = content["audit"]
    assert (first["severity"], second["severity"]) == ("Contradiction", "Unclear")
    assert first["findings"][0]["where"] == "Table 0; Table 1; Table 2; Table 3; and 2 more"


def test_a_reading_shows_its_numbers_with_full_precision_and_its_assumptions(content):
    (table,) = content["readings"]
    shown = shown_row(table)
    assert shown["P(> 0)"].value == POSTERIOR["p_positive"]
    assert shown["s.e. may be times"].text == "0.9"
    assert table.notes == ("Prior sceptical: nothing expected.", "standard error: it is right.")


def test_the_design_analysis_names_persistence_and_says_that_size_is_not_power(content):
    (table,) = content["power"]
    assert [row["errors"] for row in table.rows] == ["AR(1), rho 0.80", "random walk"] * 2
    assert "the size of the test" in table.notes[0]


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ("did", "the posterior is that of DID, units independent."),
        ("did_shared", "the verdict of the claim rests on DID, shared shocks, whose rates are not computed."),
    ],
)
def test_the_verdicts_of_the_rule_stand_beside_the_truth_and_say_which_claims_they_do_not_cover(shown, said):
    shares = {"supported": 0.02, "not_supported": 0.08, "cannot_be_told": 0.9, "mc_error": 0.01}
    power = POWER | {"card": "did", "verdicts": [{"truth": truth, **shares} for truth in (0.0, 0.109, 0.218)]}
    outcome = {"label": "Exports", "main": shown, "power": power}
    _, table = paper_content({"panel": {"kind": "user"}, "outcomes": {"y": outcome}})["power"]
    assert [row["effect"] for row in table.rows] == ["none", "half of the claim", "as published"]
    assert shown_row(table)["cannot be told"].value == shares["cannot_be_told"]
    assert "AR(1), rho 0.80" in table.notes[0]
    assert "permutation p is at most 0.05" in table.notes[0]
    assert table.notes[1].endswith(said)
    assert "whose error rates are not computed" in table.notes[2]


def test_a_study_of_another_paper_shows_the_audit_of_its_tables_and_no_number_of_the_shipped_one():
    evidence = _evidence_step(shipped("data") / "tables_example.toml")
    assert {finding["id"] for finding in evidence["audit"]} == {
        "one-data-set",
        "stars-of-table-1",
        "star-order-of-table-1",
    }
    assert evidence["reading"] == []


def test_the_published_effect_has_the_digits_of_the_paper_wherever_its_power_is_said():
    rows = [
        {"test": test, "effect": effect, "rho": 0.8, "power": 0.1}
        for test in ("bayes/posterior", "twfe/iid")
        for effect in (0.0, 0.0988)
    ]
    outcome = {"label": "Imports", "power": {"effect": 0.0988, "rho": 0.8, "rows": rows}}
    (on_main_page,) = power({"outcomes": {"y": outcome}})
    for text in (on_main_page, _power({}, outcome)):
        assert "+0.0988 " in text


def test_a_finding_has_the_minus_of_the_page_and_ranges_keep_their_hyphen() -> None:
    finding = FINDING | {"finding": "t are -1.82 and (-3) over 2003-2012 with 1e-3."}
    shown = paper_content({"paper": {"audit": [finding]}})["audit"][0]["findings"][0]["finding"]
    assert shown == "t are −1.82 and (−3) over 2003-2012 with 1e-3."


def test_a_test_of_simulated_panels_with_gaps_is_not_called_exact() -> None:
    rows = [{**row, "test": "collapsed/t"} for row in POWER["rows"]]
    row = {"estimator": "collapsed", "inference": "t", "note": UNBALANCED}
    for note, name in ((UNBALANCED, "Before and after, t"), (None, "Before and after, exact t")):
        outcome = {
            "label": "Exports",
            "main": "did",
            "power": POWER | {"rows": rows},
            "frequentist": [row | {"note": note}],
        }
        table = paper_content({"outcomes": {"y": outcome}, "panel": {"kind": "user"}})["power"][0]
        assert {shown["test"] for shown in table.rows} == {name}
