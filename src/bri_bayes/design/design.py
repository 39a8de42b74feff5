"""Which numbers does a card see? A panel and an assignment become labelled arrays, one row a unit and period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array, Index, Mask
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import (
    COVARIATE,
    EXPOSED_UNIT,
    GROUP,
    MODIFIER,
    OBS,
    PERIOD,
    TREATED_GROUP,
    TREATED_UNIT,
    UNIT,
    WEIGHT,
)
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.panel import period_labels
from bri_bayes.design.fixed_effects import TwoWay
from bri_bayes.design.log_link import log_scaling
from bri_bayes.study.model_card import ModelCard

Design = xr.Dataset

# Variation below this share of a variable's size is rounding, not information.
RELATIVE_ZERO = 1e-9
# Variation of an outcome below so many steps of its floating-point numbers is rounding of sums.
DIGITS_LOST = 256
# The fourth power of a larger outcome, added up over its rows, may overflow.
LARGEST = 1e60


def build_design(panel: xr.Dataset, assignment: Assignment, card: ModelCard) -> Design:
    """Rows of ``panel`` with an outcome and every covariate, for the units of ``assignment``.

    y : (obs,) outcome units; X : (obs, covariate) as given; Z : (obs, modifier) as given;
    treated : (obs,) bool; event_time : (obs,) periods since the onset, NaN for never-treated units;
    weight : (obs,) only where ``panel.attrs["weight"]`` names a variable of positive weights: these, with mean one;
    exposed_time : (obs,) periods since a contaminated control of the card was exposed, NaN elsewhere;
    unit_ix, period_ix : (obs,) positions in the coordinates ``unit`` and ``period``;
    group_ix : (unit,) position of the unit's group in the coordinate ``group``, -1 for none (``shock_groups``).
    Rows are sorted by unit, then period. Units without a single row are left out and named in
    ``attrs["units_without_rows"]``; rows left out for a missing value are counted in ``attrs["rows_dropped"]``.

    Scaling (attrs): ``y_center`` mean; ``y_sd`` total sd; ``y_scale`` sd after unit and period effects, the unit
    of the prior scales; the variables ``x_scale`` and ``z_center``, ``z_scale`` for covariates and modifiers. Under a
    card with a log link (``attrs["log_link"]``) the first three are those of the logarithm of positive levels.
    """
    outcome = card.outcome
    if outcome is None:
        raise InputError(f'the model card "{card.name}" names no outcome; {suggest("", map(str, panel.data_vars))}')
    weight = panel.attrs.get(WEIGHT)
    wanted = [outcome, *card.covariates, *card.modifiers, *([] if weight is None else [weight])]
    for name in wanted:
        if name not in panel.data_vars:
            raise InputError(f'"{name}" is not in the panel; {suggest(name, map(str, panel.data_vars))}')
    _check_assignment(panel, assignment)
    labels, every_year = (panel.variables[dim].values for dim in (UNIT, PERIOD))
    position = {str(label): at for at, label in enumerate(labels)}
    asked = np.array([position[unit] for unit in sorted(assignment.units)], dtype=np.intp)
    asked_names = labels[asked].astype(str)
    values = {
        name: panel.variables[name].transpose(UNIT, PERIOD).values[asked].astype(float)
        for name in dict.fromkeys(wanted)
    }
    complete = np.logical_and.reduce([np.isfinite(value) for value in values.values()])
    rows_dropped = int(complete.size - complete.sum())
    first_of_asked = np.array([_as_float(assignment.first_treated[name]) for name in asked_names])
    event_times = every_year[None, :] - first_of_asked[:, None]
    complete &= ~((event_times < 0) & (event_times >= -card.effects.anticipation))
    unit_rows, period_rows = np.nonzero(complete)
    units, unit_ix = np.unique(unit_rows, return_inverse=True)
    periods, period_ix = np.unique(period_rows, return_inverse=True)
    names, first = asked_names[units], first_of_asked[units]
    years = every_year[periods].astype(int)
    event_time = years[period_ix] - first[unit_ix] if years.size else np.array([])
    groups, group_ix = shock_groups(panel, names, first)
    last = int(years[-1]) if years.size else max(assignment.onsets)
    since = _exposed_since(card, assignment, set(position), names, last)
    exposed_time = years[period_ix] - since[unit_ix] if years.size else np.array([])
    y, treated = values[outcome][unit_rows, period_rows], event_time >= 0
    _check_rows(outcome, panel, assignment, years, first, treated, unit_ix)
    x, z = (_stack(values, named, unit_rows, period_rows) for named in (card.covariates, card.modifiers))
    within = TwoWay(unit_ix, period_ix)
    y_scaling = {} if card.has_log_link else _outcome_scaling(outcome, y, within)
    x_scale = [_covariate_scale(name, column, within) for name, column in zip(card.covariates, x.T, strict=True)]
    z_center, z_scale = _modifier_scale(card.modifiers, z[treated])
    weights = {}
    if weight is not None:
        of_row = values[weight][unit_rows, period_rows]
        weights = {WEIGHT: (OBS, of_row / of_row.mean())}
    # Made in one piece: to add to a dataset copies it, and many designs are made.
    design = xr.Dataset(
        {
            "y": (OBS, y),
            "X": ((OBS, COVARIATE), x),
            "Z": ((OBS, MODIFIER), z),
            "treated": (OBS, treated),
            "event_time": (OBS, event_time),
            "exposed_time": (OBS, np.where(exposed_time >= 0, exposed_time, np.nan)),
            "unit_ix": (OBS, unit_ix),
            "period_ix": (OBS, period_ix),
            "first_treated": (UNIT, first),
            "group_ix": (UNIT, group_ix),
            **weights,
            "x_center": (COVARIATE, x.mean(axis=0)),
            "x_scale": (COVARIATE, np.array(x_scale)),
            "z_center": (MODIFIER, z_center),
            "z_scale": (MODIFIER, z_scale),
        },
        coords=_coordinates(
            {
                UNIT: names,
                PERIOD: years,
                COVARIATE: np.asarray(list(card.covariates)),
                MODIFIER: np.asarray(list(card.modifiers)),
                TREATED_UNIT: names[np.isfinite(first)],
                EXPOSED_UNIT: names[np.isfinite(since)],
                GROUP: groups,
            }
        ),
        attrs={
            "outcome": outcome,
            "rows_dropped": rows_dropped,
            "units_without_rows": np.delete(asked_names, units).tolist(),
            **{key: panel.attrs[key] for key in ("kind", "label", "sources") if key in panel.attrs},
            **{f"outcome_{key}": value for key, value in panel.variables[outcome].attrs.items()},
            **y_scaling,
        },
    )
    if card.has_log_link:
        center, sd, scale = log_scaling(design, card)
        _outcome_scaling(outcome, y, within)  # refuses what no scale can help
        design.attrs.update(log_link=True, y_center=center, y_sd=sd, y_scale=scale)
    return design


def _coordinates(labels: Mapping[str, Array]) -> xr.Coordinates:
    """Labels of each dimension; an index is made once, as most designs share theirs with others."""
    made = {dim: _labelled(dim, tuple(of_dim.tolist()), of_dim.dtype.str) for dim, of_dim in labels.items()}
    return xr.Coordinates(
        {dim: coordinate.variables[dim] for dim, coordinate in made.items()},
        {dim: coordinate.xindexes[dim] for dim, coordinate in made.items()},
    )


@lru_cache(maxsize=512)
def _labelled(dim: str, labels: tuple[Any, ...], dtype: str) -> xr.Coordinates:
    return xr.Coordinates({dim: np.array(labels, dtype=dtype)})


def shock_groups(panel: xr.Dataset, units: Array, first_treated: Array) -> tuple[Array, Array]:
    """Names of the groups that share shocks, and the position of each unit's among them : (unit,), -1 for none.

    The groups are those of the panel, its coordinate ``group`` (an empty name is none). A panel without them has one,
    where two units or more are treated: what those may share that are compared with the rest is what matters.
    """
    if GROUP in panel.coords:
        labels = panel[GROUP].sel({UNIT: units}).to_numpy().astype(str)
    else:
        together = np.isfinite(first_treated) & (np.isfinite(first_treated).sum() > 1)
        labels = np.where(together, TREATED_GROUP, "")
    names = np.unique(labels[labels != ""])
    return names, np.where(labels == "", -1, np.searchsorted(names, labels))


def two_way(design: Design) -> TwoWay:
    """The two-way within transformation of the rows of ``design``."""
    return TwoWay(design.variables["unit_ix"].values, design.variables["period_ix"].values)


def _exposed_since(card: ModelCard, assignment: Assignment, known: set[str], names: Array, last: int) -> Array:
    """First exposed period of each unit : (unit,), NaN for all but the contaminated controls that are there."""
    if card.contamination is None:
        return np.full(len(names), np.nan)
    onset = min(assignment.onsets)
    since = card.contamination.since
    if card.contamination.share is None and since and min(since.values()) > last:
        raise InputError(
            f'the card "{card.name}" exposes nobody before {min(since.values())}, and the last period is {last}: '
            "the panel says nothing about a share"
        )
    for unit, period in since.items():
        if unit not in known:
            raise InputError(f'the card "{card.name}" contaminates "{unit}", not in the panel; {suggest(unit, known)}')
        if unit in assignment.treated_units:
            raise InputError(f'the card "{card.name}" contaminates "{unit}", which is treated; name a control')
        if period < onset:
            raise InputError(
                f'the card "{card.name}" exposes "{unit}" from {period} on, before the first onset {onset}'
            )
    return np.array([_as_float(since.get(str(name))) for name in names])


def _as_float(first: int | None) -> float:
    return np.nan if first is None else float(first)


def _stack(values: dict[Any, Array], names: tuple[str, ...], unit_rows: Any, period_rows: Any) -> Array:
    if not names:
        return np.zeros((unit_rows.size, 0))
    return np.column_stack([values[name][unit_rows, period_rows] for name in names])


def _check_assignment(panel: xr.Dataset, assignment: Assignment) -> None:
    known = set(panel.variables[UNIT].values.astype(str))
    for unit in assignment.units:
        if unit not in known:
            role = "treated unit" if unit in assignment.treated_units else "control unit"
            raise InputError(f'the {role} "{unit}" is not in the panel; {suggest(unit, known)}')
    if not assignment.treated_units:
        raise InputError("the assignment treats no unit")
    if not assignment.never_treated:
        raise InputError("the assignment has no never-treated unit: there are no controls to compare with")


def _check_rows(
    outcome: str, panel: xr.Dataset, assignment: Assignment, years: Array, first: Array, treated: Mask, unit_ix: Index
) -> None:
    if not treated.size:
        raise InputError(f'no unit and period has the outcome "{outcome}" and every covariate')
    for onset in assignment.onsets:
        if not years[0] < onset <= years[-1]:
            labels = period_labels(panel)
            given, begin, end = (labels.get(int(at), str(at)) for at in (onset, years[0], years[-1]))
            raise InputError(
                f"the onset {given} is outside the periods with an outcome: it must be after {begin} "
                f"and not after {end}"
            )
    if not np.isnan(first).any():
        raise InputError(f'no never-treated unit has the outcome "{outcome}": there are no controls to compare with')
    if not treated.any():
        raise InputError(f'no treated unit has the outcome "{outcome}" at or after the onset')
    before = {int(unit) for unit in unit_ix[~treated]}
    if not any(int(unit) in before for unit in unit_ix[treated]):
        raise InputError(f'no treated unit has the outcome "{outcome}" both before and after the onset')


def _outcome_scaling(outcome: str, y: Array, within: TwoWay) -> dict[str, float]:
    """Mean, total sd, and sd after unit and period effects."""
    size = max(abs(float(y.min())), abs(float(y.max())))
    with np.errstate(over="ignore"):
        center, sd = float(y.mean()), float(y.std())
    if size > LARGEST or 0 < sd < 1 / LARGEST:
        raise InputError(
            f'the outcome "{outcome}" has numbers of the size {size:.0e} with sd {sd:.0e}; powers of '
            "such numbers leave the range of the machine: give it in other units"
        )
    # Numbers around 1e12 are stored to a ten-thousandth: what varies by hundreds of that is no constant.
    rounding = DIGITS_LOST * float(np.spacing(size))
    if sd <= rounding:
        raise InputError(f'the outcome "{outcome}" is constant ({center:g})')
    degrees = y.size - within.rank
    residual = within.residuals(y - center)
    scale = float(np.sqrt(residual @ residual / max(degrees, 1)))
    if degrees < 1 or scale <= max(RELATIVE_ZERO * sd, rounding):
        raise InputError(
            f'unit and period effects explain the outcome "{outcome}" completely: {y.size} rows, {within.rank} effects'
        )
    return {"y_center": center, "y_sd": sd, "y_scale": scale}


def _covariate_scale(name: str, x: Array, within: TwoWay) -> float:
    """Sd of a column (obs,) after unit and period effects."""
    residual = within.residuals(x)
    scale = float(np.sqrt(residual @ residual / max(x.size - within.rank, 1)))
    size = float(np.abs(x).max())
    if scale <= RELATIVE_ZERO * max(size, 1e-300):
        shape = "is constant" if np.ptp(x) <= RELATIVE_ZERO * size else "does not vary beyond unit and period effects"
        raise InputError(f'the covariate "{name}" {shape}: its coefficient cannot be estimated')
    return scale


def _modifier_scale(names: Sequence[str], cells: Array) -> tuple[Array, Array]:
    """Mean and sd of each modifier over the treated cells (cell, modifier)."""
    center, scale = cells.mean(axis=0), cells.std(axis=0)
    for name, column, spread in zip(names, cells.T, scale, strict=True):
        if spread <= RELATIVE_ZERO * max(float(np.abs(column).max()), 1e-300):
            raise InputError(f'the effect modifier "{name}" is constant over the treated cells')
    return center, scale
