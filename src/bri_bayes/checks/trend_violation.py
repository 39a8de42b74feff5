"""How far may the treated group drift away from the others before the answer is gone? The Bayesian honest DID.

The ever-treated units share a deviation g_t from parallel trends, a random walk whose steps have sd s a period
(log points a year for an outcome in logs),

    y_it = a_i + l_t + tau_it D_it + g_t 1[i ever treated] + e_it,    g_t - g_{t-1} ~ N(0, s^2)

With s = 0 trends are parallel. Before the onset g is seen through the pre-trends; after it only its prior tells it
from the effect, so the posterior of the ATT widens with s. Reported are the ATT as a function of s, the breakdown s
(the smallest at which the 95% interval reaches zero), and the ATT averaged over s when s is learned: mostly from the
pre-period, since after the onset a step of g and a step of the effect are one thing.

``coefficient_posterior`` is the same idea on event-study coefficients b ~ N(beta, V), flat in each effect.
Source: Kwon & Roth (2024), (Empirical) Bayes approaches to parallel trends, arXiv:2404.11839.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.checks.prior_scales import LearnedScale, scale_row
from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import TAILS, Effect
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import Trend
from bri_bayes.design.analysis import Analysis
from bri_bayes.frequentist.event_coefficients import EventCoefficients
from bri_bayes.inference.att import AttPosterior, att_posterior
from bri_bayes.study.model_card import ModelCard

# Beyond this many ends of the curve no breakdown is looked for.
_FARTHEST = 16.0
# The breakdown is found to this share of the outcome's spread within units and periods.
_TOLERANCE = 1e-4
# As in ``sentences``: an effect leans to one side from this probability on.
_LEANS = 0.9


@dataclass(frozen=True)
class AtDrift(Result):
    """The ATT with steps of sd ``s``, and how reliable its importance sample is."""

    s: float
    att: Effect
    khat: float | None


@dataclass(frozen=True)
class LearnedDrift(Result):
    """The ATT averaged over s when it is learned, and s itself (``step``)."""

    att: Effect
    khat: float | None
    step: LearnedScale


@dataclass(frozen=True)
class Breakdown(Result):
    """The smallest s at which the interval reaches zero, or the ``reason`` why there is none."""

    s: float | None
    reason: str | None


@dataclass(frozen=True)
class TrendViolation(Result):
    """The ATT by s, without a violation (``none``) and with s learned; s in units of the outcome a period.

    ``leans_until`` : the s from which the probability of the effect's sign is below 90%; None if it never is above.
    """

    curve: Sequence[AtDrift]
    none: Effect
    breakdown: Breakdown
    leans_until: float | None
    learned: LearnedDrift


def can_drift(card: ModelCard) -> bool:
    """Whether the walk can be added to a card in closed form: no leads, fixed period effects, no other drift."""
    effects = card.effects
    free = effects.trend in ("none", "group_random_walk") and card.shocks.process == "none"
    return card.is_marginal and free and not effects.leads and effects.period == "fixed"


def with_drift(card: ModelCard, sd: float | None) -> ModelCard:
    """The card with the group's walk: ``sd`` of a step on the standardised outcome, 0 for none, None to learn it."""
    trend: Trend = "none" if sd == 0 else "group_random_walk"
    effects = dataclasses.replace(card.effects, trend=trend, trend_sd=None if sd == 0 else sd)
    return dataclasses.replace(card, effects=effects)


def trend_violation(analysis: Analysis, seed: int = 0, points: int = 13) -> TrendViolation:
    """The ATT by s, where it breaks down, and with s learned."""
    design, card = analysis.design, analysis.card
    unit = float(design.attrs["y_scale"])

    def at(sd: float | None) -> AttPosterior:
        return att_posterior(design, with_drift(card, sd), seed)

    learned = at(None)
    step = scale_row(learned, "trend_step", follows=None)
    prior_end = card.priors.trend_step * _half_normal_quantile(TAILS[1])
    last = max(prior_end, step.posterior.upper / unit)
    fits = {sd: at(sd) for sd in (last * np.linspace(0, 1, points) ** 1.5).tolist()}
    curve = [AtDrift(sd * unit, fit.effect, fit.points.khat) for sd, fit in fits.items()]
    none = curve[0].att

    def effect_at(sd: float) -> Effect:
        return at(sd).effect

    return TrendViolation(
        curve=curve,
        none=none,
        breakdown=_breakdown(effect_at, none, last, unit),
        leans_until=_leans_until(effect_at, none, last, unit),
        learned=LearnedDrift(learned.effect, learned.points.khat, step),
    )


def coefficient_posterior(study: EventCoefficients, sd: float, weights: Array | None = None) -> tuple[float, float]:
    """Posterior mean and sd of l'tau_post given the coefficients, with steps of ``sd`` and a flat prior of each effect.

    beta_pre = g_pre, beta_post = tau + g_post, g a walk from zero at the reference in both directions:
    tau | b ~ N(b_post - C_op C_pp^-1 b_pre, C_oo - C_op C_pp^-1 C_po) with C = V + s^2 K. Without ``weights`` (l) the
    average over treated rows.
    """
    post = study.average if weights is None else np.asarray(weights, dtype=float)
    since = (study.times + 1).astype(float)
    same_side = since[:, None] * since[None, :] > 0
    walk = np.where(same_side, np.minimum(np.abs(since[:, None]), np.abs(since[None, :])), 0.0)
    c = study.covariance + sd**2 * walk
    before, after = study.times < 0, study.times >= 0
    cross = np.linalg.solve(c[np.ix_(before, before)], c[np.ix_(before, after)])
    mean = study.estimates[after] - cross.T @ study.estimates[before]
    covariance = c[np.ix_(after, after)] - c[np.ix_(after, before)] @ cross
    return float(post @ mean), float(np.sqrt(post @ covariance @ post))


def _breakdown(effect_at: Callable[[float], Effect], none: Effect, last: float, unit: float) -> Breakdown:
    if not none.excludes_zero:
        return Breakdown(None, "the interval contains zero without any violation")
    end, sign = ("lower", 1.0) if none.lower > 0 else ("upper", -1.0)
    sd = _crossing(lambda sd: sign * getattr(effect_at(sd), end), last)
    if sd is None:
        return Breakdown(None, f"zero stays outside the interval up to s = {_FARTHEST * last * unit:.3g}")
    return Breakdown(sd * unit, None)


def _leans_until(effect_at: Callable[[float], Effect], none: Effect, last: float, unit: float) -> float | None:
    if max(none.p_positive, 1 - none.p_positive) < _LEANS:
        return None

    def margin(sd: float) -> float:
        p = effect_at(sd).p_positive
        return (p if none.p_positive > 0.5 else 1 - p) - _LEANS

    sd = _crossing(margin, last)
    return None if sd is None else sd * unit


def _crossing(margin: Callable[[float], float], last: float) -> float | None:
    """Where a margin that is positive at zero becomes negative, by bisection."""
    low, high = 0.0, last / 8
    while margin(high) > 0:
        low, high = high, 2 * high
        if high > _FARTHEST * last:
            return None
    while high - low > _TOLERANCE:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if margin(middle) > 0 else (low, middle)
    return 0.5 * (low + high)


def _half_normal_quantile(p: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + p) / 2))
