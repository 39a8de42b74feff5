"""Which inequality does a file hold? Group means, SWIID or the World Bank's Gini become one row a unit and period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.data.inequality import gini, theil_of_groups, theil_of_lognormal
from bri_bayes.data.panel import Column, load_panel
from bri_bayes.data.records import read_records
from bri_bayes.data.text_encoding import AS_USUAL, TextFormat
from bri_bayes.data.text_table import read_table

if TYPE_CHECKING:
    import pandas as pd

SeriesLayout = Literal["groups", "swiid", "wdi"]
# The indicator of the World Bank for the Gini index, 0 to 100.
GINI_MOST = 100.0
WDI_GINI = "SI.POV.GINI"
COUNTRY_CODE, INDICATOR_CODES = "Country Code", ("Indicator Code", "Series Code")
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


def read_series(
    path: str | Path,
    *,
    layout: str = "auto",
    columns: GroupColumns | None = None,
    text_format: TextFormat = AS_USUAL,
) -> Series:
    """Read the file of a Gini series or of groups.

    swiid : columns country, year, gini_disp, gini_disp_se (the summary file; index 0 to 100).
    wdi : the World Bank's wide file (Country Code, Indicator Code, a column a year), with or without its preamble.
    groups : see ``GroupColumns``; Theil T and L and Gini between groups (and T within, where a column gives it).
    "auto" goes by the header.
    """
    path = Path(path)
    if layout != "auto" and layout not in get_args(SeriesLayout):
        raise InputError(f'the layout "{layout}" is unknown; {suggest(layout, ("auto", *get_args(SeriesLayout)))}')
    header = _header(path, text_format)
    known = layout if layout != "auto" else _layout_of(header)
    if known == "swiid":
        return _swiid(path, text_format)
    if known == "wdi":
        return _wdi(path, header, text_format)
    return _groups(path, columns or GroupColumns(), text_format)


def _header(path: Path, text_format: TextFormat) -> list[str]:
    """The names of the columns; the World Bank puts lines before them."""
    return read_table(path, COUNTRY_CODE, text_format).header


def _layout_of(header: list[str]) -> SeriesLayout:
    if COUNTRY_CODE in header:
        return "wdi"
    return "swiid" if {"gini_disp", "country"} <= set(header) else "groups"


def _swiid(path: Path, text_format: TextFormat) -> Series:
    """Solt (2020), doi:10.1111/ssqu.12795: the index of disposable income and its standard error."""
    country, year, mean, se = SWIID_COLUMNS
    columns = {"gini": Column(mean), "gini_se": Column(se)}
    panel = load_panel(path, unit=country, period=year, columns=columns, text_format=text_format)
    frame = panel.to_dataframe().reset_index().dropna(subset="gini")
    missing = int(frame["gini_se"].isna().sum())
    if (frame["gini_se"] < 0).any() or not frame["gini"].between(0, 100).all():
        raise InputError(f"{path}: a Gini index lies between 0 and 100 and its standard error is not negative")
    notes = (f"{missing} of {len(frame)} rows have no standard error",) if missing else ()
    units = {"gini": "index, 0 to 100", "gini_se": "standard error of the index"}
    return _with_lognormal(
        Series(frame[["unit", "period", "gini", "gini_se"]].reset_index(drop=True), "swiid", notes, units)
    )


def _wdi(path: Path, header: list[str], text_format: TextFormat) -> Series:
    code = next((name for name in INDICATOR_CODES if name in header), None)
    if code is None:
        raise InputError(f'{path}: there is no column "Indicator Code" or "Series Code"; is this a file of the WDI?')
    columns = {"gini": Column(WDI_GINI)}
    panel = load_panel(path, unit=COUNTRY_CODE, period="", columns=columns, layout="wide", text_format=text_format)
    frame = panel.to_dataframe().reset_index().dropna(subset="gini")[["unit", "period", "gini"]]
    within = frame["gini"].between(0, 100)
    if not within.all():
        raise InputError(f"{path}: a Gini index lies between 0 and 100, not {frame['gini'][~within].iloc[0]:g}")
    note = "the World Bank gives no standard error, and mixes surveys of income and of consumption"
    return _with_lognormal(Series(frame.reset_index(drop=True), "wdi", (note,), {"gini": "index, 0 to 100"}))


def _with_lognormal(series: Series) -> Series:
    """The same with the Theil index that the Gini (0 to 100) would have if incomes were lognormal."""
    frame = series.frame
    errors = frame["gini_se"] if "gini_se" in frame else np.full(len(frame), np.nan)
    # Where one has everything no lognormal does.
    below = frame["gini"].where(frame["gini"] < GINI_MOST)
    index, error = theil_of_lognormal(below / GINI_MOST, errors / GINI_MOST)
    frame = frame.assign(theil_lognormal=index)
    units = {**series.units_of, "theil_lognormal": "nats, from the Gini index as if incomes were lognormal"}
    if "gini_se" in frame:
        frame = frame.assign(theil_lognormal_se=error)
        units["theil_lognormal_se"] = "standard error by the delta method"
    return Series(frame, series.layout, series.notes, units)


def _groups(path: Path, columns: GroupColumns, text_format: TextFormat) -> Series:
    import pandas as pd

    numbers = [columns.mean, columns.population, *([columns.within] if columns.within else [])]
    texts = [columns.unit, columns.group]
    records = read_records(path, texts=texts, numbers=numbers, period=columns.period, text_format=text_format)
    keys = [columns.unit, columns.period]
    frame = records.frame
    blank = (frame[[*keys, columns.group]] == "").any(axis=1)
    complete = records.take(~blank & frame[numbers].notna().all(axis=1))
    complete.refuse_twice([*keys, columns.group])
    rows = [_row(path, key, part, columns) for key, part in complete.frame.groupby(keys, sort=True)]
    if not rows:
        raise InputError(f"{path}: no row has a mean and a population")
    dropped = len(frame) - len(complete.frame)
    notes = [f"{dropped} of {len(frame)} rows were left out for a missing value"] if dropped else []
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
    return {"unit": str(key[0]), "period": key[1], "groups": len(part), **values}
