"""One quantity has the same digits wherever a run says it."""

from __future__ import annotations

from typing import Any

import pytest

NAMES = ("mean", "sd", "lower", "upper", "p_positive")
# The card that is refitted by the checks; the one that is shown first has an answer of its own beside it.
CHECKED = "did"
# Where its ATT for an outcome stands, beside the answer itself: section, then the way to it.
PLACES = (
    ("honest", ("none",)),
    ("honest", ("curve", 0, "att")),
    ("placebo", ("time", "observed")),
    ("placebo", ("space", "observed")),
    ("placebo", ("space", "placebos", 0, "att")),
    ("placebo", ("space", "controls_only", "observed")),
    ("placebo", ("predictive", "observed")),
    ("placebo", ("predictive", "whole_panel", "observed")),
    ("propensity", ("all_controls",)),
    ("controls", ("main", "att")),
    ("robustness", ("main",)),
)


def test_the_effect_of_the_card_of_the_checks_has_the_same_digits_in_every_section(quick_run: dict[str, Any]) -> None:
    said = 0
    for name, outcome in quick_run["outcomes"].items():
        answer = outcome["models"][CHECKED]["att"]
        for section, path in PLACES:
            record = _at(quick_run[section].get("details", quick_run[section].get("outcomes")), (name, *path))
            if record is not None:
                said += 1
                assert {key: record[key] for key in NAMES} == pytest.approx(answer, rel=1e-9), (section, path)
    assert said >= len(PLACES)


def test_priors_are_examined_on_the_card_that_is_shown_first(quick_run: dict[str, Any]) -> None:
    """With the prior of the shocks that its treated units share."""
    for name, details in quick_run["prior"]["details"].items():
        outcome = quick_run["outcomes"][name]
        assert details["card"] == outcome["main"] != CHECKED
        answer = outcome["models"][outcome["main"]]["att"]
        assert {key: details["att"][key] for key in NAMES} == pytest.approx(
            {key: answer[key] for key in NAMES}, rel=1e-9
        )
        assert {row["factor"] for row in details["refits"] if row["prior"] == "shock"} == {0.5, 2.0}
        assert "shock" in {row["prior"] for row in details["by_card"][details["card"]]}
        assert "shock_ratio" in {row["name"] for row in details["scales"]}
        (kept,) = (row["kept"] for row in details["scales"] if row["name"] == "shock_ratio")
        assert any(f"({100 * kept:.0f}% of its prior" in text for text in outcome["first"]["separates"])


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        if value is None or (isinstance(value, dict) and key not in value):
            return None
        value = value[key]
    return value
