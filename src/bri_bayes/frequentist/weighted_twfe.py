"""What do two-way fixed effects say when matched units count with their weights?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.design.design import RELATIVE_ZERO, Design
from bri_bayes.frequentist.estimate import Estimate, t_estimate


def weighted_twfe(design: Design, weights: ArrayLike, name: str = "psm_did") -> list[Estimate]:
    """Two-way fixed effects with a weight for each unit, under ordinary and clustered (CRV1) standard errors.

        min sum_it w_i (y_it - a_i - l_t - x_it'b - tau D_it)^2,      tau over the units with w_i > 0

    ``weights`` : (unit,) in the order of ``design``, from ``matching``: 1 for a matched treated unit, for a control the
    sum of its shares. Weights count as known, so a standard error has nothing of the uncertainty of the match. The
    factors are those of fixest: ordinary n - rank; CRV1 G / (G - 1) (n - 1) / (n - K), unit effects one in K.
    Source: Heckman, Ichimura & Todd (1997), doi:10.2307/2971733.
    """
    unit_weight = np.asarray(weights, dtype=float)
    unit_ix, period_ix = design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()
    kept = unit_weight[unit_ix] > 0
    root = np.sqrt(unit_weight[unit_ix[kept]])
    y, treated = design["y"].to_numpy()[kept], design["treated"].to_numpy()[kept].astype(float)
    units, cluster = np.unique(unit_ix[kept], return_inverse=True)
    periods, when = np.unique(period_ix[kept], return_inverse=True)
    nuisance = np.column_stack([np.eye(units.size)[cluster], np.eye(periods.size)[when], design["X"].to_numpy()[kept]])
    basis, singular, _ = np.linalg.svd(nuisance * root[:, None], full_matrices=False)
    basis = basis[:, singular > RELATIVE_ZERO * singular.max()]

    def left(values: Array) -> Array:
        scaled = values * root
        return np.asarray(scaled - basis @ (basis.T @ scaled))

    column, outcome = left(treated), left(y)
    size = float(column @ column)
    if size <= (RELATIVE_ZERO * np.linalg.norm(treated * root)) ** 2:
        raise InputError("the matched units do not identify the effect: no control is left beside the treated")
    estimate = float(column @ outcome) / size
    residual = outcome - estimate * column
    rank, n = basis.shape[1] + 1, y.size
    ordinary = math.sqrt(float(residual @ residual) / (n - rank) / size) if n > rank else math.nan
    outside = rank - units.size + 1
    sums = np.bincount(cluster, column * residual)
    groups = units.size
    factor = groups / (groups - 1) * (n - 1) / (n - outside) if groups > 1 and n > outside else math.nan
    clustered = math.sqrt(factor * float(sums @ sums)) / size
    if np.linalg.norm(sums) <= RELATIVE_ZERO * np.abs(column * residual).sum():
        clustered = math.nan  # one treated unit against one control: their scores are zero whatever the errors
    return [
        t_estimate(name, "iid", estimate, ordinary, n - rank),
        t_estimate(name, "cluster", estimate, clustered, groups - 1),
    ]
