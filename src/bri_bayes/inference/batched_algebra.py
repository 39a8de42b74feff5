"""How are thousands of small systems solved at once? Cholesky factors and triangular solves in batches.

Matrices of a few rows are handled in one sweep over all of them, larger ones one by one in LAPACK and BLAS.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from scipy.linalg.blas import dtrsm

from bri_bayes.core.arrays import Array

# Matrices of this many rows and more go to LAPACK one by one: a sweep reads all of a matrix once a row (measured).
LARGE = 8
# A pivot below this share of its diagonal is rounding.
ROUNDING = 1e-14


def cholesky(matrices: Array) -> Array:
    """Lower Cholesky factors (B, k, k); NaN for a matrix that rounding has made indefinite, so its density is lost."""
    try:
        return np.asarray(np.linalg.cholesky(matrices))
    except np.linalg.LinAlgError:
        factors = np.full_like(matrices, np.nan)
        for position, matrix in enumerate(matrices):
            with suppress(np.linalg.LinAlgError):
                factors[position] = np.linalg.cholesky(matrix)
        return factors


def log_determinants(matrices: Array) -> Array:
    """log |M| of (B, k, k) : (B,); NaN, without a word, for one that has overflowed, so its density is lost."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.linalg.slogdet(matrices)[1])


def factor_and_solve(matrices: Array, right: Array) -> tuple[Array, Array]:
    """Cholesky factors L of many small matrices (..., q, q) and L^-1 times ``right`` (..., q, m), in one sweep.

    NaN for a matrix with a diagonal that rounding has made zero or negative, so its density is lost.
    """
    q = matrices.shape[-1]
    if q >= LARGE:
        with suppress(np.linalg.LinAlgError):  # The sweep below bears a pivot that rounding has made negative.
            factor = np.asarray(np.linalg.cholesky(matrices))
            return factor, forward(factor, right)
    factor = np.zeros_like(matrices)
    for j in range(q):
        row = factor[..., j, :j]
        diagonal = np.where(matrices[..., j, j] > 0, matrices[..., j, j], np.nan)
        factor[..., j, j] = np.sqrt(np.maximum(diagonal - (row**2).sum(-1), ROUNDING * diagonal))
        below = matrices[..., j + 1 :, j] - (factor[..., j + 1 :, :j] * row[..., None, :]).sum(-1)
        factor[..., j + 1 :, j] = below / factor[..., j, j][..., None]
    return factor, forward(factor, right)


def forward(factor: Array, right: Array) -> Array:
    """x with L x = right for many small lower factors L (..., q, q) and ``right`` (..., q, m), in one sweep."""
    shape = np.broadcast_shapes(factor.shape[:-2], right.shape[:-2])
    q, m = right.shape[-2:]
    if q >= LARGE:
        factors, rights = np.broadcast_to(factor, (*shape, q, q)), np.broadcast_to(right, (*shape, q, m))
        return solve_lower(factors.reshape(-1, q, q), rights.reshape(-1, q, m)).reshape(*shape, q, m)
    x = np.empty((*shape, q, m))
    for j in range(factor.shape[-1]):
        known = (factor[..., j, :j, None] * x[..., :j, :]).sum(-2)
        x[..., j, :] = (right[..., j, :] - known) / factor[..., j, j][..., None]
    return x


def backward(factor: Array, right: Array) -> Array:
    """x with L' x = right for many small lower factors L (..., q, q) and ``right`` (..., q, m), in one sweep.

    Matrices lie last in memory, so that each step runs over all of them without gaps.
    """
    q, m = right.shape[-2:]
    if q >= LARGE:
        flat = solve_lower(factor.reshape(-1, q, q), right.reshape(-1, q, m), transposed=True)
        return flat.reshape(right.shape)
    lower = np.ascontiguousarray(np.moveaxis(factor.reshape(-1, q, q), 0, -1))
    x = np.array(np.moveaxis(right.reshape(-1, q, m), 0, -1), order="C")
    for j in range(q - 1, -1, -1):
        x[j] /= lower[j, j]
        x[:j] -= lower[j, :j, None] * x[j]
    return np.moveaxis(x, -1, 0).reshape(right.shape)


def solve_lower(factor: Array, right: Array, *, transposed: bool = False) -> Array:
    """x with L x = right, or L' x = right, for B lower factors L (B, p, p) and ``right`` (B, p, m)."""
    x = np.array(right, dtype=float, order="C")
    if x.size:
        for triangle, solution in zip(factor, x, strict=True):
            # Rows in C are columns in Fortran: x' L'^-1 in the memory of x.
            dtrsm(1.0, triangle.T, solution.T, side=1, lower=0, trans_a=int(transposed), overwrite_b=1)
    return x
