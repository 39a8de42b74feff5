"""Can the pre-trend check fail, does it fail when it should, and does it know what it cannot see?"""

import dataclasses
from unittest.mock import patch

import numpy as np
import pytest
import xarray as xr

from bri_bayes.checks.null_model import untreated_card, untreated_design
from bri_bayes.checks.pretrend import POWER, SLOPE, pretrend_values, slope_recipe, with_slope
from bri_bayes.core.errors import InputError
from bri_bayes.data.simulation import simulate_errors
from bri_bayes.frequentist import joint_leads
from bri_bayes.frequentist.gls import ar1_gls
from bri_bayes.frequentist.joint_leads import joint_test
from bri_bayes.inference.batch import coefficient_of_many
from bri_bayes.study.model_card import Effects, Errors

from .panels import CONTROLS, TREATED, recipe

# The trend that a check must not miss on a quiet panel, log points a year.
PLANTED = 0.05
# Monte Carlo standard errors that a rate may be away.
STANDARD_ERRORS = 4
# Wide priors and mirrored draws: this share of the posterior sd from least squares.
LIMIT = 0.02


def flags(analysis, outcomes):
    """Whether the check finds a violation in each outcome (outcome, unit, period), and the intervals."""
    card, design = slope_recipe(analysis)
    rows = outcomes[:, design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()]
    posteriors = coefficient_of_many(design, card, rows, SLOPE)
    return ((posteriors["lower"] > 0) | (posteriors["upper"] < 0)).to_numpy()


def errors_with_trend(count, trend, *, rho=0.5, innovation_sd=0.1, seed=2):
    units = sorted((*TREATED, *CONTROLS))
    errors = simulate_errors(np.random.default_rng(seed), (count, len(units), 10), rho=rho, innovation_sd=innovation_sd)
    return errors + trend * np.isin(units, TREATED)[:, None] * np.arange(10)


def test_a_planted_trend_fails_the_check_and_a_panel_without_one_passes():
    planted = pretrend_values(recipe(trend=PLANTED, innovation_sd=0.05)[0], claim=0.4, panels=200)
    clean = pretrend_values(recipe(innovation_sd=0.05)[0], claim=0.4, panels=200)
    assert planted.passed is False
    assert planted.slope.lower > 0
    assert planted.slope.mean == pytest.approx(PLANTED, abs=3 * planted.slope.sd)
    assert clean.passed is True
    assert clean.flagged is False


def test_a_noisy_panel_does_not_pass_it_cannot_tell():
    values = pretrend_values(recipe(innovation_sd=0.4)[0], claim=0.2, panels=200)
    assert values.flagged is False
    assert values.passed is None
    assert values.detectable_bias > 0.1


def test_rates_are_those_that_the_check_promises():
    analysis = recipe()[0]
    planted = flags(analysis, errors_with_trend(300, PLANTED))
    clean = flags(analysis, errors_with_trend(300, 0.0))
    assert planted.mean() > 0.75
    assert clean.mean() < 0.05 + STANDARD_ERRORS * np.sqrt(0.05 * 0.95 / 300)


@pytest.mark.calibration
def test_the_detectable_trend_is_found_in_80_percent_of_new_panels():
    """New panels with the trend really in them, against the shortcut that moves intervals of panels without it."""
    analysis = recipe(seed=3)[0]
    values = pretrend_values(analysis, claim=None, panels=600)
    slope = values.detectable_slope
    card, design = slope_recipe(analysis)
    from bri_bayes.checks.null_model import posterior_draws, replicas, untreated_card

    null_card = untreated_card(analysis.card)
    draws = posterior_draws(untreated_design(analysis.panel, analysis.assignment, null_card), null_card, 600, seed=9)
    x = design["X"].to_numpy()[:, -1]
    posteriors = coefficient_of_many(design, card, replicas(draws, 9, effects=False) + slope * x, SLOPE)
    rate = float(((posteriors["lower"] > 0) | (posteriors["upper"] < 0)).mean())
    assert rate == pytest.approx(POWER, abs=STANDARD_ERRORS * np.sqrt(2 * POWER * (1 - POWER) / 600))


def test_with_iid_errors_the_slope_is_the_least_squares_slope():
    analysis = recipe(trend=0.02, seed=4, errors=Errors("iid"), effects=Effects(treatment="common"))[0]
    card, design = slope_recipe(analysis)
    posteriors = coefficient_of_many(design, card, design["y"].to_numpy()[None, :], SLOPE)
    early = analysis.panel["y"].sel(period=slice(None, 2012)).transpose("unit", "period").to_numpy()
    treated = np.isin(analysis.panel["unit"], TREATED)
    time = np.arange(early.shape[1]) - (early.shape[1] - 1) / 2
    slopes = early @ time / (time @ time)
    expected = slopes[treated].mean() - slopes[~treated].mean()
    assert float(posteriors["mean"][0]) == pytest.approx(expected, abs=LIMIT * float(posteriors["sd"][0]))


def test_the_mean_of_the_leads_is_zero_and_the_check_does_not_use_it():
    values = pretrend_values(recipe(trend=PLANTED, innovation_sd=0.05)[0], claim=0.2, panels=100)
    assert np.mean([lead.mean for lead in values.leads]) == pytest.approx(0, abs=1e-10)
    assert values.largest_lead.lower > 0.1
    assert values.p_any_beyond_half > 0.95
    assert values.p_largest_gap < 0.05


def test_a_hundredfold_outcome_has_a_hundredfold_slope_and_the_same_verdict():
    analysis = recipe(trend=0.03)[0]
    hundred = analysis.replace(panel=analysis.panel.assign(y=100 * analysis.panel["y"] + 3))
    plain, scaled = pretrend_values(analysis, 0.2, panels=100), pretrend_values(hundred, 20.0, panels=100)
    for name in ("detectable_slope", "detectable_bias", "largest_gap"):
        assert getattr(scaled, name) == pytest.approx(100 * getattr(plain, name), rel=1e-4)
    assert scaled.slope.lower == pytest.approx(100 * plain.slope.lower, rel=1e-3)
    assert scaled.passed is plain.passed
    assert scaled.p_any_beyond_half == pytest.approx(plain.p_any_beyond_half, abs=0.01)


def test_unit_trends_of_a_card_give_way_to_the_slope():
    analysis = recipe(trend=PLANTED, innovation_sd=0.05, effects=Effects(trend="unit_linear"))[0]
    card, _ = slope_recipe(analysis)
    assert card.effects.trend == "none"
    assert pretrend_values(analysis, 0.2, panels=100).passed is False


def test_too_few_periods_before_the_onset_are_refused_with_a_reason():
    analysis = recipe(first=2010)[0]
    with pytest.raises(InputError, match="3 periods before the first onset are too few: 4 are needed"):
        pretrend_values(analysis, 0.2, panels=50)


def test_no_row_from_the_onset_on_moves_the_check():
    analysis = recipe(trend=0.02)[0]
    later = analysis.panel["period"] >= 2013
    changed = analysis.replace(panel=analysis.panel.assign(y=analysis.panel["y"].where(~later, 7.0 * later)))
    assert pretrend_values(analysis, 0.2, panels=50).slope == pretrend_values(changed, 0.2, panels=50).slope


def test_the_slope_variable_is_zero_for_controls():
    analysis = recipe()[0]
    panel = with_slope(analysis.panel, analysis)
    assert float(np.abs(panel[SLOPE].sel(unit=list(CONTROLS))).max()) == 0
    assert panel[SLOPE].sel(unit="A").diff("period").to_numpy() == pytest.approx(1)


def test_an_error_scale_for_each_unit_is_refused_with_a_reason():
    card = dataclasses.replace(recipe()[0].card, errors=Errors("ar1", "by_unit"))
    with pytest.raises(InputError, match="not a normal linear card with a common error scale"):
        pretrend_values(recipe()[0].replace(card=card), 0.2, panels=50)


def with_hump(analysis, size):
    """Treated units stand ``size`` higher in two years in the middle of the time before: no linear trend."""
    panel = analysis.panel.copy(deep=True)
    hump = np.isin(panel["unit"], TREATED)[:, None] & np.isin(panel["period"], (2007, 2008))[None, :]
    return analysis.replace(panel=panel.assign(y=panel["y"] + xr.DataArray(size * hump, dims=("unit", "period"))))


def test_two_large_leads_without_a_trend_are_found_jointly_and_the_check_has_not_passed():
    quiet = recipe(innovation_sd=0.03, seed=5)[0]
    clean, humped = (pretrend_values(it, claim=0.4, panels=200) for it in (quiet, with_hump(quiet, 0.3)))
    assert clean.passed is True
    assert clean.joint.p_permutation > 0.05
    assert humped.flagged is False
    assert humped.passed is None
    assert humped.joint.p_permutation == pytest.approx(1 / 126, abs=1 / 126)
    assert humped.joint.p_f < 0.05
    assert humped.p_posterior < 0.05


def test_the_joint_test_permutes_every_choice_of_treated_units_and_is_the_same_in_other_units():
    analysis = recipe(seed=3)[0]
    hundred = analysis.replace(panel=analysis.panel.assign(y=100 * analysis.panel["y"] + 3))
    plain, scaled = pretrend_values(analysis, 0.2, panels=50), pretrend_values(hundred, 20.0, panels=50)
    assert (plain.joint.leads, plain.joint.units, plain.joint.assignments, plain.joint.exact) == (9, 9, 126, True)
    assert scaled.joint.p_permutation == plain.joint.p_permutation
    assert scaled.joint.f == pytest.approx(plain.joint.f, rel=1e-5)
    assert scaled.p_posterior == pytest.approx(plain.p_posterior, abs=0.03)


def test_joint_tests_of_panels_without_a_pretrend_reject_as_often_as_they_say():
    """300 panels of AR(1) errors, within four standard errors; F, from few units, may reject less often."""
    base = recipe()[0]
    early = untreated_design(base.panel, base.assignment, untreated_card(base.card))
    rows = early["unit_ix"].to_numpy(), early["period_ix"].to_numpy()
    tests = [
        joint_test(early.assign(y=("obs", errors[rows])), base.design) for errors in errors_with_trend(300, 0.0, seed=8)
    ]
    most = 0.05 + STANDARD_ERRORS * np.sqrt(0.05 * 0.95 / 300)
    assert np.mean([test.p_permutation <= 0.05 for test in tests]) < most
    assert np.mean([test.p_f <= 0.05 for test in tests]) < most
    assert np.mean([test.p_permutation for test in tests]) == pytest.approx(0.5, abs=STANDARD_ERRORS * 0.29 / 300**0.5)


def test_f_of_independent_errors_is_that_of_two_nested_regressions():
    analysis = recipe(rho=0.0, seed=4)[0]
    early = untreated_design(analysis.panel, analysis.assignment, untreated_card(analysis.card))
    with patch.object(joint_leads, "ar1_gls", lambda *given: ar1_gls(*given[:-1], 0.0)):
        f = joint_test(early, analysis.design).f
    y = early["y"].to_numpy()
    unit, period = early["unit_ix"].to_numpy(), early["period_ix"].to_numpy()
    ever = np.isin(early["unit"].to_numpy(), TREATED)[unit]
    small = np.column_stack([np.eye(9)[unit], np.eye(10)[period][:, 1:]])
    large = np.column_stack([small, *(ever & (period == k) for k in range(9))])
    rss = [((y - X @ np.linalg.lstsq(X, y, rcond=None)[0]) ** 2).sum() for X in (small, large)]
    df = y.size - np.linalg.matrix_rank(large)
    assert f == pytest.approx((rss[0] - rss[1]) / 9 / (rss[1] / df), rel=1e-8)
