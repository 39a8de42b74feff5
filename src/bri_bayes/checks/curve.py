"""What does a whole specification curve say? Its median against fake groups, and which choice moves it.

**Exact permutation of the median** (Simonsohn, Simmons & Nelson 2020, doi:10.1038/s41562-020-0912-z). For every
choice of as many "treated" units among all units as there really are, the other units are the controls and their
non-empty sets the control sets; the two-way fixed effects estimate of every combination of control set,
covariates, onset and imputation is a curve, and its median a number. The p-value is the share of groups, the real
one included, whose median is at least as large in absolute value. Errors and period effects make no difference to
least squares, and a Bayesian curve for every group would be some hundred times as many fits.

**Shares of the variance** (Lindeman, Merenda & Gold 1980; Groemping 2007, doi:10.1198/000313007X188252). R^2 of a
regression of the estimates on indicators of a set of choices, and the average gain of a choice over all orders in
which choices can enter; what the main effects leave is due to combinations of choices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb, factorial
from typing import Any

import numpy as np

from bri_bayes.checks.control_sets import subsets
from bri_bayes.checks.specifications import SHIFTS, panels_of
from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.imputation import IMPUTATIONS
from bri_bayes.data.panel import Panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.fixed_effects import TwoWay

# Groups beyond this many are not enumerated.
MOST_GROUPS = 10_000
# A group this close to the observed median, relative to it, is as large: rounding of the same number.
_TIE = 1e-9


@dataclass(frozen=True)
class MedianPermutation(Result):
    """The median of the curve among those of all groups."""

    median: float
    p_value: float
    larger: int
    n_groups: int
    n_specifications: int
    medians: Sequence[float]


@dataclass(frozen=True)
class ChoiceShare(Result):
    """What a choice explains of the variance, and how many options it has."""

    choice: str
    share: float
    levels: int


@dataclass(frozen=True)
class PairShare(Result):
    """What two choices explain beyond the two side by side."""

    choices: Sequence[str]
    share: float


@dataclass(frozen=True)
class VarianceShares(Result):
    """Shares of the variance of ``n`` estimates, the largest first; ``combinations`` : what all together leave."""

    shares: Sequence[ChoiceShare]
    combinations: float | None
    pairs: Sequence[PairShare]
    n: int


def no_permutation(assignment: Assignment) -> str | None:
    """Why the groups of an assignment are not enumerated; None where they are."""
    if len(assignment.onsets) > 1:
        return f"onsets differ ({', '.join(map(str, assignment.onsets))}), so that groups cannot be exchanged"
    groups = comb(len(assignment.units), len(assignment.treated_units))
    return f"{groups:,} groups are more than {MOST_GROUPS:,}" if groups > MOST_GROUPS else None


def median_permutation(analysis: Analysis, covariates: Sequence[str]) -> MedianPermutation:
    """The median of the TWFE curve and its rank among those of all groups; for one onset."""
    assignment = analysis.assignment
    if (reason := no_permutation(assignment)) is not None:
        raise InputError(f"no permutation of the curve: {reason}")
    units = sorted(assignment.units)
    treated = frozenset(units.index(unit) for unit in assignment.treated_units)
    panels = panels_of(analysis, covariates)
    sets = [(), *([tuple(covariates)] if covariates else [])]
    frames = [
        _frame(panels[method], units, (str(analysis.card.outcome), *chosen))
        for method in IMPUTATIONS
        if method == "none" or panels[method].attrs["imputed"]
        for chosen in sets
    ]
    curve = _Curve(frames, analysis.panel[PERIOD].to_numpy() - assignment.onsets[0])
    groups = [frozenset(group) for group in combinations(range(len(units)), len(treated))]
    medians = np.array([np.median(curve.estimates(group)) for group in groups])
    observed = float(medians[groups.index(treated)])
    larger = int((np.abs(medians) >= abs(observed) * (1 - _TIE)).sum())
    return MedianPermutation(
        median=observed,
        p_value=larger / len(groups),
        larger=larger,
        n_groups=len(groups),
        n_specifications=len(frames) * len(SHIFTS) * (2 ** (len(units) - len(treated)) - 1),
        medians=sorted(medians.tolist()),
    )


def _frame(panel: Panel, units: Sequence[str], variables: Sequence[str]) -> Array:
    """Outcome, then covariates : (variable, unit, period)."""
    chosen = panel[list(variables)].sel({UNIT: list(units)})
    return np.stack([chosen[name].transpose(UNIT, PERIOD).to_numpy() for name in variables])


class _Curve:
    """TWFE estimates of many groups: for a set of units, unit-by-onset indicators are taken within once.

    With M what unit and period effects and covariates leave, and D the indicators of units after an onset, the
    estimate of a treated group is d'My / d'Md with d the sum of its columns of D.

    ``frames`` : outcome and covariates, each (variable, unit, period); ``since`` (period,) : years since the onset.
    """

    def __init__(self, frames: Sequence[Array], since: Index) -> None:
        self.frames, self.since = frames, since
        self.known: dict[tuple[int, tuple[int, ...]], tuple[Array, Array, Index]] = {}

    def estimates(self, group: frozenset[int]) -> Array:
        """The curve of a group of positions: every control set, frame and onset that can be estimated."""
        n_units = self.frames[0].shape[1]
        treated = np.isin(np.arange(n_units), list(group)).astype(float)
        statistics = []
        for controls in subsets(tuple(str(at) for at in range(n_units) if at not in group)):
            members = tuple(sorted([*group, *map(int, controls)]))
            for at in range(len(self.frames)):
                scores, grams, present = self._products(at, members)
                chosen = treated[present]
                for score, gram in zip(scores, grams, strict=True):
                    spread = chosen @ gram @ chosen
                    if spread > 1e-9:
                        statistics.append(chosen @ score / spread)
        return np.array(statistics)

    def _products(self, at: int, members: tuple[int, ...]) -> tuple[Array, Array, Index]:
        """D'My (shift, unit), D'MD (shift, unit, unit) for each shifted onset, and positions of units with rows."""
        if (key := (at, members)) not in self.known:
            values = self.frames[at][:, list(members)]
            rows, columns = np.nonzero(np.isfinite(values).all(axis=0))
            present, unit_ix = np.unique(rows, return_inverse=True)
            _, period_ix = np.unique(columns, return_inverse=True)
            units = np.eye(len(present))[unit_ix]
            after = [units * (self.since[columns] >= shift)[:, None] for shift in SHIFTS]
            within = TwoWay(unit_ix, period_ix).residuals(np.column_stack([values[:, rows, columns].T, *after]))
            x, rest = within[:, 1 : len(values)], np.delete(within, np.s_[1 : len(values)], axis=1)
            if x.shape[1]:
                rest = rest - x @ np.linalg.lstsq(x, rest, rcond=1e-9)[0]
            indicators = rest[:, 1:].reshape(len(rest), len(SHIFTS), -1).transpose(1, 2, 0)
            grams = indicators @ indicators.transpose(0, 2, 1)
            self.known[key] = (indicators @ rest[:, 0], grams, np.asarray(members)[present])
        return self.known[key]


def shares_of_variance(choices: Sequence[Mapping[str, Any]], estimates: Sequence[float]) -> VarianceShares:
    """Shapley shares of R^2 by choice, largest first, and what combinations of choices explain beyond them.

    ``choices`` : for each estimate a value of every choice (lists count as one value).
    """
    y = np.asarray(estimates, dtype=float) - np.mean(estimates)
    columns = {name: _indicators([str(row[name]) for row in choices]) for name in choices[0]}
    columns = {name: indicators for name, indicators in columns.items() if indicators.shape[1]}
    total = float(y @ y)
    if not columns or total == 0:
        return VarianceShares([], None, [], len(y))
    explained = {
        chosen: _r_squared([columns[name] for name in chosen], y, total)
        for size in range(len(columns) + 1)
        for chosen in combinations(columns, size)
    }
    n = len(columns)
    shares = []
    for name in columns:
        others = [other for other in columns if other != name]
        share = 0.0
        for size in range(n):
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            for chosen in combinations(others, size):
                joined = tuple(column for column in columns if column in {*chosen, name})
                share += weight * (explained[joined] - explained[chosen])
        shares.append(ChoiceShare(name, share, columns[name].shape[1] + 1))
    shares.sort(key=lambda row: -row.share)
    pairs = [_pair(choices, columns, y, total, pair, explained[pair]) for pair in combinations(columns, 2)]
    pairs.sort(key=lambda row: -row.share)
    return VarianceShares(shares, 1 - explained[tuple(columns)], pairs, len(y))


def _pair(
    choices: Sequence[Mapping[str, Any]],
    columns: Mapping[str, Array],
    y: Array,
    total: float,
    pair: tuple[str, ...],
    side_by_side: float,
) -> PairShare:
    """What two choices explain together beyond what they explain side by side."""
    joined = _indicators([str([row[name] for name in pair]) for row in choices])
    return PairShare(list(pair), _r_squared([joined], y, total) - side_by_side)


def _indicators(labels: Sequence[str]) -> Array:
    """Centred indicators of all levels but the first : (n, levels - 1)."""
    _, which = np.unique(labels, return_inverse=True)
    levels = np.eye(which.max() + 1)[which][:, 1:]
    return np.asarray(levels - levels.mean(axis=0))


def _r_squared(blocks: Sequence[Array], y: Array, total: float) -> float:
    if not blocks:
        return 0.0
    x = np.hstack(blocks)
    coefficients, *_ = np.linalg.lstsq(x, y, rcond=None)
    return float(1 - ((y - x @ coefficients) ** 2).sum() / total)
