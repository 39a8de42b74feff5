"""Does a moderation find the slope that was planted, say what it lost, and equal least squares where it must?"""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from bri_bayes.checks import moderation
from bri_bayes.checks.moderation import (
    BEFORE_ONSET,
    MEASURED,
    TIME_VARYING,
    measured_values,
    moderated,
    moderation_values,
    possible_versions,
)
from bri_bayes.checks.slopes import SlopeDraws, draws_of_fit, learned, prior_slope, slope_values
from bri_bayes.core.effect import Effect
from bri_bayes.core.errors import InputError
from bri_bayes.frequentist.interaction import SLOPE, TREATED, fit_interaction, interaction_rows
from bri_bayes.inference import fit
from bri_bayes.study.card_priors import Priors
from bri_bayes.study.model_card import Sampler

from .interactions import analysis_of, moderated_panel

# The limit of wide priors: this share of the standard error (the project's own promise).
TWFE_SHARE = 1e-3
# Two runs of the search for the mode on another scale agree to this.
REPEATED = 1e-3
# A mean of two thousand mirrored draws against an exact one, as a share of the sd.
MEAN_SHARE = 0.15


def test_with_wide_priors_and_independent_errors_slope_and_effect_are_those_of_least_squares():
    priors = Priors(unit=1e3, period=1e3, effect=1e3, covariate=1e3, modifier=1e3)
    panel = moderated_panel(1)
    panel = panel.assign(z_from_2013=(panel["z"] - panel["z"].mean()) * (panel["period"] >= 2013))
    covariates = ("z", "z_from_2013")
    analysis = analysis_of(panel, card="twfe_limit", priors=priors, covariates=covariates, modifiers=("z",))
    draws = draws_of_fit(fit(analysis), "z")
    least_squares = fit_interaction(analysis.design, "z")
    se = interaction_rows(analysis.design, "z")[0].se
    moderation_of = [draws.at_center, draws.slope, draws.main]
    for ours, term in zip(moderation_of, (TREATED, SLOPE, "z"), strict=True):
        # The posterior mean is an average of exact conditional means; its draws are mirrored around it.
        assert ours.mean() == pytest.approx(float(least_squares.coefficients.sel(term=term)), abs=20 * TWFE_SHARE * se)


def test_multiplying_the_outcome_by_100_multiplies_slope_curve_and_prior_by_100():
    analysis = analysis_of(moderated_panel(2))
    larger = analysis.replace(panel=analysis.panel.assign(y=100 * analysis.panel["y"]))
    in_units, hundred = (moderation_values(a, "z", TIME_VARYING, 3) for a in (analysis, larger))
    for path in (("slope", "mean"), ("slope", "sd"), ("learned", "prior_sd"), ("main_effect", "mean")):
        small, large = (getattr(getattr(moderation_of, path[0]), path[1]) for moderation_of in (in_units, hundred))
        assert large == pytest.approx(100 * small, rel=REPEATED, abs=REPEATED)
    assert hundred.p_negative == pytest.approx(in_units.p_negative, abs=0.01)
    assert hundred.curve[0].lower == pytest.approx(100 * in_units.curve[0].lower, rel=0.01)


def test_a_moderator_in_other_units_has_the_slope_in_those_units_and_the_same_curve():
    panel = moderated_panel(2)
    in_units = moderation_values(analysis_of(panel), "z", TIME_VARYING, 3)
    other = moderation_values(analysis_of(panel.assign(z=10 * panel["z"] - 7)), "z", TIME_VARYING, 3)
    assert other.slope.mean == pytest.approx(in_units.slope.mean / 10, rel=REPEATED)
    assert other.curve[5].mean == pytest.approx(in_units.curve[5].mean, rel=REPEATED, abs=1e-4)
    assert other.learned.contraction == pytest.approx(in_units.learned.contraction, abs=0.005)


@pytest.mark.parametrize("slope", [-0.1, 0.1])
def test_a_planted_slope_is_found_with_the_zero_of_the_effect(slope):
    moderation_of = moderation_values(analysis_of(moderated_panel(4, slope=slope, effect=0.2)), "z", TIME_VARYING, 1)
    assert abs(moderation_of.slope.mean - slope) < 3 * moderation_of.slope.sd
    assert np.sign(moderation_of.slope.lower) == np.sign(moderation_of.slope.upper) == np.sign(slope)
    assert moderation_of.zero.exists
    truth = moderation_of.center - 0.2 / slope
    assert moderation_of.zero.lower < truth < moderation_of.zero.upper
    assert moderation_of.zero.p_below + moderation_of.zero.p_inside + moderation_of.zero.p_above == pytest.approx(1.0)


def test_the_zero_of_an_effect_whose_slope_may_be_zero_does_not_exist():
    moderation_of = moderation_values(analysis_of(moderated_panel(5, slope=0.0, sd=0.5)), "z", TIME_VARYING, 1)
    assert moderation_of.slope.lower < 0 < moderation_of.slope.upper
    assert not moderation_of.zero.exists
    assert moderation_of.zero.median is None


def test_the_average_effect_is_the_curve_at_the_centre_plus_what_countries_add():
    analysis = moderated(analysis_of(moderated_panel(6)), "z", TIME_VARYING)
    draws = draws_of_fit(fit(analysis), "z")
    of_units = np.mean([draws.by_unit[unit] * (z - draws.center) for unit, _, z in draws.cells], axis=0)
    assert draws.att == pytest.approx(draws.at_center + of_units, abs=1e-10)


def test_rows_without_the_moderator_are_named_and_kept_when_it_is_fixed_before_the_onset():
    panel = moderated_panel(7)
    gaps = panel["z"].copy()
    gaps.loc[{"unit": "U0", "period": list(range(2006, 2024))}] = np.nan
    gaps.loc[{"unit": "U8", "period": [2020]}] = np.nan
    analysis = analysis_of(panel.assign(z=gaps))
    yearly = moderation_values(analysis, "z", TIME_VARYING, 1).rows
    assert yearly.lost == {"U0": list(range(2006, 2024)), "U8": [2020]}
    assert (yearly.used, yearly.n_lost, yearly.without_treated_rows) == (9 * 21 - 19, 19, ["U0"])
    fixed = moderation_values(analysis, "z", BEFORE_ONSET, 1)
    assert (fixed.rows.used, fixed.rows.n_lost) == (9 * 21, 0)
    assert fixed.main_effect is None
    low = {in_units.unit: in_units.mean for in_units in fixed.observed}
    assert low["U0"] == pytest.approx(float(gaps.sel(unit="U0", period=slice(2003, 2005)).mean()))
    assert fixed.between_share == pytest.approx(1.0)


def test_versions_follow_from_what_the_panel_has():
    panel = moderated_panel(8)
    constant = panel.assign(z=panel["z"].mean("period").broadcast_like(panel["z"]).transpose("unit", "period"))
    assert possible_versions(analysis_of(panel), "z", None) == [TIME_VARYING, BEFORE_ONSET]
    assert possible_versions(analysis_of(panel), "z", "se") == [TIME_VARYING, BEFORE_ONSET, MEASURED]
    assert possible_versions(analysis_of(constant), "z", "se") == [BEFORE_ONSET]


def test_what_cannot_moderate_is_refused_by_name():
    analysis = analysis_of(moderated_panel(8))
    with pytest.raises(InputError, match='the moderator "gini" is not in the panel'):
        moderation_values(analysis, "gini", TIME_VARYING, 0)
    with pytest.raises(InputError, match='"y" cannot moderate its own effect'):
        moderation_values(analysis, "y", TIME_VARYING, 0)
    panel = analysis.panel.assign(negative=-analysis.panel["se"])
    with pytest.raises(InputError, match='"negative" is missing or negative in a row that has "z"'):
        measured_values({"y": analysis.replace(panel=panel)}, "z", "negative", 0)


def test_contraction_is_zero_where_nothing_was_learned_and_its_verdict_follows_the_rule(rng):
    prior = rng.normal(0, 2, 50_000)
    assert learned(prior, prior).contraction == pytest.approx(0.0)
    verdicts = [learned(prior, rng.normal(0, sd, 50_000)).verdict for sd in (1.9, 1.0, 0.3)]
    assert verdicts == ["mostly the prior", "the prior and the data", "mostly the data"]


def test_the_prior_of_the_slope_has_the_spread_of_its_two_parts():
    """var = modifier^2 + E omega^2 sum of squared shares, with E omega^2 the squared scale of a half-normal."""
    analysis = moderated(analysis_of(moderated_panel(9)), "z", TIME_VARYING)
    draws, design = prior_slope(analysis.design, "z", analysis.card, 0), analysis.design
    scale = design.attrs["y_scale"] / float(design["z_scale"].values[0])
    expected = scale * np.sqrt(1.0**2 + 0.5**2 / 5)  # five countries with equal shares
    assert draws.std() == pytest.approx(expected, rel=0.02)


def test_one_country_has_one_slope_and_all_variation_between_countries_is_counted(rng):
    slope = rng.normal(size=500)
    cells = (("A", 2013, 1.0), ("A", 2014, 3.0), ("B", 2013, 5.0), ("B", 2014, 7.0))
    draws = SlopeDraws(slope, slope, {"A": slope, "B": slope}, None, slope, 4.0, cells)
    moderation_of = slope_values(draws, rng.normal(size=500))
    assert moderation_of.between_share == pytest.approx(4 / 5)  # variance of means 4, total 5
    assert moderation_of.range == [1.0, 7.0]


def test_a_moderator_without_error_gives_the_closed_form_answer(monkeypatch):
    monkeypatch.setattr(moderation, "MEASURED_SAMPLER", Sampler(chains=2, draws=200))
    panel = moderated_panel(10).sel(period=slice(2008, 2018))
    analysis = analysis_of(panel)  # se is a thousandth of a point
    rng = np.random.default_rng(4)
    noise = xr.DataArray(rng.normal(0, 0.05, analysis.panel["y"].shape), dims=("unit", "period"))
    panel = analysis.panel.assign(other=3 * analysis.panel["y"].transpose("unit", "period") + noise)
    other = analysis.replace(panel=panel, card=dataclasses.replace(analysis.card, outcome="other"))
    both = {"y": analysis.replace(panel=panel), "other": other}
    sampled = measured_values(both, "z", "se", 2)
    for name, of_outcome in both.items():
        agree(moderation_values(of_outcome, "z", TIME_VARYING, 2), sampled[name])


def agree(exact, latent):
    for key in ("slope", "main_effect", "at_center"):
        spread = getattr(exact, key).sd
        assert getattr(latent, key).mean == pytest.approx(getattr(exact, key).mean, abs=MEAN_SHARE * spread)
        assert getattr(latent, key).sd == pytest.approx(spread, rel=0.15)


@pytest.mark.calibration
def test_the_planted_slope_lies_in_95_percent_intervals_in_95_percent_of_panels():
    """200 panels, slope -0.05: the interval covers it in 90 to 99%, and excludes zero more often than not."""
    covered, told = [], []
    for seed in range(200):
        moderation_of = slope_of(moderated_panel(1000 + seed, slope=-0.05, sd=0.15))
        covered.append(moderation_of.lower <= -0.05 <= moderation_of.upper)
        told.append(moderation_of.upper < 0)
    assert 0.90 <= np.mean(covered) <= 0.99
    assert np.mean(told) > 0.5


@pytest.mark.calibration
def test_without_an_interaction_the_interval_of_the_slope_leaves_zero_out_in_5_percent_of_panels():
    told = []
    for seed in range(200):
        moderation_of = slope_of(moderated_panel(2000 + seed, slope=0.0, sd=0.15))
        told.append(moderation_of.upper < 0 or moderation_of.lower > 0)
    assert np.mean(told) <= 0.095  # 5% and three standard errors of a rate over 200 panels


@pytest.mark.calibration
def test_a_noisy_moderator_attenuates_the_slope_and_its_latent_version_less(monkeypatch):
    """Independent noise of 4 points on a level spread of 5: the naive slope shrinks, the latent one stands nearer."""
    monkeypatch.setattr(moderation, "MEASURED_SAMPLER", Sampler(chains=2, draws=100, tune=300))
    naive, latent = [], []
    for seed in range(2):
        analysis = analysis_of(moderated_panel(3000 + seed, slope=-0.1, main=0.0, sd=0.05, noise=4.0))
        naive.append(moderation_values(analysis, "z", TIME_VARYING, 1).slope.mean)
        latent.append(measured_values({"y": analysis}, "z", "se", 1)["y"].slope.mean)
    assert abs(np.mean(naive)) < 0.09
    assert abs(np.mean(latent) + 0.1) < abs(np.mean(naive) + 0.1)


@pytest.mark.calibration
@pytest.mark.parametrize("version", [TIME_VARYING, BEFORE_ONSET])
def test_what_the_moderator_does_in_every_unit_after_the_onset_is_not_taken_for_moderation(version):
    """100 panels in which it is worth 0.05 in treated units and controls alike; without that term most are found."""
    told = []
    for seed in range(100):
        panel = moderated_panel(5000 + seed, slope=0.0)
        moved = panel.assign(y=panel["y"] + 0.05 * (panel["z"] - 35) * (panel["period"] >= 2013))
        slope = slope_of(moved, version)
        told.append(slope.excludes_zero)
    assert np.mean(told) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)


def slope_of(panel, version=TIME_VARYING):
    recipe = moderated(analysis_of(panel), "z", version)
    return Effect.of_draws(draws_of_fit(fit(recipe, pointwise=False), "z").slope)
