"""Five numbers of a posterior, against their closed form."""

import numpy as np
import pytest
from scipy.stats import norm

from bri_bayes.core.effect import PROB, Effect


def test_the_five_numbers_of_normal_draws_are_those_of_the_normal():
    # Evenly spaced quantiles of N(0.3, 0.2^2): no error of drawing.
    draws = norm.ppf((np.arange(200_000) + 0.5) / 200_000, loc=0.3, scale=0.2)
    effect = Effect.of_draws(draws)
    tail = norm.ppf((1 + PROB) / 2)
    assert effect.mean == pytest.approx(0.3, abs=1e-6)
    assert effect.sd == pytest.approx(0.2, abs=1e-4)
    assert (effect.lower, effect.upper) == pytest.approx((0.3 - 0.2 * tail, 0.3 + 0.2 * tail), abs=1e-4)
    assert effect.p_positive == pytest.approx(norm.sf(0, 0.3, 0.2), abs=1e-5)


def test_the_json_of_an_effect_has_five_numbers():
    assert list(Effect(1.0, 2.0, 3.0, 4.0, 0.5).as_dict()) == ["mean", "sd", "lower", "upper", "p_positive"]


def test_one_draw_has_a_mean_and_no_sd():
    effect = Effect.of_draws(np.array([0.4]))
    assert (effect.mean, effect.lower, effect.upper) == (0.4, 0.4, 0.4)
    assert np.isnan(effect.sd)
