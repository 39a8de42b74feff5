"""The treated group's drift away from the others: what a card may say, its two limits, and a planted trend."""

import dataclasses

import numpy as np
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.core.schema import validated
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.linear_terms import build_terms, drift_steps
from bri_bayes.inference import fit
from bri_bayes.inference.att import att_posterior
from bri_bayes.study.model_card import Effects, ModelCard

from .panels import make_card, make_panel

WALK = Effects(trend="group_random_walk")
# The slope that is planted, a period.
SLOPE = 0.15


def posterior(panel, assignment, effects):
    card = make_card(effects=effects)
    return att_posterior(Analysis(panel, assignment, card).design, card, seed=0).effect.as_dict()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"trend": "group_random_walk", "leads": True}, "leads and trend"),
        ({"trend": "group_random_walk", "period": "correlated"}, 'needs period = "fixed"'),
        ({"trend_sd": 0.1}, "trend_sd must be positive"),
        ({"trend": "group_random_walk", "trend_sd": 0.0}, "trend_sd must be positive"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused(table, message):
    content = {"name": "n", "title": "t", "effects": table}
    with pytest.raises(InputError, match=message):
        validated(ModelCard, content, where="card")


def test_the_walk_has_one_step_a_period_of_the_treated_units_only():
    panel, assignment = make_panel(holes=False)
    design = Analysis(panel, assignment, make_card(effects=WALK)).design
    steps = drift_steps(design)
    assert steps.shape == (60, 9)
    treated = np.isfinite(design["event_time"].to_numpy())
    assert not steps[~treated].any()
    assert steps[treated].sum() == 3 * sum(range(10))
    assert [block.scale for block in build_terms(design, make_card(effects=WALK)).shared if block.name == "drift"] == [
        "trend_step"
    ]


def test_a_drift_with_tiny_steps_is_no_drift():
    panel, assignment = make_panel(seed=3)
    none = posterior(panel, assignment, Effects())
    tiny = posterior(panel, assignment, dataclasses.replace(WALK, trend_sd=1e-6))
    assert tiny["mean"] == pytest.approx(none["mean"], abs=1e-3 * none["sd"])
    assert tiny["sd"] == pytest.approx(none["sd"], rel=1e-3)


def test_the_interval_widens_with_the_steps():
    panel, assignment = make_panel(seed=3)
    sds = [posterior(panel, assignment, dataclasses.replace(WALK, trend_sd=s))["sd"] for s in (0.05, 0.2, 0.8)]
    assert sds == sorted(sds)
    assert sds[2] > 1.5 * sds[0]


def test_a_planted_trend_biases_parallel_trends_and_is_covered_when_the_group_may_drift():
    """No effect, treated units drift up: parallel trends call it an effect, the walk does not."""
    panel, assignment = make_panel(seed=8, holes=False, n_units=10, n_periods=12, rho=0.3, effect=0.0)
    slope = SLOPE / 2 * (panel["period"] - panel["period"][0])
    treated = [unit for unit in panel["unit"].values if assignment.first_treated[str(unit)] is not None]
    bent = panel.assign(y=panel["y"] + slope * panel["unit"].isin(treated))
    parallel = posterior(bent, assignment, Effects())
    learned = posterior(bent, assignment, WALK)
    assert parallel["lower"] > 0
    assert learned["lower"] < 0 < learned["upper"]
    # The walk has no direction of its own, and the effect may grow: it takes a part of the trend away, and says that it
    # does not know the rest.
    assert abs(learned["mean"]) < 0.95 * abs(parallel["mean"])
    assert learned["sd"] > 1.2 * parallel["sd"]


def test_the_drift_is_reported_in_outcome_units_from_zero_in_the_first_period():
    panel, assignment = make_panel(seed=3)
    posterior_ = fit(Analysis(panel, assignment, make_card(effects=WALK))).posterior["posterior"]
    assert posterior_["drift"].dims == ("chain", "draw", "period")
    assert not posterior_["drift"].isel(period=0).any()
    large = fit(Analysis(panel.assign(y=100 * panel["y"]), assignment, make_card(effects=WALK)))
    ratio = float(large.posterior["posterior"]["trend_step"].mean() / posterior_["trend_step"].mean())
    assert ratio == pytest.approx(100, rel=1e-6)


# 100 panels: the error of a coverage near 0.95 is 0.022, near 0.6 it is 0.05.
PANELS, ERROR = 100, 0.022


@pytest.mark.calibration
def test_intervals_cover_a_drifting_group_when_it_may_drift_and_do_not_otherwise():
    """Steps of 0.15 a period, within what the prior expects; twenty units, so that noise does not hide the drift."""
    step = 0.15
    rng = np.random.default_rng(0)
    covered = {"parallel": 0, "known": 0, "learned": 0}
    for panel_seed in range(PANELS):
        panel, assignment = make_panel(seed=panel_seed, holes=False, n_units=20, n_periods=12, rho=0.0, effect=0.0)
        walk = np.cumsum(np.r_[0.0, step * rng.standard_normal(11)])
        treated = np.array([assignment.first_treated[str(unit)] is not None for unit in panel["unit"].values])
        y = panel["y"].transpose("unit", "period").to_numpy() + treated[:, None] * walk
        drifting = panel.assign(y=(("unit", "period"), y))
        scale = Analysis(drifting, assignment, make_card()).design.attrs["y_scale"]
        known = dataclasses.replace(WALK, trend_sd=step / scale)
        for name, effects in (("parallel", Effects()), ("known", known), ("learned", WALK)):
            record = posterior(drifting, assignment, effects)
            covered[name] += record["lower"] <= 0 <= record["upper"]
    shares = {name: count / PANELS for name, count in covered.items()}
    assert shares["known"] >= 0.95 - 3 * ERROR, shares
    # Half of the prior of s is below these steps, and eleven of them say little more: some intervals are too short.
    assert shares["learned"] >= 0.85 - 3 * ERROR, shares
    assert shares["parallel"] < shares["learned"] - 0.1, shares
