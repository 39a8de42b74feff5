"""Which cells of a panel of countries have no value, and which are filled? A share by unit and year."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.data.official.check import UNIT, YEAR, read_long
from bri_bayes.data.provenance import MANIFEST, kind_of_file

FILLED_PANEL, FILLED_CELLS = "panel_imputed.csv", "imputed_cells.csv"


@dataclass(frozen=True, eq=False)
class Gaps:
    """``missing`` and ``filled`` : (unit, year), the share of columns without a value, and with one that was filled.

    A year without a row of the unit misses every column. ``kind`` : official where a manifest says so, else user.
    """

    units: tuple[str, ...]
    years: tuple[int, ...]
    columns: tuple[str, ...]
    missing: Array
    filled: Array
    kind: str

    @property
    def worst(self) -> tuple[str, ...]:
        """The units by the share of their cells without a value, the most first; those without a gap left out."""
        share = self.missing.mean(axis=1)
        return tuple(self.units[i] for i in np.argsort(-share, kind="stable") if share[i] > 0)


def gaps_of(path: Path) -> Gaps:
    """Missing and filled cells of a panel; what was filled is known of panel_imputed.csv, by the list beside it."""
    import pandas as pd

    frame = read_long(path)
    if frame[YEAR].dtype.kind not in "iu" or frame.duplicated([UNIT, YEAR]).any():
        raise InputError(f"{path}: a unit and year is there twice, or a year is none; see the findings of `data check`")
    columns = [name for name in frame.columns if name not in (UNIT, YEAR) and frame[name].dtype.kind in "iufb"]
    if not columns:
        raise InputError(f"{path}: there is no column of numbers")
    units = sorted(set(frame[UNIT]))
    years = list(range(int(frame[YEAR].min()), int(frame[YEAR].max()) + 1))
    seen = frame.set_index([UNIT, YEAR])[columns].notna()
    grid = seen.reindex(pd.MultiIndex.from_product([units, years]), fill_value=False)
    missing = 1 - grid.mean(axis=1).to_numpy().reshape(len(units), len(years))
    filled = np.zeros_like(missing)
    listed = path.parent / FILLED_CELLS
    if path.name == FILLED_PANEL and listed.is_file():
        cells = pd.read_csv(listed, keep_default_na=False)
        cells = cells[cells["iso3"].isin(units) & cells["year"].isin(years)]
        at = [units.index(code) for code in cells["iso3"]], [years.index(year) for year in cells["year"]]
        np.add.at(filled, at, 1 / len(columns))
    kind = kind_of_file(path, "official") if (path.parent / MANIFEST).is_file() else "user"
    return Gaps(tuple(units), tuple(years), tuple(columns), missing, filled, kind)
