"""Coverage of honest intervals whose covariance is estimated: against panel by panel, and against the nominal 95%."""

import numpy as np
import pytest
from scipy.stats import norm

from bri_bayes.frequentist.estimated_covariance import ar1_errors, honest_coverage
from bri_bayes.frequentist.event_coefficients import event_coefficients
from bri_bayes.frequentist.gls import ar1_gls
from bri_bayes.frequentist.smoothness import fixed_length_interval


def test_the_coverage_is_that_of_panels_judged_one_by_one(helpers):
    design = helpers.random_design(2, n_covariates=0)
    panels = 60
    coverage = {row.errors: row for row in honest_coverage(design, panels=panels, seed=3)}
    unit, period = design["unit_ix"].to_numpy(), design["period"].to_numpy()[design["period_ix"].to_numpy()]
    outcomes = ar1_errors(unit, period.astype(float), coverage["ar1"].rho, panels, 3)
    for errors, row in coverage.items():
        held = []
        for y in outcomes:
            study = event_coefficients(design.assign(y=(("obs",), y)), errors)
            interval = fixed_length_interval(study, 0.0)
            centre = study.average @ study.estimates[study.times >= 0]
            block = study.covariance[np.ix_(study.times >= 0, study.times >= 0)]
            half = norm.ppf(0.975) * np.sqrt(study.average @ block @ study.average)
            held.append([interval.lower <= 0 <= interval.upper, abs(centre) <= half])
        # The grid of rho may flip a panel whose end is next to zero.
        assert [row.smoothness, row.relative] == pytest.approx(np.mean(held, axis=0), abs=1.5 / panels)


def test_simulated_errors_have_the_autocorrelation_of_their_gaps():
    unit, period = np.repeat([0, 1], 4), np.tile([0.0, 1.0, 4.0, 5.0], 2)
    errors = ar1_errors(unit, period, 0.7, 200_000, 0)
    assert np.corrcoef(errors.T)[:4, :4] == pytest.approx(0.7 ** np.abs(period[:4, None] - period[:4]), abs=0.01)
    assert np.corrcoef(errors.T)[:4, 4:] == pytest.approx(np.zeros((4, 4)), abs=0.01)


def test_with_many_units_little_is_lost_and_persistence_is_estimated(helpers):
    y = ar1_errors(np.repeat(np.arange(30), 12), np.tile(np.arange(12.0), 30), 0.6, 1, 5).reshape(30, 12)
    design = helpers.design_of(y, [2006 if unit < 15 else None for unit in range(30)])
    row = honest_coverage(design, panels=1000, seed=1)[0]
    assert row.rho == pytest.approx(0.6, abs=0.15)
    assert abs(row.smoothness - 0.95) < 4 * row.mc_error
    assert abs(row.relative - 0.95) < 4 * row.mc_error


def test_estimates_at_one_rho_are_those_of_generalised_least_squares(helpers):
    from bri_bayes.frequentist.gls import ar1_likelihood

    rng = np.random.default_rng(1)
    unit, period = np.repeat(np.arange(5), 8), np.tile(np.arange(8.0), 5)
    X, outcomes = rng.normal(size=(40, 3)), rng.normal(size=(4, 40))
    many = ar1_likelihood(outcomes, X, unit, period, 0.5)
    for y, coefficients, sigma in zip(outcomes, many.coefficients, many.sigma, strict=True):
        fit = ar1_gls(y, X, unit, period, rho=0.5)
        assert coefficients == pytest.approx(fit.coefficients)
        assert sigma == pytest.approx(fit.sigma)
