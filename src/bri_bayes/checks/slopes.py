"""What does a posterior say of an effect that moves with a modifier? Curve, slope, zero, and how much was learned.

With tau_it the effect of a treated cell at the modifier's centre z_bar, and gamma_i the slope of its country:

    effect(z) = mean_it tau_it + gamma (z - z_bar),    gamma = mean_it gamma_i        (means over treated cells)
    zero      = z_bar - mean_it tau_it / gamma

Rules. The slope is told from zero when its 95% interval leaves zero out; only then has the zero an interval (a ratio
whose denominator may be zero has none). Contraction = 1 - posterior variance / prior variance of the slope: below 0.5
the answer is mostly the prior, from 0.9 mostly the data, between them both (the word is from Betancourt 2018,
arXiv:1803.08393).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import PERIOD, SAMPLE, UNIT
from bri_bayes.design.analysis import Fit
from bri_bayes.design.design import Design
from bri_bayes.estimands.effects import att, summarise

PROB = 0.95
POINTS = 41  # of the curve
GRID = 121  # of the densities
MOSTLY_PRIOR, MOSTLY_DATA = 0.5, 0.9
PRIOR_DRAWS = 20_000


@dataclass(frozen=True)
class SlopeDraws:
    """Draws (R,) in units of the outcome, slopes per unit of the modifier.

    ``at_center`` : average effect at the centre; ``slope`` : average over treated cells; ``by_unit`` : of each treated
    unit with treated rows; ``main`` : the modifier's own slope; ``cells`` : unit, period and modifier of treated rows.
    """

    at_center: Array
    slope: Array
    by_unit: Mapping[str, Array]
    main: Array | None
    att: Array
    center: float
    cells: tuple[tuple[str, int, float], ...]


def draws_of_fit(fit: Fit, modifier: str) -> SlopeDraws:
    """The draws of a fit whose card has ``modifier``."""
    design, posterior = fit.design, fit.posterior["posterior"]
    cells = treated_cells(design, modifier)
    slopes = posterior["modifier_effect"].sel(modifier=modifier)
    by_unit: dict[str, Array] = {}
    for unit in dict.fromkeys(unit for unit, _, _ in cells):
        of_unit = slopes
        if "modifier_deviation" in posterior:
            of_unit = slopes + posterior["modifier_deviation"].sel(modifier=modifier, treated_unit=unit)
        by_unit[unit] = flat(of_unit)
    own_part = np.mean([by_unit[unit] * (z - _center(design, modifier)) for unit, _, z in cells], axis=0)
    average = flat(att(fit))
    main = None
    if "beta" in posterior and modifier in posterior["covariate"].to_numpy():
        main = flat(posterior["beta"].sel(covariate=modifier))
    slope = np.mean([by_unit[unit] for unit, _, _ in cells], axis=0)
    return SlopeDraws(average - own_part, slope, by_unit, main, average, _center(design, modifier), cells)


def treated_cells(design: Design, modifier: str) -> tuple[tuple[str, int, float], ...]:
    """Unit, period and modifier of each treated row."""
    rows = np.flatnonzero(design["treated"].to_numpy())
    units = design[UNIT].to_numpy()[design["unit_ix"].to_numpy()[rows]]
    periods = design[PERIOD].to_numpy()[design["period_ix"].to_numpy()[rows]]
    z = design["Z"].to_numpy()[rows, _position(design, modifier)]
    return tuple((str(u), int(p), float(v)) for u, p, v in zip(units, periods, z, strict=True))


def prior_slope(fit_or_design: Design, modifier: str, card: Any, seed: int) -> Array:
    """Draws of the average slope under its prior : (PRIOR_DRAWS,), outcome units per unit of the modifier."""
    design, rng = fit_or_design, np.random.default_rng([seed, 7])
    units = [unit for unit, _, _ in treated_cells(design, modifier)]
    share = np.array([units.count(unit) / len(units) for unit in dict.fromkeys(units)])
    scale = design.attrs["y_scale"] / float(design["z_scale"].to_numpy()[_position(design, modifier)])
    slope = rng.normal(0, card.priors.modifier, PRIOR_DRAWS)
    if card.effects.modifier_slopes == "by_unit":
        omega = np.abs(rng.normal(0, card.priors.modifier_unit, PRIOR_DRAWS))
        slope = slope + omega * (rng.standard_normal((PRIOR_DRAWS, share.size)) @ share)
    return np.asarray(slope * scale)


def slope_values(draws: SlopeDraws, prior: Array) -> dict[str, Any]:
    """Everything that tables and figures show of one version of a moderation."""
    values = [z for _, _, z in draws.cells]
    low, high = min(values), max(values)
    slope = record(draws.slope)
    return {
        "slope": slope,
        "p_negative": float((draws.slope < 0).mean()),
        "main_effect": None if draws.main is None else record(draws.main),
        "slope_by_unit": {unit: record(slope_of_unit) for unit, slope_of_unit in draws.by_unit.items()},
        "att": record(draws.att),
        "at_center": record(draws.at_center),
        "center": draws.center,
        "range": [low, high],
        "curve": [{"at": float(z), **record(_at(draws, z))} for z in np.linspace(low, high, POINTS)],
        "observed": _observed(draws),
        "between_share": _between_share(draws),
        "zero": _zero(draws, low, high),
        "learned": learned(prior, draws.slope),
        "density": densities(prior, draws.slope),
    }


def record(draws: Array) -> dict[str, float]:
    """The "att" of every JSON for draws (R,)."""
    row = summarise(xr.DataArray(draws[None, :], dims=SAMPLE), prob=PROB).iloc[0]
    return {name: float(row[name]) for name in ("mean", "sd", "lower", "upper", "p_positive")}


def learned(prior: Array, posterior: Array) -> dict[str, Any]:
    """Prior against posterior spread of the slope, with the verdict of the rule at the top of this module."""
    contraction = 1.0 - float(posterior.var() / prior.var())
    if contraction < MOSTLY_PRIOR:
        verdict = "mostly the prior"
    else:
        verdict = "mostly the data" if contraction >= MOSTLY_DATA else "the prior and the data"
    return {
        "prior_sd": float(prior.std()),
        "posterior_sd": float(posterior.std()),
        "contraction": contraction,
        "verdict": verdict,
    }


def densities(prior: Array, posterior: Array) -> dict[str, list[float]]:
    """Kernel densities of both on one grid, which holds the posterior and two prior sds."""
    reach = max(2.0 * float(prior.std()), float(np.abs(np.quantile(posterior, [0.0005, 0.9995])).max()))
    grid = np.linspace(-reach, reach, GRID)
    return {
        "grid": grid.tolist(),
        "prior": _kernel(prior, grid).tolist(),
        "posterior": _kernel(posterior, grid).tolist(),
    }


def _at(draws: SlopeDraws, z: float) -> Array:
    return draws.at_center + draws.slope * (z - draws.center)


def _zero(draws: SlopeDraws, low: float, high: float) -> dict[str, Any]:
    """The value of the modifier at which the effect is zero; it need not exist."""
    slope = record(draws.slope)
    told = slope["lower"] > 0 or slope["upper"] < 0
    at = draws.center - draws.at_center / draws.slope
    zero: dict[str, Any] = {
        "exists": told,
        "p_below": float((at < low).mean()),
        "p_inside": float(((at >= low) & (at <= high)).mean()),
        "p_above": float((at > high).mean()),
        "median": None,
        "lower": None,
        "upper": None,
    }
    if told:
        lower, median, upper = np.quantile(at, [(1 - PROB) / 2, 0.5, (1 + PROB) / 2])
        zero |= {"median": float(median), "lower": float(lower), "upper": float(upper)}
    return zero


def _observed(draws: SlopeDraws) -> list[dict[str, Any]]:
    """The span of the modifier over the treated cells of each unit."""
    spans = []
    for unit in draws.by_unit:
        cells = [(period, z) for name, period, z in draws.cells if name == unit]
        periods, z = [period for period, _ in cells], [value for _, value in cells]
        span = {"low": min(z), "high": max(z), "mean": float(np.mean(z))}
        spans.append({"unit": unit, "first": min(periods), "last": max(periods), **span})
    return spans


def _between_share(draws: SlopeDraws) -> float:
    """The share of the modifier's variance over treated cells that lies between units."""
    z = np.array([value for _, _, value in draws.cells])
    means = {unit: np.mean([v for name, _, v in draws.cells if name == unit]) for unit in draws.by_unit}
    between = np.array([means[unit] for unit, _, _ in draws.cells])
    return float(between.var() / z.var())


def _kernel(draws: Array, grid: Array) -> Array:
    """A Gaussian kernel density with Silverman's bandwidth (1986, Density Estimation, eq. 3.31)."""
    spread = min(float(draws.std()), float(np.subtract(*np.quantile(draws, [0.75, 0.25]))) / 1.34)
    width = 0.9 * spread * draws.size**-0.2
    z = (grid[:, None] - draws[None, :]) / width
    return np.asarray(np.exp(-0.5 * z**2).mean(axis=1) / (width * np.sqrt(2 * np.pi)))


def flat(draws: Any) -> Array:
    """Draws (chain, draw) in one row : (R,)."""
    return np.asarray(xr.DataArray(draws).transpose(*SAMPLE).to_numpy().ravel())


def _center(design: Design, modifier: str) -> float:
    return float(design["z_center"].to_numpy()[_position(design, modifier)])


def _position(design: Design, modifier: str) -> int:
    return [str(name) for name in design["modifier"].values].index(modifier)
