"""What does a partner report of its trade with China, in the pairs that UN Comtrade itself makes of both reports?

With a key the service answers with a row a flow of China that has two values: China's, and beside it the mirror, which
is the partner's report of the other flow (its import, cif, for an export of China). The mirror alone is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from bri_bayes.data.official.comtrade import FLOWS, Question, TradeRow, parsed, questions, refuse_cut_off
from bri_bayes.data.official.sources import ComtradeTable
from bri_bayes.data.official.store import Call
from bri_bayes.data.official.transport import RefusedError, shown_url


class _Pair(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    period: Annotated[str, Field(pattern=r"^\d{4}$")]
    reporter: int = Field(alias="reporterCode")
    flow: Literal["X", "M"] = Field(alias="flowCode")
    partner: int = Field(alias="partnerCode")
    group: str = Field(alias="cmdCode")
    mirror: Annotated[FiniteFloat, Field(ge=0)] | None = Field(alias="mirrorPrimaryValue")


class _Pairs(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    data: list[_Pair]


def bilateral_questions(table: ComtradeTable, partners: Sequence[str], years: range) -> Iterator[Question]:
    """Every call for both sides' values of ``partners`` in ``years``; all go with the key."""
    for question in questions(table, partners, years, keyed=True):
        query = {
            "reporterCode": str(table.reporter),
            "period": ",".join(map(str, question.years)),
            "partnerCode": ",".join(str(table.code_of(iso3)) for iso3 in question.partners),
            "cmdCode": ",".join(table.groups),
            "flowCode": ",".join(FLOWS),
            "includeDesc": "true",
        }
        path = table.bilateral.format(classification=question.classification.code)
        call = Call("comtrade", f"{table.address}{path}?{urlencode(query, safe=',')}", keyed=True)
        yield Question(question.classification, question.partners, question.years, call, table.keyed_rows)


def read_bilateral(question: Question, body: bytes, table: ComtradeTable) -> list[TradeRow]:
    """China's flows by the partner's report; no row where the partner reported none (no value, or zero)."""
    where = shown_url(question.call.url)
    pairs = parsed(_Pairs, body, where).data
    refuse_cut_off(len(pairs), question.most_rows, where)
    iso_of = {table.code_of(iso3): iso3 for iso3 in question.partners}
    rows: dict[tuple[str, int, str, str], TradeRow] = {}
    for pair in pairs:
        asked = pair.partner in iso_of and int(pair.period) in question.years and pair.group in table.groups
        if not asked or pair.reporter != table.reporter:
            raise RefusedError(
                f"{where}: the row {pair.partner} {pair.period} {pair.flow} {pair.group} of reporter {pair.reporter} "
                "was not asked for"
            )
        if not pair.mirror:
            continue
        key = (iso_of[pair.partner], int(pair.period), FLOWS[pair.flow], pair.group)
        if key in rows:
            raise RefusedError(f"{where}: {' '.join(map(str, key))} is there twice; one row is allowed")
        rows[key] = TradeRow(question.classification.code, *key, pair.mirror)
    return list(rows.values())
