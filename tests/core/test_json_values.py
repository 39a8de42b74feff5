"""A typed result becomes JSON and comes back as what it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result, from_json, json_safe


@dataclass(frozen=True)
class Told(Result):
    """A result with an effect for each unit."""

    by_unit: Mapping[str, Effect]
    note: str | None = None


def test_a_result_comes_back_from_its_json_as_what_it_was() -> None:
    told = Told({"KAZ": Effect(0.1, 0.2, -0.3, 0.5, 0.7)})
    assert from_json(Told, json.loads(json.dumps(told.as_dict()))) == told


def test_numbers_that_json_cannot_hold_are_none_and_arrays_are_lists() -> None:
    given = {1: np.float64("nan"), "a": np.array([1.0, np.inf]), "b": (np.int64(2), np.bool_(True))}
    assert json_safe(given) == {"1": None, "a": [1.0, None], "b": [2, True]}
