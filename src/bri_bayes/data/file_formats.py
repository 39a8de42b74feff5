"""Which kind of file is it? CSV, Excel, Stata and Parquet, compressed or not, become rows of text fields."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import math
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bri_bayes.core.errors import InputError
from bri_bayes.data.excel import excel_rows
from bri_bayes.data.text_encoding import AS_USUAL, DELIMITERS, TextFormat, decoded

if TYPE_CHECKING:
    import pandas as pd

# The folder that `bri-bayes data fetch` writes.
FETCHED = "official"
# A compressed file may not unfold to more than this: what is larger is damaged or hostile.
MOST_BYTES = 2**31
# Members of a zip that are no data: the World Bank adds descriptions, macOS copies of attributes.
_NO_DATA = ("metadata_", "__macosx/", "._")
_TEXT = (".csv", ".tsv", ".txt", ".tab")

Fields = list[str]
# How messages call a table that is no file.
FRAME = "the data frame"


@dataclass(frozen=True)
class Source:
    """Rows of a file with their numbers, blank ones included; ``delimiter`` is "" where cells have types."""

    file: str
    delimiter: str
    rows: Iterable[tuple[int, Fields]]

    @property
    def typed(self) -> bool:
        """Whether the file knows which cells are numbers, so that no mark has to be guessed."""
        return not self.delimiter


def open_source(path: Path | pd.DataFrame, wanted: str, text_format: TextFormat = AS_USUAL) -> Source:
    """The rows of the file or data frame; ``wanted`` : a column that must be there tells the delimiters apart."""
    if not isinstance(path, Path):
        return Source(FRAME, "", _frame_rows(_with_index(path)))
    content, name = _unpacked(path, _read(path), path.name)
    where = str(path)
    suffix = Path(name).suffix.lower()
    match suffix:
        case ".xlsx" | ".xlsm":
            return Source(where, "", excel_rows(content, where))
        case ".dta":
            return Source(where, "", _frame_rows(_stata(content, where)))
        case ".parquet" | ".pq":
            return Source(where, "", _frame_rows(_parquet(content, where)))
        case ".xls":
            raise InputError(f"{where}: is Excel's format of before 2007; save it as .xlsx or as CSV in UTF-8")
        case _:
            text = decoded(content, text_format, where)
            delimiter = delimiter_of(text, wanted)
            return Source(where, delimiter, _csv_rows(text, delimiter, where))


def delimiter_of(text: str, wanted: str) -> str:
    """The delimiter under which a line of the first 30 names the column; if in doubt the one with the most fields."""
    lines = [line for _, line in zip(range(30), io.StringIO(text), strict=False) if line.strip()]

    def fitness(delimiter: str) -> tuple[bool, int]:
        names = [[name.strip().strip('"') for name in line.split(delimiter)] for line in lines]
        # A lone column is no reason to prefer a delimiter: under the others its line is one field, too.
        return any(wanted in row and len(row) > 1 for row in names), max((len(row) for row in names), default=0)

    return max(DELIMITERS, key=fitness)


def _read(path: Path) -> bytes:
    try:
        # A pipe gives its content once, and a command may look into its file twice.
        return _content_of_pipe(path) if path.is_fifo() else path.read_bytes()
    except FileNotFoundError as error:
        brought = "; `bri-bayes data fetch` brings it" if path.parent.name == FETCHED else ""
        raise InputError(f"{path}: there is no such file{brought}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise InputError(f"{str(path)!r}: cannot be a file ({error})") from error


@cache
def _content_of_pipe(path: Path) -> bytes:
    return path.read_bytes()


def _unpacked(path: Path, content: bytes, name: str) -> tuple[bytes, str]:
    """Content and name of the one file inside a gz or a zip; of any other file its own."""
    lower = name.lower()
    try:
        if lower.endswith(".gz"):
            with gzip.open(io.BytesIO(content)) as stream:
                return _bounded(path, stream.read(MOST_BYTES + 1)), name[:-3]
        if lower.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                inside = _data_member(path, archive)
                with archive.open(inside) as stream:
                    return _bounded(path, stream.read(MOST_BYTES + 1)), inside
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise InputError(f"{path}: cannot be unpacked ({' '.join(str(error).split())}); is it damaged?") from error
    return content, name


def _data_member(path: Path, archive: zipfile.ZipFile) -> str:
    names = [name for name in archive.namelist() if not name.endswith("/")]
    data = [name for name in names if not any(part in f"/{name}".lower() for part in _NO_DATA)]
    tables = [name for name in data if name.lower().endswith(_TEXT)] or data
    if len(tables) != 1:
        listed = ascii(tables[:5])[1:-1] or "none"
        raise InputError(f"{path}: a zip must hold one table, and this has {len(tables)} ({listed}); unpack it")
    return tables[0]


def _bounded(path: Path, content: bytes) -> bytes:
    if len(content) > MOST_BYTES:
        raise InputError(f"{path}: unfolds to more than {MOST_BYTES >> 30} GB; unpack it and keep what is needed")
    return content


def _csv_rows(text: str, delimiter: str, where: str) -> Iterator[tuple[int, Fields]]:
    number = 0
    stream = io.StringIO(text, newline="")
    try:
        for number, fields in enumerate(csv.reader(stream, delimiter=delimiter, strict=True), 1):
            yield number, fields
    except csv.Error as error:
        raise InputError(
            f"{where}: row {number + 1} cannot be read ({error}); is a quote left open or the file cut off?"
        ) from error


def _stata(content: bytes, where: str) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_stata(io.BytesIO(content), convert_categoricals=True)
    except Exception as error:
        raise InputError(f"{where}: is not a readable .dta file ({_first_line(error)})") from error


def _parquet(content: bytes, where: str) -> pd.DataFrame:
    import pandas as pd

    try:
        frame = pd.read_parquet(io.BytesIO(content))
    except Exception as error:
        raise InputError(f"{where}: is not a readable .parquet file ({_first_line(error)})") from error
    return _with_index(frame)


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the levels of its index that have a name as columns."""
    named = [name for name in frame.index.names if name is not None]
    return frame.reset_index(level=named) if named else frame


def _frame_rows(frame: pd.DataFrame) -> Iterator[tuple[int, Fields]]:
    """The rows as a spreadsheet would count them: the header is the first."""
    yield 1, [str(name) for name in frame.columns]
    for number, cells in enumerate(zip(*(frame.iloc[:, at].tolist() for at in range(frame.shape[1])), strict=True), 2):
        yield number, [as_text(cell) for cell in cells]


def as_text(cell: Any) -> str:
    """A cell that has a type as a CSV file would write it: the shortest digits, ISO dates, "" for missing."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, float):
        # A whole number (a year in a column with gaps) without its fraction, while every digit is exact.
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime.datetime):
        return cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat(sep=" ")
    if isinstance(cell, datetime.date):
        return cell.isoformat()
    return str(cell)


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:120] if lines else type(error).__name__
