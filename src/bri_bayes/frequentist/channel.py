"""What can a regression of the outcome on a channel show? The coefficient of the channel, with the policy in and out.

The paper's Tables 6 and 7 regress outcomes on a channel, without the policy:

    y_it = a_i + l_t + x_it'b + beta M_it + e_it

beta says that channel and outcome move together, whatever moves them. It cannot say whether the policy moves the
channel: the policy is in no term, and any shock to both gives a beta. A mechanism needs two arms, policy to channel
and channel to outcome given the policy (``checks.mediation``), and no shock that moves both.
"""

from __future__ import annotations

import numpy as np

from bri_bayes.design.design import Design
from bri_bayes.frequentist.estimate import Estimate, t_estimate
from bri_bayes.frequentist.ols import LeastSquares, ols
from bri_bayes.frequentist.variance import crv1, iid

ALONE, GIVEN_POLICY = "channel alone", "channel given the policy"


def channel_rows(design: Design, channel: str) -> list[Estimate]:
    """The coefficient of the covariate ``channel`` without and with the policy, ordinary and CRV1."""
    rows = []
    for name, with_policy in ((ALONE, False), (GIVEN_POLICY, True)):
        fit = fit_channel(design, with_policy=with_policy)
        estimate = float(fit.coefficients.sel(term=channel))
        for inference, variance in (("iid", iid(fit)), ("cluster", crv1(fit, design["unit_ix"].to_numpy()))):
            se = float(variance.se.sel(term=channel))
            rows.append(t_estimate(name, inference, estimate, se, variance.df, variance.note))
    return rows


def fit_channel(design: Design, *, with_policy: bool) -> LeastSquares:
    """Two-way fixed effects on the covariates of the design, with the treatment or without."""
    columns = {str(name): design["X"].to_numpy()[:, i] for i, name in enumerate(design["covariate"].values)}
    if with_policy:
        columns = {"treated": design["treated"].to_numpy().astype(np.float64)} | columns
    effects = [design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()]
    return ols(design["y"].to_numpy(), columns, absorb=effects)
