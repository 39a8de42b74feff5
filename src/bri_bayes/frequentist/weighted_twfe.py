"""What do two-way fixed effects say when rows, or matched units, count with their weights?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import WEIGHT
from bri_bayes.design.design import RELATIVE_ZERO, Design
from bri_bayes.frequentist.estimate import Estimate, t_estimate
from bri_bayes.frequentist.ols import absorb_effects, ols, orthonormal_basis
from bri_bayes.frequentist.variance import crv1, iid


def weighted_rows(design: Design) -> list[Estimate]:
    """Two-way fixed effects with the analytic weights of the rows of ``design``, as "twfe"."""
    return _weighted(design, design[WEIGHT].to_numpy(), "twfe")


def weighted_twfe(design: Design, weights: ArrayLike, name: str = "psm_did") -> list[Estimate]:
    """Two-way fixed effects with a weight for each unit, under ordinary and clustered (CRV1) standard errors.

        min sum_it w_i (y_it - a_i - l_t - x_it'b - tau D_it)^2,      tau over the units with w_i > 0

    ``weights`` : (unit,) in the order of ``design``, from ``matching``: 1 for a matched treated unit, for a control the
    sum of its shares. Weights count as known, so a standard error has nothing of the uncertainty of the match.
    Covariates that the effects and other covariates explain are left out.
    Source: Heckman, Ichimura & Todd (1997), doi:10.2307/2971733.
    """
    return _weighted(design, np.asarray(weights, dtype=float)[design["unit_ix"].to_numpy()], name)


def _weighted(design: Design, weights: Array, name: str) -> list[Estimate]:
    """The estimate with a weight for each row : (obs,); rows without weight are left out."""
    kept = weights > 0
    row_weight, unit = weights[kept], design["unit_ix"].to_numpy()[kept]
    effects = (unit, design["period_ix"].to_numpy()[kept])
    root, treated = np.sqrt(row_weight), design["treated"].to_numpy()[kept].astype(float)
    absorber = absorb_effects(effects, row_weight)
    covariates = orthonormal_basis(absorber.residuals(design["X"].to_numpy()[kept] * root[:, None]))
    column = absorber.residuals(treated * root)
    column = column - covariates @ (covariates.T @ column)
    if np.linalg.norm(column) <= RELATIVE_ZERO * np.linalg.norm(treated * root):
        raise InputError("the weighted rows do not identify the effect: no control is left beside the treated")
    columns = {"treated": treated, **{f"x{k}": x / root for k, x in enumerate(covariates.T)}}
    fit = ols(design["y"].to_numpy()[kept], columns, absorb=effects, weights=row_weight)
    estimate = float(fit.coefficients[0])
    judged = {"iid": iid(fit), "cluster": crv1(fit, unit)}
    return [t_estimate(name, how, estimate, float(v.se[0]), v.df) for how, v in judged.items()]
