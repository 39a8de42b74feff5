"""What does Poisson pseudo-maximum likelihood say about the effect on levels, zeros included?

    E[y_it | a, l] = exp(a_i + l_t + x_it'b + tau D_it)

For given b, l and tau the unit effects have a closed form: mu_it = y_i. s_it with s_it the share of period t in
sum_t exp(l_t + x_it'b + tau D_it). Newton's method (iteratively reweighted least squares) therefore runs over the
period effects, b and tau alone, with columns that are centred within units by the shares; a panel of thousands of
units costs no more memory than its rows. Only the mean has to be right: y need not be a count, nor its variance mu.
Source: Santos Silva & Tenreyro (2006), doi:10.1162/rest.88.4.641; Hausman, Hall & Griliches (1984),
doi:10.2307/1911191, for the concentrated likelihood.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import InputError
from bri_bayes.design.design import RELATIVE_ZERO, Design
from bri_bayes.frequentist.ols import IDENTIFIED, codes, group_sums
from bri_bayes.frequentist.poisson_separation import Separated, find_separated
from bri_bayes.frequentist.variance import SINGULAR

MOST_STEPS = 60
# A step that moves no coefficient by more is the last one: Newton's next error is its square.
CONVERGED = 1e-9
# A log mean that still moves so far is on its way to infinity: e^30 is more than any panel holds.
INFINITE = 30.0
# The square of a standardised column within units, as a share of all weight: below this it is rounding.
NOTHING = 1e-20


@dataclass(frozen=True, eq=False)
class PoissonFit:
    """A fit on the rows that separation left.

    ``coefficients`` : (term,) log points, the treatment first, NaN where the rows do not identify one, infinite where
    the likelihood has no maximum; ``residuals`` : (obs,) y - mu; ``influence`` : (obs, term) what a residual of one
    adds to each coefficient; ``rank`` : parameters, unit effects included; ``unit_ix`` : (obs,) from 0.
    """

    coefficients: Array
    residuals: Array
    influence: Array
    rank: int
    unit_ix: Index

    @property
    def estimate(self) -> float:
        """tau: the effect on the log of the mean."""
        return float(self.coefficients[0])

    @property
    def n_units(self) -> int:
        """Units that have a row."""
        return int(self.unit_ix.max()) + 1


@dataclass(frozen=True, eq=False)
class PoissonData:
    """``y`` : (obs,) levels; ``X`` : (obs, term), the treatment first; ``unit_ix``, ``period_ix`` : (obs,) from 0."""

    y: Array
    X: Array
    unit_ix: Index
    period_ix: Index

    def rows(self, kept: NDArray[np.bool_]) -> PoissonData:
        """Some of the rows, their units and periods counted anew."""
        return PoissonData(self.y[kept], self.X[kept], codes(self.unit_ix[kept]), codes(self.period_ix[kept]))


def poisson_data(design: Design, levels: Array) -> tuple[PoissonData, Separated]:
    """The rows of ``design`` with ``levels`` : (obs,) as outcome, less the separated ones; and what separation says.

    Raises InputError for negative or missing levels, and where every level is zero.
    """
    y = np.asarray(levels, dtype=float)
    if not np.isfinite(y).all() or (y < 0).any():
        wrong = int((~(y >= 0) | ~np.isfinite(y)).sum())
        raise InputError(f"Poisson pseudo-maximum likelihood needs finite levels from 0 on; {wrong} rows have others")
    if not (y > 0).any():
        raise InputError("every level is zero: Poisson pseudo-maximum likelihood has nothing to compare")
    X = np.column_stack([design["treated"].to_numpy().astype(float), design["X"].to_numpy()])
    data = PoissonData(y, X, design["unit_ix"].to_numpy(), design["period_ix"].to_numpy())
    separated = find_separated(design, data.y, data.X)
    return data.rows(separated.kept), separated


def fit_ppml(data: PoissonData) -> PoissonFit:
    """Poisson pseudo-maximum likelihood with unit and period effects, on rows without separation.

        sum_it x~_it (y_it - mu_it) = 0,    x~_it = x_it - sum_s s_is x_is,    H = sum_it mu_it x~_it x~_it'

    x_it holds the treatment, covariates and period dummies. Every unit needs a positive level (``find_separated``).
    """
    n_terms = data.X.shape[1]
    size = np.where((spread := data.X.std(axis=0)) > 0, spread, 1.0)
    periods = np.eye(int(data.period_ix.max()) + 1)[data.period_ix][:, 1:]
    X = np.column_stack([data.X / size, periods])
    y = data.y / data.y.mean()
    totals = group_sums(y, data.unit_ix)
    at = np.zeros(X.shape[1])
    state = _state(X, y, totals, data.unit_ix, at)
    converged = False
    for _ in range(MOST_STEPS):
        step = state.inverse @ state.score
        shrink = 1.0
        while shrink > SINGULAR:
            tried = _state(X, y, totals, data.unit_ix, at + shrink * step)
            if tried.likelihood >= state.likelihood - RELATIVE_ZERO * abs(state.likelihood):
                break
            shrink /= 2
        at, state = at + shrink * step, tried
        if np.abs(step).max() < CONVERGED:
            converged = True
            break
    coefficients = np.where(state.identified[:n_terms], at[:n_terms], np.nan)
    if not converged or np.abs(at[:n_terms]).max() > INFINITE:
        coefficients = np.where(np.isfinite(coefficients), np.sign(coefficients) * math.inf, np.nan)
    influence = (state.centred @ state.inverse)[:, :n_terms] / data.y.mean() / size
    return PoissonFit(
        coefficients=coefficients / size,
        residuals=(y - state.mu) * data.y.mean(),
        influence=influence,
        rank=state.rank + totals.size,
        unit_ix=data.unit_ix,
    )


def ppml_crv1(fit: PoissonFit) -> float:
    """The standard error of tau clustered by unit; NaN where its scores are zero in every unit.

        V = c sum_g (sum_{i in g} h_i e_i)^2,   c = G / (G - 1) (n - 1) / (n - K),

    h_i : the influence of row i, e_i = y_i - mu_i. K counts one for the unit effects, which are nested in clusters:
    the factor of fixest and pyfixest, as for least squares.
    """
    n_rows, n_units = fit.residuals.size, fit.n_units
    spent = fit.rank - n_units + 1
    if not math.isfinite(fit.estimate) or n_units < 2 or spent >= n_rows:
        return math.nan
    parts = fit.influence[:, 0] * fit.residuals
    square = float((group_sums(parts, fit.unit_ix) ** 2).sum())
    if square <= (RELATIVE_ZERO * np.abs(parts).sum()) ** 2:
        return math.nan
    return math.sqrt(n_units / (n_units - 1) * (n_rows - 1) / (n_rows - spent) * square)


def ppml_crv3(data: PoissonData, fit: PoissonFit) -> float:
    """The cluster jackknife of tau, every unit left out once and the rest fitted anew.

        V = c sum_g (tau_(g) - tau)^2,   c = G / (G - 1) (n - 1) / (n - rank)

    the factor of the least-squares rows. NaN where tau is not identified, or infinite, without one of the units.
    """
    n_rows, n_units = fit.residuals.size, fit.n_units
    if not math.isfinite(fit.estimate) or n_units < 2 or fit.rank >= n_rows:
        return math.nan
    moves = np.array([_without(data, unit) - fit.estimate for unit in range(n_units)])
    if not np.isfinite(moves).all():
        return math.nan
    return math.sqrt(n_units / (n_units - 1) * (n_rows - 1) / (n_rows - fit.rank) * float(moves @ moves))


def _without(data: PoissonData, unit: int) -> float:
    rest = data.rows(data.unit_ix != unit)
    return fit_ppml(rest.rows(group_sums(rest.y, rest.period_ix)[rest.period_ix] > 0)).estimate


@dataclass(frozen=True, eq=False)
class _State:
    """The concentrated likelihood at one place: ``inverse`` is the pseudo-inverse of H."""

    likelihood: float
    mu: Array
    centred: Array
    score: Array
    inverse: Array
    identified: NDArray[np.bool_]
    rank: int


def _state(X: Array, y: Array, totals: Array, unit_ix: Index, at: Array) -> _State:
    log_mean = X @ at
    log_mean = log_mean - log_mean.max()
    weight = np.exp(np.maximum(log_mean, -700.0))
    share = weight / group_sums(weight, unit_ix)[unit_ix]
    mu = share * totals[unit_ix]
    centred = X - group_sums(share[:, None] * X, unit_ix)[unit_ix]
    hessian = centred.T @ (mu[:, None] * centred)
    size = np.diag(hessian)
    alive = size > NOTHING * mu.sum()
    hessian = np.where(np.outer(alive, alive), hessian, 0.0)
    scale = np.sqrt(np.where(alive, size, 1.0))
    values, vectors = np.linalg.eigh(hessian / np.outer(scale, scale))
    kept = values > SINGULAR * values[-1]
    vectors, values = vectors[:, kept], values[kept]
    return _State(
        likelihood=float(y @ np.log(np.maximum(share, np.finfo(float).tiny))),
        mu=mu,
        centred=centred,
        score=centred.T @ (y - mu),
        inverse=(vectors / values) @ vectors.T / np.outer(scale, scale),
        identified=(vectors**2).sum(axis=1) > IDENTIFIED,
        rank=int(kept.sum()),
    )
