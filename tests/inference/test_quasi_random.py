"""Points that are kept are those that SciPy's Sobol sequence gives to the same generator, one call after the other."""

import numpy as np
import pytest
from scipy.special import chdtri, ndtri
from scipy.stats import qmc

from bri_bayes.inference.quasi_random import sobol, student

SEEDS = {"number": lambda: 7, "list": lambda: [3, 11], "spawned": lambda: np.random.SeedSequence(5).spawn(2)[1]}


@pytest.mark.parametrize("seed", SEEDS)
def test_points_are_those_of_scipy_also_when_asked_for_again(seed):
    for _ in range(2):
        ours, theirs = (np.random.default_rng(SEEDS[seed]()) for _ in range(2))
        for size, d in ((100, 3), (100, 3), (33, 2)):
            expected = qmc.Sobol(d, rng=theirs).random_base2((size - 1).bit_length())[:size]
            assert np.array_equal(sobol(size, d, ours), expected)
        expected = qmc.Sobol(4, rng=theirs).random_base2(6)
        z = ndtri(expected[:, :3]) * np.sqrt(5.0 / chdtri(5.0, expected[:, 3:]))
        assert np.array_equal(student(64, 3, 5.0, ours), z)
        assert ours.random() == theirs.random()


def test_what_is_kept_cannot_be_written_into():
    points = sobol(16, 2, np.random.default_rng(0))
    with pytest.raises(ValueError, match="read-only"):
        points += 1.0


def test_points_are_inside_of_the_cube_and_two_calls_differ():
    rng = np.random.default_rng(1)
    first, second = (sobol(2**12, 5, rng) for _ in range(2))
    assert first.min() > 0
    assert first.max() < 1
    assert not np.array_equal(first, second)
