"""What is left of a long variable after sets of many fixed effects (products and markets, pairs and country-years)?

Weighted least squares on all dummies, for n rows with weights w. The first set, of P levels, is eliminated: with
a : (P,) its sums of weights, the other sets stacked, N : (P, C) the sums of weights by level of the first set and of
the others, M : (C, C) those by levels of the others, and ybar the first-level means, the normal equations are

    (M - N' diag(1/a) N) x = sums over the other sets of w (y - ybar)

and the residual is y - x - mean over the first set of (y - x). The matrix is never formed: conjugate gradients with a
Jacobi preconditioner need N and M alone, so the cost is O(n) once and O(min(n, P C)) an iteration. The matrix is
singular (one direction for each connected part of the graph of two sets, and more with three); the right side lies in
its range and the residual does not depend on the solution that is found. Source: Correia (2017), Linear models with
high-dimensional fixed effects, section 3; conjugate gradients as in Golub & Van Loan (2013), Matrix Computations, 11.3.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import GateError

# Of the right side's norm; and of the sd of y, for the means that must be zero in the end.
SOLVED, ZERO_MEAN = 1e-11, 1e-7
MOST_ITERATIONS = 2000
# A share of the mean weight of a set's levels: below it a level's mean is rounding.
LIGHT = 1e-6


class SparseEffects:
    """Residuals on the dummies of ``sets``, each (n,) positions from 0 with every level used; ``weights`` : (n,) > 0.

    The first set, best the largest, is eliminated. ``iterations`` and ``solution`` are those of the last variable.
    """

    def __init__(self, first: Index, *others: Index, weights: Array | None = None) -> None:
        from scipy.sparse import coo_array

        self.sets = [np.asarray(codes, dtype=np.intp) for codes in (first, *others)]
        self.weights = np.ones(first.size) if weights is None else weights
        self.totals = [np.bincount(codes, self.weights) for codes in self.sets]
        begins = np.cumsum([0, *(total.size for total in self.totals[1:])])
        stacked = [codes + begin for codes, begin in zip(self.sets[1:], begins[:-1], strict=True)]
        self._slices = [slice(*ends) for ends in pairwise(begins)]
        levels = int(begins[-1])

        def counts(rows: Index, columns: Index, shape: tuple[int, int]) -> Any:
            return coo_array((self.weights, (rows, columns)), shape=shape).tocsr()

        self.counts: Any = sum(counts(self.sets[0], codes, (self.totals[0].size, levels)) for codes in stacked)
        pairs = [(a, b) for at, a in enumerate(stacked) for b in stacked[at + 1 :]]
        self._between = [counts(a, b, (levels, levels)) for a, b in pairs]
        self._other_totals = np.concatenate(self.totals[1:])
        self.iterations = 0
        self.solution = np.zeros(levels)

    @property
    def parts(self) -> int:
        """Connected parts of the graph of the first two sets: levels of effects compare within a part only."""
        from scipy.sparse import block_array, coo_array
        from scipy.sparse.csgraph import connected_components

        counts = self.counts[:, self._slices[0]]
        p, c = counts.shape
        graph = block_array([[coo_array((p, p)), counts], [counts.T, coo_array((c, c))]])
        return int(connected_components(graph, directed=False, return_labels=False))

    def residuals(self, y: Array, *, start: Array | None = None, solved: float = SOLVED) -> Array:
        """Residuals of ``y`` : (n,), in the units of ``y``; a failure to converge is an error, never a result.

        ``start`` : a solution to begin from; ``solved`` : of the right side's norm, what may be left of it.
        """
        demeaned = y - self._mean(y)
        right = np.concatenate([
            np.bincount(codes, self.weights * demeaned, total.size)
            for codes, total in zip(self.sets[1:], self.totals[1:], strict=True)
        ])  # fmt: skip
        rounding = np.finfo(float).eps * float(np.abs(self.weights * y).sum())
        nothing = np.abs(right).max(initial=0.0) <= rounding
        self.solution = np.zeros(right.size) if nothing else self._solve(right, start, solved)
        rest = demeaned - sum(
            self.solution[where][codes] for where, codes in zip(self._slices, self.sets[1:], strict=True)
        )
        residuals = np.asarray(rest - self._mean(rest))
        if solved <= SOLVED:
            self._check(residuals, float(np.std(y)))
        return residuals

    def _check(self, residuals: Array, spread: float) -> None:
        """Every level's mean is zero; a level with next to no weight may have any."""
        largest_mean = 0.0
        for codes, total in zip(self.sets, self.totals, strict=True):
            means = np.bincount(codes, self.weights * residuals) / np.maximum(total, LIGHT * total.mean())
            largest_mean = max(largest_mean, float(np.abs(means).max()))
        if largest_mean > ZERO_MEAN * max(spread, np.finfo(float).tiny):
            raise GateError(
                f"the fixed effects did not converge in {self.iterations} iterations: a level's mean residual is "
                f"{largest_mean:.1e}, and at most {ZERO_MEAN:g} of the sd is allowed"
            )

    def _mean(self, values: Array) -> Array:
        """The mean of each row's first level : (n,)."""
        of_levels = np.bincount(self.sets[0], self.weights * values, self.totals[0].size) / self.totals[0]
        return np.asarray(of_levels[self.sets[0]])

    def _solve(self, right: Array, start: Array | None, solved: float) -> Array:
        """x with (M - N' diag(1/a) N) x = ``right``, by preconditioned conjugate gradients."""
        from scipy.sparse.linalg import LinearOperator, cg

        diagonal = self._other_totals - self.counts.multiply(self.counts).T @ (1 / self.totals[0])
        # A level that shares no level of the first set with another has nothing to compare: its equation is 0 = 0.
        usable = diagonal > SOLVED * self._other_totals
        precondition = np.where(usable, 1 / np.where(usable, diagonal, 1.0), 0.0)

        def image(x: Array) -> Array:
            out = self._other_totals * x - self.counts.T @ ((self.counts @ x) / self.totals[0])
            for between in self._between:
                out += between @ x + between.T @ x
            return np.asarray(out)

        def count(_: Array) -> None:
            self.iterations += 1

        shape = right.size, right.size
        matrix = LinearOperator(shape, matvec=image, dtype=float)
        preconditioner = LinearOperator(shape, matvec=lambda x: precondition * x, dtype=float)
        self.iterations = 0
        solution, _ = cg(
            matrix, right, x0=start, rtol=solved, maxiter=MOST_ITERATIONS, M=preconditioner, callback=count
        )
        return np.asarray(solution)
