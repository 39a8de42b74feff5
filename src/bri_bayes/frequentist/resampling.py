"""How unusual is the estimate among those of the groups of units that could have been treated?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.design.design import RELATIVE_ZERO, Design
from bri_bayes.frequentist.estimate import SIGNIFICANCE, Estimate
from bri_bayes.frequentist.few_clusters import FEWER_DRAWS, VERY_MANY
from bri_bayes.frequentist.ols import group_sums
from bri_bayes.frequentist.twfe import TwoWayFit, fit_twfe

ASSIGNMENT = "assignment"

# Estimates closer than this share of the largest one are ties: symmetric assignments differ in rounding only.
TIE = 1e-10
# Slopes this close to one are one: the assignment or its complement itself.
SAME = 1e-9
# Larger numbers of assignments are printed as a power of ten.
COUNTABLE = 10**9
# Numbers held at once in one array: 16 megabytes.
BLOCK_NUMBERS = 2_000_000

Onsets = NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Permutation:
    """The permutation test and the estimates that it compares.

    ``placebos`` : Dataset with ``estimate`` (assignment,), in units of the outcome, the observed one first, and
    ``first_treated`` (assignment, unit), the onset that it gives to each unit, NaN for none. The estimate of an
    assignment that the rows do not identify is NaN and is not compared. ``exact`` : these are all that there are.
    """

    estimate: Estimate
    placebos: xr.Dataset
    exact: bool


def permutation(design: Design, max_assignments: int = 10_000, draws: int = 9999, seed: int = 0) -> Permutation:
    """Two-way fixed effects under every way to hand out the observed onsets to the units.

    Each assignment gives each onset to as many units as in the data; estimates have the covariates in:

        tau_j = D_j'M y / D_j'M D_j,    p = share of assignments with |tau_j| >= |tau_observed|

    All of them up to ``max_assignments``, otherwise ``draws`` random ones and the observed one; equality up to rounding
    counts. The test is exact when every assignment was equally likely. The interval inverts it for a constant effect
    tau on the treated cells: under tau the estimates are tau_j - tau r_j with r_j = D_j'M D / D_j'M D_j, so the values
    with p > 5% end at known points; reported from the lowest to the highest, None where p stays above 5% for ever.

    No D_j is residualised. D_j is a sum of blocks (the rows of a unit from an onset on), and M takes away unit means
    and a space of few dimensions: sums over blocks of M y, of M D and of its basis give every tau_j and r_j.
    Source: Fisher (1935); Conley & Taber (2011), doi:10.1162/REST_a_00049; Rosenbaum (2002), Observational Studies,
    ch. 2, for the interval.
    """
    fit = fit_twfe(design)
    compared = placebos(design, fit, fit.least_squares.y[None, :], max_assignments, draws, seed)
    estimates = compared.estimates[0]
    identified = np.isfinite(estimates)
    p_value = float(shares_as_large(estimates[None, identified])[0])
    lower, upper = inverted_interval(estimates[identified], compared.slopes[identified])
    row = Estimate(
        estimator="twfe",
        inference="permutation",
        estimate=fit.estimate,
        se=None,
        p_value=p_value,
        lower=lower,
        upper=upper,
        n_assignments=int(identified.sum()),
        note=_note(compared, identified, is_open=None in (lower, upper)),
    )
    variables = {"estimate": (ASSIGNMENT, estimates), "first_treated": ((ASSIGNMENT, UNIT), compared.first_treated)}
    return Permutation(row, xr.Dataset(variables, coords={UNIT: design[UNIT].values}), compared.exact)


@dataclass(frozen=True, eq=False)
class Placebos:
    """``estimates`` : (outcome, assignment) tau_j; ``slopes`` : (assignment,) r_j; NaN where D_j'M D_j is zero;
    ``first_treated`` : (assignment, unit), the observed one first; ``n_possible`` : distinct assignments.
    """

    estimates: Array
    slopes: Array
    first_treated: Array
    n_possible: int
    exact: bool


def placebos(
    design: Design, fit: TwoWayFit, outcomes: Array, max_assignments: int = 10_000, draws: int = 9999, seed: int = 0
) -> Placebos:
    """The estimates of ``outcomes`` (outcome, obs) under the assignments that ``permutation`` compares."""
    compared = assignments_of(design, max_assignments, draws, seed)
    onsets, assignments = compared.onsets, compared.positions
    rows, squares, loads, moments = _block_sums(design, fit, onsets, outcomes)
    width = max(1, BLOCK_NUMBERS // squares.size)
    parts = []
    for start in range(0, len(assignments), width):
        chosen = _indicators(assignments[start : start + width], onsets.size)
        size = chosen @ squares - ((chosen @ loads) ** 2).sum(axis=1)
        identified = size > RELATIVE_ZERO * (chosen @ rows)
        parts.append((chosen @ moments) / np.where(identified, size, np.nan)[:, None])
    ratios = np.concatenate(parts).T
    return Placebos(ratios[1:], ratios[0], compared.first_treated, compared.n_possible, compared.exact)


@dataclass(frozen=True, eq=False)
class Assignments:
    """``positions`` : (assignment, unit) in ``onsets`` (onset,), -1 for never treated, the observed one first."""

    onsets: Array
    positions: Onsets
    n_possible: int
    exact: bool

    @property
    def first_treated(self) -> Array:
        """(assignment, unit) : the onset that each assignment gives to each unit, NaN for none."""
        return np.asarray(np.append(self.onsets, np.nan)[self.positions])


def assignments_of(design: Design, max_assignments: int, draws: int, seed: int) -> Assignments:
    """Every way to hand out the onsets up to ``max_assignments``, otherwise ``draws`` random ones and the observed."""
    onsets, observed = _observed_onsets(design)
    n_possible = _count(observed, onsets.size)
    exact = n_possible <= max_assignments
    draws = min(draws, FEWER_DRAWS) if observed.size > VERY_MANY else draws
    positions = _all_assignments(observed) if exact else _random_assignments(observed, draws, seed)
    return Assignments(onsets, positions, n_possible, exact)


def shares_as_large(estimates: Array) -> Array:
    """The share of assignments with an estimate as large as the observed, first one, up to rounding : (outcome,)."""
    sizes = np.abs(estimates)
    return np.asarray((sizes >= sizes[:, :1] - TIE * sizes.max(axis=1, keepdims=True)).mean(axis=1))


def _observed_onsets(design: Design) -> tuple[Array, Onsets]:
    """The distinct onsets (onset,), and the position in them of each unit's (unit,), -1 for never treated."""
    first = design["first_treated"].to_numpy()
    ever_treated = np.isfinite(first)
    onsets = np.unique(first[ever_treated])
    position = np.full(first.size, -1, dtype=np.int16)
    position[ever_treated] = np.searchsorted(onsets, first[ever_treated])
    return onsets, position


def _count(observed: Onsets, n_onsets: int) -> int:
    """The number of distinct assignments: a multinomial coefficient."""
    count, free = 1, observed.size
    for onset in range(n_onsets):
        treated = int((observed == onset).sum())
        count *= math.comb(free, treated)
        free -= treated
    return count


def _all_assignments(observed: Onsets) -> Onsets:
    """Every distinct rearrangement of ``observed``: (assignment, unit), the observed one first."""
    sizes = [int((observed == onset).sum()) for onset in range(int(observed.max()) + 1)]
    rows = np.array(list(_arrangements(np.full(observed.size, -1, dtype=np.int16), 0, sizes)))
    first = int(np.flatnonzero((rows == observed).all(axis=1))[0])
    return rows[[first, *(row for row in range(len(rows)) if row != first)]]


def _arrangements(partial: Onsets, onset: int, sizes: list[int]) -> Iterator[Onsets]:
    if onset == len(sizes):
        yield partial
        return
    for chosen in combinations(np.flatnonzero(partial < 0).tolist(), sizes[onset]):
        extended = partial.copy()
        extended[list(chosen)] = onset
        yield from _arrangements(extended, onset + 1, sizes)


def _random_assignments(observed: Onsets, draws: int, seed: int) -> Onsets:
    rng = np.random.default_rng(seed)
    return np.vstack([observed[None, :], rng.permuted(np.tile(observed, (draws, 1)), axis=1)])


def _indicators(assignments: Onsets, n_onsets: int) -> Array:
    """Which (onset, unit) blocks an assignment treats: (assignment, onset x unit), zeros and ones."""
    return np.concatenate([assignments == onset for onset in range(n_onsets)], axis=1).astype(float)


def _block_sums(design: Design, fit: TwoWayFit, onsets: Array, outcomes: Array) -> tuple[Array, Array, Array, Array]:
    """Of the rows B of a unit from an onset on: their number, B'B less unit means (both (block,)), B'Q, B'M(D, y).

    With D = sum of the blocks B of an assignment, D'M D = sum of B'B less unit means - |sum of Q'B|^2, because blocks
    of different units share no rows.
    """
    unit_ix = fit.unit_ix
    residuals = fit.partialled_out(np.column_stack([fit.least_squares.X[:, 0], outcomes.T]))
    after = design[PERIOD].to_numpy()[design["period_ix"].to_numpy()] >= onsets[:, None]
    rows = np.concatenate([group_sums(block, unit_ix) for block in after])
    unit_rows = np.tile(np.bincount(unit_ix), onsets.size)
    loads = np.concatenate([group_sums(block[:, None] * fit.basis, unit_ix) for block in after])
    moments = np.concatenate([group_sums(block[:, None] * residuals, unit_ix) for block in after])
    return rows, rows - rows**2 / unit_rows, loads, moments


def inverted_interval(estimates: Array, slopes: Array) -> tuple[float | None, float | None]:
    """The lowest and the highest tau with p(tau) > 5%; None where there is no end.

    Assignment j counts at tau when |tau_j - tau r_j| >= |tau_0 - tau|: between the two solutions of equality when
    |r_j| < 1, outside them when |r_j| > 1, on a half line or everywhere when |r_j| = 1.
    """
    starts, ends = _acceptance_sets(estimates, slopes)
    needed = SIGNIFICANCE * estimates.size
    lower = _first_crossing(starts, ends, needed)
    upper = _first_crossing(-ends, -starts, needed)
    return (None if math.isinf(lower) else lower), (None if math.isinf(upper) else -upper)


def _acceptance_sets(estimates: Array, slopes: Array) -> tuple[Array, Array]:
    """Closed intervals of tau on which an assignment counts: starts and ends, at most two an assignment."""
    difference, total = estimates - estimates[0], estimates + estimates[0]
    # (tau_j - tau r_j)^2 - (tau_0 - tau)^2 is the product of two lines: difference + tau p and total - tau q.
    p, q = 1.0 - slopes, 1.0 + slopes
    p, q = np.where(np.abs(p) <= SAME, 0.0, p), np.where(np.abs(q) <= SAME, 0.0, q)
    tie = TIE * float(np.abs(estimates).max())
    two_roots = (p != 0) & (q != 0)
    first, second = -difference[two_roots] / p[two_roots], total[two_roots] / q[two_roots]
    low, high = np.minimum(first, second), np.maximum(first, second)
    between = (p * q)[two_roots] > 0
    outside = np.full(int((~between).sum()), np.inf)
    # One line is constant: its sign says on which side of the other's root the assignment counts.
    flat = ~two_roots
    constant = np.where(p == 0, difference, total)[flat]
    root = np.where(p == 0, total, -difference)[flat] / 2
    falls = np.where((p == 0)[flat], constant > 0, constant < 0)
    always = np.abs(constant) <= tie
    starts = np.where(always | falls, -np.inf, root)
    ends = np.where(always | ~falls, np.inf, root)
    return (
        np.concatenate([low[between], -outside, high[~between], starts]),
        np.concatenate([high[between], low[~between], outside, ends]),
    )


def _first_crossing(starts: Array, ends: Array, needed: float) -> float:
    """The lowest point that more than ``needed`` of the intervals contain; -inf when they do from the beginning."""
    candidates = np.sort(starts)
    begun = np.searchsorted(candidates, candidates, side="right")
    inside = begun - np.searchsorted(np.sort(ends), candidates, side="left")
    return float(candidates[inside > needed][0])


def _note(compared: Placebos, identified: NDArray[np.bool_], is_open: bool) -> str | None:
    parts, n_possible = [], compared.n_possible
    if not compared.exact:
        possible = f"{n_possible:,}" if n_possible < COUNTABLE else f"about 10^{math.log10(n_possible):.0f}"
        parts.append(f"{identified.size - 1:,} of {possible} assignments, drawn at random")
    if not identified.all():
        lost = int((~identified).sum())
        parts.append(f"left out: the rows do not identify {lost:,} of {identified.size:,} assignments")
    if is_open:
        parts.append(f"the interval has an open end: the smallest possible p-value is 1/{int(identified.sum())}")
    return "; ".join(parts) or None
