"""Can a picture of many units be read, and are effects that a pass over the posterior has had asked for once?"""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot

import bri_bayes as bb
from bri_bayes.app.notebook import effect_frame, result
from bri_bayes.app.notebook.plots import _MOST_NAMED

SMALL = {"draws": 100, "proposals": 400}


def answer(n_treated: int, n_controls: int = 12):
    rng = np.random.default_rng(2)
    names = [f"unit {i:03d}" for i in range(n_treated + n_controls)]
    rows = [
        (
            name,
            year,
            i % 5 + rng.normal(scale=0.2) + (i < n_treated and year >= 2004),
            int(i < n_treated and year > 2003),
        )
        for i, name in enumerate(names)
        for year in range(2000, 2007)
    ]
    frame = pd.DataFrame(rows, columns=["unit", "year", "y", "D"])
    card = bb.card("did", sampler=SMALL, name="quick")
    return bb.did(frame, "y ~ 1", unit="unit", period="year", treatment="D", card=card)


@pytest.fixture(scope="module")
def many():
    return answer(_MOST_NAMED + 20)


def label_heights(axes):
    axes.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in axes.get_yticklabels() if label.get_text()]
    return sorted(((box.y0, box.y1) for box in boxes), reverse=True)


@pytest.mark.parametrize("n_treated", [3, 25, _MOST_NAMED, _MOST_NAMED + 20])
def test_no_name_of_a_forest_lies_on_another(n_treated, many):
    axes = (many if n_treated > _MOST_NAMED else answer(n_treated)).plot("forest")
    boxes = label_heights(axes)
    assert all(upper[0] >= lower[1] for upper, lower in itertools.pairwise(boxes))
    assert len(boxes) == (1 if n_treated > _MOST_NAMED else n_treated + 1)
    pyplot.close(axes.figure)


def test_of_many_units_every_interval_stands_in_the_order_of_the_effects(many):
    axes = many.plot("forest")
    points = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1][:-1]
    assert points == sorted(many.to_frame("unit")["mean"], reverse=True)
    assert axes.get_ylabel() == f"{_MOST_NAMED + 20} treated units, by the size of the effect"
    pyplot.close(axes.figure)


def test_tables_and_pictures_by_unit_event_time_and_period_take_one_pass_over_the_posterior(monkeypatch):
    asked = []
    whole = result.averages
    monkeypatch.setattr(
        result, "averages", lambda *given, **options: asked.append(given[1]) or whole(*given, **options)
    )
    shown = answer(3)
    for by in ("unit", "event_time", "period", "event_time"):
        assert len(shown.to_frame(by))
    pyplot.close(shown.plot("event_study").figure)
    assert asked == [("unit", "event_time", "period")]


def test_of_very_many_units_a_table_by_event_time_has_no_effect_of_a_unit_computed(many, monkeypatch):
    usual = many.to_frame("event_time")
    monkeypatch.setattr(effect_frame, "MOST_TOGETHER", 10)
    alone = answer(_MOST_NAMED + 20)
    monkeypatch.setattr(result, "averages", None)
    pd.testing.assert_frame_equal(alone.to_frame("event_time"), usual, rtol=1e-9)
