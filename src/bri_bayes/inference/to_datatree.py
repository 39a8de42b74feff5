"""Both engines' draws as one labelled result: an ArviZ DataTree in the units of the outcome."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import (
    CHAIN,
    COVARIATE,
    DRAW,
    EVENT_TIME,
    EXPOSED_UNIT,
    GROUP,
    MODIFIER,
    OBS,
    PERIOD,
    SAMPLE,
    TREATED_UNIT,
    UNIT,
)
from bri_bayes.design.design import Design
from bri_bayes.design.error_process import (
    coloured,
    noisy_log_density,
    pointwise_log_density,
    serial_errors,
    student_log_density,
)
from bri_bayes.design.linear_terms import binned_event_time, event_times, exposed_positions, trend_time
from bri_bayes.design.log_link import levels
from bri_bayes.inference.level_draws import replicated_levels
from bri_bayes.study.model_card import ModelCard

# Elements (draws x rows) of log_likelihood and posterior_predictive that are kept; beyond, draws are thinned.
POINTWISE_ELEMENTS = 4_000_000

_DIMS: dict[str, tuple[str, ...]] = {
    "unit_effect": (UNIT,),
    "period_effect": (PERIOD,),
    "tau": (EVENT_TIME,),
    "unit_deviation": (TREATED_UNIT,),
    "effect": (TREATED_UNIT, EVENT_TIME),
    "exposed_effect": (EXPOSED_UNIT, EVENT_TIME),
    "beta": (COVARIATE,),
    "modifier_effect": (MODIFIER,),
    "modifier_deviation": (TREATED_UNIT, MODIFIER),
    "trend": (UNIT,),
    "drift": (PERIOD,),
    "shock": (GROUP, PERIOD),
    "sigma_unit": (UNIT,),
    "sigma": (),
    "rho": (),
    "omega": (),
    "eta": (),
    "omega_modifier": (),
    "sigma_period": (),
    "trend_step": (),
    "noise": (),
    "shock_ratio": (),
    "shock_rho": (),
    "nu": (),
    "kappa": (),
}
UNITLESS = {"rho", "nu", "kappa", "shock_ratio", "shock_rho"}


def assemble(
    design: Design, card: ModelCard, values: dict[str, Array], *, pointwise: bool, seed: int
) -> dict[str, xr.Dataset]:
    """The groups posterior, observed_data and, on request, log_likelihood and posterior_predictive.

    ``values`` : name -> (chains x draws, ...) on the standardised scale. The posterior is in outcome units: ``beta``
    per unit of the covariate, ``trend`` per period, ``effect`` (treated_unit, event_time). Under a card with a log link
    these are log points, what is observed and predicted is the level, and log_likelihood is absent.
    """
    draws = {name: values[name] for name in _DIMS if name in values}
    shape = (card.sampler.chains, -1)
    coords = {
        name: design[name].to_numpy() for name in (UNIT, PERIOD, TREATED_UNIT, EXPOSED_UNIT, COVARIATE, MODIFIER, GROUP)
    }
    coords |= {EVENT_TIME: event_times(design, card), CHAIN: np.arange(card.sampler.chains)}
    scaled = _in_outcome_units(design, draws)
    used = {dim for name in scaled for dim in _DIMS[name]} | {CHAIN}
    posterior = xr.Dataset(
        {name: ((*SAMPLE, *_DIMS[name]), value.reshape(*shape, *value.shape[1:])) for name, value in scaled.items()},
        coords={name: value for name, value in coords.items() if name in used},
    )
    posterior = posterior.assign_coords({DRAW: np.arange(posterior.sizes[DRAW])})
    row = {
        OBS: np.arange(design.sizes[OBS]),
        "obs_unit": (OBS, coords[UNIT][design["unit_ix"].to_numpy()]),
        "obs_period": (OBS, coords[PERIOD][design["period_ix"].to_numpy()]),
    }
    observed = levels(design) if card.has_log_link else design["y"].to_numpy()
    groups = {"posterior": posterior, "observed_data": xr.Dataset({"y": (OBS, observed)}, coords=row)}
    if pointwise:
        groups |= _pointwise(design, card, draws, posterior, row, seed)
    return groups


def linear_predictor(design: Design, card: ModelCard, draws: dict[str, Array]) -> Array:
    """mu on the standardised scale : (draws, obs)."""
    unit_ix, treated = design["unit_ix"].to_numpy(), design["treated"].to_numpy()
    mu = draws["unit_effect"][:, unit_ix] + draws["period_effect"][:, design["period_ix"].to_numpy()]
    if "beta" in draws:
        x = (design["X"].to_numpy() - design["x_center"].to_numpy()) / design["x_scale"].to_numpy()
        mu = mu + draws["beta"] @ x.T
    if "modifier_effect" in draws:
        z = (design["Z"].to_numpy() - design["z_center"].to_numpy()) / design["z_scale"].to_numpy()
        mu = mu + draws["modifier_effect"] @ (z * treated[:, None]).T
        if "modifier_deviation" in draws:
            unit, after = treated_position(design), np.flatnonzero(treated)
            mu[:, after] += (draws["modifier_deviation"][:, unit[after]] * z[after]).sum(axis=-1)
    if "trend" in draws:
        mu = mu + draws["trend"][:, unit_ix] * trend_time(design)
    if "drift" in draws:
        ever_treated = np.isfinite(design["event_time"].to_numpy())
        mu = mu + draws["drift"][:, design["period_ix"].to_numpy()] * ever_treated
    if "shock" in draws:
        group_ix = design["group_ix"].to_numpy()[unit_ix]
        member = np.flatnonzero(group_ix >= 0)
        mu[:, member] += draws["shock"][:, group_ix[member], design["period_ix"].to_numpy()[member]]
    rows, units, times = effect_cells(design, card)
    mu[:, rows] += draws["effect"][:, units, times]
    if "exposed_effect" in draws:
        rows, times = exposed_positions(design, card)
        names = design[EXPOSED_UNIT].to_numpy()
        units = np.searchsorted(names, design[UNIT].to_numpy()[unit_ix[rows]])
        mu[:, rows] += draws["exposed_effect"][:, units, times]
    return np.asarray(mu)


def treated_position(design: Design) -> np.ndarray:
    """The position of each row's unit among the treated units : (obs,), -1 for never-treated units."""
    order = {str(name): position for position, name in enumerate(design[TREATED_UNIT].to_numpy())}
    names = design[UNIT].to_numpy()[design["unit_ix"].to_numpy()]
    return np.array([order.get(str(name), -1) for name in names], dtype=int)


def effect_cells(design: Design, card: ModelCard) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows with an effect, and the positions of their unit and event time in ``effect``."""
    times, binned = event_times(design, card), binned_event_time(design, card)
    rows = np.flatnonzero(np.isin(binned, times))
    return rows, treated_position(design)[rows], np.searchsorted(times, binned[rows].astype(int))


def standardised_draws(design: Design, posterior: xr.Dataset) -> dict[str, Array]:
    """The draws of ``assemble`` on the standardised scale again : name -> (chains x draws, ...)."""
    values = {str(name): posterior[name].transpose(*SAMPLE, *_DIMS[str(name)]).to_numpy() for name in posterior}
    flat = {name: value.reshape(-1, *value.shape[2:]) for name, value in values.items()}
    flat["unit_effect"] = flat["unit_effect"] - design.attrs["y_center"]
    return {name: value / _unit_of(name, design) for name, value in flat.items()}


def _in_outcome_units(design: Design, draws: dict[str, Array]) -> dict[str, Array]:
    scaled = {name: value * _unit_of(name, design) for name, value in draws.items()}
    scaled["unit_effect"] = scaled["unit_effect"] + design.attrs["y_center"]
    return scaled


def _unit_of(name: str, design: Design) -> Any:
    """What one on the standardised scale is in units of the outcome."""
    if name in UNITLESS:
        return 1.0
    period = design[PERIOD].to_numpy()
    divisor: dict[str, Any] = {
        "beta": design["x_scale"].to_numpy(),
        "modifier_effect": design["z_scale"].to_numpy(),
        "modifier_deviation": design["z_scale"].to_numpy(),
        "trend": period[-1] - period[0],
    }
    return design.attrs["y_scale"] / divisor.get(name, 1.0)


def _pointwise(
    design: Design, card: ModelCard, draws: dict[str, Array], posterior: xr.Dataset, row: dict[str, Any], seed: int
) -> dict[str, xr.Dataset]:
    chains, n_draws, n = posterior.sizes[CHAIN], posterior.sizes[DRAW], design.sizes[OBS]
    thin = max(1, -(-chains * n_draws * n // POINTWISE_ELEMENTS))
    keep = (np.arange(chains)[:, None] * n_draws + np.arange(0, n_draws, thin)[None, :]).ravel()
    kept = {name: value[keep] for name, value in draws.items()}
    scale = design.attrs["y_scale"]
    mu = linear_predictor(design, card, kept)
    coords = {CHAIN: posterior[CHAIN], DRAW: posterior[DRAW][::thin], **row}
    shape = (chains, -1, n)

    def group(array: Array) -> xr.Dataset:
        return xr.Dataset({"y": ((*SAMPLE, OBS), array.reshape(shape))}, coords=coords)

    if card.has_log_link:
        return {"posterior_predictive": group(replicated_levels(design, card, kept, mu, seed))}
    y = (design["y"].to_numpy() - design.attrs["y_center"]) / scale
    period = design[PERIOD].to_numpy()[design["period_ix"].to_numpy()].astype(float)
    serial = serial_errors(card.errors.structure, design["unit_ix"].to_numpy(), period)
    sigma = kept.get("sigma_unit", kept["sigma"])
    rho = kept.get("rho", np.zeros(keep.size))
    rng = np.random.default_rng([seed, 1])
    if card.likelihood.family == "student_t":
        log_density = student_log_density(serial, y - mu, sigma, rho, kept["nu"])
        innovations = rng.standard_t(kept["nu"][:, None], mu.shape)
    else:
        innovations = rng.standard_normal(mu.shape)
    replicated = mu + coloured(serial, innovations, *serial.transition(sigma, rho))
    if card.errors.structure == "ar1_noise":
        ratio = sigma[:, serial.unit_ix] / kept["sigma"][:, None] if sigma.ndim == 2 else np.ones(mu.shape)
        log_density = noisy_log_density(serial, period, y - mu, ratio, kept["sigma"], rho, kept["noise"])
        replicated += ratio * kept["noise"][:, None] * rng.standard_normal(mu.shape)
    elif card.likelihood.family == "normal":
        log_density = pointwise_log_density(serial, y - mu, sigma, rho)
    return {
        "log_likelihood": group(log_density - np.log(scale)),
        "posterior_predictive": group(replicated * scale + design.attrs["y_center"]),
    }
