"""What does the World Bank know about a country and year? Calls by series, in pages, and the rows of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from bri_bayes.data.official.sources import Indicator, WorldBankTable
from bri_bayes.data.official.store import Call
from bri_bayes.data.official.transport import RefusedError, shown_url
from bri_bayes.data.regions import regions

MESSAGES = {"120": "one of the values that was asked for is unknown", "175": "the series is unknown or was deleted"}


@dataclass(frozen=True)
class Value:
    """One value of a series; None: the World Bank has none. ``country`` : the name that the World Bank gives."""

    column: str
    iso3: str
    year: int
    value: float | None
    country: str


@dataclass(frozen=True)
class Page:
    """The values of a page, how many pages there are, and the day on which the series was last changed."""

    values: tuple[Value, ...]
    pages: int
    updated: str


class _Named(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    id: str
    value: str


class _Row(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    indicator: _Named
    country: _Named
    countryiso3code: str
    date: Annotated[str, Field(pattern=r"^\d{4}$")]
    value: FiniteFloat | None


class _Head(BaseModel):
    model_config = ConfigDict(extra="ignore")

    page: int
    pages: int
    total: int
    lastupdated: str = ""


def page_call(table: WorldBankTable, series: Indicator, partners: Sequence[str], years: range, page: int) -> Call:
    """The call for a page of a series; as many countries as fit into an address, else all of the world."""
    url = _url(table, series, ";".join(partners), years, page)
    if len(url) > table.longest_url:
        url = _url(table, series, "all", years, page)
    return Call("world_bank", url)


def read_page(call: Call, series: Indicator, body: bytes, years: range) -> Page:
    """The values of an answer; aggregates of countries are left out."""
    where = shown_url(call.url)
    try:
        content: Any = TypeAdapter(list[Any]).validate_json(body)
    except ValidationError:
        raise RefusedError(f"{where}: the answer is not complete JSON of the World Bank; was it cut off?") from None
    if len(content) == 1 and isinstance(content[0], dict) and "message" in content[0]:
        raise RefusedError(f"{where}: {_said(content[0]['message'])}")
    if len(content) != 2:
        raise RefusedError(f"{where}: the answer has {len(content)} parts and not two; has the service changed?")
    try:
        head = _Head.model_validate(content[0])
        rows = TypeAdapter(list[_Row]).validate_python(content[1] or [])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"] if not isinstance(part, int))
        raise RefusedError(f'{where}: the field "{name}" is missing or changed; has the service changed?') from None
    if wrong := {row.indicator.id for row in rows} - {series.code}:
        raise RefusedError(f"{where}: the answer is of the series {min(wrong)} and not {series.code}")
    kept = [row for row in rows if row.countryiso3code in regions() and int(row.date) in years]
    keys = [(row.countryiso3code, row.date) for row in kept]
    if len(set(keys)) < len(keys):
        raise RefusedError(f"{where}: a country and year is there twice; one row is allowed")
    values = (Value(series.column, row.countryiso3code, int(row.date), row.value, row.country.value) for row in kept)
    return Page(tuple(values), head.pages, head.lastupdated)


def _url(table: WorldBankTable, series: Indicator, countries: str, years: range, page: int) -> str:
    query = {"date": f"{years[0]}:{years[-1]}", "format": "json", "per_page": table.rows, "source": series.source}
    if page > 1:
        query["page"] = page
    path = table.path.format(countries=countries, indicator=series.code)
    return f"{table.address}{path}?{urlencode(query, safe=':')}"


def _said(messages: Any) -> str:
    """A refusal that comes with status 200."""
    first = messages[0] if isinstance(messages, list) and messages and isinstance(messages[0], dict) else {}
    number = str(first.get("id", "?"))
    meaning = MESSAGES.get(number, str(first.get("value", ""))[:160])
    return f"the World Bank answers with message {number}: {meaning}"
