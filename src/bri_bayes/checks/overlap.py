"""Is there a counterpart for every treated unit among the controls, and what would be extrapolated where there is none?

A treated unit has a counterpart in a draw of the propensity score when its score lies between the smallest and the
largest score of the controls. It has one at all when that holds in at least half of the draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.checks import CheckResult
from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.effect import Spread
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import COVARIATE, UNIT
from bri_bayes.design.pre_period import PrePeriod
from bri_bayes.inference.propensity import PropensityDraws

NAME = "overlap"
QUESTION = "Does every treated unit have a counterpart among the controls?"
RULE = (
    "A treated unit has a counterpart when its score lies within the range of the controls' scores in at least half of "
    "the posterior draws. Passed: all have one. Failed: none has. Neither: some have."
)
ENOUGH = 0.5
# The percentiles that show the shape of a score.
PERCENTILES = np.linspace(0.05, 0.95, 19)


@dataclass(frozen=True)
class Outside(Result):
    """A covariate on which a treated unit lies outside the range of the controls, ``sds`` of theirs beyond it."""

    covariate: str
    label: str
    sds: float


@dataclass(frozen=True)
class UnitScore(Result):
    """A unit's score under posterior and prior; ``quantiles`` : every fifth percentile, for figures."""

    unit: str
    name: str
    treated: bool
    score: Spread
    prior: Spread
    quantiles: Sequence[float]
    prior_quantiles: Sequence[float]


@dataclass(frozen=True)
class TreatedScore(UnitScore):
    """A treated unit's, with the chance of a counterpart and its most frequent nearest control.

    ``p_above`` : its score lies above every control's; ``p_nearest`` : the share of draws in which ``nearest`` is;
    ``distance`` : to the nearest control, on average.
    """

    p_counterpart: float
    p_above: float
    nearest: str
    p_nearest: float
    distance: float
    extrapolates: Sequence[Outside]


def overlap_rows(
    pre: PrePeriod, draws: PropensityDraws, prior: PropensityDraws, names: Mapping[str, str]
) -> list[TreatedScore | UnitScore]:
    """A row a unit: its score with an interval, and for a treated unit whether it has a counterpart."""
    treated, score = pre["treated"].to_numpy(), draws.score
    units = [str(unit) for unit in pre[UNIT].to_numpy()]
    controls = np.flatnonzero(~treated)
    low, high = score[:, controls].min(axis=1), score[:, controls].max(axis=1)
    rows = []
    for at, unit in enumerate(units):
        row = UnitScore(
            unit,
            names.get(unit, unit),
            bool(treated[at]),
            Spread.of_draws(score[:, at]),
            Spread.of_draws(prior.score[:, at]),
            np.quantile(score[:, at], PERCENTILES).tolist(),
            np.quantile(prior.score[:, at], PERCENTILES).tolist(),
        )
        if treated[at]:
            distance = np.abs(score[:, [at]] - score[:, controls])
            times = np.bincount(distance.argmin(axis=1), minlength=controls.size)
            within = (score[:, at] >= low) & (score[:, at] <= high)
            row = TreatedScore(
                **vars(row),
                p_counterpart=float(within.mean()),
                p_above=float((score[:, at] > high).mean()),
                nearest=units[controls[int(times.argmax())]],
                p_nearest=float(times.max() / len(score)),
                distance=float(distance.min(axis=1).mean()),
                extrapolates=_outside(pre, at, controls),
            )
        rows.append(row)
    return rows


def overlap(rows: Sequence[UnitScore]) -> CheckResult:
    """The check on the rows of ``overlap_rows``."""
    names = {row.unit: row.name for row in rows}
    treated = [row for row in rows if isinstance(row, TreatedScore)]
    lost = [row for row in treated if row.p_counterpart < ENOUGH]
    passed = True if not lost else False if len(lost) == len(treated) else None
    table = [{key: value for key, value in row.as_dict().items() if key != "score"} for row in treated]
    if not lost:
        detail = f"Each of the {len(treated)} treated units has a counterpart among the controls."
    else:
        listed = _joined([row.name for row in lost])
        which = "No treated unit has" if passed is False else f"{listed} {'has' if len(lost) == 1 else 'have'} no"
        missing = (
            "a counterpart among the controls: there is no common support, and every match would extrapolate"
            if passed is False
            else "counterpart among the controls"
        )
        detail = f"{which} {missing}. {' '.join(_reason(row, names) for row in lost)}"
    return CheckResult(NAME, QUESTION, RULE, passed, table, detail)


def _reason(row: TreatedScore, names: Mapping[str, str]) -> str:
    beyond = [
        f"{term.label} {abs(term.sds):.1f} sd {'above' if term.sds > 0 else 'below'} every control"
        for term in row.extrapolates
    ]
    what = (
        f"the estimate would extrapolate {_joined(beyond)}"
        if beyond
        else "no single covariate lies outside the controls' range, their combination does"
    )
    chance, nearest = f"{100 * row.p_counterpart:.0f}%", names[row.nearest]
    return f"{row.name} lies among the controls in {chance} of draws (most often nearest: {nearest}); {what}."


def _outside(pre: PrePeriod, at: int, controls: Index) -> list[Outside]:
    X: Array = pre["X"].to_numpy()
    terms = []
    for position, covariate in enumerate(pre[COVARIATE].to_numpy()):
        values = X[controls, position]
        sd = float(values.std(ddof=1)) if values.size > 1 else float("nan")
        beyond = max(X[at, position] - values.max(), 0.0) + min(X[at, position] - values.min(), 0.0)
        if beyond != 0 and sd > 0:
            terms.append(Outside(str(covariate), str(pre["label"].to_numpy()[position]), float(beyond / sd)))
    return terms


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
