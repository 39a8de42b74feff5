"""One small panel in the forms in which people have theirs: each with its options, by the key of docs/inputs.md."""

from __future__ import annotations

import gzip
import io
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..data.workbooks import workbook

YEARS = range(2005, 2015)
UNITS = ("R1", "R2", "R3", "R4", "R5", "R6")
TREATED, ONSET = ("R1", "R2"), 2010


def sales() -> pd.DataFrame:
    """Six regions and ten years around a thousand: some below, so that separators of thousands stand in some cells."""
    rng = np.random.default_rng(13)
    level = np.array([1063, 819, 1115, 1026, 1078, 874])[:, None]
    path = level + 12 * np.arange(10) + rng.integers(-9, 10, size=(6, 10))
    path[:2, 5:] += 59
    frame = pd.DataFrame(path, index=list(UNITS), columns=list(YEARS)).stack().rename("sales").reset_index()
    frame.columns = ["region", "year", "sales"]
    frame["D"] = (frame["region"].isin(TREATED) & (frame["year"] >= ONSET)).astype(int)
    return frame


def effect(frame: pd.DataFrame | None = None, value: str = "sales") -> float:
    """The difference in differences of means: two-way fixed effects of a balanced panel with one onset."""
    frame = sales() if frame is None else frame
    ever, after = frame["region"].isin(TREATED), frame["year"] >= ONSET
    mean = {(e, a): frame.loc[(ever == e) & (after == a), value].mean() for e in (True, False) for a in (True, False)}
    return float(mean[True, True] - mean[True, False] - mean[False, True] + mean[False, False])


def least_squares(frame: pd.DataFrame) -> float:
    """Two-way fixed effects by dummies: the coefficient of D, balanced or not."""
    dummies = pd.get_dummies(frame[["region", "year"]].astype(str), dtype=float).to_numpy()
    X = np.column_stack([frame["D"], dummies])
    return float(np.linalg.lstsq(X, frame["sales"].to_numpy(float), rcond=None)[0][0])


@dataclass(frozen=True)
class Form:
    """A file and the options beside ``--outcome sales --unit region --period year``; later options win."""

    content: str | bytes
    options: tuple[str, ...] = ("--treatment", "D")
    name: str = "panel.csv"
    right: float | str = 0.0


def csv(frame: pd.DataFrame, **options: object) -> str:
    return frame.to_csv(index=False, **options)


def numbers(show: Callable[[int], str], sep: str, **more: object) -> Form:
    frame = sales()
    frame["sales"] = frame["sales"].map(show)
    return Form(csv(frame, sep=sep), **more)


def periods(show: Callable[[int], str], onset: str | None = None, **stated: str) -> Form:
    frame = sales()
    frame["year"] = frame["year"].map(show)
    return Form(csv(frame), ("--treated", "R1,R2", "--onset", onset) if onset else ("--treatment", "D"), **stated)


def wide(prefix: str = "", **columns: object) -> pd.DataFrame:
    table = sales().pivot(index="region", columns="year", values="sales")
    table.columns = [f"{prefix}{year}" for year in table.columns]
    return table.reset_index().assign(**columns)


def month_of(year: int) -> tuple[int, int]:
    """Ten months in a row that cross a year's end, in place of the ten years."""
    return 2009 + (8 + year - 2005) // 12, (8 + year - 2005) % 12 + 1


def quarter_of(year: int) -> str:
    return f"{2009 + (year - 2005 + 2) // 4}Q{(year - 2005 + 2) % 4 + 1}"


def zipped(**members: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"{name}.csv", text)
    return stream.getvalue()


def stata(frame: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.to_stata(stream, write_index=False)
    return stream.getvalue()


def bank() -> str:
    table = wide()
    head = '"Data Source","World Development Indicators",\n\n"Last Updated Date","2025-01-01",\n\n'
    years = ",".join(f'"{year} [YR{year}]"' for year in YEARS)
    rows = [f'"{name}",{name},Sales,S.A,' + ",".join(map(str, values)) for name, *values in table.to_numpy().tolist()]
    body = f'"Country Name","Country Code","Series Name","Series Code",{years}\n' + "\n".join(rows)
    return head + body + "\n\n\nData from database: World Development Indicators\nLast Updated: 01/01/2025\n"


def grouped(mark: str) -> Callable[[int], str]:
    return lambda value: f"{value:,}".replace(",", mark)


NAMES = ("--treated", "R1", "--treated", "R2", "--onset", "2010")
RENAMED = {"R1": "Congo, Dem. Rep.", "R2": "Côte d’Ivoire", "R3": "NA"}


def forms() -> dict[str, Form]:
    """The forms by key."""
    plain = sales()
    onset = plain["region"].map(lambda unit: ONSET if unit in TREATED else 0)
    renamed = plain.replace({"region": RENAMED})
    named = ("--treated", '"Congo, Dem. Rep.",Côte d’Ivoire', "--onset", "2010")
    logs = plain.assign(log_sales=np.log(plain["sales"]))
    flags = {"capitals": ("TRUE", "FALSE"), "words": ("yes", "no"), "python": ("True", "False")}
    late = plain[~((plain["region"] == "R6") & (plain["year"] < 2008))]
    made = {
        "plain": Form(csv(plain)),
        "repeated option": Form(csv(plain), NAMES),
        "thousands commas, tabs": numbers(lambda v: f"{v + 0.5:,}", "\t", name="panel.tsv"),
        "thousands points, semicolons": numbers(
            lambda v: f"{v:,}.5".replace(",", "x").replace(".", ",").replace("x", "."), ";"
        ),
        "ambiguous commas": numbers(grouped(","), "\t", right="--thousands"),
        "ambiguous points": numbers(grouped("."), ";", right="--thousands"),
        "stated thousands": numbers(grouped("."), ";", options=("--treatment", "D", "--thousands", ".")),
        "stated decimals": numbers(grouped(","), "\t", options=("--treatment", "D", "--decimal", ",")),
        "blanks in thousands": numbers(grouped(" "), ";"),
        "no-break blanks": numbers(grouped("\u202f"), ","),
        "apostrophes": numbers(grouped("’"), ","),
        "currency": numbers(lambda v: f"€{v}", ","),
        "percent": numbers(lambda v: f"{v}%", ","),
        "exponents": numbers(lambda v: f"{v:.6e}", ","),
        "accounting": numbers(lambda v: f"({v})", ","),
        "minus of typography": numbers(lambda v: f"−{v}", ","),
        "months as YYYYMM": periods(lambda y: "{}{:02d}".format(*month_of(y))),
        "months as ISO": periods(lambda y: "{}-{:02d}".format(*month_of(y)), "2010-02"),
        "first days of months": periods(lambda y: "{}-{:02d}-01".format(*month_of(y)), "2010-02-01"),
        "quarters": periods(quarter_of, quarter_of(2010)),
        "fiscal years": periods(lambda y: f"{y}/{(y + 1) % 100:02d}", "2010/11"),
        "every four years": periods(lambda y: str(4 * y - 6000), str(4 * 2010 - 6000)),
        "last days of years": periods(lambda y: f"31/12/{y}", "31/12/2010"),
        "month or day first": periods(lambda y: f"02/01/{y}", right="is the day first, or the month?"),
        "weeks": periods(lambda y: str(pd.Timestamp("2010-01-04") + pd.Timedelta(weeks=y - 2005))[:10]),
        "R's wide file": Form(csv(wide("X"), quoting=2), NAMES),
        "wide with a fact of the unit": Form(
            csv(wide(treated=[1, 1, 0, 0, 0, 0])), ("--treatment", "treated", "--onset", "2010")
        ),
        "World Bank download": Form(bank(), ("--unit", "Country Code", "--outcome", "S.A", *NAMES)),
        "units across columns": Form(
            csv(plain.pivot(index="year", columns="region", values="sales").reset_index()),
            NAMES,
            right="turn the table round",
        ),
        "names with commas": Form(csv(renamed), named),
        "excel": Form(workbook([list(plain), *plain.astype(object).to_numpy().tolist()]), name="panel.xlsx"),
        "stata": Form(stata(plain), name="panel.dta"),
        "parquet": Form(plain.to_parquet(), name="panel.parquet"),
        "gz": Form(gzip.compress(csv(plain).encode()), name="panel.csv.gz"),
        "zip": Form(zipped(API=csv(plain), Metadata_Country=csv(plain)), name="panel.zip"),
        **{
            f"treatment in {key}": Form(csv(plain.assign(D=plain["D"].map(dict(enumerate(reversed(words)))))))
            for key, words in flags.items()
        },
        "first treated period": Form(csv(plain.assign(first=onset)), ("--onset-column", "first")),
        "first treated period, Inf": Form(
            csv(plain.assign(first=onset.replace(0, math.inf))), ("--onset-column", "first")
        ),
        "treatment that never changes": Form(
            csv(plain.assign(D=plain["region"].isin(TREATED).astype(int))), right="never changes within a unit"
        ),
        "blank treatment": Form(
            csv(plain.assign(D=plain["D"].astype(object).where(plain.index != 4, ""))),
            right="is empty for R1 2009 (row 6)",
        ),
        "logs on request": Form(
            csv(plain), ("--treatment", "D", "--outcome", "log(sales)"), right=effect(logs, "log_sales")
        ),
        "tiny numbers": Form(csv(plain.assign(sales=plain["sales"] * 1e-9)), right=effect() * 1e-9),
        "huge numbers": Form(csv(plain.assign(sales=plain["sales"] * 1e9 + 1e12)), right=effect() * 1e9),
        "always treated": Form(csv(pd.concat([plain, plain[plain["region"] == "R1"].assign(region="A", D=1)]))),
        "outcome among the covariates": Form(
            csv(plain), ("--treatment", "D", "--covariates", "sales"), right="it cannot explain itself"
        ),
        "a late unit": Form(csv(late), right=least_squares(late)),
    }
    return {key: form if form.right != 0.0 else _with(form, key) for key, form in made.items()}


def _with(form: Form, key: str) -> Form:
    whole = effect()
    factor = {"stated decimals": effect(_as_decimals(), "sales"), "accounting": -whole, "minus of typography": -whole}
    return Form(form.content, form.options, form.name, factor.get(key, whole))


def _as_decimals() -> pd.DataFrame:
    frame = sales()
    return frame.assign(sales=frame["sales"].where(frame["sales"] < 1000, frame["sales"] / 1000))
