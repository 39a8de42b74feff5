"""Did treated and control units move apart before the policy, and would this panel have shown it?

Two quantities before the first onset, on rows that no policy can have touched:

    slope   y_it = a_i + l_t + s G_i (t - mean t) + x_it'b + e_it,  G_i = 1 for ever-treated units: the linear trend
            of treated units against controls, outcome units a period
    leads   the same with a free coefficient for each period: how far treated units stood from controls in each
            year, against the pre-period average

The check of the mean of the leads, which is zero by construction, cannot fail; this one can. Its rule: a violation is
found when the 95% interval of the slope excludes zero. Priors of slope and leads are wide, so the check does not
pass because of them. Silence counts only where it could have been broken: panels with the errors of this posterior
and no trend say which slope would be found in 80% of panels, and what bias of the ATT such a slope makes. A trend is
not all that can be there: leads may be large without one. So they are tested jointly, by least squares and by
permutation (``frequentist.joint_leads``), and by the share of their posterior that is as far from its mean as zero is,
m their mean and V their covariance under the posterior:

    p_posterior = P[(delta - m)' V^-1 (delta - m) >= m' V^-1 m | y]

A check whose leads the permutation test finds jointly at 5% has not passed.

Source: Roth (2022), AER: Insights 4(3), doi:10.1257/aeri.20210236; Kahn-Lang & Lang (2020), JBES 38(3),
doi:10.1080/07350015.2018.1546591.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bri_bayes.checks.null_model import Draws, periods_of, posterior_draws, replicas, untreated_card, untreated_design
from bri_bayes.checks.placebo_null import effects_of
from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import Design, two_way
from bri_bayes.frequentist.estimate import SIGNIFICANCE
from bri_bayes.frequentist.joint_leads import JointTest, joint_test
from bri_bayes.inference.batch import coefficient_of_many
from bri_bayes.study.model_card import ModelCard

SLOPE = "treated_slope"
# Prior sd of the slope and of covariates on the standardised scale: so wide that it decides nothing.
WIDE = 10.0
POWER = 0.8
# The share of the claimed effect that a lead should not exceed.
SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class LeadOf(Effect):
    """The distance of treated units from controls in ``period``, against the pre-period average."""

    period: int


@dataclass(frozen=True, kw_only=True)
class Lead(LeadOf):
    """With the probability that it is larger than half of the claim, None without a claim."""

    p_beyond_half: float | None


@dataclass(frozen=True)
class Leads(Result):
    """Each lead, the largest in size, its place among panels without a pre-trend, and that of zero in their posterior.

    ``p_any_beyond_half`` : None without a claim; ``largest_gap`` : between means of the groups in a period.
    """

    leads: Sequence[Lead]
    largest_lead: LeadOf
    p_any_beyond_half: float | None
    largest_gap: float
    p_largest_gap: float
    p_posterior: float


@dataclass(frozen=True)
class Pretrend(Leads):
    """The slope, what the panel could detect, and the verdict.

    ``flagged`` : the interval of the slope excludes zero; ``size`` : the share of ``panels`` without a trend in which
    it does; ``detectable_slope`` : found in 80% of panels, ``detectable_bias`` : what it makes of the ATT, over
    ``distance`` periods; ``claim_slope`` : the slope that would make ``SHARE`` of the ``claim``; both None without one;
    ``joint`` : the test of all leads together.
    """

    slope: Effect
    flagged: bool
    size: float
    panels: int
    detectable_slope: float
    detectable_bias: float
    distance: float
    claim: float | None
    claim_slope: float | None
    joint: JointTest
    passed: bool | None
    periods: Sequence[int]


def pretrend_values(analysis: Analysis, claim: float | None, *, panels: int = 1000, seed: int = 0) -> Pretrend:
    """Slope, leads, their probabilities, what the panel could detect, and the verdict.

    ``claim`` : the effect that is claimed, None for none: then no lead is compared with it.
    """
    card, design = slope_recipe(analysis)
    observed = design["y"].to_numpy()[None, :]
    (slope,) = effects_of(coefficient_of_many(design, card, observed, SLOPE, seed=seed))
    null_card = untreated_card(analysis.card)
    early = untreated_design(analysis.panel, analysis.assignment, null_card)
    null = posterior_draws(early, null_card, panels, seed)
    joint = joint_test(early, analysis.design, seed=seed)
    outcomes = replicas(null, seed, effects=False)
    placebos = coefficient_of_many(design, card, outcomes, SLOPE, seed=seed)
    lower, upper = placebos["lower"].to_numpy(), placebos["upper"].to_numpy()
    detectable = float(np.quantile(np.concatenate([-lower, upper]), POWER))
    distance = _distance(analysis)
    bias = detectable * distance
    return Pretrend(
        **vars(_leads(analysis, null, outcomes, claim, seed)),
        slope=slope,
        flagged=slope.excludes_zero,
        size=float(((lower > 0) | (upper < 0)).mean()),
        panels=panels,
        detectable_slope=detectable,
        detectable_bias=bias,
        distance=distance,
        claim=claim,
        claim_slope=None if claim is None else SHARE * abs(claim) / distance,
        joint=joint,
        passed=_passed(slope.excludes_zero, bias, claim, joint),
        periods=design[PERIOD].to_numpy().astype(int).tolist(),
    )


def slope_recipe(analysis: Analysis) -> tuple[ModelCard, Design]:
    """The card with a slope of treated units, and the early rows; a card with unit trends gives them up for it."""
    card = untreated_card(analysis.card)
    effects = dataclasses.replace(card.effects, trend="none")
    priors = dataclasses.replace(card.priors, covariate=WIDE)
    card = dataclasses.replace(card, effects=effects, priors=priors, covariates=(*card.covariates, SLOPE))
    panel = with_slope(analysis.panel, analysis)
    return card, untreated_design(panel, analysis.assignment, card)


def with_slope(panel: xr.Dataset, analysis: Analysis) -> xr.Dataset:
    """The panel with the variable that grows by one a period in ever-treated units and is zero elsewhere."""
    treated = np.isin(panel[UNIT].to_numpy().astype(str), analysis.assignment.treated_units)
    period = panel[PERIOD].to_numpy().astype(float)
    values = treated[:, None] * (period - period.mean())[None, :]
    return panel.assign({SLOPE: ((UNIT, PERIOD), values)})


def _distance(analysis: Analysis) -> float:
    """Periods between the average treated row and the average earlier row of treated units: bias of the ATT a slope."""
    design = analysis.design
    ever, treated = np.isfinite(design["event_time"].to_numpy()), design["treated"].to_numpy()
    period = periods_of(design)
    return float(period[treated].mean() - period[ever & ~treated].mean())


def _passed(flagged: bool, bias: float, claim: float | None, joint: JointTest) -> bool | None:
    """False: found. None: not found, but neither would a trend that makes half of the claim, or the leads are jointly
    more than chance. True: excluded."""
    if flagged:
        return False
    if joint.p_permutation <= SIGNIFICANCE:
        return None
    return True if claim is not None and bias <= SHARE * abs(claim) else None


def _leads(analysis: Analysis, null: Draws, outcomes: Array, claim: float | None, seed: int) -> Leads:
    """Each lead with its interval, the largest one, and its place among panels without a pre-trend.

    The posterior of the leads is that of a linear model given sigma and rho: y_it with a free coefficient G_i 1[t = k]
    for every period but one, so their distance from the average is what unit and period effects leave of it.
    """
    card, design = _lead_recipe(analysis)
    draws = posterior_draws(design, card, max(null.size, 2000), seed)
    at = slice(len(analysis.card.covariates), None)
    scale = design.attrs["y_scale"] / design["x_scale"].to_numpy()[at]
    free = draws.values["beta"][:, at] * scale
    path = np.hstack([free, np.zeros((len(free), 1))])  # the last period is the reference
    path -= path.mean(axis=1, keepdims=True)
    largest = np.abs(path).max(axis=1)
    statistic = _largest_gap(
        design, analysis.assignment.treated_units, np.vstack([design["y"].to_numpy()[None, :], outcomes])
    )
    periods = design[PERIOD].to_numpy().astype(int).tolist()
    half = None if claim is None else SHARE * abs(claim)
    beyond = [None] * len(periods) if half is None else (np.abs(path) > half).mean(axis=0).tolist()
    return Leads(
        leads=[
            Lead(**vars(Effect.of_draws(draws)), period=period, p_beyond_half=share)
            for draws, period, share in zip(path.T, periods, beyond, strict=True)
        ],
        largest_lead=LeadOf(**vars(Effect.of_draws(largest)), period=periods[np.abs(path.mean(axis=0)).argmax()]),
        p_any_beyond_half=None if half is None else float((largest > half).mean()),
        largest_gap=float(statistic[0]),
        p_posterior=_tail_of_zero(free),
        p_largest_gap=float((1 + (statistic[1:] >= statistic[0]).sum()) / statistic.size),
    )


def _tail_of_zero(draws: Array) -> float:
    """The share of ``draws`` (draw, lead) that is as far from their mean as zero is, by their covariance."""
    mean = draws.mean(axis=0)
    precision = np.linalg.inv(np.atleast_2d(np.cov(draws.T)))
    distances = np.einsum("dk,kl,dl->d", draws - mean, precision, draws - mean)
    return float((1 + (distances >= mean @ precision @ mean).sum()) / (1 + len(draws)))


def _lead_recipe(analysis: Analysis) -> tuple[ModelCard, Design]:
    card = untreated_card(analysis.card)
    onset = min(analysis.assignment.onsets)
    period = analysis.panel[PERIOD].to_numpy()
    seen = np.isfinite(analysis.panel[analysis.card.outcome].transpose(UNIT, PERIOD).to_numpy())
    treated = np.isin(analysis.panel[UNIT].to_numpy().astype(str), analysis.assignment.treated_units)
    years = [int(year) for k, year in enumerate(period) if year < onset and seen[treated, k].any()]
    dummies = {f"lead_{year}": ((UNIT, PERIOD), np.outer(treated, period == year).astype(float)) for year in years[:-1]}
    effects = dataclasses.replace(card.effects, trend="none")
    priors = dataclasses.replace(card.priors, covariate=WIDE)
    card = dataclasses.replace(card, effects=effects, priors=priors, covariates=(*card.covariates, *dummies))
    return card, untreated_design(analysis.panel.assign(dummies), analysis.assignment, card)


def _largest_gap(design: Design, treated_units: tuple[str, ...], outcomes: Array) -> Array:
    """The largest distance between means of treated and control units in a period, after both effects : (panel,)."""
    ever = np.isin(design[UNIT].to_numpy().astype(str), treated_units)[design["unit_ix"].to_numpy()]
    residuals, period = two_way(design).residuals(outcomes.T), design["period_ix"].to_numpy()
    gaps = [
        residuals[(period == k) & ever].mean(axis=0) - residuals[(period == k) & ~ever].mean(axis=0)
        for k in range(design.sizes[PERIOD])
        if np.unique(ever[period == k]).size == 2
    ]
    return np.asarray(np.abs(gaps).max(axis=0))
