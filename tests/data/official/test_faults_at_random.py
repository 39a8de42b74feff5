"""Do faults at random ever leave a corrupt file? A short run here, half an hour under calibration."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
import time
from http.server import BaseHTTPRequestHandler

import pytest

from bri_bayes.app.official_data import FetchRequest, fetch
from bri_bayes.core.errors import InputError

from .loopback import Fault, World, broken_off, status

# Of the calls that meet a fault; with two retries most fetches fail at first and go on later.
SHARE = 0.25
# Of the fetches that ask again what is stored.
REFRESHED = 0.7
HALF_AN_HOUR = 1800.0
ROUNDS = 12


def _garbled(rng: random.Random) -> Fault:
    """An answer of random bytes."""
    body = rng.randbytes(rng.randrange(400))
    return status(200, body)


def _cut(handler: BaseHTTPRequestHandler) -> None:
    """The connection ends without a word."""
    handler.close_connection = True


def _draw(rng: random.Random) -> list[Fault]:
    """Faults for the next calls."""
    kinds = [
        *(status(code) for code in (202, 400, 401, 403, 404, 429, 500, 502, 503, 504)),
        status(200, b"<html></html>"),
        status(200, b'{"count": 1, "data": []}'),
        status(200, b'[{"message": [{"id": "120"}]}]'),
        broken_off,
        _cut,
        _garbled(rng),
    ]
    return [rng.choice(kinds) for _ in range(rng.randrange(1, 5))]


def soak(
    world: World, request: FetchRequest, rng: random.Random, *, rounds: int | None, seconds: float
) -> tuple[int, int]:
    """Fetch again and again under faults; the number of fetches, and of those that failed."""
    fetch(request)
    whole = (request.out / "panel.csv").read_bytes()
    failed, done, end = 0, 0, time.monotonic() + seconds
    while time.monotonic() < end and done != rounds:
        done += 1
        parts = ["/C/A/S3", "/C/A/S4", "SP.POP", "LP.LPI", "GOV_WGI", "swiid"]
        world.faults = {part: _draw(rng) for part in parts if rng.random() < SHARE}
        try:
            fetch(dataclasses.replace(request, refresh=rng.random() < REFRESHED))
        except InputError:
            failed += 1
        assert (request.out / "panel.csv").read_bytes() == whole
        _all_whole(request)
    return done, failed


def _all_whole(request: FetchRequest) -> None:
    manifest = json.loads((request.out / "manifest.json").read_text())
    for name, said in manifest["files"].items():
        assert hashlib.sha256((request.out / name).read_bytes()).hexdigest() == said["sha256"]
    for path in (request.out / "raw" / "calls").iterdir():
        record = json.loads(path.read_text())
        body = (request.out / "raw" / record["file"]).read_bytes()
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (record["sha256"], record["size"])
    assert [path.name for path in request.out.iterdir() if path.name.startswith(".")] == []


@pytest.fixture
def short(request_nine: FetchRequest) -> FetchRequest:
    return dataclasses.replace(request_nine, partners=("KAZ", "MNG"), years=(2006, 2007))


def test_faults_at_random_leave_no_corrupt_file(world: World, short: FetchRequest, seed: int) -> None:
    done, failed = soak(world, short, random.Random(seed), rounds=ROUNDS, seconds=HALF_AN_HOUR)
    assert done == ROUNDS
    assert failed > 0


@pytest.mark.calibration
def test_half_an_hour_of_faults_leaves_no_corrupt_file(world: World, short: FetchRequest, seed: int) -> None:
    done, failed = soak(world, short, random.Random(seed), rounds=None, seconds=HALF_AN_HOUR)
    assert done > failed > 0
