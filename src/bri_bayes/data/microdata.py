"""What does a CSV file with one row an observation say? Columns of numbers or words, rows without a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.errors import InputError
from bri_bayes.data.covariate_formula import Column
from bri_bayes.data.number_format import DECIDED, NumberFormat, is_infinite, is_missing, looks_numeric, read_numbers
from bri_bayes.data.text_table import Table, check_name, shown


@dataclass(frozen=True, eq=False)
class Sample:
    """``columns`` : name -> (rows,) numbers, or words as objects; ``rows`` : their numbers in the file, from 2.

    ``rows_dropped`` : rows that were left out because a wanted column has no value there.
    """

    file: str
    columns: dict[str, Column]
    rows: tuple[int, ...]
    rows_dropped: int
    notes: tuple[str, ...] = ()


def sample_of(table: Table, names: Sequence[str], marks: NumberFormat = DECIDED) -> Sample:
    """The columns ``names`` of a table, of the rows in which none of them is missing."""
    for name in names:
        check_name(name, where=table.file, what="the column")
    present = np.ones(len(table.rows), dtype=bool)
    for name in names:
        missing = {cell: is_missing(cell) for cell in dict.fromkeys(table.cells(name))}
        present &= ~np.array([missing[cell] for cell in table.cells(name)], dtype=bool)
    if not present.any():
        raise InputError(f"{table.file}: no row has a value in each of {', '.join(names)}")
    kept = table.take(present)
    columns = {name: _column(kept, name, marks) for name in names}
    dropped = int((~present).sum())
    return Sample(table.file, columns, tuple(int(number) for number in kept.rows), dropped, table.notes)


def _column(table: Table, name: str, marks: NumberFormat) -> Column:
    """Numbers, or words where not one cell is a number; a mixture is refused with its first odd row."""
    cells = table.cells(name)
    if not looks_numeric(dict.fromkeys(cells)):
        return np.array([cell.strip() for cell in cells], dtype=object)
    others = [column for column, header in zip(table.columns, table.header, strict=True) if header != name]
    read = read_numbers(cells, where=f"{table.file}: {name}", delimiter=table.delimiter, marks=marks, others=others)
    for at in read.bad:
        kind = "not a finite number" if is_infinite(cells[at]) else "not a number"
        raise InputError(
            f'{table.file}: row {table.rows[at]}: {name} is "{shown(cells[at])}", {kind}, and other rows are numbers'
        )
    return read.values
