from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bri_bayes.frequentist import few_clusters
from bri_bayes.frequentist.collapsed import collapsed_t
from bri_bayes.frequentist.few_clusters import wild_cluster_bootstrap
from bri_bayes.frequentist.ols import ols
from bri_bayes.frequentist.twfe import fit_twfe
from bri_bayes.frequentist.variance import crv1

# Two float64 algorithms for one closed form.
RTOL = 1e-8
# A bootstrap t statistic this close to the observed one is a tie.
TIE = 1e-9
# Twelve bisected digits of an interval's end; a step to each side of it must change the verdict.
STEP = 1e-6
# Standard errors of a Monte Carlo share that a correct bootstrap exceeds once in 15,000 seeds.
MONTE_CARLO_Z = 4.0


def t_statistic(data, y, terms):
    fit = ols(y, data[terms], absorb=[data["unit"], data["period"]])
    return float(fit.coefficients[0] / crv1(fit, data["unit"]).se[0])


def bootstrap_p_by_hand(data, covariates, null=0.0):
    """The definition, one regression a sign vector."""
    y = (data["y"] - null * data["treated"]).to_numpy()
    effects = [data["unit"], data["period"]]
    if covariates:
        restricted = ols(y, data[covariates], absorb=effects).residuals
    else:
        dummies = {
            f"{name}{level}": data[name] == level for name in ("unit", "period") for level in data[name].unique()
        }
        dummies.pop("period0")
        restricted = ols(y, dummies).residuals
    observed = abs(t_statistic(data, y, ["treated", *covariates]))
    units = data["unit"].to_numpy()
    statistics = []
    for signs in product((1.0, -1.0), repeat=int(units.max()) + 1):
        outcome = y - restricted + np.array(signs)[units] * restricted
        statistics.append(abs(t_statistic(data, outcome, ["treated", *covariates])))
    return float(np.mean(np.array(statistics) >= observed * (1 - TIE)))


@pytest.mark.parametrize(("seed", "covariates", "null"), [(0, (), 0.0), (1, ("x0",), 0.0), (2, ("x0",), 0.7)])
def test_the_bootstrap_is_the_one_of_its_definition_regression_by_regression(helpers, seed, covariates, null):
    y, onsets, columns = helpers.random_panel(seed, n_units=6, n_periods=7, n_covariates=len(covariates))
    data = helpers.frame_of(helpers.design_of(y, onsets, columns))
    moved = y - null * np.array([[onset is not None and 2000 + t >= onset for t in range(7)] for onset in onsets])
    assert wild_cluster_bootstrap(helpers.design_of(moved, onsets, columns)).p_value == bootstrap_p_by_hand(
        data, list(covariates), null
    )


def trending_panel(*, unbalanced, null):
    """9 x 21, country trends, one covariate: a t statistic that is neither tiny nor huge."""
    g, t = np.arange(9)[:, None], np.arange(21)[None, :]
    x = np.cos(1.3 * g + 0.7 * t)
    treated = (g < 5) & (t >= 10)
    y = (
        np.sin(1.7 * g)
        + 0.1 * t
        + 0.5 * np.cos(0.9 * g * (t + 1))
        + 0.05 * t * np.cos(2.0 * g)
        + 0.3 * treated
        + 0.4 * x
    )
    missing = unbalanced & ((5 * g + 3 * t) % 17 == 0)
    return np.where(missing, np.nan, y - null * treated), [2010 if unit < 5 else None for unit in range(9)], {"x": x}


@pytest.mark.golden
@pytest.mark.parametrize(
    ("unbalanced", "with_covariate", "null", "strictly_larger"),
    [
        (False, False, 0.0, 50),
        (False, False, 0.3, 246),
        (False, True, 0.0, 60),
        (False, True, 0.3, 270),
        (True, False, 0.0, 86),
        (True, False, 1.0, 34),
        (True, True, 0.0, 84),
        (True, True, 1.0, 30),
    ],
)
def test_the_bootstrap_counts_the_sign_vectors_that_wildboottest_counts(
    helpers, unbalanced, with_covariate, null, strictly_larger
):
    # wildboottest 0.3.2 (type "11", null imposed, 512 sign vectors): |t*| > |t| in so many; two more, the identity
    # and its mirror image, are equal up to rounding.
    y, onsets, covariates = trending_panel(unbalanced=unbalanced, null=null)
    row = wild_cluster_bootstrap(helpers.design_of(y, onsets, covariates if with_covariate else None))
    assert row.n_assignments == 512
    assert row.p_value * 512 == strictly_larger + 2


@pytest.mark.parametrize("seed", range(5))
def test_the_bootstrap_interval_ends_where_the_p_value_crosses_five_percent(helpers, seed):
    y, onsets, covariates = helpers.random_panel(seed, n_units=9, n_covariates=1)
    row = wild_cluster_bootstrap(helpers.design_of(y, onsets, covariates))
    treated = np.array([[onset is not None and 2000 + t >= onset for t in range(12)] for onset in onsets])

    def p_value(null):
        return wild_cluster_bootstrap(helpers.design_of(y - null * treated, onsets, covariates)).p_value

    for end, inward in ((row.lower, 1), (row.upper, -1)):
        assert p_value(end + inward * STEP) > 0.05
        assert p_value(end - inward * STEP) <= 0.05


def test_with_four_clusters_no_value_is_rejected_and_the_interval_is_open(helpers):
    row = wild_cluster_bootstrap(helpers.random_design(0, n_units=4, n_covariates=0))
    assert row.n_assignments == 16
    assert row.p_value >= 2 / 16
    assert (row.lower, row.upper) == (None, None)
    assert "no value on the open side of the interval is rejected" in row.note


def test_beyond_twelve_clusters_random_signs_agree_with_all_of_them(helpers, monkeypatch):
    design = helpers.random_design(2, n_units=12, n_covariates=1)
    exact = wild_cluster_bootstrap(design)
    assert exact.n_assignments == 4096
    monkeypatch.setattr(few_clusters, "ENUMERATED_CLUSTERS", 11)
    drawn = wild_cluster_bootstrap(design, draws=9999, seed=1)
    assert drawn.n_assignments == 10_000
    error = np.sqrt(exact.p_value * (1 - exact.p_value) / 9999)
    assert abs(drawn.p_value - exact.p_value) < MONTE_CARLO_Z * error
    assert drawn == wild_cluster_bootstrap(design, draws=9999, seed=1)
    assert drawn != wild_cluster_bootstrap(design, draws=9999, seed=2)


def test_random_signs_do_not_depend_on_the_size_of_the_blocks(helpers, monkeypatch):
    design = helpers.random_design(3, n_units=14, n_covariates=1)
    whole = wild_cluster_bootstrap(design, draws=500)
    monkeypatch.setattr(few_clusters, "BLOCK_NUMBERS", 300)
    assert wild_cluster_bootstrap(design, draws=500).p_value == whole.p_value


def test_a_bootstrap_without_a_t_statistic_is_missing_with_a_reason(helpers):
    row = wild_cluster_bootstrap(helpers.design_of(np.random.default_rng(0).normal(size=(2, 10)), [2005, None]))
    assert np.isnan(row.p_value)
    assert row.note is not None
    assert row.note.endswith("the cluster-robust t statistic does not exist")
    assert row.as_dict()["p_value"] is None


def test_one_treated_unit_gives_a_bootstrap_p_value(helpers):
    row = wild_cluster_bootstrap(helpers.random_design(1, n_treated=1, n_covariates=0))
    assert 2 / 256 <= row.p_value <= 1


@given(seed=st.integers(0, 2**31), scale=st.sampled_from([-100.0, 1e-3, 100.0]), shift=st.floats(-10, 10))
@settings(max_examples=15)
def test_few_cluster_rows_scale_with_the_outcome_and_ignore_its_level_and_the_order_of_units(
    helpers, seed, scale, shift
):
    y, onsets, covariates = helpers.random_panel(seed, n_covariates=1)
    order = np.random.default_rng(seed).permutation(len(y))
    design = helpers.design_of(y, onsets, covariates)
    moved = helpers.design_of(
        (scale * (y + shift))[order],
        [onsets[unit] for unit in order],
        {name: value[order] for name, value in covariates.items()},
    )
    for row in (wild_cluster_bootstrap, collapsed_t):
        before, after = row(design), row(moved)
        assert after.p_value == pytest.approx(before.p_value, rel=RTOL)
        assert after.estimate == pytest.approx(scale * before.estimate, rel=RTOL, abs=RTOL * abs(scale))
        ends = [before.lower, before.upper]
        assert (None in ends) == (None in (after.lower, after.upper))
        if None not in ends:
            # Bisection starts from other brackets, so the ends agree to fewer digits.
            assert [after.lower, after.upper] == pytest.approx(sorted(scale * end for end in ends), rel=1e-6, abs=1e-6)


@pytest.mark.golden
def test_the_collapsed_formula_panel_gives_the_reference_t_test(helpers):
    row = collapsed_t(helpers.formula_design())
    assert row.estimate == pytest.approx(fit_twfe(helpers.formula_design()).estimate, rel=RTOL)
    assert row.se == pytest.approx(0.0222445488, abs=5e-11)
    assert row.p_value == pytest.approx(2.60752e-06, abs=5e-12)
    assert row.df == 7


def test_the_collapsed_t_test_is_the_two_sample_t_test_of_scipy_after_the_period_effects_of_dummies(helpers):
    from scipy.stats import ttest_ind

    y, onsets, _ = helpers.random_panel(7, n_covariates=0)
    unit, period = np.nonzero(np.isfinite(y))
    treated = (unit < 4) & (period >= 6)
    dummies = np.column_stack([np.eye(8)[unit], np.eye(12)[period][:, 1:], treated])
    effects = np.linalg.lstsq(dummies, y[unit, period], rcond=None)[0][8:19]
    y[:, 1:] -= effects
    changes = np.nanmean(y[:, 6:], axis=1) - np.nanmean(y[:, :6], axis=1)
    reference = ttest_ind(changes[:4], changes[4:])
    row = collapsed_t(helpers.design_of(y, onsets))
    interval = reference.confidence_interval(0.95)
    assert [row.p_value, row.lower, row.upper] == pytest.approx(
        [reference.pvalue, interval.low, interval.high], rel=RTOL
    )


def test_the_collapsed_t_test_leaves_out_a_unit_seen_on_one_side_only_and_says_so(helpers):
    y, onsets, covariates = helpers.random_panel(7, n_covariates=1)
    y[1, :6] = np.nan
    y[6, 6:] = np.nan
    row = collapsed_t(helpers.design_of(y, onsets, covariates))
    assert row.df == 4
    assert row.note == (
        "not every cell is observed: period effects taken out before the means; covariates are ignored; "
        "left out, without rows before and after the onset: u01, u06"
    )


def test_a_collapsed_t_test_that_does_not_exist_is_missing_with_a_reason(helpers):
    staggered = collapsed_t(helpers.random_design(0, staggered=True))
    assert np.isnan(staggered.estimate)
    assert staggered.note == "the onsets differ (2006, 2007): no two common periods"
    pair = collapsed_t(helpers.design_of(np.random.default_rng(0).normal(size=(2, 10)), [2005, None]))
    assert np.isfinite(pair.estimate)
    assert np.isnan(pair.se)
    assert pair.note == "the changes within the two groups do not vary"
    y, onsets, _ = helpers.random_panel(7, n_covariates=0)
    y[4:, :6] = np.nan
    alone = collapsed_t(helpers.design_of(y, onsets))
    assert alone.note == "no control has rows before and after the onset"


def growing_panel(rng, missing):
    """9 x 21 panels that grow by 0.2 a year, AR(1) errors, no effect: cells in ``missing`` are not observed."""
    errors = rng.normal(size=(9, 21))
    for t in range(1, 21):
        errors[:, t] = 0.8 * errors[:, t - 1] + 0.6 * errors[:, t]
    return np.where(missing, np.nan, errors + 0.2 * np.arange(21))


@pytest.mark.parametrize("pattern", ["late controls", "gaps"])
def test_common_growth_is_no_effect_for_the_collapsed_test_of_an_unbalanced_panel(helpers, pattern):
    missing = np.zeros((9, 21), dtype=bool)
    if pattern == "late controls":
        missing[7:, :6] = True
    else:
        missing = np.random.default_rng(5).random((9, 21)) < 0.2
    rng, onsets = np.random.default_rng(6), [2010 if unit < 5 else None for unit in range(9)]
    rows = [collapsed_t(helpers.design_of(growing_panel(rng, missing), onsets)) for _ in range(400)]
    bias = np.mean([row.estimate for row in rows])
    # The sd of an estimate is 0.6; without the period effects the bias with late controls is 0.3.
    assert abs(bias) < MONTE_CARLO_Z * 0.6 / 20
    size = np.mean([row.p_value <= 0.05 for row in rows])
    assert size < 0.05 + MONTE_CARLO_Z * np.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize(("n_treated", "group"), [(1, "1 treated unit"), (2, "2 treated units"), (7, "1 control unit")])
def test_the_bootstrap_says_so_when_one_or_two_units_make_a_group(helpers, n_treated, group):
    row = wild_cluster_bootstrap(helpers.random_design(1, n_treated=n_treated, n_covariates=0))
    assert group in row.note
    assert "hardly any power" in row.note


def test_the_bootstrap_of_larger_groups_has_no_such_note(helpers):
    assert wild_cluster_bootstrap(helpers.random_design(1, n_units=9, n_treated=5, n_covariates=0)).note is None


def test_scores_of_many_clusters_need_no_matrix(monkeypatch, helpers):
    design = helpers.design_of(*helpers.random_panel(5, n_units=14, n_periods=6))
    with_matrix = few_clusters.wild_cluster_bootstrap(design, draws=200)
    monkeypatch.setattr(few_clusters, "MANY_CLUSTERS", 5)
    without = few_clusters.wild_cluster_bootstrap(design, draws=200)
    assert without.p_value == with_matrix.p_value
    assert (without.lower, without.upper) == pytest.approx((with_matrix.lower, with_matrix.upper), abs=1e-9)
