"""What every test shares: its random stream, reproducible examples, figures without a screen, the shared folder."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from bri_bayes.runtime.memory import keep_freed_memory

SEED = 20130907
SHARED = Path(__file__).resolve().parents[2] / "shared"

# Read by matplotlib at its first import, here and in every command that a test starts.
os.environ["MPLBACKEND"] = "Agg"
# Read by OpenBLAS as it is loaded, in every process that tests or is started by a test: two that test on two processors
# with two threads each wait for each other, and take up to six times the processor time.
for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

# As in a command of the project: the pages of large arrays are not asked for anew each time.
keep_freed_memory()

# Modules and tests stay until the end: looking for cycles among them was a tenth of the processor time.
gc.set_threshold(50_000, 20, 100)

# "ci" draws the same examples in every run; HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("ci", derandomize=True, deadline=None, database=None, print_blob=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--speed`` : hold the tests to their seconds, too; on a busy machine that says nothing."""
    parser.addoption("--speed", action="store_true", help="fail a test that takes longer than it says")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for ``within`` is a test of speed beside what else it shows."""
    for item in items:
        if "within" in getattr(item, "fixturenames", ()):
            item.add_marker("speed")


def pytest_collection_finish() -> None:
    """What is there when the first test begins is not searched for cycles again."""
    gc.freeze()


@pytest.fixture
def within(request: pytest.FixtureRequest) -> Callable[[float], AbstractContextManager[None]]:
    """``with within(seconds):`` fails a block that takes longer, where ``--speed`` asks for it."""

    @contextmanager
    def limit(seconds: float) -> Iterator[None]:
        started = time.perf_counter()
        yield
        spent = time.perf_counter() - started
        assert spent < seconds or not request.config.getoption("speed"), f"{spent:.2f} s; {seconds:g} s are allowed"

    return limit


@pytest.fixture(autouse=True)
def _signals_as_they_were() -> Iterator[None]:
    """A command that a test runs in this process listens to signals in its own way."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def seed() -> int:
    """The seed of whatever a test samples."""
    return SEED


@pytest.fixture
def rng() -> np.random.Generator:
    """A fresh generator: the same stream in every test, whichever tests ran before."""
    return np.random.default_rng(SEED)


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Run the command in this process, in a folder and with a cache of its own: (status, stdout, stderr)."""
    from bri_bayes.cli.start import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRI_BAYES_CACHE", str(tmp_path / "cache"))

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bri-bayes", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        return stopped.value.code, captured.out, captured.err

    return run


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder ``shared`` beside the project: the paper, the real panel, reference numbers, recorded answers."""
    if not SHARED.is_dir():
        reason = f"{SHARED} is not there: this test needs data that are not part of the project"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return SHARED


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of a session share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if os.environ.get("PYTEST_XDIST_WORKER") else folder


@pytest.fixture(scope="session")
def paper_entries(session_folder: Path) -> list[dict[str, Any]]:
    """Which tables of the paper can share a data set, asked once in a session; not to be changed."""
    from bri_bayes.paper.consistency_values import paper_consistency
    from quick_run import made_once

    return made_once(session_folder, "paper_consistency", paper_consistency)


@pytest.fixture(scope="session")
def quick_run(session_folder: Path) -> dict[str, Any]:
    """The values of a small simulated study with few draws, run once for all processes of a session; not to be changed.

    Every section has values; ``values`` is a copy to change.
    """
    from quick_run import quick_values

    return quick_values(session_folder)


@pytest.fixture(scope="session")
def quick_section(quick_run: dict[str, Any], session_folder: Path) -> Callable[[str], Any]:
    """The answer of the command of a section about the first outcome of the quick run, from what that run computed."""
    from quick_run import section_of

    return lambda name: section_of(session_folder, name)


@pytest.fixture
def values(quick_run: dict[str, Any]) -> dict[str, Any]:
    """A fresh copy of the quick run for each test to change, as if its panel were official data."""
    from quick_run import as_official

    return as_official(quick_run)
