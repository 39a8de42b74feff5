"""What do draws say about the effect? Averages over treated cells, paths, and amounts in US dollars.

The ATT is the average of tau_it over the treated rows with an outcome, in outcome units:

    att = mean_{(i,t): treated} tau_it            cards without leads (the whole pre-period is the baseline)
    att = mean_post tau_it - mean_pre tau_it      cards with leads (against the pre-period average)

What is linear is reported without drawing it (``estimands.linear``); draws are for what is not.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from bri_bayes.core.effect import PROB
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import DRAW, EVENT_TIME, PERIOD, SAMPLE, TREATED_UNIT, UNIT
from bri_bayes.design.analysis import Fit
from bri_bayes.design.linear_terms import binned_event_time, event_times
from bri_bayes.design.log_link import has_log_effects

CELL = "cell"
Baseline = Literal["pre_average", "reference"]
Interval = Literal["eti", "hdi"]


def cell_effects(fit: Fit, *, baseline: Baseline = "pre_average") -> xr.DataArray:
    """tau_it of each row of an ever-treated unit that has an effect : (chain, draw, cell), outcome units.

    ``cell`` carries unit, period and event_time. With leads the baseline is each unit's pre-period average, or event
    time -1 ("reference"), whose row is then present with effect zero.
    """
    design, card = fit.design, fit.analysis.card
    effect = fit.posterior["posterior"]["effect"]
    binned, times = binned_event_time(design, card), event_times(design, card)
    ever_treated = np.isfinite(design["event_time"].to_numpy())
    rows = np.flatnonzero(ever_treated & ((binned >= 0) | (card.effects.leads & (binned < 0))))
    units = design[UNIT].to_numpy()[design["unit_ix"].to_numpy()[rows]]
    positions = np.searchsorted(times, binned[rows]).clip(0, times.size - 1)
    known = times[positions] == binned[rows]
    order = {str(name): position for position, name in enumerate(effect[TREATED_UNIT].to_numpy())}
    draws = effect.transpose(*SAMPLE, TREATED_UNIT, EVENT_TIME).to_numpy()
    values = draws[..., [order[str(u)] for u in units], positions] * known
    values = values + _modifier_part(fit, rows)
    event_time = design["event_time"].to_numpy()[rows].astype(int)
    if card.effects.leads and baseline == "pre_average":
        for unit in np.unique(units):
            of_unit = units == unit
            before = of_unit & (event_time < 0)
            if before.any():
                values[..., of_unit] -= values[..., before].mean(axis=-1, keepdims=True)
    return xr.DataArray(
        values,
        dims=(*SAMPLE, CELL),
        coords={
            **{dim: effect[dim] for dim in SAMPLE},
            UNIT: (CELL, units),
            PERIOD: (CELL, design[PERIOD].to_numpy()[design["period_ix"].to_numpy()[rows]]),
            EVENT_TIME: (CELL, event_time),
        },
        attrs={"baseline": baseline if card.effects.leads else "pre_period"},
    )


def att(fit: Fit) -> xr.DataArray:
    """Average effect over treated cells : (chain, draw), outcome units."""
    cells = cell_effects(fit)
    return cells.isel({CELL: cells[EVENT_TIME].to_numpy() >= 0}).mean(CELL).rename("att")


def att_by(
    fit: Fit, by: Literal["unit", "event_time", "period"], *, baseline: Baseline = "pre_average"
) -> xr.DataArray:
    """Average effect over the treated cells of each unit, event time or period : (chain, draw, ``by``).

    With leads, event times before the onset are there too when ``by`` is "event_time".
    """
    if by not in (UNIT, EVENT_TIME, PERIOD):
        raise InputError(f'effects cannot be averaged by "{by}"; {suggest(by, (UNIT, EVENT_TIME, PERIOD))}')
    cells = cell_effects(fit, baseline=baseline)
    if by != EVENT_TIME:
        cells = cells.isel({CELL: cells[EVENT_TIME].to_numpy() >= 0})
    return cells.groupby(by).mean(CELL).rename(f"att_by_{by}").transpose(*SAMPLE, by)


def percent(effect: xr.DataArray, fit: Fit) -> xr.DataArray:
    """Percent change 100 (exp(effect) - 1) of the outcome's level, for an effect in log points."""
    _require_log(fit)
    return xr.DataArray(100 * np.expm1(effect))


def counterfactual(fit: Fit) -> xr.DataArray:
    """Outcome without the policy, y_it - tau_it : (chain, draw, unit, period) of the ever-treated units.

    Equal to the outcome before the onset; NaN where there is no outcome. A level under a card with a log link would
    have been y_it exp(-tau_it).
    """
    design = fit.design
    cells = cell_effects(fit)
    units = design[TREATED_UNIT].to_numpy()
    periods = design[PERIOD].to_numpy()
    path = np.full((*(cells.sizes[dim] for dim in SAMPLE), units.size, periods.size), np.nan)
    path[...] = observed_path(fit).to_numpy()
    post = np.flatnonzero(cells[EVENT_TIME].to_numpy() >= 0)
    at_unit = np.array([int(np.flatnonzero(units == u)[0]) for u in cells[UNIT].to_numpy()[post]])
    at_period = np.searchsorted(periods, cells[PERIOD].to_numpy()[post])
    effects = cells.to_numpy()[..., post]
    if _is_level(fit):
        path[..., at_unit, at_period] *= np.exp(-effects)
    else:
        path[..., at_unit, at_period] -= effects
    coords = {**{dim: cells[dim] for dim in SAMPLE}, UNIT: units, PERIOD: periods}
    return xr.DataArray(path, dims=(*SAMPLE, UNIT, PERIOD), coords=coords, name="counterfactual")


def observed_path(fit: Fit) -> xr.DataArray:
    """The outcome of the ever-treated units : (unit, period), NaN where there is none."""
    design = fit.design
    table = np.full((design.sizes[UNIT], design.sizes[PERIOD]), np.nan)
    table[design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()] = design["y"].to_numpy()
    full = xr.DataArray(table, dims=(UNIT, PERIOD), coords={UNIT: design[UNIT], PERIOD: design[PERIOD]})
    return full.sel({UNIT: design[TREATED_UNIT].to_numpy()}).rename("observed")


def additional_trade(fit: Fit) -> xr.DataArray:
    """Level with the policy minus level without, all treated units together : (chain, draw, period), US dollars a year.

    sum_i exp(y_it) - exp(y_it - tau_it), times the US dollars in one unit of the level.
    """
    _require_log(fit)
    dollars = fit.design.attrs.get("outcome_level_to_usd")
    if not dollars:
        raise InputError(f'the outcome "{fit.design.attrs["outcome"]}" does not say how many US dollars its unit is')
    paths = observed_path(fit), counterfactual(fit)
    observed, without = paths if _is_level(fit) else (np.exp(path) for path in paths)
    difference = xr.DataArray(observed - without)
    onset = int(np.nanmin(fit.design["first_treated"].to_numpy()))
    post = difference.sel({PERIOD: fit.design[PERIOD] >= onset})
    total = xr.DataArray(post.sum(UNIT) * float(dollars))
    return total.rename("additional_trade_usd").transpose(*SAMPLE, PERIOD)


def summarise(
    draws: xr.DataArray, *, prob: float = PROB, rope: tuple[float, float] | None = None, interval: Interval = "eti"
) -> pd.DataFrame:
    """mean, sd, median, interval, P(> 0) and, with a region of practical equivalence, the share inside it.

    One row for each element of the dimensions other than chain and draw, which form the index.
    """
    if not 0 < prob < 1:
        raise InputError(f"the probability of an interval must be between 0 and 1, not {prob}")
    rest = [dim for dim in draws.dims if dim not in SAMPLE]
    flat = draws.transpose(*rest, *SAMPLE).to_numpy().reshape(-1, draws.sizes["chain"] * draws.sizes[DRAW])
    lower, upper = _eti(flat, prob) if interval == "eti" else _hdi(flat, prob)
    columns: dict[str, Any] = {
        "mean": flat.mean(axis=1),
        "sd": flat.std(axis=1, ddof=1),
        "median": np.median(flat, axis=1),
        "lower": lower,
        "upper": upper,
        "p_positive": (flat > 0).mean(axis=1),
    }
    if rope is not None:
        columns["p_rope"] = ((flat > rope[0]) & (flat < rope[1])).mean(axis=1)
    if not rest:
        return pd.DataFrame(columns, index=pd.Index([draws.name or "value"]))
    labels = [draws[dim].to_numpy() if dim in draws.coords else range(draws.sizes[dim]) for dim in rest]
    index = pd.MultiIndex.from_product(labels, names=rest)
    return pd.DataFrame(columns, index=index if len(rest) > 1 else index.get_level_values(0))


def _modifier_part(fit: Fit, rows: np.ndarray) -> Any:
    """What the modifiers add to the effect of treated rows, at their own values : (chain, draw, rows) or zero."""
    posterior, design = fit.posterior["posterior"], fit.design
    if "modifier_effect" not in posterior:
        return 0.0
    z = design["Z"].to_numpy()[rows] - design["z_center"].to_numpy()
    after = design["treated"].to_numpy()[rows]
    if "modifier_deviation" in posterior:
        slopes = posterior["modifier_effect"] + posterior["modifier_deviation"]
        names = design[UNIT].to_numpy()[design["unit_ix"].to_numpy()[rows]]
        by_row = slopes.sel({TREATED_UNIT: names}).transpose(*SAMPLE, TREATED_UNIT, "modifier").to_numpy()
        return (by_row * z).sum(axis=-1) * after
    return posterior["modifier_effect"].transpose(*SAMPLE, "modifier").to_numpy() @ (z * after[:, None]).T


def _eti(flat: np.ndarray, prob: float) -> np.ndarray:
    return np.asarray(np.quantile(flat, [(1 - prob) / 2, (1 + prob) / 2], axis=1))


def _hdi(flat: np.ndarray, prob: float) -> tuple[np.ndarray, np.ndarray]:
    """The shortest interval with a share ``prob`` of the draws, of each row."""
    ordered = np.sort(flat, axis=1)
    inside = int(np.floor(prob * flat.shape[1]))
    width = ordered[:, inside:] - ordered[:, : flat.shape[1] - inside]
    first = width.argmin(axis=1)[:, None]
    return np.take_along_axis(ordered, first, 1)[:, 0], np.take_along_axis(ordered, first + inside, 1)[:, 0]


def _is_level(fit: Fit) -> bool:
    """Whether effects are log points while the outcome is a level."""
    return fit.design.attrs.get("outcome_transform", "none") == "none" and has_log_effects(fit.design)


def _require_log(fit: Fit) -> None:
    transform = fit.design.attrs.get("outcome_transform", "none")
    if not has_log_effects(fit.design):
        raise InputError(f'the outcome "{fit.design.attrs["outcome"]}" is not in logs (transform "{transform}")')
