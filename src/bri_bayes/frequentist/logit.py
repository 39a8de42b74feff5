"""What is the maximum-likelihood logit of a treatment, if there is one?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike
from scipy.special import expit

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import OBS
from bri_bayes.frequentist.ols import TERM
from bri_bayes.frequentist.separation import find_separation

CONSTANT = "constant"
# Without separation the likelihood is concave with a finite maximum: Newton needs ten steps, rarely twenty.
MAX_STEPS = 200
# Newton stops when a step would raise the log likelihood by less than this (it converges quadratically there).
DECREMENT = 1e-18


@dataclass(frozen=True, eq=False)
class Logit:
    """A fitted logit.

    ``coefficients`` : (term,) log odds per unit of each term, the constant first; ``covariance`` : (term, term) inverse
    of the information; ``linear`` : (obs,) log odds of treatment; ``score`` : (obs,) its probability;
    ``log_likelihood`` at the maximum.
    """

    coefficients: xr.DataArray
    covariance: Array
    linear: xr.DataArray
    score: xr.DataArray
    log_likelihood: float


def _moments(columns: Array, names: tuple[str, ...]) -> tuple[Array, Array]:
    """Means and sds (term,); numbers whose squares leave the range of the machine are refused."""
    with np.errstate(all="ignore"):
        centre, scale = columns.mean(axis=0), columns.std(axis=0)
        lost = ~(np.isfinite(1 / scale) & np.isfinite(scale) & np.isfinite(columns / scale).all(axis=0))
    if lost.any():
        at = int(np.flatnonzero(lost)[0])
        raise InputError(
            f'the covariate "{names[at]}" has numbers of the size {np.abs(columns[:, at]).max():.0e}; powers of such '
            "numbers leave the range of the machine: give it in other units"
        )
    return centre, scale


def logit(treated: ArrayLike, X: Mapping[str, ArrayLike] | pd.DataFrame, *, labels: ArrayLike | None = None) -> Logit:
    """Maximum likelihood of P(treated_i = 1) = 1 / (1 + exp(-a - x_i'b)), by Newton's method.

    ``treated`` : (obs,) bool or 0/1; ``X`` : one (obs,) column a name, in any units; ``labels`` : names of the rows.
    A maximum exists exactly when no combination of the covariates separates the treated from the others (Albert &
    Anderson 1984, doi:10.1093/biomet/71.1.1); where one does, InputError says which covariates do it.
    """
    outcome = np.asarray(treated, dtype=float)
    names, columns = checked_columns(outcome, X)
    centre, scale = _moments(columns, names)
    standard = np.column_stack([np.ones(outcome.size), (columns - centre) / scale])
    refuse_collinear(standard, names)
    separation = find_separation(outcome > 0, (columns - centre) / scale, names)
    if separation is not None:
        raise InputError(separation.sentence)
    coefficients, covariance = _newton(outcome, standard)
    linear = standard @ coefficients
    # Back to the units of the covariates: b / scale, and the constant gives up b'centre / scale.
    back = np.zeros((standard.shape[1], standard.shape[1]))
    back[0, 0] = 1.0
    back[np.arange(1, scale.size + 1), np.arange(1, scale.size + 1)] = 1 / scale
    back[0, 1:] = -centre / scale
    terms = [CONSTANT, *names]
    rows = np.arange(outcome.size) if labels is None else np.asarray(labels)
    signs = 2 * outcome - 1
    return Logit(
        coefficients=xr.DataArray(back @ coefficients, dims=TERM, coords={TERM: terms}),
        covariance=back @ covariance @ back.T,
        linear=xr.DataArray(linear, dims=OBS, coords={OBS: rows}),
        score=xr.DataArray(expit(linear), dims=OBS, coords={OBS: rows}),
        log_likelihood=-float(np.logaddexp(0.0, -signs * linear).sum()),
    )


def checked_columns(outcome: Array, X: Mapping[str, ArrayLike] | pd.DataFrame) -> tuple[tuple[str, ...], Array]:
    """Names and columns (obs, term), finite and not constant; both groups are there."""
    names = tuple(str(name) for name in X)
    if not names:
        raise InputError("a propensity model needs at least one covariate")
    columns = np.column_stack([np.asarray(column, dtype=float) for _, column in X.items()])
    if not np.isin(outcome, (0.0, 1.0)).all():
        raise InputError("the treatment must be 0 or 1 in every row")
    if not 0 < outcome.sum() < outcome.size:
        raise InputError(f"the treatment is {outcome[0]:g} in every row: there are no two groups to compare")
    for name, column in zip(names, columns.T, strict=True):
        if not np.isfinite(column).all():
            raise InputError(f'the covariate "{name}" has missing or infinite values; leave these rows out')
        if np.ptp(column) <= 1e-12 * np.abs(column).max():
            raise InputError(f'the covariate "{name}" is constant: it cannot tell treated from controls')
    return names, columns


def refuse_collinear(standard: Array, names: tuple[str, ...]) -> None:
    """Raise InputError where a column follows from the ones before it. ``standard`` : (obs, 1 + term), scaled."""
    _, triangle = np.linalg.qr(standard)
    pivots = np.abs(np.diag(triangle)) / np.sqrt(standard.shape[0])
    short = [*pivots, *[0.0] * (standard.shape[1] - pivots.size)]
    lost = [name for name, pivot in zip(names, short[1:], strict=True) if pivot < 1e-9]
    if lost:
        raise InputError(f'the covariate "{lost[0]}" is collinear with the ones before it; leave one out')


def _newton(outcome: Array, columns: Array) -> tuple[Array, Array]:
    coefficients = np.zeros(columns.shape[1])
    signs = 2 * outcome - 1

    def log_likelihood(b: Array) -> float:
        return -float(np.logaddexp(0.0, -signs * (columns @ b)).sum())

    value = log_likelihood(coefficients)
    for _ in range(MAX_STEPS):
        probability = expit(columns @ coefficients)
        information = (columns.T * (probability * (1 - probability))) @ columns
        gradient = columns.T @ (outcome - probability)
        step = np.linalg.solve(information, gradient)
        if gradient @ step < DECREMENT * outcome.size:
            return coefficients, np.linalg.inv(information)
        length = 1.0
        while (new := log_likelihood(coefficients + length * step)) < value and length > 1e-6:
            length /= 2
        coefficients, value = coefficients + length * step, new
    raise InputError(
        "the logit did not converge: the covariates all but separate the treated from the controls; "
        "use fewer covariates or the Bayesian propensity model"
    )
