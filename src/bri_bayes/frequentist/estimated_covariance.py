"""How often do honest intervals cover when the covariance, which they take as known, is estimated?

Panels with the rows of a design, without effect and without violation: y = AR(1) errors with the rho that restricted
maximum likelihood gives. Each panel is judged as the data are, its own rho estimated on a grid; both intervals at a
bound of zero have closed forms, so a thousand panels cost a second:

    smoothness, M = 0           |w'b| <= 1.96 sd, w the best weights that a straight line leaves alone
    relative, Mbar = 0          |l'b_post| <= 1.96 sd

The critical value is that of a known covariance. So coverage below 95% is what the estimation costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.json_values import Result
from bri_bayes.design.design import Design
from bri_bayes.frequentist.estimate import SIGNIFICANCE
from bri_bayes.frequentist.event_coefficients import EventRegression, event_regression
from bri_bayes.frequentist.gls import RHO_BOUNDS, Ar1Likelihood, ar1_gls, ar1_likelihood
from bri_bayes.frequentist.smoothness import fixed_length_interval

PANELS = 1000
# Values of rho: closer than its standard error in any panel of a few units.
GRID = 60


@dataclass(frozen=True)
class Coverage(Result):
    """``smoothness`` and ``relative`` : shares of ``panels`` whose 95% interval at a bound of zero holds the effect.

    ``mc_error`` : the Monte Carlo standard error of a share near 95%.
    """

    errors: str
    rho: float
    panels: int
    smoothness: float
    relative: float
    mc_error: float


def honest_coverage(design: Design, panels: int = PANELS, seed: int = 0) -> list[Coverage]:
    """The coverage with the covariance of AR(1) and of independent errors, in panels with AR(1) errors."""
    regression, unit_ix = event_regression(design), design["unit_ix"].to_numpy()
    rho = ar1_gls(design["y"].to_numpy(), regression.columns, unit_ix, regression.period).rho
    outcomes = ar1_errors(unit_ix, regression.period, rho, panels, seed)
    grid = np.linspace(*RHO_BOUNDS, GRID)

    def fitted(candidate: float) -> Ar1Likelihood:
        return ar1_likelihood(outcomes, regression.columns, unit_ix, regression.period, candidate)

    covered: list[Array] = []
    restricted: list[Array] = []
    for candidate in grid.tolist():
        fit = fitted(candidate)
        restricted.append(fit.restricted)
        covered.append(_covered(regression, fit, candidate))
    best = np.argmax(restricted, axis=0)
    chosen = np.array(covered)[best, :, np.arange(panels)].mean(axis=0)
    independent = _covered(regression, fitted(0.0), 0.0).mean(axis=1)
    shares = {"ar1": chosen, "iid": independent}
    mc_error = float(np.sqrt(SIGNIFICANCE * (1 - SIGNIFICANCE) / panels))
    return [
        Coverage(errors, rho, panels, float(smoothness), float(relative), mc_error)
        for errors, (smoothness, relative) in shares.items()
    ]


def ar1_errors(unit_ix: Index, period: Array, rho: float, panels: int, seed: int) -> Array:
    """Stationary AR(1) errors of unit variance within units, whatever their gaps : (panel, obs)."""
    rng = np.random.default_rng(seed)
    errors = np.empty((panels, unit_ix.size))
    for unit in np.unique(unit_ix):
        rows = np.flatnonzero(unit_ix == unit)
        correlation = rho ** np.abs(period[rows][:, None] - period[rows])
        errors[:, rows] = rng.standard_normal((panels, rows.size)) @ np.linalg.cholesky(correlation).T
    return errors


def _covered(regression: EventRegression, fit: Ar1Likelihood, rho: float) -> Array:
    """Whether each panel's intervals hold zero : (2, panel), smoothness first."""
    unit = regression.coefficients(fit.coefficients[0], fit.bread, "given", rho)
    before = np.zeros(unit.n_pre)
    weights = np.array([fixed_length_interval(unit, 0.0).weights, np.concatenate([before, unit.average])])
    sds = np.sqrt(np.einsum("ij,jk,ik->i", weights, unit.covariance, weights))
    centres = weights @ regression.combined(fit.coefficients).T
    return np.asarray(np.abs(centres) <= ndtri(1 - SIGNIFICANCE / 2) * sds[:, None] * fit.sigma)
