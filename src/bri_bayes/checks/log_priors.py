"""How probable are draws of a fit under each prior of its card, and how probable is the outcome given them?

Log densities on the standardised scale, up to a constant, a variable for each prior of ``card.Priors`` that the card
uses: the group "log_prior" that tools for sensitivity analysis ask for. Distributions that link coefficients (steps
of a path given eta, deviations given omega) belong to the model and are in none of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import SAMPLE
from bri_bayes.design.analysis import Fit
from bri_bayes.design.effect_paths import free_path
from bri_bayes.design.error_process import serial_errors, whitened
from bri_bayes.design.linear_terms import event_time_shares, event_times, wide_scales
from bri_bayes.inference.hyperparameters import PRIOR_OF
from bri_bayes.inference.to_datatree import linear_predictor

# Draws on the standardised scale: name -> (draws, ...).
Draws = dict[str, Array]


def log_priors(fit: Fit) -> xr.Dataset:
    """Log prior density of each draw by prior : variables (chain, draw)."""
    design, card = fit.design, fit.analysis.card
    draws, priors = standardised(fit), card.priors
    scale_unit, scale_period = wide_scales(design, card)
    densities = {"unit": _normal(draws["unit_effect"], scale_unit)}
    if card.effects.period == "fixed":
        densities["period"] = _normal(draws["period_effect"], scale_period)
    densities["effect"] = _normal(_wide_effects(fit, draws), priors.effect)
    for name, block in (("beta", "covariate"), ("modifier_effect", "modifier"), ("trend", "trend")):
        if name in draws:
            densities[block] = _normal(draws[name], getattr(priors, block))
    for name, block in PRIOR_OF.items():
        if name in draws:
            densities[block] = _normal(draws[name][:, None], getattr(priors, block))
    densities["sigma"] = -2 * np.log1p((draws["sigma"] / priors.sigma) ** 2 / 3)
    if "sigma_unit" in draws:
        densities["sigma_spread"] = _normal(np.log(draws["sigma_unit"] / draws["sigma"][:, None]), priors.sigma_spread)
    if "rho" in draws:
        a, b = priors.rho
        share = (draws["rho"] + 1) / 2
        densities["rho"] = (a - 1) * np.log(share) + (b - 1) * np.log1p(-share)
    return xr.Dataset({name: _labelled(fit, value) for name, value in densities.items()})


def joint_log_likelihood(fit: Fit) -> xr.DataArray:
    """log p(y | draw) of all rows together : (chain, draw), on the standardised scale."""
    design, card = fit.design, fit.analysis.card
    draws = standardised(fit)
    period = design["period"].to_numpy()[design["period_ix"].to_numpy()].astype(float)
    serial = serial_errors(card.errors.structure, design["unit_ix"].to_numpy(), period)
    y = (design["y"].to_numpy() - design.attrs["y_center"]) / design.attrs["y_scale"]
    sigma = draws.get("sigma_unit", draws["sigma"])
    phi, s = serial.transition(sigma, draws.get("rho", np.zeros(len(draws["sigma"]))))
    w = whitened(serial, y - linear_predictor(design, card, draws), phi, s)
    return _labelled(fit, -(np.log(s) + 0.5 * w**2 + 0.5 * np.log(2 * np.pi)).sum(axis=1))


def standardised(fit: Fit) -> Draws:
    """The posterior's draws on the standardised scale : name -> (draws, ...); ``assemble`` undone."""
    design, posterior = fit.design, fit.posterior["posterior"]
    scale, period = design.attrs["y_scale"], design["period"].to_numpy()
    shift = {"unit_effect": design.attrs["y_center"]}
    divisor: dict[str, Array | float] = {
        "rho": scale,
        "beta": design["x_scale"].to_numpy(),
        "modifier_effect": design["z_scale"].to_numpy(),
        "trend": float(period[-1] - period[0]),
    }
    flat: Callable[[xr.DataArray], Array] = lambda draws: draws.transpose(*SAMPLE, ...).to_numpy()  # noqa: E731
    return {
        str(name): (value.reshape(-1, *value.shape[2:]) - shift.get(str(name), 0.0))
        * divisor.get(str(name), 1.0)
        / scale
        for name, value in ((name, flat(draws)) for name, draws in posterior.data_vars.items())
    }


def _wide_effects(fit: Fit, draws: Draws) -> Array:
    """The coefficients with the wide prior : (draws, m). Leads and the average; with pooling off, every effect."""
    design, card = fit.design, fit.analysis.card
    times = event_times(design, card)
    by_time = card.effects.treatment in ("event_time", "by_unit_event_time")
    weights = event_time_shares(design, card)
    if card.effects.pooling == "none" and card.effects.treatment in ("by_unit", "by_unit_event_time"):
        leads, after = draws["effect"][:, 0, times < 0], draws["effect"][:, :, times >= 0]
        coefficients = after @ np.linalg.inv(free_path(weights)).T if by_time else after[..., :1]
        return np.hstack([leads, coefficients.reshape(len(leads), -1)])
    leads, after = draws["tau"][:, times < 0], draws["tau"][:, times >= 0]
    if not by_time:
        return np.hstack([leads, after[:, :1]])
    if card.effects.pooling == "none":
        return np.hstack([leads, after @ np.linalg.inv(free_path(weights)).T])
    return np.hstack([leads, after @ weights[:, None]])


def _normal(values: Array, scale: float) -> Array:
    return np.asarray(-0.5 * ((values / scale) ** 2).reshape(len(values), -1).sum(axis=1))


def _labelled(fit: Fit, value: Array) -> xr.DataArray:
    posterior = fit.posterior["posterior"]
    shape = tuple(posterior.sizes[dim] for dim in SAMPLE)
    return xr.DataArray(value.reshape(shape), dims=SAMPLE, coords={dim: posterior[dim] for dim in SAMPLE})
