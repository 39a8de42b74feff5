"""Which numbers do the models of product categories see? Logs on one scale, holes named, what was lost counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import CATEGORY, PERIOD, UNIT
from bri_bayes.data.assignment import Assignment

# The shape of the LKJ priors: 1 is uniform over correlation matrices, above 1 leans towards none.
LKJ_SHAPE = 2.0
# A unit with fewer of the categories than this share in a difference says little about their ranking.
LEAST_SHARE = 0.5
# Treated units, and controls, with a difference that a category needs.
LEAST = 2
# Rounds that fill holes by unit and period means: only a start for the sampler.
ROUNDS = 30


@dataclass(frozen=True, eq=False)
class CategoryDesign:
    """What the models see, and what it is made from.

    ``y`` : (unit, period, category) standardised logs, NaN in a hole; ``guess`` : as y, the holes filled, where the
    sampler starts; ``event_time`` : (unit, period) periods since the onset, NaN for never-treated units;
    ``scale`` : log points in one unit of y; ``level`` : (unit, period, category) what was observed; ``span`` : the two
    years whose difference y holds (its period axis has length one), or None for a panel over years.
    """

    y: Array
    guess: Array
    event_time: Array
    level: Array
    scale: float
    units: tuple[str, ...]
    periods: tuple[int, ...]
    categories: tuple[str, ...]
    span: tuple[int, int] | None
    notes: tuple[str, ...]

    @property
    def treated_ix(self) -> Any:
        """Positions of the units with a treated cell."""
        return np.flatnonzero((self.event_time >= 0).any(axis=1))

    @property
    def times(self) -> Any:
        """Event times with a treated cell, sorted : (event_time,)."""
        return np.unique(self.event_time[self.event_time >= 0]).astype(int)

    @property
    def holes(self) -> Any:
        """Positions (unit, period, category) without a value : (hole, 3)."""
        return np.argwhere(~np.isfinite(self.y))

    def fingerprint(self) -> Sequence[Any]:
        """Everything that a posterior depends on, to key a cache."""
        arrays = [np.ascontiguousarray(part).tobytes() for part in (self.y, self.event_time)]
        return [*arrays, list(self.units), list(self.periods), list(self.categories), self.scale, self.span]


def category_panel_design(panel: xr.Dataset, outcome: str, assignment: Assignment) -> CategoryDesign:
    """The panel over years of the units of ``assignment``. A cell without a positive value is a hole.

    A unit with fewer than two values in some category is left out, and a period in which some category has no value
    at all: nothing could be said about their effects.
    """
    levels = _levels(panel, outcome, assignment.units)
    y = _logs(levels.to_numpy())
    seen = np.isfinite(y)
    kept = (seen.sum(axis=1) >= 2).all(axis=1)
    units = [str(unit) for unit in levels[UNIT].to_numpy()]
    notes = [f"{unit} has fewer than two values in some category: left out" for unit in np.array(units)[~kept]]
    periods = seen[kept].any(axis=0).all(axis=1) if kept.any() else np.ones(y.shape[1], dtype=bool)
    years = levels[PERIOD].to_numpy()
    notes += [f"{year}: some category has no value in any unit: left out" for year in years[~periods]]
    y, level = y[kept][:, periods], levels.to_numpy()[kept][:, periods]
    units, years = [unit for unit, keep in zip(units, kept, strict=True) if keep], years[periods]
    first = np.array([_as_float(assignment.first_treated[unit]) for unit in units])
    event_time = years[None, :] - first[:, None]
    _check(event_time, units, outcome)
    lost = int((~np.isfinite(y)).sum())
    if lost:
        zero = int((level == 0).sum())
        notes.append(f"{lost} of {y.size} cells have no value ({zero} are zero): estimated, not filled")
    guess = _filled(y)
    center = guess.mean(axis=(0, 1))
    within = _within(guess)
    degrees = max((y.shape[0] - 1) * (y.shape[1] - 1) * y.shape[2] - lost, 1)
    scale = float(np.sqrt((within[np.isfinite(y)] ** 2).sum() / degrees))
    if not scale > 0:
        raise InputError(f'unit and period effects explain the outcome "{outcome}" completely')
    y, guess = (y - center) / scale, (guess - center) / scale
    years_kept = tuple(int(year) for year in years)
    categories = tuple(str(name) for name in panel[CATEGORY].to_numpy())
    return CategoryDesign(y, guess, event_time, level, scale, tuple(units), years_kept, categories, None, tuple(notes))


def category_difference_design(
    panel: xr.Dataset,
    outcome: str,
    assignment: Assignment,
    span: tuple[int, int],
    controls: Sequence[str],
    *,
    complete: bool = False,
) -> CategoryDesign:
    """The log difference between two years, of the treated units of ``assignment`` and of ``controls``.

    A span that ends before the onset is a placebo: the same units, before the policy. Units with fewer than half of
    the categories in both years are left out; with ``complete`` (a wide pool has enough) every control with a hole.
    """
    for year in span:
        if year not in panel[PERIOD]:
            raise InputError(f"there is no period {year} in the categories; {suggest(str(year), panel[PERIOD].values)}")
    treated = [unit for unit in assignment.treated_units if unit in panel[UNIT]]
    others = [unit for unit in controls if unit in panel[UNIT] and unit not in treated]
    absent = [unit for unit in (*assignment.treated_units, *controls) if unit not in panel[UNIT]]
    levels = panel[outcome].sel({UNIT: [*treated, *others], PERIOD: list(span)}).transpose(UNIT, PERIOD, CATEGORY)
    logs = _logs(levels.to_numpy())
    d = logs[:, 1] - logs[:, 0]
    units = [str(unit) for unit in levels[UNIT].to_numpy()]
    ours = np.isin(units, treated)
    enough = (np.isfinite(d[ours]).sum(axis=0) >= LEAST) & (np.isfinite(d[~ours]).sum(axis=0) >= LEAST)
    categories = [str(name) for name in panel[CATEGORY].to_numpy()]
    d, level = d[:, enough], levels.to_numpy()[:, 1:, enough]
    share = np.isfinite(d).mean(axis=1)
    kept = np.where(ours | (not complete), share >= LEAST_SHARE, share == 1)
    few = [unit for unit, keep in zip(units, kept, strict=True) if not keep]
    notes = [f'"{name}" is left out: too few differences' for name in np.array(categories)[~enough]]
    if absent:
        notes.append(f"not in the file: {_listed(absent)}")
    if few:
        least = "a category missing" if complete else "fewer than half of the categories"
        notes.append(f"left out with {least} in {span[0]} or {span[1]}: {_listed(few)}")
    d, level = d[kept], level[kept]
    units = [unit for unit, keep in zip(units, kept, strict=True) if keep]
    event_time = np.where(np.isin(units, treated), 0.0, np.nan)[:, None]
    _check(event_time, units, outcome, before=False)
    holes = ~np.isfinite(d)
    for word, rows in (("treated", event_time[:, 0] >= 0), ("control", ~(event_time[:, 0] >= 0))):
        if lost := int(holes[rows].sum()):
            size = holes[rows].size
            notes.append(f"{lost} of {size} differences of {word} units have no value: estimated, not filled")
    middle = np.nanmedian(d, axis=0)
    scale = float(np.sqrt(np.nanmean((d - middle) ** 2)))
    if not scale > 0:
        raise InputError(f'the differences of the outcome "{outcome}" are all alike')
    guess = np.where(holes, middle, d)
    y, guess = ((d - middle) / scale)[:, None, :], ((guess - middle) / scale)[:, None, :]
    names = tuple(np.array(categories)[enough].tolist())
    return CategoryDesign(y, guess, event_time, level, scale, tuple(units), (span[1],), names, span, tuple(notes))


def difference_in_differences(design: CategoryDesign) -> Mapping[str, float]:
    """Least squares for each category, log points: the comparison of means that needs no model (holes left out)."""
    y = design.y * design.scale
    if design.span is None:
        after = (design.event_time >= 0).any(axis=0)
        change = np.nanmean(y[:, after], axis=1) - np.nanmean(y[:, ~after], axis=1)
    else:
        change = y[:, 0]
    treated = np.zeros(len(design.units), dtype=bool)
    treated[design.treated_ix] = True
    gap = np.nanmean(change[treated], axis=0) - np.nanmean(change[~treated], axis=0)
    return dict(zip(design.categories, gap.tolist(), strict=True))


def _levels(panel: xr.Dataset, outcome: str, units: Sequence[str]) -> xr.DataArray:
    for unit in units:
        if unit not in panel[UNIT]:
            raise InputError(f'the unit "{unit}" is not in the categories; {suggest(unit, panel[UNIT].to_numpy())}')
    return panel[outcome].sel({UNIT: sorted(units)}).transpose(UNIT, PERIOD, CATEGORY)


def _logs(levels: Array) -> Array:
    positive = levels > 0
    return np.where(positive, np.log(np.where(positive, levels, 1.0)), np.nan)


def _as_float(first: int | None) -> float:
    return np.nan if first is None else float(first)


def _check(event_time: Array, units: Sequence[str], outcome: str, *, before: bool = True) -> None:
    treated = (event_time >= 0).any(axis=1)
    if treated.sum() < 2 or (~treated).sum() < 2:
        raise InputError(
            f'"{outcome}" by category has {int(treated.sum())} treated and {int((~treated).sum())} control units '
            f"({_listed(units)}); at least two of each are needed"
        )
    if before and not (event_time < 0).any():
        raise InputError(f'"{outcome}" by category has no period before the onset')


def _within(values: Array) -> Array:
    unit, period = values.mean(axis=1, keepdims=True), values.mean(axis=0, keepdims=True)
    return np.asarray(values - unit - period + values.mean(axis=(0, 1), keepdims=True))


def _filled(y: Array) -> Array:
    """Holes filled with unit mean + period mean - mean, until they agree."""
    holes = ~np.isfinite(y)
    if not holes.any():
        return y
    filled = np.where(holes, np.nanmean(y, axis=1, keepdims=True), y)
    for _ in range(ROUNDS):
        filled = np.where(holes, filled - _within(filled), y)
    return np.asarray(filled)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"
