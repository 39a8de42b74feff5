"""The PyMC model of two outcomes with correlated errors, written from its equation (``inference.joint`` has its own).

On each outcome's standardised scale, for row j of unit i in period t at event time k, outcome a = 1, 2:

    mu_a,j = a_a,i + l_a,t + [k >= 0] (tau_a + u_a,i)
    (y_1, y_2)_j ~ N(mu_j + phi (y - mu)_j-1, C_j),   C_j,ab = r_ab s_a s_b, over 1 - rho_a rho_b in a unit's first row

It covers what the agreement test needs: treatment "common" or "by_unit" without covariates, and AR(1) errors with one
row a unit and period. Shapes: a (2, unit), l (2, period), u (2, treated_unit), rho (2,).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bri_bayes.design.design import Design
from bri_bayes.design.error_process import serial_errors
from bri_bayes.design.linear_terms import wide_scales
from bri_bayes.study.model_card import ModelCard

if TYPE_CHECKING:
    import pymc as pm


def build_joint(designs: tuple[Design, Design], card: ModelCard, lkj_shape: float) -> pm.Model:
    """The joint model of two designs on the same complete rows under one card."""
    import pymc as pm
    import pytensor.tensor as pt

    design = designs[0]
    unit_ix, period_ix = design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()
    treated = design["treated"].to_numpy().astype(float)
    serial = serial_errors("ar1", unit_ix, design["period"].to_numpy()[period_ix].astype(float))
    first = serial.is_first
    before = np.where(first, 0, np.arange(first.size) - 1)
    coords = {name: design[name].to_numpy() for name in ("unit", "period")} | {"outcome": [0, 1]}
    priors = card.priors
    with pm.Model(coords=coords) as model:
        sigma, rho, errors = [], [], []
        for a, of_outcome in enumerate(designs):
            y = (of_outcome["y"].to_numpy() - of_outcome.attrs["y_center"]) / of_outcome.attrs["y_scale"]
            scale_unit, scale_period = wide_scales(of_outcome, card)
            mu = pm.Normal(f"unit_effect_{a}", 0, scale_unit, dims="unit")[unit_ix]
            mu += pm.ZeroSumNormal(f"period_effect_{a}", sigma=scale_period, dims="period")[period_ix]
            effect = pm.Normal(f"effect_{a}", 0, priors.effect)
            if card.effects.treatment == "by_unit":
                omega = pm.HalfNormal(f"omega_{a}", priors.effect_unit)
                effect = effect + (omega * pm.Normal(f"raw_{a}", 0, 1, dims="unit"))[unit_ix]
            errors.append(y - mu - treated * effect)
            sigma.append(pm.HalfStudentT(f"sigma_{a}", nu=3, sigma=priors.sigma))
            rho.append(pm.Deterministic(f"rho_{a}", 2 * pm.Beta(f"share_{a}", *priors.rho) - 1))
        r = pm.Deterministic("correlation", 2 * pm.Beta("half", lkj_shape, lkj_shape) - 1)
        inner = [e - pt.switch(first, 0.0, p) * e[before] for e, p in zip(errors, rho, strict=True)]
        # cov(first rows) = r_ab s_a s_b / (1 - rho_a rho_b), other rows r_ab s_a s_b
        cov = [
            [(1.0 if a == b else r) * sigma[a] * sigma[b] / pt.switch(first, 1 - rho[a] * rho[b], 1.0) for b in (0, 1)]
            for a in (0, 1)
        ]
        determinant = cov[0][0] * cov[1][1] - cov[0][1] ** 2
        square = cov[1][1] * inner[0] ** 2 - 2 * cov[0][1] * inner[0] * inner[1] + cov[0][0] * inner[1] ** 2
        pm.Potential("y", (-np.log(2 * np.pi) - 0.5 * pt.log(determinant) - 0.5 * square / determinant).sum())
    return model
