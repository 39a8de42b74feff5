"""Sup-t bands: against closed forms for independent and for equal points, and their simultaneous coverage."""

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from bri_bayes.core.simultaneous import sup_t

# Critical values come from 20,000 draws.
MONTE_CARLO = 0.04


def test_independent_points_need_the_quantile_of_sidak():
    for points in (1, 5, 17):
        expected = norm.ppf(0.5 + 0.5 * 0.95 ** (1 / points))
        assert sup_t(np.diag(np.arange(1.0, points + 1))) == pytest.approx(expected, abs=MONTE_CARLO)


def test_points_that_move_together_need_the_pointwise_quantile_whatever_their_rank():
    together = np.outer([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert sup_t(together) == pytest.approx(norm.ppf(0.975), abs=MONTE_CARLO)
    assert sup_t(together, df=8) == pytest.approx(student.ppf(0.975, 8), abs=2 * MONTE_CARLO)
