"""Is every unit a country of today, and do states that began or ended keep to their years?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from bri_bayes.data.official.levels import scale_of
from bri_bayes.data.regions import regions

if TYPE_CHECKING:
    import pandas as pd

# Codes that ISO 3166-1 withdrew, or that other agencies use -> what took their place.
RENAMED = {
    "ROM": "ROU",
    "ZAR": "COD",
    "TMP": "TLS",
    "BUR": "MMR",
    "KSV": "XKX",
    "XKK": "XKX",
    "WBG": "PSE",
    "IMY": "IMN",
    "ADO": "AND",
}
ENDED = {
    "SCG": "Serbia and Montenegro, which ended in 2006",
    "YUG": "Yugoslavia, which ended in 2003",
    "SUN": "the Soviet Union, which ended in 1991",
    "CSK": "Czechoslovakia, which ended in 1992",
    "DDR": "the German Democratic Republic, which ended in 1990",
    "ANT": "the Netherlands Antilles, which ended in 2010",
}
# Serbia's and Montenegro's own trade is reported from this year on; before, they traded as one state.
APART_FROM = 2006
SUCCESSORS = ("SRB", "MNE")

Severity = Literal["broken", "note"]


def unit_findings(frame: pd.DataFrame, unit: str, year: str) -> Iterator[tuple[str, Severity, str]]:
    """What the codes of units say."""
    codes = sorted(set(frame[unit]))
    for code in codes:
        if code in RENAMED:
            yield "units", "broken", f"{code} is {RENAMED[code]} today; one code for one country"
    unknown = [code for code in codes if code not in regions() and code not in RENAMED and code not in ENDED]
    if unknown:
        yield "units", "broken", f"no country has the code {', '.join(unknown[:8])} ({len(unknown)} such codes)"
    for code in (code for code in codes if code in ENDED):
        yield "units", "note", f"{code} is {ENDED[code]}: no unit of a panel that goes on"
    yield from _serbia(frame, unit, year)


def _serbia(frame: pd.DataFrame, unit: str, year: str) -> Iterator[tuple[str, Severity, str]]:
    """Trade of Serbia or Montenegro before 2006 is that of Serbia and Montenegro together."""
    levels = [name for name in frame.columns if scale_of(name) is not None and not name.startswith("partner_")]
    for code in SUCCESSORS:
        rows = frame[frame[unit] == code]
        seen = rows[rows[levels].fillna(0).gt(0).any(axis=1)] if levels else rows.iloc[:0]
        if seen.empty:
            continue
        first = int(seen[year].min())
        if first < APART_FROM:
            yield (
                "Serbia",
                "broken",
                f"{code} has trade in {first}: before {APART_FROM} that is Serbia and Montenegro's",
            )
        elif first > int(frame[year].min()):
            yield "Serbia", "note", f"{code} has trade from {first} on: before, it was a part of Serbia and Montenegro"
