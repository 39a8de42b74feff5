"""What does a CSV file with one row an observation say? Columns of numbers or words, rows without a gap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bri_bayes.core.errors import InputError
from bri_bayes.data.covariate_formula import Column
from bri_bayes.data.csv_layout import Table, read_table, shown
from bri_bayes.data.panel import MISSING, as_number


@dataclass(frozen=True, eq=False)
class Sample:
    """``columns`` : name -> (rows,) numbers, or words as objects; ``rows`` : their numbers in the file, from 2.

    ``rows_dropped`` : rows that were left out because a wanted column has no value there.
    """

    file: str
    columns: dict[str, Column]
    rows: tuple[int, ...]
    rows_dropped: int


def header_of(path: str | Path, column: str) -> tuple[str, ...]:
    """The names of the columns; ``column`` is one that should be among them."""
    return tuple(read_table(Path(path), column).header)


def read_sample(path: str | Path, names: Sequence[str]) -> Sample:
    """The columns ``names`` of the rows in which none of them is missing."""
    table = read_table(Path(path), names[0])
    positions = {name: table.position(name) for name in names}
    kept = [
        (number, fields)
        for number, fields in table.rows
        if all(fields[at].strip().lower() not in MISSING for at in positions.values())
    ]
    if not kept:
        raise InputError(f"{table.file}: no row has a value in each of {', '.join(names)}")
    columns = {name: _column(table, name, kept, at) for name, at in positions.items()}
    return Sample(table.file, columns, tuple(number for number, _ in kept), len(table.rows) - len(kept))


def _column(table: Table, name: str, rows: Sequence[tuple[int, list[str]]], at: int) -> Column:
    """Numbers, or words where not one cell is a number; a mixture is refused with its first odd row."""
    comma = table.delimiter != ","
    cells = [(number, fields[at].strip()) for number, fields in rows]
    numbers = [as_number(cell, decimal_comma=comma) for _, cell in cells]
    if all(value is None for value in numbers):
        return np.array([cell for _, cell in cells], dtype=object)
    for (number, cell), value in zip(cells, numbers, strict=True):
        if value is None or not math.isfinite(value):
            kind = "not a number" if value is None else "not a finite number"
            raise InputError(
                f'{table.file}: row {number}: {name} is "{shown(cell)}", {kind}, and other rows are numbers'
            )
    return np.array(numbers, dtype=float)
