"""Which units of the whole file can stand in for the treated ones? Complete donors, and rules that choose some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.assignment import Assignment

ALL, NEAREST = "all complete units", "nearest in pre-period path"


@dataclass(frozen=True)
class Refused(Result):
    """Why there is no counterfactual of this kind."""

    refused: str


def complete_donors(pool: xr.Dataset, assignment: Assignment, outcome: str) -> tuple[str, ...]:
    """Units other than the treated ones that have the outcome in every period, sorted."""
    values = _values(pool, outcome)
    units = pool[UNIT].to_numpy().astype(str)[np.isfinite(values).all(axis=1)]
    return tuple(str(unit) for unit in units if unit not in assignment.treated_units)


def by_rule(
    pool: xr.Dataset,
    assignment: Assignment,
    outcome: str,
    groups: Mapping[str, Sequence[str]],
    nearest: int,
) -> dict[str, tuple[str, ...]]:
    """Donors by the name of a rule: all, each named group, and the ``nearest`` in pre-period path; no empty one."""
    donors = complete_donors(pool, assignment, outcome)
    rules = {ALL: donors}
    rules |= {name: tuple(unit for unit in donors if unit in members) for name, members in groups.items()}
    rules[NEAREST] = nearest_paths(pool, assignment, outcome, donors, nearest)
    return {name: chosen for name, chosen in rules.items() if chosen}


def nearest_paths(
    pool: xr.Dataset, assignment: Assignment, outcome: str, donors: Sequence[str], count: int
) -> tuple[str, ...]:
    """The donors whose path before the first onset, less its mean, is nearest to that of the average treated unit.

    Distance: root mean square over periods in which every treated unit has the outcome; the nearest first.
    """
    before = pool[PERIOD].to_numpy() < min(assignment.onsets)
    treated = _values(pool.sel({UNIT: list(assignment.treated_units)}), outcome)[:, before]
    known = np.isfinite(treated).all(axis=0)
    if known.sum() < 2 or not donors:
        return ()
    target = treated[:, known].mean(axis=0)
    paths = _values(pool.sel({UNIT: list(donors)}), outcome)[:, before][:, known]
    gaps = (paths - paths.mean(axis=1, keepdims=True)) - (target - target.mean())
    order = np.argsort((gaps**2).mean(axis=1), kind="stable")
    return tuple(donors[position] for position in order[:count])


def refusal(donors: int, treated: int) -> str | None:
    """Why a synthetic control or a factor model cannot be judged with so few donors; None where it can."""
    if donors > treated:
        return None
    return (
        f"{donors} complete donors for {treated} treated units: placebos must be drawn from more untreated than "
        "treated units, so neither a synthetic control nor a factor model can be checked here "
        "(Arkhangelsky et al. 2021, doi:10.1257/aer.20190159, algorithm 4); a wider pool is needed"
    )


def _values(pool: xr.Dataset, outcome: str) -> Array:
    return np.asarray(pool[outcome].transpose(UNIT, PERIOD).to_numpy(), dtype=float)
