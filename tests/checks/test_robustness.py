"""Is the range over every answer a range over every answer, and is the choice that moves it most named first?"""

import pytest

from bri_bayes.checks.robustness import answers, robustness
from bri_bayes.core.effect import Effect

MAIN = {"mean": 0.10, "sd": 0.2, "lower": -0.3, "upper": 0.5, "p_positive": 0.7}


def effect(mean, p_positive=0.7, half=0.4):
    return {"mean": mean, "sd": half / 2, "lower": mean - half, "upper": mean + half, "p_positive": p_positive}


OTHER_CHOICES = dict.fromkeys(("period", "covariates", "onset", "imputation"), "x")
CURVE = [
    {"errors": "iid", "controls": ["A"], "att": effect(0.9, 0.99, half=0.5)},
    {"errors": "ar1", "controls": ["A"], "att": effect(0.1, 0.6)},
    {"errors": "iid", "controls": ["A", "B"], "att": effect(0.7, 0.9)},
    {"errors": "ar1", "controls": ["A", "B"], "att": effect(0.3, 0.8)},
]
SECTIONS = {
    "compare": {"outcomes": {"y": {"models": [{"name": "did_iid", "att": effect(0.2)}]}}},
    "controls": {
        "outcomes": {
            "y": {
                "subsets": [{"controls": ["A"], "att": effect(-0.5, 0.05)}, {"controls": ["A", "B"], "att": MAIN}],
                "leave_one_out": [{"without": "K", "role": "treated", "att": effect(0.12)}],
                "pool": [],
                "contaminated": [{"share": 0.5, "att": effect(0.15)}],
                "synthetic": {"refused": "four controls"},
            }
        }
    },
    "prior": {"details": {"y": {"refits": [{"prior": "sigma", "factor": 2.0, "att": effect(0.11)}]}}},
    "speccurve": {"outcomes": {"y": {"specifications": [{**OTHER_CHOICES, **record} for record in CURVE]}}},
}


@pytest.fixture
def result():
    return robustness(SECTIONS, "y", Effect(**MAIN))


def test_every_answer_counts_once_and_the_ends_are_those_of_all(result):
    assert result.answers == 1 + 1 + 2 + 1 + 1 + 1 + 4
    assert result.mean == [-0.5, 0.9]
    assert result.p_positive == [0.05, 0.99]
    assert result.leaves_zero_out == 3  # -0.5 and 0.7 with half-width 0.4, 0.9 with 0.5
    assert result.above == 10


def test_the_choice_with_the_largest_range_comes_first_and_the_main_answer_is_in_each_range(result):
    sizes = {choice.choice: choice.size for choice in result.choices}
    assert sizes["the set of controls"] == pytest.approx(0.6)  # main 0.10 to -0.5
    assert sizes["the model"] == pytest.approx(0.1)
    assert sizes["a prior scale"] == pytest.approx(0.01)
    assert list(sizes.values()) == sorted(sizes.values(), reverse=True)
    assert result.matter_most == list(sizes)[:3]


def test_a_choice_of_the_curve_is_the_range_of_averages_over_the_others(result):
    errors = next(choice for choice in result.choices if choice.choice == "the errors")
    assert errors.mean == pytest.approx([0.2, 0.8])
    controls = next(choice for choice in result.choices if choice.choice.endswith("(mean over the curve)"))
    assert controls.mean == pytest.approx([0.5, 0.5])


def test_a_choice_that_was_not_made_is_not_there(result):
    named = {choice.choice for choice in result.choices}
    assert not named & {"the onset year", "a wider pool of controls", "another counterfactual", "the match"}
    assert answers({}, "y") == []


def test_options_are_named_in_words(result):
    named = {option.option for choice in result.choices for option in choice.options}
    assert {"did_iid", "without K", "error scale, times 2"} <= named
