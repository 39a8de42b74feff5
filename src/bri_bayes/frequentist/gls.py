"""What does least squares give when the errors of a unit hang together over time? AR(1) errors, estimated by REML.

For one outcome or for many on the same rows, of which each chooses its rho on a grid.

    y = X b + e,   Cov(e) = sigma^2 R(rho),   block diagonal by unit, R_jk = rho^|t_j - t_k|
    b = (X'R^-1 X)^-1 X'R^-1 y,   Cov(b) = sigma^2 (X'R^-1 X)^-1,   sigma^2 = r'R^-1 r / (n - p)

rho maximises the restricted likelihood: -1/2 [(n - p) log(r'R^-1 r) + log|R| + log|X'R^-1 X|]. Periods without a row
only widen the gap between two rows. With rho = 0 this is ordinary least squares.
Source: Patterson & Thompson (1971), doi:10.1093/biomet/58.3.545; Pinheiro & Bates (2000), Mixed-Effects Models, ch. 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import InputError
from bri_bayes.design.error_process import serial_errors, whitened

# Beyond this autocorrelation the level of a unit takes over from the error, and the likelihood is flat.
RHO_BOUNDS = (-0.9, 0.995)


@dataclass(frozen=True, eq=False)
class GeneralisedLeastSquares:
    """``coefficients`` : (column,); ``covariance`` : (column, column), known; ``sigma`` : sd of an error by itself."""

    coefficients: Array
    covariance: Array
    rho: float
    sigma: float
    df: int


def ar1_gls(y: Array, X: Array, unit_ix: Index, period: Array, rho: float | None = None) -> GeneralisedLeastSquares:
    """Generalised least squares with AR(1) errors within units; ``rho`` None estimates it.

    ``y`` : (obs,), ``X`` : (obs, column) of full column rank, rows sorted by unit and period; ``period`` : (obs,).
    """
    if np.linalg.matrix_rank(X) < X.shape[1]:
        raise InputError(f"the {X.shape[1]} columns are collinear: generalised least squares has no one answer")
    if y.size <= X.shape[1]:
        raise InputError(f"{y.size} rows cannot give {X.shape[1]} coefficients and an error variance")
    if rho is None:
        from scipy.optimize import minimize_scalar

        def loss(candidate: float) -> float:
            return -float(ar1_likelihood(y[None, :], X, unit_ix, period, candidate).restricted[0])

        rho = float(minimize_scalar(loss, bounds=RHO_BOUNDS, method="bounded", options={"xatol": 1e-8}).x)
    fit = ar1_likelihood(y[None, :], X, unit_ix, period, rho)
    sigma, df = float(fit.sigma[0]), y.size - X.shape[1]
    return GeneralisedLeastSquares(fit.coefficients[0], sigma**2 * fit.bread, rho, sigma, df)


@dataclass(frozen=True, eq=False)
class Ar1Likelihood:
    """At one rho: ``coefficients`` (outcome, column), ``bread`` (X'R^-1 X)^-1 (column, column), ``sigma`` and the
    restricted log likelihood up to a constant, ``restricted``, both (outcome,)."""

    coefficients: Array
    bread: Array
    sigma: Array
    restricted: Array


def ar1_likelihood(outcomes: Array, X: Array, unit_ix: Index, period: Array, rho: float) -> Ar1Likelihood:
    """Generalised least squares of ``outcomes`` (outcome, obs) on X at a given rho."""
    serial = serial_errors("ar1", unit_ix, period)
    # Innovations of an error whose own (marginal) variance is one.
    phi, s = serial.transition(np.array([np.sqrt(1 - rho**2)]), np.array([rho]))
    w = whitened(serial, np.vstack([X.T, outcomes]), phi, s)
    columns, whitened_outcomes = w[: X.shape[1]].T, w[X.shape[1] :].T
    q, r = np.linalg.qr(columns)
    coefficients = np.linalg.solve(r, q.T @ whitened_outcomes)
    squares = ((whitened_outcomes - columns @ coefficients) ** 2).sum(axis=0)
    df = outcomes.shape[1] - X.shape[1]
    inverse = np.linalg.inv(r)
    constant = float(np.log(s).sum()) + float(np.log(np.abs(np.diag(r))).sum())
    restricted = -0.5 * df * np.log(squares) - constant
    return Ar1Likelihood(coefficients.T, inverse @ inverse.T, np.sqrt(squares / df), restricted)
