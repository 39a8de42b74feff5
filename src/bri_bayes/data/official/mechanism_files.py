"""Through what could the policy work? China's official finance and votes in the United Nations, by country and year.

gcdf        AidData's Global Chinese Development Finance, one row a project (CSV or XLSX): commitments in constant US
            dollars of 2021, of the rows that are recommended for aggregates, by class of flow. A country of the file
            without a row in a year inside the file's years received nothing (0); one that is not in the file has none.
un_votes    ideal points in the General Assembly (Bailey, Strezhnev & Voeten 2017, doi:10.1177/0022002715595700), a row
            a country and session: session s meets from the autumn of 1945 + s on. The distance is that of the points.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bri_bayes.core.errors import InputError
from bri_bayes.data.regions import regions
from bri_bayes.data.text_table import Table, read_table

if TYPE_CHECKING:
    import pandas as pd

RECIPIENT, COMMITTED, FLOW_CLASS = "Recipient ISO-3", "Commitment Year", "Flow Class"
AMOUNT, RECOMMENDED = "Amount (Constant USD 2021)", "Recommended For Aggregates"
GCDF = (RECIPIENT, COMMITTED, FLOW_CLASS, AMOUNT, RECOMMENDED)
CLASSES = {"ODA-like": "oda", "OOF-like": "oof", "Vague (Official Finance)": "vague"}
COUNTRY, SESSION, IDEAL, AGREEMENT = "Countryname", "session", "IdealPointAll", "ChinaAgree"
UN_VOTES = (COUNTRY, SESSION, IDEAL, AGREEMENT)
FIRST_SESSION = 1945
CHINA = "China"
KEYS = ["iso3", "year"]


def read_gcdf(path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Columns gcdf_oda_usd2021, gcdf_oof_usd2021 and gcdf_vague_usd2021 by country and year, and what was left out."""
    import pandas as pd

    frame = _frame(read_table(path, RECIPIENT), GCDF)
    counted = frame[frame[RECOMMENDED].str.strip() == "Yes"]
    known = counted[counted[RECIPIENT].isin(regions())]
    if unknown := sorted(set(known[FLOW_CLASS]) - set(CLASSES)):
        raise InputError(f'{path}: the flow class "{unknown[0]}" is unknown; allowed: {", ".join(CLASSES)}')
    amounts, years = (_numbers(known[name], path) for name in (AMOUNT, COMMITTED))
    table = pd.DataFrame(
        {"iso3": known[RECIPIENT], "year": years.astype(int), "class": known[FLOW_CLASS].map(CLASSES), "usd": amounts}
    )
    span = range(int(table["year"].min()), int(table["year"].max()) + 1)
    every = pd.MultiIndex.from_product([sorted(set(table["iso3"])), span], names=KEYS)
    wide = table.pivot_table(index=KEYS, columns="class", values="usd", aggfunc="sum")
    wide = wide.reindex(index=every, columns=list(CLASSES.values())).fillna(0.0)
    lost, unvalued = len(counted) - len(known), int(amounts.isna().sum())
    notes = [f"{path.name}: {len(frame) - len(counted)} of {len(frame)} rows are not recommended for aggregates"]
    notes += [f"{path.name}: {lost} rows are of regions, not of a country"] if lost else []
    notes += [f"{path.name}: {unvalued} projects have no amount and count as nothing"] if unvalued else []
    return wide.rename(columns="gcdf_{}_usd2021".format).rename_axis(columns=None), tuple(notes)


def read_un_votes(path: Path, named: Mapping[str, str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Columns unga_ideal_point, unga_ideal_point_distance_to_china, unga_agreement_with_china, and what was left out.

    ``named`` : names of countries -> ISO code.
    """
    import pandas as pd

    frame = _frame(read_table(path, COUNTRY), UN_VOTES)
    year = _numbers(frame[SESSION], path).astype(int) + FIRST_SESSION
    ideal, agreement = (_numbers(frame[name], path) for name in (IDEAL, AGREEMENT))
    table = pd.DataFrame({"name": frame[COUNTRY], "year": year, "ideal": ideal, "agreement": agreement})
    china = table[table["name"] == CHINA].set_index("year")["ideal"]
    if china.empty or china.index.has_duplicates:
        raise InputError(f"{path}: China needs one row a session")
    table["distance"] = (table["ideal"] - table["year"].map(china)).abs()
    table["iso3"] = table["name"].map(named)
    kept = table[table["iso3"].notna() & (table["name"] != CHINA)].set_index(KEYS)
    if (again := kept.index.duplicated()).any():
        raise InputError(f"{path}: {' '.join(map(str, kept.index[again][0]))} is there twice; one row is allowed")
    columns = {"ideal": "unga_ideal_point", "distance": "unga_ideal_point_distance_to_china"}
    columns["agreement"] = "unga_agreement_with_china"
    unknown = sorted(set(table["name"][table["iso3"].isna()]) - {CHINA})
    notes = (f"{path.name}: no code was found for {', '.join(unknown)}; a file of the World Bank beside it names more",)
    return kept[list(columns)].rename(columns=columns).sort_index(), notes if unknown else ()


def _frame(table: Table, columns: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: table.cells(name).astype(str) for name in columns})


def _numbers(cells: pd.Series, path: Path) -> pd.Series:
    """Numbers; a blank or NA is missing, anything else that is none is refused."""
    import pandas as pd

    text = cells.str.strip().str.replace(",", "")
    numbers = pd.to_numeric(text.where(~text.isin(["", "NA", "NaN"])), errors="coerce")
    if (wrong := numbers.isna() & ~text.isin(["", "NA", "NaN"])).any():
        raise InputError(f'{path}: {cells.name}: "{cells[wrong].iloc[0]}" is not a number')
    return numbers
