"""What stands in which cell? Any file as a table of text: the header looked for, notes above and below left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.errors import InputError, is_control, printable, suggest
from bri_bayes.data.file_formats import Fields, Source, open_source
from bri_bayes.data.text_encoding import AS_USUAL, TextFormat

if TYPE_CHECKING:
    import pandas as pd

Cells = NDArray[np.object_]

# Lines above the header are looked through to here: downloads have up to ten.
MOST_PREAMBLE = 30
LONGEST_NAME = 200


@dataclass(frozen=True, eq=False)
class Table:
    """The cells of a file by column.

    ``columns`` : one (rows,) of str a name in ``header``; ``rows`` : (rows,) the number of each row as a spreadsheet
    counts it; ``delimiter`` : "" where the file knows its types; ``notes`` : what was left out.
    """

    file: str
    delimiter: str
    header: list[str]
    columns: list[Cells]
    rows: NDArray[np.intp]
    notes: tuple[str, ...] = ()

    def position(self, column: str, hint: str = "") -> int:
        """Where the column stands, or a sentence about why it does not; ``hint`` ends that sentence."""
        if column not in self.header:
            named = [name for name in self.header if name]
            raise InputError(f'{self.file}: there is no column "{column}"; {suggest(column, named)}{hint}')
        if self.header.count(column) > 1:
            raise InputError(f'{self.file}: the header names the column "{column}" more than once')
        return self.header.index(column)

    def cells(self, column: str) -> Cells:
        """The text of a column : (rows,)."""
        return self.columns[self.position(column)]

    def take(self, keep: NDArray[np.bool_]) -> Table:
        """Only the rows where ``keep`` : (rows,) holds."""
        return Table(
            self.file, self.delimiter, self.header, [c[keep] for c in self.columns], self.rows[keep], self.notes
        )


def read_table(path: Path | pd.DataFrame, wanted: str, text_format: TextFormat = AS_USUAL, *, names: str = "") -> Table:
    """The table of a file of any supported kind, or of a data frame. ``wanted`` : a column that the header must name,
    "" for none in particular.

    The header is the first row that names ``wanted``, within the first 30 (World Bank downloads have lines above it),
    else the first row. Lines below the table with a single filled field, after a blank line, are notes. ``names`` : a
    column of names, in which no text means missing.
    """
    source = open_source(path, wanted, text_format)
    above, header_at, header, rest = _header(source, wanted)
    stripped = [name.strip() for name in header]
    numbers, columns, below = _body(source, len(stripped), rest)
    if not numbers:
        raise InputError(f"{source.file}: it has a header and no rows")
    notes = []
    if above:
        notes.append(f"What stands above the header in row {header_at} was left out ({above} filled rows).")
    if below:
        notes.append(f'What stands below the table was left out ({len(below)} rows, the first "{shown(below[0])}").')
    return Table(
        source.file,
        source.delimiter,
        stripped,
        [
            np.array(cells if name == names else _present(cells, text_format), dtype=object)
            for name, cells in zip(stripped, columns, strict=True)
        ],
        np.array(numbers, dtype=np.intp),
        tuple(notes),
    )


def check_name(name: str, *, where: str, what: str) -> None:
    """Refuse a name that a terminal, a page or a file cannot print on one line."""
    for character in name:
        if is_control(character):
            raise InputError(
                f"{where}: {what} {name[:40]!a} has the control character {character!a}; "
                "a name is printable text on one line"
            )
    if len(name) > LONGEST_NAME:
        raise InputError(f'{where}: {what} "{shown(name)}..." has {len(name)} characters; {LONGEST_NAME} are allowed')


def shown(cell: str) -> str:
    """A cell as a message quotes it: printable, on one line, and not the whole of a long one."""
    return printable(" ".join(cell.split())[:40])


def _present(cells: list[str], text_format: TextFormat) -> list[str]:
    """The cells with nothing in the place of what the user says means missing."""
    return ["" if text_format.is_missing(cell) else cell for cell in cells] if text_format.missing else cells


def _header(source: Source, wanted: str) -> tuple[int, int, Fields, Iterator[tuple[int, Fields]]]:
    """How many filled lines stand above the header, its row, the header, and the rows after it."""
    rows = iter(source.rows)
    seen: list[tuple[int, Fields]] = []
    for number, fields in rows:
        seen.append((number, fields))
        if wanted and wanted in [name.strip() for name in fields]:
            above = sum(any(field.strip() for field in line) for _, line in seen[:-1])
            return above, number, fields, rows
        if number >= MOST_PREAMBLE:
            break
    filled = [at for at, (_, fields) in enumerate(seen) if any(field.strip() for field in fields)]
    if not filled:
        raise InputError(f"{source.file}: the file is empty")
    number, header = seen[filled[0]]
    return 0, number, header, _chained(seen[filled[0] + 1 :], rows)


def _chained(first: Sequence[tuple[int, Fields]], then: Iterator[tuple[int, Fields]]) -> Iterator[tuple[int, Fields]]:
    yield from first
    yield from then


def _body(
    source: Source, width: int, rows: Iterator[tuple[int, Fields]]
) -> tuple[list[int], list[list[str]], list[str]]:
    """Row numbers, the cells by column, and the notes below the table.

    Equal texts share one object: a million rows of a few units and periods take the memory of their numbers.
    """
    numbers: list[int] = []
    columns: list[list[str]] = [[] for _ in range(width)]
    memo: dict[str, str] = {}
    below: list[str] = []
    blank, last = False, 0
    for number, fields in rows:
        # A workbook may leave its blank rows out.
        blank, last = blank or (bool(last) and number > last + 1), number
        filled = sum(bool(field.strip()) for field in fields)
        if not filled:
            blank = True
            continue
        if filled == 1 and blank and fields[0].strip():
            below.append(fields[0].strip())
            continue
        if below:
            raise InputError(
                f'{source.file}: row {number} is data below the note "{shown(below[0])}"; one table a file is read'
            )
        blank = False
        fitted = fields if len(fields) == width else _fitted(source, width, number, fields)
        numbers.append(number)
        for cells, field in zip(columns, fitted, strict=True):
            cells.append(memo.setdefault(field, field))
    return numbers, columns, below


def _fitted(source: Source, width: int, number: int, fields: Fields) -> Fields:
    """Fields that end with empty ones (a spreadsheet's short row) at the width of the header; others are refused."""
    if source.typed and not any(field.strip() for field in fields[width:]):
        return [*fields[:width], *[""] * (width - len(fields))]
    raise InputError(
        f"{source.file}: row {number} has {len(fields)} fields and the header has {width}; is the file cut off?"
    )
