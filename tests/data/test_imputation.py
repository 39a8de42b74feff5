"""Only missing cells are filled, by the rule that is named, and each filled cell is flagged."""

import numpy as np
import pytest
import xarray as xr

from bri_bayes.core.errors import InputError
from bri_bayes.data.imputation import imputed

NAN = np.nan


def panel(*series):
    values = xr.DataArray(np.array(series, dtype=float), dims=("unit", "period"))
    units = [f"U{i}" for i in range(len(series))]
    return xr.Dataset({"y": values, "x": values}, coords={"unit": units, "period": 2000 + np.arange(len(series[0]))})


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("none", [NAN, 1, NAN, NAN, 4, NAN]),
        ("linear", [NAN, 1, 2, 3, 4, NAN]),
        ("moving_average", [1, 1, 1, 4, 4, 4]),
    ],
)
def test_a_gap_is_filled_by_its_rule(method, expected):
    completed = imputed(panel([NAN, 1, NAN, NAN, 4, NAN]), ["y"], method)
    assert completed["y"].to_numpy()[0] == pytest.approx(np.array(expected, dtype=float), nan_ok=True)
    filled = np.isfinite(expected) & np.isnan([NAN, 1, NAN, NAN, 4, NAN])
    assert completed.attrs["imputed"] == [f"U0 {2000 + t} y" for t in np.flatnonzero(filled)]
    assert completed.attrs["imputation"] == method


def test_a_gap_of_one_year_is_the_mean_of_its_neighbours_under_both_rules():
    for method in ("linear", "moving_average"):
        assert float(imputed(panel([1, NAN, 5]), ["y"], method)["y"][0, 1]) == 3


def test_other_variables_and_observed_cells_stay_and_the_panel_given_is_not_changed():
    given = panel([1, NAN, 5], [7, 8, NAN])
    completed = imputed(given, ["y"], "linear")
    assert np.isnan(completed["x"][0, 1])
    assert np.isnan(given["y"][0, 1])
    assert np.isnan(completed["y"][1, 2])
    assert float(completed["y"][1, 0]) == 7


def test_a_series_without_a_value_stays_empty():
    for method in ("linear", "moving_average"):
        assert imputed(panel([NAN, NAN, NAN]), ["y"], method).attrs["imputed"] == []


def test_an_unknown_rule_is_refused():
    with pytest.raises(InputError, match='no imputation "spline"'):
        imputed(panel([1, 2]), ["y"], "spline")
