"""Estimands on posteriors that are written by hand, so that every answer is known."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.estimands.effects import additional_trade, att, att_by, cell_effects, counterfactual, percent, summarise
from bri_bayes.study.model_card import Effects, ModelCard

ROUNDING = 1e-10
YEARS = [2000, 2001, 2002, 2003]
# The effect of each unit at event times 0 and 1, of one draw.
EFFECT = np.array([[0.1, 0.3], [0.5, -0.1]])


def known_fit(*, leads=False, drop=None, transform="log", effect=EFFECT, times=(0, 1)):
    """Units A and B treated from 2002, C never; a posterior of two chains and one draw that holds ``effect``."""
    y = xr.DataArray(
        np.log([[100.0, 110, 120, 130], [10, 20, 30, 40], [5, 6, 7, 9]]),
        dims=("unit", "period"),
        coords={"unit": ["A", "B", "C"], "period": YEARS},
        attrs={"transform": transform, "level_to_usd": 1e6},
    )
    if drop:
        y.loc[drop] = np.nan
    panel = xr.Dataset({"y": y}, attrs={"kind": "user", "label": "by hand", "sources": []})
    card = ModelCard(
        name="known", title="known", outcome="y", effects=Effects(treatment="by_unit_event_time", leads=leads)
    )
    analysis = Analysis(panel, Assignment({"A": 2002, "B": 2002, "C": None}), card)
    posterior = xr.Dataset(
        {"effect": (("chain", "draw", "treated_unit", "event_time"), np.stack([effect, effect])[:, None])},
        coords={"chain": [0, 1], "draw": [0], "treated_unit": ["A", "B"], "event_time": list(times)},
    )
    return Fit(analysis, analysis.design, xr.DataTree.from_dict({"posterior": posterior}), {}, None)


def test_the_att_is_the_average_over_treated_cells():
    assert att(known_fit()).to_numpy() == pytest.approx(EFFECT.mean(), abs=ROUNDING)


def test_a_cell_without_an_outcome_does_not_count():
    fit = known_fit(drop={"unit": "B", "period": 2003})
    assert att(fit).to_numpy() == pytest.approx((0.1 + 0.3 + 0.5) / 3, abs=ROUNDING)
    assert att_by(fit, "unit").sel(unit="B").to_numpy() == pytest.approx(0.5, abs=ROUNDING)


def test_effects_by_year_and_by_event_time_are_the_same_with_one_onset():
    fit = known_fit()
    by_year, by_time = att_by(fit, "period"), att_by(fit, "event_time")
    assert by_year["period"].values.tolist() == [2002, 2003]
    assert by_year.to_numpy() == pytest.approx(by_time.to_numpy(), abs=ROUNDING)
    assert by_time.isel(chain=0, draw=0).to_numpy() == pytest.approx([0.3, 0.1], abs=ROUNDING)


def test_leads_move_the_baseline_to_the_pre_period_average():
    effect = np.array([[0.4, 0.1, 0.3], [0.4, 0.5, -0.1]])
    fit = known_fit(leads=True, effect=effect, times=(-2, 0, 1))
    against_reference = att_by(fit, "event_time", baseline="reference").isel(chain=0, draw=0)
    assert against_reference["event_time"].values.tolist() == [-2, -1, 0, 1]
    assert against_reference.to_numpy() == pytest.approx([0.4, 0.0, 0.3, 0.1], abs=ROUNDING)
    assert att(fit).to_numpy() == pytest.approx(EFFECT.mean() - 0.2, abs=ROUNDING)
    assert cell_effects(fit).attrs["baseline"] == "pre_average"


def test_percent_is_the_exact_change_of_the_level():
    fit = known_fit()
    assert percent(att(fit), fit).to_numpy() == pytest.approx(100 * (np.exp(0.2) - 1), abs=ROUNDING)


def test_the_counterfactual_is_the_outcome_without_the_effect_and_equal_to_it_before():
    path = counterfactual(known_fit()).isel(chain=0, draw=0)
    expected = np.log([[100.0, 110, 120, 130], [10, 20, 30, 40]])
    expected[:, 2:] -= EFFECT
    assert path.to_numpy() == pytest.approx(expected, abs=ROUNDING)


def test_additional_trade_is_the_difference_of_levels_in_dollars():
    money = additional_trade(known_fit()).isel(chain=0, draw=0)
    first = 120 * (1 - np.exp(-0.1)) + 30 * (1 - np.exp(-0.5))
    assert money.sel(period=2002).item() == pytest.approx(1e6 * first, rel=ROUNDING)


def test_percent_of_an_outcome_that_is_not_in_logs_is_refused():
    fit = known_fit(transform="none")
    with pytest.raises(InputError, match="is not in logs"):
        percent(att(fit), fit)


def test_averages_by_something_else_are_refused():
    with pytest.raises(InputError, match=r'by "region"; .*allowed: event_time, period, unit'):
        att_by(known_fit(), "region")


@given(st.integers(0, 1000), st.floats(0.5, 0.99))
def test_the_hdi_is_the_shortest_interval_with_its_share_of_draws(seed, prob):
    values = np.random.default_rng(seed).gamma(2.0, size=(4, 250))
    draws = xr.DataArray(values, dims=("chain", "draw"))
    hdi, eti = (summarise(draws, prob=prob, interval=kind).iloc[0] for kind in ("hdi", "eti"))
    inside = ((values >= hdi["lower"]) & (values <= hdi["upper"])).mean()
    assert prob - 1e-9 <= inside <= prob + 0.003
    assert hdi["upper"] - hdi["lower"] <= (eti["upper"] - eti["lower"]) * 1.01


def test_a_summary_has_the_intervals_of_arviz():
    from arviz_stats.base import array_stats

    values = np.random.default_rng(1).normal(size=(4, 1000))
    draws = xr.DataArray(values, dims=("chain", "draw"))
    row = summarise(draws, prob=0.9, rope=(-0.1, 0.1), interval="hdi").iloc[0]
    assert [row["lower"], row["upper"]] == pytest.approx(array_stats.hdi(values.ravel(), prob=0.9), abs=0.01)
    assert row["p_rope"] == pytest.approx(((values > -0.1) & (values < 0.1)).mean())
