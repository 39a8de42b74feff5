"""How is long work done? Independent steps with a progress bar, a cache by content, and resumption after Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from bri_bayes.core.json_values import from_json, json_safe
from bri_bayes.runtime.cache import Cache

# What a step is of its owner: an outcome and a card, two outcomes, a place in a series of pieces.
type Parts = tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One piece of work: ``call()`` returns what depends on nothing but what ``key`` names.

    It is known by its ``owner`` (a section, the main answer) and its ``parts`` together, whatever their words are.
    ``kind`` : the class of the result, JSON values if it has none; it crosses processes and the cache as JSON.
    """

    owner: str
    parts: Parts
    key: str
    call: Callable[[], Any]
    kind: Any = None

    @property
    def label(self) -> str:
        """For a reader of the progress and of the manifest."""
        return "/".join((self.owner, *self.parts))


@dataclass(frozen=True)
class Finished:
    """The results of steps, by owner and parts, and ``seconds`` (0 from the cache) by label."""

    results: Mapping[tuple[str, Parts], Any]
    seconds: Mapping[str, float]

    def of(self, owner: str) -> dict[Parts, Any]:
        """The results of one owner's steps by their parts."""
        return {parts: result for (name, parts), result in self.results.items() if name == owner}


def run_steps(steps: Sequence[Step], cache: Cache, *, jobs: int = 1) -> Finished:
    """Do what the cache does not have; a finished step is stored at once."""
    known = {(step.owner, step.parts): cache.read_json(step.key) for step in steps}
    assert len(known) == len(steps), "two steps of one owner have the same parts"
    missing = [step for step in steps if known[step.owner, step.parts] is None]
    seconds = {step.label: 0.0 for step in steps}
    with _progress(len(steps), len(steps) - len(missing)) as advance:
        for step, result, spent in _computed(missing, jobs):
            known[step.owner, step.parts] = json_safe(result)
            cache.write_json(step.key, known[step.owner, step.parts])
            seconds[step.label] = round(spent, 3)
            advance(step.label)
    kinds = {(step.owner, step.parts): step.kind for step in steps}
    results = {at: value if kinds[at] is None else from_json(kinds[at], value) for at, value in known.items()}
    return Finished(results, seconds)


def _computed(steps: Sequence[Step], jobs: int) -> Iterator[tuple[Step, Any, float]]:
    if jobs == 1 or len(steps) < 2:
        for step in steps:
            yield step, *_timed(step.call)
        return
    # Spawned, not forked: the progress bar and the linear algebra have threads, which a fork would copy half.
    spawn = get_context("spawn")
    workers = min(jobs, len(steps))
    leave = _leave_interrupts_to_parent
    with _one_thread_a_process(), ProcessPoolExecutor(workers, mp_context=spawn, initializer=leave) as pool:
        futures = {pool.submit(_timed, step.call): step for step in steps}
        try:
            for future in as_completed(futures):
                yield futures[future], *future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _one_thread_a_process() -> Iterator[None]:
    """Processes that start inside use one thread for linear algebra: more would wait for each other's processors."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: value or "1" for name, value in before.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    return call(), time.perf_counter() - started


@contextmanager
def _progress(total: int, done: int) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal's stderr; elsewhere a line a finished step."""
    if not sys.stderr.isatty():
        finished = done

        def line(name: str) -> None:
            nonlocal finished
            finished += 1
            print(f"[{finished}/{total}] {name}", file=sys.stderr, flush=True)

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("study", total=total, completed=done)

        def move(name: str) -> None:
            progress.update(task, advance=1, description=name)

        yield move
