"""Are placebos the refits that they say they are, and do their p-values mean what they say?"""

import dataclasses

import numpy as np
import pytest

from bri_bayes.checks import refits as refits_of_recipes
from bri_bayes.checks.placebo_null import share_as_large
from bri_bayes.checks.placebo_pool import all_others, candidates, problem, same_shape
from bri_bayes.checks.placebo_predictive import predictive_values
from bri_bayes.checks.placebo_space import _assignments, any_unit, controls_only, exact_share, is_shared, space_recipes
from bri_bayes.checks.placebo_time import (
    OBSERVED,
    WITH_TREATED,
    reasons_left_out,
    shared_refits,
    shares_onsets,
    time_recipes,
    time_values,
)
from bri_bayes.checks.posterior_predictive import predictive_checks
from bri_bayes.checks.refits import placebo_refit, refit
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.linear import att_effect
from bri_bayes.evaluation.scenarios import SCENARIOS, golden_assignment
from bri_bayes.frequentist import fit_twfe
from bri_bayes.frequentist.resampling import permutation
from bri_bayes.inference import fit
from bri_bayes.inference.att import att_posterior
from bri_bayes.study.model_card import Errors, load_card

from .panels import CONTROLS, ONSET, TREATED, recipe

# Monte Carlo error of two importance samples, in posterior sds.
MEAN = 0.1
ROUNDING = 1e-8


def posterior(analysis):
    return att_effect(fit(analysis, pointwise=False)).as_dict()


def test_every_year_but_the_first_can_be_a_fake_onset_without_and_with_the_treated_years():
    recipes, left_out = time_recipes(recipe()[0])
    fakes = [str(year) for year in range(2004, 2013)]
    assert set(recipes) == {OBSERVED, *fakes, *(f"{fake}{WITH_TREATED}" for fake in fakes)}
    assert list(left_out) == ["2003"]
    assert "must be after 2003" in left_out["2003"]
    assert int(recipes["2008"].design["period"].max()) == 2012
    assert recipes["2008"].assignment.onsets == (2008,)
    assert int(recipes[f"2008{WITH_TREATED}"].design["period"].max()) == 2020


def test_a_planted_effect_is_in_no_fake_year_unless_the_treated_years_are_in():
    recipes, left_out = time_recipes(recipe(effect=1.0, seed=2)[0])
    chosen = {label: refit(recipes[label], 0) for label in (OBSERVED, "2007", "2010", f"2010{WITH_TREATED}")}
    values = time_values(chosen, left_out)
    assert values.n == 2
    assert values.p_value == pytest.approx(1 / 3)
    assert all(abs(row.att.mean) < 0.4 for row in values.placebos)
    assert values.with_treated_years[0].att.mean > 0.5
    assert values.observed.mean == pytest.approx(1.0, abs=0.25)


def test_many_fake_onsets_share_their_points_and_are_the_refits_of_their_recipes():
    """A share of the posterior sd is the Monte Carlo error of a mean of some hundred quasi-random points."""
    analysis, _ = recipe(first=1985, last=2016, seed=5)
    assert shares_onsets(analysis)
    assert not shares_onsets(recipe()[0])
    recipes, left_out = time_recipes(analysis)
    shared = shared_refits(analysis, with_treated=False) | shared_refits(analysis, with_treated=True)
    assert {OBSERVED, *shared} == set(recipes)
    assert reasons_left_out(analysis, shared) == left_out
    assert all(refit.trustworthy for refit in shared.values())
    for label in ("1986", "2012", f"2000{WITH_TREATED}"):
        alone = refit(recipes[label], 1)
        assert shared[label].rows == alone.rows
        assert shared[label].att.mean == pytest.approx(alone.att.mean, abs=0.02 * alone.att.sd)
        assert shared[label].att.sd == pytest.approx(alone.att.sd, rel=0.02)


def test_the_share_counts_the_real_estimate_and_both_signs():
    assert share_as_large(0.5, [0.1, -0.6, 0.5]) == pytest.approx(3 / 4)
    assert share_as_large(0.5, []) is None
    assert exact_share([0.5, -0.5, 0.1, 0.7]) == pytest.approx(3 / 4)


def test_a_large_effect_has_the_smallest_possible_p_value():
    values = any_unit(recipe(effect=2.0)[0])
    assert values.n == 126
    assert values.p_value == pytest.approx(1 / 126)
    assert values.p_value_twfe == pytest.approx(1 / 126)
    assert [row.observed for row in values.placebos].count(True) == 1
    assert values.placebos[0].label == ",".join(TREATED)


def test_two_way_placebos_are_those_of_the_permutation_test_and_average_to_zero_whatever_the_data():
    analysis = recipe(effect=0.2, seed=3)[0]
    values = any_unit(analysis)
    assert values.p_value_twfe == pytest.approx(permutation(analysis.design).estimate.p_value)
    assert values.balanced
    assert values.mean_twfe == pytest.approx(0, abs=1e-12)
    paper = values.paper_figure  # 500 groups with repetition
    assert len(paper.drawn) == 500
    assert 110 < paper.distinct <= 126
    assert paper.distinct == len(set(paper.drawn))


def test_refits_one_by_one_and_the_shared_engine_say_the_same():
    analysis = recipe(effect=0.4, seed=4)[0]
    small = analysis.replace(assignment=analysis.assignment.restrict(["A", "B", "P", "Q", "R"]))
    assert is_shared(small)
    recipes = space_recipes(small, 0)
    refits = {label: refit(each_row, 0) for label, each_row in recipes.items()}
    shared, single = any_unit(small), any_unit(small, refits)
    assert shared.n == single.n == 10
    for ours, theirs in zip(shared.placebos, single.placebos, strict=True):
        assert ours.label == theirs.label
        assert ours.att.mean == pytest.approx(theirs.att.mean, abs=MEAN * theirs.att.sd)
        assert ours.twfe == theirs.twfe


def test_placebos_of_a_card_with_shared_shocks_rest_on_few_points_that_the_observed_posterior_places(monkeypatch):
    card = dataclasses.replace(load_card("did_shared"), outcome="y")
    analysis = recipe(effect=0.4, seed=4)[0].replace(card=card)
    recipes = list(space_recipes(analysis, 0).values())[:6]
    asked = []
    in_full = [refit(each_row, 0) for each_row in recipes]

    def seen(design, card, seed, near=None):
        asked.append((card.sampler.proposals, near is not None))
        return att_posterior(design, card, seed, near)

    monkeypatch.setattr(refits_of_recipes, "att_posterior", seen)
    monkeypatch.setattr(refits_of_recipes, "_NEAR", {})
    placed = [placebo_refit(each_row, analysis, 0) for each_row in recipes]
    assert placed[0] == in_full[0]
    assert asked[0] == (analysis.card.sampler.proposals, False)
    assert asked[2:] == [(refits_of_recipes.FEW_POINTS, True)] * 5  # the second places them
    for ours, theirs in zip(placed, in_full, strict=True):
        assert ours.trustworthy
        assert ours.att.mean == pytest.approx(theirs.att.mean, abs=MEAN * theirs.att.sd)


def test_several_onsets_go_one_by_one():
    analysis = recipe()[0]
    staggered = analysis.replace(assignment=Assignment({"A": 2013, "B": 2015, "P": None, "Q": None}))
    assert not is_shared(staggered)
    recipes = space_recipes(staggered, 0)
    assert len(recipes) == 12
    assert next(iter(recipes.values())).assignment.first_treated == staggered.assignment.first_treated
    assert not is_shared(analysis.replace(card=dataclasses.replace(analysis.card, errors=Errors("ar1", "by_unit"))))


def test_a_sample_of_groups_is_not_all_of_them_even_where_some_were_drawn_twice():
    design = recipe()[0].design
    some, _, is_all = _assignments(design, 0, most=14)
    assert len(some) < 14
    assert not is_all
    assert _assignments(design, 0)[2]


def test_the_controls_alone_give_four_six_and_four_groups_without_a_treated_unit():
    values = controls_only(recipe(effect=0.5)[0])
    assert [row.n for row in values.by_size] == [4, 6, 4]
    assert values.n == 14
    named = {unit for row in values.placebos for unit in row.label.split(",")}
    assert named == set(CONTROLS)
    assert values.observed.mean == pytest.approx(0.5, abs=0.25)


def test_a_group_of_controls_has_the_posterior_of_its_own_analysis():
    analysis = recipe(seed=5)[0]
    row = next(row for row in controls_only(analysis).placebos if row.label == "P,R")
    its_assignment = Assignment({unit: ONSET if unit in ("P", "R") else None for unit in CONTROLS})
    expected = posterior(analysis.replace(assignment=its_assignment))
    assert row.att.mean == pytest.approx(expected["mean"], abs=MEAN * expected["sd"])
    assert row.twfe == pytest.approx(
        fit_twfe(analysis.replace(assignment=its_assignment).design).estimate, abs=ROUNDING
    )


def test_random_groups_hold_no_treated_unit_and_have_the_posterior_of_their_own_analysis():
    analysis, pool = recipe(effect=0.3, others=25, seed=6)
    late = (pool["unit"] == "P") & (pool["period"] < 2006)  # a control that starts late, as Serbia does
    analysis = analysis.replace(panel=analysis.panel.assign(y=analysis.panel["y"].where(~late)))
    units = candidates(analysis, pool.assign(y=pool["y"].where(~late)), ["y"])
    assert len(units) == 28
    assert not {*TREATED, "P"} & set(units)
    values = same_shape(analysis, pool, units, groups=40)
    row = values.placebos[7]
    treated, controls = row.label.split(","), row.controls.split(",")
    assert (len(treated), len(controls)) == (5, 4)
    assert len({*treated, *controls}) == 9
    assert not {*treated, *controls} & set(TREATED)
    # The first drawn control stands for P, and has its gap.
    gap = (pool["unit"] == controls[0]) & (pool["period"] < 2006)
    its_assignment = Assignment(dict.fromkeys(treated, ONSET) | dict.fromkeys(controls))
    refitted = analysis.replace(panel=pool.assign(y=pool["y"].where(~gap)), assignment=its_assignment)
    expected = posterior(refitted)
    assert row.att.mean == pytest.approx(expected["mean"], abs=MEAN * expected["sd"])
    assert row.twfe == pytest.approx(fit_twfe(refitted.design).estimate, abs=ROUNDING)
    assert values.n == 40
    assert set(values.false_alarms) == {"twfe/iid", "twfe/cluster", "collapsed/t"}


def test_groups_against_all_others_have_the_posterior_of_their_own_analysis():
    analysis, pool = recipe(effect=0.3, others=15, seed=7)
    units = candidates(analysis, pool, ["y"])
    values = all_others(analysis, pool, units, groups=20)
    row = values.placebos[3]
    treated = row.label.split(",")
    its_assignment = analysis.replace(
        panel=pool, assignment=Assignment({u: ONSET if u in treated else None for u in units})
    )
    expected = posterior(its_assignment)
    assert row.att.mean == pytest.approx(expected["mean"], abs=MEAN * expected["sd"])
    assert row.twfe == pytest.approx(fit_twfe(its_assignment.design).estimate, abs=ROUNDING)
    real = Assignment({u: ONSET if u in TREATED else None for u in (*TREATED, *units)})
    assert values.observed.mean == pytest.approx(
        posterior(analysis.replace(panel=pool, assignment=real))["mean"], abs=MEAN * values.observed.sd
    )


def test_without_a_wider_pool_the_reason_is_given():
    analysis, pool = recipe(others=2)
    units = candidates(analysis, pool, ["y"])
    assert problem(analysis, units) == ("the file has 6 units beside the treated with a complete series: no wider pool")
    few = analysis.replace(assignment=analysis.assignment.restrict(["A", "B", "P"]))
    assert problem(few, units[:4]) == "the other units of the file make only 12 different groups of this shape"
    many = [f"X{i}" for i in range(30)]
    with_covariate = analysis.replace(card=dataclasses.replace(analysis.card, covariates=("x",)))
    assert "has covariates" in problem(with_covariate, many)


def test_a_planted_effect_stands_out_of_simulated_worlds_and_none_does_not():
    planted = predictive_values(recipe(effect=0.6)[0], panels=100)
    clean = predictive_values(recipe(seed=9)[0], panels=100)
    for null in (planted, planted.whole_panel):
        assert null.p_value == pytest.approx(1 / 101)
        assert null.n == 100
    for null in (clean, clean.whole_panel):
        assert null.p_value > 0.05


def test_a_model_that_is_right_passes_its_predictive_checks_and_a_wrong_one_does_not():
    right = predictive_checks(recipe(seed=10)[0], panels=200)
    assert [row.statistic for row in right.statistics if row.extreme] == []
    analysis = recipe(seed=10)[0]
    shock = (analysis.panel["unit"] == "P") & (analysis.panel["period"] == 2009)
    jump = analysis.replace(panel=analysis.panel.assign(y=analysis.panel["y"] + 2.0 * shock))
    wrong = {row.statistic: row for row in predictive_checks(jump, panels=200).statistics}
    assert wrong["largest_jump"].p_value < 0.01
    assert wrong["spread"].p_value < 0.05
    iid = recipe(seed=11, rho=0.9, errors=Errors("iid"))[0]
    persistent = {row.statistic: row for row in predictive_checks(iid, panels=200).statistics}
    assert persistent["autocorrelation"].p_value < 0.01
    trend = recipe(trend=0.1, seed=12)[0]
    by_statistic = {row.statistic: row for row in predictive_checks(trend, panels=200).statistics}
    assert by_statistic["common_trend"].p_value < 0.025


def checked(scenario, card, number):
    """The predictive checks of one panel of a scenario, by name."""
    panel, _ = simulate_panel(*golden_assignment(), seed=0)
    outcome = next(each_row for each_row in SCENARIOS if each_row.name == scenario).outcomes(number + 1, seed=3)[number]
    card = dataclasses.replace(load_card(card), outcome="y")
    recipe_of = Analysis(panel.assign(y=(("unit", "period"), outcome)), golden_assignment()[0], card)
    return {row.statistic: row for row in predictive_checks(recipe_of, panels=200).statistics}


def test_a_check_sees_yearly_noise_that_neighbouring_years_do_not_show_and_another_sees_shared_shocks():
    noisy = checked("AR 0.9 + yearly noise, sd 1", "did", 1)
    assert noisy["second_lag"].p_value < 0.025
    assert not noisy["autocorrelation"].extreme
    assert not checked("AR 0.9 + yearly noise, sd 1", "did_noise", 1)["second_lag"].extreme
    shared = checked("AR 0.8, both groups share 50%", "did", 1)
    assert shared["shared_growth"].p_value < 0.025
    assert shared["shared_growth"].observed > 2
    assert not checked("AR 0.8, both groups share 50%", "did_shared", 1)["shared_growth"].extreme


def test_a_statistic_without_enough_rows_is_left_out():
    analysis = recipe()[0]
    alone = analysis.replace(assignment=analysis.assignment.restrict(["A", "P"]))
    assert "shared_growth" not in {row.statistic for row in predictive_checks(alone, panels=50).statistics}
    odd = analysis.replace(panel=analysis.panel.sel(period=analysis.panel["period"] % 2 == 1))
    assert "second_lag" not in {row.statistic for row in predictive_checks(odd, panels=50).statistics}


def test_rows_without_treatment_that_effects_fit_exactly_have_no_statistic():
    analysis = recipe(effect=0.5)[0]
    treated = analysis.panel["unit"].isin(TREATED) & (analysis.panel["period"] >= ONSET)
    exact = analysis.replace(panel=analysis.panel.assign(y=analysis.panel["y"].where(treated, 1.0)))
    assert predictive_checks(exact, panels=20).statistics == []


def test_multiplying_the_outcome_by_100_changes_no_share():
    analysis, pool = recipe(effect=0.2, others=12, seed=13)
    hundred = analysis.replace(panel=analysis.panel.assign(y=100 * analysis.panel["y"]))
    units = candidates(analysis, pool, ["y"])
    pairs = [
        (predictive_values(analysis, panels=50), predictive_values(hundred, panels=50)),
        (
            same_shape(analysis, pool, units, groups=20),
            same_shape(hundred, pool.assign(y=100 * pool["y"]), units, groups=20),
        ),
    ]
    for each_row, other in pairs:
        assert other.p_value == pytest.approx(each_row.p_value, abs=1.5 / each_row.n)
        ours = np.array([row.att.mean for row in each_row.placebos])
        theirs = np.array([row.att.mean for row in other.placebos])
        assert theirs == pytest.approx(100 * ours, rel=1e-3, abs=1e-2)
