"""For which years has UN Comtrade released China's trade? A year that is not there is missing for every partner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from bri_bayes.data.official.comtrade import parsed
from bri_bayes.data.official.sources import Classification, ComtradeTable
from bri_bayes.data.official.store import Call
from bri_bayes.data.official.transport import RefusedError, shown_url


class _DataSet(BaseModel):
    # The service writes the year as a number here and as text elsewhere.
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    period: Annotated[str, Field(pattern=r"^\d{4}$")]
    reporter: int = Field(alias="reporterCode")
    released: str | None = Field(alias="lastReleased", default=None)


class _DataSets(BaseModel):
    model_config = ConfigDict(extra="ignore")

    data: list[_DataSet]


def availability_call(table: ComtradeTable, classification: Classification) -> Call:
    """The call for every year of one classification."""
    query = urlencode({"reporterCode": str(table.reporter)})
    return Call("comtrade", f"{table.address}{table.available.format(classification=classification.code)}?{query}")


def read_availability(call: Call, body: bytes, table: ComtradeTable) -> dict[int, str]:
    """Year -> when its data were last released ("": the service does not say)."""
    where = shown_url(call.url)
    sets = parsed(_DataSets, body, where).data
    if any(row.reporter != table.reporter for row in sets):
        raise RefusedError(f"{where}: a data set is of another reporter, who was not asked for")
    return {
        int(row.period): row.released or "" for row in sorted(sets, key=lambda row: (row.period, row.released or ""))
    }


def years_without_data(
    table: ComtradeTable, years: range, available: Mapping[str, Mapping[int, str]]
) -> Iterator[tuple[Classification, list[int]]]:
    """The classification and the years that were asked of it and are not released (``available`` : by code)."""
    for classification in table.classifications:
        asked = [year for year in classification.span if year in years]
        lost = [year for year in asked if year not in available.get(classification.code, dict.fromkeys(asked, ""))]
        if lost:
            yield classification, lost
