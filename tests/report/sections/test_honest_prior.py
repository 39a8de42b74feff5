"""The sections on honest bounds and on priors, from the study to what the command prints and the page shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bri_bayes.app.section_answer import section_answer
from bri_bayes.presentation.page_parts import Picture, Shown
from bri_bayes.report.figures import available
from bri_bayes.report.sections import load_section
from bri_bayes.runtime.cache import Cache

STUDY = Path(__file__).resolve().parents[3] / "data" / "simulated.toml"


@pytest.fixture(scope="module")
def answers(quick_section):
    return {name: quick_section(name) for name in ("honest", "prior")}


@pytest.fixture(scope="module")
def sections(answers):
    return {name: answer.values for name, answer in answers.items()}


def test_the_values_are_plain_json_and_every_computation_passes_its_gate(sections):
    for values in sections.values():
        json.dumps(values, allow_nan=False)
        assert values["panel"]["kind"] == "simulation"
        assert values["failed_gates"] == []


def test_prior_prints_a_list_for_each_outcome_with_a_verdict_for_each_prior(sections):
    for rows in sections["prior"]["outcomes"].values():
        assert [row["prior"] for row in rows][-1] == "all priors"
        for row in rows:
            assert {"prior", "prior_sensitivity", "likelihood_sensitivity", "verdict"} <= set(row)
            if row["by_importance"] is not None:  # of the card of the checks
                assert row["prior_sensitivity"] == pytest.approx(row["by_importance"], rel=0.35, abs=0.02)


def test_honest_has_the_curve_the_bounds_and_s_learned_for_each_outcome(sections):
    for content in sections["honest"]["outcomes"].values():
        assert content["curve"][0]["s"] == 0
        assert content["curve"][0]["att"] == content["none"]
        assert content["learned"]["step"]["posterior"]["median"] > 0
        assert {row["errors"] for row in content["smoothness"]} == {"ar1", "iid"}
        assert all(row["lower"] <= row["identified_lower"] for row in content["relative"])
        assert len(content["coefficient_walk"]) == 2 * len(content["curve"])


def test_the_coverage_with_an_estimated_covariance_stands_beside_the_bounds(sections):
    for content in sections["honest"]["outcomes"].values():
        assert [row["errors"] for row in content["coverage"]] == ["ar1", "iid"]
        assert all(0.85 < content["coverage"][0][kind] < 0.99 for kind in ("smoothness", "relative"))
    values = sections["honest"]
    text = " ".join(str(part) for part in load_section("honest").parts({**values, "honest": values, "outcomes": {}}))
    assert "C-LF" in text
    assert f"{content['coverage'][0]['smoothness']:.1%} at M = 0" in text


def test_a_drift_widens_the_posterior_of_the_panel_and_of_the_coefficients(sections):
    for content in sections["honest"]["outcomes"].values():
        assert content["curve"][-1]["att"]["sd"] > content["curve"][0]["att"]["sd"]
        walk = [row["sd"] for row in content["coefficient_walk"] if row["errors"] == "ar1"]
        assert walk[-1] > walk[0]


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("honest", ("honest_walk", "honest_bounds")),
        ("prior", ("prior_predictive", "prior_sensitivity", "prior_scales")),
    ],
)
def test_the_page_shows_every_figure_and_table_and_the_terminal_their_rows(answers, name, figures):
    values = answers[name].values
    whole = {**values, name: values, "outcomes": {}}
    section = load_section(name)
    shown = section.parts(whole)
    assert tuple(part.figure for part in shown if isinstance(part, Picture)) == figures
    assert all(part.table.rows for part in shown if isinstance(part, Shown))
    text = " ".join(answers[name].text().split())
    for spec in section.tables:
        assert spec.caption in text


def test_a_study_without_a_card_in_closed_form_says_so(tmp_path):
    study = tmp_path / "study.toml"
    text = STUDY.read_text(encoding="utf-8")
    first, _, rest = text.partition("models = ")
    study.write_text(first + 'models = ["gamma_log"]' + rest.partition("]")[2], encoding="utf-8")
    for name in ("honest", "prior"):
        values = section_answer(name, study, quick=True, cache=Cache(tmp_path)).values
        assert values["outcomes"] == {}
        assert "no normal linear card" in values["note"]
        assert load_section(name).parts({**values, name: values})


def test_the_report_draws_the_figures_of_both_sections(sections):
    values = {**sections, "outcomes": {}}
    assert {"honest_walk", "honest_bounds", "prior_predictive", "prior_sensitivity", "prior_scales"} <= set(
        available(values)
    )
