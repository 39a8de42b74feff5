"""What was observed? A CSV file becomes a labelled panel, one number a variable, unit and period; nothing is filled."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import PERIOD, PERIOD_LABEL, UNIT, PanelKind, Transform
from bri_bayes.core.schema import STRICT
from bri_bayes.data.calendar_units import gap_notes
from bri_bayes.data.csv_layout import Layout, read_grid
from bri_bayes.data.grid import Grid, check_requested
from bri_bayes.data.number_format import DECIDED, NumberFormat, is_infinite, is_missing, looks_numeric, read_numbers
from bri_bayes.data.refused_cells import refuse_cells
from bri_bayes.data.text_encoding import AS_USUAL, TextFormat
from bri_bayes.data.text_table import check_name, shown

if TYPE_CHECKING:
    import pandas as pd

Panel = xr.Dataset

# Words that a column of numbers may have in place of 1 and 0, when it has nothing else.
TRUE_WORDS, FALSE_WORDS = frozenset({"true", "yes", "t", "y"}), frozenset({"false", "no", "f", "n"})


@dataclass(frozen=True, config=STRICT)
class Column:
    """A variable of the panel: its column in the file, times ``scale``, then the transform.

    ``relative_to`` : a second, positive column by which the first is divided before the transform. ``units`` are those
    of the column times ``scale``, before division and transform. No label: the name of the column.
    """

    column: str
    transform: Transform = "none"
    label: str = ""
    units: str = ""
    scale: float = 1.0
    relative_to: str | None = None

    @model_validator(mode="after")
    def _usable(self) -> Column:
        if not math.isfinite(self.scale) or self.scale == 0:
            raise ValueError(f"the scale must be finite and not zero, not {self.scale}")
        if self.relative_to == self.column:
            raise ValueError(f'the column "{self.column}" relative to itself is one everywhere; name another')
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the file that it is made of."""
        return (self.column,) if self.relative_to is None else (self.column, self.relative_to)

    def level(self, numbers: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """The variable before its transform, from the numbers of each column; NaN where one is missing."""
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            values = numbers[self.column] * self.scale
            return values if self.relative_to is None else values / numbers[self.relative_to]

    @property
    def attrs(self) -> dict[str, Any]:
        """What the variable carries along into designs, figures and tables."""
        return {
            "label": self.label or " / ".join(self.columns),
            "units": self.units,
            "transform": self.transform,
            "column": self.column,
            "scale": self.scale,
            **({} if self.relative_to is None else {"relative_to": self.relative_to}),
        }


def load_panel(
    path: str | Path | pd.DataFrame,
    *,
    unit: str,
    period: str,
    columns: Mapping[str, Column] | Sequence[str] | None = None,
    kind: PanelKind = "user",
    label: str | None = None,
    sources: Iterable[str] = (),
    units: Iterable[str] | None = None,
    periods: Iterable[int] | None = None,
    between: tuple[str, str] | None = None,
    layout: Layout = "auto",
    marks: NumberFormat = DECIDED,
    no_blanks: Collection[str] = (),
    unit_columns: Collection[str] = (),
    text_format: TextFormat = AS_USUAL,
) -> Panel:
    """Read a file, long or wide: CSV in UTF-8, .xlsx, .dta or .parquet, or one of them in a gz or zip; or a data frame.

    Long: one row a unit and period, with the columns ``unit``, ``period`` and the variables. Wide: one row a unit, or
    a unit and variable, and a column a period ("2003", "Y2003", "2003 [YR2003]"); ``period`` then names no column,
    and a file of one variable without a column of variable names takes the single name in ``columns``.

    ``columns`` maps the names of variables to columns; a list of names takes the columns as they are; None takes
    every column that has a number. ``units`` and ``periods`` keep only those: what else the file holds is not judged;
    ``between`` : first and last period, as the file writes them. ``marks`` : decimal mark and separator of thousands
    where the cells do not tell. ``no_blanks`` : columns in which every row of the file must have a value.
    ``unit_columns`` : columns with one text a unit, to ``attrs["unit_columns"]``.
    ``text_format`` : another encoding of a text file, and texts that mean missing.

    Dims (unit, period), both sorted; a missing cell, and a missing row, is NaN. Months, quarters, dates and fiscal
    years are ordinals with their labels in the coordinate ``period_label``; the attribute "unit" of ``period`` says
    what a step is. ``attrs["notes"]``, where there is something to say: sentences about the reading.
    """
    if kind not in get_args(PanelKind):
        raise InputError(f'{path}: a panel of the kind "{kind}" is unknown; {suggest(kind, get_args(PanelKind))}')
    wanted = _as_columns(columns)
    names = None if wanted is None else [name for column in wanted.values() for name in column.columns]
    asked = None if names is None else [*names, *unit_columns]
    grid = read_grid(
        path,
        unit=unit,
        period=period,
        columns=asked,
        units=units,
        periods=periods,
        between=between,
        layout=layout,
        text_format=text_format,
    )
    for name in no_blanks:
        _refuse_blanks(grid, name)
    texts = {name: _unit_text(grid, name) for name in unit_columns}
    notes = [*grid.notes, *gap_notes(grid.calendar.unit, grid.periods), *_alike(grid.units)]
    chosen = [name for name in grid.text if _is_wanted(grid, name)] if names is None else names
    numbers = {name: _numbers(grid, name, marks, notes) for name in dict.fromkeys(chosen)}
    if wanted is None:
        wanted = {name: Column(name) for name in numbers}
    raw = xr.Dataset(
        coords={UNIT: np.array(grid.units, dtype=str), PERIOD: np.array(grid.periods, dtype=np.int64)},
        attrs={
            "kind": kind,
            "label": Path(grid.file).name if label is None else label,
            "sources": list(sources),
            "path": Path(grid.file).name,
            "calendar": grid.calendar,
            **({"notes": notes} if notes else {}),
            **({"unit_columns": texts} if texts else {}),
        },
    )
    raw[PERIOD].attrs["unit"] = grid.calendar.unit
    if grid.calendar.labelled:
        raw = raw.assign_coords({PERIOD_LABEL: (PERIOD, np.array(grid.labels, dtype=str))})
    return with_columns(raw, numbers, wanted, where=grid.file)


def period_labels(panel: xr.Dataset) -> dict[int, str]:
    """Ordinal -> the period as the file writes it; for years the number itself."""
    periods = [int(period) for period in panel[PERIOD].to_numpy()]
    labels = panel[PERIOD_LABEL].to_numpy() if PERIOD_LABEL in panel.coords else periods
    return {period: str(label) for period, label in zip(periods, labels, strict=True)}


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
        for part in column.columns:
            if part not in numbers:
                raise InputError(f'{where}: there is no column "{part}"; {suggest(part, numbers)}')
        values = _transformed(frame, numbers, column, where)
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


def _is_wanted(grid: Grid, name: str) -> bool:
    """Whether a column that nobody asked for has a number, or nothing at all."""
    cells = [cell for cell in grid.text[name].ravel() if not is_missing(cell)]
    return not cells or looks_numeric(cells)


def _numbers(grid: Grid, name: str, marks: NumberFormat, notes: list[str]) -> NDArray[np.float64]:
    """The cells of a column as numbers : (unit, period), NaN where missing."""
    text = grid.text[name]
    words = {cell.strip().lower() for cell in dict.fromkeys(text.ravel()) if not is_missing(cell)}
    if words and words <= TRUE_WORDS | FALSE_WORDS:
        codes = {True: 1.0, False: 0.0}
        cells = [np.nan if is_missing(cell) else codes[cell.strip().lower() in TRUE_WORDS] for cell in text.ravel()]
        return np.array(cells).reshape(text.shape)
    read = read_numbers(
        text.ravel(), where=f"{grid.file}: {name}", delimiter=grid.delimiter, marks=marks, others=grid.others
    )
    for flat in read.bad:
        at = np.unravel_index(flat, text.shape)
        which = f"{name} of {grid.units[at[0]]} {grid.labels[at[1]]}"
        problem = "not a finite number" if is_infinite(text[at]) else "not a number"
        raise InputError(f'{grid.file}: row {grid.row[name][at]}: {which} is "{shown(text[at])}", {problem}')
    if read.unit == "%":
        notes.append(f'The numbers of "{name}" are in percent, as the file writes them: 12.5% is 12.5.')
    return read.values.reshape(text.shape)


def _refuse_blanks(grid: Grid, name: str) -> None:
    """Refuse a column with rows that say nothing: who was treated is not a gap to be filled."""
    text, rows = grid.text[name], grid.row[name]
    blank = np.array([is_missing(cell) for cell in text.ravel()]).reshape(text.shape) & (rows > 0)
    if blank.any():
        cells = np.argwhere(blank)[:3]
        named = ", ".join(f"{grid.units[i]} {grid.labels[t]} (row {rows[i, t]})" for i, t in cells)
        more = f" and {int(blank.sum()) - 3} more" if blank.sum() > 3 else ""
        raise InputError(
            f'{grid.file}: the treatment column "{name}" is empty for {named}{more}; it needs a value in every row'
        )


def _alike(units: Sequence[str]) -> tuple[str, ...]:
    """What a reader must know where two units have one name but for capitals, which is a slip more often than not."""
    seen: dict[str, str] = {}
    pairs = [(seen[unit.casefold()], unit) for unit in units if seen.setdefault(unit.casefold(), unit) != unit]
    if not pairs:
        return ()
    more = f", and {len(pairs) - 1} more such pairs" if len(pairs) > 1 else ""
    return (f'"{pairs[0][0]}" and "{pairs[0][1]}" differ in capitals alone and are read as two units{more}.',)


def _unit_text(grid: Grid, name: str) -> dict[str, str]:
    """Unit -> the one text of a column that may not change within a unit; "" where no row has one."""
    texts = {}
    for unit, cells, rows in zip(grid.units, grid.text[name], grid.row[name], strict=True):
        given = {cell.strip() for cell in cells[rows > 0]}
        if len(given) > 1:
            listed = " and ".join(f'"{shown(text)}"' for text in sorted(given)[:2])
            raise InputError(f'{grid.file}: "{name}" of {unit} is {listed}; a unit has one value')
        texts[unit] = next(iter(given), "")
        check_name(texts[unit], where=grid.file, what=f'"{name}" of {unit}')
    return texts


def _transformed(
    frame: xr.Dataset, numbers: Mapping[str, NDArray[np.float64]], column: Column, where: str
) -> NDArray[np.float64]:
    units, periods = frame[UNIT].to_numpy().tolist(), list(period_labels(frame).values())
    if column.relative_to is not None:
        divisor = numbers[column.relative_to]
        wrong = (divisor <= 0) & np.isfinite(numbers[column.column])
        need = f'what "{column.column}" is relative to is positive'
        refuse_cells(divisor, wrong, units, periods, f"{where}: {column.relative_to}", need)
    values = column.level(numbers)
    floor = {"none": -np.inf, "log": 0.0, "log1p": -1.0}[column.transform]
    rule = f"a finite number above {floor:g}" if np.isfinite(floor) else "a finite number"
    need = f"the transform {column.transform} needs {rule}"
    wrong = (values <= floor) | (values == np.inf)
    other = {"none": "", "log": ", or take another transform, as none", "log1p": ", or no transform"}[column.transform]
    if column.transform == "log" and wrong.any() and (values[wrong] == 0).all():
        other = ", or keep zeros: estimate has --family poisson, and a study the card did_negative_binomial"
    refuse_cells(values, wrong, units, periods, f"{where}: {column.column}", need, other)
    match column.transform:
        case "none":
            return values
        case "log":
            return np.log(values)
        case "log1p":
            return np.log1p(values)
