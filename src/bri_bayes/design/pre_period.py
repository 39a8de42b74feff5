"""What were treated and controls like before the treatment? One row a unit, averaged over the years before it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import COVARIATE, PERIOD, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.study.propensity_specification import summary_of

PrePeriod = xr.Dataset
# Spread below this share of a variable's size is rounding.
RELATIVE_ZERO = 1e-9


def pre_period(
    panel: xr.Dataset, assignment: Assignment, names: Sequence[str], years: tuple[int, int] | None = None
) -> PrePeriod:
    """Variables of the units of ``assignment``, summarised over ``years`` (None: all before the first onset).

    X : (unit, covariate) in the units of the variable, means of the years that are there (logs were taken before);
    standard : (unit, covariate) with mean 0 and sd 1 over the units; treated : (unit,) bool; years_used : (unit,
    covariate) how many years a number rests on. Treated units come first, in the order of the assignment.
    """
    if not names:
        raise InputError(
            "a propensity score needs covariates: name some in [propensity] of the study, or as covariates"
        )
    first, last = _years(panel, assignment, years)
    units = [*assignment.treated_units, *assignment.never_treated]
    if not assignment.treated_units or not assignment.never_treated:
        raise InputError("a propensity score needs treated units and controls")
    missing = [unit for unit in units if unit not in panel[UNIT].to_numpy().astype(str)]
    if missing:
        raise InputError(f'the unit "{missing[0]}" of the assignment is not in the panel')
    before = panel.sel({UNIT: units, PERIOD: (panel[PERIOD] >= first) & (panel[PERIOD] <= last)})
    columns = [_summarised(before, name, (first, last)) for name in names]
    X = np.column_stack([values for values, _ in columns])
    centre, scale = X.mean(axis=0), X.std(axis=0)
    for at, name in enumerate(names):
        if scale[at] <= RELATIVE_ZERO * max(float(np.abs(X[:, at]).max()), 1e-300):
            raise InputError(f'"{name}" is the same for every unit from {first} to {last}: it cannot tell them apart')
    labels = [_label(panel, name) for name in names]
    treated = np.array([assignment.first_treated[unit] is not None for unit in units])
    return xr.Dataset(
        {
            "X": ((UNIT, COVARIATE), X),
            "standard": ((UNIT, COVARIATE), (X - centre) / scale),
            "years_used": ((UNIT, COVARIATE), np.column_stack([used for _, used in columns])),
            "treated": (UNIT, treated),
            "label": (COVARIATE, np.array(labels, dtype=object)),
            "scale": (COVARIATE, scale),
        },
        coords={UNIT: units, COVARIATE: list(names)},
        attrs={"years": [first, last]},
    )


def unit_period_rows(
    panel: xr.Dataset, assignment: Assignment, names: Sequence[str], years: tuple[int, int] | None = None
) -> PrePeriod:
    """The same variables year by year: X, standard (obs, covariate), unit_ix, period_ix, treated (obs,), complete rows.

    Only means are variables of a single year. Coordinates ``unit`` (treated first) and ``period``.
    """
    whole = pre_period(panel, assignment, names, years)
    first, last = whole.attrs["years"]
    if any(summary_of(name)[1] != "mean" for name in names):
        raise InputError('growth and volatility are no variables of a single year; use rows = "unit" in the card')
    units, used = whole[UNIT].to_numpy(), np.arange(first, last + 1)
    cells = panel.sel({UNIT: units}).reindex({PERIOD: used})
    stacked = np.stack([cells[name].transpose(UNIT, PERIOD).to_numpy() for name in names], axis=-1)
    unit_ix, period_ix = np.nonzero(np.isfinite(stacked).all(axis=-1))
    X = stacked[unit_ix, period_ix]
    return xr.Dataset(
        {
            "X": (("obs", COVARIATE), X),
            "standard": (("obs", COVARIATE), (X - X.mean(axis=0)) / X.std(axis=0)),
            "unit_ix": ("obs", unit_ix),
            "period_ix": ("obs", period_ix),
            "treated": ("obs", whole["treated"].to_numpy()[unit_ix]),
            "label": whole["label"],
        },
        coords={UNIT: units, PERIOD: used, COVARIATE: list(names)},
        attrs={"years": [first, last]},
    )


def _years(panel: xr.Dataset, assignment: Assignment, years: tuple[int, int] | None) -> tuple[int, int]:
    known = panel[PERIOD].to_numpy()
    onset = min(assignment.onsets, default=int(known[-1]) + 1)
    first, last = (int(known[0]), onset - 1) if years is None else years
    if last >= onset:
        raise InputError(f"the years of the propensity score go to {last}, but treatment starts in {onset}")
    if not ((known >= first) & (known <= last)).any():
        raise InputError(f"the panel has no year from {first} to {last}; it has {known[0]} to {known[-1]}")
    return first, last


def _summarised(before: xr.Dataset, name: str, years: tuple[int, int]) -> tuple[Array, Array]:
    variable, summary = summary_of(name)
    if variable not in before.data_vars:
        raise InputError(f'"{variable}" (in [propensity]) is not in the panel; {suggest(variable, map(str, before))}')
    values = before[variable].transpose(UNIT, PERIOD).to_numpy().astype(float)
    if summary != "mean":
        values = np.diff(values, axis=1) / np.diff(before[PERIOD].to_numpy())
    used = np.isfinite(values).sum(axis=1)
    least = 2 if summary == "volatility" else 1
    for unit, count in zip(before[UNIT].to_numpy(), used, strict=True):
        if count < least:
            raise InputError(
                f'{unit} has {count} values for "{name}" from {years[0]} to {years[1]} and needs {least}; '
                "leave the unit or the covariate out"
            )
    if summary == "volatility":
        return np.nanstd(values, axis=1, ddof=1), used
    return np.nanmean(values, axis=1), used


def _label(panel: xr.Dataset, name: str) -> str:
    variable, summary = summary_of(name)
    attrs = panel[variable].attrs
    label = str(attrs.get("label", variable))
    label = f"{label} (log)" if attrs.get("transform") == "log" else label
    return {"mean": label, "growth": f"{label}: growth", "volatility": f"{label}: volatility"}[summary]
