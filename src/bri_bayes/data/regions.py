"""In which region of the world does a country lie? The M49 standard of the UN Statistics Division, by ISO code."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from bri_bayes.core.resources import shipped


@dataclass(frozen=True)
class Region:
    """The place of a country in M49; "" where the standard gives none (Antarctica has no region).

    ``name`` : in English, by the Unicode CLDR; ``m49`` : code of three digits; ``region`` : one of five;
    ``subregion`` : one of 17, as Central Asia; ``intermediate_region`` : a part of Sub-Saharan Africa or of Latin
    America and the Caribbean, else "".
    """

    iso3: str
    name: str
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
