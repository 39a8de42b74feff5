"""Which products were traded, for how much and in which quantity? BACI files and the reader's own become one table.

BACI (Gaulier & Zignago 2010, CEPII working paper 2010-23) has one file a year with the columns t (year), i (exporter),
j (importer), k (HS6 product), v (thousand current US dollars) and q (metric tons, NA where unknown); zero flows have
no row. A zip, or the folder that was unpacked from it, holds several years, and a table of countries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.data.baci_stream import UnreadableError, flows_of
from bri_bayes.data.records import read_records
from bri_bayes.data.text_encoding import AS_USUAL, TextFormat
from bri_bayes.data.text_table import read_table
from bri_bayes.data.trade_files import TradeFile, read_side_by_side, trade_files, unpacked

if TYPE_CHECKING:
    import pandas as pd

CHINA = 156
BACI_COLUMNS = ("t", "i", "j", "k", "v", "q")
FLOWS = ("export", "import")
TEXTS = ("flow", "unit", "product")
KEYS = ["flow", "period", "unit", "product"]
# Lines read at a time where a file has a fault: a year of the world has about eleven million.
CHUNK = 2_000_000
# Names of the columns with the code of a country in the releases of BACI.
CODE_COLUMNS = ("country_code",)
ISO3_COLUMNS = ("country_iso3", "iso_3digit_alpha")


@dataclass(frozen=True)
class TradeColumns:
    """The columns of a file of the reader: one row a unit (partner), period, product and (where named) flow."""

    unit: str = "unit"
    period: str = "period"
    product: str = "product"
    value: str = "value"
    quantity: str = "quantity"
    flow: str | None = None


def read_trade(
    path: str | Path,
    *,
    reporter: int = CHINA,
    years: tuple[int, int] | None = None,
    products: Sequence[str] = (),
    countries: Path | None = None,
    columns: TradeColumns | None = None,
    text_format: TextFormat = AS_USUAL,
) -> pd.DataFrame:
    """Rows flow ("export" or "import", seen from ``reporter``), period, unit, product (text), value, quantity.

    The texts are categorical, their categories sorted: twenty years of a large country are eleven million rows.
    BACI is known by its header, as CSV, zip or folder; value is thousand US dollars, quantity metric tons, unit the
    ISO code of the partner where the release or ``countries`` has one, else BACI's number in three digits. Any other
    CSV has ``columns`` and whatever units it uses. ``products`` : first digits of the codes to keep. A missing or zero
    quantity stays in the table: who uses the rows says how many were lost.
    """
    path = Path(path)
    names = TradeColumns() if columns is None else columns
    with unpacked(path):
        parts = _tables(path, names, reporter, years, text_format)
        codes = country_codes(path, countries, text_format)
    if not parts:
        raise InputError(f"{path}: no file with the columns {', '.join(BACI_COLUMNS)} is inside")
    table = _together(parts)
    if products:
        wanted = table["product"].cat.categories
        wanted = wanted[wanted.str.startswith(tuple(products))]
        table = table[table["product"].isin(wanted)].reset_index(drop=True)
    if table.empty:
        which = f" of the products {', '.join(products)}" if products else ""
        between = f" in {years[0]}-{years[1]}" if years else ""
        raise InputError(f"{path}: there is no trade{which}{between} with the reporter {reporter}")
    if codes and columns is None:
        table["unit"] = _renamed(table["unit"], codes)
    if (again := _repeated(table)).any():
        first = table[again].iloc[0]
        raise InputError(
            f"{path}: {int(again.sum())} rows repeat a flow, period, unit and product, the first is "
            f"{' '.join(str(first[key]) for key in KEYS)}; one row is allowed"
        )
    return table


def country_codes(path: Path, countries: Path | None, text_format: TextFormat = AS_USUAL) -> dict[str, str]:
    """BACI's number in three digits -> ISO code of three letters, from ``countries`` or from the zip itself."""
    import pandas as pd

    if countries is not None:
        table = read_table(countries, CODE_COLUMNS[0], text_format)
        return _codes({name: table.columns[at] for at, name in enumerate(table.header)}, countries)
    for file in trade_files(path):
        if file.name is not None and "country_codes" in file.name.lower():
            try:
                with file.opened() as stream:
                    return _codes(pd.read_csv(stream, dtype=str, keep_default_na=False), path)
            except ValueError as error:
                raise InputError(f"{file.where}: is no table of countries ({str(error).splitlines()[0]})") from None
    return {}


def header_of(stream: IO[bytes]) -> list[str]:
    """The names in the first line of a CSV with commas."""
    return stream.readline().decode("utf-8-sig", errors="replace").strip().replace('"', "").split(",")


def _together(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all parts. A column leaves the parts as it is joined: both never stand in memory whole."""
    import pandas as pd
    from pandas.api.types import union_categoricals

    columns: dict[str, Any] = {}
    for name in list(parts[0]):
        pieces = [part.pop(name) for part in parts]
        if name in TEXTS:
            columns[name] = union_categoricals([piece.astype("category") for piece in pieces], sort_categories=True)
        else:
            columns[name] = pd.concat(pieces, ignore_index=True)
    return pd.DataFrame(columns, copy=False)


def _renamed(texts: pd.Series, names: Mapping[Any, str]) -> pd.Series:
    """A categorical column under other names where there is one; two categories may get the same name."""
    import pandas as pd

    changed = [names.get(text, text) for text in texts.cat.categories]
    position = {name: at for at, name in enumerate(sorted(set(changed)))}
    codes = np.array([position[name] for name in changed], dtype=np.int32)[texts.cat.codes]
    return pd.Series(pd.Categorical.from_codes(codes, pd.Index(position, dtype=str)), index=texts.index)


def _repeated(table: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Rows whose keys an earlier row has : (n,). A row's keys are one integer."""
    import pandas as pd

    key = np.zeros(len(table), dtype=np.int64)
    for name in KEYS:
        column = table[name].astype("category").cat
        key = key * len(column.categories) + column.codes.to_numpy()
    if (np.diff(np.sort(key)) > 0).all():
        return np.zeros(len(table), dtype=bool)
    return np.asarray(pd.Series(key).duplicated())


def _tables(
    path: Path, names: TradeColumns, reporter: int, years: tuple[int, int] | None, text_format: TextFormat
) -> list[pd.DataFrame]:
    def tables_of(file: TradeFile, stream: IO[bytes]) -> list[pd.DataFrame]:
        header = header_of(stream)
        stream.seek(0)
        if set(BACI_COLUMNS) <= set(header):
            return _baci(stream, file.where, reporter, years)
        return [] if file.name is not None else [_own(path, names, years, text_format)]

    return [table for tables in read_side_by_side(trade_files(path), tables_of) for table in tables]


def _baci(stream: IO[bytes], where: str, reporter: int, years: tuple[int, int] | None) -> list[pd.DataFrame]:
    """The rows of the reporter, read in blocks; a file with a fault is read again line by line, to say where."""
    try:
        return [_flows(kept, kept["q"], reporter) for kept in flows_of(stream, reporter, years)]
    except UnreadableError:
        stream.seek(0)
        _refuse_short_rows(stream, where)
        stream.seek(0)
        with np.errstate(invalid="ignore"):  # a text that is no integer is refused after its cast
            return list(_baci_by_lines(stream, where, reporter, years))


def _refuse_short_rows(stream: IO[bytes], where: str) -> None:
    """A row that ends early, which the reader by lines would take for one with a blank."""
    fields = stream.readline().count(b",")
    for row, line in enumerate(stream, 2):
        if line.count(b",") < fields and line.strip():
            raise InputError(f"{where}: row {row} has fewer fields than the header; is the file cut off?")


def _baci_by_lines(
    stream: IO[bytes], where: str, reporter: int, years: tuple[int, int] | None
) -> Iterator[pd.DataFrame]:
    """The same by millions of lines. Nothing is taken for missing but NA and a blank as quantity."""
    import pandas as pd

    types: dict[str, Any] = {"t": "int32", "i": "int32", "j": "int32", "k": str, "v": float, "q": str}
    try:
        for chunk in pd.read_csv(stream, dtype=types, keep_default_na=False, skipinitialspace=True, chunksize=CHUNK):
            kept = chunk[(chunk["i"] == reporter) | (chunk["j"] == reporter)]
            if years is not None:
                kept = kept[kept["t"].between(*years)]
            text = kept["q"].str.strip()
            quantity = pd.to_numeric(text, errors="coerce")
            unreadable = quantity.isna() & ~text.isin(["NA", ""])
            if unreadable.any():
                raise InputError(f'{where}: the quantity "{kept["q"][unreadable].iloc[0]}" is not a number')
            yield _flows(kept, quantity, reporter)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{where}: is not a BACI file ({str(error).splitlines()[0]})") from None


def _flows(kept: pd.DataFrame, quantity: pd.Series, reporter: int) -> pd.DataFrame:
    """Rows of BACI as seen from the reporter."""
    import pandas as pd

    exported = kept["i"] == reporter
    partner = kept["j"].where(exported, kept["i"]).astype("category")
    product = kept["k"].astype("category")
    products = {code: code.strip().zfill(6) for code in product.cat.categories}
    return pd.DataFrame(
        {
            "flow": pd.Categorical.from_codes((~exported).astype(np.int8), pd.Index(FLOWS, dtype=str)),
            "period": kept["t"],
            "unit": _renamed(partner, {number: f"{number:03d}" for number in partner.cat.categories}),
            "product": _renamed(product, products),
            "value": kept["v"],
            "quantity": quantity,
        }
    )


def _own(path: Path, names: TradeColumns, years: tuple[int, int] | None, text_format: TextFormat) -> pd.DataFrame:
    texts = [names.unit, names.product, *([names.flow] if names.flow is not None else [])]
    numbers = [names.value, names.quantity]
    records = read_records(path, texts=texts, numbers=numbers, period=names.period, text_format=text_format)
    if names.flow is not None:
        for flow in sorted(set(records.frame[names.flow]) - set(FLOWS)):
            raise InputError(f'{path}: the flow "{flow}" is unknown; {suggest(flow, FLOWS)}')
    keys = [names.unit, names.period, names.product]
    for name in keys:
        if (blank := (records.frame[name] == "").to_numpy()).any():
            raise InputError(f'{path}: row {records.rows[blank][0]}: "{name}" is empty')
    if years is not None:
        if records.calendar is None or records.calendar.labelled:
            raise InputError(f'{path}: --years needs years in the column "{names.period}"')
        records = records.take((records.ordinals >= years[0]) & (records.ordinals <= years[1]))
    frame = records.frame
    flow = frame[names.flow] if names.flow is not None else "export"
    renamed = {names.unit: "unit", names.period: "period", names.product: "product"}
    renamed |= {names.value: "value", names.quantity: "quantity"}
    table = frame.rename(columns=renamed).assign(flow=flow)
    return table[["flow", "period", "unit", "product", "value", "quantity"]]


def _codes(columns: Any, where: Path) -> dict[str, str]:
    code = next((name for name in CODE_COLUMNS if name in columns), None)
    iso3 = next((name for name in ISO3_COLUMNS if name in columns), None)
    if code is None or iso3 is None:
        raise InputError(f"{where}: the table of countries needs country_code and one of {', '.join(ISO3_COLUMNS)}")
    return {str(number).zfill(3): str(letters) for number, letters in zip(columns[code], columns[iso3], strict=True)}
