"""Does the model make panels that look like this one? Posterior predictive checks of what an interval rests on.

Panels are drawn from the posterior, effects included, and a statistic of the observed panel is placed among theirs,
p = P(T(y_rep) >= T(y) | y). Statistics are taken from what unit and period effects leave of the rows without
treatment, so no effect enters them:

    autocorrelation    of neighbouring years within countries; too high means intervals that are too short
    second lag         what the error two years ago adds to last year's, (r_2 - r_1^2) / (1 - r_1^2) of the
                       autocorrelations r; zero for AR(1), above it where noise of single years hides a longer memory
    shared growth      variance over years before the onset of the difference of the mean changes of treated units and
                       controls, against that of independent units,
                       var_t(D_t / sqrt(1/n_1t + 1/n_0t)) / within-group variance of changes; one where units are
                       independent, above it where those of a group share shocks
    spread             largest against smallest sd of a country; large means that one error scale is wrong
    largest jump       largest change from one year to the next in a country; large means heavier tails than normal
    common trend       difference between the linear trends of treated and control units before the onset

A panel with too few rows for a statistic goes without it.
Source: Gelman, Meng & Stern (1996), Statistica Sinica 6(4); Gelman et al. (2013), Bayesian Data Analysis, ch. 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.checks.null_model import Draws, periods_of, posterior_draws, replicas
from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.effect import TAILS, Spread
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import UNIT
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import RELATIVE_ZERO, Design
from bri_bayes.design.fixed_effects import TwoWay

# A posterior predictive p-value outside these says that the model does not make such panels.
EXTREME = TAILS
# Rows that a country needs for an sd of its own.
LEAST_ROWS = 4
# Draws that are kept for a figure.
_KEPT = 300

NAMES = {
    "autocorrelation": "autocorrelation of neighbouring years",
    "second_lag": "memory beyond neighbouring years",
    "shared_growth": "shocks that a group shares",
    "spread": "largest against smallest spread",
    "largest_jump": "largest change in a year",
    "common_trend": "difference in trends before the onset",
}
QUESTIONS = {
    "autocorrelation": "How alike are the errors of neighbouring years in one country?",
    "second_lag": "Do errors last longer than those of neighbouring years say?",
    "shared_growth": "How much more do the means of treated and control units part than those of independent ones?",
    "spread": "How much more does the most restless country vary than the calmest?",
    "largest_jump": "How large is the largest change from one year to the next?",
    "common_trend": "How far apart are the trends of treated and control units before the onset?",
}


@dataclass(frozen=True)
class Placed(Result):
    """A number of this panel among those of simulated ones. ``extreme`` : the model does not make such panels."""

    observed: float
    mean: float
    lower: float
    upper: float
    p_value: float
    extreme: bool


@dataclass(frozen=True)
class Statistic(Placed):
    """``draws`` : of some simulated panels, for a figure."""

    statistic: str
    question: str
    draws: Sequence[float]


@dataclass(frozen=True)
class PredictiveChecks(Result):
    """Each statistic, and the sd of each country, against ``panels`` simulated panels."""

    statistics: Sequence[Statistic]
    by_unit: Mapping[str, Placed]
    panels: int


def predictive_checks(
    analysis: Analysis, *, panels: int, seed: int = 0, draws: Draws | None = None
) -> PredictiveChecks:
    """A row for each statistic, and the spread of each country; ``draws`` : of the posterior, where it is known."""
    design = analysis.design
    outcomes = replicas(draws or posterior_draws(design, analysis.card, panels, seed), seed, effects=True)
    rows = np.flatnonzero(~design["treated"].to_numpy())
    both = np.vstack([design["y"].to_numpy()[None, :], outcomes])[:, rows].T
    residuals = TwoWay(*_positions(design, rows)).residuals(both)
    if np.linalg.norm(residuals[:, 0]) <= RELATIVE_ZERO * np.linalg.norm(both[:, 0]):
        return PredictiveChecks([], {}, panels)  # effects fit every row without treatment: nothing to look at
    spreads = _spreads(design, rows, residuals)
    steps = _steps(design, rows, residuals)
    statistics = {
        "autocorrelation": _autocorrelation(design, rows, residuals) if len(steps) else None,
        "second_lag": _second_lag(design, rows, residuals),
        "shared_growth": _shared_growth(design, rows, residuals, min(analysis.assignment.onsets)),
        "spread": _most_against_least(spreads),
        "largest_jump": np.abs(steps).max(axis=0) if len(steps) else None,
        "common_trend": _common_trend(design, rows, residuals, min(analysis.assignment.onsets)),
    }
    return PredictiveChecks(
        statistics=[
            Statistic(**vars(_placed(values)), statistic=name, question=QUESTIONS[name], draws=_rounded(values))
            for name, values in statistics.items()
            if values is not None
        ],
        by_unit={
            str(unit): _placed(spread)
            for unit, spread in zip(design[UNIT].values, spreads, strict=True)
            if np.isfinite(spread[0])
        },
        panels=panels,
    )


def _positions(design: Design, rows: Index) -> tuple[Index, Index]:
    """Unit and period of the rows, numbered without gaps."""
    unit, period = (
        np.unique(design[name].to_numpy()[rows], return_inverse=True)[1] for name in ("unit_ix", "period_ix")
    )
    return unit, period


def _neighbours(design: Design, rows: Index) -> Array:
    """Which of the rows but the first follow the row before in the same unit, one period later."""
    unit, period = design["unit_ix"].to_numpy()[rows], periods_of(design)[rows]
    return np.asarray((np.diff(unit) == 0) & (np.diff(period) == 1))


def _steps(design: Design, rows: Index, residuals: Array) -> Array:
    return np.asarray(np.diff(residuals, axis=0)[_neighbours(design, rows)])


def _autocorrelation(design: Design, rows: Index, residuals: Array) -> Array:
    both = _neighbours(design, rows)
    return np.asarray((residuals[1:] * residuals[:-1])[both].sum(axis=0) / (residuals**2).sum(axis=0))


def _second_lag(design: Design, rows: Index, residuals: Array) -> Array | None:
    """The partial autocorrelation at two years, from all pairs of rows one and two years apart in a unit."""
    period = periods_of(design)[rows]
    # One number a row, in the order of the rows, so that a later row of the same unit is found by its distance.
    place = design["unit_ix"].to_numpy()[rows] * (np.ptp(period) + 3) + period
    variance, correlations = (residuals**2).mean(axis=0), []
    for lag in (1, 2):
        at = np.minimum(np.searchsorted(place, place + lag), place.size - 1)
        earlier = np.flatnonzero(place[at] == place + lag)
        later = at[earlier]
        if later.size < LEAST_ROWS:
            return None
        correlations.append((residuals[later] * residuals[earlier]).mean(axis=0) / variance)
    first, second = correlations
    return np.asarray((second - first**2) / (1 - first**2))


def _shared_growth(design: Design, rows: Index, residuals: Array, onset: int) -> Array | None:
    """Variance of the groups' mean changes against each other, over what changes within groups make of it."""
    following = np.flatnonzero(_neighbours(design, rows)) + 1
    year = periods_of(design)[rows][following]
    ever = np.isfinite(design["event_time"].to_numpy())[rows][following]
    steps = residuals[following] - residuals[following - 1]
    between, within, degrees = [], np.zeros(residuals.shape[1]), 0
    for t in np.unique(year[year < onset]):
        groups = [steps[(year == t) & member] for member in (ever, ~ever)]
        if min(map(len, groups)):
            means, counts = [group.mean(axis=0) for group in groups], [len(group) for group in groups]
            between.append((means[0] - means[1]) / np.sqrt(1 / counts[0] + 1 / counts[1]))
            within += sum(((group - mean) ** 2).sum(axis=0) for group, mean in zip(groups, means, strict=True))
            degrees += sum(counts) - 2
    if len(between) < LEAST_ROWS or not degrees:
        return None
    return np.asarray(np.var(between, axis=0, ddof=1) / (within / degrees))


def _spreads(design: Design, rows: Index, residuals: Array) -> Array:
    """The sd of each unit around its mean : (unit, panel), NaN with too few rows."""
    unit = design["unit_ix"].to_numpy()[rows]
    spreads = np.full((design.sizes[UNIT], residuals.shape[1]), np.nan)
    for i in np.unique(unit):
        if (unit == i).sum() >= LEAST_ROWS:
            spreads[i] = residuals[unit == i].std(axis=0, ddof=1)
    return spreads


def _most_against_least(spreads: Array) -> Array | None:
    known = spreads[np.isfinite(spreads[:, 0])]
    return np.asarray(known.max(axis=0) / known.min(axis=0)) if len(known) > 1 else None


def _common_trend(design: Design, rows: Index, residuals: Array, onset: int) -> Array | None:
    """Slope of treated units less slope of controls in the rows before the onset, a period."""
    ever, period = np.isfinite(design["event_time"].to_numpy())[rows], periods_of(design)[rows]
    early = period < onset
    slopes = []
    for group in (early & ever, early & ~ever):
        if np.unique(period[group]).size < LEAST_ROWS:
            return None
        centred = period[group] - period[group].mean()
        slopes.append(centred @ residuals[group] / (centred @ centred))
    return np.asarray(slopes[0] - slopes[1])


def _placed(values: Array) -> Placed:
    """The observed value (first) among those of the simulated panels."""
    observed, rest = float(values[0]), values[1:]
    spread = Spread.of_draws(rest)
    p = float((1 + (rest >= observed).sum()) / (1 + rest.size))
    return Placed(observed, spread.mean, spread.lower, spread.upper, p, not EXTREME[0] <= p <= EXTREME[1])


def _rounded(values: Array) -> list[float]:
    return [float(f"{value:.5g}") for value in values[1 : 1 + _KEPT]]
