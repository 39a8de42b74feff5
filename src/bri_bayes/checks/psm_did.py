"""What is the effect when controls are weighted by a match that is itself uncertain?

Feedback is cut: the propensity score learns from treatment and covariates alone, never from the outcome. For each
posterior draw of the score units are matched, and given these weights the difference-in-differences posterior of the
ATT is taken (``inference.weighted``). The result is a mixture over draws, and by the law of total variance

    Var(att) = E[ Var(att | match) ] + Var( E[att | match] )

the second part is what comes from not knowing the match. Source: McCandless, Douglas, Evans & Smeeth (2010),
doi:10.2202/1557-4679.1205; Zigler (2016), doi:10.1080/00031305.2015.1111260, on cut feedback in propensity scores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.effect import Average, Effect
from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import COVARIATE, UNIT
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.pre_period import PrePeriod
from bri_bayes.frequentist.balance import BALANCED, balance, effective_size
from bri_bayes.frequentist.estimate import Estimate
from bri_bayes.frequentist.logit import logit
from bri_bayes.frequentist.matching import Rule, match, shares
from bri_bayes.frequentist.weighted_twfe import weighted_twfe
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.propensity import PropensityDraws
from bri_bayes.inference.weighted import WeightedPosteriors, power_weights, weighted_posteriors

# The three ways of the paper, with replacement and with the defaults of psmatch2 and attr.
METHODS: Mapping[str, Rule] = {
    "nearest": Rule("nearest", replace=True),
    "kernel": Rule("kernel", kernel="epanechnikov", bandwidth=0.06),
    "radius": Rule("radius", radius=0.1),
}
# Up to this share of draws may have a match whose importance weights are not reliable.
UNRELIABLE = 0.01


@dataclass(frozen=True)
class ControlWeight(Average):
    """The share of a control in the comparison; in which draws it is used at all, and has the largest share."""

    p_used: float
    p_largest: float


@dataclass(frozen=True)
class Matching(Result):
    """Who is matched over the draws of the score, which controls carry the weight, and how many they are worth.

    ``p_no_match`` : draws in which nobody is; ``matched`` : in which share of draws each treated unit is.
    """

    draws: int
    p_no_match: float
    matched: Mapping[str, float]
    control_weights: Mapping[str, ControlWeight]
    effective_controls: Average | None


@dataclass(frozen=True, kw_only=True)
class MatchedEffect(Matching):
    """The ATT over draws of the match, None where nobody is ever matched, and where its spread comes from.

    ``sets`` : distinct sets of weights; ``p_unreliable`` : draws whose importance weights are not to be trusted.
    """

    rule: Mapping[str, Any]
    att: Effect | None
    sd_given_match: float | None = None
    sd_of_match: float | None = None
    share_from_matching: float | None = None
    sets: int | None = None
    khat_max: float | None = None
    p_unreliable: float | None = None
    trustworthy: bool | None = None


@dataclass(frozen=True)
class LogitScore(Result):
    """The maximum-likelihood logit, or why it is ``refused``."""

    refused: str | None
    coefficients: Mapping[str, float] | None = None
    scores: Mapping[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class PlugInEstimate(Estimate):
    """Weighted TWFE with the ``score`` as if it were known, and how many units that rests on."""

    score: str
    n_matched_treated: int
    n_matched_controls: int


@dataclass(frozen=True)
class PlugIn(Result):
    """Estimates with a score as if it were known; ``notes`` : those that do not exist."""

    logit: LogitScore
    rows: Sequence[PlugInEstimate]
    notes: Sequence[str]


@dataclass(frozen=True)
class BalanceAfter(Result):
    """Standardised mean differences after the match, in both conventions; ``p_balanced`` : draws with one below 0.1."""

    smd: Average
    smd_treated_sd: Average | None
    p_balanced: float


@dataclass(frozen=True)
class VariableBalance(Result):
    """A variable ``before`` matching (as ``frequentist.balance``, None for NaN) and, over draws, after it."""

    covariate: str
    label: str
    in_score: bool
    before: Mapping[str, float | None]
    after: BalanceAfter
    bias_reduction: Average | None


def match_weights(pre: PrePeriod, draws: PropensityDraws, rule: Rule) -> Array:
    """Matching weights of each draw : (draw, unit); a row of zeros where no treated unit has a match."""
    treated, score = pre["treated"].to_numpy(), draws.score
    share = shares(np.abs(score[:, treated][:, :, None] - score[:, ~treated][:, None, :]), rule)
    weights = np.zeros_like(score)
    weights[:, treated] = share.sum(axis=2) > 0
    weights[:, ~treated] = share.sum(axis=1)
    return weights


def psm_did(
    analysis: Analysis, pre: PrePeriod, draws: PropensityDraws, rule: Rule, seed: int, *, sets: int = 300
) -> MatchedEffect:
    """The posterior of the ATT over draws of the match, and where its spread comes from.

    At most ``sets`` draws of the score are used; draws with the same match share one posterior.
    """
    weights = match_weights(pre, draws, rule)[:sets]
    matched = weights[:, pre["treated"].to_numpy()].any(axis=1)
    matching = _matching(pre, weights, matched)
    if not matched.any():
        return MatchedEffect(**vars(matching), rule=asdict(rule), att=None)
    units = [str(unit) for unit in pre[UNIT].to_numpy()]
    design = analysis.design
    order = [units.index(str(unit)) for unit in design[UNIT].to_numpy()]
    distinct, which = np.unique(np.round(weights[matched], 12), axis=0, return_inverse=True)
    treated = np.isfinite(design["first_treated"].to_numpy())
    powers = power_weights(distinct[:, order], treated)
    posterior = weighted_posteriors(design, analysis.card, powers, seed)
    times = np.bincount(which.ravel(), minlength=len(distinct))
    unreliable = float(times[posterior.khat >= KHAT_LIMIT].sum() / times.sum())
    att, within, between = _mixture(posterior, times)
    total = within + between
    return MatchedEffect(
        **vars(matching),
        rule=asdict(rule),
        att=att,
        sd_given_match=float(np.sqrt(within)),
        sd_of_match=float(np.sqrt(between)),
        share_from_matching=between / total if total > 0 else None,
        sets=len(distinct),
        khat_max=float(posterior.khat.max()),
        p_unreliable=unreliable,
        trustworthy=unreliable <= UNRELIABLE,
    )


def plug_in(analysis: Analysis, pre: PrePeriod, draws: PropensityDraws) -> PlugIn:
    """Weighted TWFE with a score as if it were known: that of the maximum-likelihood logit, and the posterior mean."""
    treated, units = pre["treated"].to_numpy(), [str(unit) for unit in pre[UNIT].to_numpy()]
    names = [str(name) for name in pre[COVARIATE].to_numpy()]
    scores: dict[str, Array] = {}
    try:
        fitted = logit(treated, dict(zip(names, pre["X"].to_numpy().T, strict=True)))
        scores["maximum likelihood"] = fitted.score.to_numpy()
        known = LogitScore(
            None,
            dict(zip(["constant", *names], map(float, fitted.coefficients.values), strict=True)),
            dict(zip(units, map(float, fitted.score.values), strict=True)),
        )
    except InputError as error:
        known = LogitScore(str(error))
    scores["posterior mean"] = draws.score.mean(axis=0)
    rows: list[PlugInEstimate] = []
    notes: list[str] = []
    design = analysis.design
    order = [units.index(str(unit)) for unit in design[UNIT].to_numpy()]
    for score_name, score in scores.items():
        for method, rule in METHODS.items():
            try:
                matched = match(score, treated, rule)
                estimates = weighted_twfe(design, matched.weights.to_numpy()[order], f"psm_did/{method}")
            except InputError as error:
                notes.append(f"{method} matching on the {score_name} score: {error}.")
                continue
            size, used = int(matched.matched_treated.size), int(((matched.weights.to_numpy() > 0) & ~treated).sum())
            rows += [
                PlugInEstimate(**vars(row), score=score_name, n_matched_treated=size, n_matched_controls=used)
                for row in estimates
            ]
    return PlugIn(known, rows, notes)


def balance_rows(pre: PrePeriod, everything: PrePeriod, draws: PropensityDraws, rule: Rule) -> list[VariableBalance]:
    """Balance of each variable of ``everything`` before matching and, over the draws of the match, after it."""
    treated = pre["treated"].to_numpy()
    weights = match_weights(pre, draws, rule)
    weights = weights[weights[:, treated].any(axis=1)]
    known = match(np.where(treated, 1.0, 0.0), treated)  # any match: what it says of the rows before is the same
    in_score = {str(name) for name in pre[COVARIATE].to_numpy()}
    rows = []
    for at, name in enumerate(map(str, everything[COVARIATE].to_numpy())):
        x = everything["X"].to_numpy()[:, at]
        before = balance(known, {name: x})[0].as_dict()["before"]
        difference = _difference_draws(x, treated, weights)
        sd_treated, sd_control = (
            x[rows_of].std(ddof=1) if rows_of.sum() > 1 else math.nan for rows_of in (treated, ~treated)
        )
        smd = difference / float(np.sqrt((sd_treated**2 + sd_control**2) / 2))
        after = BalanceAfter(
            Average.of_draws(smd),
            Average.of_draws(difference / sd_treated) if sd_treated > 0 else None,
            float((np.abs(smd) < BALANCED).mean()),
        )
        reduction = Average.of_draws(100 * (1 - np.abs(smd) / abs(before["smd"]))) if before["smd"] else None
        label = str(everything["label"].to_numpy()[at])
        rows.append(VariableBalance(name, label, name in in_score, before, after, reduction))
    return rows


def _difference_draws(x: Array, treated: NDArray[np.bool_], weights: Array) -> Array:
    means = [weights[:, side] @ x[side] / weights[:, side].sum(axis=1) for side in (treated, ~treated)]
    return np.asarray(means[0] - means[1])


def _mixture(posterior: WeightedPosteriors, times: Index) -> tuple[Effect, float, float]:
    """The ATT over sets of weights that occur ``times``, and its variance given the match and of the match."""
    share = times / times.sum()
    att = posterior.together(share)
    return att, float(share @ posterior.sd**2), float(share @ (posterior.mean - att.mean) ** 2)


def _matching(pre: PrePeriod, weights: Array, matched: NDArray[np.bool_]) -> Matching:
    treated, units = pre["treated"].to_numpy(), [str(unit) for unit in pre[UNIT].to_numpy()]
    controls = weights[matched][:, ~treated]
    share = controls / np.maximum(controls.sum(axis=1, keepdims=True), 1e-300)
    largest = share.max(axis=1, keepdims=True) if share.size else share
    names = [unit for unit, is_treated in zip(units, treated, strict=True) if not is_treated]
    some = bool(matched.any())
    return Matching(
        draws=len(weights),
        p_no_match=float(1 - matched.mean()),
        matched={unit: float(weights[:, at].mean()) for at, unit in enumerate(units) if treated[at]},
        control_weights={
            name: ControlWeight(
                **vars(Average.of_draws(column)),
                p_used=float((column > 0).mean()),
                p_largest=float((column >= largest[:, 0] - 1e-12).mean()),
            )
            for name, column in zip(names, share.T, strict=True)
        }
        if some
        else {},
        effective_controls=Average.of_draws(np.array([effective_size(row) for row in controls])) if some else None,
    )
