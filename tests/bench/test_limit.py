"""The operations of factorisations are those that are done, counted by hand, and of kinds of units, not of units."""

from __future__ import annotations

import numpy as np
import pytest
from speed import panels
from speed.counted import counting
from speed.history import Target
from speed.table import target_line

from bri_bayes.inference.att import att_posterior


def test_a_factor_counts_by_its_order_and_how_many_there_are_and_nothing_is_counted_afterwards() -> None:
    before = np.linalg.cholesky
    with counting() as count:
        np.testing.assert_array_equal(np.linalg.cholesky(np.tile(4 * np.eye(6), (5, 2, 1, 1)))[4, 1], 2 * np.eye(6))
        assert count.operations == pytest.approx(10 * 6**3 / 3)
        np.linalg.inv(np.eye(3))
        np.linalg.solve(np.eye(4), np.ones(4))
    counted = 10 * 6**3 / 3 + 2 * 3**3 + 2 * 4**3 / 3
    assert count.operations == pytest.approx(counted)
    assert np.linalg.cholesky is before
    np.linalg.cholesky(np.eye(100))
    assert count.operations == pytest.approx(counted)


def test_units_of_a_kind_are_factored_once_however_many_there_are() -> None:
    """Both have two kinds, treated and control, and the same points: the same factors."""
    operations = []
    for n_units in (12, 60):
        recipe = panels.analysis(n_units, 12, 3)
        with counting() as count:
            points = len(att_posterior(recipe.design, recipe.card, 0).points.vectors)
        operations.append(count.operations / points)
    assert operations[1] == pytest.approx(operations[0], rel=0.1)  # searches for the mode differ


def test_a_target_that_is_a_ratio_says_which_seconds_its_factors_are_a_part_of() -> None:
    seconds = Target("study", "at most", 20.0, "s", 10.0, 2.0)
    times = Target("sampling", "at least", 100.0, "times", 300.0, 0.01, took=0.05)
    assert target_line(seconds).endswith("| 2 s, 5.0 times that |")
    assert target_line(times).endswith("| 0.01 s, our 0.05 s are 5.0 times that |")
