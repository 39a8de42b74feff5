"""What do bounds without a prior on the trend say of the effect? Rambachan & Roth's intervals, and their limits.

Beside the Bayesian walk of ``trend_violation``: the fixed-length interval when trends bend by at most M a period
(``smoothness``), and bounds and interval when trends part after the onset by at most Mbar times their largest step
before it (``relative_magnitudes``, the C-LF test), for two models of the errors. ``coverage`` says how often the
intervals at a bound of zero hold the effect when the covariance is estimated, in panels with the same rows. The
breakdown value of each is the smallest M or Mbar at which the 95% interval holds zero; None where it does so from the
start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bri_bayes.checks.trend_violation import coefficient_posterior
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


def honest_bounds(design: Design, steps: list[float], seed: int = 0) -> dict[str, Any]:
    """Intervals for the average effect over treated rows, by error model and bound, and where they break down.

    ``steps`` : values of s, units of the outcome a period, for the Bayesian posterior from the same coefficients.
    """
    unit = float(design.attrs["y_scale"])
    values: dict[str, Any] = {
        "coverage": [_coverage(row) for row in honest_coverage(design, seed=seed)],
        "coefficients": [],
        "smoothness": [],
        "relative": [],
        "coefficient_walk": [],
        "bound_breakdown": [],
    }
    for errors in ERRORS:
        study = event_coefficients(design, errors)
        values["coefficients"].append(_coefficients(study))
        for bend in BENDS:
            interval = fixed_length_interval(study, bend * unit)
            ends = {"lower": interval.lower, "upper": interval.upper}
            row = {"errors": errors, "bound": bend * unit, "estimate": interval.estimate, **ends}
            values["smoothness"].append(row | {"bias": interval.bias, "sd": interval.sd})
        for bound in MAGNITUDES:
            bounds = relative_magnitudes(study, bound, seed=seed)
            identified = {"identified_lower": bounds.identified_lower, "identified_upper": bounds.identified_upper}
            ends = {"lower": bounds.lower, "upper": bounds.upper}
            values["relative"].append({"errors": errors, "bound": bound, **identified, **ends})
        for sd in steps:
            mean, spread = coefficient_posterior(study, sd)
            half = critical_value(0.0, SIGNIFICANCE) * spread
            row = {"errors": errors, "s": sd, "mean": mean, "sd": spread, "lower": mean - half, "upper": mean + half}
            values["coefficient_walk"].append(row)
        values["bound_breakdown"].append({"errors": errors, **_breakdowns(study, unit, seed)})
    return values


def _coefficients(study: EventCoefficients) -> dict[str, Any]:
    sds = np.sqrt(np.diag(study.covariance))
    rows = [
        {"event_time": int(time), "estimate": float(estimate), "se": float(se), "rows": int(count)}
        for time, estimate, se, count in zip(study.times, study.estimates, sds, study.rows, strict=True)
    ]
    return {"errors": study.errors, "rho": study.rho, "rows": rows}


def _coverage(row: Coverage) -> dict[str, Any]:
    shares = {"smoothness": row.smoothness, "relative": row.relative}
    return {"errors": row.errors, "rho": row.rho, "panels": row.panels, **shares, "mc_error": row.mc_error}


def _breakdowns(study: EventCoefficients, unit: float, seed: int) -> dict[str, float | None]:
    """The smallest M and Mbar at which the interval holds zero."""

    def without_zero(interval: Any) -> bool:
        return bool(interval.lower > 0 or interval.upper < 0)

    bend = _smallest(lambda bound: without_zero(fixed_length_interval(study, bound * unit)), BENDS[-1])
    magnitude = _smallest(lambda bound: without_zero(relative_magnitudes(study, bound, seed=seed)), MAGNITUDES[-1])
    return {"smoothness": None if bend is None else bend * unit, "relative": magnitude}


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
