"""The two-way within transformation against least squares on all the dummies."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bri_bayes.design.fixed_effects import TwoWay

# Rounding of least squares on a few hundred rows.
ROUNDING = 1e-9


def dummies(unit_ix, period_ix):
    return np.hstack([np.eye(unit_ix.max() + 1)[unit_ix], np.eye(period_ix.max() + 1)[period_ix]])


@given(st.integers(2, 12), st.integers(2, 22), st.floats(0.0, 0.6), st.integers(0, 10_000))
def test_residuals_are_those_of_least_squares_on_all_dummies(n_units, n_periods, holes, seed):
    rng = np.random.default_rng(seed)
    present = rng.random((n_units, n_periods)) >= holes
    present[0, 0] = True
    unit_ix, period_ix = np.nonzero(present)
    unit_ix = np.unique(unit_ix, return_inverse=True)[1]
    period_ix = np.unique(period_ix, return_inverse=True)[1]
    values = rng.normal(5.0, 3.0, (unit_ix.size, 3))
    D = dummies(unit_ix, period_ix)
    expected = values - D @ np.linalg.lstsq(D, values, rcond=None)[0]
    within = TwoWay(unit_ix, period_ix)
    assert np.abs(within.residuals(values) - expected).max() < ROUNDING
    assert within.rank == np.linalg.matrix_rank(D)


def test_a_late_starting_unit_leaves_no_rounding_error_in_the_residuals():
    """The shape of the nine countries: one starts three years late. A pseudo-inverse that keeps the null direction
    of the period dummies returns residuals that are wrong in the third digit."""
    present = np.ones((9, 18), dtype=bool)
    present[5, :3] = False
    unit_ix, period_ix = np.nonzero(present)
    D = dummies(unit_ix, period_ix)
    for seed in range(20):
        y = np.random.default_rng(seed).normal(0, 3, unit_ix.size).cumsum()
        expected = y - D @ np.linalg.lstsq(D, y, rcond=None)[0]
        assert np.abs(TwoWay(unit_ix, period_ix).residuals(y) - expected).max() < ROUNDING
