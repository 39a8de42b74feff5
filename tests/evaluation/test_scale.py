"""A piece of a million refits gives what a fit of one of its panels gives."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.design import build_design
from bri_bayes.evaluation.scale import CONTROLS, PARTNERS, YEARS, panels_of_piece, refit_piece, simulated_flows
from bri_bayes.inference.att import att_posterior
from bri_bayes.study.model_card import load_card


def test_a_refit_of_a_piece_is_the_fit_of_its_panel() -> None:
    piece = 1234
    panels = panels_of_piece(piece)[:12]
    answer = refit_piece(piece, panels)
    units = [f"U{number}" for number in range(1 + CONTROLS)]
    assignment = Assignment({unit: 2014 if number == 0 else None for number, unit in enumerate(units)})
    panel, _ = simulate_panel(assignment, YEARS, seed=0)
    panel["y"] = (panel["y"].dims, panels[3].reshape(panel["y"].shape))
    card = dataclasses.replace(load_card("did"), outcome="y")
    effect = att_posterior(build_design(panel, assignment, card), card, 0).effect
    assert answer.mean[3] == pytest.approx(effect.mean, abs=0.05 * effect.sd)
    assert answer.sd[3] == pytest.approx(effect.sd, rel=0.05)


def test_every_partner_is_treated_once_and_never_its_own_control() -> None:
    panels = panels_of_piece(777).reshape(PARTNERS, 1 + CONTROLS, len(YEARS))
    flows = simulated_flows(777 // 20)
    np.testing.assert_array_equal(panels[:, 0], flows)
    assert not (panels[:, 1:] == panels[:, :1]).all(axis=2).any()
