"""How is long work done? Independent steps with a progress bar, a cache by content, and resumption after Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from bri_bayes.runtime.cache import Cache


@dataclass(frozen=True)
class Step:
    """One piece of work: ``call()`` returns a JSON value that depends on nothing but what ``key`` names."""

    name: str
    key: str
    call: Callable[[], Any]


def run_steps(steps: Sequence[Step], cache: Cache, *, jobs: int = 1) -> tuple[dict[str, Any], dict[str, float]]:
    """Value and seconds (0 from the cache) of each step by name; a finished step is stored at once."""
    values: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    missing = []
    for step in steps:
        stored = cache.read_json(step.key)
        if stored is None:
            missing.append(step)
        else:
            values[step.name], seconds[step.name] = stored, 0.0
    with _progress(len(steps), len(values)) as advance:
        for step, value, spent in _computed(missing, jobs):
            cache.write_json(step.key, value)
            values[step.name], seconds[step.name] = value, round(spent, 3)
            advance(step.name)
    return {step.name: values[step.name] for step in steps}, seconds


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
