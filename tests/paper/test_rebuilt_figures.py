"""Table 1 with Figures 1 and 2, the event study and the fake groups: computed as they say, on rebuilt data."""

import dataclasses

import numpy as np
import pytest

from bri_bayes.frequentist.ols import ols
from bri_bayes.paper import Printed, load_published
from bri_bayes.paper.placebo_tests import BEFORE_WINDOW, EVERYONE, LAST_YEAR, NEVER_TREATED, event_study, fake_groups
from bri_bayes.paper.rebuild.categories import TRADE, categories, category_values, table_1
from bri_bayes.paper.reconstruction import BRI, reconstruct
from bri_bayes.paper.replicate import variable

OUTCOMES = {"lnexport": (3, 3), "lnimport": (3, 6)}


@pytest.fixture(scope="module")
def paper():
    return load_published()


@pytest.fixture(scope="module")
def panel():
    return reconstruct()


@pytest.mark.published
def test_every_number_of_table_1_comes_back_from_a_yearly_series(paper):
    entries = table_1(paper, categories(paper))
    printed = [key for key in paper.descriptives if key[0] == 1 and key[3] != "sitc"]
    assert [(1, e["variable"], "", e["column"]) for e in entries] == printed
    assert all(entry["agrees"] for entry in entries)


def test_the_series_of_categories_says_what_it_is_and_moves_from_year_to_year(paper):
    series = categories(paper)
    assert series.attrs["kind"] == "reconstruction"
    assert dict(series.sizes) == {"category": 7, "period": 21}
    levels = series[TRADE].to_numpy()
    assert (levels > 0).all()
    growth = levels[:, 1:] / levels[:, :-1] - 1
    assert growth.std(axis=1).min() > 0.01
    np.testing.assert_array_equal(levels, categories(paper)[TRADE].to_numpy())


def test_a_changed_growth_rate_changes_its_own_entry_of_table_1(paper):
    key = (1, "chemicals", "", "growth_2013_2023_pct")
    cell = paper.descriptives[key]
    other = dataclasses.replace(
        paper, descriptives={**paper.descriptives, key: dataclasses.replace(cell, number=Printed("10.3"))}
    )
    before, after = (table_1(of_pool, categories(of_pool)) for of_pool in (paper, other))
    different = [new for old, new in zip(before, after, strict=True) if old != new]
    assert [(e["variable"], e["column"], e["published"]) for e in different] == [key[1:2] + key[3:] + (10.3,)]
    assert all(entry["agrees"] for entry in after)


def test_values_of_the_categories_are_those_of_the_series(paper):
    rebuilt = category_values(paper)
    assert rebuilt["main"] == ["electronics", "electrical", "instruments"]
    assert set(rebuilt["levels"]) == set(rebuilt["names"])
    assert len(rebuilt["years"]) == 21


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize(("reference", "lowest", "left_out"), [(LAST_YEAR, -5, -1), (BEFORE_WINDOW, -6, -6)])
def test_the_event_study_is_pyfixest_s(paper, panel, outcome, reference, lowest, left_out):
    import pyfixest

    rows = panel[[BRI]].to_dataframe().reset_index()
    covariates = [name for name in paper.regression(*OUTCOMES[outcome]).regressors if name != "BRI"]
    for name in (outcome, *covariates):
        rows[name] = variable(panel, name).ravel()
    ever = rows.groupby("unit")[BRI].transform("max")
    since = (rows["period"] - 2013).clip(lowest, 5)
    names = []
    for k in range(lowest, 6):
        if k != left_out:
            names.append(f"k_{'m' if k < 0 else ''}{abs(k)}")
            rows[names[-1]] = ever * (since == k)
    formula = f"{outcome} ~ {' + '.join([*names, *covariates])} | unit + period"
    fit = pyfixest.feols(formula, data=rows, vcov={"CRV1": "unit"})
    path = event_study(paper, panel, outcome)[reference]
    assert [point["event_time"] for point in path] == list(range(-5, 6))
    assert [point["period"] for point in path] == list(range(2008, 2019))
    for point in path:
        name = f"k_{'m' if point['event_time'] < 0 else ''}{abs(point['event_time'])}"
        if point["event_time"] == left_out:
            assert (point["estimate"], point["se"], point["p_value"]) == (0.0, 0.0, None)
        else:
            assert point["estimate"] == pytest.approx(float(fit.coef()[name]), abs=2e-6)
            assert point["se"] == pytest.approx(float(fit.se()[name]), rel=1e-4)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_fake_groups_are_least_squares_of_groups_as_large_as_the_treated(paper, panel, outcome):
    rebuilt = fake_groups(paper, panel, outcome)
    assert (rebuilt["treated"], rebuilt["draws"]) == (90, 500)
    assert paper.cell(*OUTCOMES[outcome], "BRI").estimate.agrees(rebuilt["observed"])
    for pool in (EVERYONE, NEVER_TREATED):
        of_pool = rebuilt["pools"][pool]
        estimates = np.array(of_pool["estimates"])
        assert estimates.size == 500
        assert of_pool["mean"] == pytest.approx(estimates.mean(), abs=1e-5)
        assert of_pool["as_large"] == pytest.approx((np.abs(estimates) >= abs(rebuilt["observed"])).mean())
        # The mean of random groups is zero up to Monte Carlo error: it says nothing about the treated ones.
        assert abs(of_pool["mean"]) < 4 * of_pool["sd"] / np.sqrt(500)
        at, density = (np.array(of_pool["density"][key]) for key in ("at", "density"))
        assert np.trapezoid(density, at) == pytest.approx(1, abs=0.02)
    assert rebuilt == fake_groups(paper, panel, outcome)


def test_an_estimate_of_a_group_is_least_squares_with_dummies(paper, panel, rng):
    from bri_bayes.paper.placebo_tests import _estimates

    pool = ~panel[BRI].to_numpy().any(axis=1)
    group = np.zeros(int(pool.sum()))
    group[rng.choice(group.size, size=90, replace=False)] = 1.0
    quick = _estimates(paper, panel, "lnexport", pool, group[None])[0]
    years = panel["period"].to_numpy()
    names = [name for name in paper.regression(3, 3).regressors if name != "BRI"]
    X = {"fake": np.outer(group, years >= 2013).ravel()}
    X |= {name: variable(panel, name)[pool].ravel() for name in names}
    units, periods = (labels.ravel() for labels in np.meshgrid(np.arange(group.size), years, indexing="ij"))
    fit = ols(variable(panel, "lnexport")[pool].ravel(), X, absorb=[units, periods])
    assert quick == pytest.approx(float(fit.coefficients[0]), rel=1e-8)
