"""How fast, and in how much memory, are one country's flows found in a release of BACI? Made-up rows in its layout.

    python benchmarks/baci_size.py make FILE --years 2       two years of eleven million rows each, columns t,i,j,k,v,q
    python benchmarks/baci_size.py make FILE --years 20 --rows 1000000 --share 0.55    as many rows of one country
                                                             as twenty whole years have
    python benchmarks/baci_size.py read FILE                 the reader of blocks alone
    python benchmarks/baci_size.py table FILE                the table that every command works on, checked
    python benchmarks/baci_size.py polars FILE               the same question to polars or duckdb, in a Python that has
    python benchmarks/baci_size.py duckdb FILE               them: they are no dependencies of the project

Prints rows a second of wall and of processor time, and the peak memory of the process.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np

CHINA = 156
ROWS_A_YEAR = 11_000_000
# Codes of countries and products of a release, about; and of the quantities that are missing.
COUNTRIES, PRODUCTS, MISSING = 226, 5_000, 0.03
BATCH = 1_000_000
# About a twentieth of the world's rows are one large country's.
SHARE = 0.05


def make(path: Path, years: int, rows: int, share: float) -> None:
    """Rows in the order of the releases' columns: quantities right-aligned, "NA" where missing.

    Each year has the same rows. ``share`` of them are one country's, each pair of partner and product once a flow.
    """
    rng = np.random.default_rng(0)
    countries = np.setdiff1d(rng.choice(np.arange(4, 895), COUNTRIES, replace=False), [CHINA])
    products = np.sort(rng.choice(np.arange(10_100, 970_600), PRODUCTS, replace=False))
    of_one = round(rows * share)
    cells = rng.choice(2 * countries.size * PRODUCTS, of_one, replace=False)
    exported, other, product = np.unravel_index(cells, (2, countries.size, PRODUCTS))
    i, j = rng.choice(countries, rows), rng.choice(countries, rows)
    k = rng.choice(products, rows)
    where = rng.choice(rows, of_one, replace=False)
    i[where] = np.where(exported == 1, CHINA, countries[other])
    j[where] = np.where(exported == 1, countries[other], CHINA)
    k[where] = products[product]
    v, q = np.round(rng.lognormal(3, 2.5, rows), 3), np.round(rng.lognormal(2, 2.5, rows), 3)
    known = rng.random(rows) >= MISSING
    with path.open("w", encoding="ascii") as stream:
        stream.write("t,i,j,k,v,q\n")
        for year in range(2003, 2003 + years):
            for begin in range(0, rows, BATCH):
                part = slice(begin, begin + BATCH)
                columns = zip(*(column[part].tolist() for column in (i, j, k, v, q, known)), strict=True)
                stream.writelines(
                    f"{year},{a},{b},{c:06d},{d},{e:14.3f}\n" if has else f"{year},{a},{b},{c:06d},{d},{'NA':>14}\n"
                    for a, b, c, d, e, has in columns
                )


def by_project(path: Path) -> tuple[int, float]:
    """Rows kept and their sum in the project's own reader."""
    from bri_bayes.data.baci_stream import flows_of

    kept, total = 0, 0.0
    with path.open("rb") as stream:
        for frame in flows_of(stream, CHINA, None):
            kept, total = kept + len(frame), total + float(frame["v"].sum())
    return kept, total


def by_table(path: Path) -> tuple[int, float]:
    """The same as the table of flows by partner and product that the commands work on."""
    from bri_bayes.data.trade import read_trade

    frame = read_trade(path)
    return len(frame), float(frame["value"].sum())


def by_polars(path: Path) -> tuple[int, float]:
    """The same in polars, streaming."""
    import polars as pl

    schema = {"t": pl.Int32, "i": pl.Int32, "j": pl.Int32, "k": pl.String, "v": pl.Float64, "q": pl.String}
    lazy = pl.scan_csv(path, schema=schema).filter((pl.col("i") == CHINA) | (pl.col("j") == CHINA))
    lazy = lazy.with_columns(pl.col("q").str.strip_chars().cast(pl.Float64, strict=False))
    frame = lazy.collect(engine="streaming")
    return frame.height, float(frame["v"].sum())


def by_duckdb(path: Path) -> tuple[int, float]:
    """The same in duckdb."""
    import duckdb

    columns = "{'t': 'INTEGER', 'i': 'INTEGER', 'j': 'INTEGER', 'k': 'VARCHAR', 'v': 'DOUBLE', 'q': 'VARCHAR'}"
    frame = duckdb.sql(
        f"select t, i, j, k, v, try_cast(trim(q) as double) q from read_csv('{path}', columns={columns}, header=true) "
        f"where i = {CHINA} or j = {CHINA}"
    ).fetchnumpy()
    return len(frame["v"]), float(frame["v"].sum())


ENGINES = {"read": by_project, "table": by_table, "polars": by_polars, "duckdb": by_duckdb}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("make", *ENGINES))
    parser.add_argument("file", type=Path)
    parser.add_argument("--years", type=int, default=2)
    parser.add_argument("--rows", type=int, default=ROWS_A_YEAR, help="a year")
    parser.add_argument("--share", type=float, default=SHARE, help="of the rows that are one country's")
    given = parser.parse_args()
    if given.what == "make":
        make(given.file, given.years, given.rows, given.share)
        return
    with given.file.open("rb") as stream:
        n_rows = sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 24), b"")) - 1
    before, wall = time.process_time(), time.perf_counter()
    kept, total = ENGINES[given.what](given.file)
    cpu, seconds = time.process_time() - before, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{given.what}: {n_rows:,} rows, {kept:,} kept, sum {total:.6g}; {seconds:.1f} s wall, {cpu:.1f} s CPU;",
        f"{n_rows / seconds / 1e6:.2f} million rows a second, {n_rows / cpu / 1e6:.2f} million a CPU second;",
        f"{peak:.2f} GiB",
    )


if __name__ == "__main__":
    main()
