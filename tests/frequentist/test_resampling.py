from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bri_bayes.frequentist import resampling
from bri_bayes.frequentist.ols import ols
from bri_bayes.frequentist.resampling import permutation
from bri_bayes.frequentist.twfe import fit_twfe

# Two float64 algorithms for one closed form.
RTOL = 1e-8
# A step to each side of an end of the interval must change the verdict.
STEP = 1e-7
# Standard errors of a Monte Carlo share that a correct test exceeds once in 15,000 seeds.
MONTE_CARLO_Z = 4.0


def placebos_by_hand(design, data, onsets, covariates):
    """One regression for each distinct rearrangement of the onsets over the units."""
    years = design["period"].to_numpy()[data["period"]]
    estimates = {}
    for arrangement in set(permutations(np.nan if onset is None else float(onset) for onset in onsets)):
        treated = years >= np.array(arrangement)[data["unit"]]
        regressors = {"treated": treated, **{name: data[name] for name in covariates}}
        fit = ols(data["y"], regressors, absorb=[data["unit"], data["period"]])
        estimates[arrangement] = float(fit.coefficients[0])
    return estimates


@pytest.mark.parametrize(
    ("seed", "staggered", "n_covariates"), [(0, False, 0), (1, False, 2), (2, True, 1), (3, True, 0)]
)
def test_the_placebo_estimates_are_those_of_one_regression_an_assignment(helpers, seed, staggered, n_covariates):
    y, onsets, covariates = helpers.random_panel(
        seed, n_units=6, n_treated=2, staggered=staggered, n_covariates=n_covariates
    )
    design = helpers.design_of(y, onsets, covariates)
    # NaN is not equal to itself, but the one object np.nan is the same key everywhere.
    expected = placebos_by_hand(design, helpers.frame_of(design), onsets, list(covariates))
    result = permutation(design)
    first = np.where(np.isnan(result.placebos["first_treated"]), -1, result.placebos["first_treated"])
    ours = dict(zip(map(tuple, first), result.placebos["estimate"].to_numpy(), strict=True))
    theirs = {tuple(-1 if np.isnan(year) else year for year in key): value for key, value in expected.items()}
    assert len(ours) == len(theirs) == (30 if staggered else 15)
    assert {key: pytest.approx(value, rel=RTOL) for key, value in theirs.items()} == ours
    observed = abs(result.estimate.estimate)
    larger = sum(abs(value) >= observed * (1 - RTOL) for value in theirs.values())
    assert result.estimate.p_value == pytest.approx(larger / len(theirs), rel=RTOL)


def test_the_observed_assignment_is_the_first_and_its_estimate_is_that_of_two_way_fixed_effects(helpers):
    design = helpers.random_design(5, staggered=True)
    placebos = permutation(design).placebos
    np.testing.assert_array_equal(placebos["first_treated"][0], design["first_treated"])
    assert float(placebos["estimate"][0]) == pytest.approx(fit_twfe(design).estimate, rel=RTOL)


@pytest.mark.golden
def test_the_formula_panel_is_the_most_extreme_of_126_assignments(helpers):
    row = permutation(helpers.formula_design()).estimate
    assert row.n_assignments == 126
    assert row.p_value == 1 / 126
    assert row.se is None


@pytest.mark.parametrize("seed", range(6))
def test_the_interval_ends_where_the_p_value_of_the_shifted_outcome_crosses_five_percent(helpers, seed):
    y, onsets, covariates = helpers.random_panel(seed, n_units=8, n_treated=3, n_covariates=1)
    treated = np.array([[onset is not None and 2000 + t >= onset for t in range(12)] for onset in onsets])
    row = permutation(helpers.design_of(y, onsets, covariates)).estimate

    def p_value(tau):
        return permutation(helpers.design_of(y - tau * treated, onsets, covariates)).estimate.p_value

    for end, inward in ((row.lower, 1), (row.upper, -1)):
        assert p_value(end + inward * STEP) > 0.05
        assert p_value(end - inward * STEP) <= 0.05
        assert all(p_value(end - inward * far) <= 0.05 for far in (0.1, 1.0, 10.0, 1000.0))


@given(seed=st.integers(0, 2**31))
@settings(max_examples=30)
def test_zero_is_in_the_interval_when_the_test_does_not_reject(helpers, seed):
    row = permutation(helpers.random_design(seed, n_units=8, n_treated=3, n_covariates=1)).estimate
    if row.p_value > 0.05:
        assert row.lower is None or row.lower <= 0
        assert row.upper is None or row.upper >= 0


def test_the_interval_of_half_of_the_units_contains_its_mirror_images(helpers):
    # With four of eight units every assignment has a complement of the same size: 70 assignments, ties in pairs.
    row = permutation(helpers.random_design(1, share_missing=0.0, n_covariates=0)).estimate
    assert row.n_assignments == 70
    assert (row.p_value * 70) % 2 == pytest.approx(0, abs=RTOL)
    assert row.lower < row.estimate < row.upper


def test_nine_assignments_reject_nothing_and_the_interval_is_open(helpers):
    row = permutation(helpers.random_design(1, n_units=9, n_treated=1, n_covariates=0)).estimate
    assert row.n_assignments == 9
    assert (row.lower, row.upper) == (None, None)
    assert "the smallest possible p-value is 1/9" in row.note


def test_random_assignments_agree_with_all_of_them(helpers):
    design = helpers.random_design(4, n_units=12, n_treated=5, n_covariates=1)
    exact = permutation(design).estimate
    assert exact.n_assignments == 792
    drawn = permutation(design, max_assignments=100, draws=4999, seed=3)
    assert drawn.estimate.n_assignments == 5000
    assert drawn.estimate.note == "4,999 of 792 assignments, drawn at random"
    error = np.sqrt(exact.p_value * (1 - exact.p_value) / 4999)
    assert abs(drawn.estimate.p_value - exact.p_value) < MONTE_CARLO_Z * error
    assert drawn.estimate == permutation(design, max_assignments=100, draws=4999, seed=3).estimate
    assert set(np.isfinite(drawn.placebos["first_treated"]).sum("unit").values.tolist()) == {5}


def test_the_estimates_do_not_depend_on_the_size_of_the_blocks(helpers, monkeypatch):
    design = helpers.random_design(6, staggered=True)
    whole = permutation(design).placebos["estimate"]
    monkeypatch.setattr(resampling, "BLOCK_NUMBERS", 200)
    np.testing.assert_allclose(permutation(design).placebos["estimate"], whole, rtol=RTOL)


def test_assignments_that_the_rows_do_not_identify_are_left_out(helpers):
    y = np.random.default_rng(2).normal(size=(6, 10))
    y[4:, :5] = np.nan  # units 4 and 5 are seen after the onset only
    result = permutation(helpers.design_of(y, [2005, 2005, None, None, None, None]))
    assert result.estimate.n_assignments == 14
    assert int(np.isnan(result.placebos["estimate"]).sum()) == 1
    assert "left out: the rows do not identify 1 of 15 assignments" in result.estimate.note


@given(seed=st.integers(0, 2**31), scale=st.sampled_from([-100.0, 1e-3, 100.0]), shift=st.floats(-10, 10))
@settings(max_examples=15)
def test_the_test_scales_with_the_outcome_and_ignores_its_level_and_the_order_and_names_of_units(
    helpers, seed, scale, shift
):
    y, onsets, covariates = helpers.random_panel(seed, n_covariates=1, staggered=True, n_units=7)
    order = np.random.default_rng(seed).permutation(len(y))
    before = permutation(helpers.design_of(y, onsets, covariates)).estimate
    after = permutation(
        helpers.design_of(
            (scale * (y + shift))[order],
            [onsets[unit] for unit in order],
            {name: value[order] for name, value in covariates.items()},
            names=[f"country {unit}" for unit in range(len(y))],
        )
    ).estimate
    assert after.p_value == before.p_value
    assert after.n_assignments == before.n_assignments
    expected = sorted(scale * end for end in (before.lower, before.upper))
    assert [after.lower, after.upper] == pytest.approx(expected, rel=1e-6, abs=RTOL * abs(scale))


def test_the_size_of_the_test_is_at_most_nominal_on_a_panel_with_persistent_errors(helpers):
    rejections = []
    for seed in range(300):
        y = np.random.default_rng(seed).normal(size=(9, 10)).cumsum(axis=1)
        design = helpers.design_of(y, [2005 if unit < 5 else None for unit in range(9)])
        rejections.append(permutation(design).estimate.p_value <= 0.05)
    # Exact size 6/126; four standard errors of a share of 300 panels.
    assert np.mean(rejections) < 6 / 126 + MONTE_CARLO_Z * np.sqrt(6 / 126 * 120 / 126 / 300)
