"""Who exported how much to whom? The flows between all countries by period, of a reader's file or summed over BACI."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from bri_bayes.core.errors import InputError
from bri_bayes.data.baci_stream import UnreadableError, totals_of
from bri_bayes.data.calendar_units import Calendar, calendar_of
from bri_bayes.data.records import read_records
from bri_bayes.data.text_encoding import AS_USUAL, TextFormat
from bri_bayes.data.trade import BACI_COLUMNS, country_codes, header_of
from bri_bayes.data.trade_files import TradeFile, read_side_by_side, trade_files, unpacked

if TYPE_CHECKING:
    import pandas as pd

KEYS = ["exporter", "importer", "period"]


@dataclass(frozen=True)
class FlowColumns:
    """The columns of a file of the reader: one row an exporter, importer and period."""

    exporter: str = "exporter"
    importer: str = "importer"
    period: str = "year"
    value: str = "value"


@dataclass(frozen=True, eq=False)
class Flows:
    """``frame`` : exporter, importer (texts), period (ordinal), value from 0 on; ``calendar`` of the periods.

    ``missing`` : rows without a value, which left; ``filled`` : rows that the file does not have, taken for zero.
    """

    frame: pd.DataFrame
    calendar: Calendar
    missing: int = 0
    filled: int = 0


def read_flows(
    path: Path,
    columns: FlowColumns,
    *,
    years: tuple[int, int] | None = None,
    countries: Path | None = None,
    zeros: bool = False,
    text_format: TextFormat = AS_USUAL,
) -> Flows:
    """The flows of a file; one of BACI (a CSV, a zip or a folder) is known by its header and summed over products.

    ``zeros`` : a pair of countries that trades in some period and has no row in another traded nothing in it, as in
    BACI, where zero flows have no row.
    """
    if _is_baci(path):
        flows = _of_baci(path, years, countries, text_format)
    else:
        flows = _of_reader(path, columns, years, text_format)
    if flows.frame.empty:
        raise InputError(f"{path}: there is no flow{f' in {years[0]}-{years[1]}' if years else ''}")
    return _with_zeros(flows) if zeros else flows


def _is_baci(path: Path) -> bool:
    with unpacked(path):
        for file in trade_files(path):
            with file.opened() as stream:
                if set(BACI_COLUMNS) <= set(header_of(stream)):
                    return True
    return False


def _of_baci(path: Path, years: tuple[int, int] | None, countries: Path | None, text_format: TextFormat) -> Flows:
    import pandas as pd

    def totals(file: TradeFile, stream: IO[bytes]) -> pd.DataFrame | None:
        if not set(BACI_COLUMNS) <= set(header_of(stream)):
            return None
        stream.seek(0)
        try:
            return totals_of(stream, years)
        except UnreadableError as error:
            raise InputError(f"{file.where}: is not a BACI file ({str(error).splitlines()[0]})") from None

    with unpacked(path):
        parts = [part for part in read_side_by_side(trade_files(path), totals) if part is not None]
        names = country_codes(path, countries, text_format)
    together = pd.concat(parts, ignore_index=True)
    numbers = pd.unique(together[["i", "j"]].to_numpy().ravel())
    named = {number: names.get(f"{number:03d}", f"{number:03d}") for number in numbers.tolist()}
    frame = pd.DataFrame(
        {
            "exporter": together["i"].map(named),
            "importer": together["j"].map(named),
            "period": together["t"].astype(np.int64),
            "value": together["v"],
        }
    )
    # Two numbers of one country (a union that ended, say) are one country.
    frame = frame.groupby(KEYS, as_index=False)["value"].sum()
    return Flows(frame, calendar_of(map(str, sorted(frame["period"].unique())), where=str(path), column="t"))


def _of_reader(path: Path, columns: FlowColumns, years: tuple[int, int] | None, text_format: TextFormat) -> Flows:
    import pandas as pd

    texts = [columns.exporter, columns.importer]
    records = read_records(path, texts=texts, numbers=[columns.value], period=columns.period, text_format=text_format)
    for name in (*texts, columns.period):
        if (blank := (records.frame[name] == "").to_numpy()).any():
            raise InputError(f'{path}: row {records.rows[blank][0]}: "{name}" is empty')
    records.refuse_twice([*texts, columns.period])
    assert records.calendar is not None, "a period was asked for"
    if years is not None:
        if records.calendar.labelled:
            raise InputError(f'{path}: --years needs years in the column "{columns.period}"')
        records = records.take((records.ordinals >= years[0]) & (records.ordinals <= years[1]))
    value = records.frame[columns.value].to_numpy(dtype=float)
    if (negative := value < 0).any():
        raise InputError(f'{path}: row {records.rows[negative][0]}: "{columns.value}" is negative; a flow is not')
    frame = pd.DataFrame(
        {
            "exporter": records.frame[columns.exporter],
            "importer": records.frame[columns.importer],
            "period": records.ordinals.astype(np.int64),
            "value": value,
        }
    )
    known = np.isfinite(value)
    calendar = records.calendar
    assert calendar is not None, "taking rows keeps the calendar"
    return Flows(frame[known].reset_index(drop=True), calendar, missing=int((~known).sum()))


def _with_zeros(flows: Flows) -> Flows:
    """A row for each period of every pair that trades in some."""
    import pandas as pd

    frame = flows.frame
    positive = frame.groupby(["exporter", "importer"], as_index=False)["value"].max()
    pairs = positive.loc[positive["value"] > 0, ["exporter", "importer"]]
    periods = pd.DataFrame({"period": np.sort(frame["period"].unique())})
    whole = pairs.merge(periods, how="cross").merge(frame, on=KEYS, how="left")
    filled = int(whole["value"].isna().sum())
    return Flows(whole.fillna({"value": 0.0}), flows.calendar, flows.missing, filled)
