"""Event-study coefficients and a covariance of them that few units allow.

Bounds on violations of parallel trends take estimates b ~ N(beta, V) of effects before and after the onset. With nine
clusters a cluster-robust V of seventeen coefficients has rank eight at most: it calls some combinations of them
certain. So V comes from a model of the errors instead, by default AR(1) with the correlation estimated by restricted
maximum likelihood, and beside it independent errors, to see what hangs on that. V is then taken as known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import REFERENCE_EVENT_TIME
from bri_bayes.design.design import Design
from bri_bayes.frequentist.cohorts import cohort_dummies
from bri_bayes.frequentist.gls import ar1_gls

ErrorModel = Literal["ar1", "iid"]


@dataclass(frozen=True, eq=False)
class EventCoefficients:
    """Effects by event time against the last period before the onset, whose effect is zero by definition.

    ``times`` : (k,) event times in order, without -1, consecutive but for it; ``estimates`` : (k,) units of the
    outcome; ``covariance`` : (k, k), known; ``rows`` : (k,) treated rows behind each, which weigh the average effect;
    ``rho`` : autocorrelation of the errors that the covariance assumes; ``errors`` : which model they follow.
    """

    times: Index
    estimates: Array
    covariance: Array
    rows: Index
    errors: str = "given"
    rho: float = 0.0

    def __post_init__(self) -> None:
        k = len(self.times)
        if self.estimates.shape != (k,) or self.covariance.shape != (k, k) or self.rows.shape != (k,):
            raise InputError(f"{k} event times need as many estimates and rows, and a square covariance")
        every = np.sort(np.append(self.times, REFERENCE_EVENT_TIME))
        if list(every) != list(range(int(every[0]), int(every[-1]) + 1)) or self.n_pre < 1 or self.n_post < 1:
            raise InputError(
                "bounds need consecutive event times around the reference -1, at least one before and one after: "
                f"{', '.join(str(time) for time in self.times)}"
            )

    @property
    def n_pre(self) -> int:
        """Coefficients before the reference."""
        return int((self.times < 0).sum())

    @property
    def n_post(self) -> int:
        """Coefficients from the onset on."""
        return int((self.times >= 0).sum())

    @property
    def average(self) -> Array:
        """Weights of the average effect over treated rows : (n_post,)."""
        after = self.rows[self.times >= 0].astype(float)
        return np.asarray(after / after.sum())


def event_coefficients(design: Design, errors: ErrorModel = "ar1") -> EventCoefficients:
    """Effects by event time given unit and period effects and covariates, by (generalised) least squares.

        y_it = a_i + l_t + x_it'b + sum_g sum_{k != -1} delta_gk 1[onset_i = g, t - g = k] + e_it

    With several onsets g the effect at event time k is the average of delta_gk over treated rows (``cohorts``). Only
    event times that join the reference without a gap are kept. Source: Sun & Abraham (2021),
    doi:10.1016/j.jeconom.2020.09.006, section 4, and ``gls``.
    """
    regression = event_regression(design)
    rho = 0.0 if errors == "iid" else None
    fit = ar1_gls(design["y"].to_numpy(), regression.columns, design["unit_ix"].to_numpy(), regression.period, rho)
    return regression.coefficients(fit.coefficients, fit.covariance, errors, fit.rho)


@dataclass(frozen=True, eq=False)
class EventRegression:
    """``columns`` : (obs, column) event times first, then covariates, unit and period dummies; ``period`` : (obs,);
    ``times``, ``rows`` : (event time,); ``kept`` : (k,) positions joined to the reference; ``weights`` : (event time,
    m) of the first m columns, one an onset and event time, in the effect of each event time."""

    columns: Array
    period: Array
    times: Index
    rows: Index
    kept: Index
    weights: Array

    def coefficients(self, estimates: Array, covariance: Array, errors: str, rho: float) -> EventCoefficients:
        """The effects by event time out of all coefficients (column,) and their covariance (column, column)."""
        kept, m = self.kept, self.weights.shape[1]
        between = self.weights[kept] @ covariance[:m, :m] @ self.weights[kept].T
        return EventCoefficients(self.times[kept], self.combined(estimates), between, self.rows[kept], errors, rho)

    def combined(self, estimates: Array) -> Array:
        """The effects (..., k) out of all coefficients (..., column)."""
        return np.asarray(estimates[..., : self.weights.shape[1]] @ self.weights[self.kept].T)


def event_regression(design: Design) -> EventRegression:
    """The regressors of ``event_coefficients``."""
    event_time = design["event_time"].to_numpy()
    dummies = cohort_dummies(design, event_time)
    if not dummies.times.size:
        raise InputError(f"no treated unit is observed with a control at event time {REFERENCE_EVENT_TIME}")
    X, period_ix = design["X"].to_numpy(), design["period_ix"].to_numpy()
    columns = np.column_stack(
        [
            dummies.columns,
            (X - X.mean(axis=0)) / design["x_scale"].to_numpy(),
            np.eye(design.sizes["unit"])[design["unit_ix"].to_numpy()],
            np.eye(design.sizes["period"])[period_ix][:, 1:],
        ]
    )
    joined = _joined([*dummies.times.tolist(), REFERENCE_EVENT_TIME])
    return EventRegression(
        columns,
        design["period"].to_numpy()[period_ix].astype(float),
        dummies.times,
        dummies.rows,
        np.array([position for position, time in enumerate(dummies.times) if time in joined], dtype=np.intp),
        dummies.weights,
    )


def _joined(times: list[int]) -> set[int]:
    """The run of consecutive event times around the reference."""
    first = last = REFERENCE_EVENT_TIME
    while first - 1 in times:
        first -= 1
    while last + 1 in times:
        last += 1
    return set(range(first, last + 1))
