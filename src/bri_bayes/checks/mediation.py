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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.checks.path_draws import PathDraws, equation, path_draws
from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import Effect, Middle
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.json_values import Result, Value
from bri_bayes.design.analysis import Analysis
from bri_bayes.frequentist.channel import channel_rows

# Correlations of the two errors at which the indirect effect is shown.
CORRELATIONS = np.round(np.arange(-0.9, 0.91, 0.05), 2)
# A confounder of this size is modest: squared, it explains 9% of what is new in channel and outcome.
MODEST = 0.3
SUPPORTED, NOT_SUPPORTED, OPEN = "supported", "not supported", "cannot be told"


@dataclass(frozen=True, kw_only=True)
class CorrelatedEffect(Effect):
    """The indirect effect when the two errors have this correlation."""

    correlation: float


@dataclass(frozen=True, kw_only=True)
class Vanishing(Middle):
    """The correlation that removes the channel, within -1 and 1; ``p_never`` : that none does."""

    p_never: float


@dataclass(frozen=True)
class Confounder(Result):
    """What a correlation of the two errors, a shock to both, makes of the indirect effect."""

    curve: Sequence[CorrelatedEffect]
    vanishes_at: Vanishing
    p_removed_by_modest: float


@dataclass(frozen=True)
class Mediation(Result):
    """``share`` : of the indirect effect in the total, where that is told from zero; ``channel_alone`` : the outcome on
    the channel by least squares; ``total_alone`` : the effect without the channel, where it was fitted."""

    channel: str
    rows: int
    channel_effect: Effect
    channel_slope: Effect
    indirect: Effect
    direct: Effect
    total: Effect
    share: Middle | None
    confounder: Confounder
    verdict: str
    channel_alone: Sequence[Mapping[str, Value]]
    diagnostics: Mapping[str, Mapping[str, Value]]
    trustworthy: bool
    total_alone: Effect | None = None


def mediation_values(analysis: Analysis, channel: str, seed: int, *, alone: bool = True) -> Mediation:
    """The mediation of one outcome through one channel, with the paper's own regression beside it.

    ``alone`` : also fit the outcome without the channel, whose effect should be close to the total.
    """
    recipes = recipes_of(analysis, channel)
    of_channel = equation(recipes["channel"], seed)
    of_outcome = equation(recipes["outcome"], seed + 1, channel)
    without = equation(recipes["alone"], seed + 2) if alone else None
    equations = {"channel": of_channel, "outcome": of_outcome} | ({} if without is None else {"alone": without})
    assert of_outcome.slope is not None, "the outcome is regressed on the channel"
    draws = path_draws(of_channel, of_outcome, seed)
    products = draws.beta * draws.alpha
    totals = products + draws.direct
    indirect = Effect.of_draws(products)
    # The mean of the direct effect is computed: so the two parts add up to the total in every digit.
    total = dataclasses.replace(Effect.of_draws(totals), mean=indirect.mean + of_outcome.effect.mean)
    curve = [
        CorrelatedEffect(**vars(Effect.of_draws(draws.alpha * beta_at(draws, float(r)))), correlation=float(r))
        for r in CORRELATIONS
    ]
    vanishing = vanishing_correlation(draws)
    return Mediation(
        channel=channel,
        rows=int(recipes["outcome"].design.sizes["obs"]),
        channel_effect=of_channel.effect,
        channel_slope=of_outcome.slope,
        indirect=indirect,
        direct=of_outcome.effect,
        total=total,
        # Else a ratio whose denominator may have any sign.
        share=Middle.of_draws(products / totals) if total.excludes_zero else None,
        confounder=Confounder(
            curve=curve,
            vanishes_at=Vanishing(
                **vars(Middle.of_draws(np.clip(vanishing, -1, 1))), p_never=float((np.abs(vanishing) > 1).mean())
            ),
            p_removed_by_modest=float((np.abs(vanishing) <= MODEST).mean()),
        ),
        verdict=verdict(indirect, curve),
        channel_alone=[row.as_dict() for row in channel_rows(recipes["outcome"].design, channel)],
        diagnostics={name: dict(result.diagnostics) for name, result in equations.items()},
        trustworthy=all(result.trustworthy for result in equations.values()),
        total_alone=None if without is None else without.effect,
    )


def recipes_of(analysis: Analysis, channel: str) -> dict[str, Analysis]:
    """The equations of channel and outcome, and the outcome alone without the channel, on the rows that have both."""
    card, panel = analysis.card, analysis.panel
    if channel not in panel.data_vars:
        raise InputError(f'the channel "{channel}" is not in the panel; {suggest(channel, map(str, panel.data_vars))}')
    if card.outcome is None or channel == card.outcome or card.modifiers:
        raise InputError(f'the card "{card.name}" needs another outcome than "{channel}", and no modifiers')
    others = tuple(name for name in card.covariates if name != channel)
    both = panel[channel].notnull() & panel[card.outcome].notnull()
    kept = panel.assign({name: panel[name].where(both) for name in (channel, card.outcome)})
    cards = {
        "channel": dataclasses.replace(card, outcome=channel, covariates=others),
        "outcome": dataclasses.replace(card, covariates=(*others, channel)),
        "alone": dataclasses.replace(card, covariates=others),
    }
    return {name: analysis.replace(panel=kept, card=recipe) for name, recipe in cards.items()}


def mediation_draws(analysis: Analysis, channel: str, seed: int) -> PathDraws:
    """The posteriors of both equations side by side."""
    recipes = recipes_of(analysis, channel)
    return path_draws(equation(recipes["channel"], seed), equation(recipes["outcome"], seed + 1, channel), seed)


def beta_at(draws: PathDraws, correlation: float) -> Array:
    """beta(r) : (R,)."""
    h = draws.new_share
    ratio = draws.outcome_sd / draws.channel_sd
    return np.asarray(draws.beta - correlation * h * ratio / np.sqrt(1 - correlation**2 * h))


def vanishing_correlation(draws: PathDraws) -> Array:
    """r* : (R,), with the sign of beta; beyond -1 and 1 where no correlation removes the channel."""
    h, k = draws.new_share, draws.beta * draws.channel_sd / draws.outcome_sd
    return np.asarray(np.sign(k) * np.sqrt(k**2 / (h**2 + h * k**2)))


def verdict(indirect: Effect, curve: Sequence[CorrelatedEffect]) -> str:
    """Supported: the interval lies above zero at every correlation up to ``MODEST`` in size; not supported: it lies
    below zero without a confounder; else it cannot be told."""
    if all(point.lower > 0 for point in curve if abs(point.correlation) <= MODEST + 1e-9):
        return SUPPORTED
    return NOT_SUPPORTED if indirect.upper < 0 else OPEN
