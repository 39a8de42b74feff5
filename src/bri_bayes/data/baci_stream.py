"""What does a file of the whole world's trade hold, by country? Read in blocks by a columnar engine.

A release of BACI has eleven million rows a year, and a question needs those of one exporter or importer. pyarrow parses
blocks of the file in threads and keeps the rows that are asked for; memory holds a block and those rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

BLOCK = 1 << 24  # bytes
# A missing quantity as the releases write it: right-aligned in a field of changing width.
MISSING = ["", *(" " * width + "NA" for width in range(24))]


class UnreadableError(Exception):
    """The file is not what a block reader expects; a slower reader can say where."""


def flows_of(stream: IO[bytes], reporter: int, years: tuple[int, int] | None) -> Iterator[pd.DataFrame]:
    """Rows t, i, j, k (text, categorical), v, q (NaN: missing) with the reporter as i or j, a frame a block."""
    import pyarrow.compute as pc

    for batch in _blocks(stream, "tijkvq"):
        wanted = pc.or_(pc.equal(batch["i"], reporter), pc.equal(batch["j"], reporter))
        if years is not None:
            wanted = pc.and_(wanted, _within(batch["t"], years))
        yield _each_code_once(batch.filter(wanted)).to_pandas()


def totals_of(stream: IO[bytes], years: tuple[int, int] | None) -> pd.DataFrame:
    """The sum of v over all products by t, i and j, for all countries."""
    import pyarrow as pa

    keys = ["t", "i", "j"]
    sums = []
    for batch in _blocks(stream, "tijv"):
        kept = batch if years is None else batch.filter(_within(batch["t"], years))
        sums.append(pa.Table.from_batches([kept]).group_by(keys).aggregate([("v", "sum")]).to_pandas())
    if not sums:
        raise UnreadableError("it has a header and no rows")
    together = sums[0] if len(sums) == 1 else _concatenated(sums)
    return together.groupby(keys, as_index=False)["v_sum"].sum().rename(columns={"v_sum": "v"})


def _concatenated(frames: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(frames, ignore_index=True)


def _blocks(stream: IO[bytes], columns: str) -> Iterator[pa.RecordBatch]:
    """Blocks of some of the columns, none of which but q may have a gap."""
    import pyarrow as pa
    from pyarrow import csv

    types = {"t": pa.int32(), "i": pa.int32(), "j": pa.int32(), "k": pa.string(), "v": pa.float64(), "q": pa.float64()}
    options = csv.ConvertOptions(
        column_types=types, include_columns=list(columns), null_values=MISSING, strings_can_be_null=False
    )
    try:
        with csv.open_csv(stream, read_options=csv.ReadOptions(block_size=BLOCK), convert_options=options) as reader:
            for batch in reader:
                if any(batch.column(name).null_count for name in ("t", "i", "j", "v")):
                    raise UnreadableError("a key or a value is missing")
                yield batch
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise UnreadableError(str(error)) from error


def _within(years: pa.Array, wanted: tuple[int, int]) -> pa.Array:
    import pyarrow.compute as pc

    return pc.and_(pc.greater_equal(years, wanted[0]), pc.less_equal(years, wanted[1]))


def _each_code_once(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows with a position in place of each product's text: there are few products and many rows."""
    at = batch.schema.get_field_index("k")
    return batch.set_column(at, "k", batch.column(at).dictionary_encode())
