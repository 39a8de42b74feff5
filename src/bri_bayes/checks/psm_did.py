"""What is the effect when controls are weighted by a match that is itself uncertain?

Feedback is cut: the propensity score learns from treatment and covariates alone, never from the outcome. For each
posterior draw of the score units are matched, and given these weights the difference-in-differences posterior of the
ATT is taken (``inference.weighted``). The result is a mixture over draws, and by the law of total variance

    Var(att) = E[ Var(att | match) ] + Var( E[att | match] )

the second part is what comes from not knowing the match. Source: McCandless, Douglas, Evans & Smeeth (2010),
doi:10.2202/1557-4679.1205; Zigler (2016), doi:10.1080/00031305.2015.1111260, on cut feedback in propensity scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import COVARIATE, UNIT
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.pre_period import PrePeriod
from bri_bayes.frequentist.balance import balance, effective_size
from bri_bayes.frequentist.logit import logit
from bri_bayes.frequentist.matching import Rule, match, shares
from bri_bayes.frequentist.weighted_twfe import weighted_twfe
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.propensity import PropensityDraws
from bri_bayes.inference.weighted import power_weights, weighted_posteriors

# The three ways of the paper, with replacement and with the defaults of psmatch2 and attr.
METHODS: Mapping[str, Rule] = {
    "nearest": Rule("nearest", replace=True),
    "kernel": Rule("kernel", kernel="epanechnikov", bandwidth=0.06),
    "radius": Rule("radius", radius=0.1),
}
# Draws of the effect for each set of weights.
DRAWS_EACH = 20
PROB = 0.95
# Up to this share of draws may have a match whose importance weights are not reliable.
UNRELIABLE = 0.01


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
) -> dict[str, Any]:
    """The posterior of the ATT over draws of the match, and where its spread comes from.

    At most ``sets`` draws of the score are used; draws with the same match share one posterior.
    """
    weights = match_weights(pre, draws, rule)[:sets]
    found = weights[:, pre["treated"].to_numpy()].any(axis=1)
    summary = _match_summary(pre, weights, found)
    if not found.any():
        return {"rule": asdict(rule), "att": None, **summary}
    units = [str(unit) for unit in pre[UNIT].to_numpy()]
    design = analysis.design
    order = [units.index(str(unit)) for unit in design[UNIT].to_numpy()]
    distinct, which = np.unique(np.round(weights[found], 12), axis=0, return_inverse=True)
    treated = np.isfinite(design["first_treated"].to_numpy())
    powers = power_weights(distinct[:, order], treated)
    posterior = weighted_posteriors(design, analysis.card, powers, seed, draws=DRAWS_EACH)
    times = np.bincount(which.ravel(), minlength=len(distinct))
    unreliable = float(times[posterior.khat >= KHAT_LIMIT].sum() / times.sum())
    return {
        "rule": asdict(rule),
        **_mixture(posterior.mean, posterior.sd, posterior.draws, times, seed),
        **summary,
        "sets": len(distinct),
        "khat_max": float(posterior.khat.max()),
        "p_unreliable": unreliable,
        "trustworthy": unreliable <= UNRELIABLE,
    }


def plug_in(analysis: Analysis, pre: PrePeriod, draws: PropensityDraws) -> dict[str, Any]:
    """Weighted TWFE with one score as if it were known: of the maximum-likelihood logit, and of the posterior mean.

    {"logit": {"refused": why} or {"coefficients", "scores"}, "rows": [...], "notes": [...]}.
    """
    treated, units = pre["treated"].to_numpy(), [str(unit) for unit in pre[UNIT].to_numpy()]
    names = [str(name) for name in pre[COVARIATE].to_numpy()]
    scores: dict[str, Array] = {}
    try:
        fitted = logit(treated, dict(zip(names, pre["X"].to_numpy().T, strict=True)))
        scores["maximum likelihood"] = fitted.score.to_numpy()
        said: dict[str, Any] = {
            "refused": None,
            "coefficients": dict(zip(["constant", *names], map(float, fitted.coefficients.values), strict=True)),
            "scores": dict(zip(units, map(float, fitted.score.values), strict=True)),
        }
    except InputError as error:
        said = {"refused": str(error)}
    scores["posterior mean"] = draws.score.mean(axis=0)
    rows: list[dict[str, Any]] = []
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
            more = {"score": score_name, "n_matched_treated": int(matched.matched_treated.size)}
            rows += [{**estimate.as_dict(), **more} for estimate in estimates]
    return {"logit": said, "rows": rows, "notes": notes}


def balance_rows(pre: PrePeriod, everything: PrePeriod, draws: PropensityDraws, rule: Rule) -> list[dict[str, Any]]:
    """Balance of each variable of ``everything`` before matching and, over the draws of the match, after it.

    Before: as ``frequentist.balance``; after: mean and interval of the standardised mean difference in both
    conventions, and ``p_balanced``, the share of draws in which it is below 0.1.
    """
    treated = pre["treated"].to_numpy()
    weights = match_weights(pre, draws, rule)
    weights = weights[weights[:, treated].any(axis=1)]
    known = match(np.where(treated, 1.0, 0.0), treated)  # any match: what it says of the rows before is the same
    rows = []
    for at, name in enumerate(everything[COVARIATE].to_numpy()):
        x = everything["X"].to_numpy()[:, at]
        row = balance(known, {str(name): x})[0].as_dict()
        after = _smd_draws(x, treated, weights)
        sd_treated, sd_control = x[treated].std(ddof=1), x[~treated].std(ddof=1)
        pooled = float(np.sqrt((sd_treated**2 + sd_control**2) / 2))
        smd = after / pooled
        before = row["before"]["smd"]
        rows.append(
            {
                "covariate": str(name),
                "label": str(everything["label"].to_numpy()[at]),
                "in_score": str(name) in {str(one) for one in pre[COVARIATE].to_numpy()},
                "before": row["before"],
                "after": {
                    "smd": _summary(smd),
                    "smd_treated_sd": _summary(after / sd_treated) if sd_treated > 0 else None,
                    "p_balanced": float((np.abs(smd) < 0.1).mean()),
                },
                "bias_reduction": _summary(100 * (1 - np.abs(smd) / abs(before))) if before else None,
            }
        )
    return rows


def _smd_draws(x: Array, treated: NDArray[np.bool_], weights: Array) -> Array:
    means = [weights[:, side] @ x[side] / weights[:, side].sum(axis=1) for side in (treated, ~treated)]
    return np.asarray(means[0] - means[1])


def _mixture(mean: Array, sd: Array, draws: Array, times: Index, seed: int) -> dict[str, Any]:
    share = times / times.sum()
    centre = float(share @ mean)
    within, between = float(share @ sd**2), float(share @ (mean - centre) ** 2)
    rng = np.random.default_rng([seed, 23])
    pool = np.concatenate(
        [
            rng.choice(row, size=DRAWS_EACH * int(count)) if count > 1 else row
            for row, count in zip(draws, times, strict=True)
        ]
    )
    lower, upper = np.quantile(pool, [(1 - PROB) / 2, (1 + PROB) / 2])
    total = within + between
    return {
        "att": {
            "mean": centre,
            "sd": float(np.sqrt(total)),
            "lower": float(lower),
            "upper": float(upper),
            "p_positive": float((pool > 0).mean()),
        },
        "sd_given_match": float(np.sqrt(within)),
        "sd_of_match": float(np.sqrt(between)),
        "share_from_matching": between / total if total > 0 else None,
    }


def _match_summary(pre: PrePeriod, weights: Array, found: NDArray[np.bool_]) -> dict[str, Any]:
    """Who is matched, which controls carry the weight, and how many they are worth."""
    treated, units = pre["treated"].to_numpy(), [str(unit) for unit in pre[UNIT].to_numpy()]
    controls = weights[found][:, ~treated]
    share = controls / np.maximum(controls.sum(axis=1, keepdims=True), 1e-300)
    largest = share.max(axis=1, keepdims=True) if share.size else share
    names = [unit for unit, one in zip(units, treated, strict=True) if not one]
    return {
        "draws": len(weights),
        "p_no_match": float(1 - found.mean()),
        "matched": {unit: float(weights[:, at].mean()) for at, unit in enumerate(units) if treated[at]},
        "control_weights": {
            name: {
                **_summary(share[:, at]),
                "p_used": float((share[:, at] > 0).mean()),
                "p_largest": float((share[:, at] >= largest[:, 0] - 1e-12).mean()),
            }
            for at, name in enumerate(names)
        }
        if found.any()
        else {},
        "effective_controls": _summary(np.array([effective_size(row) for row in controls])) if found.any() else None,
    }


def _summary(values: Array) -> dict[str, float]:
    lower, upper = np.quantile(values, [(1 - PROB) / 2, (1 + PROB) / 2])
    return {"mean": float(values.mean()), "lower": float(lower), "upper": float(upper)}
