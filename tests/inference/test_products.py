"""Products written as sums, and what a path is made of, against NumPy."""

import numpy as np
import pytest

from bri_bayes.models.effect_path import _bent
from bri_bayes.models.products import LARGE, product


@pytest.mark.parametrize(("n", "k"), [(5, 3), (LARGE + 2, 3), (LARGE + 2, LARGE + 1)])
def test_a_product_is_that_of_linear_algebra_and_a_sum_where_it_is_small(rng, n, k):
    first, second, vector = rng.normal(size=(n, k)), rng.normal(size=(k, 4)), rng.normal(size=k)
    for right in (second, vector):
        result = product(first, right)
        assert result.eval(mode="FAST_COMPILE") == pytest.approx(first @ right)
        assert ("Dot" in type(result.owner.op).__name__ or "Dot" in str(result.owner)) == (k > LARGE)


def test_bends_add_up_twice_and_leave_no_average(rng):
    gap, weights, bends = np.array([1.0, 2.0, 1.0]), np.array([0.4, 0.3, 0.2, 0.1]), rng.normal(size=3)
    path = np.concatenate([[0.0], np.cumsum(np.cumsum(bends) * gap)])
    assert _bent(gap, weights) @ bends == pytest.approx(path - weights @ path)
