"""The propensity of treatment as a PyMC model, and the same model as a Bambi formula.

    treated_i ~ Bernoulli(p_i),    logit p_i = a + z_i'b,    a ~ t_nu(0, s_a),    b_k ~ t_nu(0, s)

z : (unit, covariate), mean 0 and sd 1 over the units. Source of the prior: Gelman, Jakulin, Pittau & Su (2008),
doi:10.1214/08-AOAS191, with the heavier-than-normal t of Ghosh, Li & Mitra (2018), doi:10.1214/17-BA1051; df 7 and
scale 2.5 keep its moments and do not let separated data send a slope to infinity.

With a row a unit and year:  logit p_it = a + z_it'b + u_i + v_t,  u_i ~ N(0, s_u^2),  v_t ~ N(0, s_v^2).
The treatment of a unit does not change over these years, so a unit effect, and not ten copies of one answer, has to
carry it; the score that matching uses leaves u_i out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bri_bayes.core.names import COVARIATE, PERIOD, UNIT
from bri_bayes.design.pre_period import PrePeriod
from bri_bayes.study.propensity_specification import PropensityPrior

if TYPE_CHECKING:
    import bambi


def build_propensity(pre: PrePeriod, prior: PropensityPrior) -> Any:
    """The PyMC model: one row a unit, or (``prior.rows``) a unit and year. Variables "intercept" and "slope"."""
    import pymc as pm

    by_year = prior.rows == "unit_period"
    coords: dict[str, Any] = {COVARIATE: pre[COVARIATE].to_numpy(), UNIT: pre[UNIT].to_numpy()}
    if by_year:
        coords[PERIOD] = pre[PERIOD].to_numpy()
    with pm.Model(coords=coords) as model:
        intercept = pm.StudentT("intercept", nu=prior.df, mu=0, sigma=prior.intercept)
        slope = pm.StudentT("slope", nu=prior.df, mu=0, sigma=prior.scale, dims=COVARIATE)
        linear = intercept + pre["standard"].to_numpy() @ slope
        if by_year:
            for name, dim, index in (("unit_effect", UNIT, "unit_ix"), ("year_effect", PERIOD, "period_ix")):
                spread = pm.HalfNormal(f"sigma_{name}", prior.spread)
                raw = pm.Normal(f"{name}_raw", 0, 1, dims=dim)
                linear = linear + pm.Deterministic(name, spread * raw, dims=dim)[pre[index].to_numpy()]
        pm.Bernoulli("treated", logit_p=linear, observed=pre["treated"].to_numpy().astype(int))
    return model


def build_propensity_formula(pre: PrePeriod, prior: PropensityPrior) -> bambi.Model:
    """The model with one row a unit as the Bambi formula ``treated ~ 1 + x1 + x2 + ...``, built.

    Covariates are centred, so Bambi's own centring of the intercept changes nothing.
    """
    import bambi

    names = [f"x{at + 1}" for at in range(pre.sizes[COVARIATE])]
    frame = pd.DataFrame(pre["standard"].to_numpy(), columns=names)
    frame["treated"] = pre["treated"].to_numpy().astype(int)
    slope = bambi.Prior("StudentT", nu=prior.df, mu=0, sigma=prior.scale)
    priors = dict.fromkeys(names, slope)
    priors["Intercept"] = bambi.Prior("StudentT", nu=prior.df, mu=0, sigma=prior.intercept)
    model = bambi.Model(
        f"treated ~ 1 + {' + '.join(names)}", frame, family="bernoulli", priors=priors, auto_scale=False
    )
    model.build()
    return model


def score_of(pre: PrePeriod, intercept: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Log odds a + z_i'b of each unit : (draw, unit), for rows a unit and year averaged over its years."""
    linear = intercept[:, None] + slope @ pre["standard"].to_numpy().T
    if "unit_ix" not in pre:
        return np.asarray(linear)
    unit_ix = pre["unit_ix"].to_numpy()
    years = np.bincount(unit_ix)
    return np.stack([np.bincount(unit_ix, row) / years for row in linear])
