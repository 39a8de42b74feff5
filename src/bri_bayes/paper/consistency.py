"""Can reported regressions come from one data set? A certificate either way, within the rounding of the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.paper.collinear import Collinearity, collinearities
from bri_bayes.paper.completion import nearest_gram
from bri_bayes.paper.normal_equations import System, system
from bri_bayes.paper.reported import Reported
from bri_bayes.paper.search_within_rounding import TINY, misses, searched

# A data set whose correlation matrix has a smaller eigenvalue is as good as collinear: no verdict rests on it.
LEAST_EIGENVALUE = 1e-6
# With one above this, the data at the printed numbers themselves will do and no others are searched.
COMFORTABLE_EIGENVALUE = 0.05
# Rounds that make the scale of each variable its own; the determinant of the correlations rises with each.
RESCALINGS = 12
Verdict = Literal["shared", "conflict", "undecided"]


@dataclass(frozen=True, eq=False)
class CommonData:
    """Cross-products from which every regression gives back its printed numbers: a data set has them, so one exists.

    ``blocks`` : a Gram matrix a block of ``system.names`` (n rows with the moments of n normal draws, recoloured,
    have it); ``least_eigenvalue`` of the correlations after all effects: how far from collinear; ``largest_miss`` :
    of a recomputed from a printed number, in half units of its last digit (at most 1 agrees).
    """

    system: System
    blocks: tuple[Array, ...]
    least_eigenvalue: float
    largest_miss: float

    @property
    def agrees(self) -> bool:
        """Whether every number comes back to the printed digit, from data that are not collinear."""
        return self.largest_miss <= 1 and self.least_eigenvalue > LEAST_EIGENVALUE


@dataclass(frozen=True, eq=False)
class PositiveSum:
    """Normal equations whose sum is positive definite in its variables, so that no data but zeros satisfy them.

        0 = sum_i nu_i u_i' G v_i = <Y, G>,   Y = sum_i nu_i sym(u_i v_i') > 0

    ``multipliers`` : nu_i in the order of ``system.equations``; ``least_eigenvalue`` : of Y, after the most that
    rounding can take away (the largest eigenvalue of the matrix of bounds); positive, or this is no certificate.
    """

    system: System
    multipliers: Array
    least_eigenvalue: float


@dataclass(frozen=True, eq=False)
class Consistency:
    """``shared`` : one data set can give all; ``conflict`` : none can; ``undecided`` : no certificate was found."""

    regressions: tuple[Reported, ...]
    verdict: Verdict
    common: CommonData | None = None
    collinear: tuple[Collinearity, ...] = ()
    positive: PositiveSum | None = None
    nearest_miss: float | None = None

    @property
    def sentence(self) -> str:
        """The verdict in plain words."""
        names = ", ".join(r.name for r in self.regressions)
        if self.common is not None:
            return (
                f"One data set can give {names}: with it every number comes back within {self.common.largest_miss:.2g} "
                "half units of its last digit, and the least eigenvalue of the correlations is "
                f"{self.common.least_eigenvalue:.2g}."
            )
        if self.collinear:
            return f"No data set can give {names}. {self.collinear[0]}; rounding does not change this."
        if self.positive is not None:
            return f"No data set can give {names}: a sum of their normal equations is a variance, and has to be zero."
        return (
            f"Whether one data set can give {names} is not decided: the nearest that was found misses a number by "
            f"{self.nearest_miss:.3g} half units of its last digit."
        )


def joint_consistency(regressions: Sequence[Reported], *, every_certificate: bool = True) -> Consistency:
    """Decide whether one data set can give all regressions, within rounding.

    First the smallest sets of regressions that force a collinearity (exact under rounding). Then the
    nearest Gram matrix at the printed numbers: it exists, or the equations have a positive semidefinite sum; one that
    is positive definite whatever the rounding is a certificate. Where the printed numbers leave no data, or nearly
    collinear ones only, numbers that round to them are searched. ``every_certificate`` of a conflict,
    or only the first that is found.
    """
    _check_names(regressions)
    regressions = [r if r.r_squared_is == "overall" else replace(r, r_squared=None) for r in regressions]
    forced = collinearities(regressions, most=None if every_certificate else 1)
    if forced:
        return Consistency(tuple(regressions), "conflict", collinear=forced)
    problem = system(regressions)
    printed, multipliers = _printed_data(problem)
    if printed is not None and printed.agrees and printed.least_eigenvalue > COMFORTABLE_EIGENVALUE:
        return Consistency(tuple(regressions), "shared", common=printed)
    if printed is None:
        positive = _positive_sum(problem, multipliers)
        if positive.least_eigenvalue > 0:
            return Consistency(tuple(regressions), "conflict", positive=positive)
    candidates = [
        common for common in (printed, _common(problem, searched(problem, _expected(problem)))) if common is not None
    ]
    agreeing = [common for common in candidates if common.agrees]
    if agreeing:
        best = max(agreeing, key=lambda common: common.least_eigenvalue)
        return Consistency(tuple(regressions), "shared", common=best)
    return Consistency(tuple(regressions), "undecided", nearest_miss=min(common.largest_miss for common in candidates))


def _check_names(regressions: Sequence[Reported]) -> None:
    names = [regression.name for regression in regressions]
    if not names:
        raise InputError("no regression was given; one data set can give one or more")
    for name in names:
        if names.count(name) > 1:
            raise InputError(f'{names.count(name)} regressions are called "{name}"; certificates need a name for each')


def _printed_data(problem: System) -> tuple[CommonData | None, Array]:
    """Cross-products with exactly the printed numbers, as far from collinear as can be; or None, and the multipliers.

    Nearest to the identity, then to its own diagonal, and so on: each round raises the determinant of the correlations.
    """
    nearest = nearest_gram(_expected(problem), problem.equations)
    blocks = nearest.gram
    if not nearest.converged or _least_eigenvalue(blocks) < LEAST_EIGENVALUE:
        return None, nearest.multipliers
    for _ in range(RESCALINGS):
        again = nearest_gram([np.diag(np.diag(G)) for G in blocks], problem.equations)
        if not again.converged or _least_eigenvalue(again.gram) < _least_eigenvalue(blocks):
            break
        blocks = again.gram
    return _common(problem, blocks), nearest.multipliers


def _expected(problem: System) -> list[Array]:
    """Uncorrelated regressors of variance 1, and outcomes with the variance that these would give, block by block."""
    variance: dict[str, float] = {name: 1.0 for block in problem.names for name in block}
    for regression in problem.regressions:
        explained = sum(number.value**2 for number in regression.coefficients.values())
        variance[regression.outcome] = max(variance[regression.outcome], 1.0 + explained)
    return [np.diag([variance[name] for name in block]) for block in problem.names]


def _least_eigenvalue(blocks: Sequence[Array]) -> float:
    """Of the correlations in the first block, where every variable of every regression is."""
    scale = np.sqrt(np.maximum(np.diag(blocks[0]), TINY))
    return float(np.linalg.eigvalsh(blocks[0] / np.outer(scale, scale))[0])


def _common(problem: System, blocks: tuple[Array, ...]) -> CommonData:
    return CommonData(problem, blocks, _least_eigenvalue(blocks), float(np.abs(misses(problem, blocks)).max()))


def _positive_sum(problem: System, multipliers: Array) -> PositiveSum:
    """The certificate that these multipliers give, if any: every block zero, or definite in its variables."""
    size = np.abs(multipliers).max(initial=0.0)
    nu = np.where(np.abs(multipliers) > LEAST_EIGENVALUE * size, multipliers, 0.0) / (size or 1.0)
    least = np.inf
    for at, total in enumerate(problem.equations.combined(nu)):
        bound = np.abs(nu)[:, None] * np.abs(problem.equations.first[at])
        moved = bound.T @ problem.slack[at]
        used = np.abs(total).sum(axis=0) > 0
        if used.any():
            scale = np.sqrt(np.maximum(np.diag(total)[used], TINY))
            parts = [matrix[np.ix_(used, used)] / np.outer(scale, scale) for matrix in (total, (moved + moved.T) / 2)]
            least = min(least, float(np.linalg.eigvalsh(parts[0])[0] - np.linalg.eigvalsh(parts[1])[-1]))
    return PositiveSum(problem, nu, least if np.isfinite(least) else -np.inf)
