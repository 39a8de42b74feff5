"""What is left of a long variable after two sets of many fixed effects (products and countries, say)?

Least squares on both sets of dummies, for n rows, P levels of the first and C of the second set. With N : (P, C) the
counts of rows, a and b the numbers of rows of each level, and ybar the first-level means, the normal equations
without the first set are

    (diag(b) - N' diag(1/a) N) x = sums over the second set of (y - ybar)

and the residual is y - x - mean over the first set of (y - x). The matrix is never formed: conjugate gradients with a
Jacobi preconditioner need N alone, so the cost is O(n) once and O(min(n, P C)) an iteration. The matrix is singular
(one direction for each connected part of the two-way graph); the right side lies in its range and the residual
does not depend on the solution that is found. Source: Correia (2017), Linear models with high-dimensional fixed
effects, section 3; conjugate gradients as in Golub & Van Loan (2013), Matrix Computations, section 11.3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import GateError

# Of the right side's norm; and of the sd of y, for the means that must be zero in the end.
SOLVED, ZERO_MEAN = 1e-11, 1e-7
MOST_ITERATIONS = 2000


class TwoEffects:
    """Residuals on the dummies of ``first`` and ``second`` : (n,) positions from 0, every level used."""

    def __init__(self, first: Index, second: Index) -> None:
        from scipy.sparse import coo_array

        self.first, self.second = (np.asarray(codes, dtype=np.intp) for codes in (first, second))
        self.rows_first = np.bincount(self.first).astype(float)
        self.rows_second = np.bincount(self.second).astype(float)
        shape = self.rows_first.size, self.rows_second.size
        self.counts: Any = coo_array((np.ones(self.first.size), (self.first, self.second)), shape=shape).tocsr()
        self.iterations = 0

    @property
    def parts(self) -> int:
        """Connected parts of the graph of both sets: levels of effects compare within a part only."""
        from scipy.sparse import block_array, coo_array
        from scipy.sparse.csgraph import connected_components

        p, c = self.counts.shape
        graph = block_array([[coo_array((p, p)), self.counts], [self.counts.T, coo_array((c, c))]])
        return int(connected_components(graph, directed=False, return_labels=False))

    def residuals(self, y: Array) -> Array:
        """Residuals of ``y`` : (n,), in the units of ``y``; a failure to converge is an error, never a result."""
        demeaned = y - self._mean(y)
        right = np.bincount(self.second, demeaned, self.rows_second.size)
        rounding = np.finfo(float).eps * float(np.abs(y).sum())
        x = self._solve(right) if np.abs(right).max(initial=0.0) > rounding else np.zeros(right.size)
        rest = demeaned - x[self.second]
        residuals = np.asarray(rest - self._mean(rest))
        largest_mean = max(
            float(np.abs(np.bincount(codes, residuals, rows.size) / rows).max())
            for codes, rows in ((self.first, self.rows_first), (self.second, self.rows_second))
        )
        if largest_mean > ZERO_MEAN * max(float(np.std(y)), np.finfo(float).tiny):
            raise GateError(
                f"the fixed effects did not converge in {self.iterations} iterations: a level's mean residual is "
                f"{largest_mean:.1e}, and at most {ZERO_MEAN:g} of the sd is allowed"
            )
        return residuals

    def _mean(self, values: Array) -> Array:
        """The mean of each row's first level : (n,)."""
        return np.asarray((np.bincount(self.first, values, self.rows_first.size) / self.rows_first)[self.first])

    def _solve(self, right: Array) -> Array:
        """x with (diag(b) - N' diag(1/a) N) x = ``right``, by preconditioned conjugate gradients."""
        from scipy.sparse.linalg import LinearOperator, cg

        squares = self.counts.multiply(self.counts).T @ (1 / self.rows_first)
        diagonal = self.rows_second - squares
        # A level that shares no product with another has nothing to compare: its equation is 0 = 0.
        precondition = np.where(diagonal > SOLVED * self.rows_second, 1 / np.where(diagonal > 0, diagonal, 1.0), 0.0)

        def image(x: Array) -> Array:
            return np.asarray(self.rows_second * x - self.counts.T @ ((self.counts @ x) / self.rows_first))

        def count(_: Array) -> None:
            self.iterations += 1

        shape = right.size, right.size
        matrix = LinearOperator(shape, matvec=image, dtype=float)
        preconditioner = LinearOperator(shape, matvec=lambda x: precondition * x, dtype=float)
        self.iterations = 0
        solution, _ = cg(matrix, right, rtol=SOLVED, maxiter=MOST_ITERATIONS, M=preconditioner, callback=count)
        return np.asarray(solution)
