"""How much of the effect runs through a channel? Two equations on one panel, their posteriors multiplied.

With M a channel (government effectiveness, infrastructure, ...) and the effects, covariates and errors of one card:

    M_it = a_i + l_t + x_it'd + alpha_it D_it + e_it                          the channel equation
    y_it = a_i + l_t + x_it'd + delta_it D_it + beta M_it + u_it              the outcome equation

    indirect = beta mean(alpha_it),   direct = mean(delta_it),   total = indirect + direct    (means over treated cells)

With independent innovations of e and u the likelihood and the prior are products, so draws of the two posteriors
belong together in any order. That independence is the assumption: no unmeasured shock moves channel and outcome. With a
correlation r of the innovations, s_M and s_y their sd (s_y given the channel) and rho_M, rho_y the persistence,

    beta(r) = beta - r h s_y / (s_M sqrt(1 - r^2 h)),    h = 1 / (1 + (rho_M - rho_y)^2 / (1 - rho_M^2)),

h the share of the channel's filtered error that is new in its year (1 for equal persistence, iid errors and random
walks); total(r) = total(0). The channel transmits nothing at r* with beta(r*) = 0,

    r*^2 = k^2 / (h^2 + h k^2),    k = beta s_M / s_y;

above one no correlation removes it. For h = 1 and one period this is Imai, Keele & Yamamoto (2010),
doi:10.1214/10-STS321, theorem 4: r* is then the correlation of the errors that leave the channel out.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from bri_bayes.checks.slopes import flat, record
from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.json_values import json_safe
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.estimands.effects import att
from bri_bayes.frequentist.channel import channel_rows
from bri_bayes.inference.fitting import fit, is_trustworthy

PROB = 0.95
# Correlations of the two errors at which the indirect effect is shown.
CORRELATIONS = np.round(np.arange(-0.9, 0.91, 0.05), 2)
# A confounder of this size is modest: squared, it explains 9% of what is new in channel and outcome.
MODEST = 0.3
SUPPORTED, NOT_SUPPORTED, OPEN = "supported", "not supported", "cannot be told"


def mediation_values(analysis: Analysis, channel: str, seed: int, *, alone: bool = True) -> dict[str, Any]:
    """The mediation of one outcome through one channel as JSON values, with the paper's own regression beside it.

    ``alone`` : also fit the outcome without the channel, whose effect should be close to the total ("total_alone").
    """
    fits = mediation_fits(analysis, channel, seed, alone=alone)
    channel_fit, outcome_fit = fits["channel"], fits["outcome"]
    draws = _draws(channel_fit, outcome_fit, channel, seed)
    indirect = draws["beta"] * draws["alpha"]
    total = indirect + draws["direct"]
    curve = [{"correlation": float(r), **record(draws["alpha"] * beta_at(draws, float(r)))} for r in CORRELATIONS]
    vanishing = vanishing_correlation(draws)
    effects = {
        "channel_effect": record(draws["alpha"]),
        "channel_slope": record(draws["beta"]),
        "indirect": record(indirect),
        "direct": record(draws["direct"]),
        "total": record(total),
    }
    if alone:
        effects["total_alone"] = record(flat(att(fits["alone"])))
    values = {
        "channel": channel,
        "rows": int(outcome_fit.design.sizes["obs"]),
        **effects,
        "share": _share(indirect, total, effects["total"]),
        "confounder": {
            "curve": curve,
            "vanishes_at": _vanishing_record(vanishing),
            "p_removed_by_modest": float((np.abs(vanishing) <= MODEST).mean()),
        },
        "verdict": verdict(effects["indirect"], curve),
        "channel_alone": [row.as_dict() for row in channel_rows(outcome_fit.design, channel)],
        "diagnostics": {name: dict(one.diagnostics) for name, one in fits.items()},
        "trustworthy": all(is_trustworthy(one) for one in fits.values()),
    }
    return dict(json_safe(values))


def mediation_fits(analysis: Analysis, channel: str, seed: int, *, alone: bool = True) -> dict[str, Fit]:
    """The equations of channel and outcome, and the outcome alone without the channel, on the rows that have both."""
    card, panel = analysis.card, analysis.panel
    if channel not in panel.data_vars:
        raise InputError(f'the channel "{channel}" is not in the panel; {suggest(channel, map(str, panel.data_vars))}')
    if card.outcome is None or channel == card.outcome or card.modifiers:
        raise InputError(f'the card "{card.name}" needs another outcome than "{channel}", and no modifiers')
    others = tuple(name for name in card.covariates if name != channel)
    both = panel[channel].notnull() & panel[card.outcome].notnull()
    kept = panel.assign({name: panel[name].where(both) for name in (channel, card.outcome)})
    recipes = {
        "channel": dataclasses.replace(card, outcome=channel, covariates=others),
        "outcome": dataclasses.replace(card, covariates=(*others, channel)),
    }
    if alone:
        recipes["alone"] = dataclasses.replace(card, covariates=others)
    return {
        name: fit(analysis.replace(panel=kept, card=one), seed=seed + position, pointwise=False)
        for position, (name, one) in enumerate(recipes.items())
    }


def mediation_draws(analysis: Analysis, channel: str, seed: int) -> dict[str, Array]:
    """alpha, beta, direct, the sd of both innovations and h, each (R,)."""
    fits = mediation_fits(analysis, channel, seed, alone=False)
    return _draws(fits["channel"], fits["outcome"], channel, seed)


def beta_at(draws: dict[str, Array], correlation: float) -> Array:
    """beta(r) : (R,)."""
    h = draws["new_share"]
    ratio = draws["outcome_sd"] / draws["channel_sd"]
    return np.asarray(draws["beta"] - correlation * h * ratio / np.sqrt(1 - correlation**2 * h))


def vanishing_correlation(draws: dict[str, Array]) -> Array:
    """r* : (R,), with the sign of beta; beyond -1 and 1 where no correlation removes the channel."""
    h, k = draws["new_share"], draws["beta"] * draws["channel_sd"] / draws["outcome_sd"]
    return np.asarray(np.sign(k) * np.sqrt(k**2 / (h**2 + h * k**2)))


def verdict(indirect: dict[str, float], curve: list[dict[str, float]]) -> str:
    """Supported: the interval lies above zero at every correlation up to ``MODEST`` in size; not supported: it lies
    below zero without a confounder; else it cannot be told."""
    if all(point["lower"] > 0 for point in curve if abs(point["correlation"]) <= MODEST + 1e-9):
        return SUPPORTED
    return NOT_SUPPORTED if indirect["upper"] < 0 else OPEN


def _draws(channel_fit: Fit, outcome_fit: Fit, channel: str, seed: int) -> dict[str, Array]:
    """Draws of both posteriors side by side; those of the channel in random order."""
    rng = np.random.default_rng([seed, 11])
    first, second = channel_fit.posterior["posterior"], outcome_fit.posterior["posterior"]
    order = rng.permutation(first.sizes["chain"] * first.sizes["draw"])
    channel_sd, outcome_sd = flat(first["sigma"])[order], flat(second["sigma"])
    ones = np.ones_like(outcome_sd)
    new_share = ones
    if "rho" in first:
        rho_channel, rho_outcome = flat(first["rho"])[order], flat(second["rho"])
        new_share = 1 / (1 + (rho_channel - rho_outcome) ** 2 / (1 - rho_channel**2))
    return {
        "alpha": flat(att(channel_fit))[order],
        "beta": flat(second["beta"].sel(covariate=channel)),
        "direct": flat(att(outcome_fit)),
        "channel_sd": channel_sd,
        "outcome_sd": outcome_sd,
        "new_share": new_share,
    }


def _share(indirect: Array, total: Array, summary: dict[str, float]) -> dict[str, float] | None:
    """Indirect over total, where the total is told from zero: else it is a ratio with a denominator of any sign."""
    if summary["lower"] <= 0 <= summary["upper"]:
        return None
    lower, median, upper = np.quantile(indirect / total, [(1 - PROB) / 2, 0.5, (1 + PROB) / 2])
    return {"median": float(median), "lower": float(lower), "upper": float(upper)}


def _vanishing_record(draws: Array) -> dict[str, float]:
    lower, median, upper = np.quantile(np.clip(draws, -1, 1), [(1 - PROB) / 2, 0.5, (1 + PROB) / 2])
    beyond = float((np.abs(draws) > 1).mean())
    return {"median": float(median), "lower": float(lower), "upper": float(upper), "p_never": beyond}
