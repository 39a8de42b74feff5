"""How do the services behave? A server on loopback with made-up numbers, the services' rules, and faults on demand."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from bri_bayes.core.resources import shipped
from bri_bayes.data.official.sources import load_sources
from bri_bayes.data.regions import regions

KEY = "0123456789abcdef"
NAMES = {"KGZ": "Kyrgyz Republic"}
SWIID_NAMES = {"KGZ": "Kyrgyzstan"}
Fault = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class World:
    """Made-up numbers, what was served of them, and the faults that the next calls meet."""

    trade: list[tuple[str, str, int, str, str, float]] = field(default_factory=list)
    mirrored: list[tuple[str, str, int, str, str, float]] = field(default_factory=list)
    paired: list[tuple[str, str, int, str, str, float | None]] = field(default_factory=list)
    unreleased: set[int] = field(default_factory=set)
    series: dict[tuple[str, str, int], float | None] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    # The part of an address -> what happens to the calls that have it, one after the other.
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    silent: set[tuple[str, int, str]] = field(default_factory=set)
    change_answer: Callable[[dict], dict] = field(default=lambda answer: answer)

    def value(self, classification: str, iso3: str, year: int, flow: str, group: str) -> float | None:
        """Trade in dollars; None: no row. The later revision is a little larger, by group."""
        if (iso3, year, flow) in self.silent or year < {"SRB": 2006, "MNE": 2006}.get(iso3, 0):
            return None
        seed = number_of(iso3) * 7 + int(group) * 13 + (5 if flow == "X" else 11)
        # A group that this partner does not trade in some years.
        if group == "792" and (seed + year) % 3 == 0:
            return None
        base = 1e7 * (1 + seed % 17) * 1.08 ** (year - 2003)
        base *= math.exp(_shock(number_of(iso3) * 31 + ord(flow), year) + _shock(seed * 101 + ord(flow), year))
        return round(base * (1.0 if classification == "S3" else 1.0 + 0.01 * (int(group) % 5)), 2)

    def indicator(self, code: str, iso3: str, year: int) -> float | None:
        """A value of the World Bank, with gaps."""
        seed = number_of(iso3) + sum(map(ord, code))
        if code == "LP.LPI.OVRL.XQ" and year not in (2007, 2010, 2012, 2014, 2016, 2018, 2022):
            return None
        if (seed + year) % 11 == 0 or (code == "IS.RRS.TOTL.KM" and iso3 == "MNG"):
            return None
        base = 1.2 if code.startswith(("LP.", "GOV_")) else 1.5 + seed % 9
        return round(base + 0.1 * ((seed * (year - 2000)) % 13), 4)


def number_of(iso3: str) -> int:
    """Another number for every country: two with one would be copies, and no model can tell copies apart."""
    return int(iso3, 36)


@contextmanager
def services(world: World, tmp_path: Path) -> Iterator[Path]:
    """Run the server; the path of a sources file that points to it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(world))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield sources_file(tmp_path, f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sources_file(tmp_path: Path, address: str) -> Path:
    """The shipped sources with another address, and the pace of a test."""
    text = (shipped("data") / "sources.toml").read_text(encoding="utf-8")
    for host in ("https://comtradeapi.un.org", "https://api.worldbank.org", "https://raw.githubusercontent.com"):
        text = text.replace(f'address = "{host}"', f'address = "{address}"')
    for before, after in (
        ("connect = 10", "connect = 2"),
        ("read = 90", "read = 10"),
        ("retries = 5", "retries = 2"),
        ("backoff = 1.0", "backoff = 0.01"),
        ("longest_wait = 60", "longest_wait = 2"),
        ("requests_per_second = 1", "requests_per_second = 10000"),
        ("requests_per_second = 4", "requests_per_second = 10000"),
    ):
        assert before in text, before
        text = text.replace(before, after)
    path = tmp_path / "sources.toml"
    path.write_text(text, encoding="utf-8")
    return path


def status(code: int, body: bytes = b"", **headers: str) -> Fault:
    """An answer with this status."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        _send(handler, code, body, {name.replace("_", "-"): value for name, value in headers.items()})

    return answer


def silence(seconds: float) -> Fault:
    """No answer for some time."""
    return lambda _: time.sleep(seconds)


def broken_off(handler: BaseHTTPRequestHandler) -> None:
    """An answer that ends in the middle."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"count": 3, "data": [')
    handler.close_connection = True


def _handler(world: World) -> type[BaseHTTPRequestHandler]:
    codes = _codes()
    sources = load_sources()
    table = sources.comtrade
    known = {series.code: series for series in sources.world_bank.indicators}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            world.calls.append(self.path)
            world.headers.append(dict(self.headers))
            for part, waiting in world.faults.items():
                if part in unquote(self.path) and waiting:
                    waiting.pop(0)(self)
                    return
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if "/getDA/" in parts.path:
                self._availability(parts.path, query)
            elif "/C/A/" in parts.path:
                self._comtrade(parts.path, query)
            elif parts.path.startswith("/v2/"):
                self._world_bank(parts.path, query)
            elif parts.path.endswith("swiid_summary.csv"):
                _send(self, 200, swiid_file().encode(), {"Content-Type": "text/plain"})
            else:
                _send(self, 404, b'{"message": "Resource not found"}')

        def _availability(self, path: str, query: dict[str, str]) -> None:
            first, last = (1988, 2009) if path.endswith("S3") else (2007, 2023)
            rows = [
                {
                    "datasetCode": year,
                    "period": year,
                    "reporterCode": int(query["reporterCode"]),
                    "classificationCode": path.rsplit("/", 1)[1],
                    "lastReleased": f"{year + 1}-06-30T00:00:00",
                }
                for year in range(first, last + 1)
                if year not in world.unreleased
            ]
            _send(self, 200, json.dumps({"elapsedTime": "0.1 secs", "count": 0, "data": rows, "error": ""}).encode())

        def _comtrade(self, path: str, query: dict[str, str]) -> None:
            pairs = "/tools/v1/getBilateralData/" in path
            keyed = "/data/v1/get/" in path or pairs
            if keyed and self.headers.get(table.key_header) != KEY:
                said = "invalid" if self.headers.get(table.key_header) else "missing"
                body = {"statusCode": 401, "message": f"Access denied due to {said} subscription key."}
                _send(self, 401, json.dumps(body).encode())
                return
            periods = query["period"].split(",")
            if len(periods) > (12 if keyed else 1):
                _send(self, 400, b'{"error": "Too many periods in one call"}')
                return
            classification = path.rsplit("/", 1)[1]
            mirror = query["partnerCode"] == "156"
            wanted = [
                (codes[int(number)], int(year), flow, group)
                for number in query["reporterCode" if mirror else "partnerCode"].split(",")
                for year in periods
                for flow in query["flowCode"].split(",")
                for group in query["cmdCode"].split(",")
            ]
            rows = []
            for iso3, year, flow, group in wanted:
                value = world.value(classification, iso3, year, flow, group)
                if pairs:
                    if value is not None:
                        row = _row(table.code_of(iso3), iso3, classification, year, flow, group, value)
                        rows.append(_paired(world, row, iso3))
                    continue
                if value is None or (mirror and iso3 in {"TKM", "SCG"}):
                    continue
                row = _row(table.code_of(iso3), iso3, classification, year, flow, group, value)
                if mirror:
                    value = round(value * (1.0 + int(group) % 3), 2)
                    row = _row(table.code_of(iso3), iso3, classification, year, flow, group, value)
                    sides = ("reporterCode", "partnerCode"), ("reporterISO", "partnerISO")
                    row |= {a: row[b] for pair in sides for a, b in (pair, pair[::-1])}
                    world.mirrored.append((classification, iso3, year, flow, group, value))
                else:
                    world.trade.append((classification, iso3, year, flow, group, value))
                if query.get("includeDesc") != "true":
                    row |= {"reporterISO": None, "partnerISO": None}
                rows.append(row)
            if not pairs and not {"partner2Code", "motCode", "customsCode"} <= set(query):
                rows += [{**row, "motCode": 1000} for row in rows]
            rows = rows[: 100_000 if keyed else 500]
            answer = {"elapsedTime": "0.1 secs", "count": len(rows), "data": rows, "error": ""}
            _send(self, 200, json.dumps(world.change_answer(answer)).encode())

        def _world_bank(self, path: str, query: dict[str, str]) -> None:
            _, _, _, countries, _, code = unquote(path).split("/")
            if len(self.path) > 1500:
                _send(self, 404, b"<html><body>404</body></html>", {"Content-Type": "text/html"})
                return
            if code not in known or str(known[code].source) != query["source"]:
                self._message("175", "The indicator was not found. It may have been deleted or archived.")
                return
            listed = sorted(regions()) if countries == "all" else countries.split(";")
            if not set(listed) <= set(regions()):
                self._message("120", "The provided parameter value is not valid")
                return
            first, last = map(int, query["date"].split(":"))
            rows = []
            for iso3 in listed:
                for year in range(last, first - 1, -1):
                    value = world.indicator(code, iso3, year)
                    world.series[code, iso3, year] = value
                    rows.append(
                        {
                            "indicator": {"id": code, "value": code},
                            "country": {"id": iso3[:2], "value": NAMES.get(iso3, f"Land {iso3}")},
                            "countryiso3code": iso3,
                            "date": str(year),
                            "value": value,
                            "unit": "",
                            "obs_status": "",
                            "decimal": 0,
                        }
                    )
            # An aggregate, which is no country.
            rows.insert(0, {**rows[0], "country": {"id": "1W", "value": "World"}, "countryiso3code": "WLD"})
            size, page = int(query["per_page"]), int(query.get("page", 1))
            pages = -(-len(rows) // size)
            head = {"page": page, "pages": pages, "per_page": size, "total": len(rows), "lastupdated": "2026-01-28"}
            _send(self, 200, json.dumps([head, rows[(page - 1) * size : page * size]]).encode())

        def _message(self, number: str, text: str) -> None:
            body = [{"message": [{"id": number, "key": "Invalid value", "value": text}]}]
            _send(self, 200, json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _shock(seed: int, year: int) -> float:
    """A made-up error that hangs together over time: without one, unit and year effects explain everything."""
    return sum(0.6**lag * 0.5 * (math.modf(abs(math.sin(seed * 12.9898 + (year - lag) * 78.233)) * 43758.5453)[0] - 0.5)
               for lag in range(8))  # fmt: skip


def swiid_rows() -> list[tuple[str, int, float, float]]:
    """Made-up Gini indices of three countries."""
    return [
        (iso3, year, 30.0 + at + 0.1 * ((3 * at + 5) * (year - 2003) % 17), 1.5)
        for at, iso3 in enumerate(("KAZ", "KGZ", "TJK", "UZB", "MNG", "BLR", "SRB"))
        for year in range(2003, 2024)
        if (at + year) % 7
    ]


def swiid_file() -> str:
    """SWIID's summary file, with a country that nobody knows."""
    lines = [f'"{SWIID_NAMES.get(iso3, f"Land {iso3}")}",{year},{mean},{se}' for iso3, year, mean, se in swiid_rows()]
    return "\n".join(["country,year,gini_disp,gini_disp_se", *lines, '"Atlantis",2010,33.0,1.0']) + "\n"


def _row(number: int, iso3: str, classification: str, year: int, flow: str, group: str, value: float) -> dict:
    return {
        "typeCode": "C",
        "freqCode": "A",
        "refYear": year,
        "period": str(year),
        "reporterCode": 156,
        "reporterISO": "CHN",
        "flowCode": flow,
        "partnerCode": number,
        "partnerISO": iso3,
        "partner2Code": 0,
        "classificationCode": classification,
        "cmdCode": group,
        "customsCode": "C00",
        "motCode": 0,
        "cifvalue": value if flow == "M" else None,
        "fobvalue": value if flow == "X" else None,
        "primaryValue": value,
        "isReported": False,
        "isAggregate": True,
    }


def _paired(world: World, row: dict, iso3: str) -> dict:
    """China's value and the partner's, which for one partner is none and for another zero."""
    unknown = {"TKM": None, "SCG": 0.0}
    mirror = unknown.get(iso3, round(row["primaryValue"] * (1.5 if row["flowCode"] == "X" else 0.5), 2))
    world.paired.append((row["classificationCode"], iso3, int(row["period"]), row["flowCode"], row["cmdCode"], mirror))
    kept = {name: value for name, value in row.items() if name not in ("partner2Code", "customsCode", "motCode")}
    return kept | {"mirrorPrimaryValue": mirror}


def _codes() -> dict[int, str]:
    table = load_sources().comtrade
    known = {table.code_of(iso3): iso3 for iso3, region in regions().items() if region.region}
    return known | {state.code: name for name, state in table.predecessors.items()}


def _send(handler: BaseHTTPRequestHandler, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    handler.send_response(code)
    for name, value in ({"Content-Type": "application/json"} | (headers or {})).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
