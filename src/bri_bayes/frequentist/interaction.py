"""What do least squares say of an effect that moves with a modifier, when the modifier may also do something alone?"""

from __future__ import annotations

import math

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.design.design import Design
from bri_bayes.frequentist.estimate import Estimate, t_estimate
from bri_bayes.frequentist.ols import LeastSquares, ols, solve
from bri_bayes.frequentist.resampling import TIE, permutation
from bri_bayes.frequentist.variance import crv1, crv3, iid

TREATED, SLOPE, ESTIMATOR = "treated", "slope", "twfe_interaction"
# Beyond so many possible assignments, this many random ones are compared: each takes a regression.
MAX_ASSIGNMENTS, DRAWS = 2_000, 499


def fit_interaction(design: Design, modifier: str) -> LeastSquares:
    """Two-way fixed effects with an effect that is linear in a modifier: a triple difference.

        y_it = a_i + l_t + x_it'b + tau D_it + gamma D_it (z_it - z_bar) + sum_o kappa_o 1[t >= o] (z_it - z_bar) + e_it

    z_bar : the mean of the modifier over treated cells, so tau is the average effect. kappa_o : what the modifier does
    in every unit, treated or not, from each onset o on; without it whatever moved with the modifier everywhere would be
    in gamma. The modifier's own slope is that of the covariate of the same name, where the card has it. Terms:
    "treated", "slope", then covariates and the kappas.
    Source: Olden & Moen (2022), The triple difference estimator, doi:10.1093/ectj/utac010.
    """
    treated, z = design["treated"].to_numpy().astype(float), _centred(design, modifier)
    columns = {TREATED: treated, SLOPE: treated * z}
    columns |= {str(name): design["X"].to_numpy()[:, i] for i, name in enumerate(design["covariate"].values)}
    for name, after in everywhere(modifier, design["first_treated"].to_numpy(), _period(design)).items():
        columns.setdefault(name, after * z)
    effects = [design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()]
    return ols(design["y"].to_numpy(), columns, absorb=effects)


def everywhere(modifier: str, first_treated: Array, period: Array) -> dict[str, Array]:
    """For each onset the name of the modifier from then on, in all units, and which periods those are."""
    onsets = np.unique(first_treated[np.isfinite(first_treated)])
    return {f"{modifier}_from_{onset:.0f}": (period >= onset).astype(float) for onset in onsets}


def interaction_rows(design: Design, modifier: str) -> list[Estimate]:
    """The slope gamma under ordinary, CRV1 and CRV3 standard errors and by permutation.

    NaN, with the reason, where controls do not vary in the modifier enough to tell gamma from kappa.
    """
    try:
        fit = fit_interaction(design, modifier)
    except InputError as error:
        names = ("iid", "cluster", "cluster_crv3", "permutation")
        return [t_estimate(ESTIMATOR, name, math.nan, math.nan, 0, str(error)) for name in names]
    unit = design["unit_ix"].to_numpy()
    estimate = float(fit.coefficients.sel(term=SLOPE))
    rows = []
    for name, variance in (("iid", iid(fit)), ("cluster", crv1(fit, unit)), ("cluster_crv3", crv3(fit, unit))):
        se = float(variance.se.sel(term=SLOPE))
        rows.append(t_estimate(ESTIMATOR, name, estimate, se, variance.df, variance.note))
    return [*rows, _permutation(design, modifier, fit)]


def _permutation(design: Design, modifier: str, fit: LeastSquares) -> Estimate:
    """Where is the slope among those of every way to hand out the onsets, with the modifier kept in its units?

    Exact for the sharp null of no effect at any value of the modifier, were every assignment equally likely. An
    assignment whose treated units hardly differ in the modifier gives a slope of any size: the statistic is the t
    ratio with ordinary standard errors.
    """
    compared = permutation(design, MAX_ASSIGNMENTS, DRAWS).placebos["first_treated"]
    first = compared.transpose("assignment", UNIT).to_numpy()
    period, z, unit = _period(design), _centred(design, modifier), design["unit_ix"].to_numpy()
    statistics = np.array([_t_ratio(fit, (period >= row[unit]).astype(float), z) for row in first])
    identified = np.isfinite(statistics)
    sizes = np.abs(statistics[identified])
    p_value = float((sizes >= sizes[0] * (1 - TIE)).mean())
    lost = int((~identified).sum())
    note = "of the t ratio with ordinary standard errors" + (f"; {lost} assignments do not identify it" if lost else "")
    estimate = float(fit.coefficients.sel(term=SLOPE))
    n_assignments = int(identified.sum())
    return Estimate(
        ESTIMATOR, "permutation", estimate, None, p_value, None, None, n_assignments=n_assignments, note=note
    )


def _t_ratio(fit: LeastSquares, treated: Array, z: Array) -> float:
    raw = np.column_stack([treated, treated * z])
    columns = np.column_stack([fit.absorber.residuals(raw), fit.columns[:, 2:]])
    size = np.concatenate([np.linalg.norm(raw, axis=0), np.linalg.norm(fit.X[:, 2:], axis=0)])
    coefficients, bread = solve(fit.outcome, columns, size)
    if not np.isfinite(coefficients).all():
        return float("nan")
    residuals = fit.outcome - columns @ coefficients
    scale = float(residuals @ residuals) / fit.df_residual
    return float(coefficients[1] / np.sqrt(scale * bread[1, 1]))


def _period(design: Design) -> Array:
    return np.asarray(design[PERIOD].to_numpy()[design["period_ix"].to_numpy()])


def _centred(design: Design, modifier: str) -> Array:
    at = [str(name) for name in design["modifier"].values].index(modifier)
    return np.asarray(design["Z"].to_numpy()[:, at] - design["z_center"].to_numpy()[at])
