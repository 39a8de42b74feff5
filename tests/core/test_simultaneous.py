"""Sup-t bands: against closed forms for independent and for equal points, and their simultaneous coverage."""

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from bri_bayes.core.simultaneous import posterior_band, sup_t

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


def test_95_percent_of_paths_lie_inside_the_posterior_band_and_a_fixed_point_stays():
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(4000, 12)).cumsum(axis=1) + 3.0
    draws[:, 4] = 0.0
    band = posterior_band(draws)
    inside = ((draws >= band.lower) & (draws <= band.upper)).all(axis=1)
    assert inside.mean() == pytest.approx(0.95, abs=1 / 4000)
    assert (band.lower[4], band.upper[4]) == (0.0, 0.0)
    pointwise = np.quantile(draws, [0.025, 0.975], axis=0)
    assert ((draws >= pointwise[0]) & (draws <= pointwise[1])).all(axis=1).mean() < 0.9


def test_the_band_of_draws_is_the_one_of_their_covariance():
    covariance = 0.7 ** np.abs(np.subtract.outer(np.arange(8), np.arange(8)))
    draws = np.random.default_rng(2).multivariate_normal(np.zeros(8), covariance, 50_000)
    assert posterior_band(draws).critical_value == pytest.approx(sup_t(covariance), abs=MONTE_CARLO)
