"""Panels with a planted interaction, a planted mechanism, or two outcomes with a planted correlation of errors."""

import dataclasses

import numpy as np

from bri_bayes.data.assignment import Assignment
from bri_bayes.data.panel import Column, with_columns
from bri_bayes.data.simulation import simulate_errors
from bri_bayes.design.analysis import Analysis
from bri_bayes.study.model_card import load_card

UNITS = [f"U{i}" for i in range(9)]
NINE = Assignment({unit: 2013 if i < 5 else None for i, unit in enumerate(UNITS)})
YEARS = range(2003, 2024)


def frame(values, assignment=NINE, years=YEARS):
    """A simulated panel with these (unit, period) arrays."""
    import xarray as xr

    units = sorted(assignment.units)
    attrs = {"kind": "simulation", "label": "simulated for a test", "sources": [], "path": ""}
    coords = {"unit": np.array(units), "period": np.array(list(years), dtype=np.int64)}
    return with_columns(
        xr.Dataset(coords=coords, attrs=attrs), values, {name: Column(name) for name in values}, where="test"
    )


def treated_cells(assignment=NINE, years=YEARS):
    first = np.array([assignment.first_treated[unit] or 9999 for unit in sorted(assignment.units)])
    return np.array(list(years))[None, :] >= first[:, None]


def base(rng, shape):
    """Country levels and common year effects."""
    return rng.normal(0, 1, (shape[0], 1)) + np.cumsum(rng.normal(0.1, 0.05, shape[1]))


def moderated_panel(seed, slope=-0.05, main=0.02, effect=0.2, rho=0.5, sd=0.1, noise=0.0):
    """``z`` : persistent, level spread 5; the effect is ``effect`` at its mean over treated cells. ``se`` : of z."""
    rng = np.random.default_rng(seed)
    after = treated_cells()
    z = 35 + rng.normal(0, 5, (after.shape[0], 1)) + simulate_errors(rng, after.shape, rho=0.8, innovation_sd=1.0)
    tau = after * (effect + slope * (z - z[after].mean()))
    y = base(rng, after.shape) + main * z + tau + simulate_errors(rng, after.shape, rho=rho, innovation_sd=sd)
    reported = z + noise * rng.standard_normal(z.shape)
    return frame({"y": y, "z": reported, "se": np.full(z.shape, max(noise, 1e-3))})


def mediated_panel(seed, alpha=0.5, beta=0.4, direct=0.1, correlation=0.0, rho=(0.5, 0.5), sd=(0.2, 0.1)):
    """``m`` moves by ``alpha`` with the policy, ``y`` by ``direct`` and by ``beta`` m; new shocks correlate."""
    rng = np.random.default_rng(seed)
    after = treated_cells()
    w = rng.standard_normal((2, *after.shape))
    w[1] = correlation * w[0] + np.sqrt(1 - correlation**2) * w[1]
    errors = np.empty_like(w)
    for which in (0, 1):
        errors[which, :, 0] = w[which, :, 0] / np.sqrt(1 - rho[which] ** 2)
        for t in range(1, after.shape[1]):
            errors[which, :, t] = rho[which] * errors[which, :, t - 1] + w[which, :, t]
        errors[which] *= sd[which]
    m = base(rng, after.shape) + alpha * after + errors[0]
    y = base(rng, after.shape) + beta * m + direct * after + errors[1]
    return frame({"y": y, "m": m})


def analysis_of(panel, assignment=NINE, card="did", **changes):
    chosen = dataclasses.replace(load_card(card), outcome="y", **changes)
    return Analysis(panel, assignment, chosen)
