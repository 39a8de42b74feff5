"""values.json is what the classes of results say, and the schema that ships says the same."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bri_bayes.core.names import SECTIONS
from bri_bayes.core.resources import shipped
from bri_bayes.report.values_schema import FILE, SCHEMA_VERSION, breaches, schema

# The quick run of the tests leaves them out: they ask the paper alone, or collect from the others.
WITHOUT_OUTCOMES = {"consistency", "claims"}


def test_every_section_of_a_run_is_as_the_schema_says(quick_run):
    assert quick_run["schema_version"] == SCHEMA_VERSION
    assert set(SECTIONS) - set(quick_run) == WITHOUT_OUTCOMES
    assert breaches(quick_run) == []


def test_a_key_that_is_missing_renamed_or_of_another_kind_is_named_with_its_place(values):
    pair = next(iter(values["joint"]["outcomes"]))
    name = next(iter(values["outcomes"]))
    values["joint"]["outcomes"][pair]["att"][0]["mean"] = "high"
    values["outcomes"][name]["mian"] = values["outcomes"][name].pop("main")
    said = breaches(values)
    assert any(text.startswith(f"values.json, joint.outcomes.{pair}.att.0.mean: ") for text in said)
    assert {text.split(":")[0] for text in said} >= {
        f"values.json, outcomes.{name}.main",
        f"values.json, outcomes.{name}.mian",
    }


def test_the_schema_that_ships_is_written_from_the_classes():
    """``python -m bri_bayes.report.values_schema`` writes it anew."""
    assert json.loads((shipped("data") / FILE).read_text(encoding="utf-8")) == json.loads(json.dumps(schema()))


def test_an_effect_in_percent_is_that_in_logs_and_its_ends_too(values):
    models = [model for outcome in values["outcomes"].values() for model in outcome["models"].values()]
    assert models
    for model in models:
        for end in ("mean", "lower", "upper"):
            assert model["percent"][end] == pytest.approx(100 * np.expm1(model["att"][end]), rel=1e-12)
        assert model["percent"]["p_positive"] == model["att"]["p_positive"]
