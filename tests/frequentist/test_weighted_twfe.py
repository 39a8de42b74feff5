"""Weighted two-way fixed effects against pyfixest and the difference of weighted differences."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.design import build_design
from bri_bayes.frequentist.weighted_twfe import weighted_twfe
from bri_bayes.study.model_card import load_card

UNITS = Assignment(dict.fromkeys("abcd", 2006) | dict.fromkeys("efghij"))
EXACT = 1e-8


@pytest.fixture
def design(seed):
    panel, _ = simulate_panel(UNITS, range(2000, 2012), effect=0.3, seed=seed)
    return build_design(panel, UNITS, dataclasses.replace(load_card("did"), outcome="y"))


def weights_of(design, rng):
    treated = np.isfinite(design["first_treated"].to_numpy())
    return np.where(treated, 1.0, rng.uniform(0.1, 2.0, treated.size))


def test_estimate_and_standard_errors_are_those_of_pyfixest(design, rng):
    weights = weights_of(design, rng)
    weights[-1] = 0.0  # a control that nobody was matched with
    unit_ix = design["unit_ix"].to_numpy()
    frame = pd.DataFrame(
        {
            "y": design["y"].to_numpy(),
            "d": design["treated"].to_numpy().astype(float),
            "unit": unit_ix,
            "period": design["period_ix"].to_numpy(),
            "w": weights[unit_ix],
        }
    ).query("w > 0")
    iid, cluster = weighted_twfe(design, weights)
    for row, vcov in ((iid, "iid"), (cluster, {"CRV1": "unit"})):
        other = pf.feols("y ~ d | unit + period", frame, vcov=vcov, weights="w")
        assert row.estimate == pytest.approx(other.coef().iloc[0], abs=EXACT)
        assert row.se == pytest.approx(other.se().iloc[0], rel=1e-6)


def test_on_a_balanced_panel_it_is_the_difference_of_weighted_differences(design, rng):
    weights = weights_of(design, rng)
    y = design["y"].to_numpy().reshape(10, 12)
    after = y[:, 6:].mean(axis=1) - y[:, :6].mean(axis=1)
    treated = np.isfinite(design["first_treated"].to_numpy())
    expected = after[treated].mean() - np.average(after[~treated], weights=weights[~treated])
    assert weighted_twfe(design, weights)[0].estimate == pytest.approx(expected, abs=EXACT)
    # Only the relative weights of controls move it.
    weights[~treated] *= 3
    assert weighted_twfe(design, weights)[0].estimate == pytest.approx(expected, abs=EXACT)


def test_without_a_matched_control_there_is_no_effect(design):
    treated = np.isfinite(design["first_treated"].to_numpy())
    with pytest.raises(InputError, match="no control is left beside the treated"):
        weighted_twfe(design, treated.astype(float))
