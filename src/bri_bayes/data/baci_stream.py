"""Which flows of one country does a file of the whole world's trade hold? Read in blocks by a columnar engine.

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
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    types = {"t": pa.int32(), "i": pa.int32(), "j": pa.int32(), "k": pa.string(), "v": pa.float64(), "q": pa.float64()}
    options = csv.ConvertOptions(
        column_types=types, include_columns=list(types), null_values=MISSING, strings_can_be_null=False
    )
    try:
        with csv.open_csv(stream, read_options=csv.ReadOptions(block_size=BLOCK), convert_options=options) as reader:
            for batch in reader:
                if any(batch.column(name).null_count for name in ("t", "i", "j", "v")):
                    raise UnreadableError("a key or a value is missing")
                wanted = pc.or_(pc.equal(batch["i"], reporter), pc.equal(batch["j"], reporter))
                if years is not None:
                    first, last = years
                    within = pc.and_(pc.greater_equal(batch["t"], first), pc.less_equal(batch["t"], last))
                    wanted = pc.and_(wanted, within)
                yield _each_code_once(batch.filter(wanted)).to_pandas()
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise UnreadableError(str(error)) from error


def _each_code_once(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows with a position in place of each product's text: there are few products and many rows."""
    at = batch.schema.get_field_index("k")
    return batch.set_column(at, "k", batch.column(at).dictionary_encode())
