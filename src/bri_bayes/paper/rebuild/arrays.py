"""How are columns of a balanced panel split, moved and mixed so that their cross-products are those that we want?

An array : (..., unit, period). It is the sum of three orthogonal parts: period means, unit means ("between") and the
rest ("within"); least squares with period effects sees the last two, with both sets of effects the last.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError

CELLS = (-2, -1)


def within(columns: Array) -> Array:
    """What unit and period means leave."""
    return np.asarray(_minus_mean(_minus_mean(columns, -1), -2))


def across(columns: Array) -> Array:
    """What period means leave: between and within."""
    return np.asarray(_minus_mean(columns, -2))


def unit_means(columns: Array) -> Array:
    """The between part: unit means less the grand mean, the same in every period."""
    return np.asarray(_minus_mean(np.broadcast_to(columns.mean(-1, keepdims=True), columns.shape), -2))


def products(a: Array, b: Array) -> Array:
    """Sums over all cells of products: (j, unit, period) and (k, unit, period) -> (j, k)."""
    return np.asarray(np.tensordot(a, b, axes=(CELLS, CELLS)))


def combined(weights: Array, columns: Array) -> Array:
    """Weighted sums of columns: (..., k) and (k, unit, period) -> (..., unit, period)."""
    return np.asarray(np.tensordot(weights, columns, axes=1))


def group_centred(columns: Array, member: NDArray[np.bool_]) -> Array:
    """Deviations from the mean of the own group in each period; ``member`` : (unit,) True or False."""
    centred = np.array(columns, dtype=float)
    for group in (member, ~member):
        centred[..., group, :] -= centred[..., group, :].mean(-2, keepdims=True)
    return centred


def moved(columns: Array, rows: Array, targets: Array, basis: Array | None = None) -> Array:
    """Columns plus what combination of ``basis`` makes their products with ``rows`` the ``targets``.

    ``columns`` : (k, unit, period); ``rows``, ``basis`` : (j, unit, period); ``targets`` : (j, k). Without a basis
    the rows are it: the least change in the sum of squares.
    """
    along = rows if basis is None else basis
    missing = targets - products(rows, columns)
    weights = np.linalg.solve(products(rows, along), missing)
    return np.asarray(columns + combined(weights.T, along))


def without(columns: Array, rows: Array) -> Array:
    """The part of the columns that is orthogonal to every row."""
    return moved(columns, rows, np.zeros((rows.shape[0], columns.shape[0])))


def recoloured(columns: Array, gram: Array) -> Array:
    """The mix of the columns that has these products, with the least change of all such mixes.

    With M the products of the columns: A = M^-1/2 (M^1/2 S M^1/2)^1/2 M^-1/2 (Olkin & Pukelsheim 1982).
    """
    M = products(columns, columns)
    scale = np.sqrt(np.diag(M))
    M, S = M / np.outer(scale, scale), gram / np.outer(scale, scale)
    root = _power(M, 0.5)
    inverse = _power(M, -0.5)
    mix = inverse @ _power(root @ S @ root, 0.5) @ inverse
    return combined(mix * np.outer(scale, 1 / scale), columns)


def stretched(fixed: Array, free: Array, square: float) -> Array:
    """``fixed`` plus that positive multiple of ``free`` that makes the sum of squares ``square`` : (unit, period)."""
    a, b, c = float((free**2).sum()), float((fixed * free).sum()), float((fixed**2).sum()) - square
    if c >= 0:
        raise InputError(
            f"published numbers leave a sum of squares of {square:.4g}, less than the {c + square:.4g} that is fixed"
        )
    return np.asarray(fixed + (-b + np.sqrt(b * b - a * c)) / a * free)


def _minus_mean(columns: Array, axis: int) -> Array:
    return np.asarray(columns - columns.mean(axis, keepdims=True))


def _power(matrix: Array, power: float) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(values, 0.0) ** power) @ vectors.T)
