"""What do bounds without a prior on the trend say of the effect? Rambachan & Roth's intervals, and their limits.

Beside the Bayesian walk of ``trend_violation``: the fixed-length interval when trends bend by at most M a period
(``smoothness``), and bounds and interval when trends part after the onset by at most Mbar times their largest step
before it (``relative_magnitudes``, the C-LF test), for two models of the errors. ``coverage`` says how often the
intervals at a bound of zero hold the effect when the covariance is estimated, in panels with the same rows. The
breakdown value of each is the smallest M or Mbar at which the 95% interval holds zero; None where it does so from the
start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bri_bayes.checks.trend_violation import coefficient_posterior
from bri_bayes.core.json_values import Result
from bri_bayes.design.design import Design
from bri_bayes.frequentist.estimate import SIGNIFICANCE
from bri_bayes.frequentist.estimated_covariance import Coverage, honest_coverage
from bri_bayes.frequentist.event_coefficients import ErrorModel, EventCoefficients, event_coefficients
from bri_bayes.frequentist.relative_magnitudes import relative_magnitudes
from bri_bayes.frequentist.smoothness import critical_value, fixed_length_interval

ERRORS: tuple[ErrorModel, ...] = ("ar1", "iid")
# Bends a period, in units of the outcome's sd within units and periods, so that the grid has no units of its own.
BENDS = (0.0, 0.0125, 0.025, 0.05, 0.075, 0.1)
MAGNITUDES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
_TOLERANCE = 1e-3
_DOUBLINGS = 8


@dataclass(frozen=True)
class EventCoefficient(Result):
    """At an event time, from ``rows`` rows."""

    event_time: int
    estimate: float
    se: float
    rows: int


@dataclass(frozen=True)
class Coefficients(Result):
    """All that the bounds rest on, under one model of the errors."""

    errors: str
    rho: float
    rows: Sequence[EventCoefficient]


@dataclass(frozen=True)
class SmoothnessBound(Result):
    """The interval when trends bend by at most ``bound`` (M) a period; ``bias`` : its worst case."""

    errors: str
    bound: float
    estimate: float
    lower: float
    upper: float
    bias: float
    sd: float


@dataclass(frozen=True)
class RelativeBound(Result):
    """The identified set and the interval at ``bound`` (Mbar); an end is None where there is none."""

    errors: str
    bound: float
    identified_lower: float | None
    identified_upper: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class CoefficientWalk(Result):
    """The Bayesian posterior with steps of sd ``s``, from the same coefficients."""

    errors: str
    s: float
    mean: float
    sd: float
    lower: float
    upper: float


@dataclass(frozen=True)
class BoundBreakdown(Result):
    """The smallest M and Mbar at which the interval holds zero; None where it does so from the start."""

    errors: str
    smoothness: float | None
    relative: float | None


@dataclass(frozen=True)
class HonestBounds(Result):
    """Intervals for the average effect over treated rows, a row for each model of the errors and bound."""

    coverage: Sequence[Coverage] = ()
    coefficients: Sequence[Coefficients] = ()
    smoothness: Sequence[SmoothnessBound] = ()
    relative: Sequence[RelativeBound] = ()
    coefficient_walk: Sequence[CoefficientWalk] = ()
    bound_breakdown: Sequence[BoundBreakdown] = ()


def honest_bounds(design: Design, steps: Sequence[float], seed: int = 0) -> HonestBounds:
    """Intervals by error model and bound, and where they break down.

    ``steps`` : values of s, units of the outcome a period, for the Bayesian posterior from the same coefficients.
    """
    unit = float(design.attrs["y_scale"])
    studies = [event_coefficients(design, errors) for errors in ERRORS]
    return HonestBounds(
        coverage=honest_coverage(design, seed=seed),
        coefficients=[_coefficients(study) for study in studies],
        smoothness=[_smoothness(study, bend * unit) for study in studies for bend in BENDS],
        relative=[_relative(study, bound, seed) for study in studies for bound in MAGNITUDES],
        coefficient_walk=[_walk(study, sd) for study in studies for sd in steps],
        bound_breakdown=[_breakdowns(study, unit, seed) for study in studies],
    )


def _coefficients(study: EventCoefficients) -> Coefficients:
    sds = np.sqrt(np.diag(study.covariance))
    rows = [
        EventCoefficient(int(time), float(estimate), float(se), int(count))
        for time, estimate, se, count in zip(study.times, study.estimates, sds, study.rows, strict=True)
    ]
    return Coefficients(study.errors, study.rho, rows)


def _smoothness(study: EventCoefficients, bound: float) -> SmoothnessBound:
    interval = fixed_length_interval(study, bound)
    ends = interval.lower, interval.upper
    return SmoothnessBound(study.errors, bound, interval.estimate, *ends, interval.bias, interval.sd)


def _relative(study: EventCoefficients, bound: float, seed: int) -> RelativeBound:
    bounds = relative_magnitudes(study, bound, seed=seed)
    ends = bounds.identified_lower, bounds.identified_upper, bounds.lower, bounds.upper
    return RelativeBound(study.errors, bound, *ends)


def _walk(study: EventCoefficients, sd: float) -> CoefficientWalk:
    mean, spread = coefficient_posterior(study, sd)
    half = critical_value(0.0, SIGNIFICANCE) * spread
    return CoefficientWalk(study.errors, sd, mean, spread, mean - half, mean + half)


def _breakdowns(study: EventCoefficients, unit: float, seed: int) -> BoundBreakdown:

    def without_zero(interval: Any) -> bool:
        return bool(interval.lower > 0 or interval.upper < 0)

    bend = _smallest(lambda bound: without_zero(fixed_length_interval(study, bound * unit)), BENDS[-1])
    magnitude = _smallest(lambda bound: without_zero(relative_magnitudes(study, bound, seed=seed)), MAGNITUDES[-1])
    return BoundBreakdown(study.errors, None if bend is None else bend * unit, magnitude)


def _smallest(holds_out: Callable[[float], bool], scale: float) -> float | None:
    """The smallest bound at which zero is no longer held out; None if it never is."""
    if not holds_out(0.0):
        return None
    low, high = 0.0, scale
    for _ in range(_DOUBLINGS):
        if not holds_out(high):
            break
        low, high = high, 2 * high
    while high - low > _TOLERANCE * scale:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if holds_out(middle) else (low, middle)
    return high
