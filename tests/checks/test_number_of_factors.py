"""Is it said when hidden donors do not tell how many factors there are?"""

from statistics import NormalDist

import numpy as np
import pytest
import xarray as xr

from bri_bayes.checks.counterfactuals import factor_values
from bri_bayes.checks.number_of_factors import RankError, draws_of_each, numbers_of_factors
from bri_bayes.data.assignment import Assignment
from bri_bayes.presentation.control_sentences import factors_sentence

MONTE_CARLO = 0.03  # three errors of a share of 4,000


def misses(*gaps, donors=60, noise=1.0):
    """Errors of donors: a common part, and for each number its gap to the first with noise of its own."""
    rng = np.random.default_rng(0)
    common = rng.exponential(size=donors)
    return {rank: common + gap + noise * _centred(rng.normal(size=donors)) for rank, gap in enumerate(gaps)}


def _centred(draws):
    return (draws - draws.mean()) / draws.std()


def test_two_numbers_that_predict_alike_share_the_probability():
    rows = numbers_of_factors(misses(0.0, 0.0), seed=1)
    assert [row.p_best for row in rows] == pytest.approx([0.5, 0.5], abs=MONTE_CARLO)
    assert sum(row.p_best for row in rows) == pytest.approx(1)


def test_the_probability_of_the_better_of_two_is_that_of_the_paired_difference():
    # The Bayesian bootstrap of a mean difference g with sd s over n donors is close to N(g, s^2 / n).
    rows = numbers_of_factors(misses(0.2, 0.0), seed=1)
    expected = NormalDist().cdf(0.2 / np.sqrt(2 / 60))
    assert rows[1].p_best == pytest.approx(expected, abs=0.05)


def test_a_number_that_is_far_better_is_determined():
    rows = numbers_of_factors(misses(5.0, 0.0, 4.0, noise=0.1), seed=1)
    assert rows[1].p_best == 1.0
    assert draws_of_each(rows, 500) == {1: 500}
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
        "Exports: the donors do not determine the number of factors, and the answer is averaged over them; best "
        "predict, by probability, two factors with 60%, one factor with 30% and three factors with 10%."
    )
    assert factors_sentence({"label": "Exports", "factor": {"refused": "few donors"}}) == ""


def test_each_number_gives_draws_in_proportion_to_its_probability_and_all_are_given():
    ranks = [RankError(rank, 0.0, 0.0, 0.0, p) for rank, p in enumerate((0.005, 0.333, 0.333, 0.329))]
    assert draws_of_each(ranks, 100) == {1: 34, 2: 33, 3: 33}


def test_an_answer_is_the_average_of_those_of_each_number_by_their_probabilities():
    rng = np.random.default_rng(4)
    factor, loadings = rng.normal(size=16).cumsum(), rng.normal(size=(24, 1))
    y = 0.1 * loadings * factor + 0.5 * rng.normal(size=(24, 16))
    names = [f"U{at:02d}" for at in range(24)]
    panel = xr.Dataset({"y": (("unit", "period"), y)}, coords={"unit": names, "period": np.arange(2000, 2016)})
    assignment = Assignment({name: 2010 if at < 3 else None for at, name in enumerate(names)})

    def asked(*ranks):
        return factor_values(panel, assignment, "y", draws=400, placebo_draws=60, seed=1, ranks=ranks)

    averaged, none, two = asked(0, 2), asked(0), asked(2)
    share = [row.p_best for row in averaged.ranks]
    assert min(share) > 0.1  # both count
    for unit in ("U00", "U01", "U02"):
        parts = [of_number.by_unit[unit] for of_number in (none, two)]
        mean = share[0] * parts[0].mean + share[1] * parts[1].mean
        within = share[0] * parts[0].sd ** 2 + share[1] * parts[1].sd ** 2
        between = share[0] * share[1] * (parts[0].mean - parts[1].mean) ** 2
        assert averaged.by_unit[unit].mean == pytest.approx(mean, abs=0.1 * parts[0].sd)
        assert averaged.by_unit[unit].sd == pytest.approx(np.sqrt(within + between), rel=0.1)
    assert averaged.rhat < 1.05
