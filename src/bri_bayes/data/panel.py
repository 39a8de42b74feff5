"""What was observed? A CSV file becomes a labelled panel, one number a variable, unit and period; nothing is filled."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import PERIOD, UNIT, PanelKind, Transform
from bri_bayes.core.schema import STRICT
from bri_bayes.data.csv_layout import Grid, Layout, check_requested, read_grid, shown

Panel = xr.Dataset

# How files write a missing number: R, pandas and SQL, Stata's "." and the World Bank's "..".
MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "none", ".", ".."})


@dataclass(frozen=True, config=STRICT)
class Column:
    """A variable of the panel: its column in the file, times ``scale``, then the transform.

    ``units`` are those of the column times ``scale``, before the transform. No label: the name of the column.
    """

    column: str
    transform: Transform = "none"
    label: str = ""
    units: str = ""
    scale: float = 1.0

    @model_validator(mode="after")
    def _usable(self) -> Column:
        if not math.isfinite(self.scale) or self.scale == 0:
            raise ValueError(f"the scale must be finite and not zero, not {self.scale}")
        return self

    @property
    def attrs(self) -> dict[str, Any]:
        """What the variable carries along into designs, figures and tables."""
        return {
            "label": self.label or self.column,
            "units": self.units,
            "transform": self.transform,
            "column": self.column,
            "scale": self.scale,
        }


def load_panel(
    path: str | Path,
    *,
    unit: str,
    period: str,
    columns: Mapping[str, Column] | Sequence[str] | None = None,
    kind: PanelKind = "user",
    label: str | None = None,
    sources: Iterable[str] = (),
    units: Iterable[str] | None = None,
    periods: Iterable[int] | None = None,
    layout: Layout = "auto",
) -> Panel:
    """Read a CSV file in UTF-8, long or wide, with commas, semicolons or tabs.

    Long: one row a unit and period, with the columns ``unit``, ``period`` and the variables. Wide: one row a unit, or
    a unit and variable, and a column a period ("2003", "Y2003", "2003 [YR2003]"); ``period`` then names no column,
    and a file of one variable without a column of variable names takes the single name in ``columns``.

    ``columns`` maps the names of variables to columns; a list of names takes the columns as they are; None takes
    every column that has a number. ``units`` and ``periods`` keep only those: what else the file holds is not judged.

    Dims (unit, period), both sorted; a missing cell, and a missing row, is NaN.
    """
    if kind not in get_args(PanelKind):
        raise InputError(f'{path}: a panel of the kind "{kind}" is unknown; {suggest(kind, get_args(PanelKind))}')
    wanted = _as_columns(columns)
    names = None if wanted is None else [column.column for column in wanted.values()]
    grid = read_grid(path, unit=unit, period=period, columns=names, units=units, periods=periods, layout=layout)
    numbers = {name: _numbers(grid, name) for name in grid.text if wanted is not None or not _is_text(grid, name)}
    if wanted is None:
        wanted = {name: Column(name) for name in numbers}
    raw = xr.Dataset(
        coords={UNIT: np.array(grid.units, dtype=str), PERIOD: np.array(grid.periods, dtype=np.int64)},
        attrs={
            "kind": kind,
            "label": Path(path).name if label is None else label,
            "sources": list(sources),
            "path": Path(path).name,
        },
    )
    return with_columns(raw, numbers, wanted, where=grid.file)


def with_columns(
    frame: xr.Dataset, numbers: Mapping[str, NDArray[np.float64]], columns: Mapping[str, Column], *, where: str
) -> Panel:
    """The coordinates and attributes of ``frame`` with the variables that ``columns`` make of ``numbers``.

    ``numbers[column]`` : (unit, period) in the units of the file; ``where`` opens the message of an error.
    """
    if not columns:
        raise InputError(f"{where}: no column with numbers was found or asked for")
    variables = {}
    for name, column in columns.items():
        if name in (UNIT, PERIOD):
            raise InputError(f'{where}: a variable cannot be called "{name}"; give the column another name')
        if column.column not in numbers:
            raise InputError(f'{where}: there is no column "{column.column}"; {suggest(column.column, numbers)}')
        values = _transformed(frame, numbers[column.column], column, where)
        variables[name] = xr.Variable((UNIT, PERIOD), values, column.attrs)
    return xr.Dataset(variables, coords=frame.coords, attrs=frame.attrs)


def restricted(panel: xr.Dataset, units: Iterable[str], periods: Iterable[int] | None, *, where: str) -> xr.Dataset:
    """Only the given units and periods, in order; one that is not there is refused."""
    chosen = {UNIT: set(units), PERIOD: set(panel[PERIOD].to_numpy().tolist() if periods is None else periods)}
    for dim, values in chosen.items():
        check_requested(panel[dim].to_numpy().tolist(), values, what=dim, where=where)
    return panel.sel({dim: sorted(values) for dim, values in chosen.items()})


def _as_columns(columns: Mapping[str, Column] | Sequence[str] | None) -> dict[str, Column] | None:
    if columns is None:
        return None
    if isinstance(columns, Mapping):
        return dict(columns)
    names = [columns] if isinstance(columns, str) else columns
    return {name: Column(name) for name in names}


def _is_text(grid: Grid, name: str) -> bool:
    """Whether a column that nobody asked for has words and not one number."""
    cells = [cell for _, cell in _present(grid, name)]
    return bool(cells) and all(as_number(cell, decimal_comma=grid.decimal_comma) is None for cell in cells)


def _numbers(grid: Grid, name: str) -> NDArray[np.float64]:
    """The cells of a column as numbers : (unit, period), NaN where missing."""
    values = np.full(grid.text[name].shape, np.nan)
    present = list(_present(grid, name))
    if grid.decimal_comma and all(any(mark in cell for _, cell in present) for mark in ",."):
        raise InputError(f"{grid.file}: {name} has decimal commas and decimal points; use one of them")
    for at, cell in present:
        number = as_number(cell, decimal_comma=grid.decimal_comma)
        if number is None or not math.isfinite(number):
            which = f"{name} of {grid.units[at[0]]} {grid.periods[at[1]]}"
            problem = "not a number" if number is None else "not a finite number"
            raise InputError(f'{grid.file}: row {grid.row[name][at]}: {which} is "{shown(cell)}", {problem}')
        values[at] = number
    return values


def _present(grid: Grid, name: str) -> Iterator[tuple[tuple[int, ...], str]]:
    """Position and text of the cells that are not missing."""
    return ((at, cell) for at, cell in np.ndenumerate(grid.text[name]) if cell.strip().lower() not in MISSING)


def as_number(cell: str, *, decimal_comma: bool) -> float | None:
    """The number that a cell is written for, or None."""
    if "_" in cell:  # float() takes 1_000, a CSV file does not mean it
        return None
    try:
        return float(cell.replace(",", ".") if decimal_comma else cell)
    except ValueError:
        return None


def _transformed(frame: xr.Dataset, numbers: NDArray[np.float64], column: Column, where: str) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        values = numbers * column.scale
    floor = {"none": -np.inf, "log": 0.0, "log1p": -1.0}[column.transform]
    for at in np.argwhere((values <= floor) | (values == np.inf)):
        which = f"{column.column} of {frame[UNIT].to_numpy()[at[0]]} {frame[PERIOD].to_numpy()[at[1]]}"
        rule = f"a finite number above {floor:g}" if np.isfinite(floor) else "a finite number"
        raise InputError(f"{where}: {which} is {values[tuple(at)]:g}; the transform {column.transform} needs {rule}")
    match column.transform:
        case "none":
            return values
        case "log":
            return np.log(values)
        case "log1p":
            return np.log1p(values)
