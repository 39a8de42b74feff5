"""The PyMC model of two reports of one flow, from its equation (``inference.two_reports`` has its own derivation).

    y_rit = z_it + [r = 2] (d_i + g_t) + u_rit,   u_rit ~ N(0, s_r^2),   s_r ~ HalfNormal(priors.noise)
    z_it  = the linear predictor of the card + e_it,   d_i ~ N(0, A^2),   g ~ ZeroSumNormal(B)

A and B are the wide scales of unit and period effects. The errors e are integrated: the rows of a unit are jointly
normal.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from bri_bayes.design.linear_terms import wide_scales
from bri_bayes.design.two_reports import LATENT, Stacked
from bri_bayes.models.error_model import error_scale
from bri_bayes.models.linear import build_linear
from bri_bayes.study.model_card import ModelCard

if TYPE_CHECKING:
    import pymc as pm


def build_two_reports(rows: Stacked, card: ModelCard) -> pm.Model:
    """The model of the rows of both reports, on the standardised scale of the flow."""
    design = rows.design
    return build_linear(design, dataclasses.replace(card, outcome=LATENT), errors=lambda mu: _reports(rows, card, mu))


def _reports(rows: Stacked, card: ModelCard, mu: Any) -> None:
    import pymc as pm
    import pytensor.tensor as pt

    design, cell, is_second = rows.design, rows.cell, rows.report == 1
    y = (rows.values[cell, rows.report] - design.attrs["y_center"]) / design.attrs["y_scale"]
    unit, period = design["unit_ix"].to_numpy()[cell], design["period_ix"].to_numpy()[cell]
    years = design["period"].to_numpy()[period].astype(float)
    wide_unit, wide_period = wide_scales(design, card)
    sigma = error_scale(card)
    rho: Any = 0.0
    if card.errors.structure == "ar1":
        rho = pm.Deterministic("rho", 2 * pm.Beta("rho_share", *card.priors.rho) - 1)
    noise = pm.HalfNormal("noise", card.priors.noise, shape=2)
    gap = pm.Normal("gap", 0, wide_unit, dims="unit")[unit]
    gap += pm.ZeroSumNormal("gap_by_period", sigma=wide_period, dims="period")[period]
    error = y - mu[cell] - gap * is_second
    for at in np.unique(unit):
        of_unit = np.flatnonzero(unit == at)
        lag = np.abs(np.subtract.outer(years[of_unit], years[of_unit]))
        flow = sigma**2 * (rho**lag / (1 - rho**2) if card.errors.structure == "ar1" else (lag == 0).astype(float))
        factor = pt.linalg.cholesky(flow + pt.diag(noise[rows.report[of_unit]] ** 2))
        white = pt.linalg.solve_triangular(factor, error[of_unit], lower=True)
        density = -0.5 * (white**2).sum() - pt.log(pt.diag(factor)).sum() - 0.5 * of_unit.size * np.log(2 * np.pi)
        pm.Potential(f"reports_{at}", density)
