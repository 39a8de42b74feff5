"""Claims about panels with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_errors, simulate_panel, simulated_nine_countries
from bri_bayes.design.fixed_effects import TwoWay

ASSIGNMENT = Assignment({"B": 2003, "A": 2004, "C": None})
YEARS = range(2000, 2007)
# Monte Carlo: three standard errors of a moment from 20,000 units.
MANY = 20_000
MOMENT = 0.03


def test_outcome_is_the_untreated_outcome_plus_the_effect_on_treated_cells():
    panel, truth = simulate_panel(ASSIGNMENT, YEARS, effect=0.3, seed=1)
    assert panel["unit"].to_numpy().tolist() == ["A", "B", "C"]
    np.testing.assert_allclose((panel["y"] - truth["untreated"]).sel(unit="A"), [0, 0, 0, 0, 0.3, 0.3, 0.3])
    np.testing.assert_allclose((panel["y"] - truth["untreated"]).sel(unit="B"), [0, 0, 0, 0.3, 0.3, 0.3, 0.3])
    np.testing.assert_allclose((panel["y"] - truth["untreated"]).sel(unit="C"), 0)
    assert truth.attrs["att"] == pytest.approx(0.3)


def test_a_path_runs_over_event_time_and_its_last_value_stays():
    _, truth = simulate_panel(ASSIGNMENT, YEARS, effect={"A": [0.1, 0.2], "B": 0.5}, seed=1)
    np.testing.assert_array_equal(truth["effect"].sel(unit="A"), [0, 0, 0, 0, 0.1, 0.2, 0.2])
    assert truth.attrs["att"] == pytest.approx((0.1 + 0.2 + 0.2 + 4 * 0.5) / 7)


def test_the_untreated_outcome_is_the_sum_of_its_parts():
    panel, truth = simulate_panel(ASSIGNMENT, YEARS, covariates={"x": 2.0, "z": 0.0}, seed=3)
    parts = truth["unit_effect"] + truth["period_effect"] + 2.0 * panel["x"] + truth["error"]
    xr.testing.assert_allclose(truth["untreated"], parts.transpose("unit", "period"))
    assert truth["coefficient"].to_series().to_dict() == {"x": 2.0, "z": 0.0}


def test_given_effects_of_units_and_periods_are_used_as_they_are():
    units, years = {"A": 1.0, "B": 2.0, "C": 3.0}, np.arange(7.0)
    panel, _ = simulate_panel(
        ASSIGNMENT, YEARS, unit_effects=units, period_effects=years, innovation_sd=0.0, errors="iid", seed=0
    )
    np.testing.assert_array_equal(panel["y"], np.array([[1.0], [2.0], [3.0]]) + years)


def test_the_same_seed_gives_the_same_panel_and_another_seed_another():
    first, second, other = (
        simulate_panel(ASSIGNMENT, YEARS, covariates={"x": 1.0}, seed=seed)[0] for seed in (5, 5, 6)
    )
    xr.testing.assert_identical(first, second)
    assert not np.allclose(first["y"], other["y"])


def test_a_simulated_panel_says_so():
    panel, _ = simulate_panel(ASSIGNMENT, YEARS, seed=0)
    assert panel.attrs["kind"] == "simulation"
    assert "not observations" in panel.attrs["label"]


def test_ar1_errors_are_stationary_from_the_first_period_on():
    rho = 0.8
    errors = simulate_errors(np.random.default_rng(0), (MANY, 6), rho=rho, innovation_sd=0.5)
    np.testing.assert_allclose(errors.std(axis=0), 0.5 / np.sqrt(1 - rho**2), rtol=MOMENT)
    correlation = np.corrcoef(errors, rowvar=False)
    np.testing.assert_allclose(np.diagonal(correlation, 1), rho, atol=MOMENT)
    np.testing.assert_allclose(np.diagonal(correlation, 3), rho**3, atol=MOMENT)


def test_iid_errors_have_no_memory_and_a_random_walk_forgets_nothing():
    rng = np.random.default_rng(0)
    iid = simulate_errors(rng, (MANY, 4), structure="iid")
    np.testing.assert_allclose(np.corrcoef(iid, rowvar=False), np.eye(4), atol=MOMENT)
    walk = simulate_errors(rng, (MANY, 4), structure="random_walk")
    np.testing.assert_allclose(walk.var(axis=0), [1, 2, 3, 4], rtol=2 * MOMENT)


def test_every_unit_may_have_its_own_error_scale():
    sd = np.array([0.1, 1.0, 10.0])
    errors = simulate_errors(np.random.default_rng(0), (MANY, 3, 2), structure="iid", innovation_sd=sd)
    np.testing.assert_allclose(errors.std(axis=(0, 2)), sd, rtol=MOMENT)


def test_without_a_treated_cell_there_is_no_att():
    _, truth = simulate_panel(Assignment({"A": 2050, "B": None}), YEARS, effect=1.0, seed=0)
    assert np.isnan(truth.attrs["att"])


BAD_RECIPES = {
    "rho": ({"rho": 1.0}, "rho = 1.0 is not stationary"),
    "effect": ({"effect": {"A": 0.1}}, 'the treated unit "B" has no effect'),
    "scale": ({"innovation_sd": {"A": 0.1, "B": 0.1}}, 'the unit "C" has no value'),
    "periods": ({"period_effects": [0.0, 1.0]}, "2 period effects for 7 periods"),
}


@pytest.mark.parametrize(("options", "sentence"), BAD_RECIPES.values(), ids=BAD_RECIPES.keys())
def test_an_impossible_recipe_is_refused(options, sentence):
    with pytest.raises(InputError, match=sentence):
        simulate_panel(ASSIGNMENT, YEARS, seed=0, **options)


def test_the_nine_countries_are_a_simulation_with_a_known_effect():
    panel = simulated_nine_countries()
    assert panel.sizes == {"unit": 9, "period": 21}
    assert panel["period"].to_numpy().tolist() == list(range(2003, 2024))
    assert panel.attrs["kind"] == "simulation"
    assert "not observations" in panel.attrs["label"]
    assert panel.attrs["truth"]["att"] == pytest.approx({"export_musd": 0.20, "import_musd": 0.10}, abs=1e-12)
    assert (panel[["export_musd", "import_musd", "population", "gdp_per_capita_2015usd"]] > 0).all().to_array().all()
    assert np.isfinite(panel.to_array()).all()


def test_the_effect_of_the_nine_countries_rises():
    for paths in simulated_nine_countries().attrs["truth"]["effect"].values():
        assert len(paths) == 5
        for path in paths.values():
            assert len(path) == 11
            assert (np.diff(path) > 0).all()


def test_the_nine_countries_are_the_same_in_every_run():
    xr.testing.assert_identical(simulated_nine_countries(), simulated_nine_countries())


def test_growth_is_the_change_of_population_times_gdp_per_capita():
    panel = simulated_nine_countries()
    gdp = panel["population"] * panel["gdp_per_capita_2015usd"]
    growth = 100 * (gdp / gdp.shift(period=1) - 1)
    xr.testing.assert_allclose(panel["gdp_growth_pct"].isel(period=slice(1, None)), growth.isel(period=slice(1, None)))


def test_two_way_fixed_effects_find_the_effect_on_average():
    assignment = Assignment({"A": 2004, "B": 2004, "C": None, "D": None})
    estimates = []
    for seed in range(200):
        panel, truth = simulate_panel(assignment, YEARS, effect=0.3, innovation_sd=0.1, rho=0.5, seed=seed)
        unit_ix, period_ix = np.indices(panel["y"].shape)
        within = TwoWay(unit_ix.ravel(), period_ix.ravel())
        treated, y = (
            within.residuals(values) for values in ((truth["effect"] > 0).values.ravel(), panel["y"].values.ravel())
        )
        estimates.append(treated @ y / (treated @ treated))
    standard_error = np.std(estimates, ddof=1) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - 0.3) < 3 * standard_error
    assert standard_error < 0.01
