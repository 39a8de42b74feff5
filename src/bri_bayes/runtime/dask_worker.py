"""How does a worker of a Dask cluster do one piece of work? In a process of its own, which ends when nobody wants it.

A thread of a worker cannot be stopped, and shares warnings, compilers and linear algebra with the threads beside it. So
it hands its piece to a process that has one thread of linear algebra, as ``--jobs`` has, and waits. The process is
killed when the piece is cancelled (the command was stopped, or is gone, however it ended) and when the worker closes;
it dies with the worker, and by itself soon after its last piece. One that is lost costs a second try.

The worker imports this module, which imports little; its process imports what the pieces need.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Event, Lock, Thread, Timer
from typing import Any, cast

from bri_bayes.core.errors import InputError, LostWorkerError
from bri_bayes.runtime.executors import ENVIRONMENT, PARENT, TRIES
from bri_bayes.runtime.memory import keep_freed_memory

# Seconds between two looks at whether a piece is still wanted, and until a process without a piece ends.
_LOOK, _IDLE = 0.2, 2.0
_SERVE = "from bri_bayes.runtime.dask_worker import serve; serve()"


def done(call: bytes, asked_by: Mapping[str, str]) -> bytes:
    """In a thread of a worker: the outcome of a pickled call, pickled (whether it ended well, value or error, seconds).

    ``asked_by`` : the fingerprint of who asked; a worker that came late may have another.
    """
    differences = difference(asked_by, fingerprint())
    if differences:
        return _told(InputError(f"a worker of the Dask cluster {differences}"))
    is_wanted = _is_wanted()
    for _ in range(TRIES):
        try:
            process = _Process.take()
        except OSError as error:
            return _told(LostWorkerError(f"a Dask worker cannot start a process: {error.strerror}"))
        try:
            with process.killed_unless(is_wanted):
                outcome = process.ask(call)
        except (OSError, EOFError, pickle.UnpicklingError):
            process.kill()
            if not is_wanted():
                break
            continue
        process.give_back()
        return outcome
    lost = LostWorkerError(
        f"a process of a Dask worker was ended by the system {TRIES} times (for want of memory?); what was finished is "
        "kept: try workers with fewer threads"
    )
    return _told(lost)


def fingerprint() -> dict[str, str]:
    """What must be the same wherever a piece is done, for the same bits: the code, Python, the machine, packages."""
    from bri_bayes.runtime.cache import code_digest, versions

    return {"bri_bayes": code_digest(), **versions()}


def difference(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """The first difference of two fingerprints as the end of a sentence about "theirs"; empty if there is none."""
    for name, version in ours.items():
        if theirs.get(name) != version:
            if name == "bri_bayes":
                return "has another code of bri_bayes than this command: install the same version there"
            return (
                f"has {name} {theirs.get(name, 'of no version')} where this command has {version}, and the digits of a "
                "result could differ: install the same versions there"
            )
    return ""


def serve() -> None:
    """The life of the process: read a call, do it, write its outcome, until nobody writes any more."""
    keep_freed_memory()
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what a piece prints is no outcome
    calls: SimpleQueue[bytes] = SimpleQueue()

    def read() -> None:
        try:
            while True:
                calls.put(pickle.load(source))
        except (OSError, EOFError):
            os._exit(0)  # at work or not: the worker is gone

    Thread(target=read, daemon=True).start()
    while True:
        pickle.dump(_outcome(calls.get()), sink)
        sink.flush()


class _Process:
    """A process that does one piece after the other; those without a piece wait in ``_waiting`` for a while."""

    _waiting: list[_Process] = []  # noqa: RUF012 - shared by the threads of a worker
    _lock = Lock()

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, sys.path))
        environment = {**ENVIRONMENT, **os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1", PARENT: str(os.getpid())}
        # A session of its own: Ctrl-C in the terminal of the worker is the worker's affair.
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        self._end: Timer | None = None

    @classmethod
    def take(cls) -> _Process:
        """One that waits, or a new one."""
        with cls._lock:
            if not cls._waiting:
                return cls()
            process = cls._waiting.pop()
            if process._end is not None:
                process._end.cancel()
        return process

    def give_back(self) -> None:
        """Let it wait for another piece."""
        self._end = Timer(_IDLE, self._end_waiting)
        self._end.daemon = True
        with self._lock:
            self._waiting.append(self)
            self._end.start()

    def ask(self, call: bytes) -> bytes:
        """The outcome of a pickled call, pickled."""
        assert self._process.stdin is not None, "it was asked for"
        assert self._process.stdout is not None, "it was asked for"
        pickle.dump(call, self._process.stdin)
        self._process.stdin.flush()
        return cast("bytes", pickle.load(self._process.stdout))

    @contextmanager
    def killed_unless(self, is_wanted: Callable[[], bool]) -> Iterator[None]:
        """Inside, it is killed as soon as its piece is no longer wanted."""
        finished = Event()

        def watch() -> None:
            while not finished.wait(_LOOK):
                if not is_wanted():
                    self._process.kill()
                    return

        watcher = Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            finished.set()
            watcher.join()

    def kill(self) -> None:
        """End it now."""
        self._process.kill()
        self._process.communicate()

    def _end_waiting(self) -> None:
        with self._lock:
            if self not in self._waiting:
                return
            self._waiting.remove(self)
        self.kill()


def _outcome(call: bytes) -> bytes:
    """Of a pickled call, pickled; an error that cannot be pickled is told in words."""
    started = time.perf_counter()
    try:
        value = pickle.loads(call)()
        return pickle.dumps((True, value, time.perf_counter() - started), protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        try:
            pickle.loads(told := _told(error))
        except Exception:
            return _told(RuntimeError(f"{type(error).__name__}: {error}"))
        return told


def _told(error: Exception) -> bytes:
    return pickle.dumps((False, error, 0.0))


def _is_wanted() -> Callable[[], bool]:
    """Whether the piece that this thread of a worker does is still asked for, to be called from any thread."""
    from distributed import Status, get_worker

    worker: Any = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        piece = worker.state.tasks.get(key)
        closes = worker.status in (Status.closing, Status.closed, Status.failed)
        return piece is not None and piece.state not in ("cancelled", "resumed", "released") and not closes

    return is_wanted
