"""Do some covariates tell the treated from the controls without error, so that no logit can be fitted?

A logit has no maximum-likelihood estimate exactly when a direction b exists with

    s_i (b_0 + x_i'b) >= 0 for every row, and > 0 for one,      s_i = +1 (treated) or -1 (control)

(Albert & Anderson 1984, doi:10.1093/biomet/71.1.1): *complete* separation when every inequality is strict, else
*quasi-complete*. The largest sum of the left-hand sides over |b| <= 1 is a linear program: zero, or separation
(Konis 2007, Linear programming algorithms for detecting separated data in binary logistic regression models).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array

# Columns have sd 1 and |b| <= 1: a margin, or a mean margin, below this is the solver's rounding.
MARGIN = 1e-7


@dataclass(frozen=True)
class Separation:
    """``covariates`` : a smallest set that separates (without any one of them it does not); ``direction`` : its b."""

    kind: Literal["complete", "quasi-complete"]
    covariates: tuple[str, ...]
    direction: tuple[float, ...]

    @property
    def sentence(self) -> str:
        """Why there is no maximum-likelihood logit, and what to do."""
        named = ", ".join(f'"{name}"' for name in self.covariates)
        many = len(self.covariates) > 1
        together = "together separate" if many else "separates"
        how = (
            "completely: no treated row overlaps with a control"
            if self.kind == "complete"
            else "quasi-completely: they overlap only where the two groups tie"
        )
        return (
            f"the covariate{'s' if many else ''} {named} {together} the treated from the controls {how}; a logit has "
            "no maximum-likelihood estimate here: leave covariates out, or use the Bayesian propensity model, whose "
            "prior keeps it finite"
        )


def find_separation(treated: NDArray[np.bool_], standard: Array, names: tuple[str, ...]) -> Separation | None:
    """The separation of the rows by all covariates with a constant, or None.

    ``treated`` : (obs,); ``standard`` : (obs, term) with mean 0 and sd 1.
    """
    signs = np.where(treated, 1.0, -1.0)
    if not _separates(signs, standard):
        return None
    kept = list(range(len(names)))
    # A deletion filter: what can go without losing the separation goes; singles are looked for first.
    for at in range(len(names)):
        if _separates(signs, standard[:, [at]]):
            kept = [at]
            break
    else:
        for at in range(len(names)):
            fewer = [other for other in kept if other != at]
            if _separates(signs, standard[:, fewer]):
                kept = fewer
    kind: Literal["complete", "quasi-complete"]
    kind = "complete" if _margin(signs, standard[:, kept]) > MARGIN else "quasi-complete"
    direction = _direction(signs, standard[:, kept])
    return Separation(kind, tuple(names[at] for at in kept), tuple(float(value) for value in direction[1:]))


def _separates(signs: Array, columns: Array) -> bool:
    direction = _direction(signs, columns)
    return bool((signs * (direction[0] + columns @ direction[1:])).mean() > MARGIN)


def _direction(signs: Array, columns: Array) -> Array:
    """The b of the linear program (1 + term,), the constant first; zero (to rounding) without separation."""
    from scipy.optimize import linprog

    rows = signs[:, None] * np.column_stack([np.ones(signs.size), columns])
    solved = linprog(-rows.sum(axis=0), A_ub=-rows, b_ub=np.zeros(signs.size), bounds=_bounds(rows), method="highs")
    return np.asarray(solved.x)


def _margin(signs: Array, columns: Array) -> float:
    """The largest m with s_i (b_0 + x_i'b) >= m for every row and |b| <= 1: positive when separation is complete."""
    from scipy.optimize import linprog

    rows = signs[:, None] * np.column_stack([np.ones(signs.size), columns])
    constraints = np.column_stack([-rows, np.ones(signs.size)])
    cost = np.r_[np.zeros(rows.shape[1]), -1.0]
    bounds = [*_bounds(rows), (0.0, None)]
    solved = linprog(cost, A_ub=constraints, b_ub=np.zeros(signs.size), bounds=bounds, method="highs")
    return float(solved.x[-1])


def _bounds(rows: Array) -> list[tuple[float, float]]:
    """|b| <= 1 for covariates; the constant may shift as far as they reach."""
    reach = float(np.abs(rows[:, 1:]).sum(axis=1).max(initial=1.0))
    return [(-reach, reach), *[(-1.0, 1.0)] * (rows.shape[1] - 1)]
