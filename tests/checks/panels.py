"""Small recipes with a known answer for the tests of the checks."""

import dataclasses

import numpy as np

from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.study.model_card import Sampler, load_card

TREATED, CONTROLS = ("A", "B", "C", "D", "E"), ("P", "Q", "R", "S")
ONSET = 2013
SAMPLER = Sampler(draws=200, proposals=1000)


def recipe(*, effect=0.0, trend=0.0, others=0, seed=1, first=2003, last=2020, rho=0.5, innovation_sd=0.1, **changes):
    """Five treated units against four; ``trend`` : growth of treated units against controls; ``others`` : more units.

    Returns the analysis of the nine, and the panel of all.
    """
    units = [*TREATED, *CONTROLS, *(f"X{i:02d}" for i in range(others))]
    everyone = Assignment({unit: ONSET if unit in TREATED else None for unit in units})
    panel, _ = simulate_panel(
        everyone, range(first, last + 1), effect=effect, rho=rho, innovation_sd=innovation_sd, seed=seed
    )
    drift = np.isin(panel["unit"], TREATED)[:, None] * (panel["period"].to_numpy() - first)[None, :]
    panel["y"] = panel["y"] + trend * drift
    card = dataclasses.replace(load_card("did"), outcome="y", sampler=SAMPLER, **changes)
    return Analysis(panel, everyone.restrict([*TREATED, *CONTROLS]), card), panel
