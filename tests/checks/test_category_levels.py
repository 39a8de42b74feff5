"""Categories with their zeros: numbers are those of one category alone, and a placebo finds what is not the policy."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from bri_bayes.checks.category_levels import category_levels
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.design import build_design
from bri_bayes.frequentist import ppml_rows
from bri_bayes.study.model_card import ModelCard

UNITS = ("A", "B", "C", "D", "E", "F")
YEARS = np.arange(2003, 2015)
ONSET = 2009


def _panel(rng: np.random.Generator) -> tuple[xr.Dataset, Assignment]:
    """Three goods: one that the policy doubles, one that doubled in 2006 already, one that two units seldom trade."""
    assignment = Assignment({unit: ONSET if at < 3 else None for at, unit in enumerate(UNITS)})
    treated = np.arange(6)[:, None] < 3
    level = np.exp(rng.normal(0, 0.15, (6, YEARS.size, 3)) + np.linspace(0, 2, 6)[:, None, None])
    level[:, :, 0] *= np.where(treated & (YEARS >= ONSET), 2.0, 1.0)
    level[:, :, 1] *= np.where(treated & (YEARS >= 2006), 2.0, 1.0)
    level[[1, 4], :, 2] *= rng.random((2, YEARS.size)) < 0.5
    level[0, 3, 0] = np.nan
    coords = {"unit": list(UNITS), "period": YEARS, "category": ["54", "75", "792"]}
    return xr.Dataset({"export": (("unit", "period", "category"), level)}, coords=coords), assignment


def test_each_category_has_the_rows_of_a_fit_of_its_own(rng: np.random.Generator) -> None:
    panel, assignment = _panel(rng)
    rows = category_levels(panel, "export", assignment)
    assert [row.category for row in rows] == ["54", "75", "792"]
    assert [row.rows for row in rows] == [71, 72, 72]
    assert [row.zeros for row in rows] == [0, 0, int((panel["export"] == 0).sum())]
    assert rows[2].zeros > 0
    for row in rows:
        alone = xr.Dataset({"y": panel["export"].sel(category=row.category, drop=True)})
        design = build_design(alone, assignment, ModelCard(name="t", title="t", outcome="y"))
        _, jackknife, permutation = ppml_rows(design, design["y"].to_numpy())
        assert (row.effect, row.lower, row.p_value) == (jackknife.estimate, jackknife.lower, permutation.p_value)
    assert rows[0].effect == pytest.approx(np.log(2), abs=0.2)


def test_the_placebo_tells_what_doubled_before_the_policy(rng: np.random.Generator) -> None:
    policy, earlier, _ = category_levels(*_with(rng))
    assert policy.placebo_onset == 2006
    assert policy.placebo == pytest.approx(0.0, abs=0.2)
    assert earlier.placebo == pytest.approx(np.log(2), abs=0.2)
    # Of twenty assignments the real one and its mirror image are the largest.
    assert earlier.placebo_p_value == pytest.approx(2 / 20)


def _with(rng: np.random.Generator) -> tuple[xr.Dataset, str, Assignment]:
    panel, assignment = _panel(rng)
    return panel, "export", assignment


def test_a_category_that_the_treated_do_not_trade_says_so_in_a_note(rng: np.random.Generator) -> None:
    panel, assignment = _panel(rng)
    none = panel["export"].where((panel["category"] != "792") | ~panel["unit"].isin(["A", "B", "C"]), 0.0)
    row = category_levels(panel.assign(export=none), "export", assignment)[2]
    assert row.effect is None
    assert row.zeros >= 36
    assert row.note
