"""Which number does a cell stand for? The marks are decided from the whole column; what is ambiguous is asked about."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.data.text_table import shown

# How files write a missing number: R, pandas and SQL, Stata's "." and the World Bank's "..".
MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "none", ".", ".."})
_DASHES = str.maketrans(dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d", "-"))
_BLANKS = str.maketrans(dict.fromkeys("\u00a0\u202f\u2007\u2009\u2008\u2006\u2005\u2004\u2002\u2003", " "))
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2019\u02bc\u2018", "'"))
_CURRENCY = re.compile(r"(?:US|AU|CA|HK|NZ|R|A|C)?[$]|USD|EUR|GBP|CNY|RMB|CHF|JPY|RUB|KZT")
_PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_PARTS = re.compile(r"([+-]?)([0-9.,' ]*[0-9][.,]?|[0-9.,' ]*[0-9])([eE][+-]?[0-9]+)?")
_PLAIN_CHARACTERS = frozenset("0123456789.+-eE ")
_GROUPS = r"[0-9]{1,3}(?:%s[0-9]{3})+|[0-9]{1,2}(?:%s[0-9]{2})+%s[0-9]{3}"
MARKS = {",": ".", ".": ","}
SEPARATORS = (",", ".", " ", "'")


@dataclass(frozen=True)
class NumberFormat:
    """The marks of a file where the user states them; None: to be decided from the cells."""

    decimal: str | None = None
    thousands: str | None = None

    def __post_init__(self) -> None:
        if self.decimal is not None and self.decimal not in MARKS:
            raise InputError(f'--decimal "{self.decimal}" is unknown; a decimal mark is "." or ","')
        if self.thousands is not None and self.thousands not in SEPARATORS:
            raise InputError(f'--thousands "{self.thousands}" is unknown; allowed: comma, point, blank, apostrophe')
        if self.decimal is not None and self.decimal == self.thousands:
            raise InputError(f'--decimal and --thousands are both "{self.decimal}"; a mark has one meaning')

    @property
    def decimal_stated(self) -> str | None:
        """The decimal mark that the statements leave: with thousands commas it is the point."""
        return self.decimal or (MARKS.get(self.thousands) if self.thousands else None)


# Nothing stated: every column tells its marks itself.
DECIDED = NumberFormat()


@dataclass(frozen=True, eq=False)
class Numbers:
    """The numbers of a column.

    ``values`` : NaN where missing; ``bad`` : positions of cells that are no finite number;
    ``unit`` : "%" or a currency, "" where there is none.
    """

    values: Array
    bad: tuple[int, ...]
    unit: str


def is_missing(cell: str) -> bool:
    """Whether the cell says that there is no number."""
    return cell.strip().lower() in MISSING


def read_numbers(
    cells: Sequence[str] | NDArray[np.object_],
    *,
    where: str,
    delimiter: str,
    marks: NumberFormat = DECIDED,
    others: Iterable[Iterable[str]] = (),
) -> Numbers:
    """The numbers of a column : (cells,). ``where`` opens a message and names the column.

    ``others`` : cells of the file's other columns, looked at only when this one does not tell its decimal mark.
    A percent sign or a currency counts when every number of the column has it; parentheses mean minus.
    """
    texts = dict.fromkeys(cells)
    present = [text for text in texts if not is_missing(text)]
    known: dict[str, float] = {}
    unit = ""
    if set("".join(present)) <= _PLAIN_CHARACTERS and all(_PLAIN.fullmatch(text.strip()) for text in present):
        bare = {text: text.strip() for text in present}
    else:
        bare, unit = _bare(present, where, delimiter)
    decimal = _decimal_mark(list(bare.values()), where, delimiter, marks, others)
    pattern = _pattern(decimal, marks.thousands)
    for text, core in bare.items():
        known[text] = _value(core, decimal, pattern)
    values = np.full(len(cells), np.nan)
    bad = []
    for at, text in enumerate(cells):
        if text in known:
            values[at] = known[text]
            if not math.isfinite(known[text]):
                bad.append(at)
        elif not is_missing(text):
            bad.append(at)
    return Numbers(values, tuple(bad), unit)


def looks_numeric(cells: Iterable[str]) -> bool:
    """Whether some cell of a column is a number in any format, infinite ones included."""
    return any(_core(cell)[0] is not None or is_infinite(cell) for cell in cells if not is_missing(cell))


def is_infinite(cell: str) -> bool:
    """Whether the cell writes infinity, or a number that is too large for one."""
    try:
        return "_" not in cell and math.isinf(float(cell))
    except ValueError:
        return False


def _bare(present: list[str], where: str, delimiter: str) -> tuple[dict[str, str], str]:
    """The texts without signs of unit, those that are numbers in some format; and the unit that all of them have."""
    bare, units, counts = {}, set(), 0
    for text in present:
        core, unit = _core(text, delimiter)
        if core is None:
            continue
        bare[text] = core
        if unit:
            units.add(unit)
            counts += 1
    if len(units) > 1:
        listed = " and ".join(sorted(units))
        raise InputError(f"{where} is in {listed}; a column has one unit")
    unit = next(iter(units), "")
    zeros = sum(1 for text, core in bare.items() if not _core(text)[1] and not re.search("[1-9]", core))
    if unit == "%" and counts + zeros < len(bare):
        example = next(text for text in bare if "%" not in text)
        raise InputError(f'{where} has percent signs on some numbers and none on "{shown(example)}"; write all alike')
    return bare, unit


def _core(cell: str, delimiter: str = "") -> tuple[str | None, str]:
    """Sign, digits and marks of a number without its unit (None: no number in any format), and the unit."""
    text = cell.translate(_DASHES).translate(_BLANKS).translate(_APOSTROPHES).strip()
    negative = text.startswith("(") and text.endswith(")")
    if negative:
        text = text[1:-1].strip()
    unit = ""
    if text.endswith("%"):
        text, unit = text[:-1].rstrip(), "%"
    else:
        text, unit = _without_currency(text)
        if text.startswith("(") and text.endswith(")") and not negative:
            negative, text = True, text[1:-1].strip()
    if text[:1] in "+-" and text[1:2] == " ":
        text = text[0] + text[2:]
    match = _PARTS.fullmatch(text)
    if match is None or (negative and match[1]):
        return None, unit
    return ("-" + text if negative else text), unit


def _without_currency(text: str) -> tuple[str, str]:
    for at, character in enumerate(text):
        if unicodedata.category(character) == "Sc" and character != "$":
            rest = text[:at] + text[at + 1 :]
            return rest.replace("- ", "-").strip(), character
    if match := _CURRENCY.search(text):
        rest = text[: match.start()] + text[match.end() :]
        return rest.replace("- ", "-").strip(), match[0]
    return text, ""


def _decimal_mark(
    cores: list[str], where: str, delimiter: str, marks: NumberFormat, others: Iterable[Iterable[str]]
) -> str:
    """The decimal mark of the column: stated, shown by a cell, shown by another column, or asked for."""
    if marks.decimal_stated is not None:
        return marks.decimal_stated
    shown_by = _evidence(cores)
    if "," in shown_by and "." in shown_by:
        raise InputError(
            f'{where} has decimal commas ("{shown(shown_by[","])}") and decimal points ("{shown(shown_by["."])}"); '
            "use one of them"
        )
    if shown_by:
        return next(iter(shown_by))
    doubtful = {mark: core for core in cores for mark in MARKS if mark in core}
    if not doubtful or (delimiter == "" and "," not in doubtful):
        return "."
    if len(doubtful) > 1:
        raise _ambiguous(where, doubtful)
    for other in others:
        told = _evidence([core for cell in other if not is_missing(cell) and (core := _core(cell)[0]) is not None])
        if len(told) == 1:
            return next(iter(told))
    if delimiter == "," and "." in doubtful and all("." in core for core in cores):
        return "."  # three places in every number of a file that has commas between its fields: printed with "%.3f"
    raise _ambiguous(where, doubtful)


def _ambiguous(where: str, doubtful: Mapping[str, str]) -> InputError:
    mark, example = next(iter(doubtful.items()))
    return InputError(
        f'{where} can be read in two ways: in "{shown(example)}" the mark "{mark}" may be decimal or part the '
        f'thousands, as three digits follow it everywhere; say which: --decimal "{mark}" or --thousands "{mark}"'
    )


def _evidence(cores: Iterable[str]) -> dict[str, str]:
    """Decimal mark -> a cell that shows that it is one; a column that contradicts itself shows both."""
    told: dict[str, str] = {}
    for core in cores:
        if ("," in core or "." in core) and (mark := _told(core)) is not None:
            told.setdefault(mark, core)
            if len(told) == len(MARKS):
                break
    return told


def _told(core: str) -> str | None:
    """The decimal mark that one number shows, or None if its only mark is followed by three digits."""
    if "," in core and "." in core:
        last, first = (",", ".") if core.rfind(",") > core.rfind(".") else (".", ",")
        return last if core.count(last) == 1 else first
    mark = "," if "," in core else "."
    if core.count(mark) > 1:
        return MARKS[mark]
    before, after = core.lstrip("+-").split(mark)
    if " " in before or "'" in before:
        return mark
    grouped = len(after) == 3 and after.isdigit() and 1 <= len(before) <= 3 and not before.startswith("0")
    return None if grouped else mark


def _pattern(decimal: str, thousands: str | None) -> re.Pattern[str]:
    """Sign, whole part with or without one kind of separator, decimals, exponent."""
    allowed = [thousands] if thousands is not None else [MARKS[decimal], " ", "'"]
    groups = "|".join(_GROUPS % (mark, mark, mark) for mark in map(re.escape, allowed))
    point = re.escape(decimal)
    return re.compile(rf"([+-]?)({groups}|[0-9]+|(?={point}[0-9]))(?:{point}([0-9]*))?([eE][+-]?[0-9]+)?")


def _value(core: str, decimal: str, pattern: re.Pattern[str]) -> float:
    """The number, or NaN for what is none under these marks."""
    if decimal == "." and _PLAIN.fullmatch(core):
        return float(core)
    match = pattern.fullmatch(core)
    if match is None:
        return math.nan
    sign, whole, fraction, exponent = match.groups()
    return float(f"{sign}{re.sub('[^0-9]', '', whole) or '0'}.{fraction or '0'}{exponent or ''}")
