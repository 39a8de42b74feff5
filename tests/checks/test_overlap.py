"""Overlap that can say no: panels on which every, some and no treated unit has a counterpart."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from bri_bayes.checks.overlap import overlap, overlap_rows
from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.pre_period import pre_period, unit_period_rows
from bri_bayes.inference.propensity import prior_propensity, sample_propensity
from bri_bayes.study.model_card import load_card

UNITS = Assignment(dict.fromkeys("ABCD", 2006) | dict.fromkeys("WXYZ"))
CARD = load_card("propensity")


def panel_of(values, *, noise=0.0, years=range(2000, 2010)):
    """A covariate with the given mean of each unit, and the trade that its growth and volatility are taken from."""
    rng = np.random.default_rng(1)
    units, years = list(UNITS.units), np.array(list(years))
    x = np.array(values, dtype=float)[:, None] + noise * rng.normal(size=(8, years.size))
    trade = np.cumsum(rng.normal(0.1, 0.2, (8, years.size)), axis=1)
    attrs = {"label": "Income", "transform": "log", "units": "", "column": "x", "scale": 1.0}
    return xr.Dataset(
        {"x": (("unit", "period"), x, attrs), "trade": (("unit", "period"), trade, attrs | {"label": "Trade"})},
        coords={"unit": units, "period": years},
        attrs={"kind": "simulation", "label": "for tests", "sources": []},
    )


def checked(values, seed):
    pre = pre_period(panel_of(values), UNITS, ["x"])
    scores = sample_propensity(pre, CARD, seed), prior_propensity(pre, CARD, seed)
    rows = overlap_rows(pre, *scores, {"D": "Dland", "W": "Wland"})
    return rows, overlap(rows)


def test_with_one_covariate_a_unit_beyond_every_control_is_named_with_what_it_extrapolates(seed):
    rows, result = checked([0.1, 0.4, 0.8, 3.0, 0.0, 0.3, 0.6, 1.0], seed)
    assert result.passed is None
    assert result.detail.startswith("Dland has no counterpart among the controls.")
    assert "the estimate would extrapolate Income (log) 4.7 sd above every control" in result.detail
    by_unit = {row.unit: row for row in rows}
    # The order of scores is that of the covariate or its reverse, in every draw.
    assert by_unit["D"].p_counterpart < 0.01
    assert by_unit["B"].p_counterpart > 0.99
    assert by_unit["D"].nearest == "Z"
    outside = by_unit["D"].extrapolates[0]
    assert outside.sds == pytest.approx(2.0 / np.std([0, 0.3, 0.6, 1.0], ddof=1))
    assert by_unit["B"].extrapolates == []


def test_no_common_support_fails_and_says_so(seed):
    _, result = checked([2.0, 2.4, 2.8, 3.0, 0.0, 0.3, 0.6, 1.0], seed)
    assert result.passed is False
    assert "No treated unit has a counterpart among the controls: there is no common support" in result.detail
    assert result.detail.count("the estimate would extrapolate") == 4


def test_full_overlap_passes(seed):
    _, result = checked([0.1, 0.4, 0.8, 0.7, 0.0, 0.3, 0.6, 1.0], seed)
    assert result.passed is True
    assert result.detail == "Each of the 4 treated units has a counterpart among the controls."


def test_the_rows_before_the_treatment_are_averaged_and_nothing_after_it_counts():
    panel = panel_of(range(8))
    late = panel.assign(x=panel["x"].where(panel["period"] < 2006, 1e6))
    first, second = pre_period(panel, UNITS, ["x"]), pre_period(late, UNITS, ["x"])
    xr.testing.assert_equal(first["X"], second["X"])
    np.testing.assert_allclose(first["X"][:, 0], range(8))
    np.testing.assert_allclose(first["standard"].mean("unit"), 0, atol=1e-12)
    np.testing.assert_allclose(first["standard"].std("unit"), 1)
    assert first.attrs["years"] == [2000, 2005]
    assert first["label"].to_numpy()[0] == "Income (log)"


def test_growth_and_volatility_are_mean_and_sd_of_yearly_changes():
    panel = panel_of(range(8))
    pre = pre_period(panel, UNITS, ["growth(trade)", "volatility(trade)"], (2001, 2004))
    changes = np.diff(panel["trade"].sel(period=slice(2001, 2004)).to_numpy(), axis=1)
    np.testing.assert_allclose(pre["X"][:, 0], changes.mean(axis=1))
    np.testing.assert_allclose(pre["X"][:, 1], changes.std(axis=1, ddof=1))
    assert pre["years_used"].to_numpy().tolist() == [[3, 3]] * 8


def test_a_gap_stays_a_gap_and_a_unit_without_a_year_is_named():
    panel = panel_of(range(8))
    gap = panel.assign(x=panel["x"].where((panel["unit"] != "B") | (panel["period"] > 2003)))
    assert pre_period(gap, UNITS, ["x"])["years_used"].to_numpy()[:, 0].tolist() == [6, 2, 6, 6, 6, 6, 6, 6]
    assert unit_period_rows(gap, UNITS, ["x"]).sizes["obs"] == 44
    gone = panel.assign(x=panel["x"].where(panel["unit"] != "B"))
    with pytest.raises(InputError, match='B has 0 values for "x" from 2000 to 2005'):
        pre_period(gone, UNITS, ["x"])


@pytest.mark.parametrize(
    ("names", "years", "message"),
    [
        ([], None, "needs covariates"),
        (["z"], None, r'"z" \(in \[propensity\]\) is not in the panel'),
        (["x"], (2000, 2006), "go to 2006, but treatment starts in 2006"),
        (["x"], (1990, 1995), "has no year from 1990 to 1995"),
    ],
)
def test_years_and_variables_that_cannot_be_used_are_refused(names, years, message):
    with pytest.raises(InputError, match=message):
        pre_period(panel_of(range(8)), UNITS, names, years)
    with pytest.raises(InputError, match='"x" is the same for every unit'):
        pre_period(panel_of([1.0] * 8), UNITS, ["x"])
    with pytest.raises(InputError, match="no variables of a single year"):
        unit_period_rows(panel_of(range(8)), UNITS, ["growth(trade)"])
