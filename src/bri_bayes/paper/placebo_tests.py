"""What do the paper's event study (Figure 3) and its fake treated groups (Figure 4) look like on a rebuilt panel?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.panel import Panel
from bri_bayes.frequentist.estimate import t_test
from bri_bayes.frequentist.ols import ols
from bri_bayes.frequentist.variance import crv1
from bri_bayes.paper.matched_did import BASELINE
from bri_bayes.paper.rebuild.arrays import products, within, without
from bri_bayes.paper.rebuild.rows import SEED
from bri_bayes.paper.reconstruction import BRI
from bri_bayes.paper.replicate import variable
from bri_bayes.paper.tables import Published

# What the event study compares with: the years before its window, as the formula has it (every k from -5 to 5 has a
# coefficient), or the last year before the onset, as is usual (first and last coefficient then share the years beyond).
BEFORE_WINDOW, LAST_YEAR = "years before the window", "last year before the onset"
# Where fake groups come from: every unit, or those that were never treated.
EVERYONE, NEVER_TREATED = "all units", "never treated units"
# Points at which the density of the fake coefficients is given.
_DENSITY_POINTS = 101
_DIGITS = 6


def event_study(published: Published, panel: Panel, outcome: str) -> dict[str, Any]:
    """The regression of Table 3 (3) or (6) with a coefficient for each year from the window's first to its last.

        y_it = a_i + l_t + x_it'b + sum_k alpha_k 1[t - onset = k] treated_i + e_it,     -5 <= k <= 5

    By reference : a list of {"event_time", "period", "estimate", "se", "lower", "upper", "p_value"}, standard errors
    clustered by unit (CRV1, t with units - 1). The reference event time has an estimate of zero.
    """
    regression = published.regression(*BASELINE[outcome])
    width, onset = int(published.statement("event_window").value), int(published.statement("onset").value)
    ever = panel[BRI].to_numpy().max(axis=1)
    since = panel[PERIOD].to_numpy() - onset
    covariates = {name: variable(panel, name).ravel() for name in regression.regressors if name != "BRI"}
    units, periods = (labels.ravel() for labels in np.meshgrid(panel[UNIT], panel[PERIOD], indexing="ij"))
    paths = {}
    for reference in (BEFORE_WINDOW, LAST_YEAR):
        lowest = -width if reference == LAST_YEAR else -width - 1
        times = np.clip(since, lowest, width)
        left_out = -1 if reference == LAST_YEAR else lowest
        shown = [k for k in range(-width, width + 1) if k != left_out]
        dummies = {f"k{k}": np.outer(ever, times == k).ravel() for k in shown}
        fit = ols(variable(panel, outcome).ravel(), {**dummies, **covariates}, absorb=[units, periods])
        variance = crv1(fit, units)
        values, errors = fit.coefficients.to_numpy(), variance.se.to_numpy()
        estimates = {k: (float(values[at]), float(errors[at])) for at, k in enumerate(shown)}
        paths[reference] = [
            _effect(k, onset, *estimates.get(k, (0.0, 0.0)), variance.df) for k in range(-width, width + 1)
        ]
    return paths


def fake_groups(published: Published, panel: Panel, outcome: str) -> dict[str, Any]:
    """The regression of Table 3 (3) or (6) for random groups that are treated in its place, as many units each.

        b_g = D_g'M y / D_g'M D_g,     M : without unit and year effects and covariates;  D_g = group x years from onset

    By pool : the estimates (draw,), their mean and sd, a kernel density (normal, Scott's rule) and the share of groups
    with an estimate at least as large as the observed one, in absolute value. Groups from all units hold treated ones;
    groups of never treated units are compared with the other never treated.
    """
    draws = int(published.statement("placebo_draws").value)
    ever = panel[BRI].to_numpy().max(axis=1) > 0
    everyone = np.ones_like(ever)
    observed = float(_estimates(published, panel, outcome, everyone, ever[None].astype(float))[0])
    pools = {}
    for stream, (name, pool) in enumerate(((EVERYONE, everyone), (NEVER_TREATED, ~ever))):
        rng = np.random.default_rng([SEED, 20, stream])
        size = int(ever.sum())
        groups = np.zeros((draws, int(pool.sum())))
        for group in groups:
            group[rng.choice(group.size, size=size, replace=False)] = 1.0
        pools[name] = _described(_estimates(published, panel, outcome, pool, groups), observed)
    return {"observed": round(observed, _DIGITS), "treated": int(ever.sum()), "draws": draws, "pools": pools}


def _effect(k: int, onset: int, estimate: float, se: float, df: int) -> dict[str, Any]:
    p, lower, upper = t_test(estimate, se, df) if se > 0 else (None, estimate, estimate)
    numbers = {"estimate": estimate, "se": se, "lower": lower, "upper": upper, "p_value": p}
    rounded = {name: None if value is None else round(float(value), _DIGITS) for name, value in numbers.items()}
    return {"event_time": k, "period": onset + k, **rounded}


def _estimates(published: Published, panel: Panel, outcome: str, pool: NDArray[np.bool_], groups: Array) -> Array:
    """The coefficient of each group (group, unit of the pool) among the units of the pool : (group,)."""
    regression = published.regression(*BASELINE[outcome])
    after = (panel[PERIOD].to_numpy() >= int(published.statement("onset").value)).astype(float)
    names = [name for name in regression.regressors if name != "BRI"]
    covariates = within(np.stack([variable(panel, name)[pool] for name in names]))
    y = without(within(variable(panel, outcome)[pool])[None], covariates)[0]
    centred = groups - groups.mean(axis=1, keepdims=True)
    moment = centred @ (y @ (after - after.mean()))
    square = (centred**2).sum(axis=1) * ((after - after.mean()) ** 2).sum()
    loads = centred @ (covariates @ (after - after.mean())).T
    explained = np.linalg.solve(products(covariates, covariates), loads.T).T
    return np.asarray(moment / (square - (loads * explained).sum(axis=1)))


def _described(estimates: Array, observed: float) -> dict[str, Any]:
    from scipy.stats import gaussian_kde

    reach = max(float(np.abs(estimates).max()), abs(observed)) * 1.15
    at = np.linspace(-reach, reach, _DENSITY_POINTS)
    return {
        "mean": round(float(estimates.mean()), _DIGITS),
        "sd": round(float(estimates.std(ddof=1)), _DIGITS),
        "as_large": round(float((np.abs(estimates) >= abs(observed)).mean()), _DIGITS),
        "estimates": np.round(np.sort(estimates), _DIGITS).tolist(),
        "density": {"at": np.round(at, 4).tolist(), "density": np.round(gaussian_kde(estimates)(at), 4).tolist()},
    }
