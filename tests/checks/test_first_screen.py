"""Claims about what stands beside the answer that is shown first."""

from __future__ import annotations

import dataclasses

import pytest

from bri_bayes.checks.first_screen import claimed_power, first_screen
from bri_bayes.checks.posterior_predictive import NAMES
from bri_bayes.estimands.first_answer import shown_first
from bri_bayes.estimands.why_different import LASTING
from bri_bayes.frequentist.twfe import fit_twfe
from bri_bayes.presentation.first_screen import first_screen as told
from bri_bayes.report.appendix import _why_different
from bri_bayes.study.model_card import load_card
from tests.checks.panels import SAMPLER, TREATED, recipe

ATT = {"mean": 0.1, "sd": 0.2, "lower": -0.3, "upper": 0.5, "p_positive": 0.7}
PANELS = 16


def said(values: dict[str, object]) -> str:
    return " ".join(line.text for line in told(values, "y"))


def values_of(**first: object) -> dict[str, object]:
    screen = {
        "card": "did_shared",
        "assumption": "a",
        "separates": ["One group."],
        "checked": 6,
        "failed": [],
        "power": None,
    }
    models = {"did_shared": {"att": ATT}, "did": {"att": {**ATT, "mean": 0.2}}}
    outcome = {"label": "y", "transform": "log", "main": "did_shared", "models": models, "first": {**screen, **first}}
    return {"outcomes": {"y": outcome}}


def test_an_effect_of_many_standard_errors_is_always_found_and_none_seldom() -> None:
    analysis, _ = recipe(last=2014, first=2007)
    power = claimed_power(analysis, 2.0, panels=PANELS, points=1000)
    assert power.power == 1
    assert power.size <= 0.3  # four standard errors above 5%


def test_the_first_screen_counts_the_groups_of_the_treated_and_says_that_they_are_one_draw() -> None:
    analysis, _ = recipe(last=2014, first=2007)
    shared = dataclasses.replace(load_card("did_shared"), outcome="y", sampler=SAMPLER)
    screen = first_screen(analysis.replace(card=shared), None, panels=PANELS)
    assert len(screen.groups) == 1
    assert screen.power is None
    assert screen.checked == len(screen.checks) == len(NAMES)
    assert {row.statistic for row in screen.checks if row.extreme} == {
        key for key, said in NAMES.items() if said in {row.statistic for row in screen.failed}
    }
    assert set(screen.spreads) == {str(unit) for unit in analysis.design["unit"].values}
    assert f"The {len(TREATED)} treated units are one group" in screen.separates[0]


@pytest.mark.parametrize(
    ("models", "treated", "answer", "name"),
    [
        (["did", "event_study"], 5, None, "did_shared"),
        (["did"], 1, None, "did_noise"),
        (["did_iid", "did"], 5, None, "did_iid"),
        (["did"], 5, "did", "did"),
    ],
)
def test_a_study_shows_first_what_estimate_does_unless_it_names_a_card(models, treated, answer, name) -> None:
    assert shown_first(models, treated, answer) == name


def test_the_answer_under_independent_units_stands_beside() -> None:
    assert "independent, it would be +0.20" in said(values_of())


def test_a_check_that_fails_is_named_with_its_p_value() -> None:
    assert "passes its 6 predictive checks" in said(values_of())
    failed = values_of(failed=[{"statistic": "largest change in a year", "p_value": 0.002}])
    assert "does not pass 1 of its 6 predictive checks" in said(failed)
    assert "largest change in a year (p 0.002)" in said(failed)


@pytest.mark.parametrize(("gap", "told_so"), [(-30.0, True), (-10.0, False)])
def test_the_stacked_effect_stands_there_where_the_card_predicts_far_worse_than_the_best(gap, told_so) -> None:
    rows = [{"name": "did_shared", "elpd_diff": gap, "se_diff": 8.0}]
    compared = {"models": rows, "best": "did_scale_by_unit", "stacked": {"att": {**ATT, "mean": -0.25}}}
    text = said({**values_of(), "compare": {"outcomes": {"y": compared}}})
    assert ("by stacking the effect is −0.25" in text) is told_so


def test_the_power_for_the_claim_is_said_with_the_size() -> None:
    power = {"effect": 0.218, "power": 0.12, "size": 0.04, "panels": 300}
    text = said(values_of(power=power))
    assert "If the effect were of the claimed size, 0.218, 12% of panels like this one would show it" in text
    assert "with no effect, 4% would show one" in text


@pytest.mark.parametrize(("drift", "differs"), [(0.1, True), (0.0, False)])
def test_what_separates_least_squares_from_the_posterior_is_measured_where_they_lie_far_apart(drift, differs) -> None:
    analysis = recipe(trend=drift, rho=0.9)[0]
    screen = first_screen(analysis, None, panels=PANELS)
    assert (screen.difference is not None) == differs
    if screen.difference is not None:
        assert screen.difference.least_squares == pytest.approx(fit_twfe(analysis.design).estimate)
        assert screen.difference.largest.component == LASTING


def test_the_table_of_methods_says_which_assumption_separates_them() -> None:
    moves = [{"component": LASTING, "effect": 0.1, "moved": -0.5}]
    values = values_of(difference={"least_squares": 0.6, "posterior": 0.1, "moves": moves})
    (sentence,) = _why_different(values["outcomes"]["y"])
    assert sentence.startswith("Least squares gives +0.60, the posterior +0.10.")
    assert sentence.endswith("Most of the difference comes from errors that last.")
    assert _why_different(values_of()["outcomes"]["y"]) == []
