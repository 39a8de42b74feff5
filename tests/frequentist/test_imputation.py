"""Imputation from untreated cells: definitions regression by regression, the cases with known answers, and size."""

import itertools

import numpy as np
import pandas as pd
import pytest

from bri_bayes.design.analysis import Analysis
from bri_bayes.frequentist import fit_twfe, imputation_estimate
from bri_bayes.frequentist.imputation import impute

from ..inference.panels import make_card, make_panel

# Two float64 algorithms for one closed form.
RTOL = 1e-8
# A bootstrap t statistic this close to the observed one is a tie.
TIE = 1e-9
STEP = 1e-6


def test_with_one_onset_and_no_gaps_it_is_two_way_fixed_effects(helpers):
    design = helpers.random_design(1, share_missing=0.0, n_covariates=0)
    assert imputation_estimate(design).estimate == pytest.approx(fit_twfe(design).estimate, rel=RTOL)


@pytest.mark.parametrize("n_covariates", [0, 2])
def test_effects_are_what_a_regression_on_untreated_cells_leaves_of_treated_ones(helpers, n_covariates):
    design = helpers.random_design(2, staggered=True, n_covariates=n_covariates)
    data = helpers.frame_of(design)
    dummies = pd.get_dummies(data[["unit", "period"]].astype(str), dtype=float)
    columns = pd.concat([dummies, data.drop(columns=["y", "treated", "unit", "period"])], axis=1)
    untreated = data["treated"] == 0
    coefficients = np.linalg.lstsq(columns[untreated], data["y"][untreated], rcond=None)[0]
    expected = (data["y"] - columns @ coefficients)[~untreated]
    result = impute(design)
    assert result.effects == pytest.approx(expected.to_numpy(), rel=1e-6, abs=1e-7)
    assert result.weights @ data["y"].to_numpy() == pytest.approx(result.estimate, rel=1e-6)


def bootstrap_p_by_hand(design, null=0.0):
    """The definition: for each sign vector, imputation and cluster scores anew."""
    y, treated = design["y"].to_numpy(), design["treated"].to_numpy()
    unit, period = design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()
    columns = np.column_stack([np.eye(unit.max() + 1)[unit], np.eye(period.max() + 1)[period]])
    weights = impute(design).weights

    def ratio(outcome):
        coefficients = np.linalg.lstsq(columns[~treated], outcome[~treated], rcond=None)[0]
        remaining = outcome - columns @ coefficients
        att = remaining[treated].mean()
        scores = np.bincount(unit, weights * (remaining - att * treated))
        return abs(att / np.linalg.norm(scores))

    moved = y - null * treated
    fitted = columns @ np.linalg.lstsq(columns, moved, rcond=None)[0]
    residuals = moved - fitted
    signs = itertools.product((1.0, -1.0), repeat=int(unit.max()) + 1)
    ratios = [ratio(fitted + np.array(sign)[unit] * residuals) for sign in signs]
    return np.mean(np.array(ratios) >= ratio(moved) * (1 - TIE))


@pytest.mark.parametrize(("seed", "null"), [(3, 0.0), (4, 0.8)])
def test_the_bootstrap_is_the_one_of_its_definition(helpers, seed, null):
    y, onsets, _ = helpers.random_panel(seed, n_units=6, n_treated=3, staggered=True, n_covariates=0)
    treated = np.array([[onset is not None and 2000 + t >= onset for t in range(12)] for onset in onsets])
    row = imputation_estimate(helpers.design_of(y - null * treated, onsets))
    assert row.p_value == pytest.approx(bootstrap_p_by_hand(helpers.design_of(y, onsets), null))


def test_the_interval_ends_where_the_p_value_crosses_five_percent(helpers):
    y, onsets, covariates = helpers.random_panel(5, n_units=9, n_treated=5, staggered=True, n_covariates=1)
    row = imputation_estimate(helpers.design_of(y, onsets, covariates))
    treated = np.array([[onset is not None and 2000 + t >= onset for t in range(12)] for onset in onsets])
    for end, inward in ((row.lower, 1), (row.upper, -1)):
        for step, accepted in ((STEP, True), (-STEP, False)):
            moved = y - (end + inward * step) * treated
            p_value = imputation_estimate(helpers.design_of(moved, onsets, covariates)).p_value
            assert (p_value > 0.05) == accepted


def test_treated_cells_without_untreated_ones_beside_them_do_not_count(helpers):
    y = np.random.default_rng(6).normal(size=(6, 10))
    y[4:, 8:] = np.nan  # no control in the last two years
    row = imputation_estimate(helpers.design_of(y, [2005, 2005, 2005, 2006, None, None]))
    assert (
        row.note
        == "2 control units: the bootstrap has hardly any power, its p-value says little (MacKinnon & Webb 2017); "
        "8 of 19 treated cells have no untreated ones to impute from and do not count"
    )
    assert np.isfinite(row.estimate)


def case(helpers, shared, name, unit, period, last=None):
    table = pd.read_csv(shared / "cases" / name)
    table = table if last is None else table[table[period] <= last]
    wide, treated = (table.pivot(index=unit, columns=period, values=column) for column in ("y", "D"))
    onsets = [int(row.index[row > 0][0]) if row.any() else None for _, row in treated.iterrows()]
    return helpers.design_of(
        wide.to_numpy(), onsets, first_period=int(wide.columns[0]), names=[str(u) for u in wide.index]
    )


@pytest.mark.real
def test_a_staggered_panel_has_the_known_answer(helpers, shared):
    design = case(helpers, shared, "c13_staggered.csv", "c", "year")
    assert fit_twfe(design).estimate == pytest.approx(0.494, abs=0.0005)
    assert imputation_estimate(design).estimate == pytest.approx(0.563, abs=0.0005)


@pytest.mark.real
def test_units_that_are_treated_later_serve_as_controls_until_then(helpers, shared):
    design = case(helpers, shared, "c08_all_treated.csv", "id", "year", last=2012)
    assert imputation_estimate(design).estimate == pytest.approx(1.795, abs=0.0005)


@pytest.mark.calibration
def test_with_effects_that_grow_it_covers_the_average_of_treated_cells_where_twfe_does_not(helpers):
    """9 units, onsets 2006 and 2012 for three each, effects that grow by 0.3 a year from zero, AR(1) errors."""
    onsets = [2006] * 3 + [2012] * 3 + [None] * 3
    since = np.array([[max(2000 + t - onset, -1) if onset else -1 for t in range(18)] for onset in onsets])
    tau = np.where(since >= 0, 0.3 * since, 0.0)
    truth, estimates, twfe, covered = tau[since >= 0].mean(), [], [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        errors = rng.normal(size=(9, 18))
        for t in range(1, 18):
            errors[:, t] = 0.5 * errors[:, t - 1] + np.sqrt(0.75) * errors[:, t]
        design = helpers.design_of(tau + errors, onsets)
        row = imputation_estimate(design)
        estimates.append(row.estimate)
        twfe.append(fit_twfe(design).estimate)
        covered.append((row.lower is None or row.lower <= truth) and (row.upper is None or row.upper >= truth))
    error = 4 * np.std(estimates) / np.sqrt(300)
    assert abs(np.mean(estimates) - truth) < error
    assert np.mean(twfe) - truth < -3 * error
    assert np.mean(covered) > 0.95 - 4 * np.sqrt(0.05 * 0.95 / 300)


def test_a_panel_with_too_many_dummies_gets_a_row_that_says_so(monkeypatch):
    monkeypatch.setattr("bri_bayes.frequentist.imputation.MOST_NUMBERS", 100)
    panel, assignment = make_panel()
    row = imputation_estimate(Analysis(panel, assignment, make_card()).design)
    assert np.isnan(row.estimate)
    assert "not computed: its dummies" in str(row.note)
