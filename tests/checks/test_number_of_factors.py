"""Is it said when hidden donors do not tell how many factors there are?"""

from statistics import NormalDist

import numpy as np
import pytest

from bri_bayes.checks.number_of_factors import numbers_of_factors
from bri_bayes.presentation.control_sentences import factors_sentence

MONTE_CARLO = 0.03  # three errors of a share of 4,000


def misses(*gaps, donors=60, noise=1.0):
    """Errors of donors: a common part, and for each number its gap to the first with noise of its own."""
    rng = np.random.default_rng(0)
    common = rng.exponential(size=donors)
    return {rank: common + gap + noise * _centred(rng.normal(size=donors)) for rank, gap in enumerate(gaps)}


def _centred(draws):
    return (draws - draws.mean()) / draws.std()


def test_two_numbers_that_predict_alike_share_the_probability_and_the_smaller_is_taken():
    rows, taken = numbers_of_factors(misses(0.0, 0.0), seed=1)
    assert taken == 0
    assert [row.p_best for row in rows] == pytest.approx([0.5, 0.5], abs=MONTE_CARLO)
    assert sum(row.p_best for row in rows) == pytest.approx(1)


def test_the_probability_of_the_better_of_two_is_that_of_the_paired_difference():
    # The Bayesian bootstrap of a mean difference g with sd s over n donors is close to N(g, s^2 / n).
    rows, taken = numbers_of_factors(misses(0.2, 0.0), seed=1)
    expected = NormalDist().cdf(0.2 / np.sqrt(2 / 60))
    assert rows[1].p_best == pytest.approx(expected, abs=0.05)
    assert taken == (0 if rows[0].excess <= rows[0].se else 1)


def test_a_number_that_is_far_better_is_determined():
    rows, taken = numbers_of_factors(misses(5.0, 0.0, 4.0, noise=0.1), seed=1)
    assert (taken, rows[1].p_best) == (1, 1.0)
    said = factors_sentence({"label": "Exports", "factor": {"ranks": [vars(row) for row in rows]}})
    assert said == "Exports: the donors determine the number of factors; best predict one factor with >99%."


def test_what_the_donors_leave_open_is_said_with_the_probabilities():
    ranks = [
        {"rank": 1, "p_best": 0.3},
        {"rank": 2, "p_best": 0.6},
        {"rank": 3, "p_best": 0.1},
        {"rank": 4, "p_best": 0},
    ]
    assert factors_sentence({"label": "Exports", "factor": {"ranks": ranks}}) == (
        "Exports: the donors do not determine the number of factors; best predict, by probability, two factors with "
        "60%, one factor with 30% and three factors with 10%."
    )
    assert factors_sentence({"label": "Exports", "factor": {"refused": "few donors"}}) == ""
