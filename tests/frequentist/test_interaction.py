"""The interaction and the channel regressions against dummies written out, and the permutation test of the slope."""

import itertools

import numpy as np
import pytest

from bri_bayes.frequentist.channel import ALONE, GIVEN_POLICY, channel_rows
from bri_bayes.frequentist.interaction import SLOPE, fit_interaction, interaction_rows

from ..checks.interactions import analysis_of, mediated_panel, moderated_panel

# Rounding of two ways to one least-squares solution.
ROUNDING = 1e-8


def dummies(design):
    unit, period = design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()
    return np.column_stack([np.eye(unit.max() + 1)[unit], np.eye(period.max() + 1)[period][:, 1:]])


def t_ratio(design, treated, z):
    """The t ratio of treated x z with ordinary standard errors, from dummies."""
    X = np.column_stack([treated, treated * z, z, dummies(design)])
    y = design["y"].to_numpy()
    coefficients, *_ = np.linalg.lstsq(X, y, rcond=None)
    left = y - X @ coefficients
    variance = left @ left / (y.size - np.linalg.matrix_rank(X)) * np.linalg.pinv(X.T @ X)
    return coefficients[1], coefficients[1] / np.sqrt(variance[1, 1])


def test_slope_and_permutation_are_those_of_dummy_regressions_over_all_126_assignments():
    design = analysis_of(moderated_panel(11), covariates=("z",), modifiers=("z",)).design
    rows = {row.inference: row for row in interaction_rows(design, "z")}
    z = design["Z"].to_numpy()[:, 0] - float(design["z_center"].values[0])
    unit = design["unit_ix"].to_numpy()
    after = design["period"].to_numpy()[design["period_ix"].to_numpy()] >= 2013
    slope, observed = t_ratio(design, design["treated"].to_numpy().astype(float), z)
    assert rows["iid"].estimate == pytest.approx(slope, rel=ROUNDING)
    assert rows["iid"].estimate / rows["iid"].se == pytest.approx(observed, rel=1e-6)
    ratios = [t_ratio(design, (after & np.isin(unit, chosen)).astype(float), z)[1] for chosen in combinations_of_five()]
    share = np.mean(np.abs(ratios) >= abs(observed) * (1 - 1e-9))
    assert rows["permutation"].n_assignments == 126
    assert rows["permutation"].p_value == pytest.approx(share)
    assert float(fit_interaction(design, "z").coefficients.sel(term=SLOPE)) == pytest.approx(slope, rel=ROUNDING)


def combinations_of_five():
    return [list(chosen) for chosen in itertools.combinations(range(9), 5)]


def test_the_channel_alone_and_given_the_policy_are_those_of_dummy_regressions():
    design = analysis_of(mediated_panel(12), covariates=("m",)).design
    rows = {(row.estimator, row.inference): row for row in channel_rows(design, "m")}
    m, y = design["X"].to_numpy()[:, 0], design["y"].to_numpy()
    alone = np.linalg.lstsq(np.column_stack([m, dummies(design)]), y, rcond=None)[0][0]
    with_policy = np.column_stack([m, design["treated"].to_numpy(), dummies(design)])
    given = np.linalg.lstsq(with_policy, y, rcond=None)[0][0]
    assert rows[ALONE, "iid"].estimate == pytest.approx(alone, rel=ROUNDING)
    assert rows[GIVEN_POLICY, "cluster"].estimate == pytest.approx(given, rel=ROUNDING)


@pytest.mark.calibration
def test_the_papers_regression_finds_a_channel_where_the_policy_moves_nothing():
    """Common shocks with correlation 0.5, no effect of anything: Tables 6 and 7 would report a channel every time."""
    found = []
    for seed in range(200):
        design = analysis_of(mediated_panel(seed, alpha=0, beta=0, direct=0, correlation=0.5), covariates=("m",)).design
        found.append(next(row for row in channel_rows(design, "m") if row.estimator == ALONE).p_value < 0.05)
    assert np.mean(found) > 0.95
