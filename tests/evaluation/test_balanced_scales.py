"""The closed form of balanced panels with an error scale a unit against the engine for one panel."""

import dataclasses

import numpy as np
import pytest

from bri_bayes.evaluation import balanced_scales as scales
from bri_bayes.evaluation.balanced import covers_balanced
from bri_bayes.evaluation.balanced_scales import BalancedScales
from bri_bayes.evaluation.calibration import scenario_design
from bri_bayes.evaluation.scenarios import SCENARIOS
from bri_bayes.inference.att import att_posterior
from bri_bayes.inference.batch import scaled
from bri_bayes.study.model_card import Errors, load_card

# Shares of a posterior sd, with some hundred effective points on both sides: about four simulation errors.
MEAN, SPREAD, END = 0.12, 0.08, 0.25


@pytest.mark.parametrize("name", ["did_scale_by_unit", "did_shared"])
def test_where_time_and_units_part_the_posterior_is_that_of_the_engine(monkeypatch, name):
    monkeypatch.setattr(scales, "_POINTS", 600)
    card = dataclasses.replace(load_card(name), outcome="y", errors=Errors("ar1", "by_unit"))
    few = dataclasses.replace(card, sampler=dataclasses.replace(card.sampler, proposals=1024))
    scenario = next(some for some in SCENARIOS if some.name == "AR 0.5, one control four times as restless")
    design = scenario_design(scenario)
    outcomes = scenario.outcomes(2, seed=1) + scenario.effect
    for row, outcome in zip(BalancedScales(card).posterior(outcomes).to_dict("records"), outcomes, strict=True):
        effect = att_posterior(scaled(design, outcome.ravel()), few, 0).effect
        assert row["ess"] > 50
        assert row["mean"] == pytest.approx(effect.mean, abs=MEAN * effect.sd)
        assert row["sd"] == pytest.approx(effect.sd, rel=SPREAD)
        for end in ("lower", "upper"):
            assert row[end] == pytest.approx(getattr(effect, end), abs=END * effect.sd)


def test_an_outcome_times_a_hundred_has_an_effect_times_a_hundred():
    card = dataclasses.replace(load_card("did_scale_by_unit"), outcome="y")
    outcome = SCENARIOS[2].outcomes(1, seed=1)
    small, large = BalancedScales(card).posterior(np.concatenate([outcome, 100 * outcome])).to_numpy()
    assert large[:4] == pytest.approx(100 * small[:4], rel=1e-9)


@pytest.mark.parametrize(("name", "known"), [("did_scale_by_unit", True), ("did", False), ("did_shared", False)])
def test_it_says_which_cards_it_knows(name, known):
    assert covers_balanced(dataclasses.replace(load_card(name), outcome="y"), "by_unit") is known
