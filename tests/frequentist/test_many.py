"""The tests of many outcomes at once against the tests of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bri_bayes.frequentist import (
    cluster_estimate,
    collapsed_t,
    fit_twfe,
    iid_estimate,
    permutation,
    wild_cluster_bootstrap,
)
from bri_bayes.frequentist.many import (
    COLLAPSED_T,
    TWFE_CLUSTER,
    TWFE_IID,
    TWFE_PERMUTATION,
    TWFE_PUBLISHED,
    linear_tests,
)
from bri_bayes.frequentist.many_clusters import TWFE_CRV3, TWFE_WILD, cluster_tests
from bri_bayes.frequentist.twfe import crv3_estimate

# Two ways to the same least-squares numbers.
ROUNDING = 1e-9
# The 97.5% quantile of the normal distribution.
NORMAL_QUANTILE = 1.959964


@pytest.mark.parametrize(("missing", "n_covariates"), [(0.0, 0), (0.1, 2)])
@pytest.mark.parametrize("effect", [0.0, 0.7])
def test_many_tests_at_once_are_the_ordinary_ones(
    helpers: Any, missing: float, n_covariates: int, effect: float
) -> None:
    design = helpers.random_design(3, share_missing=missing, n_covariates=n_covariates)
    errors = np.random.default_rng(4).normal(size=(6, design.sizes["obs"])).cumsum(axis=1)
    answers = linear_tests(design, errors).answers(effect)
    for i, error in enumerate(errors):
        with_outcome = design.assign(y=(("obs",), error + effect * design["treated"].to_numpy()))
        fitted, permuted = fit_twfe(with_outcome), permutation(with_outcome).estimate
        rows = {
            TWFE_IID: iid_estimate(fitted),
            TWFE_CLUSTER: cluster_estimate(fitted),
            COLLAPSED_T: collapsed_t(with_outcome),
            TWFE_PERMUTATION: permuted,
        }
        for name, row in rows.items():
            ours = answers[name]
            assert ours.estimate[i] == pytest.approx(row.estimate, abs=ROUNDING)
            assert row.lower is not None
            assert row.upper is not None
            assert ours.length[i] == pytest.approx(row.upper - row.lower, abs=ROUNDING)
            assert row.p_value is not None
            assert bool(ours.rejects[i]) == (row.p_value <= 0.05)
            if name != TWFE_PERMUTATION:
                assert bool(ours.covers[i]) == (row.lower <= effect <= row.upper)


@pytest.mark.parametrize(("missing", "n_covariates"), [(0.0, 0), (0.1, 2)])
def test_jackknife_and_wild_bootstrap_of_many_outcomes_are_those_of_each(
    helpers: Any, missing: float, n_covariates: int
) -> None:
    design = helpers.random_design(3, share_missing=missing, n_covariates=n_covariates)
    outcomes = np.random.default_rng(4).normal(size=(3, design.sizes["obs"])).cumsum(axis=1)
    answers = cluster_tests(design, outcomes, 0.4)
    for i, outcome in enumerate(outcomes):
        alone = design.assign(y=(("obs",), outcome))
        for name, row in ((TWFE_CRV3, crv3_estimate(fit_twfe(alone))), (TWFE_WILD, wild_cluster_bootstrap(alone))):
            assert row.lower is not None
            assert row.upper is not None
            assert answers[name].estimate[i] == pytest.approx(row.estimate, abs=ROUNDING)
            assert answers[name].length[i] == pytest.approx(row.upper - row.lower, abs=100 * ROUNDING)
            assert bool(answers[name].rejects[i]) == (row.p_value is not None and row.p_value <= 0.05)
            assert bool(answers[name].covers[i]) == (row.lower <= 0.4 <= row.upper)


def test_the_permutation_test_covers_where_the_true_effect_is_accepted(helpers: Any) -> None:
    design = helpers.random_design(5, share_missing=0.0, n_covariates=0)
    errors = np.random.default_rng(6).normal(size=(8, design.sizes["obs"]))
    covers = linear_tests(design, errors).answers(3.0)[TWFE_PERMUTATION].covers
    for i, error in enumerate(errors):
        p_value = permutation(design.assign(y=(("obs",), error))).estimate.p_value
        assert p_value is not None
        assert bool(covers[i]) == (p_value > 0.05)


def test_onsets_that_differ_have_no_collapsed_test(helpers: Any) -> None:
    design = helpers.random_design(7, staggered=True)
    assert (
        COLLAPSED_T not in linear_tests(design, np.random.default_rng(8).normal(size=(3, design.sizes["obs"]))).halves
    )


def test_the_published_test_looks_at_the_estimate_alone(helpers: Any) -> None:
    design = helpers.formula_design()
    errors = np.random.default_rng(9).normal(size=(40, design.sizes["obs"]))
    answers = linear_tests(design, errors, published_se=0.1).answers(0.1)
    published, ordinary = answers[TWFE_PUBLISHED], answers[TWFE_IID]
    assert np.array_equal(published.estimate, ordinary.estimate)
    assert np.array_equal(published.rejects, np.abs(ordinary.estimate) > NORMAL_QUANTILE * 0.1)
    assert published.length == pytest.approx(2 * NORMAL_QUANTILE * 0.1, rel=1e-6)


def test_four_units_have_too_few_assignments_for_an_interval_with_ends(helpers: Any) -> None:
    design = helpers.random_design(10, n_units=4, share_missing=0.0, n_covariates=0)
    errors = np.random.default_rng(11).normal(size=(3, design.sizes["obs"]))
    answer = linear_tests(design, errors).answers(9.0)[TWFE_PERMUTATION]
    assert np.isinf(answer.length).all()
    assert not answer.rejects.any()
