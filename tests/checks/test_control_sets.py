"""Control sets: every one is there, the planted bad control is named, and the gap before the onset is what it says."""

import dataclasses

import numpy as np
import pytest

from bri_bayes.checks.control_sets import (
    PreTrendFit,
    fit_sets,
    influence,
    left_out,
    pretrend_fit,
    subsets,
    with_controls,
)
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import build_design
from bri_bayes.study.model_card import Effects, Sampler, load_card

CONTROLS = ("MNG", "BLR", "AZE", "SRB")
NINE = Assignment({**dict.fromkeys(("KAZ", "KGZ", "TJK", "TKM", "UZB"), 2013), **dict.fromkeys(CONTROLS)})
# Sums of some ten numbers.
ROUNDING = 1e-12
QUICK = Sampler(draws=200, proposals=400)


def nine(seed=3, received=None, **options):
    """The nine countries with an effect of 0.5; ``received`` : a control that got it, too."""
    settings = {"effect": 0.5, "rho": 0.5, "innovation_sd": 0.1} | options
    panel, _ = simulate_panel(NINE, range(2003, 2024), seed=seed, **settings)
    if received is not None:
        panel["y"].loc[{"unit": received, "period": slice(2013, None)}] += 0.5
    return panel


def recipe(panel, assignment=NINE):
    card = dataclasses.replace(load_card("did"), outcome="y", sampler=QUICK)
    return Analysis(panel, assignment, card)


def test_four_controls_have_fifteen_sets_and_each_unit_is_left_out_once():
    computed = subsets(CONTROLS)
    assert len(computed) == len(set(computed)) == 15
    assert computed[-1] == CONTROLS
    smaller = left_out(NINE)
    assert set(smaller) == set(NINE.units)
    assert all(unit not in single.units and len(single.units) == 8 for unit, single in smaller.items())


def test_the_last_treated_unit_and_the_last_control_are_not_left_out():
    assert set(left_out(Assignment({"A": 2013, "B": None, "C": None}))) == {"B", "C"}
    assert set(left_out(Assignment({"A": 2013, "B": 2013, "C": None}))) == {"A", "B"}


def test_influence_is_the_average_change_over_sizes_of_sets():
    # The estimate of a set is minus the mean of d over it: joining a set S changes it by (mean_S d - d_c) / (|S| + 1).
    d = dict(zip(CONTROLS, (0.4, 0.0, -0.1, 0.02), strict=True))
    atts = {chosen: -float(np.mean([d[unit] for unit in chosen])) for chosen in subsets(CONTROLS)}
    rows = {row["control"]: row for row in influence(atts)}
    for unit, value in d.items():
        others = np.mean([d[other] for other in d if other != unit])
        expected = np.mean([(others - value) / (size + 1) for size in (1, 2, 3)])
        assert rows[unit]["joins"] == pytest.approx(expected, abs=ROUNDING)
        assert rows[unit]["with"] == pytest.approx(np.mean([a for s, a in atts.items() if unit in s]), abs=ROUNDING)
        assert rows[unit]["without"] == pytest.approx(
            np.mean([a for s, a in atts.items() if unit not in s]), abs=ROUNDING
        )
    assert influence(atts)[0]["control"] == "MNG"


def test_one_control_moves_nothing():
    assert influence({("MNG",): 0.3}) == []


@pytest.mark.parametrize("received", ["AZE", "SRB"])
def test_the_control_that_received_the_effect_is_named(received, seed):
    panel = nine(received=received, innovation_sd=0.05)
    fits = fit_sets(
        {",".join(s): recipe(panel, with_controls(NINE, s)) for s in subsets(CONTROLS)},
        seed,
        variants_of=recipe(panel, NINE),
    )
    moves = influence({tuple(label.split(",")): fit.att.mean for label, fit in fits.items()})
    assert moves[0]["control"] == received
    assert moves[0]["joins"] < 0
    assert abs(moves[0]["joins"]) > 2 * abs(moves[1]["joins"])
    clean = fits[",".join(unit for unit in CONTROLS if unit != received)].att
    assert abs(clean.mean - 0.5) < 3 * clean.sd
    assert fits[received].att.mean < 0.25


def test_the_gap_before_the_onset_is_that_of_the_group_means_on_a_balanced_panel():
    panel = nine()
    values = panel["y"].sel(period=slice(None, 2012))
    gap = (
        values.sel(unit=list(NINE.treated_units)).mean("unit") - values.sel(unit=list(CONTROLS)).mean("unit")
    ).to_numpy()
    computed = pretrend_fit(build_design(panel, NINE, dataclasses.replace(load_card("did"), outcome="y")))
    assert computed.gap == pytest.approx(gap.std(), rel=1e-9)
    assert computed.slope == pytest.approx(np.polyfit(np.arange(10), gap, 1)[0], rel=1e-9)
    assert computed.periods == 10


def test_parallel_groups_have_no_gap_and_a_drift_is_its_slope():
    panel = nine(innovation_sd=1e-6)
    drift = 0.03 * (panel["period"] - 2003) * panel["unit"].isin(NINE.treated_units)
    card = dataclasses.replace(load_card("did"), outcome="y", effects=Effects())
    assert pretrend_fit(build_design(panel, NINE, card)).gap < 1e-4
    drifting = panel.assign(y=panel["y"] + drift)
    assert pretrend_fit(build_design(drifting, NINE, card)).slope == pytest.approx(0.03, abs=1e-5)


def test_without_two_common_periods_before_the_onset_there_is_no_gap():
    panel = nine()
    panel["y"].loc[{"unit": list(CONTROLS), "period": slice(2004, 2012)}] = np.nan
    computed = pretrend_fit(build_design(panel, NINE, dataclasses.replace(load_card("did"), outcome="y")))
    assert computed == PreTrendFit(None, None, 1)
