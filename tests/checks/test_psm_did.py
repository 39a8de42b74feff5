"""The matched difference-in-differences: the law of total variance, recovery of a known effect, and the section."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import xarray as xr
from scipy.special import expit

from bri_bayes.checks.psm_did import METHODS, balance_rows, match_weights, plug_in, psm_did
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_errors
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.pre_period import pre_period
from bri_bayes.frequentist.matching import Rule, match
from bri_bayes.inference.propensity import sample_propensity
from bri_bayes.inference.weighted import power_weights, weighted_posteriors
from bri_bayes.study.model_card import load_card

CARD, DID = load_card("propensity"), dataclasses.replace(load_card("did"), outcome="y")
ATT = 0.3
# Sums of the same few numbers in another order.
ROUNDING = 1e-9


def selected_panel(rng, n_units=30, n_periods=10, onset=2006, selection=0.6, confounding=0.5):
    """Units with a large x are treated more often, and their outcome rises after the onset whoever is treated."""
    x = rng.normal(size=n_units)
    while True:
        treated = rng.random(n_units) < expit(selection * x - 0.7)
        if 5 <= treated.sum() <= n_units - 8:
            break
    years = np.arange(2001, 2001 + n_periods)
    after = years >= onset
    errors = simulate_errors(rng, (n_units, n_periods), rho=0.5, innovation_sd=0.2)
    y = rng.normal(size=(n_units, 1)) + np.cumsum(rng.normal(0, 0.1, n_periods)) + errors
    y += (confounding * x + ATT * treated)[:, None] * after
    units = [f"u{i:02d}" for i in range(n_units)]
    panel = xr.Dataset(
        {"y": (("unit", "period"), y), "x": (("unit", "period"), np.repeat(x[:, None], n_periods, axis=1))},
        coords={"unit": units, "period": years},
        attrs={"kind": "simulation", "label": "selection on x", "sources": []},
    )
    return panel, Assignment({unit: onset if chosen else None for unit, chosen in zip(units, treated, strict=True)})


@pytest.fixture
def case(seed):
    panel, assignment = selected_panel(np.random.default_rng(seed), n_units=14)
    pre = pre_period(panel, assignment, ["x"])
    return Analysis(panel, assignment, DID), pre, sample_propensity(pre, CARD, seed, draws=200)


@pytest.mark.parametrize("method", METHODS)
def test_weights_of_a_draw_are_those_of_matching_on_it(case, method):
    _, pre, draws = case
    weights = match_weights(pre, draws, METHODS[method])
    for at in (0, 7):
        alone = match(draws.score[at], pre["treated"].to_numpy(), METHODS[method])
        np.testing.assert_allclose(weights[at], alone.weights, atol=ROUNDING)


def test_the_variance_is_that_given_the_match_plus_that_of_the_match(case, seed):
    analysis, pre, draws = case
    answer = psm_did(analysis, pre, draws, METHODS["kernel"], seed, sets=40)
    parts = answer.sd_given_match**2, answer.sd_of_match**2
    assert answer.att.sd**2 == pytest.approx(sum(parts))
    assert answer.share_from_matching == pytest.approx(parts[1] / sum(parts))
    # Draw by draw, without pooling equal matches.
    weights = match_weights(pre, draws, METHODS["kernel"])[:40]
    weights = weights[weights[:, pre["treated"].to_numpy()].any(axis=1)]
    order = [list(pre["unit"].to_numpy()).index(unit) for unit in analysis.design["unit"].to_numpy()]
    treated = np.isfinite(analysis.design["first_treated"].to_numpy())
    each = weighted_posteriors(analysis.design, DID, power_weights(weights[:, order], treated), seed)
    assert answer.att.mean == pytest.approx(each.mean.mean(), abs=0.02 * answer.att.sd)
    # Ends and sign are those of the mixture of all of them.
    below = [
        np.mean([mixture.cdf(np.array([end]))[0] for mixture in each.mixtures])
        for end in (answer.att.lower, answer.att.upper, 0.0)
    ]
    assert below == pytest.approx([0.025, 0.975, 1 - answer.att.p_positive], abs=0.004)


def test_a_match_that_is_certain_adds_no_variance(case, seed):
    analysis, pre, draws = case
    answer = psm_did(analysis, pre, draws, Rule("radius", radius=2.0), seed)
    assert answer.share_from_matching == pytest.approx(0, abs=ROUNDING)
    assert answer.sets == 1
    n_controls = int((~pre["treated"].to_numpy()).sum())
    assert answer.effective_controls.mean == pytest.approx(n_controls)
    shares = [share.mean for share in answer.control_weights.values()]
    np.testing.assert_allclose(shares, 1 / n_controls)


def test_where_nobody_can_be_matched_there_is_no_effect(case, seed):
    analysis, pre, draws = case
    answer = psm_did(analysis, pre, draws, Rule("radius", radius=1e-15), seed)
    assert answer.att is None
    assert answer.p_no_match == 1


def test_balance_after_the_match_is_a_posterior_and_before_it_a_number(case):
    _, pre, draws = case
    row = balance_rows(pre, pre, draws, METHODS["nearest"])[0]
    x, treated = pre["X"].to_numpy()[:, 0], pre["treated"].to_numpy()
    pooled = np.sqrt((x[treated].var(ddof=1) + x[~treated].var(ddof=1)) / 2)
    assert row.before["smd"] == pytest.approx((x[treated].mean() - x[~treated].mean()) / pooled)
    assert abs(row.after.smd.mean) < abs(row.before["smd"])
    assert row.after.smd.lower <= row.after.smd.mean <= row.after.smd.upper


def test_the_plug_in_takes_the_logit_where_it_exists_and_says_where_it_does_not(case, seed):
    analysis, pre, draws = case
    answer = plug_in(analysis, pre, draws)
    assert answer.logit.refused is None
    assert {row.score for row in answer.rows} == {"maximum likelihood", "posterior mean"}
    sizes = {row.estimator: (row.n_matched_treated, row.n_matched_controls) for row in answer.rows}
    treated = int(pre["treated"].sum())
    assert all(0 < n <= treated and 0 < m <= pre.sizes["unit"] - treated for n, m in sizes.values())
    # A neighbour is one control a treated unit at most, a radius may be more.
    assert sizes["psm_did/nearest"][1] <= sizes["psm_did/nearest"][0]
    separated = pre.copy(deep=True)
    separated["X"][:, 0] = np.where(pre["treated"], 2.0, 0.0) + np.linspace(0, 1, pre.sizes["unit"])
    answer = plug_in(analysis, separated, draws)
    assert 'the covariate "x" separates' in answer.logit.refused
    assert {row.score for row in answer.rows} == {"posterior mean"}


@pytest.mark.calibration
def test_a_known_effect_comes_back_on_500_panels_with_selection_on_a_covariate():
    """Bias and coverage of the matched posterior, beside the posterior without a match.

    Matching removes nine tenths of the confounding. What is left is the distance between a treated unit and its
    nearest control, and it costs a few points of coverage.
    """
    matched, plain = [], []
    for seed in range(500):
        panel, assignment = selected_panel(np.random.default_rng(seed))
        pre = pre_period(panel, assignment, ["x"])
        draws = sample_propensity(pre, CARD, seed, draws=12)
        analysis = Analysis(panel, assignment, DID)
        effect = psm_did(analysis, pre, draws, METHODS["nearest"], seed).att
        matched.append((effect.mean, effect.lower < ATT < effect.upper))
        equal = weighted_posteriors(analysis.design, DID, np.ones((1, 30)), seed)
        plain.append((equal.mean[0], abs(equal.mean[0] - ATT) < 1.96 * equal.sd[0]))
    bias, coverage = np.mean(matched, axis=0) - [ATT, 0]
    plain_bias, plain_coverage = np.mean(plain, axis=0) - [ATT, 0]
    # Measured 0.024 and 0.926 against 0.263 and 0.402; standard errors 0.005 and 0.012.
    assert abs(bias) < 0.04
    assert 0.89 < coverage < 0.98
    assert plain_bias > 0.2
    assert plain_coverage < 0.6


@pytest.fixture(scope="module")
def answer(quick_section):
    return quick_section("propensity")


def test_the_section_has_scores_overlap_balance_and_three_matched_effects(answer):
    shown = answer.values
    json.dumps(shown, allow_nan=False)
    assert shown["panel"]["kind"] == "simulation"
    assert {row["unit"] for row in shown["score"]["units"] if row["treated"]} == {"KAZ", "KGZ", "TJK"}
    assert sum(shown["score"]["prior_predictive"]) == pytest.approx(1)
    assert shown["failed_gates"] == []
    for outcome in shown["outcomes"].values():
        assert set(outcome["methods"]) == {"nearest", "kernel", "radius"}
        for effect in outcome["methods"].values():
            assert effect["att"]["sd"] > 0
            assert 0 <= effect["share_from_matching"] <= 1
            shares = [share["mean"] for share in effect["control_weights"].values()]
            assert sum(shares) == pytest.approx(1)
    assert shown["checks"][0]["name"] == "overlap"
    assert shown["claims"] == []  # the study states none


def test_the_section_says_in_text_what_its_tables_hold(answer):
    text = answer.text()
    for words in ("Nearest neighbour, with replacement", "Kazakhstan", "Share of each control", "SMD"):
        assert words in text


@pytest.mark.real
def test_on_the_real_panel_the_covariates_of_the_paper_separate_the_nine_countries(shared):
    from bri_bayes.core.resources import shipped
    from bri_bayes.study.study_file import load_study

    path = shared / "data" / "real_panel" / "china_partners_2000_2023.csv"
    study = load_study(shipped("data") / "goods_trade.toml", path)
    panel = study.load()
    pre = pre_period(panel, study.assignment, study.propensity.covariates, study.propensity.years)
    analysis = Analysis(panel, study.assignment, dataclasses.replace(DID, outcome="lnexport"))
    draws = sample_propensity(pre, CARD, 0)
    assert "together separate the treated from the controls completely" in plug_in(analysis, pre, draws).logit.refused
    assert np.isfinite(draws.linear).all()
