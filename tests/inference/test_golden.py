"""The Bayesian answers beside reference numbers of other packages, where both must agree."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from bri_bayes.data.assignment import Assignment
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.effects import att
from bri_bayes.inference import fit
from bri_bayes.study.model_card import Errors, load_card

pytestmark = pytest.mark.golden

# TWFE and its standard error on the formula panel; generalised least squares with AR(1) errors by REML (nlme).
TWFE, TWFE_SE = 0.3046478185, 0.0855629217
GLS, GLS_SE, GLS_PHI = 0.303708467, 0.0822736, -0.0427190
# REML plugs in one phi, the posterior averages over it.
AVERAGING = 0.01


def formula_panel():
    g, t = np.meshgrid(np.arange(9), np.arange(21), indexing="ij")
    y = np.sin(1.7 * g) + 0.1 * t + 0.5 * np.cos(0.9 * g * (t + 1)) + 0.3 * ((g < 5) & (t >= 10))
    units = [f"G{i}" for i in range(9)]
    panel = xr.Dataset(
        {"y": (("unit", "period"), y)},
        coords={"unit": units, "period": np.arange(21)},
        attrs={"kind": "user", "label": "a formula", "sources": []},
    )
    return panel, Assignment({unit: 10 if i < 5 else None for i, unit in enumerate(units)})


def posterior(structure):
    card = dataclasses.replace(load_card("twfe_limit"), outcome="y", errors=Errors(structure))
    return fit(Analysis(*formula_panel(), card))


def test_iid_errors_and_wide_priors_give_twfe():
    draws = att(posterior("iid"))
    assert float(draws.mean()) == pytest.approx(TWFE, abs=1e-3 * TWFE_SE)
    assert float(draws.std()) == pytest.approx(TWFE_SE, rel=0.05)


def test_ar1_errors_and_wide_priors_give_generalised_least_squares():
    result = posterior("ar1")
    draws = att(result)
    assert float(draws.mean()) == pytest.approx(GLS, abs=AVERAGING * GLS_SE)
    assert float(draws.std()) == pytest.approx(GLS_SE, rel=0.05)
    assert float(result.posterior["posterior"]["rho"].mean()) == pytest.approx(GLS_PHI, abs=0.01)
