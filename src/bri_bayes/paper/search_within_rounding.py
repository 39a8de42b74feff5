"""Which cross-products give back numbers that round to the printed ones, where the printed ones allow none?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.paper.completion import Equations, nearest_gram
from bri_bayes.paper.normal_equations import System

# The price of missing an equation in the start, in squared units of the scales, and rounds that settle the scales.
START_WEIGHT = 1e6
START_ROUNDS = 12
# Least squares aims at numbers within the first share of their half unit, and the linear programs end at the second: no
# nearer than needed, since the numbers as printed may leave collinear data only.
AIM, ENOUGH = 0.25, 0.9
MOST_STEPS = 40
CORRECTIONS = 2
# Least squares ends when a step takes less than this share off the sum of squares.
LEAST_GAIN = 1e-3
# The trust region: bounds on the change of a factor of correlations, at first, at the end, and how they change.
FIRST_RADIUS, LAST_RADIUS, WIDER, NARROWER, HONEST_SHARE = 0.1, 1e-7, 2.0, 0.25, 0.1
TINY = float(np.finfo(float).tiny)


def searched(problem: System, expected: Sequence[Array]) -> tuple[Array, ...]:
    """Cross-products whose regressions are near to the printed numbers: least squares, then the least largest miss.

        minimise t over a step d   subject to   |m + J d| <= t,  |d| <= radius

    m : misses in half units of the last digit; J : their derivative in the Cholesky factors. A sequence of linear
    programs, each step taken only where it helps. ``expected`` : the scales to start from, a diagonal matrix a block.
    The answer need not agree with every number.
    """
    factors = _Factors(problem, _start(problem, expected))
    x, radius = _least_squares(factors), FIRST_RADIUS
    current, moved = factors.misses(x)
    for _ in range(MOST_STEPS):
        largest = np.abs(current).max()
        if largest <= ENOUGH or radius < LAST_RADIUS:
            break
        step, promised = _step(current, moved, radius)
        trial, trial_moved = factors.misses(x + step)
        for _ in range(CORRECTIONS):  # back to what the linear program counts on, against the curvature
            step = step + _least_norm(trial_moved, current + moved @ step - trial)
            trial, trial_moved = factors.misses(x + step)
        if largest - np.abs(trial).max() > HONEST_SHARE * (largest - promised):
            x, current, moved, radius = x + step, trial, trial_moved, radius * WIDER
        else:
            radius *= NARROWER
    return factors.blocks(x)


def misses(problem: System, blocks: Sequence[Array]) -> Array:
    """Recomputed minus printed numbers, in half units of the last digit : (number,)."""
    in_half_units = []
    for k, regression in enumerate(problem.regressions):
        numbers = regression.coefficients.values()
        b = problem.coefficients(blocks, k)
        in_half_units += [(value - number.value) / number.half_unit for value, number in zip(b, numbers, strict=True)]
        if regression.r_squared is not None:
            share, number = problem.r_squared(blocks, k), regression.r_squared
            in_half_units.append((share - number.value) / number.half_unit)
    return np.array(in_half_units)


def _least_squares(factors: _Factors) -> Array:
    """Least squares of the misses beyond ``AIM``, by damped Gauss-Newton steps of least norm."""
    x = factors.start
    current, moved = factors.misses(x)
    for _ in range(MOST_STEPS):
        beyond = current - np.clip(current, -AIM, AIM)
        step, length = _least_norm(moved[beyond != 0], -beyond[beyond != 0]), 1.0
        trial, trial_moved = factors.misses(x + step)
        while _square_beyond(trial) > beyond @ beyond and length > LAST_RADIUS:
            length /= 2
            trial, trial_moved = factors.misses(x + length * step)
        if beyond @ beyond - _square_beyond(trial) <= LEAST_GAIN * (beyond @ beyond):
            break
        x, current, moved = x + length * step, trial, trial_moved
    return x


def _square_beyond(in_half_units: Array) -> float:
    return float(((in_half_units - np.clip(in_half_units, -AIM, AIM)) ** 2).sum())


def _step(current: Array, moved: Array, radius: float) -> tuple[Array, float]:
    """The step that makes the largest miss least, to first order, and that miss."""
    from scipy.optimize import linprog

    number, entry = moved.shape
    rows = np.block([[moved, -np.ones((number, 1))], [-moved, -np.ones((number, 1))]])
    cost = np.eye(1, entry + 1, entry)[0]
    bounds = [(-radius, radius)] * entry + [(0.0, None)]
    answer = linprog(cost, A_ub=rows, b_ub=np.concatenate([-current, current]), bounds=bounds)
    if answer.status != 0:
        return np.zeros(entry), float(np.abs(current).max())
    return np.asarray(answer.x[:-1]), float(answer.fun)


def _least_norm(moved: Array, target: Array) -> Array:
    return np.asarray(np.linalg.lstsq(moved, target, rcond=1e-10)[0])


def _start(problem: System, expected: Sequence[Array]) -> tuple[Array, ...]:
    """Cross-products that miss the equations a little."""
    exact = problem.equations
    soft = Equations(exact.first, exact.second, exact.values, np.full_like(exact.weights, START_WEIGHT))
    blocks = tuple(expected)
    for _ in range(START_ROUNDS):
        blocks = nearest_gram([np.diag(np.diag(G)) for G in blocks], soft).gram
    return blocks


class _Factors:
    """Gram matrices G = L L' by the entries of their lower triangular factors, with derivatives."""

    def __init__(self, problem: System, start: Sequence[Array]) -> None:
        self.problem = problem
        self.scales = [np.sqrt(np.diag(G)) for G in start]
        self.corners = [np.tril_indices(G.shape[0]) for G in start]
        self.ends = np.cumsum([at[0].size for at in self.corners])
        factors = [np.linalg.cholesky(G / np.outer(s, s)) for G, s in zip(start, self.scales, strict=True)]
        self.start = np.concatenate([L[at] for L, at in zip(factors, self.corners, strict=True)])

    def factors(self, entries: Array) -> list[Array]:
        """L, block by block, in the units of the data."""
        blocks = []
        for s, at, part in zip(self.scales, self.corners, np.split(entries, self.ends[:-1]), strict=True):
            L = np.zeros((s.size, s.size))
            L[at] = part
            blocks.append(s[:, None] * L)
        return blocks

    def blocks(self, entries: Array) -> tuple[Array, ...]:
        """The Gram matrices."""
        return tuple(L @ L.T for L in self.factors(entries))

    def misses(self, entries: Array) -> tuple[Array, Array]:
        """As the function ``misses``, and its derivative : (number, entry).

        With r = y - X b:  db = (X'X)^-1 X'dG r,  d(RSS) = r'dG r,  d(TSS) = y'dG y,  dG = dL L' + L dL'.
        """
        factors, blocks, rows = self.factors(entries), self.blocks(entries), []
        for k, regression in enumerate(self.problem.regressions):
            b = self.problem.coefficients(blocks, k)
            residual = {regression.outcome: 1.0} | dict(zip(regression.regressors, -b, strict=True))
            moved = self._moved_coefficients(factors, blocks, k, residual)
            rows += [row / n.half_unit for row, n in zip(moved, regression.coefficients.values(), strict=True)]
            if regression.r_squared is not None:
                moved_residual = self._moved_square(factors, residual, self.problem.levels[k])
                total = self._moved_square(factors, {regression.outcome: 1.0}, len(factors))
                share = 1 - self.problem.r_squared(blocks, k)
                variation = self._variation(blocks, regression.outcome)
                rows.append((share * total - moved_residual) / variation / regression.r_squared.half_unit)
        return misses(self.problem, blocks), np.array(rows)

    def _moved_coefficients(
        self, factors: list[Array], blocks: Sequence[Array], k: int, residual: dict[str, float]
    ) -> Array:
        """The derivative of the coefficients of regression ``k`` : (regressor, entry)."""
        regressors, level = self.problem.regressions[k].regressors, self.problem.levels[k]
        total = np.zeros((len(regressors), len(regressors)))
        moved = np.zeros((len(regressors), self.start.size))
        for block, (names, L, G, s, (i, j)) in enumerate(
            zip(self.problem.names, factors, blocks, self.scales, self.corners, strict=True)
        ):
            if block > level:
                break
            at = [names.index(name) for name in regressors]
            r = np.array([residual.get(name, 0.0) for name in names])
            total += G[np.ix_(at, at)]
            chosen = np.eye(len(names))[at]
            part = chosen[:, i] * (L.T @ r)[j] + L[at][:, j] * r[i]
            moved[:, self.ends[block] - i.size : self.ends[block]] = part * s[i]
        return np.asarray(np.linalg.lstsq(total, moved, rcond=None)[0])

    def _moved_square(self, factors: list[Array], residual: dict[str, float], level: int) -> Array:
        """The derivative of the sum of squares of a combination in the blocks up to ``level`` : (entry,)."""
        moved = np.zeros(self.start.size)
        for block, (names, L, s, (i, j)) in enumerate(
            zip(self.problem.names, factors, self.scales, self.corners, strict=True)
        ):
            if block <= level:
                r = np.array([residual.get(name, 0.0) for name in names])
                moved[self.ends[block] - i.size : self.ends[block]] = 2 * r[i] * (L.T @ r)[j] * s[i]
        return moved

    def _variation(self, blocks: Sequence[Array], outcome: str) -> float:
        return float(
            sum(
                G[n.index(outcome), n.index(outcome)]
                for n, G in zip(self.problem.names, blocks, strict=True)
                if outcome in n
            )
        )
