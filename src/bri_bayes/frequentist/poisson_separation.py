"""Which zeros does a Poisson mean fit by going to zero, so that some effect has no finite estimate?

Pseudo-maximum likelihood has no maximum exactly when a combination z = X g of all regressors (dummies of units and
periods included) is zero in every row with a positive level, not negative in every row with a zero, and positive in
some: then mu goes to zero in those rows along -g, and nothing else moves. These rows say nothing of the other
coefficients and leave (Correia, Guimaraes & Zylkin 2019, Verifying the existence of maximum likelihood estimates for
generalized linear models, arXiv:1903.01633, theorem 2). Units and periods of zeros alone are seen at once;
what remains is a linear program over the zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.design.design import Design
from bri_bayes.frequentist.ols import codes, group_sums

# z is at most one and at least zero in rows with a zero: what is below this is the solver's rounding.
POSITIVE = 1e-6


@dataclass(frozen=True, eq=False)
class Separated:
    """``kept`` : (obs,) the rows that remain; ``sentence`` : what left and why, None for nothing;
    ``direction`` : -1 or 1 where the effect goes to minus or plus infinity along a separating combination, else 0.
    """

    kept: NDArray[np.bool_]
    sentence: str | None
    direction: int = 0


def find_separated(design: Design, y: Array, X: Array) -> Separated:
    """The separated rows among those of ``design`` with levels ``y`` (obs,) and regressors ``X`` (obs, term).

    The first column of X is the treatment: its sign in the combination is the ``direction``.
    """
    kept = np.ones(y.size, dtype=bool)
    if (y > 0).all():
        return Separated(kept, None)
    positions = {UNIT: design["unit_ix"].to_numpy(), PERIOD: design["period_ix"].to_numpy()}
    empty = {dim: group_sums(y, at) == 0 for dim, at in positions.items()}
    said = []
    for dim, at in positions.items():
        kept &= ~empty[dim][at]
        names = [str(name) for name in design[dim].to_numpy()[empty[dim]]]
        if names:
            said.append(f"zeros alone, which say nothing of relative changes: {', '.join(names)}")
    direction = 0
    scaled = X / np.where((spread := X.std(axis=0)) > 0, spread, 1.0)
    separated = 0
    while (y[kept] == 0).any():
        z, treatment = _combination(y[kept], scaled[kept], *(codes(at[kept]) for at in positions.values()))
        leaves = (z > POSITIVE) & (y[kept] == 0)
        if not leaves.any():
            break
        direction = direction or -int(np.sign(np.round(treatment, 6)))
        separated += int(leaves.sum())
        kept[np.flatnonzero(kept)[leaves]] = False
    if separated:
        said.append(f"{separated} rows with zeros are separated: a mean that goes to zero fits them, so they leave")
    return Separated(kept, "; ".join(said) or None, direction)


def _combination(y: Array, X: Array, *effects: NDArray[np.intp]) -> tuple[Array, float]:
    """z (obs,) with the largest sum, and its coefficient of the treatment; z is zero without separation."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_array, csr_array, hstack, vstack

    rows = np.arange(y.size)
    dummies = [coo_array((np.ones(y.size), (rows, at)), shape=(y.size, int(at.max()) + 1)) for at in effects]
    matrix: Any = csr_array(hstack([csr_array(X), *dummies]))
    zero, positive = matrix[y == 0], matrix[y > 0]
    solved = linprog(
        -np.asarray(zero.sum(axis=0)).ravel(),
        A_ub=vstack([zero, -zero]),
        b_ub=np.r_[np.ones(zero.shape[0]), np.zeros(zero.shape[0])],
        A_eq=positive,
        b_eq=np.zeros(positive.shape[0]),
        bounds=(None, None),
        method="highs",
    )
    return np.asarray(matrix @ solved.x), float(solved.x[0])
