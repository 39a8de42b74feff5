"""What did China trade with whom in which goods? Calls to UN Comtrade, and every row of its answers, checked.

The same trade is reported twice: by China, and in the mirror by each partner. What the partner imports from China (cif)
is China's export, what it exports to China (fob) is China's import.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from bri_bayes.data.official.sources import Classification, ComtradeTable
from bri_bayes.data.official.store import Call
from bri_bayes.data.official.transport import RefusedError, shown_url

FLOWS = {"X": "export", "M": "import"}
# The flow of China that a flow of the partner is.
MIRRORED = {"M": "export", "X": "import"}
# Of the value, which has no fractions of a cent: fob or cif and the primary value are one number.
SAME_VALUE = 1e-6


@dataclass(frozen=True)
class TradeRow:
    """Trade of the reporter in one group. ``value`` : current US dollars, fob for an export, cif for an import."""

    classification: str
    iso3: str
    year: int
    flow: str
    group: str
    value: float


@dataclass(frozen=True)
class Question:
    """One call: the partners (ISO codes) and years that it asks for under one classification.

    ``mirror`` : the partners report, of their trade with China.
    """

    classification: Classification
    partners: tuple[str, ...]
    years: tuple[int, ...]
    call: Call
    most_rows: int
    mirror: bool = False


class _Row(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    period: Annotated[str, Field(pattern=r"^\d{4}$")]
    reporter: int = Field(alias="reporterCode")
    reporter_iso: str | None = Field(alias="reporterISO")
    flow: Literal["X", "M"] = Field(alias="flowCode")
    partner: int = Field(alias="partnerCode")
    partner_iso: str | None = Field(alias="partnerISO")
    partner2: int = Field(alias="partner2Code")
    classification: str = Field(alias="classificationCode")
    group: str = Field(alias="cmdCode")
    customs: str = Field(alias="customsCode")
    transport: int = Field(alias="motCode")
    cif: FiniteFloat | None = Field(alias="cifvalue")
    fob: FiniteFloat | None = Field(alias="fobvalue")
    value: Annotated[FiniteFloat, Field(ge=0)] = Field(alias="primaryValue")


class _Answer(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    count: int
    data: list[_Row]
    error: str | None = None


class _Head(BaseModel):
    model_config = ConfigDict(extra="ignore")

    error: str | None = None


def questions(
    table: ComtradeTable, partners: Sequence[str], years: range, *, keyed: bool, mirror: bool = False
) -> Iterator[Question]:
    """Every call for ``partners`` in ``years``: in batches that the limits of the service allow."""
    most_rows = table.keyed_rows if keyed else table.preview_rows
    periods = table.keyed_periods if keyed else table.preview_periods
    for classification in table.classifications:
        asked = [year for year in classification.span if year in years]
        for start in range(0, len(asked), periods):
            when = tuple(asked[start : start + periods])
            # One row fewer than the limit: an answer that reaches it may have been cut off.
            size = max((most_rows - 1) // (len(table.groups) * len(FLOWS) * len(when)), 1)
            for batch in _batches([*partners, *_predecessors(table, partners, when)], size):
                yield _question(table, classification, batch, when, keyed=keyed, mirror=mirror)


def read_answer(question: Question, body: bytes, table: ComtradeTable) -> list[TradeRow]:
    """The rows of an answer, or one sentence about what is wrong with it. No row says nothing about trade."""
    where = shown_url(question.call.url)
    answer = parsed(_Answer, body, where)
    refuse_cut_off(len(answer.data), question.most_rows, where)
    if answer.count != len(answer.data):
        raise RefusedError(f"{where}: the answer counts {answer.count} rows and has {len(answer.data)}")
    iso_of = {table.code_of(iso3): iso3 for iso3 in question.partners}
    flows = MIRRORED if question.mirror else FLOWS
    seen: set[tuple[str, int, str, str]] = set()
    rows = []
    for row in answer.data:
        if fault := _fault(row, question, table, iso_of):
            raise RefusedError(f"{where}: {fault}")
        key = (iso_of[_sides(row, question)[0]], int(row.period), flows[row.flow], row.group)
        if key in seen:
            raise RefusedError(f"{where}: {' '.join(map(str, key))} is there twice; one row is allowed")
        seen.add(key)
        rows.append(TradeRow(question.classification.code, *key, row.value))
    return rows


def parsed[Model: BaseModel](model: type[Model], body: bytes, where: str) -> Model:
    """An answer in its model, or one sentence about what the service says or has changed."""
    try:
        said = (_Head.model_validate_json(body).error or "").strip()
        if said:
            raise RefusedError(f'{where}: the service answers with an error ("{said[:160]}")')
        return model.model_validate_json(body)
    except ValidationError as error:
        raise RefusedError(f"{where}: {_unexpected(error)}") from None


def refuse_cut_off(rows: int, most: int, where: str) -> None:
    """An answer as long as the service gives at once may be a part."""
    if rows >= most:
        raise RefusedError(
            f"{where}: the answer has {rows} rows, the most the service gives at once, so it may have been "
            "cut off; ask for fewer partners"
        )


def _predecessors(table: ComtradeTable, partners: Sequence[str], years: Sequence[int]) -> list[str]:
    """States that ended, where one of their successors is asked for."""
    return [
        name
        for name, state in table.predecessors.items()
        if min(years) <= state.until and set(state.successors) & set(partners)
    ]


def _batches(partners: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(partners), size):
        yield tuple(partners[start : start + size])


def _question(
    table: ComtradeTable,
    classification: Classification,
    partners: tuple[str, ...],
    years: Sequence[int],
    *,
    keyed: bool,
    mirror: bool,
) -> Question:
    path = (table.keyed if keyed else table.preview).format(classification=classification.code)
    others = ",".join(str(table.code_of(iso3)) for iso3 in partners)
    query = {
        "reporterCode": others if mirror else str(table.reporter),
        "period": ",".join(map(str, years)),
        "partnerCode": str(table.reporter) if mirror else others,
        "cmdCode": ",".join(table.groups),
        "flowCode": ",".join(FLOWS),
        **table.parameters,
    }
    url = f"{table.address}{path}?{urlencode(query, safe=',')}"
    if len(url) > table.longest_url:
        raise RefusedError(f"a call to Comtrade has {len(url):,} characters, more than {table.longest_url:,}")
    most = table.keyed_rows if keyed else table.preview_rows
    return Question(classification, partners, tuple(years), Call("comtrade", url, keyed=keyed), most, mirror)


def _unexpected(error: ValidationError) -> str:
    """An answer that is not as it was: the field that changed."""
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"] if not isinstance(part, int))
    if first["type"] == "json_invalid":
        return "the answer is not complete JSON; was it cut off?"
    if first["type"] == "missing":
        return f'the answer has no field "{name}" any more; the service has changed'
    return f'the field "{name}" is not as expected ({first["msg"].lower()}); has the service changed?'


def _sides(row: _Row, question: Question) -> tuple[int, str | None, int]:
    """Code and letters of the partner, and the code of China, whichever of them reports."""
    if question.mirror:
        return row.reporter, row.reporter_iso, row.partner
    return row.partner, row.partner_iso, row.reporter


def _fault(row: _Row, question: Question, table: ComtradeTable, iso_of: dict[int, str]) -> str | None:
    """Why a row is not an answer to what was asked."""
    number, letters, china = _sides(row, question)
    if number not in iso_of:
        return f"a row is of partner {number}, which was not asked for"
    iso3 = iso_of[number]
    what = f"{iso3} {row.period} {row.flow} {row.group}"
    if letters and iso3 not in table.predecessors and letters not in table.answers_for(iso3):
        return f"partner {number} is {letters} and not {iso3}; has a code been given to another country?"
    if int(row.period) not in question.years or row.group not in table.groups or china != table.reporter:
        return f"the row {what} of reporter {row.reporter} was not asked for"
    return _fault_of_value(row, what, question, table)


def _fault_of_value(row: _Row, what: str, question: Question, table: ComtradeTable) -> str | None:
    if row.classification != (asked := question.classification.code):
        return f"the row {what} is of classification {row.classification}, not {asked}"
    if row.partner2 != 0 or row.transport != 0 or row.customs != table.parameters["customsCode"]:
        return f"the row {what} is a detail, which its sum counts once more"
    valued = row.fob if row.flow == "X" else row.cif
    if valued is not None and abs(valued - row.value) > SAME_VALUE * max(row.value, 1.0):
        basis = "fob" if row.flow == "X" else "cif"
        return f"the value of {what} is {row.value:g} and not its {basis} value {valued:g}"
    return None
