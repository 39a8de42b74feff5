"""Which official data does a downloaded file hold? Its header tells, and it becomes columns by country and year.

panel       iso3, year and columns of numbers: taken as it is
extract     iso3, year, flow, classification, code, value_usd: one row a product; SITC codes become columns, what is
            called SUM or TOTAL, or the sum over HS codes, is all goods; codes of HS2002 are summed to groups, too
comtrade    the CSV that UN Comtrade's own page writes (refYear, flowCode, partnerISO, cmdCode, primaryValue)
world_bank  the wide CSV of the World Bank (Country Code, Indicator or Series Code, a column a year)
swiid       SWIID's summary file (country, year, gini_disp, gini_disp_se)
gcdf        AidData's projects of Chinese finance; un_votes : ideal points in the General Assembly
baci        CEPII's BACI, CSV, zip or folder: China's flows, over all products and those of each high-technology group
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bri_bayes.core.errors import InputError
from bri_bayes.data.inequality_series import COUNTRY_CODE, INDICATOR_CODES
from bri_bayes.data.official.check import read_long
from bri_bayes.data.official.comtrade import FLOWS
from bri_bayes.data.official.goods import Goods, product_group, sums_by_group
from bri_bayes.data.official.mechanism_files import GCDF, UN_VOTES, read_gcdf, read_un_votes
from bri_bayes.data.official.sources import Sources
from bri_bayes.data.official.store import Call
from bri_bayes.data.official.swiid import read_swiid
from bri_bayes.data.panel import Column, load_panel
from bri_bayes.data.regions import regions
from bri_bayes.data.text_table import read_table
from bri_bayes.data.trade import BACI_COLUMNS, read_trade

if TYPE_CHECKING:
    import pandas as pd

KEYS = ["iso3", "year"]
EXTRACT = ("iso3", "year", "flow", "classification", "code", "value_usd")
COMTRADE = ("refYear", "flowCode", "partnerISO", "cmdCode", "classificationCode", "primaryValue")
SWIID = ("country", "year", "gini_disp", "gini_disp_se")
ALL_GOODS = ("SUM", "TOTAL")
# Products of the edition of the HS that the definitions of goods are in.
HS2002 = "HS2002"
# BACI counts thousands of dollars.
BACI_SCALE = 1000.0
_LONGEST_HEADER = 10_000


@dataclass(frozen=True, eq=False)
class FileTable:
    """What a file holds: ``frame`` has the index (iso3, year); ``notes`` say what was left out.

    ``products`` : of a file with quantities, the rows unit, period, flow, product, value, quantity of high technology.
    """

    kind: str
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    products: pd.DataFrame | None = None


def read_official_file(path: Path, sources: Sources, named: Mapping[str, str], goods: Goods) -> FileTable:
    """The columns of a file by country and year; ``named`` : names of countries -> ISO code."""
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    if _is_baci(path):
        return _baci(path, goods)
    header = set(_header(path))
    # The first whose columns the header has; a panel asks for the fewest.
    readers: tuple[tuple[bool, Callable[[], FileTable]], ...] = (
        (set(EXTRACT) <= header, lambda: _extract(path, goods)),
        (set(COMTRADE) <= header, lambda: _comtrade(path, sources)),
        (COUNTRY_CODE in header and bool(header & set(INDICATOR_CODES)), lambda: _world_bank(path, sources)),
        (set(SWIID) <= header, lambda: _swiid(path, sources, named)),
        (set(GCDF) <= header, lambda: FileTable("gcdf", *read_gcdf(path))),
        (set(UN_VOTES) <= header, lambda: _un_votes(path, sources, named)),
        (set(KEYS) <= header, lambda: _panel(path)),
    )
    for fits, read in readers:
        if fits:
            return read()
    raise InputError(
        f"{path}: is none of the files that can be imported (a panel with iso3 and year, an extract of trade, a CSV of "
        "UN Comtrade or of the World Bank, SWIID's summary file, BACI, AidData's GCDF, ideal points of UN votes)"
    )


def country_names(paths: Sequence[Path]) -> dict[str, str]:
    """Names of countries -> ISO code, from the World Bank's files among ``paths``."""
    names: dict[str, str] = {}
    for path in paths:
        if path.is_file() and path.suffix.lower() == ".csv" and not _is_baci(path) and COUNTRY_CODE in _header(path):
            table = read_table(path, COUNTRY_CODE)
            at = table.position(COUNTRY_CODE), table.position("Country Name")
            names |= dict(zip(table.columns[at[1]], table.columns[at[0]], strict=True))
    return names


def _is_baci(path: Path) -> bool:
    """A folder, a zip, or a first line with BACI's columns: such a file is too large to be looked at whole."""
    if path.is_dir() or path.suffix.lower() == ".zip":
        return True
    with path.open("rb") as stream:
        first = stream.readline(_LONGEST_HEADER).decode("utf-8", errors="replace")
    return set(BACI_COLUMNS) <= set(first.strip().lstrip("\ufeff").replace('"', "").split(","))


def _header(path: Path) -> list[str]:
    return list(read_table(path, COUNTRY_CODE).header)


def _panel(path: Path) -> FileTable:
    frame = read_long(path)
    again = frame.duplicated(KEYS)
    if again.any():
        first = frame[again].iloc[0]
        raise InputError(f"{path}: {first['iso3']} {first['year']} is there twice; one row is allowed")
    return FileTable("panel", frame.set_index(KEYS))


def _extract(path: Path, goods: Goods) -> FileTable:
    """Trade by product: SITC codes as columns, HS codes summed over all goods and over each group."""
    import pandas as pd

    frame = pd.read_csv(
        path, dtype={"iso3": str, "code": str, "classification": str, "flow": str}, keep_default_na=False
    )
    words = frame["flow"].str.split().str[0].str.lower()
    if unknown := sorted(set(words) - set(FLOWS.values())):
        raise InputError(f'{path}: the flow "{unknown[0]}" is unknown; allowed: export, import')
    frame = frame.assign(flow=words, value_usd=pd.to_numeric(frame["value_usd"], errors="coerce"))
    keys = [*KEYS, "flow", "code"]
    if (again := frame.duplicated([*keys, "classification"])).any():
        first = frame[again].iloc[0]
        raise InputError(f"{path}: {' '.join(str(first[key]) for key in keys)} is there twice; one row is allowed")
    by_code = frame["classification"].str.startswith("SITC")
    over_all = frame["code"].isin(ALL_GOODS) | ~by_code
    named = frame["flow"] + "_" + frame["code"] + "_usd"
    columns = named.where(~over_all, "all_goods_" + frame["flow"] + "_usd")
    wide = frame.assign(column=columns).groupby([*KEYS, "column"], sort=True)["value_usd"].sum(min_count=1)
    table = wide.unstack("column")
    if (coded := frame["classification"].str.startswith(HS2002)).any():
        columns = ["iso3", "year", "flow", "code", "value_usd"]
        renamed = dict(zip(columns, ("unit", "period", "flow", "product", "value"), strict=True))
        groups = sums_by_group(frame.loc[coded, columns].rename(columns=renamed), goods)
        table = table.join(groups.rename(columns="{}_usd".format).rename_axis(index=KEYS))
    gaps = int(table.isna().sum().sum())
    notes = (f"{path.name}: {gaps} cells have no row, which is not zero trade",) if gaps else ()
    return FileTable("extract", table.rename_axis(columns=None), notes)


def _comtrade(path: Path, sources: Sources) -> FileTable:
    """The page's own CSV: sums only, no detail by customs procedure, transport or second partner."""
    import pandas as pd

    frame = pd.read_csv(path, dtype={"cmdCode": str, "partnerISO": str}, keep_default_na=False, index_col=False)
    plain = pd.Series(True, index=frame.index)
    for name, value in (("motCode", "0"), ("partner2Code", "0"), ("customsCode", "C00")):
        if name in frame:
            plain &= frame[name].astype(str) == value
    aliases = {answer: iso3 for iso3, answers in sources.comtrade.iso_as_answered.items() for answer in answers}
    iso3 = frame["partnerISO"].replace(aliases)
    kept = frame.assign(iso3=iso3)[plain & iso3.isin(regions()) & frame["flowCode"].isin(FLOWS)]
    named = "all_goods_" + kept["flowCode"].map(FLOWS) + "_usd"
    by_code = kept["flowCode"].map(FLOWS) + "_" + kept["cmdCode"] + "_usd"
    columns = named.where(kept["cmdCode"] == "TOTAL", by_code)
    rows = kept.assign(column=columns, year=kept["refYear"].astype(int))
    if (again := rows.duplicated([*KEYS, "column"])).any():
        first = rows[again].iloc[0]
        raise InputError(
            f"{path}: {first['iso3']} {first['year']} {first['column']} is there twice; one classification at a time"
        )
    table = rows.pivot(index=KEYS, columns="column", values="primaryValue").astype(float).rename_axis(columns=None)
    lost = len(frame) - len(kept)
    notes = (f"{path.name}: {lost} rows are details, groups of countries or other flows",) if lost else ()
    return FileTable("comtrade", table, notes)


def _world_bank(path: Path, sources: Sources) -> FileTable:
    table = read_table(path, COUNTRY_CODE)
    code = next(name for name in INDICATOR_CODES if name in table.header)
    present = set(table.columns[table.position(code)])
    columns = {series.column: Column(series.code) for series in sources.world_bank.indicators if series.code in present}
    if not columns:
        raise InputError(f"{path}: none of its series is among those of data/sources.toml")
    panel = load_panel(path, unit=COUNTRY_CODE, period="", columns=columns, layout="wide")
    frame = panel.to_dataframe()[list(columns)].rename_axis(KEYS)
    return FileTable("world_bank", frame[frame.index.get_level_values(0).isin(regions())])


def _swiid(path: Path, sources: Sources, named: Mapping[str, str]) -> FileTable:
    import pandas as pd

    call = Call("swiid", str(path), kind="csv")
    read = read_swiid(call, path.read_bytes(), sources.swiid, named, range(1900, 2101))
    rows = [(row.iso3, row.year, row.index, row.se) for row in read.rows]
    frame = pd.DataFrame(rows, columns=[*KEYS, "inequality", "inequality_se"]).set_index(KEYS).astype(float)
    missed = ", ".join(read.unknown)
    notes = (f"{path.name}: no code was found for {missed}; a file of the World Bank beside it names more countries",)
    return FileTable("swiid", frame, notes if read.unknown else ())


def _un_votes(path: Path, sources: Sources, named: Mapping[str, str]) -> FileTable:
    return FileTable("un_votes", *read_un_votes(path, {**named, **sources.swiid.names}))


def _baci(path: Path, goods: Goods) -> FileTable:
    import pandas as pd

    trade = read_trade(path)
    sums = trade.groupby(["unit", "period", "flow"])["value"].sum().unstack("flow")
    sums = pd.concat([sums, sums_by_group(trade, goods)], axis=1).mul(BACI_SCALE)
    sums = sums.rename(columns="baci_{}_usd".format).rename_axis(index=KEYS, columns=None)
    frame = sums.reset_index().astype({KEYS[0]: str}).set_index(KEYS)
    kept = frame[frame.index.get_level_values(0).isin(regions())]
    lost = sorted(set(frame.index.get_level_values(0)) - set(regions()))
    notes = (f"{path.name}: partners without an ISO code: {', '.join(lost[:12])}",) if lost else ()
    groups = goods.group_of()
    high = [code for code in trade["product"].unique() if product_group(code, groups) is not None]
    products = trade[trade["product"].isin(high) & trade["unit"].isin(list(regions()))]
    return FileTable("baci", kept, notes, products)
