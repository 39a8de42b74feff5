"""Which names does an option list? Texts as CSV, an option given twice adds to the list."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from bri_bayes.core.errors import InputError


def parse_lists(texts: Sequence[str] | str | None, known: Iterable[str] = ()) -> tuple[str, ...]:
    """The names in ``A,B`` or ``"Congo, Dem. Rep.",B``, of every time that the option was given.

    A text that is one of the ``known`` names as it stands is that name, commas or not. Commas inside round brackets
    do not split: ``log(X)``.
    """
    given = [texts] if isinstance(texts, str) else list(texts or ())
    known = set(known)
    names = [name for text in given for name in ([text.strip()] if text.strip() in known else _split(text))]
    return tuple(name for name in names if name)


def parse_units(
    texts: Sequence[str] | None, path: Path, unit: str | None, encoding: str | None = None
) -> tuple[str, ...]:
    """The units in a list, each once; the file is looked into only where a comma may be part of a name.

    ``unit`` : the column that names them; None where nobody said which, so that a cell of any column is a name.
    """
    if not any("," in text for text in texts or ()):
        return tuple(dict.fromkeys(parse_lists(texts)))
    from bri_bayes.data.text_encoding import TextFormat
    from bri_bayes.data.text_table import read_table

    table = read_table(path, unit or "", TextFormat(encoding))
    named = table.columns if unit is None else [table.cells(unit)] if unit in table.header else []
    known = {str(cell).strip() for column in named for cell in column}
    return tuple(dict.fromkeys(parse_lists(texts, known)))


def parse_between(text: str | None, option: str = "--periods") -> tuple[str, str] | None:
    """``2003:2020`` or ``2010-05:2011-04`` as first and last period, as they are written."""
    if text is None:
        return None
    first, _, last = (part.strip() for part in text.partition(":"))
    if not (first and last) or ":" in last:
        raise InputError(f'{option} "{text}" is not a first and a last period, as in 2003:2020')
    return first, last


def parse_years(text: str | None, option: str) -> tuple[int, int] | None:
    """``2003:2020`` as a first and a last year."""
    between = parse_between(text, option)
    if between is None:
        return None
    try:
        first, last = (int(part) for part in between)
    except ValueError:
        raise InputError(f'{option} "{text}" is not a first and a last period, as in 2003:2020') from None
    return first, last


def _split(text: str) -> list[str]:
    """The fields of one line of CSV; what stands in round brackets stays together."""
    if '"' in text:
        return [field.strip() for line in csv.reader([text], skipinitialspace=True) for field in line]
    fields, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth <= 0:
            fields.append("")
        else:
            fields[-1] += character
    return [field.strip() for field in fields]
