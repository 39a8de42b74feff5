"""Which numbers does a reader see? Fits and estimates as plain JSON values; nothing is computed after this."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bri_bayes.core.effect import Effect
from bri_bayes.data.comparable import covariate_costs, staggered_note
from bri_bayes.data.panel import period_labels
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.design.design import Design
from bri_bayes.design.log_link import has_log_effects
from bri_bayes.estimands.effects import (
    additional_trade,
    att,
    counterfactual,
    observed_path,
    percent,
    summarise,
)
from bri_bayes.estimands.linear import Averages, averages, coefficient_effects, effects_by


def panel_values(panel: xr.Dataset, design: Design) -> dict[str, Any]:
    """The "panel" of every JSON: kind, label, units, periods, rows, sources."""
    return {
        "kind": panel.attrs["kind"],
        "label": panel.attrs.get("label"),
        "units": [str(unit) for unit in design["unit"].values],
        "periods": [int(period) for period in design["period"].values],
        "period_unit": str(panel["period"].attrs.get("unit", "year")),
        "period_labels": _labels_of_ordinals(panel),
        "rows": design.sizes["obs"],
        "rows_dropped": design.attrs["rows_dropped"],
        "units_without_rows": design.attrs["units_without_rows"],
        "sources": list(panel.attrs.get("sources", [])),
    }


def _labels_of_ordinals(panel: xr.Dataset) -> dict[str, str]:
    """Ordinal -> the period as the file writes it; none where they are the same, as years are."""
    return {str(at): label for at, label in period_labels(panel).items() if str(at) != label}


def fit_values(fit: Fit) -> dict[str, Any]:
    """Everything that tables and figures show of one fit."""
    card, design = fit.analysis.card, fit.design
    every = averages(fit, ("unit", "event_time", "period"), cells=True)
    values: dict[str, Any] = {
        "card": card.name,
        "title": card.title,
        "att": every.att.as_dict(),
        "by_unit": as_dicts(every.by["unit"]),
        "by_event_time": as_dicts(every.by["event_time"]),
        "by_period": as_dicts(every.by["period"]),
        "by_unit_and_period": by_unit_and_period(every),
        "baseline": "pre-period average" if card.effects.leads else "pre-period",
        "parameters": _parameters(fit),
        "diagnostics": dict(fit.diagnostics),
        "log_marginal": fit.log_marginal,
    }
    if card.effects.leads:
        values["by_event_time_reference"] = as_dicts(effects_by(fit, "event_time", baseline="reference"))
    if has_log_effects(design):
        values["percent"] = _in_percent(fit, values["att"])
        values["counterfactual"] = _paths(fit)
        if design.attrs.get("outcome_level_to_usd"):
            values["additional_trade_usd"] = as_dicts(records(additional_trade(fit)))
    return values


def _in_percent(fit: Fit, effect: Mapping[str, float]) -> dict[str, float]:
    """The effect in percent: its mean and the ends of its interval are 100 (exp(x) - 1) of the exact ones in logs.

    A published estimate in logs is turned into percent in the same way. The posterior mean of the percentage itself is
    larger, by half the variance in logs, and is an average over the right tail; the sd is that of the percentage.
    """
    record = _record(summarise(percent(att(fit), fit)).iloc[0])
    with np.errstate(over="ignore"):  # beyond the range of floats a number is infinite
        exact = {name: float(100 * np.expm1(effect[name])) for name in ("mean", "lower", "upper")}
    return {**record, **exact, "p_positive": effect["p_positive"]}


def warnings_of(analysis: Analysis) -> list[str]:
    """What a reader must know about the data before the numbers: kind, dropped rows, empty units, few clusters."""
    design, panel = analysis.design, analysis.panel
    notes = []
    if panel.attrs["kind"] in ("simulation", "reconstruction"):
        notes.append(f"The panel is a {panel.attrs['kind']}, not observed data: {panel.attrs.get('label')}.")
    if design.attrs["rows_dropped"]:
        missing = design.attrs["rows_dropped"]
        notes.append(
            f"{missing:,} of {missing + design.sizes['obs']:,} cells (a unit in a period each) are left out: the "
            "file has no row or no value there, and none was filled."
        )
    if design.attrs["units_without_rows"]:
        notes.append(f"No rows at all: {', '.join(design.attrs['units_without_rows'])}.")
    treated, controls = design.sizes["treated_unit"], design.sizes["unit"] - design.sizes["treated_unit"]
    if min(treated, controls) < 10:
        notes.append(
            f"{treated} treated and {controls} control units: cluster-robust standard errors and normal critical "
            "values are not reliable with so few."
        )
    return notes


def comparison_notes(analysis: Analysis) -> list[str]:
    """What is adjusted for and what that costs, and that two-way estimates are of another quantity if onsets differ."""
    card, panel, notes = analysis.card, analysis.panel, []
    if card.covariates:
        notes.append(
            f"Adjusted for {', '.join(str(panel[name].attrs.get('label') or name) for name in card.covariates)}."
        )
        notes += covariate_costs(panel, str(card.outcome), card.covariates)
    if len(analysis.assignment.onsets) > 1:
        notes.append(staggered_note(panel, analysis.assignment))
    return notes


def by_unit_and_period(effects: Averages) -> dict[str, dict[str, dict[str, float]]]:
    """The effect in each treated unit and period, by unit and then by period."""
    return {unit: as_dicts(of_unit) for unit, of_unit in effects.cells.items()}


def as_dicts(effects: Mapping[str, Effect]) -> dict[str, dict[str, float]]:
    """One "att" for each label."""
    return {label: effect.as_dict() for label, effect in effects.items()}


def _record(row: pd.Series) -> dict[str, float]:
    return {name: float(row[name]) for name in ("mean", "sd", "lower", "upper", "p_positive")}


def records(draws: xr.DataArray) -> dict[str, Effect]:
    """An effect for each label of the only dimension beside chain and draw."""
    return {str(label): Effect(**_record(row)) for label, row in summarise(draws).iterrows()}


def _parameters(fit: Fit) -> dict[str, dict[str, float]]:
    """Scalars of the posterior (sigma, rho, omega, eta, ...) and covariate coefficients."""
    posterior = fit.posterior["posterior"]
    wanted: dict[str, dict[str, float]] = {}
    for name, draws in posterior.data_vars.items():
        if draws.ndim == 2:
            wanted[str(name)] = _record(summarise(draws).iloc[0])
        elif name in ("beta", "modifier_effect"):
            wanted |= {f"{name}[{label}]": effect.as_dict() for label, effect in coefficient_effects(fit, name).items()}
        elif name in ("sigma_unit", "trend"):
            wanted |= {f"{name}[{label}]": effect.as_dict() for label, effect in records(draws).items()}
    return wanted


def _paths(fit: Fit) -> dict[str, dict[str, dict[str, float]]]:
    """Observed outcome and counterfactual (mean, interval) of each treated unit and period with an outcome."""
    observed = observed_path(fit)
    table = summarise(counterfactual(fit))
    paths: dict[str, dict[str, dict[str, float]]] = {}
    for (unit, period), row in table.iterrows():
        seen = float(observed.sel(unit=unit, period=period))
        if math.isfinite(seen):
            record = {"observed": seen, "mean": row["mean"], "lower": row["lower"], "upper": row["upper"]}
            paths.setdefault(str(unit), {})[str(period)] = {name: float(value) for name, value in record.items()}
    return paths
