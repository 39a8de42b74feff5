"""What do least squares say of an effect that moves with a modifier? The paper's Table 8, other standard errors."""

from __future__ import annotations

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.design.design import Design
from bri_bayes.frequentist.estimate import Estimate, t_estimate
from bri_bayes.frequentist.ols import LeastSquares, ols, solve
from bri_bayes.frequentist.resampling import TIE, permutation
from bri_bayes.frequentist.variance import crv1, crv3, iid

TREATED, SLOPE = "treated", "slope"
# Beyond so many possible assignments, this many random ones are compared: each takes a regression.
MAX_ASSIGNMENTS, DRAWS = 2_000, 499


def fit_interaction(design: Design, modifier: str) -> LeastSquares:
    """Two-way fixed effects with an effect that is linear in a modifier.

        y_it = a_i + l_t + x_it'b + tau D_it + gamma D_it (z_it - z_bar) + e_it

    z_bar : the mean of the modifier over treated cells, so tau is the average effect. The modifier's own slope is
    that of the covariate of the same name, where the card has it. Terms: "treated", "slope", then the covariates.
    """
    treated = design["treated"].to_numpy().astype(float)
    z = _centred(design, modifier)
    columns = {TREATED: treated, SLOPE: treated * z}
    columns |= {str(name): design["X"].to_numpy()[:, i] for i, name in enumerate(design["covariate"].values)}
    effects = [design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()]
    return ols(design["y"].to_numpy(), columns, absorb=effects)


def interaction_rows(design: Design, modifier: str) -> list[Estimate]:
    """The slope gamma under ordinary, CRV1 and CRV3 standard errors and by permutation."""
    fit = fit_interaction(design, modifier)
    unit = design["unit_ix"].to_numpy()
    estimate = float(fit.coefficients.sel(term=SLOPE))
    rows = []
    for name, variance in (("iid", iid(fit)), ("cluster", crv1(fit, unit)), ("cluster_crv3", crv3(fit, unit))):
        se = float(variance.se.sel(term=SLOPE))
        rows.append(t_estimate("twfe_interaction", name, estimate, se, variance.df, variance.note))
    return [*rows, _permutation(design, modifier, fit)]


def _permutation(design: Design, modifier: str, fit: LeastSquares) -> Estimate:
    """Where is the slope among those of every way to hand out the onsets, with the modifier kept in its units?

    Exact for the sharp null of no effect at any value of the modifier, were every assignment equally likely. An
    assignment whose treated units hardly differ in the modifier gives a slope of any size: the statistic is the t
    ratio with ordinary standard errors.
    """
    first = (
        permutation(design, MAX_ASSIGNMENTS, DRAWS).placebos["first_treated"].transpose("assignment", UNIT).to_numpy()
    )
    period = design[PERIOD].to_numpy()[design["period_ix"].to_numpy()]
    z, unit = _centred(design, modifier), design["unit_ix"].to_numpy()
    statistics = np.array([_t_ratio(fit, (period >= row[unit]).astype(float), z) for row in first])
    seen = np.isfinite(statistics)
    sizes = np.abs(statistics[seen])
    p_value = float((sizes >= sizes[0] * (1 - TIE)).mean())
    lost = int((~seen).sum())
    note = "of the t ratio with ordinary standard errors" + (f"; {lost} assignments do not identify it" if lost else "")
    estimate = float(fit.coefficients.sel(term=SLOPE))
    return Estimate(
        "twfe_interaction", "permutation", estimate, None, p_value, None, None, n_assignments=int(seen.sum()), note=note
    )


def _t_ratio(fit: LeastSquares, treated: Array, z: Array) -> float:
    raw = np.column_stack([treated, treated * z])
    columns = np.column_stack([fit.absorber.residuals(raw), fit.columns[:, 2:]])
    size = np.concatenate([np.linalg.norm(raw, axis=0), np.linalg.norm(fit.X[:, 2:], axis=0)])
    coefficients, bread = solve(fit.outcome, columns, size)
    if not np.isfinite(coefficients).all():
        return float("nan")
    left = fit.outcome - columns @ coefficients
    scale = float(left @ left) / fit.df_residual
    return float(coefficients[1] / np.sqrt(scale * bread[1, 1]))


def _centred(design: Design, modifier: str) -> Array:
    at = [str(name) for name in design["modifier"].values].index(modifier)
    return np.asarray(design["Z"].to_numpy()[:, at] - design["z_center"].to_numpy()[at])
