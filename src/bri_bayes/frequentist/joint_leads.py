"""Do all differences before the onset together say more than chance? A joint test of the leads, with few units.

On rows before the first onset, G_i = 1 for ever-treated units, k leads against the last period:

    y_it = a_i + l_t + x_it'b + sum_t delta_t G_i 1[period = t] + e_it,    H0: delta = 0

    F             delta' V^-1 delta / k against F(k, G - 1), G units, V of AR(1) errors (``gls``)
    permutation   d' W d of every way to choose as many treated units: d_t the difference in period t between the mean
                  residuals of treated units and controls, residuals and W, the inverse of the AR(1) correlation less
                  its mean over periods, those of the rows without any lead, so that no assignment is in them

A cluster-robust covariance of the leads has rank G - 2 at most, so with nine units and nine leads it has no inverse and
there is no test with it. The permutation test is exact where every choice of treated units was equally likely.
Source: MacKinnon & Webb (2020), doi:10.1016/j.jeconom.2020.04.024, for permuting the treatment of few clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array, Index, Mask
from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import UNIT
from bri_bayes.design.design import Design
from bri_bayes.frequentist.gls import ar1_gls
from bri_bayes.frequentist.resampling import TIE, assignments_of

# Singular values below this share of the largest are the mean over periods, which fixed effects take.
_RANK = 1e-8


@dataclass(frozen=True)
class JointTest(Result):
    """``leads`` : their number; ``units`` : clusters; ``f``, ``p_f`` : None where the rows do not identify the leads;
    ``p_permutation`` over ``assignments``, ``exact`` where these are all; ``rho`` : of the errors."""

    leads: int
    units: int
    f: float | None
    p_f: float | None
    p_permutation: float
    assignments: int
    exact: bool
    rho: float


def joint_test(early: Design, whole: Design, *, max_assignments: int = 10_000, seed: int = 0) -> JointTest:
    """The test on the rows ``early``, before the first onset of ``whole``, whose assignment is permuted."""
    rows = _Rows.of(early)
    plain = ar1_gls(rows.y, rows.columns, rows.unit, rows.time, None)
    n_periods = early.sizes["period"]
    ever = np.isfinite(whole["first_treated"].to_numpy())
    names = whole[UNIT].to_numpy().astype(str)
    position = {name: at for at, name in enumerate(names)}
    order = np.array([position[str(name)] for name in early[UNIT].to_numpy()], dtype=np.intp)
    f, p_f, leads = _f_test(rows, ever[order], n_periods)
    chosen = assignments_of(whole, max_assignments, 9999, seed)
    statistics = _statistics(rows, plain.coefficients, plain.rho, (chosen.positions >= 0)[:, order], early)
    as_large = statistics >= statistics[0] * (1 - TIE)
    return JointTest(
        leads, order.size, f, p_f, float(as_large.mean()), len(statistics), bool(chosen.exact), float(plain.rho)
    )


@dataclass(frozen=True, eq=False)
class _Rows:
    """``y`` : (obs,); ``columns`` : (obs, column) covariates, unit and period dummies; positions and years (obs,)."""

    y: Array
    columns: Array
    unit: Index
    period: Index
    time: Array

    @classmethod
    def of(cls, design: Design) -> _Rows:
        unit, period = design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()
        X = design["X"].to_numpy()
        scaled = (X - X.mean(axis=0)) / design["x_scale"].to_numpy()
        dummies = [np.eye(design.sizes["unit"])[unit], np.eye(design.sizes["period"])[period][:, 1:]]
        time = design["period"].to_numpy()[period].astype(float)
        return cls(design["y"].to_numpy(), np.column_stack([scaled, *dummies]), unit, period, time)


def _f_test(rows: _Rows, ever: Mask, n_periods: int) -> tuple[float | None, float | None, int]:
    """F, its p-value and the number of leads."""
    from scipy.stats import f as f_distribution

    treated = ever[rows.unit]
    seen = [k for k in range(n_periods) if len(set(treated[rows.period == k])) == 2][:-1]
    leads = np.column_stack([treated & (rows.period == k) for k in seen]).astype(float)
    try:
        fit = ar1_gls(rows.y, np.column_stack([leads, rows.columns]), rows.unit, rows.time, None)
    except InputError:
        return None, None, len(seen)
    delta, k = fit.coefficients[: len(seen)], len(seen)
    f = float(delta @ np.linalg.solve(fit.covariance[:k, :k], delta)) / k
    return f, float(f_distribution.sf(f, k, ever.size - 1)), k


def _statistics(rows: _Rows, coefficients: Array, rho: float, ever: Mask, design: Design) -> Array:
    """d' W d of each assignment : (assignment,). A period without both groups says nothing."""
    n_units, n_periods = design.sizes["unit"], design.sizes["period"]
    residuals, seen = np.zeros((n_units, n_periods)), np.zeros((n_units, n_periods))
    residuals[rows.unit, rows.period] = rows.y - rows.columns @ coefficients
    seen[rows.unit, rows.period] = 1.0
    means = []
    for group in (ever.astype(float), 1.0 - ever):
        with np.errstate(invalid="ignore"):
            means.append(group @ residuals / (group @ seen))
    difference = np.nan_to_num(means[0] - means[1])
    difference -= difference.mean(axis=1, keepdims=True)
    time = design["period"].to_numpy().astype(float)
    centre = np.eye(n_periods) - 1.0 / n_periods
    correlation = centre @ (rho ** np.abs(time[:, None] - time).astype(int)) @ centre
    weights = np.linalg.pinv(correlation, rcond=_RANK, hermitian=True)
    return np.asarray(np.einsum("at,ts,as->a", difference, weights, difference))
