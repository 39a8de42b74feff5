"""Covariance matrices of many walkers: priors of sds and correlations, factors, draws from an inverse Wishart.

Correlations have the density |R|^(eta - 1) (LKJ). On the unconstrained scale a matrix is its log sds and the angles of
its correlations: partial correlations z of vines, z = tanh(w), whose squares shape the rows of the Cholesky factor.
Source: Lewandowski, Kurowicka & Joe (2009), doi:10.1016/j.jmva.2009.04.008.
"""

from __future__ import annotations

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.inference.batched_algebra import cholesky, solve_lower


def log_det(factor: Array) -> Array:
    """log |L L'| of lower factors (B, C, C) : (B,)."""
    return np.asarray(2 * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1))


def inverse(factor: Array) -> Array:
    """(L L')^-1 : (B, C, C)."""
    size = factor.shape[1]
    half = solve_lower(factor, np.broadcast_to(np.eye(size), factor.shape))
    return np.asarray(np.swapaxes(half, 1, 2) @ half)


def sds(factor: Array) -> Array:
    """The sds behind a lower factor : (B, C)."""
    return np.asarray(np.sqrt((factor**2).sum(axis=2)))


def inverse_wishart(rng: np.random.Generator, degrees: float, products: Array) -> Array:
    """Lower factors of matrices with density |X|^-((degrees + C + 1) / 2) exp(-tr(X^-1 S) / 2), S (B, C, C)."""
    size = products.shape[1]
    lower = np.zeros(products.shape)
    rows, columns = np.tril_indices(size, -1)
    lower[:, rows, columns] = rng.standard_normal((len(products), rows.size))
    at = np.arange(size)
    # X = L_S (A A')^-1 L_S' with A A' Wishart: an upper triangle turned, so that its inverse is lower.
    lower[:, at, at] = np.sqrt(rng.chisquare(degrees - size + 1 + at, (len(products), size)))
    turned = lower[:, ::-1, ::-1]  # upper triangular
    factor = solve_lower(np.swapaxes(turned, 1, 2), np.swapaxes(cholesky(products), 1, 2))
    return cholesky(np.swapaxes(factor, 1, 2) @ factor)


def factor_of(vectors: Array, size: int) -> tuple[Array, Array]:
    """Lower factors (B, C, C) of unconstrained vectors (B, C + C (C - 1) / 2), and the log Jacobian of R (B,).

    The last is that of the correlations with respect to the angles.
    """
    scale, z = np.exp(vectors[:, :size]), np.tanh(vectors[:, size:])
    lower, jacobian, first = np.zeros((len(vectors), size, size)), np.zeros(len(vectors)), 0
    lower[:, 0, 0] = 1.0
    for row in range(1, size):
        remaining = np.ones(len(vectors))
        for column in range(row):
            angle = z[:, first + column]
            lower[:, row, column] = angle * np.sqrt(remaining)
            rest = 1 - angle**2
            # d L_row,column / d w = sqrt(remaining) (1 - z^2); from the factor to R: L_jj for each row below j.
            jacobian += 0.5 * np.log(remaining) + np.log(rest)
            remaining = remaining * rest
        lower[:, row, row] = np.sqrt(remaining)
        first += row
    diagonal = np.log(np.diagonal(lower, axis1=1, axis2=2))
    jacobian += diagonal @ (size - 1 - np.arange(size))
    return lower * scale[:, :, None], jacobian


def log_lkj(factor: Array, shape: float) -> Array:
    """log |R|^(shape - 1) of the correlations behind lower factors : (B,)."""
    return np.asarray((shape - 1) * (log_det(factor) - 2 * np.log(sds(factor)).sum(axis=1)))
