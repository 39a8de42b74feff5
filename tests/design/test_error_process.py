"""Serial errors with gaps against dense matrices."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from scipy.stats import t as student

from bri_bayes.design.error_process import (
    coloured,
    pointwise_log_density,
    process_covariance,
    serial_errors,
    student_log_density,
    whitened,
)

ROUNDING = 1e-9
UNIT_IX = np.array([0, 0, 0, 0, 1, 1, 1, 2])
PERIOD = np.array([0.0, 1, 2, 5, 0, 3, 4, 2])


def dense_covariance(structure, sigma, rho):
    same = UNIT_IX[:, None] == UNIT_IX[None, :]
    lag = np.abs(PERIOD[:, None] - PERIOD[None, :])
    if structure == "iid":
        return sigma**2 * np.eye(UNIT_IX.size)
    if structure == "ar1":
        return same * sigma**2 / (1 - rho**2) * rho**lag
    first = np.array([PERIOD[i == UNIT_IX].min() for i in UNIT_IX])
    return same * sigma**2 * (np.minimum(PERIOD[:, None], PERIOD[None, :]) - first + 1)


@pytest.mark.parametrize("structure", ["iid", "ar1", "random_walk"])
def test_coloured_innovations_have_the_dense_covariance(structure):
    serial = serial_errors(structure, UNIT_IX, PERIOD)
    phi, s = serial.transition(np.array([0.7]), np.array([0.6]))
    factor = np.stack([coloured(serial, row[None, :].copy(), phi, s)[0] for row in np.eye(UNIT_IX.size)], axis=1)
    assert factor @ factor.T == pytest.approx(dense_covariance(structure, 0.7, 0.6), abs=ROUNDING)


@pytest.mark.parametrize("structure", ["iid", "ar1", "random_walk"])
def test_pointwise_densities_are_conditionals_on_all_other_rows(structure):
    rng = np.random.default_rng(0)
    sigma, rho = np.array([0.7, 1.2]), np.array([0.6, -0.3])
    error = rng.normal(size=(2, UNIT_IX.size))
    ours = pointwise_log_density(serial_errors(structure, UNIT_IX, PERIOD), error, sigma, rho)
    for draw in range(2):
        covariance = dense_covariance(structure, sigma[draw], rho[draw])
        joint = multivariate_normal(cov=covariance).logpdf(error[draw])
        for j in range(UNIT_IX.size):
            rest = np.delete(np.arange(UNIT_IX.size), j)
            others = multivariate_normal(cov=covariance[np.ix_(rest, rest)]).logpdf(error[draw, rest])
            assert ours[draw, j] == pytest.approx(joint - others, abs=ROUNDING)


def test_whitening_undoes_colouring_with_a_scale_for_each_unit():
    rng = np.random.default_rng(0)
    serial = serial_errors("ar1", UNIT_IX, PERIOD)
    phi, s = serial.transition(rng.uniform(0.5, 2, (5, 3)), rng.uniform(-0.9, 0.9, 5))
    innovations = rng.normal(size=(5, UNIT_IX.size))
    error = coloured(serial, innovations.copy(), phi, s)
    assert whitened(serial, error, phi, s) == pytest.approx(innovations, abs=ROUNDING)


def test_student_densities_approach_normal_ones_with_many_degrees_of_freedom():
    rng = np.random.default_rng(0)
    serial = serial_errors("iid", UNIT_IX, PERIOD)
    error, sigma, rho = rng.normal(size=(1, UNIT_IX.size)), np.array([0.8]), np.array([0.0])
    many = student_log_density(serial, error, sigma, rho, np.array([1e7]))
    assert many == pytest.approx(pointwise_log_density(serial, error, sigma, rho), abs=1e-5)


@pytest.mark.parametrize("structure", ["iid", "ar1", "random_walk"])
def test_the_student_density_of_a_row_given_all_others_is_quadrature(structure, rng):
    """Gaps, phi near zero and negative, neighbours far apart: the joint density over its own integral."""
    period = np.array([0, 1, 2, 4, 5, 6, 0, 1, 2, 3], dtype=float)
    serial = serial_errors(structure, np.repeat([0, 1], [6, 4]), period)
    error = rng.standard_t(3, (3, 10)) * np.array([1, 1, 1, 1, 1, 1, 5, 1, 9, -9])
    sigma, rho, nu = np.array([0.5, 1.0, 0.3]), np.array([0.9, 0.01, -0.6]), np.array([2.5, 4.0, 30.0])
    by_function = student_log_density(serial, error, sigma, rho, nu)
    phi, s = serial.transition(sigma, rho)
    axis = np.linspace(-9, 9, 20001)
    for draw in range(3):
        for row in range(0, 10, 2):
            rows = [row] if row == 9 or serial.is_first[row + 1] else [row, row + 1]
            grid = np.repeat(error[[draw]], axis.size, axis=0)
            grid[:, row] += np.sinh(axis)  # the middle of the grid is the error itself
            w = whitened(serial, grid, phi[[draw]], s[[draw]])
            joint = np.prod(student.pdf(w[:, rows], nu[draw]), axis=1)
            total = (joint * np.cosh(axis)).sum() * (axis[1] - axis[0])
            assert by_function[draw, row] == pytest.approx(np.log(joint[10000] / total), abs=1e-4)


def test_an_error_structure_without_a_covariance_is_refused_and_not_taken_for_ar1():
    with pytest.raises(NotImplementedError, match='errors "ma1" have no covariance here'):
        process_covariance("ma1", np.ones(1), np.arange(3.0), np.zeros(1), np.zeros(1))
