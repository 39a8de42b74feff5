"""Which period is meant, and how far apart are two? Years, months, quarters, dates become ordinals with labels."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bri_bayes.core.errors import InputError
from bri_bayes.data.text_table import shown

# 2003, 2003.0, Y2003, YR2003, FY2003, R's X2003, the World Bank's "2003 [YR2003]"; an ISO date on the 1st of January.
_INTEGER = re.compile(r"(?:fy|yr|y|x(?=[0-9]{4}))?([+-]?[0-9]{1,6})(?:\.0*)?(?:\s*\[yr[0-9]+\])?", re.IGNORECASE)
_NEW_YEAR = re.compile(r"([0-9]{4})-01-01(?:[T ]00:00(?::00(?:\.0+)?)?)?")
_YEAR = r"(1[5-9][0-9]{2}|2[0-2][0-9]{2})"
_COMPACT_MONTH = re.compile(rf"x?{_YEAR}(0[1-9]|1[0-2])(?:\.0*)?", re.IGNORECASE)
_COMPACT_DATE = re.compile(rf"x?{_YEAR}(0[1-9]|1[0-2])([0-3][0-9])(?:\.0*)?", re.IGNORECASE)
_FISCAL = re.compile(rf"(?:fy\s*)?x?{_YEAR}\s*[/–-]\s*([0-9]{{4}}|[0-9]{{2}})", re.IGNORECASE)
_MONTH = re.compile(rf"x?{_YEAR}(?:[-/]|[-/. ]?m)(0?[1-9]|1[0-2])", re.IGNORECASE)
_NAMED_MONTH = re.compile(rf"([a-z]{{3,9}})[-. /]+{_YEAR}|{_YEAR}[-. /]+([a-z]{{3,9}})", re.IGNORECASE)
_PART = re.compile(rf"x?{_YEAR}[-:. ]?([qhw])([0-9]{{1,2}})|([qhw])([0-9]{{1,2}})[-/:. ]?{_YEAR}", re.IGNORECASE)
_DATE = re.compile(rf"x?{_YEAR}[-./]([01][0-9])[-./]([0-3][0-9])(?:[T ]00:00(?::00(?:\.0+)?)?)?", re.IGNORECASE)
# A date whose year is last: the text, and that with its parts, where the year has four digits.
_EITHER = re.compile(rf"^[0-3]?[0-9][-/. ][0-3]?[0-9][-/. ](?:{_YEAR}|[0-9]{{2}})$")
_YEAR_LAST = re.compile(rf"([0-3]?[0-9])([-/. ])([0-3]?[0-9])\2{_YEAR}(?:[T ]00:00(?::00(?:\.0+)?)?)?")
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
ALLOWED = "a period is an integer, a month (2010-05), a quarter (2010Q1), an ISO date or a fiscal year (2005/06)"

# Integers from here on, up to the second, are years where all periods of a file are.
EARLIEST_YEAR, LATEST_YEAR = 1500, 2300

Parse = Callable[[str], int | None]
# How dates whose year is last are read; "either": the day is the month in all of them, so that both are one date.
Order = Literal["", "day first", "month first", "either"]


@dataclass(frozen=True)
class Calendar:
    """How the periods of a file are counted: an ordinal is (raw - origin) / step of the way of writing ``kind``.

    ``unit`` : what one step is ("year", "month", "10 days"); ``labelled`` : whether the ordinals are not what the file
    has, so that a reader sees its labels; ``order`` : how dates whose year is last are read.
    """

    kind: str
    unit: str
    step: int = 1
    origin: int = 0
    labelled: bool = False
    order: Order = ""

    @property
    def counts_years(self) -> bool:
        """Whether an ordinal is the year itself."""
        return self.kind == "period" and self.unit == "year"

    def ordinal(self, text: str, *, end: bool = False) -> int | None:
        """The ordinal of a period as it is written, or None if it is none of this calendar.

        Between two steps it is the later (``end``: the earlier); a year stands for its first (``end``: its last) step.
        """
        text = _year_first(text.strip(), self.order)
        parse = _PARSERS[self.kind]
        raw = parse(text)
        if raw is None and self.labelled and (year := _integer(text)) is not None:
            raw = parse(_first_of(self.kind, year + end))
            raw = raw if raw is None else raw - end
        if raw is None and self.kind.startswith("date by month"):
            raw = _month(text)
        if raw is None:
            return None
        return (raw - self.origin) // self.step if end else -((self.origin - raw) // self.step)


def calendar_of(labels: Iterable[str], *, where: str, column: str, rows: Mapping[str, int] | None = None) -> Calendar:
    """The calendar that reads every label; ``rows`` : label -> its row, for the message about an unreadable one."""
    texts = list(dict.fromkeys(label.strip() for label in labels))
    order = _order(texts)
    texts = [_year_first(text, order) for text in texts]
    kind, failing = _kind(texts)
    if failing is not None:
        row = "" if rows is None else f"row {rows.get(failing, 0)}: "
        read = next((text for text in texts if _PARSERS[kind](text) is not None), None)
        others = "" if read is None else f', and others are written as "{shown(read)}"'
        asked = "; is the day first, or the month? write it as 2010-05-31" if _EITHER.search(failing) else ""
        raise InputError(f'{where}: {row}{column} is "{shown(failing)}"{others}; {ALLOWED}{asked}')
    raws = sorted({raw for text in texts if (raw := _PARSERS[kind](text)) is not None})
    return dataclasses.replace(_spaced(kind, raws), order=order)


def period_headers(names: Sequence[str]) -> list[int]:
    """Positions of the headers that are periods of one calendar: that which reads most of them."""
    best: list[int] = []
    order = _order([name.strip() for name in names if _YEAR_LAST.fullmatch(name.strip())])
    names = [_year_first(name.strip(), order) for name in names]
    for parse in _PARSERS.values():
        at = [position for position, name in enumerate(names) if parse(name) is not None]
        if len(at) > len(best):
            best = at
    return best


def _order(texts: Sequence[str]) -> Order:
    """Which of day and month is first in dates whose year is last; "" where they are none, or may be read both ways."""
    dates = [date for text in texts if (date := _YEAR_LAST.fullmatch(text))]
    if not dates or len(dates) < len(texts):
        return ""
    if all(int(date[1]) == int(date[3]) for date in dates):
        return "either"
    days = [any(int(date[part]) > 12 for date in dates) for part in (1, 3)]
    return "" if all(days) or not any(days) else "day first" if days[0] else "month first"


def _year_first(text: str, order: Order) -> str:
    """A date whose year is last as an ISO date; any other text as it is."""
    date = _YEAR_LAST.fullmatch(text) if order else None
    if date is None or (order == "either" and int(date[1]) != int(date[3])):
        return text
    day, month = (date[3], date[1]) if order == "month first" else (date[1], date[3])
    return f"{date[4]}-{month:0>2}-{day:0>2}"


def _kind(texts: list[str]) -> tuple[str, str | None]:
    """The first way of writing that reads every text; else the one that reads most, and what it does not read."""
    best, most, failing = "period", -1, ""
    for kind, parse in _PARSERS.items():
        unread = [text for text in texts if parse(text) is None]
        if not unread:
            return kind, None
        if len(texts) - len(unread) > most:
            best, most, failing = kind, len(texts) - len(unread), unread[0]
    return best, failing


def gap_notes(unit: str, ordinals: Sequence[int]) -> tuple[str, ...]:
    """What a reader must know where periods, sorted, are not one step apart."""
    gaps = [later - earlier for earlier, later in itertools.pairwise(ordinals)]
    if not gaps or max(gaps) == 1:
        return ()
    if len(set(gaps)) == 1:
        spacing = f"The periods are {gaps[0]} {unit}s apart"
    else:
        spacing = f"The periods are not equally spaced ({min(gaps)} to {max(gaps)} {unit}s apart)"
    return (f"{spacing}: effects by event time and the correlation of errors count single {unit}s.",)


def _spaced(kind: str, raws: list[int]) -> Calendar:
    """The step of the calendar: dates and months on a coarser grid count in its steps."""
    gaps = [later - earlier for earlier, later in itertools.pairwise(raws)]
    if kind == "day":
        return _dates(raws, gaps)
    if kind in ("compact month", "month"):
        return _months(kind, raws, gaps)
    if kind == "period":
        years = all(EARLIEST_YEAR <= raw < LATEST_YEAR for raw in raws)
        return Calendar(kind, "year" if years else "period")
    return Calendar(kind, "fiscal year" if kind == "fiscal year" else kind, labelled=True)


def _months(kind: str, raws: list[int], gaps: list[int]) -> Calendar:
    for step, unit in ((12, "year"), (6, "half-year"), (3, "quarter")):
        if gaps and math.gcd(*gaps) % step == 0:
            return Calendar(kind, unit, step, raws[0] % step, labelled=True)
    return Calendar(kind, "month", labelled=True)


def _dates(raws: list[int], gaps: list[int]) -> Calendar:
    """Dates on one day of the month, or on its last, count months; others weeks, days, or their equal steps."""
    days = {datetime.date.fromordinal(raw).day for raw in raws}
    ends = all(datetime.date.fromordinal(raw + 1).day == 1 for raw in raws)
    if gaps and (len(days) == 1 or ends):
        months = [_month_index(raw) for raw in raws]
        steps = [later - earlier for earlier, later in itertools.pairwise(months)]
        return _months("date by month end" if ends else "date by month", months, steps)
    common = math.gcd(*gaps) if gaps else 1
    if gaps and common % 7 == 0:
        return Calendar("day", "week", 7, raws[0] % 7, labelled=True)
    if common > 1 and set(gaps) == {common}:
        return Calendar("day", f"{common}-day step", common, raws[0] % common, labelled=True)
    return Calendar("day", "day", labelled=True)


def _first_of(kind: str, year: int) -> str:
    """How the first period of a year is written, so that ``--onset 2010`` is its first month, quarter or day."""
    part = {"quarter": "Q1", "half-year": "H1", "week": "W01", "day": "-01-01", "date by month": "-01-01"}
    part |= {
        "month": "-01",
        "compact month": "01",
        "date by month end": "-01-31",
        "fiscal year": f"/{(year + 1) % 100:02d}",
    }
    return f"{year}{part.get(kind, '')}"


def _integer(text: str) -> int | None:
    match = _INTEGER.fullmatch(text) or _NEW_YEAR.fullmatch(text)
    return int(match[1]) if match else None


def _compact_month(text: str) -> int | None:
    match = _COMPACT_MONTH.fullmatch(text)
    return int(match[1]) * 12 + int(match[2]) - 1 if match else None


def _fiscal(text: str) -> int | None:
    match = _FISCAL.fullmatch(text)
    if match is None:
        return None
    year, end = int(match[1]), int(match[2])
    return year if end in ((year + 1) % 100, year + 1) and (len(match[2]) == 2 or end == year + 1) else None


def _month(text: str) -> int | None:
    if match := _MONTH.fullmatch(text):
        return int(match[1]) * 12 + int(match[2]) - 1
    if match := _NAMED_MONTH.fullmatch(text):
        name, year = (match[1] or match[4]).lower(), int(match[2] or match[3])
        known = [at for at, short in enumerate(_MONTH_NAMES) if name.startswith(short)]
        return year * 12 + known[0] if known else None
    return None


def _part_of_year(letter: str, parts: int) -> Parse:
    def parse(text: str) -> int | None:
        match = _PART.fullmatch(text)
        if match is None or (match[2] or match[4]).lower() != letter:
            return None
        year, part = int(match[1] or match[6]), int(match[3] or match[5])
        return year * parts + part - 1 if 1 <= part <= parts else None

    return parse


def _week(text: str) -> int | None:
    match = _PART.fullmatch(text)
    if match is None or (match[2] or match[4]).lower() != "w":
        return None
    try:
        return datetime.date.fromisocalendar(int(match[1] or match[6]), int(match[3] or match[5]), 1).toordinal() // 7
    except ValueError:
        return None


def _date(text: str) -> int | None:
    match = _DATE.fullmatch(text) or _COMPACT_DATE.fullmatch(text)
    try:
        return datetime.date(int(match[1]), int(match[2]), int(match[3])).toordinal() if match else None
    except ValueError:
        return None


def _month_index(day: int) -> int:
    date = datetime.date.fromordinal(day)
    return date.year * 12 + date.month - 1


def _month_of_date(text: str) -> int | None:
    day = _date(text)
    return None if day is None else _month_index(day)


# In this order: the first that reads every label of a column is its calendar.
_PARSERS: dict[str, Parse] = {
    "compact month": _compact_month,
    "period": _integer,
    "fiscal year": _fiscal,
    "month": _month,
    "quarter": _part_of_year("q", 4),
    "half-year": _part_of_year("h", 2),
    "week": _week,
    "day": _date,
    # Dates that turn out to lie on the grid of months.
    "date by month": _month_of_date,
    "date by month end": _month_of_date,
}
