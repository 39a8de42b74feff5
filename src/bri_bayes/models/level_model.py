"""How do levels scatter around their mean, zeros included? The laws of cards with a log link, in PyMC.

With y_j the level over G (``design.log_link``), c the unit of the prior scales in log points, mu_j the linear predictor
on that scale, and i the last earlier row of the unit with a positive level,

    log m_j = c mu_j + phi_j (log y_i - c mu_i)              the mean of row j, given the rows before
    s_j^2   = (c sigma_j)^2 v_j                              phi_j, v_j as for errors of a logarithm (``error_model``)

    gamma               y_j ~ Gamma(shape 1/s_j^2, mean m_j)             var = s_j^2 m_j^2
    poisson             y_j / s_j^2 counted, Poisson(m_j / s_j^2)        var = s_j^2 m_j
    negative_binomial   y_j / u counted, overdispersed by s_j^2          var = u m_j + s_j^2 m_j^2,  u = (c noise)^2

Counts of the last two are in a unit that is learned, so that levels need be no whole numbers: their rows have the
extended quasi-likelihood (2 pi V(y))^-1/2 exp(-D(y, m) / 2) of Nelder & Pregibon (1987), with the variance function V,
the deviance D, and V of the level G for a zero. It is no density, and no two cards are compared by it; its score
in the mean is that of the pseudo-likelihood: m is estimated well wherever it is the mean, whatever else holds of y.
Sources: doi:10.1093/biomet/74.2.221; memory of the last row by Zeger & Qaqish (1988), doi:10.2307/2531732.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from bri_bayes.design.design import Design
from bri_bayes.design.log_link import level_rows
from bri_bayes.models.error_model import autocorrelation, error_scale, scale_ratio, shock_of_rows, transition
from bri_bayes.study.model_card import ModelCard

# Before the name of each field of ``LevelRows`` in a model whose levels can be exchanged after it is compiled.
LEVEL_DATA = "level_data_"


def add_levels(design: Design, card: ModelCard, mu: Any, *, exchangeable: bool = False) -> None:
    """Levels of the design observed around exp of ``mu`` (obs,), the linear predictor on the standardised scale.

    ``exchangeable`` : the fields of ``LevelRows`` are data of the model, not constants.
    """
    import pymc as pm
    import pytensor.tensor as pt

    rows: Any = level_rows(design)
    if exchangeable:
        rows = SimpleNamespace(**{name: pm.Data(f"{LEVEL_DATA}{name}", value) for name, value in vars(rows).items()})
    flows, zeros, unit = rows.flows, rows.zeros, rows.unit
    sigma, ratio, rho = error_scale(card), scale_ratio(design, card), autocorrelation(card)
    if card.shocks.process != "none":
        mu = mu + shock_of_rows(design, card, sigma, rho, None)
    phi, scale = transition(card, rows.first, rows.gap, rho)
    log_path = unit * mu
    log_mean = log_path + phi * (rows.log_level - log_path)[rows.before]
    variance = (unit * sigma * ratio * scale) ** 2
    if card.likelihood.family == "gamma":
        pm.Gamma("y", alpha=1 / variance, beta=pt.exp(-log_mean) / variance, observed=rows.level)
        return
    if card.likelihood.family == "poisson":
        density = _poisson(rows.level[flows], log_mean[flows], variance[flows])
        of_zeros = -pt.exp(log_mean[zeros]) / variance[zeros] - 0.5 * pt.log(2 * np.pi * variance[zeros])
    else:
        lump = (unit * pm.HalfNormal("noise", card.priors.noise)) ** 2
        density = _negative_binomial(rows.level[flows], log_mean[flows], variance[flows], lump)
        of_zeros = -pt.log1p(pt.exp(log_mean[zeros]) * variance[zeros] / lump) / variance[zeros]
        of_zeros -= 0.5 * pt.log(2 * np.pi * (lump + variance[zeros]))
    pm.Potential("positive_levels", density.sum())
    if exchangeable or zeros.size:
        pm.Potential("zero_levels", of_zeros.sum())


def _poisson(y: Any, log_mean: Any, dispersion: Any) -> Any:
    """log of the quasi-likelihood with V = dispersion y."""
    import pytensor.tensor as pt

    half_deviance = (y * (np.log(y) - log_mean) - y + pt.exp(log_mean)) / dispersion
    return -half_deviance - 0.5 * pt.log(2 * np.pi * dispersion * y)


def _negative_binomial(y: Any, log_mean: Any, variance: Any, lump: Any) -> Any:
    """log of the quasi-likelihood with V = lump y + variance y^2; that of gamma without lumps, else of Poisson.

    With a = lump / variance,  D / 2 = y / lump (log1p(a / m) - log1p(a / y)) - log((y + a) / (m + a)) / variance.
    """
    import pytensor.tensor as pt

    mean, a = pt.exp(log_mean), lump / variance
    half_deviance = y / lump * (pt.log1p(a / mean) - pt.log1p(a / y)) - pt.log1p((y - mean) / (mean + a)) / variance
    return -half_deviance - 0.5 * pt.log(2 * np.pi * (lump * y + variance * y**2))
