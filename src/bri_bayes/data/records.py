"""Which rows does a long file with keys of its own hold? Texts, numbers and periods by column, none of them guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import InputError
from bri_bayes.data.calendar_units import Calendar, calendar_of
from bri_bayes.data.number_format import is_infinite, read_numbers
from bri_bayes.data.text_encoding import AS_USUAL, TextFormat
from bri_bayes.data.text_table import Table, check_name, read_table, shown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Records:
    """``frame`` : a column a name that was asked for; texts as str ("" where blank), numbers NaN where missing, the
    period as int (years) or as the file writes it; ``rows`` : (rows,) their numbers in the file; ``ordinals`` :
    (rows,) of the periods; ``calendar`` of them, None where no period was asked for.
    """

    file: str
    frame: pd.DataFrame
    rows: Index
    ordinals: Index
    calendar: Calendar | None
    notes: tuple[str, ...]

    def take(self, keep: Any) -> Records:
        """Only the rows where ``keep`` : (rows,) holds."""
        at = np.asarray(keep, dtype=bool)
        frame = self.frame[at].reset_index(drop=True)
        return Records(self.file, frame, self.rows[at], self.ordinals[at], self.calendar, self.notes)

    def refuse_twice(self, keys: Sequence[str]) -> None:
        """Refuse two rows with the same ``keys``, with the numbers of both."""
        again = self.frame.duplicated(list(keys)).to_numpy()
        if not again.any():
            return
        second = int(np.flatnonzero(again)[0])
        same = (self.frame[list(keys)] == self.frame.loc[second, list(keys)]).all(axis=1).to_numpy()
        first = int(np.flatnonzero(same)[0])
        named = " ".join(str(self.frame.at[second, key]) for key in keys)
        raise InputError(
            f"{self.file}: rows {self.rows[first]} and {self.rows[second]} are both {named}; one is allowed"
        )


def read_records(
    path: str | Path,
    *,
    texts: Sequence[str],
    numbers: Sequence[str],
    period: str | None = None,
    text_format: TextFormat = AS_USUAL,
) -> Records:
    """The columns of a file: every one must be there, every number be one, every period be one.

    A row whose ``texts`` or period are blank stays: what that means is for the caller to say.
    """
    import pandas as pd

    wanted = [*texts, *([period] if period is not None else []), *numbers]
    table = read_table(Path(path), wanted[0], text_format, names=wanted[0])
    for name in wanted:
        table.position(name)
        check_name(name, where=table.file, what="the column")
    columns: dict[str, Any] = {name: _texts(table, name) for name in dict.fromkeys(texts)}
    columns |= {name: _numbers(table, name) for name in dict.fromkeys(numbers)}
    ordinals, calendar = np.zeros(len(table.rows), dtype=np.intp), None
    if period is not None:
        columns[period], ordinals, calendar = _periods(table, period)
    frame = pd.DataFrame(columns)
    return Records(table.file, frame, table.rows, ordinals, calendar, table.notes)


def _texts(table: Table, name: str) -> Any:
    import pandas as pd

    stripped: Mapping[str, str] = {cell: cell.strip() for cell in dict.fromkeys(table.cells(name))}
    for text in stripped.values():
        check_name(text, where=table.file, what=f'"{name}"')
    return pd.Series([stripped[cell] for cell in table.cells(name)], dtype=object)


def _numbers(table: Table, name: str) -> Array:
    cells = table.cells(name)
    others = [column for column, header in zip(table.columns, table.header, strict=True) if header != name]
    read = read_numbers(cells, where=f"{table.file}: {name}", delimiter=table.delimiter, others=others)
    for at in read.bad:
        kind = "not a finite number" if is_infinite(cells[at]) else "not a number"
        raise InputError(f'{table.file}: row {table.rows[at]}: {name} is "{shown(cells[at])}", {kind}')
    return read.values


def _periods(table: Table, name: str) -> tuple[Any, Index, Calendar | None]:
    """The periods as a reader knows them, and their ordinals; a blank one is "" and 0."""
    import pandas as pd

    first_row: dict[str, int] = {}
    cells = [cell.strip() for cell in table.cells(name)]
    for number, cell in zip(table.rows, cells, strict=True):
        first_row.setdefault(cell, int(number))
    blank = first_row.pop("", None)
    if not first_row:
        raise InputError(f"{table.file}: no row has a {name}")
    calendar = calendar_of(first_row, where=table.file, column=name, rows=first_row)
    ordinal = {cell: calendar.ordinal(cell) or 0 for cell in first_row} | {"": 0}
    ordinals = np.array([ordinal[cell] for cell in cells], dtype=np.intp)
    if calendar.labelled or blank is not None:
        known = [cell if calendar.labelled or not cell else ordinal[cell] for cell in cells]
        return pd.Series(known, dtype=object), ordinals, calendar
    return ordinals.astype(np.int64), ordinals, calendar
