"""How is work done on a Dask cluster that is there already? As in processes of this machine: same pieces, same bits.

Pieces are pickled here, done by ``dask_worker`` in a process of one thread of linear algebra, and come back pickled, so
that the cluster sees nothing but bytes. A few more than the cluster has threads are on their way at a time. Dask gives
the pieces of a lost worker to another, as often as its scheduler allows (``distributed.scheduler.allowed-failures``, 3
unless set); when this client is closed, or is gone, its pieces are cancelled there.

Whoever can speak to a scheduler can run code on its workers, and they answer in pickles: connect to a cluster of your
own alone.
"""

from __future__ import annotations

import logging
import pickle
import re
import time
import warnings
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future as Answer
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from bri_bayes.core.errors import InputError, LostWorkerError
from bri_bayes.runtime.dask_worker import difference, fingerprint
from bri_bayes.runtime.executors import Task

if TYPE_CHECKING:
    from distributed import Client, Future

_ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9a-fA-F:.]+\]|[^\s/:\[\]]+):(\d{1,5})")
_HIGHEST_PORT = 65_535
# Seconds that a scheduler has to answer, and its first worker to be there.
_ANSWER = 5.0
# Seconds without a result after which the cluster is asked for its workers, and without a worker until it is given up.
_LOOK, _NO_WORKER = 2.0, 60.0
# Seconds that a client has to say good-bye; then its connection is cut, which says the same.
_GOODBYE = 1.0
# Pieces on their way for each thread of the cluster: the next is there when one is finished.
_AHEAD = 3
# Above which Dask warns that a piece of work is large.
_LARGE = "distributed.admin.large-graph-warning-threshold"
# Evaluated by workers, so that neither a scheduler nor a worker without bri_bayes fails before it is asked.
_ASK = "__import__('bri_bayes.runtime.dask_worker', fromlist=['fingerprint']).fingerprint()"
_DO = "__import__('bri_bayes.runtime.dask_worker', fromlist=['done']).done(call, asked_by)"


def check_cluster(address: str) -> None:
    """Refuse what is no address of a scheduler, and a machine without Dask, before anything begins."""
    parts = _ADDRESS.fullmatch(address)
    if parts is None or not 0 < int(parts[3]) <= _HIGHEST_PORT:
        raise InputError(
            f'--dask "{address}" is no address of a Dask scheduler; write tcp://HOST:PORT or tls://HOST:PORT'
        )
    if find_spec("distributed") is None:
        raise InputError('--dask needs the package distributed: pip install "bri-bayes[dask]"')


class OnCluster:
    """The workers of a cluster side by side."""

    def __init__(self, address: str) -> None:
        check_cluster(address)
        self.address = address

    def results[T: Task](self, tasks: Sequence[T]) -> Generator[tuple[T, Any, float]]:
        """As they are finished; nothing of them runs when this is closed."""
        with _client(self.address) as client:
            asked_by = _same_everywhere(client, self.address)
            pieces: _Pieces[T] = _Pieces(client, self.address, asked_by)
            yield from pieces.results(tasks)


class _Pieces[T: Task]:
    """Tasks on their way and back."""

    def __init__(self, client: Client, address: str, asked_by: dict[str, str]) -> None:
        self.client, self.address, self.asked_by = client, address, asked_by
        self.run = uuid4().hex
        self.on_their_way: dict[str, tuple[T, Future]] = {}
        self.back: SimpleQueue[str] = SimpleQueue()

    def results(self, tasks: Sequence[T]) -> Iterator[tuple[T, Any, float]]:
        """As they are finished."""
        waiting = list(enumerate(tasks))[::-1]
        most = _AHEAD * sum(self.client.nthreads().values())
        seen = time.monotonic()
        while waiting or self.on_their_way:
            while waiting and len(self.on_their_way) < most:
                self._send(*waiting.pop())
            if (finished := self._next()) is not None:
                seen = time.monotonic()
                yield finished
            elif threads := self._threads():
                seen, most = time.monotonic(), _AHEAD * threads
            elif time.monotonic() - seen > _NO_WORKER:
                raise self._lost(f"has had no worker for {_NO_WORKER:.0f} seconds")

    def _send(self, position: int, task: T) -> None:
        call = pickle.dumps(task.call, protocol=pickle.HIGHEST_PROTOCOL)
        key = f"bri_bayes-{self.run}-{position}"
        future = self.client.submit(eval, _DO, {"call": call, "asked_by": self.asked_by}, key=key, pure=False)
        self.on_their_way[key] = task, future
        self._listen(future)

    def _listen(self, future: Future) -> None:
        future.add_done_callback(lambda finished: self.back.put(finished.key))

    def _next(self) -> tuple[T, Any, float] | None:
        """A finished task with value and seconds; None if there is none yet, or it was lost with its worker again."""
        from distributed import CancelledError, KilledWorker

        try:
            task, future = self.on_their_way[key := self.back.get(timeout=_LOOK)]
        except Empty:
            for key, (_, future) in self.on_their_way.items():
                if future.done():  # and nobody said so
                    self.back.put(key)
            return None
        except KeyError:  # said twice
            return None
        try:
            ended_well, value, seconds = pickle.loads(future.result(timeout=_LOOK))
        except TimeoutError:
            self._listen(future)
            return None
        except KilledWorker as error:
            raise LostWorkerError(
                f"{error.allowed_failures + 1} workers of the Dask cluster at {self.address} were lost with the same "
                "piece of work (for want of memory?); what was finished is kept"
            ) from error
        except (CancelledError, OSError) as error:
            raise self._lost("was lost") from error
        except ImportError as error:
            raise InputError(_without(self.address)) from error
        del self.on_their_way[key]
        if not ended_well:
            raise value
        return task, value, seconds

    def _threads(self) -> int:
        """Of all workers that are there."""
        if self.client.status != "running":
            raise self._lost("was lost")
        try:
            return sum(self.client.nthreads().values())
        except OSError as error:
            raise self._lost("was lost") from error

    def _lost(self, what: str) -> LostWorkerError:
        return LostWorkerError(f"the Dask cluster at {self.address} {what}; what was finished is kept")


@contextmanager
def _client(address: str) -> Iterator[Client]:
    """A connection to a scheduler with at least one worker; pieces still on their way are cancelled at the end."""
    import dask

    client = _connected(address)
    try:
        try:
            client.wait_for_workers(1, timeout=_ANSWER)
        except TimeoutError as error:
            raise InputError(
                f"the Dask scheduler at {address} has no workers: start some with dask worker {address}"
            ) from error
        with dask.config.set({_LARGE: "1GB"}):
            yield client
    finally:
        with suppress(TimeoutError, OSError):
            client.close(timeout=_GOODBYE)


def _connected(address: str) -> Client:
    from distributed import Security

    if address.startswith("tls") and not Security().get_connection_args("client").get("ssl_context"):
        raise InputError(
            f"--dask {address} needs the certificates of Dask's configuration, distributed.comm.tls.ca-file"
        )
    # One sentence is said of what goes wrong: here, and not by every part of the connection.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    answer: Answer[Client | None] = Answer()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other versions, of which ``_same_everywhere`` speaks
        # Whoever answers in another protocol, as a web server does, is waited for without end.
        Thread(target=_connect, args=(address, answer), daemon=True).start()
        try:
            client = answer.result(timeout=_ANSWER + 1.0)
        except TimeoutError:
            client = None if answer.cancel() else answer.result()
    if client is None:
        raise InputError(f"no Dask scheduler answers at {address}: start one with dask scheduler, or correct --dask")
    return client


def _connect(address: str, answer: Answer[Client | None]) -> None:
    """Give a client, or None; one that nobody waits for any more is closed.

    A client that fails keeps what it has begun, and Dask closes it when Python's collector meets it: at any time, and
    for ever if at that time another begins, which holds the lock that closing waits for. So it is closed here.
    """
    from distributed import Client

    client = Client.__new__(Client)
    try:
        client.__init__(address, timeout=_ANSWER, set_as_default=False, name="bri-bayes")
    except Exception:
        _close(client)
    usable = client if client.status == "running" else None
    if answer.set_running_or_notify_cancel():
        answer.set_result(usable)
    else:
        _close(client)


def _close(client: Client) -> None:
    with suppress(Exception):
        client.close(timeout=_GOODBYE)


def _same_everywhere(client: Client, address: str) -> dict[str, str]:
    """The fingerprint of this process, which must be that of every worker."""
    ours = fingerprint()
    answers = client.run(eval, _ASK, on_error="return")
    for worker, theirs in answers.items():
        if isinstance(theirs, ImportError):
            raise InputError(_without(address))
        if isinstance(theirs, Exception):
            raise InputError(f"the worker {worker} of the Dask cluster at {address} does not answer: {theirs}")
        if said := difference(ours, theirs):
            raise InputError(f"the worker {worker} of the Dask cluster at {address} {said}")
    return ours


def _without(address: str) -> str:
    return f"a worker of the Dask cluster at {address} is without bri_bayes of this version: install it there"
