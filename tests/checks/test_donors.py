"""Who may stand in for the treated units, by which rule, and when a model of donors is refused."""

import numpy as np
import xarray as xr

from bri_bayes.checks.counterfactuals import factor_values, synthetic_values
from bri_bayes.checks.donors import ALL, NEAREST, by_rule, complete_donors, refusal
from bri_bayes.data.assignment import Assignment

ASSIGNMENT = Assignment({"A": 2005, "B": 2005, "C": None})


def pool():
    """A and B rise by one a year; C is flat, D rises, E rises at another level, F has a hole."""
    years = np.arange(2000, 2010)
    t = years - 2000.0
    paths = {"A": t, "B": t + 3, "C": 0 * t, "D": 0.9 * t, "E": t + 50, "F": t.copy()}
    paths["F"][8] = np.nan
    y = xr.DataArray(np.stack(list(paths.values())), dims=("unit", "period"))
    return xr.Dataset({"y": y}, coords={"unit": list(paths), "period": years}, attrs={"kind": "user"})


def test_donors_are_complete_and_not_treated():
    assert complete_donors(pool(), ASSIGNMENT, "y") == ("C", "D", "E")


def test_rules_choose_among_complete_donors_and_an_empty_one_is_left_out():
    counterfactual = by_rule(pool(), ASSIGNMENT, "y", {"near": ["D", "F", "A"], "far": ["F"]}, 2)
    assert counterfactual == {ALL: ("C", "D", "E"), "near": ("D",), NEAREST: ("E", "D")}


def test_the_nearest_path_does_not_look_at_levels_or_at_years_after_the_onset():
    changed = pool()
    changed["y"].loc[{"unit": "E", "period": slice(2005, None)}] -= 100
    assert by_rule(changed, ASSIGNMENT, "y", {}, 1)[NEAREST] == ("E",)


def test_as_many_donors_as_treated_units_are_refused_with_the_reason():
    assert refusal(6, 5) is None
    assert "placebos must be drawn from more untreated than treated units" in refusal(5, 5)
    small = pool().sel(unit=["A", "B", "C", "D"])
    for work in (synthetic_values, factor_values):
        counterfactual = work(small, ASSIGNMENT, "y", draws=10, placebo_draws=10, seed=0)
        assert counterfactual.refused.startswith("2 complete donors for 2 treated units")


def test_fewer_donors_than_folds_are_hidden_one_at_a_time():
    noisy = pool().sel(unit=list("ABCDE"))
    noisy["y"] = noisy["y"] + np.random.default_rng(0).normal(scale=0.1, size=noisy["y"].shape)
    counterfactual = factor_values(noisy, ASSIGNMENT, "y", draws=40, placebo_draws=20, seed=0, ranks=(1,))
    assert counterfactual.placebo.n == counterfactual.donors == 3


def test_different_onsets_are_refused():
    staggered = Assignment({"A": 2004, "B": 2005, "C": None})
    counterfactual = synthetic_values(pool(), staggered, "y", draws=10, placebo_draws=10, seed=0)
    assert counterfactual.refused == ("onsets differ (2004, 2005): these columns are for one onset")


def test_a_treated_unit_with_a_missing_year_is_left_out_of_the_models_and_named():
    wide = xr.concat([pool().assign_coords(unit=[f"{unit}{i}" for unit in "ABCDEF"]) for i in range(3)], "unit")
    wide = wide.assign_coords(unit=[*"ABCDEF", *wide["unit"].to_numpy()[6:]])
    wide["y"] = wide["y"] + np.random.default_rng(0).normal(scale=0.1, size=wide["y"].shape)
    wide["y"].loc[{"unit": "B", "period": 2007}] = np.nan
    counterfactual = synthetic_values(wide, ASSIGNMENT, "y", draws=10, placebo_draws=10, seed=0)
    assert counterfactual.units == ["A"]
    assert counterfactual.units_without_every_period == ["B"]
    assert set(counterfactual.by_unit) == {"A"}


def test_treated_units_with_the_same_errors_count_as_one_in_the_interval_of_the_average():
    """Four treated units that are one series at four levels: the average is no better known than one of them."""
    rng = np.random.default_rng(3)
    years, names = np.arange(2000, 2020), [f"D{i}" for i in range(12)]
    series = rng.normal(size=years.size)
    treated = np.stack([series + level for level in range(4)])
    y = xr.DataArray(np.vstack([treated, rng.normal(size=(12, years.size))]), dims=("unit", "period"))
    wide = xr.Dataset({"y": y}, coords={"unit": [*"WXYZ", *names], "period": years}, attrs={"kind": "user"})
    assignment = Assignment(dict.fromkeys("WXYZ", 2010) | dict.fromkeys(names))
    values = synthetic_values(wide, assignment, "y", draws=150, placebo_draws=20, seed=1)
    own_sds = [unit.sd for unit in values.by_unit.values()]
    assert values.att.sd > 0.8 * np.mean(own_sds)
    assert 0 <= values.placebo.set_coverage <= 1
    assert values.placebo.fitted_sets == 60
