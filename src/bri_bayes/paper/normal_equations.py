"""What do reported regressions say about the cross-products of the data? One linear equation a coefficient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.paper.completion import Equations
from bri_bayes.paper.reported import Reported


@dataclass(frozen=True, eq=False)
class System:
    """The normal equations of regressions on the same rows, in the blocks of an orthogonal decomposition of the rows.

        X_k'(y_k - X_k b_k) = 0 after the effects of k,   G_k = sum of the blocks 0 ... level_k

    Block 0 holds the cross-products after the largest set of effects, each further one what is added when fewer effects
    are taken out (for unit and period effects against period effects: the cross-products of unit means), and for each
    outcome with an R-squared a last one its variation that is in no other block. Every block is positive semidefinite.

    ``names`` : the variables of each block; ``levels`` : by regression; ``equations`` : with the printed numbers;
    ``slack`` : as ``equations.right``, how far rounding can move each entry.
    """

    regressions: tuple[Reported, ...]
    names: tuple[tuple[str, ...], ...]
    levels: tuple[int, ...]
    equations: Equations
    slack: tuple[Array, ...]

    def coefficients(self, gram: Sequence[Array], k: int) -> Array:
        """Least squares of regression ``k`` on data with these cross-products : (regressor,)."""
        regression, level = self.regressions[k], self.levels[k]
        names = [*regression.regressors, regression.outcome]
        total = np.zeros((len(names), len(names)))
        for block, G in zip(self.names[: level + 1], gram, strict=False):
            at = [block.index(name) for name in names]
            total += G[np.ix_(at, at)]
        return np.asarray(np.linalg.lstsq(total[:-1, :-1], total[:-1, -1], rcond=None)[0])

    def r_squared(self, gram: Sequence[Array], k: int) -> float:
        """The overall R-squared of regression ``k`` on data with these cross-products."""
        regression, b = self.regressions[k], self.coefficients(gram, k)
        residual = {regression.outcome: 1.0} | dict(zip(regression.regressors, -b, strict=True))
        residual_square = total = 0.0
        for at, (block, G) in enumerate(zip(self.names, gram, strict=True)):
            if regression.outcome in block:
                y = block.index(regression.outcome)
                total += G[y, y]
                if at <= self.levels[k]:
                    r = np.array([residual.get(name, 0.0) for name in block])
                    residual_square += float(r @ G @ r)
        return 1 - residual_square / total


def system(regressions: Sequence[Reported]) -> System:
    """The equations of the regressions. Their sets of effects must be nested: {unit, period}, {period}, none."""
    sets = sorted({r.absorbed for r in regressions}, key=len, reverse=True)
    for larger, smaller in pairwise(sets):
        if not smaller < larger:
            raise InputError(
                f"the effects {sorted(larger)} and {sorted(smaller)} are not nested: blocks cannot be added"
            )
    levels = tuple(sets.index(r.absorbed) for r in regressions)
    names = [
        tuple(dict.fromkeys(n for r, at in zip(regressions, levels, strict=True) if at >= level for n in _variables(r)))
        for level in range(len(sets))
    ]
    names += [(outcome,) for outcome in dict.fromkeys(r.outcome for r in regressions if r.r_squared is not None)]
    rows = [row for r, level in zip(regressions, levels, strict=True) for row in _rows(r, level, names, len(sets))]
    rows_u, right, slack = (
        tuple(np.array([row[kind][at] for row in rows]) for at in range(len(names))) for kind in range(3)
    )
    exact = Equations(rows_u, right, np.zeros(len(rows)), np.full(len(rows), np.inf))
    return System(tuple(regressions), tuple(names), levels, exact, slack)


def _variables(regression: Reported) -> tuple[str, ...]:
    return (*regression.regressors, regression.outcome)


def _rows(
    regression: Reported, level: int, names: Sequence[tuple[str, ...]], n_levels: int
) -> list[tuple[list[Array], list[Array], list[Array]]]:
    """u, v and the slack of v, block by block, for each coefficient and for the R-squared."""
    numbers = regression.coefficients
    residual = {regression.outcome: 1.0} | {name: -number.value for name, number in numbers.items()}
    rounding = {name: number.half_unit for name, number in numbers.items()}
    zero = [np.zeros(len(block)) for block in names]
    used = [at <= level for at in range(len(names))]
    v = [_vector(block, residual) if use else z for block, use, z in zip(names, used, zero, strict=True)]
    h = [_vector(block, rounding) if use else z for block, use, z in zip(names, used, zero, strict=True)]
    rows = []
    for name in regression.regressors:
        u = [_vector(block, {name: 1.0}) if use else z for block, use, z in zip(names, used, zero, strict=True)]
        rows.append((u, v, h))
    if regression.r_squared is not None:  # y'e - (1 - R2) y'y = 0, since y'e = e'e
        rest, half = 1 - regression.r_squared.value, regression.r_squared.half_unit
        outcome = {regression.outcome: 1.0}
        counts = [at < n_levels or block == (regression.outcome,) for at, block in enumerate(names)]
        u = [_vector(block, outcome) * count for block, count in zip(names, counts, strict=True)]
        rows.append(
            (u, [a - rest * b for a, b in zip(v, u, strict=True)], [a + half * b for a, b in zip(h, u, strict=True)])
        )
    return rows


def _vector(block: Sequence[str], entries: dict[str, float]) -> Array:
    return np.array([entries.get(name, 0.0) for name in block])
