"""Which trade in which product category? A long CSV, or a generator, becomes levels by unit, period and category."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from pydantic import model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import CATEGORY, PERIOD, UNIT, PanelKind
from bri_bayes.core.schema import STRICT
from bri_bayes.data.generators import GENERATED, check_generator, generated
from bri_bayes.data.provenance import kind_of_file, provenance_of_file
from bri_bayes.data.records import read_records
from bri_bayes.data.text_encoding import TextFormat

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, config=STRICT)
class CategoryOutcome:
    """An outcome by category: the rows of the file whose outcome column says ``match`` (None: the outcome's name)."""

    label: str
    match: str | None = None
    units: str = ""


@dataclass(frozen=True, config=STRICT)
class CategorySource:
    """The table [categories] of a study: one row a unit, period and category (and outcome) with a ``value``.

    ``names`` : code of a category -> its name; where given, other categories of the file (a total, say) are not
    read. ``outcome`` : the column that says which of ``outcomes`` a row belongs to. ``periods`` : first and last of a
    panel over years. ``spans`` : pairs of years instead, for a file that has few: the first is the question, a later
    one that ends before the onset is its placebo. ``claimed`` : the categories of which ``claim`` says that they
    gained more than ``against`` (none: than all others). ``level_to_usd`` : US dollars in one unit of the value.
    ``note`` is printed with every answer.
    """

    kind: PanelKind
    outcomes: Mapping[str, CategoryOutcome]
    unit: str = "unit"
    period: str = "period"
    category: str = "category"
    value: str = "value"
    outcome: str | None = None
    label: str | None = None
    sources: tuple[str, ...] = ()
    note: str = ""
    file: Path | None = None
    generator: str | None = None
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    periods: tuple[int, int] | None = None
    spans: tuple[tuple[int, int], ...] = ()
    level_to_usd: float | None = None
    claimed: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    claim: str = ""
    encoding: str | None = None
    missing: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> CategorySource:
        if self.file is not None and self.generator is not None:
            raise ValueError("the categories have a file or a generator, not both")
        if self.generator is not None:
            check_generator(self.generator)
            if self.kind not in GENERATED:
                raise ValueError(f'a generator makes the kind {" or ".join(GENERATED)}, not "{self.kind}"')
        if not self.outcomes:
            raise ValueError("the categories have at least one outcome")
        if len(self.outcomes) > 1 and self.outcome is None and self.generator is None:
            raise ValueError("several outcomes need the column outcome that tells them apart")
        for first, last in [*self.spans, *([self.periods] if self.periods else [])]:
            if first >= last:
                raise ValueError(f"a span is an earlier and a later period, not {first} and {last}")
        for name in (*self.claimed, *self.against):
            if self.names and name not in self.names:
                raise ValueError(f'claimed or against has the category "{name}"; {suggest(name, self.names)}')
        return self

    @property
    def available(self) -> bool:
        """Whether there is something to read."""
        return self.file is not None or self.generator is not None

    @property
    def kind_of_rows(self) -> PanelKind:
        """What the rows are: "official" only where the manifest beside the file does not say otherwise."""
        return kind_of_file(self.file, self.kind)

    def with_file(self, path: str | Path) -> CategorySource:
        """The same categories of the CSV at ``path``; in place of generated ones they are the reader's own ("user")."""
        defaults: dict[str, Any] = {"kind": "user", "label": None, "sources": ()} if self.generator else {}
        return dataclasses.replace(self, **defaults, file=Path(path), generator=None)

    def name_of(self, category: str) -> str:
        """The name of a category, or its code."""
        return self.names.get(category, category)


def load_categories(source: CategorySource) -> xr.Dataset:
    """Levels : (unit, period, category) of each outcome, NaN where there is no row; every unit of the file.

    A zero stays zero here: what has no logarithm is left out, and counted, where logs are taken.
    """
    if source.generator is not None:
        panel = generated(source.generator, source.kind)
        missing = [name for name in source.outcomes if name not in panel]
        if missing:
            raise InputError(
                f'generator "{source.generator}": no outcome "{missing[0]}"; {suggest(missing[0], map(str, panel))}'
            )
        panel = panel[list(source.outcomes)]
    elif source.file is not None:
        panel = _from_rows(_rows(source), source)
    else:
        raise InputError("the file of the categories is not shipped; give its CSV with --panel")
    wanted = list(source.names) or [str(name) for name in panel[CATEGORY].to_numpy()]
    for name in wanted:
        if name not in panel[CATEGORY]:
            known = panel[CATEGORY].to_numpy()
            raise InputError(f'{_where(source)}: there is no category "{name}"; {suggest(name, known)}')
    panel = panel.sel({CATEGORY: wanted})
    if source.periods is not None:
        panel = panel.sel({PERIOD: slice(*source.periods)})
    label = source.label or panel.attrs.get("label") or _where(source)
    sources = list(source.sources) or list(panel.attrs.get("sources", []))
    said = provenance_of_file(source.file, source.kind, label, sources)
    return panel.assign_attrs(kind=said.kind, label=said.label, sources=list(said.sources))


def _where(source: CategorySource) -> str:
    return str(source.file) if source.file is not None else f'generator "{source.generator}"'


def _rows(source: CategorySource) -> pd.DataFrame:
    path = source.file
    assert path is not None, "only called for categories with a file"
    keys = [source.unit, source.period, source.category, *([source.outcome] if source.outcome else [])]
    texts = [name for name in keys if name != source.period]
    records = read_records(
        path,
        texts=texts,
        numbers=[source.value],
        period=source.period,
        text_format=TextFormat(source.encoding, source.missing),
    )
    if records.calendar is None or records.calendar.labelled:
        raise InputError(f'{path}: the column "{source.period}" has no years, and categories are by year')
    frame = records.frame
    # A row without a unit is some area that the file could not name: nothing can be compared with it.
    keep = frame[source.value].notna() & (frame[source.unit] != "")
    if source.names:
        keep &= frame[source.category].isin(list(source.names))
    records = records.take(keep)
    table = records.frame
    if source.outcome is not None:
        matches = {outcome.match or name: name for name, outcome in source.outcomes.items()}
        known = set(table[source.outcome])
        for word in matches:
            if word not in known:
                column = source.outcome
                raise InputError(f'{path}: no row has "{word}" in the column "{column}"; {suggest(word, known)}')
        records = records.take(table[source.outcome].isin(list(matches)))
        table = records.frame
        table[source.outcome] = table[source.outcome].map(matches)
    for name in (source.period, source.category):
        if (blank := (table[name] == "").to_numpy()).any():
            raise InputError(f'{path}: row {records.rows[blank][0]}: "{name}" is empty')
    if (table[source.value] < 0).any():
        raise InputError(f"{path}: a value is negative ({table[source.value].min():g}); trade is zero or more")
    records.refuse_twice(keys)
    return table


def _from_rows(table: pd.DataFrame, source: CategorySource) -> xr.Dataset:
    import pandas as pd

    units = sorted(table[source.unit].unique())
    periods = sorted(int(period) for period in table[source.period].unique())
    if not units:
        raise InputError(f"{source.file}: no row has a value of the wanted categories")
    categories = list(source.names) or sorted(table[source.category].unique())
    missing = [name for name in categories if name not in set(table[source.category])]
    if missing:
        raise InputError(f'{source.file}: there is no category "{missing[0]}"; check [categories.names]')
    variables = {}
    for name in source.outcomes:
        rows = table[table[source.outcome] == name] if source.outcome is not None else table
        at = tuple(
            pd.Index(labels).get_indexer(rows[column].astype(type_))
            for labels, column, type_ in (
                (units, source.unit, str),
                (periods, source.period, int),
                (categories, source.category, str),
            )
        )
        values = np.full((len(units), len(periods), len(categories)), np.nan)
        values[at] = rows[source.value].to_numpy(float)
        variables[name] = ((UNIT, PERIOD, CATEGORY), values)
    coords = {UNIT: np.array(units, dtype=str), PERIOD: np.array(periods, dtype=np.int64), CATEGORY: categories}
    return xr.Dataset(variables, coords=coords)


def growth_rows(
    panel: xr.Dataset, outcome: str, groups: Mapping[str, Sequence[str]], split: int, span: tuple[int, int] | None
) -> list[dict[str, Any]]:
    """Level, share and growth of each category before and after ``split``, as in the paper's Table 1.

    For each group of units together: mean level over the periods, share of the group's total (percent), and mean
    growth a period (percent): the average of yearly growth rates up to the period before ``split``, and from it on.
    With a ``span`` of two years: one average growth rate between them. A rate is that of the units with a value at
    both of its ends, so that a unit that starts late is no growth; ``missing`` counts cells without a value.
    """
    levels = panel[outcome] if span is None else panel[outcome].sel({PERIOD: list(span)})
    rows = []
    for group, units in groups.items():
        chosen = levels.sel({UNIT: [unit for unit in units if unit in levels[UNIT]]})
        totals = chosen.sum(UNIT, skipna=True).to_numpy()  # (period, category)
        missing = chosen.isnull().sum((UNIT, PERIOD)).to_numpy()
        years = levels[PERIOD].to_numpy()
        shares = 100 * totals.sum(axis=0) / totals.sum()
        cells = chosen.transpose(UNIT, PERIOD, CATEGORY).to_numpy()
        for position, category in enumerate(panel[CATEGORY].to_numpy()):
            rows.append(
                {
                    "group": group,
                    "category": str(category),
                    "mean_level": float(totals[:, position].mean()),
                    "share_pct": float(shares[position]),
                    "missing": int(missing[position]),
                    **_growth(cells[:, :, position], years, split, span),
                }
            )
    return rows


def _growth(cells: Any, years: Any, split: int, span: tuple[int, int] | None) -> dict[str, float]:
    """Growth of the sum of ``cells`` : (unit, period), percent a year."""
    both = np.isfinite(cells[:, 1:]) & np.isfinite(cells[:, :-1])
    after, before = (np.where(both, part, 0.0).sum(axis=0) for part in (cells[:, 1:], cells[:, :-1]))
    known = (after > 0) & (before > 0)
    ratio = np.where(known, after / np.where(known, before, 1.0), np.nan)
    if span is not None:
        return {"growth_pct": float(100 * (ratio[0] ** (1 / (span[1] - span[0])) - 1))}
    parts = {"before": ratio[years[1:] < split], "after": ratio[years[1:] >= split]}
    return {
        f"growth_{word}_pct": float(100 * (np.nanmean(part) - 1)) if np.isfinite(part).any() else math.nan
        for word, part in parts.items()
    }
