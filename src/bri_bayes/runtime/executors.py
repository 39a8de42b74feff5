"""Where does a piece of work run? In this process or in others, which end when it does, however it ends.

One contract: ``results(tasks)`` yields (task, value, seconds) as they are finished, in any order, and the same values
for the same tasks. A worker lives no longer than its parent: it watches a pipe that the system closes when the parent
is gone (and asks Linux for a signal then), and the parent kills its workers when it is stopped itself. A worker that is
lost (to the system, for want of memory) costs a second try of what it had not finished.

On Linux workers are forked from a process of one thread that has imported what they need; ``import_ahead`` has it begin
while the parent imports the same. Never from the parent: its progress bar and its linear algebra have threads, of which
a fork would copy half. Elsewhere each worker starts anew.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread, current_thread, main_thread
from types import FrameType
from typing import Any, Protocol

from bri_bayes.core.errors import LostWorkerError
from bri_bayes.runtime.array_kinds import no_other_arrays
from bri_bayes.runtime.memory import keep_freed_memory

# One thread of linear algebra a process: more would wait for each other's processors. And no module from the folder
# where the command was started, whatever it is called, when a worker imports the standard library. And no word of the
# process that tidies up after a parent that was killed.
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONSAFEPATH": "1",
    "PYTHONWARNINGS": "ignore:resource_tracker:UserWarning",
}
# Linux: the signal that a process gets when its parent ends (prctl(2)).
_PR_SET_PDEATHSIG = 1
_START = "forkserver" if sys.platform == "linux" else "spawn"
# Of the process that workers are forked from: whose end is its own, while it imports and does not watch the pipe.
PARENT = "BRI_BAYES_PARENT"
# How often work goes to new processes after a worker was lost.
TRIES = 2


class Task(Protocol):
    """A piece of work without arguments; it and its value can be pickled."""

    @property
    def call(self) -> Callable[[], Any]:
        """The work."""


class Executor(Protocol):
    """Who does the work."""

    def results[T: Task](self, tasks: Sequence[T]) -> Generator[tuple[T, Any, float]]:
        """(task, value, seconds) of each task, as they are finished; to be closed: then none of them runs any more."""


class InThisProcess:
    """One task after the other, here."""

    def results[T: Task](self, tasks: Sequence[T]) -> Generator[tuple[T, Any, float]]:
        """In the order of ``tasks``."""
        for task in tasks:
            yield task, *_timed(task.call)


class InProcesses:
    """``jobs`` processes side by side."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def results[T: Task](self, tasks: Sequence[T]) -> Generator[tuple[T, Any, float]]:
        """As they are finished; what a lost worker had not finished is tried once more."""
        waiting = list(tasks)
        for _ in range(TRIES):
            try:
                for task, value, seconds in self._once(waiting):
                    waiting.remove(task)
                    yield task, value, seconds
                return
            except BrokenProcessPool:
                continue
        raise LostWorkerError(
            f"a worker process was ended by the system {TRIES} times (for want of memory?); "
            "what was finished is kept: try fewer --jobs"
        )

    def _once[T: Task](self, tasks: Sequence[T]) -> Iterator[tuple[T, Any, float]]:
        others = set(active_children())
        with _environment_of_workers():  # the first pool starts the process that tidies up
            pool = ProcessPoolExecutor(min(self.jobs, len(tasks)), mp_context=get_context(_START), initializer=_begin)
        try:
            with _stopped_afterwards(), _environment_of_workers(), _deaf_to_interrupts():
                futures = {pool.submit(_timed, task.call): task for task in tasks}
            for future in as_completed(futures):
                yield futures[future], *future.result()
            pool.shutdown()
        except BaseException:
            for worker in set(active_children()) - others:
                worker.kill()
            with suppress(OSError):  # the pool's own thread may have closed its pipe already
                pool.shutdown(wait=False, cancel_futures=True)
            raise


def import_ahead(jobs: int, modules: Sequence[str]) -> None:
    """Have ``modules`` imported for the workers, if there will be any, while this process goes on."""
    if jobs == 1 or _START != "forkserver":
        return
    from multiprocessing.forkserver import ensure_running, set_forkserver_preload

    set_forkserver_preload([__name__, *modules])
    with _environment_of_workers({PARENT: str(os.getpid())}), _deaf_to_interrupts():
        ensure_running()


def executor(jobs: int, tasks: int) -> Executor:
    """Processes where there is work for more than one."""
    return InThisProcess() if jobs == 1 or tasks < 2 else InProcesses(jobs)


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    return call(), time.perf_counter() - started


def _end_with(parent: str | None) -> None:
    """End when the process of this number does, if it is the one that has started this one."""
    if sys.platform == "linux" and parent == str(os.getppid()):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if parent != str(os.getppid()):  # it has ended meanwhile
            os._exit(1)


def _begin() -> None:
    """In a worker, before its first piece."""
    keep_freed_memory()
    _end_with_parent()
    if "xarray" in sys.modules:  # imported ahead, as for every study
        no_other_arrays()


def _end_with_parent() -> None:
    """In a worker: end at once when the parent has ended, by its own will or not."""
    parent = parent_process()
    assert parent is not None, "only called in a worker"
    if sys.platform == "linux":
        import fcntl

        # When the process that forked this one ends, and when the pipe of the parent is closed: its SIGIO is fatal.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, fcntl.fcntl(parent.sentinel, fcntl.F_GETFL) | os.O_ASYNC)

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    Thread(target=watch, daemon=True).start()


@contextmanager
def _environment_of_workers(more: Mapping[str, str] | None = None) -> Iterator[None]:
    """Processes that start inside have ``more``, and ``ENVIRONMENT`` but for what the user has set."""
    added = dict(more or {})
    before = {name: os.environ.get(name) for name in (*ENVIRONMENT, *added)}
    os.environ.update({name: before[name] or value for name, value in ENVIRONMENT.items()} | added)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]


@contextmanager
def _stopped_afterwards() -> Iterator[None]:
    """A signal to stop that comes inside is heard at the end: a worker that is half started could not be ended.

    It would find its parent's locks gone, and say so with a traceback.
    """
    if current_thread() is not main_thread():
        yield
        return
    heard: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        heard.append(number)

    before = {stop: signal.signal(stop, note) for stop in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for stop, handler in before.items():
            signal.signal(stop, signal.SIG_DFL if handler is None else handler)
        for number in heard:
            os.kill(os.getpid(), number)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes that start inside never see Ctrl-C, from their first instruction on: the parent ends them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_end_with(os.environ.get(PARENT))
