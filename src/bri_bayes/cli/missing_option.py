"""Which columns of the file could an option name that was left out? The end of the parser's own message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# Options that are columns of the file; that of an outcome, of numbers.
_OF_NUMBERS, _OF_ANY = "outcome", ("unit", "period", "treatment")


def columns_for(error: Any) -> str:
    """The columns that a missing option can name, where the command was given a file that can be read; else ""."""
    name = getattr(getattr(error, "param", None), "name", None)
    given = getattr(getattr(error, "ctx", None), "params", {})
    file = next((value for value in given.values() if isinstance(value, Path) and value.is_file()), None)
    if file is None or name not in (_OF_NUMBERS, *_OF_ANY):
        return ""
    from bri_bayes.core.errors import InputError
    from bri_bayes.data.comparable import listed
    from bri_bayes.data.number_format import looks_numeric
    from bri_bayes.data.text_table import read_table

    try:
        table = read_table(file, "")
    except (InputError, OSError):
        return ""
    columns = {label: table.columns[at] for at, label in enumerate(table.header) if label}
    of_numbers = [label for label, cells in columns.items() if looks_numeric([str(cell) for cell in cells])]
    shown = of_numbers if name == _OF_NUMBERS else list(columns)
    return (
        f" {file.name} has the columns {'of numbers ' if name == _OF_NUMBERS else ''}{listed(shown)}." if shown else ""
    )
