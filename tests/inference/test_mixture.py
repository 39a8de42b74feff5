"""Quantiles and moments of mixtures of normals against a root finder and draws, on shapes that no expansion fits."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import kurtosis, norm, skew

from bri_bayes.core.effect import TAILS
from bri_bayes.inference.mixture import SCORE_TOLERANCE, NormalMixtures

# Weights, means, sds of one mixture each.
SHAPES = {
    "a normal": ([1.0], [0.3], [2.0]),
    "nearly normal": ([0.5, 0.5], [0.0, 0.2], [1.0, 1.1]),
    "two peaks far apart": ([0.5, 0.5], [-50.0, 50.0], [1.0, 1.0]),
    "a far and small part": ([0.97, 0.03], [0.0, 1000.0], [1.0, 1.0]),
    "a wide and small part": ([0.999, 0.001], [0.0, 0.0], [1.0, 1e4]),
    "a long tail to the right": (np.full(200, 0.005), np.exp(np.linspace(-3, 6, 200)), np.exp(np.linspace(-4, 5, 200))),
    "a narrow part at its end": ([0.9, 0.1], [0.0, -3.0], [1.0, 1e-6]),
    "parts without weight": ([0.0, 1.0, 0.0], [-1e9, 1.0, 1e9], [1.0, 0.5, 1e9]),
}


def mixture_of(shape):
    weights, means, sds = (np.asarray(part, dtype=float)[None] for part in SHAPES[shape])
    return NormalMixtures(weights, means, sds)


@pytest.mark.parametrize("p", [*TAILS, 0.5, 0.999])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_quantile_is_where_a_root_finder_has_it(shape, p):
    mixture = mixture_of(shape)
    weights, means, sds = (np.asarray(part, dtype=float) for part in SHAPES[shape])
    used = weights > 0
    ends = means[used] + norm.ppf(p) * sds[used]

    def miss(x):
        return float(weights @ norm.cdf((x - means) / sds)) - p

    quantile = float(mixture.quantile(p)[0])
    assert ends.min() - 1e-9 <= quantile <= ends.max() + 1e-9
    exact = brentq(miss, ends.min() - 1e-9, ends.max() + 1e-9, xtol=1e-13)
    score = norm.ppf(np.clip(miss(quantile) + p, 1e-300, 1 - 1e-16))
    assert score == pytest.approx(norm.ppf(p), abs=1.01 * SCORE_TOLERANCE) or quantile == pytest.approx(exact, rel=1e-6)


def test_moments_are_those_of_draws(rng):
    weights, means, sds = np.array([[0.6, 0.3, 0.1]]), np.array([[0.0, 1.0, 6.0]]), np.array([0.5, 1.0, 2.0])
    mixture = NormalMixtures(weights, means, sds)
    at = rng.choice(3, 2_000_000, p=weights[0])
    draws = rng.normal(means[0][at], sds[at])
    mean, sd, skewness, excess = (float(part[0]) for part in mixture._shape)
    assert (mean, sd) == pytest.approx((draws.mean(), draws.std()), rel=0.01)
    assert (skewness, excess) == pytest.approx((skew(draws), kurtosis(draws)), rel=0.02)
    by_outcome = NormalMixtures(weights, means, sds[None])
    assert np.concatenate(by_outcome._shape) == pytest.approx(np.concatenate(mixture._shape), rel=1e-12)


def test_a_constant_is_its_own_interval_and_scale_changes_nothing():
    constant = NormalMixtures(np.array([[1.0]]), np.array([[2.5]]), np.array([[0.0]])).effects()[0]
    assert (constant.mean, constant.sd, constant.lower, constant.upper) == (2.5, 0.0, 2.5, 2.5)
    plain = mixture_of("a long tail to the right")
    for scale in (1e-12, 1e12):
        scaled = NormalMixtures(plain.weights, scale * plain.means, scale * plain.sds)
        for p in TAILS:
            assert scaled.quantile(p) == pytest.approx(scale * plain.quantile(p), rel=1e-9)
