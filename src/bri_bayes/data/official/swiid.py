"""How unequal is a country's disposable income, and how well is that known? SWIID's summary file at a pinned commit."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from bri_bayes.data.official.sources import SwiidTable
from bri_bayes.data.official.store import Call
from bri_bayes.data.official.transport import RefusedError, shown_url

COLUMNS = ("country", "year", "gini_disp", "gini_disp_se")
GINI_MOST = 100.0


@dataclass(frozen=True)
class Gini:
    """Gini index of disposable income, 0 to 100, and its standard error (None: not given)."""

    iso3: str
    year: int
    index: float
    se: float | None


@dataclass(frozen=True)
class SwiidFile:
    """The rows of countries that could be named, and the names that could not."""

    rows: tuple[Gini, ...]
    unknown: tuple[str, ...]


def swiid_call(table: SwiidTable) -> Call:
    """The summary file at the pinned commit."""
    return Call("swiid", f"{table.address}{table.path.format(commit=table.commit)}", kind="csv")


def read_swiid(call: Call, body: bytes, table: SwiidTable, named: Mapping[str, str], years: range) -> SwiidFile:
    """The rows of ``years``; ``named`` : further names of countries -> ISO code."""
    where = shown_url(call.url)
    try:
        reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise RefusedError(f'{where}: the file has no column "{missing[0]}" any more; the source has changed')
        codes = {**named, **table.names}
        rows, unknown = [], set()
        for line in reader:
            if int(line["year"]) not in years:
                continue
            if line["country"] not in codes:
                unknown.add(line["country"])
                continue
            index, text = float(line["gini_disp"]), line["gini_disp_se"]
            if not 0 < index < GINI_MOST:
                raise ValueError(f"a Gini index of {index:g}")
            se = None if text in ("", "NA") else float(text)
            rows.append(Gini(codes[line["country"]], int(line["year"]), index, se))
    except (UnicodeDecodeError, csv.Error, ValueError, TypeError) as error:
        raise RefusedError(f"{where}: is not the summary file of SWIID ({str(error)[:120]})") from None
    keys = {(row.iso3, row.year) for row in rows}
    if len(keys) < len(rows):
        raise RefusedError(f"{where}: a country and year is there twice; one row is allowed")
    return SwiidFile(tuple(rows), tuple(sorted(unknown)))
