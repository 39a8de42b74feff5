"""Are the tables the values, row by row, with their provenance?"""

from __future__ import annotations

from typing import Any

import pytest

from bri_bayes.design.analysis import Analysis
from bri_bayes.frequentist.collapsed import collapsed_t
from bri_bayes.presentation import sentences
from bri_bayes.presentation.estimate_text import estimate_text
from bri_bayes.presentation.first_screen import question
from bri_bayes.presentation.main_tables import TABLES
from bri_bayes.presentation.study_tables import common_onset, headline, method_name, unit_name
from tests.inference.panels import make_card, make_panel

Values = dict[str, Any]
BY_NAME = {spec.name: spec for spec in TABLES}


@pytest.fixture
def values(values: Values) -> Values:
    """Of the quick run, with an effect on exports whose digits are known."""
    effect = {"mean": 0.12, "sd": 0.21, "lower": -0.292, "upper": 0.532, "p_positive": 0.716}
    values["outcomes"]["lnexport"]["models"]["did_shared"]["att"] = effect
    return values


def test_the_headline_has_every_method_in_the_order_of_the_argument(values: Values) -> None:
    exports = headline(values).query("outcome == 'lnexport'")
    assert list(zip(exports["estimator"], exports["inference"], strict=True)) == [
        ("published", "published"),
        ("twfe", "iid"),
        ("twfe", "cluster"),
        ("twfe", "cluster_crv3"),
        ("twfe", "wild_cluster_bootstrap"),
        ("twfe", "permutation"),
        ("collapsed", "t"),
        ("imputation", "wild_cluster_bootstrap"),
        ("bayes", "posterior"),
    ]
    att = values["outcomes"]["lnexport"]["models"]["did_shared"]["att"]
    posterior = exports.iloc[-1]
    assert (posterior["estimate"], posterior["se"], posterior["p_positive"]) == (
        att["mean"],
        att["sd"],
        att["p_positive"],
    )


def test_the_interval_of_a_published_estimate_is_1_96_standard_errors_wide_on_each_side(values: Values) -> None:
    row = headline(values).iloc[0]
    assert row["lower"] == pytest.approx(0.218 - 1.96 * 0.0385, abs=1e-5)
    assert row["upper"] == pytest.approx(0.218 + 1.96 * 0.0385, abs=1e-5)
    assert "Author (2026), Table 3" in row["note"]


def test_an_unknown_method_is_kept_under_its_own_name(values: Values) -> None:
    rows = values["outcomes"]["lnexport"]["frequentist"]
    rows.insert(0, {"estimator": "matching", "inference": "bootstrap", "estimate": 0.1})
    methods = headline(values).query("outcome == 'lnexport'")["method"].tolist()
    assert methods[-2:] == ["matching, bootstrap", "Bayes, posterior"]


@pytest.mark.parametrize(
    ("name", "rows"), [("by_model", 6), ("by_unit", 18), ("by_event_time", 56), ("diagnostics", 6)]
)
def test_a_table_has_a_row_for_each_number_of_each_model(name: str, rows: int, values: Values) -> None:
    # by_event_time: did 4 after the onset, event_study 10 against each of two baselines, for two outcomes.
    assert len(BY_NAME[name].frame(values)) == rows


def test_event_times_are_years_when_there_is_one_onset_and_not_otherwise(values: Values) -> None:
    table = BY_NAME["by_event_time"].frame(values)
    assert (table["period"] == 2013 + table["event_time"]).all()
    for outcome in values["outcomes"].values():
        outcome["onsets"] = {unit: 2013 + number for number, unit in enumerate(outcome["treated"])}
    assert BY_NAME["by_event_time"].frame(values)["period"].isna().all()


def test_tables_of_a_study_with_the_least_values_have_their_columns(values: Values) -> None:
    for outcome in values["outcomes"].values():
        for key in ("published", "frequentist", "event_study", "warnings"):
            outcome.pop(key)
        for model in outcome["models"].values():
            for key in list(model):
                if key not in ("att", "title", "card"):
                    model.pop(key)
    for spec in TABLES:
        assert "panel" in spec.frame(values), spec.name
    assert len(headline(values)) == 2
    assert BY_NAME["additional_trade"].frame(values).empty


def test_the_text_of_an_estimate_has_its_numbers_and_its_warnings(values: Values) -> None:
    outcome = values["outcomes"]["lnexport"]
    model = outcome["models"]["did_shared"]
    bayes = {name: model[name] for name in ("att", "by_unit", "by_event_time")} | {
        "engine": "marginal",
        "assumption": "units independent",
        "alternatives": [],
    }
    text = estimate_text(
        {
            "panel": values["panel"] | {"kind": "user"},
            "outcome": "log(exports)",
            "model": "did_shared",
            "treated": outcome["treated"],
            "bayes": bayes,
            "frequentist": outcome["frequentist"],
            "warnings": ["few clusters"],
        }
    )
    assert "User's own panel" in text
    bayes_row = next(line for line in text.splitlines() if line.startswith("Bayes"))
    numbers = [f"{model['att'][name]:.3f}".replace("-", "−") for name in ("mean", "sd", "lower", "upper")]
    assert bayes_row.split()[2:] == [*numbers, "–", f"{model['att']['p_positive']:.0%}"]
    assert max(map(len, text.splitlines())) <= 80
    assert "KGZ" in text
    answer = " ".join(text.split())
    assert f"The effect {sentences.claim_of(model['att'])}: " in answer
    assert "% probability between" in answer.split("The posterior assumes")[0]
    assert "Note: few clusters" in text


@pytest.mark.parametrize(
    ("lower", "upper", "p_positive", "verdict"),
    [
        (0.01, 0.5, 0.99, "above"),
        (-0.5, -0.01, 0.01, "below"),
        (-0.1, 0.5, 0.9, "leans up"),
        (-0.5, 0.1, 0.1, "leans down"),
        (-0.1, 0.5, 0.89, "open"),
        (0.0, 0.5, 0.5, "open"),
    ],
)
def test_the_verdict_follows_its_rule(lower: float, upper: float, p_positive: float, verdict: str) -> None:
    assert sentences.verdict({"lower": lower, "upper": upper, "p_positive": p_positive}) == verdict


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00"), (-0.001, "0.00"), (-0.125, "−0.12"), (0.125, "+0.12"), (1234.5, "+1,234.50"), (0.004, "0.00")],
)
def test_a_signed_number_has_a_true_minus_and_no_signed_zero(value: float, text: str) -> None:
    assert sentences.signed(value, 2) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "$0"),
        (950.0, "$950"),
        (1.25e9, "$1.25 bn"),
        (-3e6, "−$3.00 m"),
        (999.9e6, "$1.00 bn"),
        (3.499e9, "$3.50 bn"),
        (2.5e12, "$2.50 tn"),
        (1e10, "$10.0 bn"),
        (2.3e11, "$230 bn"),
        (1e19, "$1 × 10¹⁹"),
        (-2e20, "−$2 × 10²⁰"),
        (1.29e-5, "$1 × 10⁻⁵"),
        (1e15, "$1,000 tn"),
    ],
)
def test_dollars_are_short(value: float, text: str) -> None:
    assert sentences.dollars(value) == text


def test_round_levels_of_an_axis_have_no_closing_zeros() -> None:
    told = [sentences.dollars(value, is_tick=True) for value in (-3e6, 1e10, 2.5e12, 3e11, 0.0, 1e15)]
    assert told == ["−$3 m", "$10 bn", "$2.5 tn", "$300 bn", "$0", "$1,000 tn"]


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "over 99%"), (0.995, "over 99%"), (0.9949, "99%"), (0.5, "50%"), (0.0, "under 1%")]
)
def test_a_probability_is_never_0_or_100_percent(value: float, text: str) -> None:
    assert sentences.probability(value) == text


def test_units_are_countries_when_their_codes_are(values: Values) -> None:
    assert sentences.unit_noun(values) == "countries"
    values["panel"]["units"] = ["CA", "NY"]
    assert sentences.unit_noun(values) == "units"
    assert sentences.counted(1, "countries") == "one country"
    assert sentences.counted(13, "units") == "13 units"


@pytest.mark.parametrize(("scale", "digits"), [(1, 2), (0.1, 3), (1000, 2)])
def test_effects_in_logs_have_two_decimals_and_more_when_the_interval_is_narrow(
    scale: float, digits: int, values: Values
) -> None:
    outcome = values["outcomes"]["lnexport"]
    att = outcome["models"]["did_shared"]["att"]
    outcome["models"]["did_shared"]["att"] = {name: scale * number for name, number in att.items()}
    assert sentences.decimals(outcome) == digits
    if scale == 1000:
        outcome["transform"] = "none"
        assert sentences.decimals(outcome) == 0


def test_the_t_test_of_changes_is_called_exact_on_balanced_panels_alone() -> None:
    row = {"estimator": "collapsed", "inference": "t", "note": None}
    assert method_name(row) == "Before and after, exact t"
    assert method_name(row | {"note": "covariates are ignored"}) == "Before and after, exact t"
    panel, assignment = make_panel()  # cells are missing
    estimate = collapsed_t(Analysis(panel, assignment, make_card()).design).as_dict()
    assert method_name(estimate) == "Before and after, t"


def test_onsets_that_differ_are_named_with_their_units_and_no_event_time_is_a_year(values: Values) -> None:
    outcomes = values["outcomes"].values()
    treated = next(iter(outcomes))["treated"]
    together = question(values)
    for outcome in outcomes:
        # Years after an onset are the same set as with one onset, which tells nothing of the units.
        outcome["onsets"] = {unit: outcome["onset"] + (position > 0) for position, unit in enumerate(treated)}
    by_unit, onset = question(values), next(iter(outcomes))["onset"]
    names = [unit_name(values, unit) for unit in treated]
    assert f"with it since {onset} ({', '.join(names)})" in together
    assert f"with it ({names[0]} since {onset}; {', '.join(names[1:])} since {onset + 1})" in by_unit
    assert common_onset(next(iter(outcomes))) is None


def test_the_verb_of_the_question_agrees_with_the_number_of_treated_units(values: Values) -> None:
    outcome = next(iter(values["outcomes"].values()))
    assert ") are compared with" in question(values)
    units, first = values["panel"]["units"], outcome["treated"][0]
    values["panel"]["units"] = [unit for unit in units if unit == first or unit not in outcome["treated"]]
    outcome["treated"] = [first]
    assert "One country with it since" in question(values)
    assert ") is compared with " in question(values)
    values["panel"]["units"] = [first, next(unit for unit in units if unit != first)]
    assert ") is compared with one other (" in question(values)
