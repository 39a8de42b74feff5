"""What does least squares give for named regressors, with up to two sets of effects absorbed?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import InputError
from bri_bayes.design.design import RELATIVE_ZERO
from bri_bayes.design.fixed_effects import TwoWay

TERM = "term"

# A coefficient is identified when its share in the row space of the regressors is one, up to rounding.
IDENTIFIED = 1 - 1e-8


@dataclass(frozen=True, eq=False)
class Absorber:
    """Effects that are taken out of every column before least squares (Frisch-Waugh-Lovell).

    ``effects`` : codes (obs,) of each set of effects, from 0; ``rank`` : the parameters that they use;
    ``residuals`` : (obs,) or (obs, m) -> what the effects leave of it.
    """

    effects: tuple[Index, ...]
    rank: int
    residuals: Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """A least-squares fit; ``variance`` turns it into standard errors.

    ``coefficients`` : (term,) labelled; ``residuals`` : (obs,) units of y; ``bread`` : (term, term) inverse of
    columns'columns; ``columns`` : (obs, term) and ``outcome`` : (obs,) what the absorbed effects leave of X and y;
    ``rank`` : parameters, absorbed effects included; ``y``, ``X`` : the data as given.
    """

    coefficients: xr.DataArray
    residuals: Array
    bread: Array
    columns: Array
    outcome: Array
    rank: int
    absorber: Absorber
    y: Array
    X: Array

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of the regressors."""
        return tuple(str(term) for term in self.coefficients[TERM].values)

    @property
    def df_residual(self) -> int:
        """Rows minus parameters, absorbed effects included."""
        return int(self.residuals.size) - self.rank

    @property
    def is_exact(self) -> bool:
        """Whether nothing but rounding is left of the outcome, so that no variance can be estimated."""
        unexplained, size = np.linalg.norm(self.residuals), np.linalg.norm(self.outcome)
        return self.df_residual < 1 or bool(unexplained <= RELATIVE_ZERO * size)


def ols(
    y: ArrayLike,
    X: Mapping[str, ArrayLike] | pd.DataFrame,
    *,
    absorb: Sequence[ArrayLike] = (),
    weights: ArrayLike | None = None,
) -> LeastSquares:
    """Least squares of y on the columns of X and the absorbed effects.

        y = X b + sum_k F_k a_k + e,      b = (X~'X~)^-1 X~'y~,      v~ = v - F (F'F)^+ F'v

    ``y`` : (obs,); ``X`` : one (obs,) column a name; ``absorb`` : none, one or two label arrays (obs,), such as
    the unit and the period of each row. A constant is a column like any other; absorbed effects contain it.
    Rows that are alone in their unit stay in: they count as rows and as clusters. ``weights`` : (obs,), positive; every
    row, also of the result, is then multiplied by the square root of its weight.

    Raises InputError for missing values, unequal lengths, and coefficients that the data do not identify.
    Source: Baltagi (2021), Econometric Analysis of Panel Data, ch. 2, 3 and 9.
    """
    outcome = np.asarray(y, dtype=float)
    names = tuple(str(name) for name in X)
    columns = [np.asarray(column, dtype=float) for _, column in X.items()]
    _check_columns(outcome, names, columns)
    matrix = np.column_stack(columns)
    if weights is not None:
        root = np.sqrt(np.asarray(weights, dtype=float))
        outcome, matrix = outcome * root, matrix * root[:, None]
    absorber = absorb_effects(absorb, weights)
    outcome_within, columns_within = absorber.residuals(outcome), absorber.residuals(matrix)
    coefficients, bread = solve(outcome_within, columns_within, np.linalg.norm(matrix, axis=0))
    _check_identified(names, coefficients, absorber)
    return LeastSquares(
        coefficients=xr.DataArray(coefficients, dims=TERM, coords={TERM: list(names)}),
        residuals=outcome_within - columns_within @ coefficients,
        bread=bread,
        columns=columns_within,
        outcome=outcome_within,
        rank=absorber.rank + len(names),
        absorber=absorber,
        y=outcome,
        X=matrix,
    )


def absorb_effects(effects: Sequence[ArrayLike], weights: ArrayLike | None = None) -> Absorber:
    """The within transformation of none, one or two sets of effects, each given by a label a row.

    With ``weights`` it takes and gives rows that are multiplied by the square roots of their weights.
    """
    indices = tuple(codes(effect) for effect in effects)
    if weights is not None:
        root = np.sqrt(np.asarray(weights, dtype=float))[:, None]
        basis = orthonormal_basis(root * np.column_stack([np.eye(int(index.max()) + 1)[index] for index in indices]))
        return Absorber(indices, basis.shape[1], lambda values: values - basis @ (basis.T @ values))
    if not indices:
        return Absorber((), 0, lambda values: np.asarray(values, dtype=float))
    if len(indices) == 1:
        index = indices[0]
        rows = np.bincount(index).astype(float)
        return Absorber(indices, rows.size, lambda values: values - (group_sums(values, index).T / rows).T[index])
    if len(indices) == 2:
        within = TwoWay(*indices)
        return Absorber(indices, within.rank, within.residuals)
    raise InputError(f"at most two sets of effects can be absorbed, not {len(indices)}; give the others as columns")


def solve(y: Array, columns: Array, size: Array) -> tuple[Array, Array]:
    """Coefficients (term,) and bread (term, term), by the singular value decomposition of the scaled columns.

    ``size`` : (term,) norms of the columns before effects were absorbed: what is left below ``RELATIVE_ZERO`` of
    it is rounding. A coefficient that the rows do not identify is NaN; the others are those of any solution.
    """
    norms = np.linalg.norm(columns, axis=0)
    alive = norms > RELATIVE_ZERO * size
    scale = np.where(alive, norms, 1.0)
    u, singular, vt = np.linalg.svd(np.where(alive, columns, 0.0) / scale, full_matrices=False)
    kept = singular > RELATIVE_ZERO * max(float(singular.max(initial=0.0)), RELATIVE_ZERO)
    u, singular, vt = u[:, kept], singular[kept], vt[kept]
    coefficients = vt.T @ ((u.T @ y) / singular) / scale
    bread = (vt.T / singular**2) @ vt / np.outer(scale, scale)
    identified = (vt**2).sum(axis=0) > IDENTIFIED
    return np.where(identified, coefficients, np.nan), bread


def orthonormal_basis(columns: Array) -> Array:
    """An orthonormal basis (obs, rank) of the space of ``columns`` (obs, m), whatever their units."""
    norms = np.linalg.norm(columns, axis=0)
    u, singular, _ = np.linalg.svd(columns[:, norms > 0] / norms[norms > 0], full_matrices=False)
    return np.asarray(u[:, singular > RELATIVE_ZERO * singular.max(initial=0.0)])


def codes(labels: ArrayLike) -> Index:
    """Positions from 0 of each label among the sorted distinct ones; (obs,) -> (obs,)."""
    return np.unique(np.asarray(labels), return_inverse=True)[1].astype(np.intp)


def group_sums(values: Array, index: Index) -> Array:
    """Sums over the rows of each group, in the order of the codes: (obs,) -> (group,), (obs, m) -> (group, m)."""
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(int(index.max()) + 1))
    return np.asarray(np.add.reduceat(np.asarray(values, dtype=float)[order], starts, axis=0))


def _check_columns(y: Array, names: tuple[str, ...], columns: list[Array]) -> None:
    if not names:
        raise InputError("least squares needs at least one regressor")
    for name, column in zip(("the outcome", *names), (y, *columns), strict=True):
        if column.shape != (y.size,):
            raise InputError(f'the regressor "{name}" has the shape {column.shape}; the outcome has {y.size} rows')
        missing = int((~np.isfinite(column)).sum())
        if missing:
            label = name if name == "the outcome" else f'the regressor "{name}"'
            raise InputError(f"{label} has {missing} missing or infinite values; leave these rows out")


def _check_identified(names: tuple[str, ...], coefficients: Array, absorber: Absorber) -> None:
    lost = [name for name, value in zip(names, coefficients, strict=True) if np.isnan(value)]
    if lost:
        among = ", ".join(f'"{name}"' for name in lost)
        others = "each other or the absorbed effects" if absorber.effects else "each other"
        raise InputError(f"the data do not identify the coefficient of {among}: collinear with {others}")
