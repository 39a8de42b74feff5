"""Honest intervals: reference numbers, brute force, linear programs, closed forms and coverage."""

import dataclasses

import numpy as np
import pytest
from scipy.optimize import linprog, minimize
from scipy.stats import norm

from bri_bayes.core.errors import InputError
from bri_bayes.frequentist import relative_magnitudes as relative
from bri_bayes.frequentist.event_coefficients import EventCoefficients, event_coefficients
from bri_bayes.frequentist.gls import ar1_gls
from bri_bayes.frequentist.relative_magnitudes import accepts, relative_magnitudes
from bri_bayes.frequentist.smoothness import critical_value, fixed_length_interval

TIMES = np.array([-5, -4, -3, -2, 0, 1])
B = np.array([0.02, -0.01, 0.015, 0.01, 0.10, 0.12])
V = 0.0002 + 0.0004 * np.eye(6)
FIRST = np.array([1.0, 0.0])
# The reference draws the quantile of |N(t, 1)| (its 1.96 at M = 0 is 1.958) and searches a grid of half-lengths.
REFERENCE = 1.2e-4
GOLDEN = {0.0: (0.049444, 0.151556), 0.01: (0.035947, 0.167293), 0.02: (0.028248, 0.188016)}


def study(estimates=B, covariance=V):
    return EventCoefficients(TIMES, np.asarray(estimates, dtype=float), covariance, np.ones(6, dtype=int))


@pytest.mark.golden
@pytest.mark.parametrize(("bound", "ends"), GOLDEN.items())
def test_fixed_length_intervals_are_those_of_the_reference(bound, ends):
    interval_of = fixed_length_interval(study(), bound, FIRST)
    assert (interval_of.lower, interval_of.upper) == pytest.approx(ends, abs=REFERENCE)


def worst_bias(weights, bound):
    """The largest |weights'd| over trends that bend by at most ``bound``, by a linear program."""
    times = np.array([-5, -4, -3, -2, -1, 0, 1])
    bends = np.array([np.eye(7)[j + 1] - 2 * np.eye(7)[j] + np.eye(7)[j - 1] for j in range(1, 6)])
    objective = np.insert(np.asarray(weights), 4, 0.0)
    zero = np.eye(7)[[4]]
    limits = np.full(5, bound)
    interval_of = [
        linprog(
            sign * objective, np.vstack([bends, -bends]), np.r_[limits, limits], zero, [0.0], bounds=[(None, None)] * 7
        )
        for sign in (1.0, -1.0)
    ]
    assert times.size == 7
    return max(-result.fun for result in interval_of)


@pytest.mark.parametrize("bound", [0.005, 0.02, 0.06])
def test_the_worst_bias_is_that_of_a_linear_program(bound):
    interval_of = fixed_length_interval(study(), bound, FIRST)
    assert interval_of.bias == pytest.approx(worst_bias(interval_of.weights, bound), rel=1e-6)


@pytest.mark.parametrize("bound", [0.005, 0.02, 0.06])
def test_no_other_affine_estimator_has_a_shorter_interval(bound):
    def half(w):
        # The last weight makes a straight line cancel.
        weights = np.r_[w, (4 * w[0] + 3 * w[1] + 2 * w[2] - 1) / -1.0, FIRST]
        sd = np.sqrt(weights @ V @ weights)
        return critical_value(worst_bias(weights, bound) / sd) * sd

    ours = fixed_length_interval(study(), bound, FIRST)
    start = np.array(ours.weights[:3])
    assert half(start) == pytest.approx((ours.upper - ours.lower) / 2, rel=1e-6)
    other = minimize(half, start + 0.05, method="Nelder-Mead", options={"maxiter": 150})
    assert other.fun >= half(start) * (1 - 1e-6)


def test_without_a_bend_the_interval_is_that_of_the_best_straight_line():
    """Generalised least squares of the pre-period coefficients on a line, extrapolated; M = 0."""
    interval_of = fixed_length_interval(study(), 0.0, FIRST)
    line = (TIMES + 1.0)[:, None]
    effect = np.r_[np.zeros(4), FIRST][:, None]
    other = np.r_[np.zeros(4), 0.0, 1.0][:, None]
    x = np.hstack([line, effect, other])
    precision = x.T @ np.linalg.solve(V, x)
    b = np.linalg.solve(precision, x.T @ np.linalg.solve(V, B))
    sd = np.sqrt(np.linalg.inv(precision)[1, 1])
    assert interval_of.estimate == pytest.approx(b[1], rel=1e-9)
    assert interval_of.upper - interval_of.lower == pytest.approx(2 * norm.ppf(0.975) * sd, rel=1e-9)


def test_the_critical_value_is_the_quantile_of_a_folded_normal():
    assert critical_value(0.0) == pytest.approx(norm.ppf(0.975), rel=1e-10)
    assert critical_value(20.0) == pytest.approx(20 + norm.ppf(0.95), rel=1e-10)
    c = critical_value(0.7)
    assert norm.cdf(c - 0.7) - norm.cdf(-c - 0.7) == pytest.approx(0.95, abs=1e-10)


def test_one_coefficient_before_the_reference_is_enough():
    short = EventCoefficients(np.array([-2, 0]), np.array([0.1, 0.5]), 0.01 * np.eye(2), np.ones(2, dtype=int))
    interval_of = fixed_length_interval(short, 0.1)
    assert interval_of.estimate == pytest.approx(0.6)
    assert interval_of.bias == pytest.approx(0.1)
    bounds = relative_magnitudes(short, 1.0)
    assert (bounds.identified_lower, bounds.identified_upper) == pytest.approx((0.4, 0.6))


@pytest.mark.parametrize("bound", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("weights", [FIRST, np.array([0.5, 0.5]), np.array([0.0, 1.0])])
def test_the_identified_set_is_that_of_linear_programs(bound, weights):
    interval_of = relative_magnitudes(study(), bound, weights)
    largest = np.abs(np.diff(np.r_[B[:4], 0.0])).max()
    steps = np.array([[1.0, 0.0], [-1.0, 1.0]])
    limits = np.full(4, bound * largest)
    ends = [
        linprog(sign * weights, np.vstack([steps, -steps]), limits, bounds=[(None, None)] * 2).fun
        for sign in (1.0, -1.0)
    ]
    effect = weights @ B[4:]
    assert interval_of.identified_upper == pytest.approx(effect - ends[0], abs=1e-9)
    assert interval_of.identified_lower == pytest.approx(effect + ends[1], abs=1e-9)


def test_intervals_hold_the_identified_set_and_grow_with_the_bound():
    interval_of = [relative_magnitudes(study(), bound) for bound in (0.0, 0.5, 1.0, 2.0)]
    for bounds_at in interval_of:
        assert bounds_at.lower < bounds_at.identified_lower <= bounds_at.identified_upper < bounds_at.upper
    widths = [bounds_at.upper - bounds_at.lower for bounds_at in interval_of]
    assert widths == sorted(widths)
    bends = [fixed_length_interval(study(), bound) for bound in (0.0, 0.01, 0.05)]
    assert [bounds_at.upper - bounds_at.lower for bounds_at in bends] == sorted(
        bounds_at.upper - bounds_at.lower for bounds_at in bends
    )


def test_a_large_violation_before_the_onset_widens_the_relative_interval_and_not_the_smooth_one():
    wild = B.copy()
    wild[1] += 0.3
    calm = relative_magnitudes(study(), 1.0)
    rough = relative_magnitudes(study(wild), 1.0)
    assert rough.upper - rough.lower > 3 * (calm.upper - calm.lower)
    lengths = [fixed_length_interval(study(bounds_at), 0.02) for bounds_at in (B, wild)]
    assert lengths[0].upper - lengths[0].lower == pytest.approx(lengths[1].upper - lengths[1].lower)


def test_everything_multiplies_with_the_outcome():
    hundred = study(100 * B, 1e4 * V)
    small, large = fixed_length_interval(study(), 0.02), fixed_length_interval(hundred, 2.0)
    assert (large.lower, large.upper) == pytest.approx((100 * small.lower, 100 * small.upper), rel=1e-5)
    first, second = relative_magnitudes(study(), 1.0), relative_magnitudes(hundred, 1.0)
    assert (second.lower, second.upper) == pytest.approx((100 * first.lower, 100 * first.upper), rel=1e-5)


# Event study of restaurant profits (Benzarti & Carloni 2019), four years before and four after the reference, as the
# R package HonestDiD ships it.
BC_TIMES = np.array([-5, -4, -3, -2, 0, 1, 2, 3])
BC_B = [0.00669635180, 0.0293450337, -0.00647297222, 0.0730149895, 0.195961118, 0.312063903, 0.239541546, 0.126042500]
BC_V = np.zeros((8, 8))
BC_V[np.triu_indices(8)] = 1e-4 * np.concatenate(
    [
        [8.42835812, 4.76868678, 2.61805108, 2.35422034, 1.67637147, 1.12870766, 0.199281621, -1.36826537, 6.42542029],
        [3.98742501, 2.43551520, 2.20196031, 1.80459116, 0.384376508, -0.296042199, 5.22994960, 2.11768609, 1.84072225],
        [1.45852784, 0.700519740, 0.595299498, 3.08959541, 1.19786608, 1.33408132, 1.01633501, 1.07905173, 3.59970436],
        [2.47881864, 1.74957924, 1.65425696, 4.26394981, 2.17143781, 2.89274787, 4.88669786, 3.80532205, 7.61739444],
    ]
)
BC_V = np.triu(BC_V) + np.triu(BC_V, 1).T
BC = EventCoefficients(BC_TIMES, np.array(BC_B), BC_V, np.ones(8, dtype=int))
BC_FIRST, BC_AVERAGE = np.eye(4)[0], np.full(4, 0.25)
# The reference tests a grid of effects (steps of 0.0008, for the average of 0.00014) with critical values from 1,000
# draws, which are off by up to a tenth: at Mbar 0 its half-length is 1.87 standard errors where 1.96 is exact.
C_LF = [
    (BC_FIRST, 0.0, (0.161, 0.232), 0.0026),
    (BC_FIRST, 0.5, (0.118129, 0.271584), 0.001),
    (BC_FIRST, 1.0, (0.067231, 0.318684), 0.001),
    (BC_FIRST, 2.0, (-0.040, 0.423), 0.0026),
    (BC_AVERAGE, 0.5, (0.067754, 0.369191), 0.0004),
    (BC_AVERAGE, 1.0, (-0.069686, 0.506632), 0.0004),
]


@pytest.mark.golden
@pytest.mark.parametrize(("weights", "bound", "ends", "tolerance"), C_LF)
def test_relative_intervals_are_the_c_lf_ones_of_honestdid(weights, bound, ends, tolerance):
    interval_of = relative_magnitudes(BC, bound, weights)
    assert (interval_of.lower, interval_of.upper) == pytest.approx(ends, abs=tolerance)


def test_without_a_violation_the_relative_interval_is_that_of_parallel_trends():
    """Mbar 0: the second stage makes up for the first, so the half-length is 1.96 sd but for the draws."""
    interval_of = relative_magnitudes(BC, 0.0, BC_AVERAGE)
    sd = np.sqrt(BC_AVERAGE @ BC_V[4:, 4:] @ BC_AVERAGE)
    assert (interval_of.upper - interval_of.lower) / 2 == pytest.approx(norm.ppf(0.975) * sd, rel=0.005)


def smallest_violation(estimates, covariance, weights, effect, bound, signed):
    """The C-LF statistic and the weights of its moments by a linear program over the other effects.

    ``signed`` : (k,) the step before the onset, with its sign, as a row on all coefficients.
    """
    steps = np.diff(np.eye(5), axis=0)[:, 1:]
    rows = np.hstack([np.zeros((4, 4)), steps])
    moments = np.vstack([rows, -rows]) - bound * signed
    sds = np.sqrt(np.einsum("ij,jl,il->i", moments, covariance, moments))
    # Free: the violations after the onset, d with weights'd = weights'b - effect; moments of (b_pre, d) at most eta sd.
    before = np.r_[estimates[:4], np.zeros(4)]
    inequality = np.column_stack([-sds, moments[:, 4:]])
    equality = np.r_[0.0, weights][None]
    solved = linprog(
        np.r_[1.0, np.zeros(4)],
        inequality,
        -moments @ before,
        equality,
        [weights @ estimates[4:] - effect],
        bounds=[(None, None)] * 5,
    )
    return solved.fun


@pytest.mark.parametrize("bound", [0.25, 1.0, 2.0])
@pytest.mark.parametrize("weights", [BC_FIRST, BC_AVERAGE, np.array([0.5, -0.3, 0.0, 0.8])])
def test_the_statistics_are_those_of_a_linear_program(bound, weights):
    rng = np.random.default_rng(4)
    root = np.linalg.cholesky(BC_V)
    for _ in range(5):
        estimates = np.array(BC_B) + root @ rng.standard_normal(8)
        effect = float(weights @ estimates[4:] + rng.normal(0, 0.1))
        problem = relative._Problem.build(dataclasses.replace(BC, estimates=estimates), bound, weights)
        test = relative._Test.build(problem, 0, 0.05)
        centred = np.r_[problem.effect - effect, problem.steps]
        steps = np.hstack([np.diff(np.eye(5), axis=0)[:, :4], np.zeros((4, 4))])
        for rows, signed in zip(test.rows, np.vstack([steps, -steps]), strict=True):
            expected = smallest_violation(estimates, BC_V, weights, effect, bound, signed)
            assert (rows @ centred).max() == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_the_conditional_critical_value_is_the_quantile_of_draws_that_share_the_other_part():
    """Three statistics with unequal variances; the largest one given which it is and the others' independent part."""
    root = np.random.default_rng(6).normal(size=(3, 3))
    covariance = root @ root.T
    statistics = np.array([0.4, 0.9, 0.2])
    share = covariance[:, 1] / covariance[1, 1]
    independent = statistics - share * statistics[1]
    draws = np.sqrt(covariance[1, 1]) * np.random.default_rng(7).standard_normal(1_000_000)
    paths = independent + np.outer(draws, share)
    held = draws[(paths.argmax(axis=1) == 1) & (draws <= 3.0)]
    p_value = np.mean(held >= statistics[1])
    for level in (p_value - 0.01, p_value + 0.01):
        rejected = relative._rejected(statistics[None], covariance, 3.0, level)[0]
        assert rejected == (p_value < level and statistics[1] > 0)


@pytest.mark.parametrize("bound", [-0.1, np.nan])
def test_a_bound_that_is_none_is_refused(bound):
    with pytest.raises(InputError, match="must be zero or positive"):
        fixed_length_interval(study(), bound)
    with pytest.raises(InputError, match="must be zero or positive"):
        relative_magnitudes(study(), bound)


def test_event_times_with_a_gap_are_refused():
    with pytest.raises(InputError, match="consecutive event times"):
        EventCoefficients(np.array([-4, -2, 0]), np.zeros(3), np.eye(3), np.ones(3, dtype=int))


# Violations on the edge of what is allowed: a bend of 0.02 at the onset; steps as large as the largest before.
BENT = np.array([0.0, 0.0, 0.0, 0.0, 0.02, 0.06])
STEPS = np.array([0.2, 0.0, 0.0, 0.0, 0.2, 0.4])
# 2,000 panels: the error of a coverage near 0.95 is 0.005; three of them.
PANELS, ERROR = 2000, 0.015


@pytest.mark.calibration
def test_fixed_length_intervals_cover_at_the_worst_bend_and_are_short():
    """The effect is zero; what the coefficients show after the onset is the violation alone."""
    rng = np.random.default_rng(0)
    root = np.linalg.cholesky(V)
    interval = fixed_length_interval(study(), 0.02, FIRST)
    half, weights = (interval.upper - interval.lower) / 2, np.array(interval.weights)
    draws = BENT + rng.standard_normal((PANELS, 6)) @ root.T
    covered = np.mean(np.abs(draws @ weights) <= half)
    assert covered >= 0.95 - ERROR
    worst = weights @ BENT
    assert abs(worst) <= interval.bias + 1e-9


@pytest.mark.calibration
@pytest.mark.parametrize("violation", [np.zeros(6), STEPS, -STEPS, BENT])
def test_relative_intervals_cover_where_the_bound_binds_and_where_it_does_not(violation):
    rng = np.random.default_rng(1)
    root = np.linalg.cholesky(V)
    draws = violation + rng.standard_normal((PANELS // 2, 6)) @ root.T
    weights = np.array([0.0, 1.0])
    largest = np.abs(np.diff(np.r_[violation[:4], 0.0])).max()
    effect = violation[5] - 2 * largest  # the lower end of the identified set of the second effect
    covered = [accepts(study(bounds_at), 1.0, np.array([effect]), weights)[0] for bounds_at in draws]
    assert np.mean(covered) >= 0.95 - 1.4 * ERROR


@pytest.mark.calibration
@pytest.mark.parametrize("weights", [FIRST, np.array([0.5, 0.5])])
def test_relative_intervals_at_no_violation_cover_in_95_percent_and_not_more(weights):
    rng = np.random.default_rng(3)
    draws = rng.standard_normal((PANELS, 6)) @ np.linalg.cholesky(V).T
    covered = np.mean([accepts(study(estimates), 0.0, np.zeros(1), weights)[0] for estimates in draws])
    assert abs(covered - 0.95) < ERROR


@pytest.mark.calibration
def test_the_relative_interval_is_not_much_too_wide_where_one_step_stands_out():
    """A pre-period step of 0.2 with sds of 0.03: the other steps and signs are ruled out, and the size is about 5%."""
    rng = np.random.default_rng(2)
    draws = STEPS + rng.standard_normal((PANELS, 6)) @ np.linalg.cholesky(V).T
    effect = np.array([STEPS[5] - 2 * 0.2])
    rejected = np.mean([not accepts(study(bounds_at), 1.0, effect, np.array([0.0, 1.0]))[0] for bounds_at in draws])
    assert 0.03 < rejected < 0.05 + ERROR


def formula_panel():
    g, t = (index.ravel() for index in np.meshgrid(np.arange(9), np.arange(21), indexing="ij"))
    y = np.sin(1.7 * g) + 0.1 * t + 0.5 * np.cos(0.9 * g * (t + 1)) + 0.3 * ((g < 5) & (t >= 10))
    columns = np.column_stack([(g < 5) & (t >= 10), np.eye(9)[g], np.eye(21)[t][:, 1:]]).astype(float)
    return y, columns, g, t.astype(float)


@pytest.mark.golden
def test_ar1_errors_by_reml_are_those_of_nlme():
    fit = ar1_gls(*formula_panel())
    assert fit.coefficients[0] == pytest.approx(0.303708467, abs=1e-6)
    assert np.sqrt(fit.covariance[0, 0]) == pytest.approx(0.0822736, abs=1e-6)
    assert fit.rho == pytest.approx(-0.0427190, abs=1e-5)


def test_without_correlation_it_is_ordinary_least_squares():
    y, columns, unit, period = formula_panel()
    fit = ar1_gls(y, columns, unit, period, rho=0.0)
    b, squares, *_ = np.linalg.lstsq(columns, y, rcond=None)
    assert fit.coefficients == pytest.approx(b, abs=1e-9)
    variance = float(squares[0]) / (y.size - columns.shape[1])
    assert fit.covariance == pytest.approx(variance * np.linalg.inv(columns.T @ columns), rel=1e-6, abs=1e-9)


def test_gaps_only_lengthen_the_way_between_two_rows():
    y, columns, unit, period = formula_panel()
    kept = np.random.default_rng(0).random(y.size) > 0.2
    y, columns, unit, period = y[kept], columns[kept], unit[kept], period[kept]
    rho = 0.6
    fit = ar1_gls(y, columns, unit, period, rho=rho)
    r = (unit[:, None] == unit) * rho ** np.abs(period[:, None] - period)
    precision = columns.T @ np.linalg.solve(r, columns)
    assert fit.coefficients == pytest.approx(np.linalg.solve(precision, columns.T @ np.linalg.solve(r, y)), abs=1e-9)


def test_collinear_columns_are_refused():
    y, columns, unit, period = formula_panel()
    with pytest.raises(InputError, match="collinear"):
        ar1_gls(y, np.column_stack([columns, columns[:, 0]]), unit, period)


def test_event_coefficients_with_independent_errors_are_those_of_least_squares():
    from bri_bayes.design.analysis import Analysis
    from bri_bayes.frequentist.twfe import event_study
    from tests.inference.panels import make_card, make_panel

    design = Analysis(*make_panel(seed=3), make_card(covariates=("x",))).design
    interval_of = event_coefficients(design, "iid")
    path = event_study(design).path.loc[interval_of.times]
    assert interval_of.estimates == pytest.approx(path["estimate"].to_numpy(), abs=1e-9)
    assert np.sqrt(np.diag(interval_of.covariance)) == pytest.approx(path["se_iid"].to_numpy(), rel=1e-9)
    assert interval_of.rows.tolist() == path["rows"].tolist()
    assert abs(event_coefficients(design, "ar1").rho) > 0
