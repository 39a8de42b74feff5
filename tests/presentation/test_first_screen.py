"""Does the first screen say what somebody needs who quotes it: percent, dollars, controls, what silence is worth?"""

from __future__ import annotations

from typing import Any

import pytest

from bri_bayes.presentation.first_screen import caveats, first_screen, for_all_outcomes, question

Values = dict[str, Any]


@pytest.fixture
def told() -> Values:
    """An outcome in logs with a published estimate, dollars and power, and one control that joined later."""
    model = {
        "att": {"mean": 0.0, "sd": 0.26, "lower": -0.52, "upper": 0.51, "p_positive": 0.5},
        "percent": {"mean": 0.0, "sd": 26.0, "lower": -40.0, "upper": 67.0, "p_positive": 0.5},
        "additional_trade_usd": {
            "2019": {"mean": 0.0, "lower": -1e9, "upper": 1e9},
            "2020": {"mean": 0.0, "lower": -38.4e9, "upper": 8.52e9},
        },
    }
    outcome = {
        "label": "Exports", "transform": "log",
        "main": "did", "models": {"did": model}, "treated": ["A"], "onset": 2013,
        "first": {
            "card": "did", "assumption": "a", "separates": [],
            "power": {"power": 0.12, "size": 0.02, "effect": 0.218, "panels": 9},
        },
    }  # fmt: skip
    return {
        "outcomes": {"y": outcome}, "panel": {"units": ["A", "B", "C"], "periods": [2003, 2020]}, "unit_names": {},
        "study": {"name": "s"}, "controls": {"outcomes": {"y": {"contamination": {"since": {"B": 2016}}}}},
    }  # fmt: skip


def lines(values: Values) -> dict[str, str]:
    return {line.heading: line.text for line in first_screen(values, "y")}


def test_dollars_are_the_interval_of_the_last_year_and_no_span_of_means(told: Values) -> None:
    assert lines(told)["In dollars"].startswith(
        "The additional trade of 2020 lies between −$38.4 bn and $8.52 bn (95% interval), summed over the treated "
    )


def test_power_is_said_of_the_claim_in_percent_and_what_silence_is_worth(told: Values) -> None:
    assert lines(told)["Power"] == (
        "If the effect were of the claimed size, +24% (0.218), 12% of panels like this one would show it; with no "
        "effect, 2% would show one. That none is shown here says little."
    )
    told["outcomes"]["y"]["first"]["power"]["power"] = 0.9
    assert "says little" not in lines(told)["Power"]


def test_an_effect_that_is_shown_is_not_called_silence(told: Values) -> None:
    told["outcomes"]["y"]["models"]["did"]["att"] |= {"lower": 0.1, "mean": 0.6, "upper": 1.1}
    assert "says little" not in lines(told)["Power"]


def test_controls_that_joined_later_are_not_called_untouched(told: Values) -> None:
    assert question(told).endswith("compared with 2 others (B, C), of which 1 joined in 2016 or later.")
    told["controls"]["outcomes"]["y"]["contamination"]["since"]["C"] = 2015
    assert question(told).endswith("compared with 2 others (B, C), which joined in 2015 or later.")
    del told["controls"]
    assert question(told).endswith("compared with 2 others (B, C).")


def test_what_would_change_it_names_controls_and_the_models_of_the_sections_are_named(told: Values) -> None:
    checked = told["controls"]["outcomes"]["y"]
    checked["subsets"] = [{"att": {"mean": mean}} for mean in (0.25, -0.27, 0.1)]
    checked["contaminated"] = [{"share": share, "att": {"mean": share / 10}} for share in (0.0, 1.0)]
    told["controls"]["card"] = "did"
    assert lines(told)["What would change it"] == (
        "Over 3 sets of controls the answer of DID, units independent runs from −0.27 to +0.25. "
        "If the controls had the whole effect once they joined, it would be +0.10."
    )
    told["compare"] = {"outcomes": {"y": {"roles": {"did": "of the checks"}}}}
    assert any(text.startswith("The sections below examine DID") for text in for_all_outcomes(told))


def test_what_separates_the_answers_is_said_once_and_with_its_outcome_where_they_differ():
    values = {
        "outcomes": {
            name: {
                "label": name.title(), "main": "did", "models": {"did": {"att": {"lower": 0.1, "upper": 0.2}}},
                "first": {"separates": ["One group.", f"The size is learned ({share}% is left)."]},
            }
            for name, share in (("exports", 57), ("imports", 60))
        },
        "panel": {"units": ["A"], "periods": [2003, 2020]},
    }  # fmt: skip
    assert caveats(values) == [
        "One group.",
        "The size is learned (57% and 60% is left).",
    ]
    values["outcomes"]["imports"]["first"] = values["outcomes"]["exports"]["first"]
    assert caveats(values) == ["One group.", "The size is learned (57% is left)."]


@pytest.mark.parametrize(
    ("main", "without", "said"),
    [
        ((-1.53, 0.75), (-1.14, -0.05), "its interval excludes zero."),
        ((-1.53, -0.75), (-1.14, 0.05), "its interval holds zero."),
        ((-1.53, 0.75), (-1.14, 0.05), ""),
    ],
)
def test_a_unit_without_which_the_interval_says_another_thing_of_zero_is_named(told, main, without, said) -> None:
    told["unit_names"] = {"A": "Turkmenistan"}
    told["controls"]["outcomes"]["y"] |= {
        "main": {"att": effect(*main)},
        "subsets": [{"att": effect(*main)}, {"att": effect(*main)}],
        "leave_one_out": [{"without": "A", "role": "treated", "att": effect(*without)}],
    }
    text = lines(told).get("What would change it", "")
    assert ("Without Turkmenistan that answer would be" in text, text.endswith(said)) == (bool(said), True)


def effect(lower: float, upper: float) -> dict[str, float]:
    return {"mean": (lower + upper) / 2, "lower": lower, "upper": upper}


def test_of_many_treated_units_the_question_counts_those_of_each_onset(told: Values) -> None:
    outcome = told["outcomes"]["y"]
    units = [f"U{number:02d}" for number in range(14)]
    outcome |= {"treated": units, "onsets": {unit: 2013 + (unit > "U08") for unit in units}}
    told["panel"]["units"] = [*units, "B", "C"]
    asked = question(told)
    assert "14 units with it (9 since 2013; 5 since 2014) are compared with 2 others (B, C)" in asked
    assert "U00" not in asked
    outcome["onsets"] = dict.fromkeys(units, 2013)
    assert "14 units with it since 2013 are compared with" in question(told)
