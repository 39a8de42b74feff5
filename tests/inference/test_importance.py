"""Importance sampling against known integrals and against ArviZ."""

import numpy as np
import pytest

from bri_bayes.inference import importance
from bri_bayes.inference.convergence import ESS_LIMIT, split_rhat
from bri_bayes.inference.importance import KHAT_LIMIT, sample_by_importance, smooth_weights
from bri_bayes.inference.mode import find_mode

# Smoothed weights and k-hat are the same arithmetic as in ArviZ.
SAME = 1e-8


def skewed_log_density(vectors):
    """A Gaussian first coordinate and a log-gamma(3) second one, not normalised: integral sqrt(2 pi) * 2."""
    x, z = vectors.T
    return -0.5 * x**2 + 3 * z - np.exp(z)


def test_the_mode_of_a_skewed_density_is_found_with_its_curvature():
    mode, covariance = find_mode(skewed_log_density, np.array([2.0, -1.0]))
    assert mode == pytest.approx([0.0, np.log(3)], abs=2e-3)
    assert covariance == pytest.approx(np.diag([1.0, 1 / 3]), abs=1e-2)


def test_the_normalising_constant_and_the_moments_of_a_skewed_density():
    weighted = sample_by_importance(skewed_log_density, np.zeros(2), 8000, np.random.default_rng(1))
    assert weighted.log_normaliser == pytest.approx(np.log(2 * np.sqrt(2 * np.pi)), abs=0.02)
    euler = 0.5772156649
    assert weighted.weights @ weighted.vectors[:, 1] == pytest.approx(1.5 - euler, abs=0.02)
    assert weighted.khat < 0.5


def test_proposals_are_added_until_the_sample_is_large_enough(monkeypatch):
    once = sample_by_importance(skewed_log_density, np.zeros(2), 300, np.random.default_rng(1))
    assert len(once.weights) == 512
    assert once.ess > 0.25 * 512
    monkeypatch.setattr(importance, "_WANTED_SHARE", 0.9)
    more = sample_by_importance(skewed_log_density, np.zeros(2), 300, np.random.default_rng(1))
    assert len(more.weights) > 512
    assert more.ess > 0.9 * 512


@pytest.mark.parametrize("away", [0.0, 2.0, 30.0])
def test_a_posterior_near_by_places_the_sample_and_one_that_is_far_away_does_no_harm(monkeypatch, away):
    searched = []

    def counted(log_density, start):
        searched.append(start)
        return find_mode(log_density, start)

    near = sample_by_importance(
        lambda at: skewed_log_density(at - away), np.full(2, away), 512, np.random.default_rng(2)
    )
    monkeypatch.setattr(importance, "find_mode", counted)
    weighted = sample_by_importance(skewed_log_density, np.zeros(2), 2048, np.random.default_rng(1), near)
    assert weighted.log_normaliser == pytest.approx(np.log(2 * np.sqrt(2 * np.pi)), abs=0.02)
    assert weighted.weights @ weighted.vectors[:, 1] == pytest.approx(1.5 - 0.5772156649, abs=0.02)
    assert weighted.khat < 0.5
    assert len(searched) == (1 if away == 30.0 else 0)


def test_a_density_with_many_modes_is_reported_as_not_covered():
    def spiky(vectors):
        return -0.5 * (vectors**2).sum(axis=1) + 3 * np.cos(4 * vectors).sum(axis=1)

    khats = [sample_by_importance(spiky, np.full(3, 0.1), 300, np.random.default_rng(i)).khat for i in range(11)]
    assert np.median(khats) > KHAT_LIMIT


@pytest.mark.parametrize("shape", [0.2, 0.5, 0.9])
def test_khat_and_smoothed_weights_are_those_of_arviz(shape):
    from arviz_stats.base import array_stats

    log_ratios = -shape * np.log(np.random.default_rng(3).random(3000))
    weights, khat = smooth_weights(log_ratios)
    theirs, their_khat = array_stats.psislw(-log_ratios)
    theirs = np.exp(np.asarray(theirs) - np.max(theirs))
    assert khat == pytest.approx(float(their_khat), abs=SAME)
    assert weights == pytest.approx(theirs / theirs.sum(), abs=SAME)


def test_a_proposal_that_misses_the_tail_is_reported():
    """Draws from N(0, 1) for a target N(0, 3): the ratios have no variance, and k-hat must say so."""
    x = np.random.default_rng(0).standard_normal(4000)
    _, khat = smooth_weights(-0.5 * x**2 / 9 + 0.5 * x**2)
    assert khat > 0.7


def test_weights_of_very_different_size_are_judged_without_a_word_of_overflow(rng):
    weights, khat = smooth_weights(rng.normal(0, 20, 32_000))
    assert khat > KHAT_LIMIT
    assert weights.sum() == pytest.approx(1.0)


def test_rhat_is_that_of_arviz_for_good_and_for_stuck_chains():
    from arviz_stats.base import array_stats

    rng = np.random.default_rng(5)
    for shift in (0.0, 0.5):
        draws = rng.standard_normal((4, 500)) + shift * np.arange(4)[:, None]
        theirs = float(array_stats.rhat(draws, chain_axis=0, draw_axis=1))
        assert split_rhat(draws) == pytest.approx(theirs, abs=SAME)
    assert split_rhat(rng.standard_normal((4, 500)) + 3 * np.arange(4)[:, None]) > 1.5


def test_an_answer_of_its_own_has_as_many_effective_points_as_its_gate_asks_for(monkeypatch):
    # So wide that of a batch of 1,024 more than a quarter are effective, and fewer than the gate asks for.
    monkeypatch.setattr(importance, "widened", lambda covariance: 7 * covariance)
    weighted = sample_by_importance(skewed_log_density, np.zeros(2), 600, np.random.default_rng(1))
    assert weighted.ess > importance.WANTED_ESS > ESS_LIMIT
    monkeypatch.setattr(importance, "FEW_POINTS", 1024)
    side_by_side = sample_by_importance(skewed_log_density, np.zeros(2), 600, np.random.default_rng(1))
    assert len(side_by_side.weights) == 1024
    assert 256 < side_by_side.ess < ESS_LIMIT


def test_the_pilot_of_a_posterior_near_by_is_a_part_of_the_sample_and_biases_nothing():
    near = sample_by_importance(lambda at: skewed_log_density(at - 0.7), np.full(2, 0.7), 512, np.random.default_rng(2))
    asked, errors = [], []

    def counted(at):
        asked.append(len(at))
        return skewed_log_density(at)

    for seed in range(40):
        weighted = sample_by_importance(counted, np.zeros(2), 512, np.random.default_rng(seed), near)
        assert len(weighted.vectors) == 128 + 256
        exact = np.log(2 * np.sqrt(2 * np.pi)), 0.0, 1.5 - 0.5772156649
        errors.append([weighted.log_normaliser, *weighted.weights @ weighted.vectors] - np.array(exact))
    assert sum(asked) == 40 * (128 + 256)
    assert np.abs(np.mean(errors, axis=0)).max() < 0.003
    assert np.std(errors, axis=0).max() < 0.02
