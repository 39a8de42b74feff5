"""One quantity has the same digits wherever a run says it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

NAMES = ("mean", "sd", "lower", "upper", "p_positive")
# Where the ATT of the main card of an outcome stands, beside the answer itself: section, then the way to it.
PLACES = (
    ("honest", ("none",)),
    ("honest", ("curve", 0, "att")),
    ("placebo", ("time", "observed")),
    ("placebo", ("space", "observed")),
    ("placebo", ("space", "placebos", 0, "att")),
    ("placebo", ("controls_only", "observed")),
    ("placebo", ("space", "controls_only", "observed")),
    ("placebo", ("predictive", "observed")),
    ("placebo", ("predictive", "whole_panel", "observed")),
    ("propensity", ("all_controls",)),
    ("controls", ("main", "att")),
    ("prior", ("att",)),
    ("robustness", ("main",)),
)
# Two posteriors that are as near as this, in sds, are the same one or were found to differ by an error of computation.
NEAR = 1e-3


def test_the_effect_of_the_main_card_has_the_same_digits_in_every_section(quick_run: dict[str, Any]) -> None:
    said = 0
    for name, outcome in quick_run["outcomes"].items():
        answer = outcome["models"][outcome["main"]]["att"]
        for section, path in PLACES:
            part = quick_run[section]
            record = _at((part.get("outcomes") or part.get("details")).get(name), path)
            if record is not None:
                said += 1
                assert {key: record[key] for key in NAMES} == pytest.approx(answer, rel=1e-9), (section, path)
    assert said >= len(PLACES)


def test_no_place_says_nearly_the_same_effect(quick_run: dict[str, Any]) -> None:
    """Any five numbers in the run that are within a thousandth of an sd of the answer are the answer."""
    for name, outcome in quick_run["outcomes"].items():
        answer = outcome["models"][outcome["main"]]["att"]
        for path, record in _records(quick_run):
            if name in path and all(abs(record[key] - answer[key]) < NEAR * answer["sd"] for key in NAMES[:4]):
                assert {key: record[key] for key in NAMES} == pytest.approx(answer, rel=1e-9), path


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        if value is None or (isinstance(value, dict) and key not in value):
            return None
        value = value[key]
    return value


def _records(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], dict[str, float]]]:
    if isinstance(value, dict):
        if set(NAMES) <= set(value) and all(isinstance(value[key], float) for key in NAMES):
            yield path, value
        for key, item in value.items():
            yield from _records(item, (*path, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _records(item, (*path, position))
