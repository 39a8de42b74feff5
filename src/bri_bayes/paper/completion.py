"""Which cross-products satisfy linear equations and are nearest to those that we expect? Or is there none?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array

# Newton's method stops at this decrement; the equations then hold to about its square root, relative to the scales.
CONVERGED = 1e-24
# Where rounding keeps the decrement above that, this is accepted at the end.
CONVERGED_IN_ROUNDING = 1e-14
MOST_STEPS = 100
# Armijo's rule, and the step below which nothing is left to gain.
SUFFICIENT, LEAST_STEP = 1e-4, 1e-13
# The rounding of the dual function, relative to it: near the minimum a step is judged by no less than this.
ROUNDING = 1e-14


@dataclass(frozen=True, eq=False)
class Equations:
    """Linear equations sum_b u_ib' G_b v_ib = c_i in the blocks G_b of a block-diagonal Gram matrix.

    ``first``, ``second`` : one array (equation, variable) a block, the rows u_i and v_i; ``values`` : (equation,) c_i;
    ``weights`` : (equation,) infinite for an equation that must hold, else the price of half a squared miss.
    """

    first: tuple[Array, ...]
    second: tuple[Array, ...]
    values: Array
    weights: Array

    def misses(self, gram: Sequence[Array]) -> Array:
        """Right side minus left side : (equation,)."""
        sums = [np.einsum("ka,ab,kb->k", u, G, v) for u, G, v in zip(self.first, gram, self.second, strict=True)]
        return self.values - np.sum(sums, axis=0)

    def combined(self, multipliers: Array) -> list[Array]:
        """sum_i multipliers_i sym(u_i v_i'), block by block."""
        products = [np.einsum("k,ka,kb->ab", multipliers, u, v) for u, v in zip(self.first, self.second, strict=True)]
        return [(product + product.T) / 2 for product in products]

    def scaled(self, scales: Sequence[Array]) -> Equations:
        """The same equations for variables that are divided by ``scales`` : (variable,) a block."""
        return Equations(
            tuple(u * s for u, s in zip(self.first, scales, strict=True)),
            tuple(v * s for v, s in zip(self.second, scales, strict=True)),
            self.values,
            self.weights,
        )


@dataclass(frozen=True, eq=False)
class Completion:
    """``gram`` : the blocks; ``multipliers`` : (equation,); ``converged`` : False where no such matrix exists."""

    gram: tuple[Array, ...]
    multipliers: Array
    converged: bool


def nearest_gram(expected: Sequence[Array], equations: Equations) -> Completion:
    """The positive definite G that satisfies the equations and is nearest to ``expected`` in relative entropy.

        minimise sum_b tr(E_b^-1 G_b) - log det G_b   subject to   <A_i, G> = c_i,   A_i = sym(u_i v_i')

    This is the Kullback-Leibler divergence between the normal distributions with these second moments. Its dual has no
    constraint: G_b = (E_b^-1 + sum_i nu_i A_ib)^-1, and nu = 0 is a start, so damped Newton steps suffice.

    With c = 0 there is either such a G, or a sum of nu_i A_i that is positive semidefinite and not zero (Gordan's
    alternative for this cone); then the steps run off along it, ``converged`` is False, and ``multipliers`` point
    there. Every G of the equations is singular in that case: its product with that sum is zero.
    Source: Boyd & Vandenberghe (2004), Convex Optimization, sections 5.8 and 5.9.4; Dempster (1972) on covariance
    selection.
    """
    scales = [np.sqrt(np.diag(block)) for block in expected]
    inside = equations.scaled(scales)
    inverse = [np.linalg.inv(E / np.outer(s, s)) for E, s in zip(expected, scales, strict=True)]
    gram, nu, converged = _newton(inverse, inside)
    blocks = tuple(G * np.outer(s, s) for G, s in zip(gram, scales, strict=True))
    return Completion(blocks, nu, converged)


def _newton(inverse: list[Array], equations: Equations) -> tuple[list[Array], Array, bool]:
    soft = np.where(np.isinf(equations.weights), 0.0, 1 / equations.weights)
    nu = np.zeros(equations.values.size)
    value, factors = _dual(nu, inverse, equations, soft)
    for _ in range(MOST_STEPS):
        gram = [_inverse_of(factor) for factor in factors]
        gradient = equations.misses(gram) + soft * nu
        hessian = _hessian(gram, equations) + np.diag(soft)
        step = _solved(hessian, -gradient)
        decrement = float(-gradient @ step)
        if decrement < CONVERGED:
            return gram, nu, True
        length, rounding = 1.0, ROUNDING * max(1.0, abs(value))
        while length > LEAST_STEP:
            trial, trial_factors = _dual(nu + length * step, inverse, equations, soft)
            if trial <= value - SUFFICIENT * length * decrement + rounding:
                break
            length /= 2
        if length <= LEAST_STEP:
            break
        nu, value, factors = nu + length * step, trial, trial_factors
    return gram, nu, decrement < CONVERGED_IN_ROUNDING


def _dual(nu: Array, inverse: list[Array], equations: Equations, soft: Array) -> tuple[float, list[Array]]:
    """The dual function and the Cholesky factors of E^-1 + sum nu A; infinite outside its domain."""
    value = float(equations.values @ nu + (soft * nu) @ nu / 2)
    factors = []
    for block, summed in zip(inverse, equations.combined(nu), strict=True):
        try:
            factor = np.linalg.cholesky(block + summed)
        except np.linalg.LinAlgError:
            return np.inf, []
        value -= 2 * float(np.log(np.diag(factor)).sum())
        factors.append(factor)
    return value, factors


def _inverse_of(factor: Array) -> Array:
    half = np.linalg.inv(factor)
    return np.asarray(half.T @ half)


def _hessian(gram: list[Array], equations: Equations) -> Array:
    """tr(A_i G A_j G), summed over the blocks : (equation, equation)."""
    total = np.zeros((equations.values.size,) * 2)
    for G, u, v in zip(gram, equations.first, equations.second, strict=True):
        uu, vv, uv = u @ G @ u.T, v @ G @ v.T, u @ G @ v.T
        total += (uu * vv + uv * uv.T) / 2
    return total


def _solved(hessian: Array, target: Array) -> Array:
    """The least-norm solution, since equations may repeat each other, on a unit diagonal."""
    size = np.sqrt(np.maximum(np.diag(hessian), np.finfo(float).tiny))
    solution = np.linalg.lstsq(hessian / np.outer(size, size), target / size, rcond=1e-13)[0]
    return np.asarray(solution / size)
