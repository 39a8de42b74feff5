"""What does each way to fail say, and are the earlier data as they were?"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bri_bayes.app.official_data import FetchRequest, fetch
from bri_bayes.core.errors import InputError
from bri_bayes.data.official.sources import load_sources
from bri_bayes.data.official.store import Call, Store
from bri_bayes.data.official.transport import RefusedError, TokenBucket, transport_for

from .loopback import KEY, Fault, World, broken_off, services, silence, sources_file, status

HTML = b"<!DOCTYPE html><html><body>Just a moment...</body></html>"
QUOTA = b'{"statusCode": 403, "message": "Out of call volume quota. Quota will be replenished in 09:32:19."}'
EVERY_TIME = 9


def _fails(request: FetchRequest, match: str) -> None:
    """The fetch ends with one sentence, and the earlier files are as they were."""
    before = _files(request.out)
    with pytest.raises(InputError, match=match) as caught:
        fetch(request)
    assert "\n" not in str(caught.value)
    assert _files(request.out) == before


def _files(folder: Path) -> dict[str, bytes]:
    kept = (path for path in folder.glob("*") if path.is_file())
    return {path.name: path.read_bytes() for path in kept}


@pytest.fixture
def small(world: World, request_nine: FetchRequest) -> FetchRequest:
    """A fetch of two countries and three years with earlier data in its place, which asks everything again."""
    request = dataclasses.replace(request_nine, partners=("KAZ", "MNG"), years=(2006, 2008))
    fetch(request)
    world.calls.clear()
    return dataclasses.replace(request, refresh=True)


@pytest.mark.parametrize(
    ("part", "fault", "match"),
    [
        ("/C/A/S4", status(400, b'{"error": "Bad request: period"}'), r'refuses the question \(400\).*Bad request'),
        ("/C/A/S4", status(401, b'{"message": "Access denied"}'), r"wants a key \(401\).*--key-file"),
        ("/C/A/S4", status(403, QUOTA), r"no calls left for this key \(403\).*replenished in 09:32:19"),
        ("/C/A/S4", status(403), r"forbids the call \(403\)"),
        ("/C/A/S4", status(404, b'{"message": "Resource not found"}'), r"does not know the address \(404\)"),
        ("/C/A/S4", status(429), r"too many \(429\); try again later"),
        ("/C/A/S4", status(429, Retry_After="1"), r"too many \(429\); try again after 1 seconds"),
        ("/C/A/S4", status(502, HTML), r"out of order \(502\)"),
        ("/C/A/S4", status(202, HTML), r"challenge for browsers \(202\)"),
        ("/C/A/S4", status(200, HTML), r"a web page \(HTML\) came in place of JSON"),
        ("/v2/", status(200, b'<?xml version="1.0"?><wb:error/>'), r"XML came in place of JSON"),
        ("/v2/", status(200, b'[{"message":[{"id":"120","value":"x"}]}]'), r"message 120: one of the values"),
        ("/v2/", status(200, b'[{"message":[{"id":"175","value":"x"}]}]'), r"message 175: the series is unknown"),
        ("/C/A/S3", broken_off, r"the connection broke"),
        ("swiid", status(200, b"country,year,gini\nX,2007,3\n"), r'no column "gini_disp" any more'),
        ("swiid", status(200, HTML, Content_Type="text/html"), r"a web page \(HTML\) came in place of CSV"),
        ("/C/A/S4", status(200, b'{"count": 0, "data": [], "error": "No such"}'), r'an error \("No such"\)'),
        ("/C/A/S4", status(200, b'{"count": 2, "data": [{'), r"not complete JSON; was it cut off"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_sentence_and_changes_nothing(
    world: World, small: FetchRequest, part: str, fault: Fault, match: str
) -> None:
    world.faults = {part: [fault] * EVERY_TIME}
    _fails(small, match)


def test_several_periods_in_a_keyless_call_are_refused(world: World, tmp_path: Path) -> None:
    with services(world, tmp_path) as path:
        sources = load_sources(path)
        query = "period=2007,2008&partnerCode=398&flowCode=X&cmdCode=54"
        url = f"{sources.comtrade.address}/public/v1/preview/C/A/S4?{query}"
        with pytest.raises(RefusedError, match=r"refuses the question \(400\).*Too many periods"):
            transport_for(sources, None).ask(Call("comtrade", url))


def test_an_answer_of_500_rows_may_have_been_cut_off(world: World, small: FetchRequest) -> None:
    def filled(answer: dict) -> dict:
        return {**answer, "count": 500, "data": (answer["data"] * 500)[:500]}

    world.change_answer = filled
    _fails(small, r"has 500 rows, the most the service gives at once")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"motCode": 1000}, r"is a detail, which its sum counts once more"),
        ({"partnerISO": "SVK"}, r"partner 398 is SVK and not KAZ"),
        ({"partnerCode": 4}, r"partner 4, which was not asked for"),
        ({"classificationCode": "H5"}, r"of classification H5, not S3"),
        ({"cmdCode": "71"}, r"was not asked for"),
        ({"fobvalue": 1.0, "cifvalue": 1.0}, r"and not its fob value 1"),
        ({"primaryValue": "12"}, r'the field "data.primaryValue" is not as expected'),
        ({"primaryValue": -1.0}, r'the field "data.primaryValue" is not as expected'),
    ],
)
def test_a_row_that_was_not_asked_for_is_refused(
    world: World, small: FetchRequest, change: dict[str, object], match: str
) -> None:
    world.change_answer = lambda answer: {**answer, "data": [{**answer["data"][0], **change}, *answer["data"][1:]]}
    _fails(small, match)


def test_a_renamed_column_is_a_changed_service(world: World, small: FetchRequest) -> None:
    def renamed(answer: dict) -> dict:
        rows = [
            {("tradeValue" if name == "primaryValue" else name): row[name] for name in row} for row in answer["data"]
        ]
        return {**answer, "data": rows}

    world.change_answer = renamed
    _fails(small, r'no field "data.primaryValue" any more; the service has changed')


def test_a_row_that_is_there_twice_is_refused(world: World, small: FetchRequest) -> None:
    world.change_answer = lambda answer: {"count": answer["count"] + 1, "data": [*answer["data"], answer["data"][0]]}
    _fails(small, r"is there twice; one row is allowed")


def test_an_answer_without_rows_is_missing_and_not_zero(world: World, request_nine: FetchRequest) -> None:
    world.silent = {("KAZ", 2008, flow) for flow in "XM"} | {("MNG", 2008, flow) for flow in "XM"}
    request = dataclasses.replace(request_nine, partners=("KAZ", "MNG"), years=(2006, 2008))
    fetched = fetch(request)
    lines = fetched.panel.read_text().splitlines()
    header = lines[0].split(",")
    empty = [line.split(",") for line in lines[1:] if line.split(",")[1] == "2008"]
    assert [row[header.index("export_usd")] for row in empty] == ["", ""]
    assert "2 of 6 partner-years have no export row: not reported, which is not zero trade" in fetched.notes


def test_too_many_calls_are_asked_again_after_the_pause(world: World, small: FetchRequest) -> None:
    world.faults = {"/C/A/S3": [status(429, Retry_After="1")]}
    started = time.monotonic()
    fetch(small)
    assert time.monotonic() - started >= 1.0


def test_a_passing_fault_is_not_seen(world: World, small: FetchRequest) -> None:
    before = _files(small.out)["panel.csv"]
    world.faults = {"/C/A/S3": [status(502), broken_off], "/v2/": [status(503)], "swiid": [status(429)]}
    fetch(small)
    assert _files(small.out)["panel.csv"] == before
    assert not any(world.faults.values())


def test_a_wrong_key_is_refused_and_shown_nowhere(world: World, small: FetchRequest, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("wrongkeywrongkey")
    keyed = dataclasses.replace(small, key_file=tmp_path / "key")
    _fails(keyed, r"does not accept the key \(401\).*invalid subscription key")
    with pytest.raises(InputError) as caught:
        fetch(keyed)
    assert "wrongkey" not in str(caught.value)
    assert all(b"wrongkey" not in path.read_bytes() for path in small.out.rglob("*") if path.is_file())


def test_a_key_does_not_follow_to_another_host(world: World, tmp_path: Path) -> None:
    other = World()
    (tmp_path / "other").mkdir()
    with services(world, tmp_path) as path, services(other, tmp_path / "other") as elsewhere:
        there = load_sources(elsewhere).comtrade.address.replace("127.0.0.1", "localhost")
        world.faults = {"/C/A/S4": [status(302, Location=f"{there}/C/A/S4?x=1")]}
        sources = load_sources(path)
        call = Call("comtrade", f"{sources.comtrade.address}/data/v1/get/C/A/S4?period=2007", keyed=True)
        other.faults = {"x=1": [status(200, b"{}")]}
        transport_for(sources, KEY).ask(call)
    assert sources.comtrade.key_header in world.headers[0]
    assert other.headers
    assert sources.comtrade.key_header not in other.headers[0]


@pytest.mark.parametrize("content", ["", "two\nlines", "a b"])
def test_a_file_that_holds_no_key_is_refused(small: FetchRequest, tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content)
    _fails(
        dataclasses.replace(small, key_file=tmp_path / "key"), r"the file of the key is empty|not one line of letters"
    )


def test_no_answer_in_time(world: World, small: FetchRequest) -> None:
    assert small.sources is not None
    small.sources.write_text(small.sources.read_text().replace("read = 10", "read = 0.2"))
    world.faults = {"/C/A/S3": [silence(0.6)] * EVERY_TIME}
    _fails(small, r"no answer within the time allowed; what came before is kept")


def test_nobody_listens(small: FetchRequest, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "closed").mkdir()
    closed = sources_file(tmp_path / "closed", f"http://127.0.0.1:{port}")
    _fails(dataclasses.replace(small, sources=closed), r"the connection was refused; is there a network\?")


def test_a_name_without_an_address(small: FetchRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    (tmp_path / "unknown").mkdir()
    nowhere = sources_file(tmp_path / "unknown", "http://nowhere.invalid")
    _fails(
        dataclasses.replace(small, sources=nowhere), r"the name nowhere.invalid has no address; is there a network\?"
    )


def test_a_proxy_comes_from_the_environment(
    world: World, small: FetchRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free.getsockname()[1]}")
    monkeypatch.setenv("no_proxy", "")
    _fails(small, r"the proxy that the environment names cannot be reached|the connection was refused")
    assert world.calls == []


def test_a_full_disk_leaves_the_earlier_panel(small: FetchRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _files(small.out)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "panel.csv")

    monkeypatch.setattr("bri_bayes.app.official_data.write_json", full)
    with pytest.raises(OSError, match="No space left"):
        fetch(small)
    assert _files(small.out) == before
    monkeypatch.undo()
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        fetch(small)
    assert _files(small.out) == before
    assert not [path for path in small.out.rglob("*") if path.is_file() and not path.stat().st_size]


def test_a_stored_answer_that_was_damaged_is_asked_again(world: World, small: FetchRequest) -> None:
    before = _files(small.out)["panel.csv"]
    (at,) = (small.out / "raw").glob("*.csv")
    at.write_bytes(at.read_bytes()[:-20])
    again = fetch(dataclasses.replace(small, refresh=False))
    assert again.asked == 1
    assert _files(small.out)["panel.csv"] == before


def test_what_came_before_a_failure_is_not_asked_again(world: World, request_nine: FetchRequest) -> None:
    request = dataclasses.replace(request_nine, partners=("KAZ", "MNG"), years=(2006, 2008))
    world.faults = {"swiid": [status(404)]}
    with pytest.raises(InputError, match="does not know the address"):
        fetch(request)
    answered = len(world.calls) - 1
    assert not (request.out / "panel.csv").exists()
    assert fetch(request).stored == answered


def test_a_process_that_is_killed_leaves_whole_files(
    world: World, request_nine: FetchRequest, wait_for: Callable[[Callable[[], bool]], None]
) -> None:
    command = [sys.executable, "-m", "bri_bayes.cli", "data", "fetch", "--partners", "KAZ,MNG", "--years", "2006:2008"]
    command += ["--sources", str(request_nine.sources), "--out", str(request_nine.out)]
    for calls in (1, 7, 20):
        world.calls.clear()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            wait_for(lambda n=calls, p=process: len(world.calls) >= n or p.poll() is not None)
            process.send_signal(signal.SIGKILL)
        for record in (request_nine.out / "raw" / "calls").glob("[!.]*.json"):
            known = json.loads(record.read_text())
            assert Store(request_nine.out / "raw").answer(Call(known["source"], known["url"])) is not None
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((request_nine.out / "manifest.json").read_text())
    assert set(manifest["files"]) <= {path.name for path in request_nine.out.iterdir()}


def test_calls_keep_their_pace() -> None:
    now = [0.0]
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    bucket = TokenBucket(2.0, clock=lambda: now[0], sleep=sleep)
    for _ in range(4):
        bucket.take()
    assert waits == [0.5, 0.5, 0.5]
    now[0] += 10
    bucket.take()
    assert len(waits) == 3
