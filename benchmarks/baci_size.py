"""How fast, and in how much memory, are one country's flows found in a release of BACI? Made-up rows in its layout.

    python benchmarks/baci_size.py make FILE.csv             a year of eleven million rows, columns t,i,j,k,v,q
    python benchmarks/baci_size.py pack FILE.csv --into FILE.zip    the same rows in each of twenty years, a file a year
    python benchmarks/baci_size.py table FILE.zip            the table that every command works on, checked
    python benchmarks/baci_size.py read FILE.csv             the reader of blocks alone, on one file
    python benchmarks/baci_size.py polars FILE.csv           the same question to polars or duckdb, in a Python that has
    python benchmarks/baci_size.py duckdb FILE.csv           them: they are no dependencies of the project
    python benchmarks/baci_size.py compare FILE.csv          the last three in turn, each in its own process: ratios

Prints rows a second of wall and of processor time, and the peak memory of the process.
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

CHINA = 156
ROWS_A_YEAR = 11_000_000
# Codes of countries and products of a release, about; and of the quantities that are missing.
COUNTRIES, PRODUCTS, MISSING = 226, 5_000, 0.03
BATCH = 1_000_000
FIRST_YEAR, BLOCK = 2003, 1 << 24
# About a twentieth of the world's rows are one large country's.
SHARE = 0.05


def make(path: Path, rows: int, share: float) -> None:
    """A year of rows in the order of the releases, exporter by exporter: quantities right-aligned, "NA" where missing.

    ``share`` of them are one country's, each pair of partner and product once a flow.
    """
    rng = np.random.default_rng(0)
    countries = np.setdiff1d(rng.choice(np.arange(4, 895), COUNTRIES, replace=False), [CHINA])
    products = np.sort(rng.choice(np.arange(10_100, 970_600), PRODUCTS, replace=False))
    of_one = round(rows * share)
    cells = rng.choice(2 * countries.size * PRODUCTS, of_one, replace=False)
    exported, other, product = np.unravel_index(cells, (2, countries.size, PRODUCTS))
    i, j = rng.choice(countries, rows), rng.choice(countries, rows)
    k = rng.choice(products, rows)
    i[:of_one] = np.where(exported == 1, CHINA, countries[other])
    j[:of_one] = np.where(exported == 1, countries[other], CHINA)
    k[:of_one] = products[product]
    order = np.lexsort((k, j, i))
    i, j, k = i[order], j[order], k[order]
    v, q = np.round(rng.lognormal(3, 2.5, rows), 3), np.round(rng.lognormal(2, 2.5, rows), 3)
    known = rng.random(rows) >= MISSING
    with path.open("w", encoding="ascii") as stream:
        stream.write("t,i,j,k,v,q\n")
        for begin in range(0, rows, BATCH):
            part = slice(begin, begin + BATCH)
            columns = zip(*(column[part].tolist() for column in (i, j, k, v, q, known)), strict=True)
            stream.writelines(
                f"{FIRST_YEAR},{a},{b},{c:06d},{d},{e:14.3f}\n"
                if has
                else f"{FIRST_YEAR},{a},{b},{c:06d},{d},{'NA':>14}\n"
                for a, b, c, d, e, has in columns
            )


def pack(path: Path, into: Path, years: int) -> None:
    """A zip with the rows of ``path`` once a year, each year in its own file."""
    before = f"\n{FIRST_YEAR},".encode()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for year in range(FIRST_YEAR, FIRST_YEAR + years):
            name, now = f"BACI_HS02_Y{year}_V1.csv", f"\n{year},".encode()
            with path.open("rb") as stream, archive.open(name, "w", force_zip64=True) as packed:
                while lines := stream.read(BLOCK) + stream.readline():
                    packed.write((b"\n" + lines).replace(before, now)[1:])


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
COMPARED, ROUNDS = ("read", "polars", "duckdb"), 2


def lines_of(path: Path) -> int:
    """Rows of a CSV without the header, or of all in a zip, whose files are alike."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return _lines(archive.open(archive.namelist()[0])) * len(archive.namelist())
    return _lines(path.open("rb"))


def _lines(opened: IO[bytes]) -> int:
    with opened as stream:
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(BLOCK), b"")) - 1


def compare(path: Path) -> None:
    """The engines in turn, each in its own process; the best of some rounds against this project's reader."""
    best: dict[str, dict[str, float]] = {}
    for engine in COMPARED * ROUNDS:
        command = [sys.executable, __file__, engine, str(path)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        print(said, end="", flush=True)
        wall, cpu = (float(re.search(rf"([\d.]+) s {word}", said)[1]) for word in ("wall", "CPU"))
        before = best.get(engine, {"wall": wall, "cpu": cpu})
        best[engine] = {"wall": min(before["wall"], wall), "cpu": min(before["cpu"], cpu)}
    for engine in COMPARED[1:]:
        ratios = {word: best["read"][word] / best[engine][word] for word in ("wall", "cpu")}
        print(f"{engine}: {ratios['wall']:.2f} times as fast by the clock, {ratios['cpu']:.2f} by processor time")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("make", "pack", "compare", *ENGINES))
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int, default=ROWS_A_YEAR, help="of a year, to make")
    parser.add_argument("--share", type=float, default=SHARE, help="of the rows that are one country's, to make")
    parser.add_argument("--into", type=Path, help="the zip, to pack")
    parser.add_argument("--years", type=int, default=20, help="to pack")
    given = parser.parse_args()
    if given.what == "make":
        make(given.file, given.rows, given.share)
    elif given.what == "pack":
        pack(given.file, given.into, given.years)
    elif given.what == "compare":
        compare(given.file)
    else:
        measure(given.what, given.file)


def measure(engine: str, path: Path) -> None:
    """One engine on one file."""
    n_rows = lines_of(path)
    before, wall = time.process_time(), time.perf_counter()
    kept, total = ENGINES[engine](path)
    cpu, seconds = time.process_time() - before, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{engine}: {n_rows:,} rows, {kept:,} kept, sum {total:.6g}; {seconds:.2f} s wall, {cpu:.2f} s CPU;",
        f"{n_rows / seconds / 1e6:.2f} million rows a second, {n_rows / cpu / 1e6:.2f} million a CPU second;",
        f"{peak:.2f} GiB",
    )


if __name__ == "__main__":
    main()
