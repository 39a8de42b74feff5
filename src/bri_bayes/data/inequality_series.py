"""Which inequality does a file hold? Group means, SWIID or the World Bank's Gini become one row a unit and period."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.data.inequality import gini, theil_of_groups
from bri_bayes.data.panel import MISSING, Column, load_panel

if TYPE_CHECKING:
    import pandas as pd

SeriesLayout = Literal["groups", "swiid", "wdi"]
# The indicator of the World Bank for the Gini index, 0 to 100.
WDI_GINI = "SI.POV.GINI"
SWIID_COLUMNS = ("country", "year", "gini_disp", "gini_disp_se")


@dataclass(frozen=True)
class GroupColumns:
    """The columns of a file of groups: one row a unit, period and group; ``within`` is the Theil index in a group."""

    unit: str = "unit"
    period: str = "period"
    group: str = "group"
    mean: str = "mean"
    population: str = "population"
    within: str | None = None


@dataclass(frozen=True)
class Series:
    """One row a unit and period, sorted; ``notes`` say what was left out; ``units_of`` the unit of each column."""

    frame: pd.DataFrame
    layout: SeriesLayout
    notes: tuple[str, ...]
    units_of: Mapping[str, str] = field(default_factory=dict)


def read_series(path: str | Path, *, layout: str = "auto", columns: GroupColumns | None = None) -> Series:
    """Read the file of a Gini series or of groups.

    swiid : columns country, year, gini_disp, gini_disp_se (the summary file; index 0 to 100).
    wdi : the World Bank's wide file (Country Code, Indicator Code, a column a year), with or without its preamble.
    groups : see ``GroupColumns``; Theil T and L and Gini between groups (and T within, where a column gives it).
    "auto" goes by the header.
    """
    path = Path(path)
    if layout != "auto" and layout not in get_args(SeriesLayout):
        raise InputError(f'the layout "{layout}" is unknown; {suggest(layout, ("auto", *get_args(SeriesLayout)))}')
    start, header = _header(path)
    found = layout if layout != "auto" else _layout_of(header)
    if found == "swiid":
        return _swiid(path)
    if found == "wdi":
        return _wdi(path, start)
    return _groups(path, columns or GroupColumns())


def _header(path: Path) -> tuple[int, list[str]]:
    """The number of lines before the header, and the header: the World Bank puts a preamble before it."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = [line for _, line in zip(range(12), csv.reader(stream), strict=False)]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text (byte {error.start})") from error
    for number, cells in enumerate(lines):
        if "Country Code" in cells:
            return number, cells
    if not lines:
        raise InputError(f"{path}: is empty")
    return 0, [cell.strip() for cell in lines[0]]


def _layout_of(header: list[str]) -> SeriesLayout:
    if "Country Code" in header:
        return "wdi"
    return "swiid" if {"gini_disp", "country"} <= set(header) else "groups"


def _swiid(path: Path) -> Series:
    """Solt (2020), doi:10.1111/ssqu.12795: the index of disposable income and its standard error."""
    country, year, mean, se = SWIID_COLUMNS
    columns = {"gini": Column(mean), "gini_se": Column(se)}
    panel = load_panel(path, unit=country, period=year, columns=columns)
    frame = panel.to_dataframe().reset_index().dropna(subset="gini")
    missing = int(frame["gini_se"].isna().sum())
    if (frame["gini_se"] < 0).any() or not frame["gini"].between(0, 100).all():
        raise InputError(f"{path}: a Gini index lies between 0 and 100 and its standard error is not negative")
    notes = (f"{missing} of {len(frame)} rows have no standard error",) if missing else ()
    units = {"gini": "index, 0 to 100", "gini_se": "standard error of the index"}
    return Series(frame[["unit", "period", "gini", "gini_se"]].reset_index(drop=True), "swiid", notes, units)


def _wdi(path: Path, start: int) -> Series:
    import pandas as pd

    table = pd.read_csv(path, skiprows=start, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    table = table.loc[:, [name for name in table.columns if not name.startswith("Unnamed")]]
    code = "Indicator Code" if "Indicator Code" in table else "Series Code"
    if code not in table:
        raise InputError(f'{path}: there is no column "Indicator Code" or "Series Code"; is this a file of the WDI?')
    rows = table[table[code] == WDI_GINI]
    if rows.empty:
        raise InputError(f"{path}: no row has the indicator {WDI_GINI}; {suggest(WDI_GINI, table[code].unique())}")
    years = [name for name in rows.columns if name[:4].isdigit()]
    long = rows.melt(id_vars="Country Code", value_vars=years, var_name="period", value_name="text")
    long = long[~long["text"].str.strip().str.lower().isin(MISSING)]
    try:
        values = long["text"].astype(float)
    except ValueError as error:
        raise InputError(f"{path}: a Gini index is not a number ({error})") from None
    if not values.between(0, 100).all():
        raise InputError(
            f"{path}: a Gini index lies between 0 and 100, not {values[~values.between(0, 100)].iloc[0]:g}"
        )
    frame = pd.DataFrame({"unit": long["Country Code"], "period": long["period"].str[:4].astype(int), "gini": values})
    frame = frame.sort_values(["unit", "period"]).reset_index(drop=True)
    note = "the World Bank gives no standard error, and mixes surveys of income and of consumption"
    return Series(frame, "wdi", (note,), {"gini": "index, 0 to 100"})


def _groups(path: Path, columns: GroupColumns) -> Series:
    import pandas as pd

    try:
        table = pd.read_csv(path, encoding="utf-8-sig")
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not a CSV file ({str(error).splitlines()[0]})") from None
    numbers = [columns.mean, columns.population, *([columns.within] if columns.within else [])]
    for name in (columns.unit, columns.period, columns.group, *numbers):
        if name not in table:
            raise InputError(f'{path}: there is no column "{name}"; {suggest(name, table.columns)}')
    for name in numbers:
        if not pd.api.types.is_numeric_dtype(table[name]):
            raise InputError(f'{path}: the column "{name}" has something that is not a number')
    complete = table.dropna(subset=[columns.unit, columns.period, columns.group, *numbers])
    keys = [columns.unit, columns.period]
    if (again := complete.duplicated([*keys, columns.group])).any():
        first = complete[again].iloc[0]
        where = f"{first[columns.unit]} {first[columns.period]}"
        raise InputError(f'{path}: the group "{first[columns.group]}" of {where} has two rows; one is allowed')
    rows = [_row(path, key, part, columns) for key, part in complete.groupby(keys, sort=True)]
    if not rows:
        raise InputError(f"{path}: no row has a mean and a population")
    dropped = len(table) - len(complete)
    notes = [f"{dropped} of {len(table)} rows were left out for a missing value"] if dropped else []
    single = sum(row["groups"] == 1 for row in rows)
    if single:
        notes.append(f"{single} of {len(rows)} unit-periods have a single group: zero between groups, by construction")
    if not columns.within:
        notes.append("no column gives the inequality within groups: these are lower bounds of the whole")
    units = {"theil_t": "nats", "theil_l": "nats", "gini": "index, 0 to 1", "theil_t_within": "nats"}
    return Series(pd.DataFrame(rows), "groups", tuple(notes), units)


def _row(path: Path, key: Any, part: pd.DataFrame, columns: GroupColumns) -> dict[str, Any]:
    means, people = part[columns.mean].to_numpy(float), part[columns.population].to_numpy(float)
    try:
        positive = bool((means > 0).all())
        values = {
            "theil_t": theil_of_groups(means, people).between,
            "theil_l": theil_of_groups(means, people, index="L").between if positive else np.nan,
            "gini": gini(means, people),
        }
        if columns.within:
            values["theil_t_within"] = theil_of_groups(
                means, people, within=part[columns.within].to_numpy(float)
            ).within
    except InputError as error:
        raise InputError(f"{path}: {key[0]} {key[1]}: {error}") from None
    return {"unit": str(key[0]), "period": int(key[1]), "groups": len(part), **values}
