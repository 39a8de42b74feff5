"""Are effects of different onsets kept apart, and averaged over treated rows?"""

from __future__ import annotations

import numpy as np
import pytest

from bri_bayes.frequentist.cohorts import cohort_dummies
from bri_bayes.frequentist.event_coefficients import event_coefficients
from bri_bayes.frequentist.twfe import event_study

ONSETS = [2003, 2003, 2005, 2005, 2005, None, None, None]
PERIODS = np.arange(2000, 2008)


def _outcome(seed=0):
    """Effects that grow with the time since the onset, faster in the early cohort."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(len(ONSETS), 1)) + rng.normal(size=PERIODS.size) + 0.1 * rng.normal(size=(8, PERIODS.size))
    for unit, onset in enumerate(ONSETS):
        if onset is not None:
            y[unit] += np.maximum(PERIODS - onset + 1, 0) * (2.0 if onset == 2003 else 0.5)
    return y


def _by_hand(y, time):
    """Differences in differences of cohort means against never-treated ones, averaged over treated rows."""
    never = y[[onset is None for onset in ONSETS]].mean(axis=0)
    effects, rows = [], []
    for onset in (2003, 2005):
        members = [at for at, first in enumerate(ONSETS) if first == onset]
        at, before = onset + time - 2000, onset - 1 - 2000
        if 0 <= at < PERIODS.size:
            gap = y[members].mean(axis=0) - never
            effects.append(gap[at] - gap[before])
            rows.append(len(members))
    return np.average(effects, weights=rows), sum(rows)


def test_the_event_study_averages_differences_in_differences_of_cohorts(helpers):
    y = _outcome()
    path = event_study(helpers.design_of(y, ONSETS, {})).path
    for time in (-5, -3, 0, 2, 4):
        expected, rows = _by_hand(y, time)
        assert path.loc[time, "estimate"] == pytest.approx(expected, abs=1e-10)
        assert path.loc[time, "rows"] == rows
    assert path.loc[-1, "estimate"] == 0


def test_honest_bounds_start_from_the_same_effects(helpers):
    y = _outcome(1)
    study = event_coefficients(helpers.design_of(y, ONSETS, {}), "iid")
    expected = [_by_hand(y, int(time)) for time in study.times]
    np.testing.assert_allclose(study.estimates, [effect for effect, _ in expected], atol=1e-10)
    assert study.rows.tolist() == [rows for _, rows in expected]


def test_a_cohort_without_a_row_before_its_onset_is_no_control(helpers):
    y = _outcome(2)
    alone = event_study(helpers.design_of(y, ONSETS, {})).path.loc[0, "estimate"]
    y[:2, 2] = np.nan  # the period before 2003, for the cohort of 2003
    gapped = event_study(helpers.design_of(y, ONSETS, {})).path
    never = y[5:].mean(axis=0)
    gap = y[2:5].mean(axis=0) - never
    assert gapped.loc[0, "estimate"] == pytest.approx(gap[5] - gap[4], abs=1e-10)
    assert gapped.loc[0, "estimate"] != pytest.approx(alone, abs=1e-3)
    assert gapped.loc[0, "rows"] == 3


def test_one_onset_has_a_dummy_an_event_time(helpers):
    onsets = [2004 if onset else None for onset in ONSETS]
    design = helpers.design_of(_outcome(), onsets, {})
    dummies = cohort_dummies(design, design["event_time"].to_numpy())
    assert not dummies.is_staggered
    np.testing.assert_array_equal(dummies.weights, np.eye(dummies.times.size))


def test_standard_errors_are_those_of_pyfixest(helpers):
    import pyfixest

    design = helpers.design_of(_outcome(3), ONSETS, {})
    data = helpers.frame_of(design)
    onset = design["first_treated"].to_numpy()[design["unit_ix"].to_numpy()]
    dummies = cohort_dummies(design, design["event_time"].to_numpy())
    names = [f"d{at}" for at in range(len(dummies.cells))]
    data = data.assign(**dict(zip(names, dummies.columns.T, strict=True)))
    assert np.isfinite(onset).sum() == 5 * PERIODS.size
    fit = pyfixest.feols(f"y ~ {' + '.join(names)} | unit + period", data, vcov={"CRV1": "unit"})
    row = dummies.weights[dummies.times.tolist().index(2)]
    weights = np.array([row[names.index(name)] for name in fit._coefnames])
    path = event_study(design).path
    assert path.loc[2, "estimate"] == pytest.approx(float(weights @ fit.coef().to_numpy()), abs=1e-9)
    assert path.loc[2, "se_cluster"] == pytest.approx(float(np.sqrt(weights @ fit._vcov @ weights)), rel=1e-8)
