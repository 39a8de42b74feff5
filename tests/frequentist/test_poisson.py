"""Poisson pseudo-maximum likelihood against pyfixest, closed forms, and panels whose effect is infinite."""

import math
import warnings

import numpy as np
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.frequentist.poisson import fit_ppml, poisson_data
from bri_bayes.frequentist.poisson_rows import ppml_rows
from bri_bayes.frequentist.twfe import cluster_estimate, fit_twfe

# pyfixest iterates within iterations: its own tolerance is 1e-8 at best.
AGREES = 1e-6
ROUNDING = 1e-9


def levels_panel(seed, *, n_units=9, n_periods=10, zeros=0.0, missing=0.0, staggered=False):
    rng = np.random.default_rng(seed)
    onsets = [2000 + n_periods // 2 + (i % 2 if staggered else 0) if i < n_units // 2 else None for i in range(n_units)]
    treated = np.array([[first is not None and 2000 + t >= first for t in range(n_periods)] for first in onsets])
    x = rng.normal(size=treated.shape)
    mean = np.exp(rng.normal(size=(n_units, 1)) + 0.1 * np.arange(n_periods) + 0.3 * treated + 0.2 * x)
    y = np.where(rng.random(mean.shape) < zeros, 0.0, mean * rng.gamma(2.0, 0.5, size=mean.shape))
    return np.where(rng.random(y.shape) < missing, np.nan, y), onsets, {"x": x}


def rows_of(design, **options):
    return {row.inference: row for row in ppml_rows(design, design["y"].to_numpy(), **options)}


def pyfixest_poisson(formula, data, vcov):
    """Of the two orders of the effects the one in which pyfixest counts the units as nested in clusters."""
    import pyfixest

    options = {"fixef_rm": "none", "iwls_tol": 1e-12, "iwls_maxiter": 100, "fixef_tol": 1e-12}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits = [
            pyfixest.fepois(f"{formula} | {order}", data, vcov=vcov, **options)
            for order in ("unit + period", "period + unit")
        ]
    return [(float(fit.coef()["treated"]), float(fit.se()["treated"])) for fit in fits]


@pytest.mark.parametrize(("zeros", "missing", "staggered"), [(0.0, 0.0, False), (0.2, 0.1, True), (0.15, 0.0, False)])
def test_estimate_and_clustered_errors_are_those_of_pyfixest(helpers, zeros, missing, staggered):
    design = helpers.design_of(*levels_panel(3, zeros=zeros, missing=missing, staggered=staggered))
    row = rows_of(design)["cluster"]
    fits = pyfixest_poisson("y ~ treated + x", helpers.frame_of(design), {"CRV1": "unit"})
    assert row.estimate == pytest.approx(fits[0][0], abs=AGREES)
    assert any(row.se == pytest.approx(se, rel=AGREES) for _, se in fits), (row.se, fits)


def test_two_groups_and_two_periods_give_the_log_ratio_of_ratios_of_sums(helpers, rng):
    y = rng.gamma(1.0, size=(7, 2)) * 100
    y[1, 0] = y[5, 1] = 0.0
    design = helpers.design_of(y, [2001] * 3 + [None] * 4)
    (a, b), (c, d) = y[:3].sum(axis=0), y[3:].sum(axis=0)
    assert rows_of(design)["cluster"].estimate == pytest.approx(math.log(b * c / (a * d)), abs=ROUNDING)


def test_the_jackknife_leaves_every_unit_out_once(helpers):
    y, onsets, _ = levels_panel(5, n_units=6, n_periods=6, zeros=0.1)
    row = rows_of(helpers.design_of(y, onsets))["cluster_crv3"]
    without = [
        rows_of(helpers.design_of(np.delete(y, i, axis=0), [o for j, o in enumerate(onsets) if j != i]))[
            "cluster"
        ].estimate
        for i in range(6)
    ]
    factor = 6 / 5 * (36 - 1) / (36 - 6 - 5 - 1)
    assert row.se == pytest.approx(math.sqrt(factor * sum((value - row.estimate) ** 2 for value in without)), rel=1e-7)


def test_the_permutation_compares_the_fits_of_all_assignments(helpers):
    from itertools import combinations

    y, onsets, _ = levels_panel(11, n_units=6, n_periods=6)
    row = rows_of(helpers.design_of(y, onsets))["permutation"]
    estimates = [
        rows_of(helpers.design_of(y, [2003 if i in chosen else None for i in range(6)]))["cluster"].estimate
        for chosen in combinations(range(6), 3)
    ]
    larger = np.mean(np.abs(estimates) >= abs(row.estimate) - ROUNDING)
    assert (row.p_value, row.n_assignments) == (pytest.approx(larger), 20)


@pytest.mark.parametrize("factor", [1000.0, 1e-6])
def test_another_unit_of_the_level_leaves_every_number_as_it_is(helpers, factor):
    y, onsets, covariates = levels_panel(7, zeros=0.1)
    given, other = (rows_of(helpers.design_of(y * times, onsets, covariates)) for times in (1.0, factor))
    for way, row in given.items():
        assert other[way].estimate == pytest.approx(row.estimate, abs=ROUNDING)
        assert other[way].p_value == pytest.approx(row.p_value, abs=ROUNDING)
        assert row.se is None or other[way].se == pytest.approx(row.se, rel=1e-7)


def test_a_unit_of_zeros_is_named_and_changes_nothing(helpers):
    y, onsets, _ = levels_panel(2)
    y[8] = 0.0
    names = [f"u{i}" for i in range(9)]
    whole = rows_of(helpers.design_of(y, onsets, names=names))
    rest = rows_of(helpers.design_of(y[:8], onsets[:8]))
    assert "zeros alone, which say nothing of relative changes: u8" in whole["cluster"].note
    for way, row in rest.items():
        assert whole[way].estimate == pytest.approx(row.estimate, abs=ROUNDING)
        assert whole[way].p_value == pytest.approx(row.p_value, abs=ROUNDING)


def test_a_unit_with_zeros_before_the_onset_alone_keeps_the_effect_finite(helpers):
    y, onsets, _ = levels_panel(2)
    y[0, :5] = 0.0
    row = rows_of(helpers.design_of(y, onsets))["cluster"]
    assert math.isfinite(row.estimate)
    assert row.note is None


@pytest.mark.parametrize(("part", "infinity"), [(slice(5, None), "minus infinity"), (slice(None, 5), "plus infinity")])
def test_zeros_of_all_treated_units_on_one_side_make_the_effect_infinite(helpers, part, infinity):
    y, onsets, _ = levels_panel(2)
    y[:4, part] = 0.0
    rows = rows_of(helpers.design_of(y, onsets))
    assert all(math.isnan(row.estimate) and infinity in row.note for row in rows.values())


def test_a_covariate_that_separates_some_zeros_costs_these_rows_alone(helpers):
    y, onsets, _ = levels_panel(4)
    dummy = np.zeros_like(y)
    dummy[6, 2] = dummy[7, 3] = 1.0
    y[dummy == 1] = 0.0
    design = helpers.design_of(y, onsets, {"dummy": dummy})
    _, separated = poisson_data(design, design["y"].to_numpy())
    assert (~separated.kept).sum() == 2
    assert separated.direction == 0
    without = helpers.design_of(np.where(dummy == 1, np.nan, y), onsets)
    assert rows_of(design)["cluster"].estimate == pytest.approx(rows_of(without)["cluster"].estimate, abs=ROUNDING)


def test_the_residuals_sum_to_zero_over_units_and_periods(helpers):
    design = helpers.design_of(*levels_panel(9, zeros=0.2, missing=0.1))
    data, _ = poisson_data(design, design["y"].to_numpy())
    residuals = fit_ppml(data).residuals
    for effect in (data.unit_ix, data.period_ix):
        assert np.abs(np.bincount(effect, residuals)).max() < ROUNDING * data.y.sum()


def test_negative_levels_are_refused(helpers):
    y, onsets, _ = levels_panel(2)
    y[0, 0] = -1.0
    design = helpers.design_of(y, onsets)
    with pytest.raises(InputError, match="finite levels from 0 on; 1 rows have others"):
        ppml_rows(design, design["y"].to_numpy())


def test_ppml_recovers_the_effect_on_the_mean_where_heteroskedasticity_misleads_logarithms(helpers):
    rng = np.random.default_rng(20)
    n_units, effect, quiet, loud = 1200, 0.3, 0.3, 0.8
    treated = (np.arange(n_units) < n_units // 2)[:, None] & (np.arange(6) >= 3)
    sd = np.where(treated, loud, quiet)
    mean = np.exp(rng.normal(size=(n_units, 1)) * 0.5 + 0.05 * np.arange(6) + effect * treated)
    y = mean * np.exp(sd * rng.normal(size=sd.shape) - sd**2 / 2)
    onsets = [2003 if unit < n_units // 2 else None for unit in range(n_units)]
    (ppml,) = rows_of(helpers.design_of(y, onsets)).values()
    logarithm = cluster_estimate(fit_twfe(helpers.design_of(np.log(y), onsets)))
    assert abs(ppml.estimate - effect) < 4.5 * ppml.se
    # E log of a lognormal with mean one is minus half its variance.
    assert abs(logarithm.estimate - (effect - (loud**2 - quiet**2) / 2)) < 4.5 * logarithm.se
    assert effect - logarithm.estimate > 0.2
