"""What does `data fetch` do? Ask, keep, read, build, and put the new panel in the place of the old one in one step."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bri_bayes.core.errors import InputError
from bri_bayes.core.io import replaced_together, write_json, written_beside
from bri_bayes.core.resources import shipped
from bri_bayes.data.file_formats import FETCHED
from bri_bayes.data.official.availability import availability_call, read_availability, years_without_data
from bri_bayes.data.official.bilateral import bilateral_questions, read_bilateral
from bri_bayes.data.official.build import official_panel
from bri_bayes.data.official.comtrade import Question, TradeRow, questions, read_answer
from bri_bayes.data.official.sources import Classification, Sources, checked_partners, load_sources
from bri_bayes.data.official.splice import spliced
from bri_bayes.data.official.store import Call, Record, Store, read_key
from bri_bayes.data.official.swiid import Gini, read_swiid, swiid_call
from bri_bayes.data.official.transport import RefusedError, Transport, transport_for
from bri_bayes.data.official.world_bank import Value, page_call, read_page
from bri_bayes.data.provenance import ELSEWHERE, MANIFEST, provenance_of_file

if TYPE_CHECKING:
    import pandas as pd

OUT = Path("data") / FETCHED
RAW = "raw"
# The study that reads what is fetched, for who has no copy of the repository.
STUDY = "hightech.toml"
# In the order in which a reader meets them; the manifest has their hashes.
FILES = ("panel.csv", "panel_imputed.csv", "imputed_cells.csv", "groups.csv", "overlap.csv", "predecessors.csv")
SCHEMA_VERSION = 1
BY_CHINA = "china"

Progress = Callable[[int, int, str], None]
Reader = Callable[..., list[TradeRow]]


@dataclass(frozen=True)
class FetchRequest:
    """What to fetch: partners by ISO code (none: all), first and last year (None: all that are declared).

    ``mirror`` : also what the partners report of their trade with China. ``bilateral`` : the same in the service's
    own pairs of both reports, which need a key.
    """

    out: Path = OUT
    partners: tuple[str, ...] = ()
    years: tuple[int, int] | None = None
    sources: Path | None = None
    key_file: Path | None = None
    refresh: bool = False
    mirror: bool = False
    bilateral: bool = False


@dataclass(frozen=True)
class Fetched:
    """Where the panel is, how many calls went out and were answered from the store, and what a reader should know."""

    panel: Path
    asked: int
    stored: int
    notes: tuple[str, ...]


@dataclass
class _Session:
    """Calls are answered by the store, else by the service; what was used is listed."""

    store: Store
    transport: Transport
    refresh: bool
    progress: Progress
    planned: int
    asked: int = 0
    used: list[Record] | None = None

    def answered[T](self, call: Call, read: Callable[[bytes], T]) -> T:
        """The call's answer, read; an answer that cannot be read is not kept."""
        stored = None if self.refresh else self.store.answer(call)
        if stored is None:
            body, asked_at = self.transport.ask(call)
            self.asked += 1
            value = read(body)
            stored = self.store.keep(call, body, asked_at)
        else:
            value = read(stored.body)
        self.used = [*(self.used or []), stored.record]
        self.progress(len(self.used), max(self.planned, len(self.used)), call.source)
        return value


def planned_calls(request: FetchRequest) -> tuple[str, ...]:
    """The addresses that `data fetch` would ask, without a key and without asking; the first page of each series."""
    sources, partners, years = _settled(request)
    keyed = _key(request, sources) is not None
    calls = [question.call for question, *_ in _questions(sources, partners, years, request, keyed=keyed)]
    calls += [availability_call(sources.comtrade, classification) for classification in _asked(sources, years)]
    calls += [page_call(sources.world_bank, series, partners, years, 1) for series in sources.world_bank.indicators]
    return tuple(call.url for call in [*calls, swiid_call(sources.swiid)])


def fetch(request: FetchRequest, progress: Progress = lambda *_: None) -> Fetched:
    """Ask what is not stored yet, build the panel beside the old one, and replace it."""
    sources, partners, years = _settled(request)
    key = _key(request, sources)
    calls = len(planned_calls(request))
    session = _Session(Store(request.out / RAW), transport_for(sources, key), request.refresh, progress, calls)
    reports: dict[str, list[TradeRow]] = {}
    for question, report, reader in _questions(sources, partners, years, request, keyed=key is not None):
        read = session.answered(question.call, partial(reader, question, table=sources.comtrade))
        reports.setdefault(report, []).extend(read)
    rows = reports.pop(BY_CHINA)
    if not rows:
        raise InputError("UN Comtrade has no row of what was asked for; the earlier data stay as they were")
    available, unavailable = _availability(session, sources, years)
    values, vintage = _indicators(session, sources, partners, years)
    inequality, unknown = _inequality(session, sources, values, years)
    trade = spliced(rows, sources.comtrade)
    others = {name: spliced(report, sources.comtrade) for name, report in reports.items() if report}
    built = official_panel(trade, values, inequality, partners, years, others)
    tables = dict(
        zip(
            FILES,
            (built.panel, built.filled, built.imputed_cells, trade.groups, trade.overlap, trade.predecessors),
            strict=True,
        )
    )
    elsewhere = sorted(sources.addresses - load_sources().addresses)
    strange = (f"{', '.join(elsewhere)} is no address of the services: what came is not taken for official data",)
    notes = (*(strange if elsewhere else ()), *unavailable, *_notes(tables, partners, unknown))
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "kind": "official" if not elsewhere else "user",
        ELSEWHERE: elsewhere,
        "partners": list(partners),
        "years": [years[0], years[-1]],
        "licences": dict(sources.licences),
        "vintage": vintage,
        "released": {code: {str(year): day for year, day in days.items()} for code, days in available.items()},
        "notes": list(notes),
        "answers": [asdict(record) for record in session.used or []],
    }
    write_panel(request.out, tables, manifest)
    _put_study_beside(request.out)
    used = len(session.used or [])
    return Fetched(request.out / FILES[0], session.asked, used - session.asked, notes)


def write_panel(out: Path, tables: dict[str, pd.DataFrame], manifest: Mapping[str, object]) -> None:
    """All files and the manifest, in a folder beside that takes the place of the earlier ones."""
    with replaced_together(out, [*tables, MANIFEST]) as folder:
        hashes = {}
        for name, table in tables.items():
            table.to_csv(folder / name, index=False, lineterminator="\n")
            hashes[name] = {"sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(), "rows": len(table)}
        write_json(folder / MANIFEST, {**manifest, "files": hashes})


def _put_study_beside(out: Path) -> None:
    """The study that reads ``out``, where its folder has none yet: a reader's own changes stay."""
    study = out.parent / STUDY
    if out.name == FETCHED and not study.exists():
        with written_beside(study) as temporary:
            temporary.write_bytes((shipped("data") / STUDY).read_bytes())


def draw_gaps(panel: Path, figure: Path) -> Path:
    """The heat map of a panel's missing and filled cells, as SVG and PNG; the path of the SVG."""
    from bri_bayes.data.official.gaps import gaps_of
    from bri_bayes.report.figures.panel_gaps import save_panel_gaps

    said = provenance_of_file(panel, "official", f"Panel of countries: {panel.name}").label or panel.name
    return save_panel_gaps(gaps_of(panel), said, figure)


def _settled(request: FetchRequest) -> tuple[Sources, tuple[str, ...], range]:
    sources = load_sources(request.sources)
    known = sources.comtrade.years
    years = known if request.years is None else range(request.years[0], request.years[1] + 1)
    if not years or years[0] not in known or years[-1] not in known:
        raise InputError(f"--years must lie in {known[0]}:{known[-1]}, the years of the two classifications")
    return sources, checked_partners(request.partners, sources.comtrade), years


def _questions(
    sources: Sources, partners: Sequence[str], years: range, request: FetchRequest, *, keyed: bool
) -> Iterator[tuple[Question, str, Reader]]:
    """Every call to Comtrade for trade, whose report it is, and what reads it: China's, then the partners'."""
    table = sources.comtrade
    for question in questions(table, partners, years, keyed=keyed):
        yield question, BY_CHINA, read_answer
    if request.mirror:
        for question in questions(table, partners, years, keyed=keyed, mirror=True):
            yield question, "mirror", read_answer
    if request.bilateral:
        if not keyed:
            raise InputError(f"--bilateral needs a key of UN Comtrade (--key-file, or {table.key_environment})")
        for question in bilateral_questions(table, partners, years):
            yield question, "bilateral", read_bilateral


def _asked(sources: Sources, years: range) -> list[Classification]:
    return [each for each in sources.comtrade.classifications if set(each.span) & set(years)]


def _availability(
    session: _Session, sources: Sources, years: range
) -> tuple[dict[str, dict[int, str]], tuple[str, ...]]:
    """Classification -> year -> day of its release, and what a reader should know. The panel does not depend on it."""
    available, notes = {}, []
    for classification in _asked(sources, years):
        call = availability_call(sources.comtrade, classification)
        try:
            read = session.answered(call, partial(read_availability, call, table=sources.comtrade))
        except RefusedError as error:
            notes.append(f"which years of {classification.label} are released is unknown ({error})")
        else:
            available[classification.code] = read
    for classification, lost in years_without_data(sources.comtrade, years, available):
        notes.append(
            f"UN Comtrade has released no trade of China in {classification.label} for {', '.join(map(str, lost))}"
        )
    return available, tuple(notes)


def _key(request: FetchRequest, sources: Sources) -> str | None:
    return read_key(request.key_file, os.environ.get(sources.comtrade.key_environment))


def _indicators(
    session: _Session, sources: Sources, partners: Sequence[str], years: range
) -> tuple[list[Value], dict[str, str]]:
    """Every page of every series, and the day of its last change."""
    values: list[Value] = []
    vintage = {}
    for series in sources.world_bank.indicators:
        number, pages = 1, 1
        while number <= pages:
            call = page_call(sources.world_bank, series, partners, years, number)
            page = session.answered(call, partial(read_page, call, series, years=years))
            values += page.values
            vintage[series.code] = page.updated
            pages, number = page.pages, number + 1
            session.planned += number <= pages
    return values, vintage


def _inequality(
    session: _Session, sources: Sources, values: Sequence[Value], years: range
) -> tuple[tuple[Gini, ...], tuple[str, ...]]:
    call = swiid_call(sources.swiid)
    named = {value.country: value.iso3 for value in values}
    answer = session.answered(call, partial(read_swiid, call, table=sources.swiid, named=named, years=years))
    return answer.rows, answer.unknown


def _notes(tables: dict[str, pd.DataFrame], partners: Sequence[str], unknown: Sequence[str]) -> Iterator[str]:
    """What the panel does not hold."""
    panel = tables["panel.csv"]
    silent = [iso3 for iso3 in partners if panel.loc[panel["iso3"] == iso3, "total_usd"].isna().all()]
    if silent:
        yield f"{len(silent)} partners have no year with both flows: {', '.join(silent)}"
    for flow in ("export", "import"):
        lost = int(panel[f"{flow}_usd"].isna().sum())
        yield f"{lost} of {len(panel)} partner-years have no {flow} row: not reported, which is not zero trade"
    if len(tables["predecessors.csv"]):
        yield "Serbia and Montenegro (to 2006) stands in predecessors.csv and is part of no other series"
    if unknown:
        yield f"SWIID names that no code was found for: {', '.join(unknown)}"
    yield "road density (lnroaddensity of the paper) has no source: its series is discontinued; lnrail is rail lines"
