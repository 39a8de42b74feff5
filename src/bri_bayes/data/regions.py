"""In which region of the world does a country lie? The M49 standard of the UN Statistics Division, by ISO code."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.resources import shipped

RegionLevel = Literal["region", "subregion", "finest"]


@dataclass(frozen=True)
class Region:
    """The place of a country in M49; "" where the standard gives none (Antarctica has no region).

    ``m49`` : code of three digits; ``region`` : one of five; ``subregion`` : one of 17, as Central Asia;
    ``intermediate_region`` : a part of Sub-Saharan Africa or of Latin America and the Caribbean, else "".
    """

    iso3: str
    m49: str
    region: str
    subregion: str
    intermediate_region: str

    @property
    def finest(self) -> str:
        """The smallest group of the standard that has the country, so that groups are of like size (22 of them)."""
        return self.intermediate_region or self.subregion


@cache
def regions() -> Mapping[str, Region]:
    """Every country and territory with an ISO 3166-1 code (and XKX, Kosovo), by that code."""
    with (shipped("data") / "regions.csv").open(encoding="utf-8", newline="") as stream:
        rows = [Region(**row) for row in csv.DictReader(stream)]
    return MappingProxyType({row.iso3: row for row in rows})


def groups_of(units: Iterable[str], level: RegionLevel = "subregion") -> dict[str, str]:
    """Unit -> its region at ``level``; a unit that is no ISO code of three letters, or has no region, is refused."""
    known = regions()
    groups = {}
    for unit in units:
        if unit not in known:
            raise InputError(f'"{unit}" is no ISO code of a country; {suggest(unit, known)}')
        groups[unit] = str(getattr(known[unit], level))
        if not groups[unit]:
            raise InputError(f'"{unit}" has no region in the M49 standard; leave it out or give it a group of its own')
    return groups
