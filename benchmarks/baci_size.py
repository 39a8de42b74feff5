"""How fast, and in how much memory, are one country's flows found in a release of BACI? Made-up rows in its layout.

    python benchmarks/baci_size.py make FILE --years 2       two years of eleven million rows each, columns t,i,j,k,v,q
    python benchmarks/baci_size.py read FILE                 the project's reader
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


def make(path: Path, years: int, rows: int) -> None:
    """Rows in the order of the releases' columns: quantities right-aligned, "NA" where missing."""
    rng = np.random.default_rng(0)
    countries = np.unique(np.append(rng.choice(np.arange(4, 895), COUNTRIES, replace=False), CHINA))
    products = np.sort(rng.choice(np.arange(10_100, 970_600), PRODUCTS, replace=False))
    with path.open("w", encoding="ascii") as stream:
        stream.write("t,i,j,k,v,q\n")
        for year in range(2003, 2003 + years):
            for begin in range(0, rows, BATCH):
                n = min(BATCH, rows - begin)
                i, j = rng.choice(countries, n), rng.choice(countries, n)
                # A twentieth of the rows are one large country's.
                i[rng.random(n) < 0.04] = CHINA
                k = rng.choice(products, n)
                v, q = np.round(rng.lognormal(3, 2.5, n), 3), np.round(rng.lognormal(2, 2.5, n), 3)
                text = [f"{amount:14.3f}" for amount in q]
                for at in np.flatnonzero(rng.random(n) < MISSING):
                    text[at] = f"{'NA':>14}"
                stream.writelines(
                    f"{year},{a},{b},{c:06d},{d},{e}\n" for a, b, c, d, e in zip(i, j, k, v, text, strict=True)
                )


def by_project(path: Path) -> tuple[int, float]:
    """Rows kept and their sum in the project's own reader."""
    from bri_bayes.data.baci_stream import flows_of

    kept, total = 0, 0.0
    with path.open("rb") as stream:
        for frame in flows_of(stream, CHINA, None):
            kept, total = kept + len(frame), total + float(frame["v"].sum())
    return kept, total


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


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("make", "read", "polars", "duckdb"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--years", type=int, default=2)
    parser.add_argument("--rows", type=int, default=ROWS_A_YEAR, help="a year")
    given = parser.parse_args()
    if given.what == "make":
        make(given.file, given.years, given.rows)
        return
    with given.file.open("rb") as stream:
        n_rows = sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 24), b"")) - 1
    before, wall = time.process_time(), time.perf_counter()
    kept, total = {"read": by_project, "polars": by_polars, "duckdb": by_duckdb}[given.what](given.file)
    cpu, seconds = time.process_time() - before, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{given.what}: {n_rows:,} rows, {kept:,} kept, sum {total:.6g}; {seconds:.1f} s wall, {cpu:.1f} s CPU;",
        f"{n_rows / seconds / 1e6:.2f} million rows a second, {n_rows / cpu / 1e6:.2f} million a CPU second;",
        f"{peak:.2f} GiB",
    )


if __name__ == "__main__":
    main()
