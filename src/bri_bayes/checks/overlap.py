"""Is there a counterpart for every treated unit among the controls, and what would be extrapolated where there is none?

A treated unit has a counterpart in a draw of the propensity score when its score lies between the smallest and the
largest score of the controls. It has one at all when that holds in at least half of the draws.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bri_bayes.checks import CheckResult
from bri_bayes.core.arrays import Array, Index
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
PROB = 0.95


def overlap_rows(pre: PrePeriod, draws: PropensityDraws) -> list[dict[str, Any]]:
    """A row a unit: its score with an interval, and for a treated unit the chance of a counterpart and its nearest one.

    ``extrapolates`` : covariates on which a treated unit lies outside the range of the controls, and how far, in sd
    of the controls.
    """
    treated, score = pre["treated"].to_numpy(), draws.score
    units = [str(unit) for unit in pre[UNIT].to_numpy()]
    controls = np.flatnonzero(~treated)
    low, high = score[:, controls].min(axis=1), score[:, controls].max(axis=1)
    rows = []
    for at, unit in enumerate(units):
        row: dict[str, Any] = {"unit": unit, "treated": bool(treated[at]), "score": _summary(score[:, at])}
        if treated[at]:
            distance = np.abs(score[:, [at]] - score[:, controls])
            nearest = distance.argmin(axis=1)
            times = np.bincount(nearest, minlength=controls.size)
            within = (score[:, at] >= low) & (score[:, at] <= high)
            row |= {
                "p_counterpart": float(within.mean()),
                "p_above": float((score[:, at] > high).mean()),
                "nearest": units[controls[int(times.argmax())]],
                "p_nearest": float(times.max() / len(score)),
                "distance": float(distance.min(axis=1).mean()),
                "extrapolates": _outside(pre, at, controls),
            }
        rows.append(row)
    return rows


def overlap(rows: list[dict[str, Any]], names: dict[str, str] | None = None) -> CheckResult:
    """The check on the rows of ``overlap_rows``; ``names`` : of the units, for its sentence."""
    named = names or {}
    treated = [row for row in rows if row["treated"]]
    lost = [row for row in treated if row["p_counterpart"] < ENOUGH]
    passed = True if not lost else False if len(lost) == len(treated) else None
    table = [{key: value for key, value in row.items() if key != "score"} for row in treated]
    if not lost:
        detail = f"Each of the {len(treated)} treated units has a counterpart among the controls."
    else:
        listed = _joined([named.get(row["unit"], row["unit"]) for row in lost])
        which = "No treated unit has" if passed is False else f"{listed} {'has' if len(lost) == 1 else 'have'} no"
        found = (
            "a counterpart among the controls: there is no common support, and every match would extrapolate"
            if passed is False
            else "counterpart among the controls"
        )
        detail = f"{which} {found}. {' '.join(_reason(row, named) for row in lost)}"
    return CheckResult(NAME, QUESTION, RULE, passed, table, detail)


def _reason(row: dict[str, Any], named: dict[str, str]) -> str:
    name, chance = named.get(row["unit"], row["unit"]), f"{100 * row['p_counterpart']:.0f}%"
    nearest = named.get(row["nearest"], row["nearest"])
    beyond = [
        f"{one['label']} {abs(one['sds']):.1f} sd {'above' if one['sds'] > 0 else 'below'} every control"
        for one in row["extrapolates"]
    ]
    what = (
        f"the estimate would extrapolate {_joined(beyond)}"
        if beyond
        else "no single covariate lies outside the controls' range, their combination does"
    )
    return f"{name} lies among the controls in {chance} of draws (most often nearest: {nearest}); {what}."


def _outside(pre: PrePeriod, at: int, controls: Index) -> list[dict[str, Any]]:
    X = pre["X"].to_numpy()
    found = []
    for position, covariate in enumerate(pre[COVARIATE].to_numpy()):
        values = X[controls, position]
        sd = float(values.std(ddof=1)) if values.size > 1 else float("nan")
        beyond = max(X[at, position] - values.max(), 0.0) + min(X[at, position] - values.min(), 0.0)
        if beyond != 0:
            label = str(pre["label"].to_numpy()[position])
            found.append({"covariate": str(covariate), "label": label, "sds": float(beyond / sd) if sd > 0 else None})
    return [one for one in found if one["sds"] is not None]


def _summary(values: Array) -> dict[str, float]:
    lower, upper = np.quantile(values, [(1 - PROB) / 2, (1 + PROB) / 2])
    return {"mean": float(values.mean()), "sd": float(values.std(ddof=1)), "lower": float(lower), "upper": float(upper)}


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
