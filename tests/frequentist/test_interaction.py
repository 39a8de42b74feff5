"""The interaction and the channel regressions against dummies written out, and the permutation test of the slope."""

import itertools

import numpy as np
import pytest
from scipy.stats import t as t_quantile

from bri_bayes.frequentist.channel import ALONE, GIVEN_POLICY, channel_rows
from bri_bayes.frequentist.interaction import SLOPE, fit_interaction, interaction_rows
from bri_bayes.frequentist.variance import crv3

from ..checks.interactions import analysis_of, mediated_panel, moderated_panel

# Rounding of two ways to one least-squares solution.
ROUNDING = 1e-8


def dummies(design):
    unit, period = design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()
    return np.column_stack([np.eye(unit.max() + 1)[unit], np.eye(period.max() + 1)[period][:, 1:]])


def t_ratio(design, treated, z):
    """The t ratio of treated x z with ordinary standard errors, z by after for every unit, from dummies."""
    after = design["period"].to_numpy()[design["period_ix"].to_numpy()] >= 2013
    X = np.column_stack([treated, treated * z, z, after * z, dummies(design)])
    y = design["y"].to_numpy()
    coefficients, *_ = np.linalg.lstsq(X, y, rcond=None)
    remaining = y - X @ coefficients
    variance = remaining @ remaining / (y.size - np.linalg.matrix_rank(X)) * np.linalg.pinv(X.T @ X)
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


def test_what_the_modifier_does_everywhere_after_the_onset_is_not_in_the_slope():
    panel = moderated_panel(13)
    after = panel["period"] >= 2013
    moved = panel.assign(y=panel["y"] + 7.0 * panel["z"] * after)
    slopes = [
        float(
            fit_interaction(analysis_of(p, covariates=("z",), modifiers=("z",)).design, "z").coefficients.sel(
                term=SLOPE
            )
        )
        for p in (panel, moved)
    ]
    assert slopes[0] == pytest.approx(slopes[1], abs=1e-7)


def test_controls_that_do_not_differ_in_the_modifier_leave_no_slope_and_the_rows_say_so():
    panel = moderated_panel(14)
    z = panel["z"].mean("period").broadcast_like(panel["z"]).transpose("unit", "period").copy()
    z.loc[{"unit": ["U5", "U6", "U7", "U8"]}] = 30.0
    rows = interaction_rows(analysis_of(panel.assign(z=z), modifiers=("z",)).design, "z")
    assert [row.inference for row in rows] == ["iid", "cluster", "cluster_crv3", "permutation"]
    for row in rows:
        assert np.isnan(row.estimate)
        assert "do not identify the coefficient" in row.note


@pytest.mark.calibration
def test_a_modifier_that_works_everywhere_is_found_to_moderate_in_5_percent():
    """300 panels in which z after the onset is worth 0.05 in every unit; clustered standard errors."""
    rejected = []
    for seed in range(300):
        panel = moderated_panel(4000 + seed, slope=0.0)
        moved = panel.assign(y=panel["y"] + 0.05 * panel["z"] * (panel["period"] >= 2013))
        design = analysis_of(moved, covariates=("z",), modifiers=("z",)).design
        fit = fit_interaction(design, "z")
        variance = crv3(fit, design["unit_ix"].to_numpy())
        ratio = float(fit.coefficients.sel(term=SLOPE)) / float(variance.se.sel(term=SLOPE))
        rejected.append(abs(ratio) > t_quantile.ppf(0.975, variance.df))
    assert np.mean(rejected) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


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
    rejections = []
    for seed in range(200):
        design = analysis_of(mediated_panel(seed, alpha=0, beta=0, direct=0, correlation=0.5), covariates=("m",)).design
        rejections.append(next(row for row in channel_rows(design, "m") if row.estimator == ALONE).p_value < 0.05)
    assert np.mean(rejections) > 0.95
