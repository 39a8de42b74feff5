"""Do the quadrants add up, do contours hold what they say, and is a planted correlation covered?"""

import dataclasses

import numpy as np
import pytest

from bri_bayes.checks.jointly import MASSES, density, joint_values, quadrants
from bri_bayes.inference.joint import fit_jointly

from .interactions import analysis_of, mediated_panel


def pair(panel):
    first = analysis_of(panel)
    return first, first.replace(card=dataclasses.replace(first.card, outcome="m"))


def test_quadrants_of_independent_effects_are_products_and_add_up_to_one(rng):
    x, y = rng.normal(1, 1, 200_000), rng.normal(0, 1, 200_000)
    joint = quadrants(x, y)
    assert sum(joint.values()) == pytest.approx(1.0)
    assert joint["first_up_second_not"] == pytest.approx(0.8413 * 0.5, abs=0.005)  # Phi(1) / 2


def test_contours_hold_the_mass_that_they_say(rng):
    x, y = rng.multivariate_normal([1, 2], [[1, 0.7], [0.7, 2]], 2000).T
    joint = density(x, y)
    height, grid = np.array(joint.height), [np.array(joint.x), np.array(joint.y)]
    for level, mass in zip(joint.levels, MASSES, strict=True):
        column, row = (np.clip(np.searchsorted(g, v), 0, g.size - 1) for g, v in zip(grid, (x, y), strict=True))
        inside = (height[row, column] >= level).mean()
        assert inside == pytest.approx(mass, abs=0.07)  # the kernel widens the density a little


def test_effects_that_were_planted_in_opposite_directions_land_in_their_quadrant():
    panel = mediated_panel(3, alpha=-1.0, beta=0.0, direct=1.0)
    joint = joint_values(*pair(panel), seed=1)
    assert joint.quadrants["first_up_second_not"] > 0.99
    assert joint.p_first_larger > 0.99
    assert joint.outcomes == ["y", "m"]
    assert joint.trustworthy


@pytest.mark.calibration
def test_a_planted_correlation_of_errors_is_covered_in_95_percent_of_panels():
    """60 panels with correlation 0.5 at unequal persistence: within four simulation errors of 95%, and of no bias."""
    covered, means = [], []
    for seed in range(60):
        panel = mediated_panel(900 + seed, alpha=0, beta=0, direct=0, correlation=0.5, rho=(0.8, 0.3))
        draws = fit_jointly(*pair(panel), seed=seed).correlation.to_numpy()
        low, high = np.quantile(draws, [0.025, 0.975])
        covered.append(low <= 0.5 <= high)
        means.append(draws.mean())
    assert np.mean(covered) >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 60)
    assert np.mean(means) == pytest.approx(0.5, abs=4 * np.std(means) / np.sqrt(60))
