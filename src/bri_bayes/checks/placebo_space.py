"""Would another group of the same units have shown an effect, too? Placebos in space among the units of the study.

Two nulls, and they are not the same question:

    any country     every way to choose as many units as are treated (126 of nine). Were the policy given at random,
                    the share of groups with an estimate at least as large is an exact p-value. But fake groups hold
                    treated units, and controls then hold the others: an effect widens this null.
    controls only   the controls alone, every way to split them. No treated unit is near, but there are few groups.

On a balanced panel the average of all 126 least-squares estimates is zero whatever the data: each unit is treated
equally often. That "the placebo estimates centre on zero" (Figure 4 of the paper) is arithmetic, no evidence.

Source: Fisher (1935); Conley & Taber (2011), doi:10.1162/REST_a_00049; Akyeva (2026), section 4 (3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from bri_bayes.checks.placebo_time import share_as_large
from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import Design
from bri_bayes.frequentist.resampling import TIE, permutation
from bri_bayes.inference.assignments import att_of_assignments, shares_columns

# All assignments up to this number, otherwise as many at random.
MOST = 1000
# The paper's number of random groups (Figure 4).
PAPER_DRAWS = 500
RECORD = ("mean", "sd", "lower", "upper", "p_positive")


def space_recipes(analysis: Analysis, seed: int) -> dict[str, Analysis]:
    """Every assignment as a recipe, the observed one first: for cards that only refits one by one can answer."""
    recipes = {}
    for label, first in _assignments(analysis.design, seed)[0].items():
        named = zip(analysis.design["unit"].values, first, strict=True)
        onsets = {str(unit): None if np.isnan(onset) else int(onset) for unit, onset in named}
        recipes[label] = analysis.replace(assignment=Assignment(onsets))
    return recipes


def is_shared(analysis: Analysis) -> bool:
    """Whether one engine answers all assignments: one onset, and a card and rows that it covers."""
    onsets = analysis.assignment.onsets
    return len(onsets) == 1 and shares_columns(analysis.design, analysis.card, onsets[0])


def any_country(
    analysis: Analysis, refits: Mapping[str, Mapping[str, Any]] | None = None, *, points: int = 2000, seed: int = 0
) -> dict[str, Any]:
    """The null of any country: with the shared engine, or from the ``refits`` of ``space_recipes``."""
    design = analysis.design
    assignments, twfe = _assignments(design, seed)
    if refits is None:
        groups = np.isfinite(np.stack(list(assignments.values())))
        found = att_of_assignments(
            design, analysis.card, groups, analysis.assignment.onsets[0], points=points, seed=seed
        )
        records, khat = _records(found), float(found["khat"].max())
    else:
        records = [dict(refits[label]["att"]) for label in assignments]
        khat = max((refits[label]["khat"] or 0.0 for label in assignments), default=0.0)
    rows = [
        {"label": label, "att": record, "twfe": float(estimate), "observed": position == 0}
        for position, (label, record, estimate) in enumerate(zip(assignments, records, twfe, strict=True))
    ]
    means = [record["mean"] for record in records]
    return {
        "observed": records[0],
        "placebos": rows,
        "p_value": exact_share(means),
        "p_value_studentised": exact_share([record["mean"] / record["sd"] for record in records]),
        "p_value_twfe": exact_share(twfe.tolist()),
        "twfe": float(twfe[0]),
        "n": len(rows),
        "exact": len(rows) < MOST,
        "excluding_zero": sum(record["lower"] > 0 or record["upper"] < 0 for record in records[1:]),
        "khat": khat,
        "mean_twfe": float(np.mean(twfe)),
        "balanced": bool(design.sizes["obs"] == design.sizes["unit"] * design.sizes["period"]),
        "paper_figure": _random_draws(rows, seed),
    }


def controls_only(analysis: Analysis, *, points: int = 2000, seed: int = 0) -> dict[str, Any]:
    """Every split of the controls alone: the same card, the same onset, fake groups of one unit up to all but one.

    The real ATT is no member of this null: the shares are (1 + larger) / (1 + groups).
    """
    controls = analysis.assignment.never_treated
    if len(controls) < 2 or len(analysis.assignment.onsets) > 1:
        raise InputError("a placebo among the controls needs two controls or more and one onset")
    onset = analysis.assignment.onsets[0]
    ever = np.isfinite(analysis.design["first_treated"].to_numpy())[None, :]
    observed = _records(att_of_assignments(analysis.design, analysis.card, ever, onset, points=points, seed=seed))[0]
    some = Assignment({unit: onset if position == 0 else None for position, unit in enumerate(controls)})
    design = analysis.replace(assignment=some).design
    rows: list[dict[str, Any]] = []
    khat = -np.inf
    for size in range(1, len(controls)):
        own = analysis.replace(assignment=some.swap(controls[:size], onset))
        assignments, twfe = _assignments(own.design, seed)
        groups = np.isfinite(np.stack(list(assignments.values())))
        found = att_of_assignments(design, analysis.card, groups, onset, points=points, seed=seed)
        khat = max(khat, float(found["khat"].max()))
        rows += [
            {"label": label, "size": size, "att": record, "twfe": float(estimate)}
            for label, record, estimate in zip(assignments, _records(found), twfe, strict=True)
        ]
    by_size = []
    for size in range(1, len(controls)):
        means = [row["att"]["mean"] for row in rows if row["size"] == size]
        by_size.append({"size": size, "n": len(means), "p_value": share_as_large(observed["mean"], means)})
    return {
        "observed": observed,
        "placebos": rows,
        "p_value": share_as_large(observed["mean"], [row["att"]["mean"] for row in rows]),
        "n": len(rows),
        "by_size": by_size,
        "khat": khat,
        "excluding_zero": sum(row["att"]["lower"] > 0 or row["att"]["upper"] < 0 for row in rows),
    }


def exact_share(estimates: Sequence[float]) -> float:
    """The share of assignments with an estimate as large as the first, itself counted, equality up to rounding."""
    sizes = np.abs(np.asarray(estimates, dtype=float))
    return float((sizes >= sizes[0] - TIE * sizes.max()).mean())


def label_of(units: Sequence[str]) -> str:
    """A group by its units."""
    return ",".join(units)


def _assignments(design: Design, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Onsets (unit,) by label, the observed assignment first, and the two-way estimate of each identified one."""
    placebos = permutation(design, max_assignments=MOST, draws=MOST - 1, seed=seed).placebos
    units = [str(unit) for unit in design["unit"].values]
    first = placebos["first_treated"].transpose("assignment", "unit").to_numpy()
    several = np.unique(first[np.isfinite(first)]).size > 1
    estimates = placebos["estimate"].to_numpy()
    found: dict[str, np.ndarray] = {}
    kept = []
    for row, estimate in zip(first, estimates, strict=True):
        treated = [i for i in range(len(units)) if np.isfinite(row[i])]
        label = label_of([f"{units[i]} {int(row[i])}" if several else units[i] for i in treated])
        if np.isfinite(estimate) and label not in found:
            found[label] = row
            kept.append(estimate)
    return found, np.array(kept)


def _records(found: xr.Dataset) -> list[dict[str, float]]:
    columns = {name: found[name].to_numpy() for name in RECORD}
    return [{name: float(values[i]) for name, values in columns.items()} for i in range(found.sizes["assignment"])]


def _random_draws(rows: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """Figure 4 of the paper as it was made: 500 groups at random, here by their number in ``rows``."""
    drawn = np.random.default_rng([seed, 5]).integers(len(rows), size=PAPER_DRAWS)
    estimates = np.array([row["twfe"] for row in rows])[drawn]
    return {
        "drawn": [int(number) for number in drawn],
        "distinct": int(np.unique(drawn).size),
        "observed_drawn": int((drawn == 0).sum()),
        "mean": float(estimates.mean()),
        "as_large": float((np.abs(estimates) >= abs(rows[0]["twfe"])).mean()),
    }
