"""Claims about Theil and Gini indices, and about the files that hold them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from bri_bayes.core.errors import InputError
from bri_bayes.data.inequality import gini, gini_of_lorenz, theil, theil_of_groups, theil_of_lognormal
from bri_bayes.data.inequality_series import GroupColumns, read_series

# A quantile grid of this many points stands for a continuous distribution; its tails cost about this much.
POINTS, GRID_ERROR = 200_000, 2e-3
EXACT = 1e-12

incomes = st.lists(st.floats(0.1, 1e4), min_size=2, max_size=30)


@pytest.mark.parametrize("sigma", [0.3, 0.6, 0.9])
def test_a_lognormal_has_its_closed_forms(sigma):
    y = np.exp(sigma * norm.ppf((np.arange(POINTS) + 0.5) / POINTS))
    assert theil(y) == pytest.approx(sigma**2 / 2, abs=GRID_ERROR)
    assert theil(y, index="L") == pytest.approx(sigma**2 / 2, abs=GRID_ERROR)
    assert gini(y) == pytest.approx(2 * norm.cdf(sigma / np.sqrt(2)) - 1, abs=GRID_ERROR)


@pytest.mark.parametrize("sigma", [0.1, 0.6, 1.2])
def test_a_gini_gives_the_theil_index_of_the_lognormal_it_comes_from(sigma):
    index, error = theil_of_lognormal([2 * norm.cdf(sigma / np.sqrt(2)) - 1], [0.01])
    assert index[0] == pytest.approx(sigma**2 / 2, rel=1e-10)
    # dT/dG = sigma / (dG/dsigma), and G = 2 Phi(sigma / sqrt(2)) - 1.
    assert error[0] == pytest.approx(0.01 * sigma / (np.sqrt(2) * norm.pdf(sigma / np.sqrt(2))), rel=1e-10)


def test_the_standard_error_of_a_lognormal_theil_is_its_spread_over_draws_of_gini(rng):
    draws = 40_000
    mean, se = 0.35, 0.005
    simulated, _ = theil_of_lognormal(rng.normal(mean, se, draws), np.zeros(draws))
    index, error = theil_of_lognormal([mean], [se])
    # Five Monte Carlo standard errors, and the curvature that the delta method leaves out.
    curvature = (
        0.5 * se**2 * np.gradient(np.gradient(theil_of_lognormal([mean - se, mean, mean + se], [0, 0, 0])[0]))[1]
    )
    assert simulated.std() == pytest.approx(error[0], rel=5 / np.sqrt(2 * draws) + 1e-3)
    assert simulated.mean() == pytest.approx(index[0], abs=5 * error[0] / np.sqrt(draws) + abs(curvature) + 1e-4)


def test_a_sample_of_lognormal_incomes_has_about_the_theil_index_of_its_gini(rng):
    y = rng.lognormal(0, 0.7, 200_000)
    index, _ = theil_of_lognormal([gini(y)], [0.0])
    assert index[0] == pytest.approx(theil(y), rel=0.02)


def test_a_missing_gini_or_error_stays_missing():
    index, error = theil_of_lognormal([np.nan, 0.3, 0.0], [0.1, np.nan, 0.1])
    assert np.isnan(index).tolist() == [True, False, False]
    assert np.isnan(error).tolist() == [True, True, False]
    assert index[2] == error[2] == 0


def test_a_pareto_has_its_closed_form_gini():
    alpha = 3.0
    y = (1 - (np.arange(POINTS) + 0.5) / POINTS) ** (-1 / alpha)
    assert gini(y) == pytest.approx(1 / (2 * alpha - 1), abs=GRID_ERROR)


def test_two_groups_have_the_closed_form_of_urban_and_rural():
    # Half of the people in each, urban income three times rural: shares of income 3/4 and 1/4.
    expected_t = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)
    expected_l = 0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(0.5 / 0.25)
    assert theil_of_groups([3, 1], [5, 5]).total == pytest.approx(expected_t, abs=EXACT)
    assert theil_of_groups([3, 1], [5, 5], index="L").total == pytest.approx(expected_l, abs=EXACT)
    assert gini([3, 1], [5, 5]) == pytest.approx(0.75 - 0.5, abs=EXACT)


def test_one_person_with_everything_is_the_upper_bound():
    y = [0.0] * 9 + [1.0]
    assert gini(y) == pytest.approx(0.9, abs=EXACT)
    assert theil(y) == pytest.approx(np.log(10), abs=EXACT)


def test_gini_is_half_the_relative_mean_absolute_difference(rng):
    y, w = rng.gamma(2.0, size=40), rng.integers(1, 5, 40).astype(float)
    share = w / w.sum()
    expected = share @ np.abs(y[:, None] - y[None, :]) @ share / (2 * share @ y)
    assert gini(y, w) == pytest.approx(expected, abs=EXACT)
    assert gini(y, w) == pytest.approx(gini(np.repeat(y, w.astype(int))), abs=EXACT)


@given(incomes, st.floats(0.01, 100))
def test_indices_do_not_depend_on_the_currency_and_are_never_negative(values, factor):
    y = np.array(values)
    for measure in (theil, gini, lambda x: theil(x, index="L")):
        assert measure(factor * y) == pytest.approx(measure(y), abs=1e-9)
        assert measure(y) >= -EXACT


def test_a_lorenz_curve_of_quintiles_is_a_lower_bound(rng):
    y = np.sort(rng.lognormal(0, 0.6, 10_000))
    points = np.cumsum(y)[1999::2000] / y.sum()
    grouped = gini_of_lorenz(np.arange(1, 6) / 5, points)
    assert grouped < gini(y)
    assert grouped == pytest.approx(gini(y), rel=0.1)  # five groups of a lognormal lose about 7%


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: theil([]), "at least one income"),
        (lambda: theil([1, -2]), "smallest income is -2; every income must not be negative"),
        (lambda: theil([1, 0], index="L"), "smallest income is 0; every income must be positive for L"),
        (lambda: theil([1, np.nan]), "is missing"),
        (lambda: theil([1, 2], [1]), "1 weights for 2 values"),
        (lambda: theil([1, 2], [1, -1]), "weights are persons"),
        (lambda: theil([1, 2], index="G"), 'Theil index "G" is unknown'),
        (lambda: theil_of_groups([1, 2], [1, 1], within=[0.1]), "one number of at least 0 for each of 2 groups"),
        (lambda: gini_of_lorenz([0.5, 1], [0.8, 1]), "not convex"),
        (lambda: theil_of_lognormal([35.0], [1.0]), "lies between 0 and 1"),
        (lambda: theil_of_lognormal([0.35], []), "0 standard errors for 1 Gini indices"),
        (lambda: gini_of_lorenz([0.5, 0.4], [0.1, 0.2]), "must not fall"),
        (lambda: gini_of_lorenz([0.5, 1], [0.2, 1.5]), "lie between 0 and 1"),
    ],
)
def test_bad_input_is_one_sentence(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call()


def test_a_swiid_file_gives_gini_and_standard_error(tmp_path):
    path = tmp_path / "swiid.csv"
    path.write_text(
        "country,year,gini_disp,gini_disp_se,gini_mkt\nKazakhstan,2003,31.5,0.9,40\nKazakhstan,2004,31,,40\n"
    )
    series = read_series(path)
    assert series.layout == "swiid"
    assert series.frame.to_dict("list")["gini"] == [31.5, 31.0]
    assert series.frame["gini_se"].iloc[0] == 0.9
    index, error = theil_of_lognormal([0.315], [0.009])
    assert series.frame.loc[0, ["theil_lognormal", "theil_lognormal_se"]].tolist() == pytest.approx(
        [index[0], error[0]]
    )
    assert np.isnan(series.frame["theil_lognormal_se"].iloc[1])
    assert series.notes == ("1 of 2 rows have no standard error",)


def test_a_world_bank_file_is_read_below_its_preamble(tmp_path):
    path = tmp_path / "wdi.csv"
    path.write_text(
        '"Data Source","World Development Indicators",\n\n"Last Updated Date","2025-01-01",\n\n'
        '"Country Name","Country Code","Indicator Name","Indicator Code","2003","2004",\n'
        '"Kazakhstan","KAZ","Gini index","SI.POV.GINI","","32.3",\n'
        '"Kazakhstan","KAZ","Population","SP.POP.TOTL","1","2",\n'
    )
    series = read_series(path)
    assert series.layout == "wdi"
    expected = {"unit": "KAZ", "period": 2004, "gini": 32.3, "theil_lognormal": norm.ppf(1.323 / 2) ** 2}
    assert series.frame.to_dict("records") == [pytest.approx(expected)]


def test_a_file_of_groups_gives_the_urban_rural_theil_index(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text(
        "iso3,year,area,income,people,inside\nKAZ,2003,urban,3,5,0.1\nKAZ,2003,rural,1,5,0.2\nKAZ,2004,urban,3,,0.1\n"
        "KAZ,2004,rural,1,5,0.1\n"
    )
    columns = GroupColumns("iso3", "year", "area", "income", "people", "inside")
    series = read_series(path, columns=columns)
    row = series.frame.iloc[0]
    assert row["theil_t"] == pytest.approx(0.75 * np.log(1.5) + 0.25 * np.log(0.5))
    assert row["theil_t_within"] == pytest.approx(0.75 * 0.1 + 0.25 * 0.2)
    assert row["groups"] == 2
    assert series.notes[0] == "1 of 4 rows were left out for a missing value"
    assert series.notes[1].startswith("1 of 2 unit-periods have a single group")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", 'there is no column "unit"'),
        ("unit,period,group,mean,population\nA,1,g,x,1\n", 'row 2: mean is "x", not a number'),
        ("unit,period,group,mean,population\nA,1,g,1,1\nA,1,g,1,1\n", "rows 2 and 3 are both A 1 g"),
        ("unit,period,group,mean,population\nA,1,g,-1,1\n", "A 1: the smallest group mean is -1"),
        ("country,year,gini_disp,gini_disp_se\nA,2003,131,1\n", "lies between 0 and 100"),
        (
            "Country Name,Country Code,Indicator Code,2003\nA,A,X,1\n",
            'there is no "SI.POV.GINI" in the column "Indicator Code"',
        ),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=sentence):
        read_series(path)
