"""Which services are asked, at which address, for which codes and on which terms? What data/sources.toml declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from types import MappingProxyType

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.resources import shipped
from bri_bayes.core.schema import STRICT, read_toml, validated
from bri_bayes.data.regions import regions

CHINA = "CHN"


@dataclass(frozen=True, config=STRICT)
class TransportTable:
    """How long to wait and how often to ask again; in seconds, but for ``retries``."""

    connect: float
    read: float
    retries: int
    backoff: float
    longest_wait: float


@dataclass(frozen=True, config=STRICT)
class Classification:
    """A revision of the SITC and the first and last year that it is asked for."""

    code: str
    label: str
    years: tuple[int, int]

    @property
    def span(self) -> range:
        """Every year from the first to the last."""
        return range(self.years[0], self.years[1] + 1)


@dataclass(frozen=True, config=STRICT)
class Predecessor:
    """A state that ended: its code, its last year, and who came after it."""

    code: int
    until: int
    successors: tuple[str, ...]
    label: str


@dataclass(frozen=True, config=STRICT)
class ComtradeTable:
    """UN Comtrade: annual trade of ``reporter`` in goods, by partner and SITC group."""

    owner: str
    address: str
    preview: str
    keyed: str
    available: str
    bilateral: str
    key_header: str
    key_environment: str
    requests_per_second: float
    preview_rows: int
    preview_periods: int
    keyed_rows: int
    keyed_periods: int
    longest_url: int
    reporter: int
    unit: str
    licence: str
    facts: tuple[str, ...]
    parameters: Mapping[str, str]
    classifications: tuple[Classification, ...]
    groups: Mapping[str, str]
    partner_codes: Mapping[str, int]
    iso_as_answered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    predecessors: Mapping[str, Predecessor] = field(default_factory=dict)
    first_year: Mapping[str, int] = field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> ComtradeTable:
        if len(self.classifications) != 2:
            raise ValueError("there are two classifications: an earlier and a later one")
        earlier, later = self.classifications
        if not earlier.years[0] < later.years[0] <= earlier.years[1] < later.years[1]:
            raise ValueError("the years of the two classifications must overlap, the earlier one first")
        return self

    @property
    def years(self) -> range:
        """Every year that a classification covers."""
        return range(self.classifications[0].years[0], self.classifications[1].years[1] + 1)

    def code_of(self, iso3: str) -> int:
        """The number of a partner."""
        if iso3 in self.predecessors:
            return self.predecessors[iso3].code
        return self.partner_codes.get(iso3, int(regions()[iso3].m49 or 0))

    def answers_for(self, iso3: str) -> tuple[str, ...]:
        """The codes of letters that an answer may have for a partner."""
        return self.iso_as_answered.get(iso3, (iso3,))


@dataclass(frozen=True, config=STRICT)
class Indicator:
    """A series of the World Bank and the column that it becomes; ``survey_years`` : the only ones with a value."""

    column: str
    code: str
    units: str
    source: int = 2
    survey_years: tuple[int, ...] = ()


@dataclass(frozen=True, config=STRICT)
class WorldBankTable:
    """The World Bank's indicators: one series a call, in pages."""

    owner: str
    address: str
    path: str
    requests_per_second: float
    rows: int
    longest_url: int
    licence: str
    facts: tuple[str, ...]
    indicators: tuple[Indicator, ...]


@dataclass(frozen=True, config=STRICT)
class SwiidTable:
    """SWIID's summary file at one commit; ``names`` : what it calls a country -> ISO code."""

    owner: str
    address: str
    commit: str
    path: str
    requests_per_second: float
    licence: str
    facts: tuple[str, ...]
    names: Mapping[str, str]


@dataclass(frozen=True, config=STRICT)
class Sources:
    """Everything that may be asked."""

    transport: TransportTable
    comtrade: ComtradeTable
    world_bank: WorldBankTable
    swiid: SwiidTable

    @property
    def addresses(self) -> frozenset[str]:
        """Every service that is asked."""
        return frozenset((self.comtrade.address, self.world_bank.address, self.swiid.address))

    @property
    def licences(self) -> Mapping[str, str]:
        """Source -> owner and terms."""
        terms = {
            "comtrade": (self.comtrade.owner, self.comtrade.licence),
            "world_bank": (self.world_bank.owner, self.world_bank.licence),
            "swiid": (self.swiid.owner, self.swiid.licence),
        }
        return MappingProxyType({name: f"{owner}: {licence}" for name, (owner, licence) in terms.items()})


def load_sources(path: Path | None = None) -> Sources:
    """The declared sources, of ``path`` or as they ship."""
    where = shipped("data") / "sources.toml" if path is None else path
    return validated(Sources, read_toml(where), where=str(where))


def all_partners(comtrade: ComtradeTable) -> tuple[str, ...]:
    """Every country and territory with a region in M49 but China: treated, controls and donors."""
    known = (iso3 for iso3, region in regions().items() if region.region and iso3 != CHINA)
    return tuple(sorted(iso3 for iso3 in known if comtrade.code_of(iso3)))


def checked_partners(names: tuple[str, ...], comtrade: ComtradeTable) -> tuple[str, ...]:
    """The partners that were asked for, each once, sorted; none: all."""
    known = all_partners(comtrade)
    for name in names:
        if name not in known:
            raise InputError(f'"{name}" is no partner of China by its ISO code; {suggest(name, known)}')
    return tuple(sorted(set(names))) or known
