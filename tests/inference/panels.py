"""Small panels with a known answer for the tests of the engines."""

import numpy as np

from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.study.model_card import ModelCard


def make_card(**changes):
    return ModelCard(**({"name": "test", "title": "test", "outcome": "y"} | changes))


def make_panel(seed=1, holes=True, n_units=6, n_periods=10, rho=0.5, effect=0.3):
    """Half of the units treated from 2006 on; a covariate ``x`` without effect; some outcomes missing."""
    units = [f"U{i}" for i in range(n_units)]
    assignment = Assignment({unit: 2006 if i < n_units // 2 else None for i, unit in enumerate(units)})
    panel, _ = simulate_panel(
        assignment, range(2000, 2000 + n_periods), effect=effect, rho=rho, innovation_sd=0.4, seed=seed
    )
    rng = np.random.default_rng(seed)
    panel["x"] = (("unit", "period"), rng.normal(size=(n_units, n_periods)))
    if holes:
        panel["y"] = panel["y"].where(rng.random((n_units, n_periods)) > 0.15)
    return panel, assignment
