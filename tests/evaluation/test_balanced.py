"""The closed form of balanced panels against the engine for many outcomes."""

import dataclasses

import numpy as np
import pytest

from bri_bayes.evaluation.balanced import balanced, covers_balanced
from bri_bayes.evaluation.calibration import scenario_design
from bri_bayes.evaluation.scenarios import SCENARIOS
from bri_bayes.inference.batch import att_of_many
from bri_bayes.study.model_card import load_card

# Flat against wide priors of levels, and the points of both: shares of a posterior sd.
MEAN, SPREAD = 0.06, 0.04


def test_contrasts_of_exchangeable_units_have_the_posterior_of_the_engine_for_many_outcomes():
    card = dataclasses.replace(load_card("did"), outcome="y")
    scenario = next(candidate for candidate in SCENARIOS if candidate.name == "AR 0.8")
    design = scenario_design(scenario)
    outcomes = scenario.outcomes(20, seed=1) + scenario.effect
    ours = balanced(card).posterior(outcomes)
    theirs = att_of_many(design, card, outcomes.reshape(20, -1), points=2000)
    assert np.abs(ours["mean"] - theirs["mean"].to_numpy()).max() < MEAN * ours["sd"].mean()
    for name in ("sd", "upper"):
        away = np.abs(ours[name] - theirs[name].to_numpy()).max()
        assert away < (SPREAD if name == "sd" else 2 * MEAN) * ours["sd"].max()


@pytest.mark.parametrize(("name", "known"), [("did_shared", True), ("did_noise", True), ("did_random_walk", False)])
def test_it_says_which_cards_it_knows(name, known):
    assert covers_balanced(dataclasses.replace(load_card(name), outcome="y")) is known


def test_every_scenario_has_an_average_effect_of_one_over_treated_cells():
    for scenario in SCENARIOS:
        design = scenario_design(scenario)
        cells = scenario.effect[design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()]
        assert cells[design["treated"].to_numpy()].mean() == pytest.approx(1.0), scenario.name
        assert not cells[~design["treated"].to_numpy()].any()
