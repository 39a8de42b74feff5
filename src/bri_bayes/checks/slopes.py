"""What does a posterior say of an effect that moves with a modifier? Curve, slope, zero, and how much was learned.

With tau_it the effect of a treated cell at the modifier's centre z_bar, and gamma_i the slope of its country:

    effect(z) = mean_it tau_it + gamma (z - z_bar),    gamma = mean_it gamma_i        (means over treated cells)
    zero      = z_bar - mean_it tau_it / gamma

Rules. The slope is told from zero when its 95% interval excludes zero; only then has the zero an interval (a ratio
whose denominator may be zero has none). Contraction = 1 - posterior variance / prior variance of the slope: below 0.5
the answer is mostly the prior, from 0.9 mostly the data, between them both (the word is from Betancourt 2018,
arXiv:1803.08393).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import Effect, EffectAt, Middle
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import PERIOD, SAMPLE, UNIT
from bri_bayes.design.analysis import Fit
from bri_bayes.design.design import Design
from bri_bayes.estimands.effects import att

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


@dataclass(frozen=True)
class Zero(Result):
    """Where the effect is zero: an interval only where it ``exists``, and on which side of the observed range."""

    exists: bool
    p_below: float
    p_inside: float
    p_above: float
    median: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class Span(Result):
    """The modifier over the treated cells of a unit, periods ``first`` to ``last``."""

    unit: str
    first: int
    last: int
    low: float
    high: float
    mean: float


@dataclass(frozen=True)
class Learned(Result):
    """How much narrower than its prior the slope is."""

    prior_sd: float
    posterior_sd: float
    contraction: float
    verdict: str


@dataclass(frozen=True)
class Densities(Result):
    """Prior and posterior of the slope on one grid."""

    grid: Sequence[float]
    prior: Sequence[float]
    posterior: Sequence[float]


@dataclass(frozen=True)
class SlopeResult(Result):
    """An effect that moves with a modifier, over its observed ``range``."""

    slope: Effect
    p_negative: float
    main_effect: Effect | None
    slope_by_unit: Mapping[str, Effect]
    att: Effect
    at_center: Effect
    center: float
    range: Sequence[float]
    curve: Sequence[EffectAt]
    observed: Sequence[Span]
    between_share: float | None
    zero: Zero
    learned: Learned
    density: Densities


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


def slope_values(draws: SlopeDraws, prior: Array) -> SlopeResult:
    """Everything that tables and figures show of one version of a moderation."""
    values = [z for _, _, z in draws.cells]
    low, high = min(values), max(values)
    return SlopeResult(
        slope=Effect.of_draws(draws.slope),
        p_negative=float((draws.slope < 0).mean()),
        main_effect=None if draws.main is None else Effect.of_draws(draws.main),
        slope_by_unit={unit: Effect.of_draws(slopes) for unit, slopes in draws.by_unit.items()},
        att=Effect.of_draws(draws.att),
        at_center=Effect.of_draws(draws.at_center),
        center=draws.center,
        range=[low, high],
        curve=[EffectAt(**vars(Effect.of_draws(_at(draws, z))), at=float(z)) for z in np.linspace(low, high, POINTS)],
        observed=_observed(draws),
        between_share=_between_share(draws),
        zero=_zero(draws, low, high),
        learned=learned(prior, draws.slope),
        density=densities(prior, draws.slope),
    )


def learned(prior: Array, posterior: Array) -> Learned:
    """Prior against posterior spread of the slope, with the verdict of the rule at the top of this module."""
    contraction = 1.0 - float(posterior.var() / prior.var())
    if contraction < MOSTLY_PRIOR:
        verdict = "mostly the prior"
    else:
        verdict = "mostly the data" if contraction >= MOSTLY_DATA else "the prior and the data"
    return Learned(
        prior_sd=float(prior.std()),
        posterior_sd=float(posterior.std()),
        contraction=contraction,
        verdict=verdict,
    )


def densities(prior: Array, posterior: Array) -> Densities:
    """Kernel densities of both on one grid, which holds the posterior and two prior sds."""
    reach = max(2.0 * float(prior.std()), float(np.abs(np.quantile(posterior, [0.0005, 0.9995])).max()))
    grid = np.linspace(-reach, reach, GRID)
    return Densities(
        grid=grid.tolist(),
        prior=_kernel(prior, grid).tolist(),
        posterior=_kernel(posterior, grid).tolist(),
    )


def _at(draws: SlopeDraws, z: float) -> Array:
    return draws.at_center + draws.slope * (z - draws.center)


def _zero(draws: SlopeDraws, low: float, high: float) -> Zero:
    """The value of the modifier at which the effect is zero; it need not exist."""
    told = Effect.of_draws(draws.slope).excludes_zero
    at = draws.center - draws.at_center / draws.slope
    middle = Middle.of_draws(at) if told else None
    return Zero(
        exists=told,
        p_below=float((at < low).mean()),
        p_inside=float(((at >= low) & (at <= high)).mean()),
        p_above=float((at > high).mean()),
        median=None if middle is None else middle.median,
        lower=None if middle is None else middle.lower,
        upper=None if middle is None else middle.upper,
    )


def _observed(draws: SlopeDraws) -> list[Span]:
    """The span of the modifier over the treated cells of each unit."""
    spans = []
    for unit in draws.by_unit:
        cells = [(period, z) for name, period, z in draws.cells if name == unit]
        periods, z = [period for period, _ in cells], [value for _, value in cells]
        spans.append(Span(unit, min(periods), max(periods), min(z), max(z), float(np.mean(z))))
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
