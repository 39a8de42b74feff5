"""The specification curve: every combination once, an exact permutation, and shares with a known answer."""

import dataclasses
from itertools import combinations, product

import numpy as np
import pytest

from bri_bayes.checks.control_sets import subsets, with_controls
from bri_bayes.checks.curve import median_permutation, shares_of_variance
from bri_bayes.checks.refits import refit
from bri_bayes.checks.specifications import SHIFTS, fit_specifications, panels_of, specifications
from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import build_design
from bri_bayes.frequentist.twfe import fit_twfe, iid_estimate
from bri_bayes.study.model_card import Sampler, load_card

SMALL = Assignment({"A": 2006, "B": 2006, "C": None, "D": None, "E": None})
# The same regression by two routes.
ROUNDING = 1e-9


def study(effect=0.0, holes=False, seed=4):
    panel, _ = simulate_panel(
        SMALL, range(2000, 2012), effect=effect, innovation_sd=0.2, covariates={"x": 0.3}, seed=seed
    )
    if holes:
        panel["y"].loc[{"unit": "C", "period": 2004}] = np.nan
        panel["x"].loc[{"unit": "A", "period": 2009}] = np.nan
    card = dataclasses.replace(load_card("did"), outcome="y", sampler=Sampler(draws=200, proposals=400))
    return Analysis(panel, SMALL, card)


def test_every_combination_is_there_once_and_a_rule_that_fills_nothing_is_not():
    curve_of = specifications(study(), ["x"])
    assert len(curve_of) == len(set(curve_of)) == 7 * 2 * 3 * 2 * len(SHIFTS)
    assert len(specifications(study(holes=True), ["x"])) == 3 * len(curve_of)
    assert len(specifications(study(), [])) == len(curve_of) / 2


def test_rows_and_filled_cells_of_each_specification_are_reported(seed):
    analysis = study(holes=True)
    chosen = [
        specification
        for specification in specifications(analysis, ["x"])
        if (specification.controls, specification.period, specification.errors, specification.shift)
        == (("C", "D", "E"), "fixed", "iid", 0)
    ]
    curve_of = {
        (r.choices.covariates, r.choices.imputation): r for r in fit_specifications(analysis, ["x"], chosen, seed)
    }
    rows = {key: (record.rows, record.filled) for key, record in curve_of.items()}
    assert rows == {
        ("none", "none"): (59, 0),
        ("none", "linear"): (60, 1),
        ("none", "moving_average"): (60, 1),
        ("all of the study", "none"): (58, 0),
        ("all of the study", "linear"): (60, 2),
        ("all of the study", "moving_average"): (60, 2),
    }
    # A gap of one year has one filling under both rules: one fit, one answer.
    assert curve_of["none", "linear"].att == curve_of["none", "moving_average"].att
    plain = analysis.replace(
        card=dataclasses.replace(analysis.card, errors=dataclasses.replace(analysis.card.errors, structure="iid"))
    )
    assert curve_of["none", "none"].att == refit(plain, seed, variant_of=analysis).att


def test_a_specification_without_usable_rows_says_why_and_the_others_are_fitted(seed):
    analysis = study()
    panel = analysis.panel.copy(deep=True)
    panel["y"].loc[{"unit": "E"}] = np.nan
    analysis = analysis.replace(panel=panel)
    chosen = [
        specification
        for specification in specifications(analysis, [])
        if (specification.period, specification.errors, specification.shift) == ("fixed", "iid", 0)
    ]
    curve_of = fit_specifications(analysis, [], chosen, seed)
    reasons = {tuple(record.choices.controls): getattr(record, "left_out", None) for record in curve_of}
    assert "no never-treated unit has the outcome" in reasons["E",]
    assert [controls for controls, reason in reasons.items() if reason] == [("E",)]


def test_the_permutation_is_that_of_brute_force_over_every_group():
    analysis = study(holes=True)
    four = SMALL.drop(["E"])
    analysis = analysis.replace(assignment=four)
    panels = panels_of(analysis, ["x"])
    curve_of = median_permutation(analysis, ["x"])
    units = sorted(four.units)
    medians = {}
    for group in combinations(units, 2):
        fake = four.swap(group, 2006)
        curve = []
        for controls, method, covariates, shift in product(subsets(fake.never_treated), panels, [(), ("x",)], SHIFTS):
            card = dataclasses.replace(analysis.card, covariates=covariates)
            design = build_design(panels[method], with_controls(fake, controls).shift(shift), card)
            curve.append(iid_estimate(fit_twfe(design)).estimate)
        medians[group] = float(np.median(curve))
    assert curve_of.medians == pytest.approx(sorted(medians.values()), abs=ROUNDING)
    assert curve_of.median == pytest.approx(medians["A", "B"], abs=ROUNDING)
    larger = sum(abs(value) >= abs(medians["A", "B"]) - ROUNDING for value in medians.values())
    assert (curve_of.larger, curve_of.n_groups, curve_of.p_value) == (larger, 6, larger / 6)


def test_a_planted_effect_has_the_largest_median_of_all_groups():
    assert median_permutation(study(effect=2.0), []).larger == 1


def test_more_than_one_onset_has_no_permutation():
    analysis = study().replace(assignment=Assignment({**SMALL.first_treated, "B": 2008}))
    with pytest.raises(InputError, match="onsets differ"):
        median_permutation(analysis, [])


def test_shares_of_an_additive_design_are_its_sums_of_squares():
    choices = [{"a": a, "b": b, "c": c} for a, b, c in product("pqr", "st", "uv")]
    effect = {"p": 0.0, "q": 1.0, "r": 5.0, "s": 0.0, "t": 2.0, "u": 0.0, "v": 0.0}
    y = [sum(effect[level] for level in row.values()) for row in choices]
    curve_of = shares_of_variance(choices, y)
    total = np.var(y)
    shares = {row.choice: row.share for row in curve_of.shares}
    assert shares == pytest.approx({"a": np.var([0, 1, 5]) / total, "b": 1 / total, "c": 0}, abs=ROUNDING)
    assert curve_of.combinations == pytest.approx(0, abs=ROUNDING)
    assert [row.choice for row in curve_of.shares] == ["a", "b", "c"]


def test_what_two_choices_do_together_is_the_share_of_the_pair():
    choices = [{"a": a, "b": b, "c": c} for a, b, c in product("pq", "st", "uv")]
    y = [float((row["a"] == "p") == (row["b"] == "s")) for row in choices]
    curve_of = shares_of_variance(choices, y)
    assert [row.share for row in curve_of.shares] == pytest.approx([0, 0, 0], abs=ROUNDING)
    assert curve_of.combinations == pytest.approx(1.0)
    assert curve_of.pairs[0].choices == ["a", "b"]
    assert curve_of.pairs[0].share == pytest.approx(1.0)


def test_unbalanced_shares_add_up_to_r_squared(rng):
    choices = [{"a": str(rng.integers(3)), "b": str(rng.integers(2)), "one": "x"} for _ in range(60)]
    y = [float(row["a"]) + 0.5 * float(row["b"]) + rng.normal() for row in choices]
    curve_of = shares_of_variance(choices, y)
    assert sum(row.share for row in curve_of.shares) + curve_of.combinations == pytest.approx(1.0)
    assert {row.choice for row in curve_of.shares} == {"a", "b"}
