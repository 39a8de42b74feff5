"""A world of made-up numbers, the services that answer from it, and a fetched panel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bri_bayes.app.official_data import FetchRequest, fetch

from .loopback import World, services

NINE = ("KAZ", "KGZ", "TJK", "TKM", "UZB", "MNG", "BLR", "AZE", "SRB")


@pytest.fixture(autouse=True)
def _no_key_and_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COMTRADE_API_KEY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(scope="package")
def fetched_nine(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, FetchRequest]:
    """What the services served of the nine countries, and the fetch that wrote its panel: to be read only."""
    world, folder = World(silent={("TKM", 2004, "X"), ("TKM", 2011, "M")}), tmp_path_factory.mktemp("fetched")
    with services(world, folder) as sources:
        request = FetchRequest(out=folder / "official", partners=NINE, sources=sources)
        fetch(request)
    return world, request


@pytest.fixture
def request_nine(world: World, tmp_path: Path) -> Iterator[FetchRequest]:
    """A fetch of the nine countries from the server on loopback."""
    with services(world, tmp_path) as sources:
        yield FetchRequest(out=tmp_path / "official", partners=NINE, sources=sources)


@pytest.fixture
def wait_for() -> Callable[[Callable[[], bool]], None]:
    """Wait until something is so, for a minute at most."""

    def until(holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < end, "waited for a minute"
            time.sleep(0.005)

    return until
