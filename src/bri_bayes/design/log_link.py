"""What does a card with a log link see? Levels, their unit, the row that each remembers, and where zeros decide.

Levels are divided by their geometric mean G over the positive rows, and the unit of the prior scales is the sd of the
logarithm of positive levels within units and periods: without zeros both are those of a linear card of the logarithm.
So a level in dollars and the same in millions have one posterior of the effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array, Index, Mask
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import EVENT_TIME, PERIOD, TREATED_UNIT, UNIT
from bri_bayes.data.comparable import listed
from bri_bayes.design.fixed_effects import TwoWay
from bri_bayes.study.model_card import ModelCard

# Variation of logarithms below this is rounding.
_ROUNDING = 1e-9


def has_log_effects(design: xr.Dataset) -> bool:
    """Whether effects are log points: of a logarithm, or of a level under a card with a log link."""
    return design.attrs.get("outcome_transform") in ("log", "log1p") or bool(design.attrs.get("log_link"))


def zeros_of_log1p(design: xr.Dataset) -> int:
    """Rows at zero of an outcome that is log(1 + level): a step from zero is as large as the unit of the level says.

    Its effects are no percentages (Chen & Roth 2024, arXiv:2212.06080).
    """
    return int((design["y"].to_numpy() == 0).sum()) if design.attrs.get("outcome_transform") == "log1p" else 0


def levels(design: xr.Dataset) -> Array:
    """The outcome before its transform : (obs,), in the units of its column."""
    y = design["y"].to_numpy()
    match design.attrs.get("outcome_transform"):
        case "log":
            return np.asarray(np.exp(y))
        case "log1p":
            return np.asarray(np.expm1(y))
        case _:
            return y


def log_levels(design: xr.Dataset) -> Array:
    """The logarithm of the levels : (obs,), NaN for zeros."""
    if design.attrs.get("outcome_transform") == "log":
        return design["y"].to_numpy()
    level = levels(design)
    return np.asarray(np.log(level, out=np.full(level.size, np.nan), where=level > 0))


def log_scaling(design: xr.Dataset, card: ModelCard) -> tuple[float, float, float]:
    """Mean, sd, and sd within units and periods of the logarithm of positive levels; refuses what has no log link."""
    _check_levels(design, card)
    y = log_levels(design)
    seen = np.flatnonzero(np.isfinite(y))
    unit, period = (
        np.unique(design[name].to_numpy()[seen], return_inverse=True)[1] for name in ("unit_ix", "period_ix")
    )
    within = TwoWay(unit, period)
    center = float(y[seen].mean())
    residual = within.residuals(y[seen] - center)
    degrees = seen.size - within.rank
    scale = float(np.sqrt(residual @ residual / max(degrees, 1)))
    if degrees < 1 or scale <= _ROUNDING:
        raise InputError(
            f'unit and period effects explain the positive levels of "{design.attrs["outcome"]}" completely: '
            f"{seen.size} rows, {within.rank} effects"
        )
    return center, float(y[seen].std()), scale


@dataclass(frozen=True, eq=False)
class Memory:
    """For each row the last earlier row of its unit with a positive level, which alone has a logarithm to remember.

    ``before`` : (obs,) its position, 0 where there is none; ``gap`` : (obs,) periods since then, 0 where there is none.
    """

    before: Index
    gap: Array

    @property
    def is_first(self) -> Mask:
        """Rows without such a row : (obs,)."""
        return np.asarray(self.gap == 0)


def memory(design: xr.Dataset) -> Memory:
    """A zero says that there was no flow, not how far below its path it was: what follows remembers the row before."""
    unit_ix = design["unit_ix"].to_numpy()
    period = design[PERIOD].to_numpy()[design["period_ix"].to_numpy()].astype(float)
    positive = levels(design) > 0
    rows = np.arange(unit_ix.size)
    last = np.maximum.accumulate(np.where(positive, rows, -1))
    before = np.concatenate([[-1], last[:-1]])
    known = (before >= 0) & (unit_ix[np.maximum(before, 0)] == unit_ix)
    at = np.where(known, before, 0)
    return Memory(at, np.where(known, period - period[at], 0.0))


@dataclass(frozen=True, eq=False)
class LevelRows:
    """Levels as a card with a log link sees them.

    ``level`` : (obs,) over the geometric mean of the positive ones, ``log_level`` : (obs,) its logarithm, 0 for a zero;
    ``flows``, ``zeros`` : positions of positive and of zero levels; ``before``, ``gap``, ``first`` : (obs,) as in
    ``Memory``; ``unit`` : the unit of the prior scales in log points.
    """

    level: Array
    log_level: Array
    flows: Index
    zeros: Index
    before: Index
    gap: Array
    first: Mask
    unit: float


def level_rows(design: xr.Dataset) -> LevelRows:
    """The levels of a design of a card with a log link."""
    log_y = log_levels(design) - design.attrs["y_center"]
    positive = np.isfinite(log_y)
    remembered = memory(design)
    return LevelRows(
        level=np.exp(np.where(positive, log_y, -np.inf)),
        log_level=np.where(positive, log_y, 0.0),
        flows=np.flatnonzero(positive),
        zeros=np.flatnonzero(~positive),
        before=remembered.before,
        gap=remembered.gap,
        first=remembered.is_first,
        unit=float(design.attrs["y_scale"]),
    )


def zeros_that_decide(design: xr.Dataset, card: ModelCard) -> list[str]:
    """Which effects the data leave without an end, because a unit, or an event time, has zeros alone on one side."""
    positive, treated = levels(design) > 0, design["treated"].to_numpy()
    unit_ix, event_time = design["unit_ix"].to_numpy(), design["event_time"].to_numpy()
    units = design[UNIT].to_numpy()
    said = []
    for side, after, end in (("before its onset", False, "upper"), ("from its onset on", True, "lower")):
        names = [
            str(unit)
            for unit in design[TREATED_UNIT].to_numpy()
            if (rows := (units[unit_ix] == unit) & (treated == after)).any() and not positive[rows].any()
        ]
        if names and card.effects.treatment in ("by_unit", "by_unit_event_time"):
            said.append(
                f"{listed(names)}: zeros alone {side}, so the data put no {end} end on the effect in each; what is "
                "said of it is the prior and the other units."
            )
    times = [k for k in np.unique(event_time[treated]) if not positive[treated & (event_time == k)].any()]
    if times and card.effects.treatment in ("event_time", "by_unit_event_time"):
        label = ", ".join(f"{k:.0f}" for k in times)
        said.append(
            f"{EVENT_TIME.replace('_', ' ').capitalize()} {label}: zeros alone in every treated unit, so the "
            "data put no lower end on the effect there; what is said of it is the prior and the other years."
        )
    return said


def _check_levels(design: xr.Dataset, card: ModelCard) -> None:
    """Refuse levels below zero, zeros of a gamma card, and units, periods or sides of the treatment without a flow."""
    outcome, level = design.attrs["outcome"], levels(design)
    family = card.likelihood.family.replace("_", " ")
    wrong = np.flatnonzero(level < 0)
    if wrong.size:
        raise InputError(
            f'the card "{card.name}" ({family}) models levels from zero on: "{outcome}" is {level[wrong[0]]:g} for '
            f"{_cell(design, int(wrong[0]))}"
        )
    positive = level > 0
    if not positive.any():
        raise InputError(f'every level of "{outcome}" is zero: there is nothing to compare')
    if card.likelihood.family == "gamma" and not positive.all():
        row = int(np.flatnonzero(~positive)[0])
        others = int((~positive).sum()) - 1
        raise InputError(
            f'the card "{card.name}" (gamma) takes positive levels alone: "{outcome}" is zero for {_cell(design, row)}'
            f'{f" and {others} more" if others else ""}; the family "negative_binomial" takes zeros'
        )
    for dim, at in ((UNIT, "unit_ix"), (PERIOD, "period_ix")):
        empty = np.bincount(design[at].to_numpy(), positive, design.sizes[dim]) == 0
        if empty.any():
            names = [str(name) for name in design[dim].to_numpy()[empty]]
            raise InputError(
                f'"{outcome}" is zero in every row of {listed(names)}, which says nothing of relative changes: leave '
                f"{'it' if len(names) == 1 else 'them'} out"
            )
    treated = design["treated"].to_numpy()
    ever = np.isfinite(design["event_time"].to_numpy())
    for side, rows in (("before the onset", ever & ~treated), ("from the onset on", treated)):
        if not positive[rows].any():
            raise InputError(
                f'"{outcome}" is zero in every row of the treated units {side}: the change of its logarithm is infinite'
            )


def _cell(design: xr.Dataset, row: int) -> str:
    unit = design[UNIT].to_numpy()[design["unit_ix"].to_numpy()[row]]
    return f'"{unit}" {int(design[PERIOD].to_numpy()[design["period_ix"].to_numpy()[row]])}'
