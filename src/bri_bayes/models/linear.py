"""The PyMC model of a linear card, written from its equation (the closed-form engine has its own derivation).

On the standardised outcome, for row j of unit i in period t at event time k:

    mu_j = a_i + l_t + [k >= 0] (tau_k + u_i) + x_j'beta + [k >= 0] z_j'(gamma + g_i) + c_i time_j + [ever treated] d_t
    mu_j = a_i + l_t + kappa (tau_k + u_i) + ...            a contaminated control, k periods after its exposure
    y_j  ~ Normal(mu_j + phi_j (y_{j-1} - mu_{j-1}), s_j)      phi_j, s_j from the serial structure (``error_model``)
    or, with a log link, a law of the level whose mean is the exponential of the same (``level_model``)

    a_i ~ N(0, A^2)    l ~ ZeroSumNormal(B)    u_i ~ N(0, omega^2)
    tau_k = average + f_k less its average over treated cells,  f the integrated random walk of ``effect_path``
    g_i ~ N(0, omega_modifier^2) with modifier_slopes = "by_unit", else zero
    d_t - d_{t-1} ~ N(0, trend_step^2), the drift of the treated group with trend = "group_random_walk", else zero

Shapes: a (unit,), l (period,), tau (event_time,), u (treated_unit,), beta (covariate,), gamma (modifier,),
g (treated_unit, modifier).
Prior scales are in ``card.PRIORS``. Pooled effects are non-centred.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import binned_event_time, event_times, exposed_positions, trend_time, wide_scales
from bri_bayes.models.effect_path import free_path, pooled_path
from bri_bayes.models.error_model import add_errors
from bri_bayes.models.level_model import add_levels
from bri_bayes.models.products import product
from bri_bayes.study.model_card import ModelCard

if TYPE_CHECKING:
    import pymc as pm


# What the standardised outcome is called in a model whose outcome can be exchanged after it is compiled.
OUTCOME_DATA = "outcome"
# The prior scales of unit and period effects in such a model, which are multiples of the outcome's total sd.
WIDE_DATA = "wide_scales"


def build_linear(
    design: Design,
    card: ModelCard,
    standard_errors: Mapping[str, Array] | None = None,
    *,
    exchangeable_outcome: bool = False,
    errors: Callable[[Any], None] | None = None,
) -> pm.Model:
    """The PyMC model of ``card`` on ``design``; free variables on the standardised scale.

    ``standard_errors`` : of covariates or modifiers that are measured with error, by name, (obs,) in their own units;
    their true values are then latent (``measured``), as covariate and as modifier alike.
    ``exchangeable_outcome`` : the standardised outcome is the data ``OUTCOME_DATA`` (obs,), not a constant; under a log
    link the levels are (``level_model``).
    ``errors`` : what hangs observations on mu (obs,), in place of ``add_errors``.
    """
    import pymc as pm

    if standard_errors and card.effects.period == "correlated":
        raise InputError(
            f'the card "{card.name}" has correlated period effects: no variable can be measured with error'
        )
    times = event_times(design, card)
    coords = {
        "unit": design["unit"].to_numpy(),
        "period": design["period"].to_numpy(),
        "treated_unit": design["treated_unit"].to_numpy(),
        "exposed_unit": design["exposed_unit"].to_numpy(),
        "event_time": times,
        "covariate": design["covariate"].to_numpy(),
        "modifier": design["modifier"].to_numpy(),
        "group": design["group"].to_numpy(),
    }
    unit_ix, period_ix = design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()
    treated = design["treated"].to_numpy()
    y = (design["y"].to_numpy() - design.attrs["y_center"]) / design.attrs["y_scale"]
    priors = card.priors
    with pm.Model(coords=coords) as model:
        observed: Any = y
        scale_unit, scale_period = wide_scales(design, card)
        if exchangeable_outcome and not card.has_log_link:
            observed = pm.Data(OUTCOME_DATA, y)
            wide = pm.Data(WIDE_DATA, np.array([scale_unit, scale_period]))
            scale_unit, scale_period = wide[0], wide[1]
        unit_effect = pm.Normal("unit_effect", 0, scale_unit, dims="unit")
        mu = unit_effect[unit_ix]
        known = {} if standard_errors is None else _true_values(design, standard_errors)
        effect, regressors = _effect(design, card, times)
        mu += effect
        if card.modifiers:
            z = _standardised(design, "modifier", known) * treated[:, None]
            mu += product(z, pm.Normal("modifier_effect", 0, priors.modifier, dims="modifier"))
            regressors.append(z)
            if card.effects.modifier_slopes == "by_unit":
                omega_modifier = pm.HalfNormal("omega_modifier", priors.modifier_unit)
                raw = pm.Normal("modifier_deviation_raw", 0, 1, dims=("treated_unit", "modifier"))
                slope = pm.Deterministic("modifier_deviation", omega_modifier * raw, dims=("treated_unit", "modifier"))
                mu += (slope[own_position(design)] * z).sum(axis=1)
                if not known:  # correlated period effects, which alone need it, are refused with latent values
                    regressors += [np.eye(design.sizes["unit"])[unit_ix] * column[:, None] for column in z.T]
        if card.covariates:
            x = _standardised(design, "covariate", known)
            mu += product(x, pm.Normal("beta", 0, priors.covariate, dims="covariate"))
            regressors.append(x)
        if card.effects.trend == "unit_linear":
            mu += pm.Normal("trend", 0, priors.trend, dims="unit")[unit_ix] * trend_time(design)
        if card.effects.trend == "group_random_walk":
            ever_treated = np.isfinite(design["event_time"].to_numpy()).astype(float)
            mu += _drift(design, card)[period_ix] * ever_treated
        mu += _period_effect(design, card, regressors, scale_period)[period_ix]
        if errors is not None:
            errors(mu)
        elif card.has_log_link:
            add_levels(design, card, mu, exchangeable=exchangeable_outcome)
        else:
            add_errors(design, card, observed, mu)
    return model


def _true_values(design: Design, standard_errors: Mapping[str, Array]) -> dict[str, Any]:
    from bri_bayes.models.measurement_error import true_values

    reported = _columns(design)
    return {name: true_values(design, name, reported[name], se) for name, se in standard_errors.items()}


def _columns(design: Design) -> dict[str, Array]:
    """Covariates and modifiers by name, as given : (obs,)."""
    return {
        str(name): design[variable].to_numpy()[:, position]
        for dim, variable in (("covariate", "X"), ("modifier", "Z"))
        for position, name in enumerate(design[dim].to_numpy())
    }


def _standardised(design: Design, role: str, known: Mapping[str, Any]) -> Any:
    """Covariates or modifiers less their centre, over their scale : (obs, m); those in ``known`` are latent."""
    import pytensor.tensor as pt

    short = {"covariate": "x", "modifier": "z"}[role]
    center, scale = design[f"{short}_center"].to_numpy(), design[f"{short}_scale"].to_numpy()
    given = design[short.upper()].to_numpy()
    names = [str(name) for name in design[role].to_numpy()]
    if not any(name in known for name in names):
        return (given - center) / scale
    columns = [known.get(name, given[:, position]) for position, name in enumerate(names)]
    return pt.stack([(column - center[i]) / scale[i] for i, column in enumerate(columns)], axis=1)


def _effect(design: Design, card: ModelCard, times: np.ndarray) -> tuple[Any, list[np.ndarray]]:
    """The effect of each row, and the treatment regressors whose period means Mundlak's device needs."""
    import pymc as pm
    import pytensor.tensor as pt

    effects, priors = card.effects, card.priors
    treated = design["treated"].to_numpy()
    binned = binned_event_time(design, card)
    path_ix = np.searchsorted(times, np.where(np.isfinite(binned), binned, times[0]).astype(int))
    path_ix = np.clip(path_ix, 0, times.size - 1)
    has_effect = np.isfinite(binned) & (times[path_ix] == binned)
    names, own_ix = list(design["treated_unit"].to_numpy()), own_position(design)
    n_leads, n_post = int((times < 0).sum()), int((times >= 0).sum())
    weights = np.array([(binned[treated] == k).mean() for k in times[n_leads:]])
    by_unit = effects.treatment in ("by_unit", "by_unit_event_time")
    by_time = effects.treatment in ("event_time", "by_unit_event_time")
    leads = pm.Normal("lead", 0, priors.effect, shape=n_leads) if n_leads else pt.zeros(0)
    dummies = (binned[:, None] == times[None, :]).astype(float)
    regressors = [dummies if by_time or n_leads else treated[:, None].astype(float)]
    spilt: Any = 0.0
    if effects.pooling == "none" and by_unit:
        n_units = len(names)
        if by_time:
            post = free_path(card, weights, units=n_units)
        else:
            post = pt.repeat(pm.Normal("own_path", 0, priors.effect, shape=(n_units, 1)), n_post, axis=1)
        effect = pm.Deterministic("effect", pt.concatenate([pt.repeat(leads[None, :], n_units, axis=0), post], axis=1))
    else:
        if not by_time:
            post = pt.repeat(pm.Normal("level", 0, priors.effect, shape=1), n_post)
        elif effects.pooling == "none":
            post = free_path(card, weights)
        else:
            post = pooled_path(card, times[n_leads:], weights)
        tau = pm.Deterministic("tau", pt.concatenate([leads, post]) if n_leads else post, dims="event_time")
        effect = pt.repeat(tau[None, :], len(names), axis=0)
        omega = None
        if by_unit:
            omega = pm.HalfNormal("omega", priors.effect_unit)
            raw = pm.Normal("unit_deviation_raw", 0, 1, dims="treated_unit")
            deviation = pm.Deterministic("unit_deviation", omega * raw, dims="treated_unit")
            effect = effect + deviation[:, None] * (times >= 0)[None, :]
        effect = pm.Deterministic("effect", effect, dims=("treated_unit", "event_time"))
        spilt = _exposed_effect(design, card, tau, omega)
    if by_unit:
        dummies = np.eye(len(names))[own_ix] * treated[:, None]
        regressors += (
            [dummies * (binned == k)[:, None] for k in times[n_leads:]] if effects.pooling == "none" else [dummies]
        )
    return effect[own_ix, path_ix] * has_effect + spilt, regressors


def _exposed_effect(design: Design, card: ModelCard, tau: Any, omega: Any) -> Any:
    """kappa times what a treated unit would have felt, in the rows of contaminated controls; zero without any."""
    import pymc as pm
    import pytensor.tensor as pt

    units = design["exposed_unit"].to_numpy()
    if card.contamination is None or not units.size:
        return 0.0
    a, b = card.contamination.prior
    kappa = pm.Beta("kappa", a, b) if card.contamination.share is None else card.contamination.share
    effect = pt.repeat(tau[None, :], units.size, axis=0)
    if omega is not None:
        effect = effect + omega * pm.Normal("exposed_deviation_raw", 0, 1, dims="exposed_unit")[:, None]
    effect = pm.Deterministic("exposed_effect", kappa * effect, dims=("exposed_unit", "event_time"))
    rows, positions = exposed_positions(design, card)
    position = np.searchsorted(units, design["unit"].to_numpy()[design["unit_ix"].to_numpy()[rows]])
    return pt.set_subtensor(pt.zeros(design.sizes["obs"])[rows], effect[position, positions])


def own_position(design: Design) -> np.ndarray:
    """The position of each row's unit among the treated units : (obs,); 0 for the others, whose rows have no effect."""
    names = list(design["treated_unit"].to_numpy())
    return np.array([names.index(u) if u in names else 0 for u in design["unit"].to_numpy()[design["unit_ix"]]])


def _drift(design: Design, card: ModelCard) -> Any:
    """The treated group's deviation from parallel trends in each period, a random walk from zero."""
    import pymc as pm
    import pytensor.tensor as pt

    gaps = np.diff(design["period"].to_numpy()).astype(float)
    sd = card.effects.trend_sd
    scale = pm.HalfNormal("trend_step", card.priors.trend_step) if sd is None else sd
    raw = pm.Normal("drift_raw", 0, 1, shape=gaps.size)
    path = pt.concatenate([pt.zeros(1), scale * pt.cumsum(raw * np.sqrt(gaps))])
    return pm.Deterministic("drift", path, dims="period")


def _period_effect(design: Design, card: ModelCard, regressors: list[np.ndarray], scale: Any) -> Any:
    import pymc as pm

    if card.effects.period == "fixed":
        return pm.ZeroSumNormal("period_effect", sigma=scale, dims="period")
    n_periods = design.sizes["period"]
    stacked = np.hstack(regressors)
    dummies = np.eye(n_periods)[design["period_ix"].to_numpy()]
    means = dummies.T @ stacked / dummies.sum(axis=0)[:, None]
    u, singular, _ = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    basis = u[:, singular > 1e-10 * singular.max()]
    mundlak = pm.Normal("period_mundlak", 0, scale * np.sqrt(n_periods), shape=basis.shape[1])
    sigma_period = pm.HalfNormal("sigma_period", card.priors.period_spread)
    raw = pm.Normal("period_raw", 0, 1, dims="period")
    return pm.Deterministic("period_effect", product(basis, mundlak) + sigma_period * raw, dims="period")
