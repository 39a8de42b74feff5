import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bri_bayes.core.errors import InputError
from bri_bayes.frequentist.ols import ols
from bri_bayes.frequentist.twfe import (
    AGAINST_PRE_PERIOD,
    AGAINST_REFERENCE,
    cluster_estimate,
    crv3_estimate,
    event_study,
    fit_twfe,
    iid_estimate,
)

# Two float64 algorithms for one closed form; pyfixest demeans iteratively.
RTOL_SOFTWARE = 1e-8
# Rounding of sums over a few hundred rows.
RTOL_EXACT = 1e-9

ROWS = (iid_estimate, cluster_estimate, crv3_estimate)
INFERENCES = ("iid", "cluster", "cluster_crv3")


@pytest.mark.golden
def test_the_formula_panel_gives_the_reference_estimate_and_standard_errors(helpers):
    fit = fit_twfe(helpers.formula_design())
    assert fit.estimate == pytest.approx(0.3046478185, abs=5e-11)
    assert [row(fit).se for row in ROWS] == pytest.approx([0.0855629217, 0.0235382766, 0.0318173276], abs=5e-11)
    assert [row(fit).df for row in ROWS] == [189 - 30, 8, 8]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n_covariates", [0, 2])
@pytest.mark.parametrize("staggered", [False, True])
def test_unbalanced_panels_agree_with_pyfixest(helpers, seed, n_covariates, staggered):
    design = helpers.random_design(seed, n_covariates=n_covariates, staggered=staggered)
    data = helpers.frame_of(design)
    fit = fit_twfe(design)
    ours_by_term = fit.least_squares.coefficients
    formula = "y ~ " + " + ".join(fit.least_squares.terms)
    cases = [("iid", {}), ({"CRV1": "unit"}, {}), ({"CRV3": "unit"}, {"k_fixef": "full"})]
    for row, (vcov, ssc) in zip(ROWS, cases, strict=True):
        other = helpers.pyfixest_fit(formula, data, effects=("unit", "period"), vcov=vcov, **ssc)
        ours = row(fit)
        np.testing.assert_allclose(ours_by_term, other.coef()[list(fit.least_squares.terms)], rtol=RTOL_SOFTWARE)
        np.testing.assert_allclose(fit.least_squares.residuals, other.resid(), atol=RTOL_SOFTWARE)
        lower, upper = other.confint().loc["treated"]
        expected = [other.se()["treated"], other.pvalue()["treated"], lower, upper]
        np.testing.assert_allclose([ours.se, ours.p_value, ours.lower, ours.upper], expected, rtol=10 * RTOL_SOFTWARE)


def rows_of(design):
    fit = fit_twfe(design)
    return np.array([[row(fit).estimate, row(fit).se, row(fit).p_value] for row in ROWS])


@given(seed=st.integers(0, 2**31), scale=st.sampled_from([-100.0, 1e-3, 100.0]), shift=st.floats(-1e3, 1e3))
@settings(max_examples=20)
def test_multiplying_the_outcome_multiplies_estimates_and_errors_and_adding_a_constant_changes_nothing(
    helpers, seed, scale, shift
):
    y, onsets, covariates = helpers.random_panel(seed)
    before = rows_of(helpers.design_of(y, onsets, covariates))
    after = rows_of(helpers.design_of(scale * (y + shift), onsets, covariates))
    # The shift is up to a thousand times the outcome: thirteen of sixteen digits are left.
    np.testing.assert_allclose(after, before * [scale, abs(scale), 1], rtol=1e-8, atol=1e-10 * abs(scale))


@given(seed=st.integers(0, 2**31))
@settings(max_examples=20)
def test_the_order_and_the_names_of_units_and_the_order_of_rows_do_not_matter(helpers, seed):
    y, onsets, covariates = helpers.random_panel(seed, staggered=True)
    design = helpers.design_of(y, onsets, covariates)
    before = rows_of(design)
    order = np.random.default_rng(seed).permutation(len(y))
    shuffled_units = helpers.design_of(
        y[order],
        [onsets[unit] for unit in order],
        {name: value[order] for name, value in covariates.items()},
        names=[f"country {position}" for position in np.random.default_rng(seed + 1).permutation(len(y))],
    )
    np.testing.assert_allclose(rows_of(shuffled_units), before, rtol=1e-8)
    shuffled_rows = design.isel(obs=np.random.default_rng(seed).permutation(design.sizes["obs"]))
    np.testing.assert_allclose(rows_of(shuffled_rows), before, rtol=1e-8)


def test_a_never_treated_unit_without_rows_changes_nothing(helpers):
    y, onsets, covariates = helpers.random_panel(4)
    before = rows_of(helpers.design_of(y, onsets, covariates))
    empty = np.full((1, y.shape[1]), np.nan)
    wider = {name: np.vstack([value, value[:1]]) for name, value in covariates.items()}
    after = rows_of(helpers.design_of(np.vstack([y, empty]), [*onsets, None], wider))
    np.testing.assert_allclose(after, before, rtol=RTOL_EXACT)


def test_one_treated_unit_has_no_jackknife_and_a_warning_beside_its_clustered_error(helpers):
    fit = fit_twfe(helpers.random_design(1, n_treated=1, share_missing=0.0, n_covariates=0))
    assert np.isfinite(iid_estimate(fit).se)
    assert "one treated unit" in cluster_estimate(fit).note
    row = crv3_estimate(fit)
    assert all(np.isnan(value) for value in (row.se, row.p_value, row.lower, row.upper))
    assert row.note == "the coefficient is not identified without one of the clusters"
    assert row.as_dict()["se"] is None


def test_one_treated_unit_against_one_control_has_no_clustered_variance(helpers):
    y = np.random.default_rng(0).normal(size=(2, 10))
    fit = fit_twfe(helpers.design_of(y, [2005, None]))
    assert np.isfinite(iid_estimate(fit).se)
    assert np.isnan(cluster_estimate(fit).se)
    assert cluster_estimate(fit).note == "the cluster-robust variance is not positive"
    assert np.isnan(crv3_estimate(fit).se)


def test_an_exact_fit_has_an_estimate_and_no_standard_error(helpers):
    _, onsets = helpers.formula_panel()
    unit, period = np.arange(9)[:, None], np.arange(21)[None, :]
    exact = np.sin(unit) + np.cos(period) + 0.5 * ((unit < 5) & (period >= 10))
    fit = fit_twfe(helpers.design_of(exact, onsets))
    assert fit.estimate == pytest.approx(0.5, rel=RTOL_EXACT)
    for row in ROWS:
        assert np.isnan(row(fit).se)
        assert "nothing is left" in row(fit).note


def test_without_controls_after_the_onset_the_effect_is_refused(helpers):
    y = np.random.default_rng(0).normal(size=(4, 10))
    y[2:, 5:] = np.nan
    design = helpers.design_of(y, [2005, 2005, None, None])
    with pytest.raises(InputError, match='the data do not identify the coefficient of "treated"'):
        fit_twfe(design)


def test_event_study_coefficients_and_errors_agree_with_pyfixest(helpers):
    for seed in (0, 1):
        design = helpers.random_design(seed, n_units=16, share_missing=0.1)
        path = event_study(design).path
        data = helpers.frame_of(design)
        times = design["event_time"].to_numpy()
        names = {time: f"e{'m' if time < 0 else 'p'}{abs(time)}" for time in path.index if time != -1}
        data = data.assign(**{name: (times == time).astype(float) for time, name in names.items()})
        formula = f"y ~ {' + '.join(names.values())} + x0 + x1"
        kept = list(names)
        for inference, vcov in zip(INFERENCES[:2], ("iid", {"CRV1": "unit"}), strict=True):
            other = helpers.pyfixest_fit(formula, data, effects=("unit", "period"), vcov=vcov)
            np.testing.assert_allclose(path.loc[kept, "estimate"], other.coef()[list(names.values())], rtol=1e-7)
            np.testing.assert_allclose(path.loc[kept, f"se_{inference}"], other.se()[list(names.values())], rtol=1e-7)


def test_unit_means_and_the_nuisance_basis_leave_what_dummies_and_covariates_leave(helpers):
    design = helpers.random_design(3)
    fit, data = fit_twfe(design), helpers.frame_of(design)
    basis = fit.basis
    v = np.random.default_rng(0).normal(size=len(data))
    within = v - data.assign(v=v).groupby("unit")["v"].transform("mean").to_numpy()
    expected = ols(v, data[["x0", "x1"]], absorb=[data["unit"], data["period"]]).residuals
    np.testing.assert_allclose(within - basis @ (basis.T @ v), expected, atol=RTOL_EXACT)


def test_on_a_balanced_panel_the_average_effect_against_the_pre_period_is_two_way_fixed_effects(helpers):
    design = helpers.formula_design()
    contrasts = event_study(design).contrasts
    assert contrasts.loc[AGAINST_PRE_PERIOD, "estimate"] == pytest.approx(fit_twfe(design).estimate, rel=RTOL_EXACT)
    path = event_study(design).path
    assert contrasts.loc[AGAINST_REFERENCE, "estimate"] == pytest.approx(
        path.loc[0:, "estimate"].mean(), rel=RTOL_EXACT
    )


def test_the_average_against_the_pre_period_does_not_change_when_the_reference_year_has_a_shock(helpers):
    y, onsets = helpers.formula_panel()
    shocked = y.copy()
    shocked[:5, 9] += 5.0
    before, after = (event_study(helpers.design_of(values, onsets)).contrasts["estimate"] for values in (y, shocked))
    assert after[AGAINST_REFERENCE] == pytest.approx(before[AGAINST_REFERENCE] - 5.0, rel=RTOL_EXACT)
    assert after[AGAINST_PRE_PERIOD] == pytest.approx(before[AGAINST_PRE_PERIOD] - 0.5, rel=RTOL_EXACT)


def test_the_jackknife_error_of_an_event_study_is_that_of_refits_without_each_unit(helpers):
    design = helpers.random_design(6, n_covariates=1)
    study = event_study(design)
    moves = []
    n_units, n_rows = design.sizes["unit"], design.sizes["obs"]
    for unit in range(n_units):
        rest = design.isel(obs=np.flatnonzero(design["unit_ix"].to_numpy() != unit))
        moves.append(event_study(rest).path["estimate"] - study.path["estimate"])
    rank = n_units + design.sizes["period"] - 1 + len(study.path) - 1 + 1
    factor = n_units / (n_units - 1) * (n_rows - 1) / (n_rows - rank)
    expected = np.sqrt(factor * sum(move**2 for move in moves)).drop(-1)
    np.testing.assert_allclose(study.path["se_cluster_crv3"].drop(-1), expected, rtol=1e-7)


def test_a_window_bins_the_event_times_beyond_its_ends(helpers):
    design = helpers.formula_design()
    path = event_study(design, window=(-4, 3)).path
    assert list(path.index) == list(range(-4, 4))
    assert path.loc[-4, "rows"] == 5 * 7
    assert path.loc[3, "rows"] == 5 * 8
    with pytest.raises(InputError, match="the window must run from a negative"):
        event_study(design, window=(0, 3))


def test_the_reference_event_time_is_zero_by_definition(helpers):
    path = event_study(helpers.formula_design()).path
    assert path.loc[-1, "estimate"] == 0.0
    assert np.isnan(path.loc[-1, "se_iid"])


def test_a_period_without_controls_has_no_effect_and_leaves_the_averages(helpers):
    y, onsets = helpers.formula_panel()
    y[5:, 15] = np.nan
    study = event_study(helpers.design_of(y, onsets))
    assert np.isnan(study.path.loc[5, "estimate"])
    assert "no control in the periods of event time 5" in study.note
    identified = study.path.loc[0:, "estimate"].dropna()
    assert study.contrasts.loc[AGAINST_REFERENCE, "estimate"] == pytest.approx(identified.mean(), rel=RTOL_EXACT)


def test_an_event_study_without_its_reference_is_refused(helpers):
    y, onsets = helpers.formula_panel()
    unseen, alone = y.copy(), y.copy()
    unseen[:5, 9] = np.nan
    alone[5:, 9] = np.nan
    with pytest.raises(InputError, match="no treated unit is observed at event time -1"):
        event_study(helpers.design_of(unseen, onsets))
    with pytest.raises(InputError, match="no control in the periods of event time -1"):
        event_study(helpers.design_of(alone, onsets))


@pytest.mark.calibration
def test_the_simultaneous_band_is_wider_than_each_interval_and_holds_the_whole_path_in_95_percent(helpers):
    """Independent errors and no effect: the iid covariance is right, so the band covers all event times at once."""
    rng, onsets, pointwise, together = np.random.default_rng(3), [2006] * 4 + [None] * 4, [], []
    for _ in range(200):
        path = event_study(helpers.design_of(rng.normal(size=(8, 12)), onsets)).path.drop(index=-1)
        assert (path["band_upper_cluster"] >= path["upper_cluster"]).all()
        pointwise.append(((path["lower_iid"] <= 0) & (path["upper_iid"] >= 0)).all())
        together.append(((path["band_lower_iid"] <= 0) & (path["band_upper_iid"] >= 0)).all())
    # Four standard errors of a share of 200 panels.
    assert abs(np.mean(together) - 0.95) < 4 * np.sqrt(0.05 * 0.95 / 200)
    assert np.mean(pointwise) < 0.8
