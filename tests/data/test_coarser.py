"""Do bins hold averages of their periods, none of them both before and after an onset?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from bri_bayes.data.assignment import Assignment
from bri_bayes.data.coarser import coarser


def _panel():
    values = np.arange(22.0).reshape(2, 11)
    values[1, 4] = np.nan
    coords = {"unit": ["a", "b"], "period": np.arange(1, 12)}
    return xr.Dataset({"y": (("unit", "period"), values)}, coords=coords, attrs={"kind": "user"})


def test_bins_are_counted_from_the_onset_and_hold_what_is_there():
    panel, assignment = coarser(_panel(), Assignment({"a": 6, "b": None}), 3)
    assert panel["period"].to_numpy().tolist() == [-2, -1, 0, 1]
    assert assignment.first_treated == {"a": 0, "b": None}
    # Periods 1 and 2; 3 to 5; 6 to 8; 9 to 11. The second unit has no value in period 5.
    np.testing.assert_allclose(panel["y"].to_numpy(), [[0.5, 3, 6, 9], [11.5, 13.5, 17, 20]])
    assert panel["period_label"].to_numpy().tolist() == ["1", "3", "6", "9"]


def test_a_bin_with_an_onset_inside_is_missing_and_the_onset_is_the_next():
    panel, assignment = coarser(_panel(), Assignment({"a": 6, "b": 7}), 3)
    assert assignment.first_treated == {"a": 0, "b": 1}
    assert np.isnan(panel["y"].sel(unit="b", period=0))
    assert panel["y"].sel(unit="b", period=1) == 20


def test_a_bin_of_one_period_leaves_every_number_alone():
    panel, assignment = coarser(_panel(), Assignment({"a": 6, "b": 7}), 1)
    np.testing.assert_array_equal(panel["y"].to_numpy(), _panel()["y"].to_numpy())
    assert assignment.onsets == (0, 1)
