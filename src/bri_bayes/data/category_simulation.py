"""Would we rank products that we ordered ourselves? Trade by category with effects that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import CATEGORY, PERIOD, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import Array, simulate_errors


def simulate_categories(
    assignment: Assignment,
    periods: Sequence[int],
    effects: Mapping[str, float],
    *,
    path: tuple[float, float] = (1.0, 1.0),
    country_spread: float = 0.0,
    levels: Mapping[str, Mapping[str, float]] | None = None,
    growth: Mapping[str, float] | float = 0.0,
    rho: float = 0.5,
    innovation_sd: Mapping[str, float] | float = 0.25,
    shared: float = 0.4,
    seed: int | np.random.Generator,
) -> xr.Dataset:
    """Trade in levels : (unit, period, category), with the truth in ``attrs["truth"]``.

        log y_cit = a_ci + growth_c t + l_ct + D_it effect_c path(k) + u_ci D_it + e_cit,  e_cit = rho e_ci,t-1 + w_cit

    The innovations w of a unit and period have correlation ``shared`` between all categories: shocks of the country.
    ``path`` : first and last multiple of the effect over event times, on a straight line; their mean is 1 where the
    two add up to 2. ``country_spread`` : sd of u, drawn to add up to zero over the treated units, so that ``effects``
    is the average effect over treated cells. ``levels`` : unit -> category -> level in the first period (None: 1).
    """
    rng = np.random.default_rng(seed)
    units, years, names = sorted(assignment.units), sorted(int(period) for period in periods), list(effects)
    if not 0 <= shared < 1:
        raise InputError(f"the correlation of shocks between categories must be at least 0 and below 1, not {shared}")
    shape = len(names), len(units), len(years)
    sd = np.array([innovation_sd[name] if isinstance(innovation_sd, Mapping) else innovation_sd for name in names])
    rate = np.array([growth[name] if isinstance(growth, Mapping) else growth for name in names])
    common = simulate_errors(rng, shape[1:], rho=rho)
    single = simulate_errors(rng, shape, rho=rho)
    errors = sd[:, None, None] * (np.sqrt(shared) * common + np.sqrt(1 - shared) * single)
    start = np.zeros(shape[:2])
    if levels is not None:
        start = np.log([[levels[unit][name] for unit in units] for name in names])
    time = np.arange(len(years))
    trend = rate[:, None] * time + np.cumsum(rng.normal(0, 0.05, (shape[0], shape[2])), axis=1)
    treated = np.zeros(shape[1:])
    onset = min(assignment.onsets)
    for row, unit in enumerate(units):
        first = assignment.first_treated[unit]
        if first is not None:
            after = np.array([year - first for year in years])
            multiple = np.interp(after, [0, max(years[-1] - onset, 1)], path)
            treated[row] = np.where(after >= 0, multiple, 0.0)
    deviation = np.zeros(shape[:2])
    rows = [units.index(unit) for unit in assignment.treated_units]
    drawn = rng.normal(0, country_spread, (shape[0], len(rows)))
    deviation[:, rows] = drawn - drawn.mean(axis=1, keepdims=True)
    size = np.array([effects[name] for name in names])
    effect = size[:, None, None] * treated + deviation[:, :, None] * (treated > 0)
    log_level = start[:, :, None] + trend[:, None, :] + effect + errors
    level: Array = np.exp(np.moveaxis(log_level, 0, -1))
    coords = {UNIT: np.array(units, dtype=str), PERIOD: np.array(years, dtype=np.int64), CATEGORY: names}
    label = f"Simulated trade of {shape[1]} units in {shape[0]} categories: not observations"
    attrs = {"kind": "simulation", "label": label, "sources": [], "truth": {"effect": dict(effects), "rho": rho}}
    return xr.Dataset({"trade": ((UNIT, PERIOD, CATEGORY), level)}, coords=coords, attrs=attrs)


# Chosen for this panel and copied from no data: total trade with China in 2003, million US dollars, rounded.
_TOTALS: Mapping[str, float] = {
    "AZE": 20,
    "BLR": 60,
    "KAZ": 300,
    "KGZ": 40,
    "MNG": 50,
    "SRB": 60,
    "TJK": 15,
    "TKM": 40,
    "UZB": 90,
}
# Rounded shares of the seven groups, the growth of every country a year, and the sd of innovations: small and
# lumpy groups (aircraft) move most.
_GROUPS: Mapping[str, tuple[float, float, float]] = {
    "792": (0.05, 0.06, 0.50),
    "75": (0.15, 0.10, 0.30),
    "76": (0.26, 0.12, 0.25),
    "54": (0.07, 0.07, 0.25),
    "87": (0.12, 0.10, 0.30),
    "77": (0.21, 0.11, 0.25),
    "59": (0.14, 0.09, 0.25),
}
# The average effect over treated cells, log points. Not the order that the paper names: a simulation that agrees with
# the paper could be mistaken for evidence.
PLANTED: Mapping[str, float] = {
    "792": 0.00,
    "75": 0.30,
    "76": 0.15,
    "54": 0.05,
    "87": 0.22,
    "77": 0.10,
    "59": 0.18,
}
_NINE = Assignment(
    {
        **dict.fromkeys(("KAZ", "KGZ", "TJK", "TKM", "UZB"), 2013),
        **dict.fromkeys(("MNG", "BLR", "AZE", "SRB"), None),
    }
)
_SEED = 2014


def simulated_categories() -> xr.Dataset:
    """Seven groups of goods, nine countries, 2003-2023, million US dollars, with effects we chose. Not observations."""
    levels = {unit: {name: total * row[0] for name, row in _GROUPS.items()} for unit, total in _TOTALS.items()}
    panel = simulate_categories(
        _NINE,
        range(2003, 2024),
        PLANTED,
        path=(0.5, 1.5),
        country_spread=0.05,
        levels=levels,
        growth={name: row[1] for name, row in _GROUPS.items()},
        rho=0.6,
        innovation_sd={name: row[2] for name, row in _GROUPS.items()},
        shared=0.4,
        seed=_SEED,
    )
    label = "Simulated trade of nine countries in seven groups of goods, 2003-2023: not observations"
    return panel.assign_attrs(label=label, sources=["simulated by bri_bayes"])
