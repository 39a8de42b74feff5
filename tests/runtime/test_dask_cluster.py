"""A cluster does what one process does, to the bit; workers may be lost; nothing runs there when nobody asks for it."""

import dataclasses
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from bri_bayes.core.errors import InputError, LostWorkerError
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.runtime import dask_cluster
from bri_bayes.runtime.cache import Cache
from bri_bayes.runtime.dask_cluster import OnCluster, check_cluster
from bri_bayes.runtime.refit_steps import refit_steps
from bri_bayes.runtime.steps import run_steps
from bri_bayes.study.model_card import load_card

distributed = pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")

# A warning that is an error would end a thread of the scheduler, which lives in this process.
pytestmark = pytest.mark.filterwarnings("default")

# What a stopped run may take to be gone, its pieces on the cluster included.
SECONDS = 5.0
# A command with two pieces that tell their process and then take two minutes.
PARENT = """
import signal, sys
from functools import partial
from types import SimpleNamespace
from bri_bayes.runtime.dask_cluster import OnCluster

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what it starts behind itself
tell = "open(folder + '/' + str(__import__('os').getpid()), 'w').close(), CALL"
tasks = [SimpleNamespace(call=partial(eval, tell, {"folder": sys.argv[2]})) for _ in range(2)]
list(OnCluster(sys.argv[1]).results(tasks))
"""


@pytest.fixture(scope="module")
def cluster():
    """Two workers of one thread, which all tests find alive."""
    with _started() as started:
        yield started


@pytest.fixture
def losing_cluster():
    """Such a one for a test that kills workers: Dask starts others in their place when it gets to it."""
    with _started() as started:
        yield started


@contextmanager
def _started():
    """A piece of work may take one of the two workers with it, not two."""
    import dask

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as started,
    ):
        yield started


def _task(function, *arguments):
    return SimpleNamespace(call=partial(function, *arguments))


def _said(expression, **names):
    return _task(eval, expression, names)


def _gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def _wait_until(condition, seconds=SECONDS):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def _steps():
    units = [f"U{number}" for number in range(6)]
    assignment = Assignment({unit: 2006 if number < 3 else None for number, unit in enumerate(units)})
    panel, _ = simulate_panel(assignment, range(2000, 2012), effect=0.2, rho=0.5, innovation_sd=0.2, seed=3)
    card = dataclasses.replace(load_card("did_common"), outcome="y")
    recipes = {unit: Analysis(panel, assignment.drop(unit), card) for unit in units}
    return refit_steps("refits", ("y",), recipes, 11, chunk=1)


def test_a_cluster_gives_what_one_process_gives_to_the_bit(cluster, tmp_path):
    here, there = (
        run_steps(_steps(), Cache(tmp_path / name), dask=dask)
        for name, dask in (("here", None), ("there", cluster.scheduler_address))
    )
    stored = [
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.json")} for name in ("here", "there")
    ]
    assert len(stored[0]) == len(_steps())
    assert stored[0] == stored[1]
    assert here.results == there.results
    assert min(there.seconds.values()) > 0


def test_what_a_cluster_has_finished_is_kept_when_the_rest_fails(cluster, tmp_path):
    step = _steps()[0]
    until_both_are_kept = (
        "import pathlib, time\n"
        f"folder, end = pathlib.Path({str(tmp_path)!r}), time.monotonic() + 20\n"
        "while len([*folder.rglob('?.json')]) < 2 and time.monotonic() < end: time.sleep(0.05)\n"
        "1 / 0"
    )
    broken = dataclasses.replace(step, parts=("broken",), key="broken", call=partial(exec, until_both_are_kept))
    kept = [dataclasses.replace(step, parts=(name,), key=name, call=partial(divmod, 9, 4), kind=None) for name in "ab"]
    with pytest.raises(ZeroDivisionError, match="zero"):
        run_steps([broken, *kept], Cache(tmp_path), dask=cluster.scheduler_address)
    assert sorted(json.loads(path.read_bytes()[65:])[0] for path in tmp_path.rglob("?.json")) == [2, 2]


def test_pieces_share_no_process_with_the_worker_or_with_each_other(cluster):
    asked = "__import__('time').sleep(0.2), (__import__('os').getpid(), __import__('os').getppid())"
    tasks = [_said(asked) for _ in range(4)]
    places = {value[1] for _, value, _ in OnCluster(cluster.scheduler_address).results(tasks)}
    workers = {worker.pid for worker in cluster.workers.values()}
    assert {worker for _, worker in places} == workers
    assert not workers & {process for process, _ in places}


def test_linear_algebra_of_a_piece_has_one_thread(cluster):
    asked = "[len(t) and t[0]['num_threads'] for t in [__import__('threadpoolctl').threadpool_info()]]"
    numpy_first = _said(f"__import__('numpy').eye(2) @ __import__('numpy').eye(2) is not None and {asked}")
    ((_, value, _),) = OnCluster(cluster.scheduler_address).results([numpy_first])
    assert value == [1]


def test_a_worker_that_is_killed_in_mid_run_costs_nothing_but_time(losing_cluster):
    asked = "__import__('time').sleep(0.3), number, __import__('os').getppid()"
    tasks = [_said(asked, number=number) for number in range(10)]
    numbers, killed = [], None
    for _, (_, number, worker), _ in OnCluster(losing_cluster.scheduler_address).results(tasks):
        numbers.append(number)
        if killed is None:
            os.kill(killed := worker, signal.SIGKILL)
    assert sorted(numbers) == list(range(10))
    assert _gone(killed)


def test_a_piece_that_takes_every_worker_with_it_is_named(losing_cluster):
    deadly = _task(exec, "import os, time; os.kill(os.getppid(), 9); time.sleep(60)")
    with pytest.raises(LostWorkerError, match=r"2 workers .* were lost with the same piece of work"):
        list(OnCluster(losing_cluster.scheduler_address).results([deadly]))


def test_a_process_that_is_lost_is_tried_again_and_then_named(cluster, tmp_path):
    mark = str(tmp_path / "tried")
    once = _task(exec, f"import os, pathlib; p = pathlib.Path({mark!r}); p.exists() or (p.touch(), os._exit(9))")
    assert [value for _, value, _ in OnCluster(cluster.scheduler_address).results([once])] == [None]
    with pytest.raises(LostWorkerError, match="ended by the system 2 times"):
        list(OnCluster(cluster.scheduler_address).results([_task(os._exit, 9)]))


def test_errors_of_a_piece_are_raised_here_also_those_that_cannot_be_pickled(cluster):
    with pytest.raises(InputError, match="no such"):
        list(OnCluster(cluster.scheduler_address).results([_task(exec, _RAISES)]))
    with pytest.raises(RuntimeError, match="Odd: one, two"):
        list(OnCluster(cluster.scheduler_address).results([_task(exec, _UNPICKLABLE)]))


_RAISES = "from bri_bayes.core.errors import InputError; raise InputError('no such')"
_UNPICKLABLE = """
class Odd(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a}, {b}")
raise Odd("one", "two")
"""


def test_nothing_runs_on_the_cluster_when_the_results_are_no_longer_read(cluster):
    tasks = [_said("__import__('os').getpid()"), *(_said("__import__('time').sleep(120)") for _ in range(4))]
    with closing(OnCluster(cluster.scheduler_address).results(tasks)) as results:
        next(results)
    assert _wait_until(lambda: not cluster.scheduler.tasks)
    assert _wait_until(lambda: not any(_children(worker.pid) for worker in cluster.workers.values()))


@pytest.mark.parametrize(
    ("number", "call"),
    [
        (signal.SIGINT, "__import__('time').sleep(120)"),
        (signal.SIGTERM, "exec('while True: pass')"),
        (signal.SIGKILL, "__import__('re').match('(a+)+$', 'a' * 60 + 'b')"),
    ],
    ids=["SIGINT asleep", "SIGTERM at work", "SIGKILL in compiled code"],
)
def test_nothing_runs_on_the_cluster_when_the_command_ends_however_it_ends(cluster, tmp_path, number, call):
    script, places = tmp_path / "parent.py", tmp_path / "places"
    places.mkdir()
    script.write_text(PARENT.replace("CALL", call), encoding="utf-8")
    command = [sys.executable, str(script), cluster.scheduler_address, str(places)]
    parent = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        assert _wait_until(lambda: len(list(places.iterdir())) == 2, seconds=60.0)
        pids = [int(path.name) for path in places.iterdir()]
        parent.send_signal(number)
        parent.wait(timeout=SECONDS)
    finally:
        parent.kill()
        parent.communicate()
    assert _wait_until(lambda: all(map(_gone, pids)))
    assert _wait_until(lambda: not cluster.scheduler.tasks)


def test_processes_without_a_piece_end_soon(cluster):
    list(OnCluster(cluster.scheduler_address).results([_task(divmod, 7, 2)]))
    assert _wait_until(lambda: not any(_children(worker.pid) for worker in cluster.workers.values()))


def _children(pid):
    return psutil.Process(pid).children()


@pytest.mark.parametrize(
    "address",
    ["nonsense", "127.0.0.1:8786", "tcp://127.0.0.1", "tcp://:8786", "tcp://h:0", "tcp://h:99999", "http://h:1"],
)
def test_what_is_no_address_is_refused_before_anything_begins(address):
    with pytest.raises(InputError, match=r"no address of a Dask scheduler; write tcp://HOST:PORT"):
        check_cluster(address)


def test_addresses_have_a_name_or_a_number_and_a_port():
    for address in ("tcp://localhost:8786", "tls://10.0.0.7:1", "tcp://[::1]:8786", "tcp://scheduler.example:65535"):
        check_cluster(address)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(dask_cluster, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install \"bri-bayes\[dask\]\""):
        OnCluster("tcp://localhost:8786")


def test_where_nobody_answers_is_said_in_one_sentence(monkeypatch, capfd):
    monkeypatch.setattr(dask_cluster, "_ANSWER", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=_answer_as_a_web_server, args=(server,), daemon=True).start()
        for port in (1, server.getsockname()[1]):  # nobody, and who answers as the dashboard of a scheduler does
            with pytest.raises(InputError, match=f"no Dask scheduler answers at tcp://127.0.0.1:{port}"):
                list(OnCluster(f"tcp://127.0.0.1:{port}").results([_task(divmod, 7, 2)]))
    with pytest.raises(InputError, match="needs the certificates"):
        list(OnCluster("tls://127.0.0.1:1").results([_task(divmod, 7, 2)]))
    assert capfd.readouterr() == ("", "")
    assert _wait_until(lambda: all(client.status == "closed" for client in _clients()))


def test_a_client_that_comes_too_late_is_closed(cluster, monkeypatch):
    closed, close = [], dask_cluster._close
    monkeypatch.setattr(dask_cluster, "_close", lambda client: (closed.append(client), close(client)))
    answer = dask_cluster.Answer()
    assert answer.cancel()
    dask_cluster._connect(cluster.scheduler_address, answer)
    assert [client.status for client in closed] == ["closed"]


def _clients():
    """Those that Python's collector would meet: one that is not closed would be closed then, under a lock or not."""
    return [thing for thing in gc.get_objects() if type(thing) is distributed.Client and hasattr(thing, "status")]


def _answer_as_a_web_server(server):
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"HTTP/1.0 400 Bad request\r\n\r\n")
        while connection.recv(4096):
            pass


def test_a_scheduler_without_workers_is_refused_and_one_that_loses_them_all_is_given_up(monkeypatch):
    monkeypatch.setattr(dask_cluster, "_LOOK", 0.2)
    monkeypatch.setattr(dask_cluster, "_NO_WORKER", 1.0)
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty:
        address = empty.scheduler_address
        with pytest.raises(InputError, match="has no workers: start some with dask worker"):
            list(OnCluster(address).results([_task(divmod, 7, 2)]))
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--nthreads", "1"]
        worker = subprocess.Popen([*command, "--no-dashboard"], stderr=subprocess.DEVNULL)
        tasks = [_said("__import__('os').getppid()"), *(_said("__import__('time').sleep(60)") for _ in range(2))]
        with distributed.Client(empty, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=60)
        results = OnCluster(address).results(tasks)
        next(results)
        worker.kill()
        worker.wait(timeout=SECONDS)
        with pytest.raises(LostWorkerError, match="has had no worker for 1 seconds; what was finished is kept"):
            list(results)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("bri_bayes", "has another code of bri_bayes than this command"),
        ("numpy", r"has numpy [\d.]+ where this command has 0\.1"),
        ("python", r"has python [\d.]+ where this command has 0\.1"),
    ],
)
def test_workers_with_other_versions_are_refused(cluster, monkeypatch, name, sentence):
    ours = {**dask_cluster.fingerprint(), name: "0.1"}
    monkeypatch.setattr(dask_cluster, "fingerprint", lambda: ours)
    with pytest.raises(InputError, match=rf"the worker tcp://.* {sentence}"):
        list(OnCluster(cluster.scheduler_address).results([_task(divmod, 7, 2)]))


def test_a_worker_that_came_late_with_other_versions_is_refused(cluster, monkeypatch):
    ours = {**dask_cluster.fingerprint(), "numpy": "0.1"}
    monkeypatch.setattr(dask_cluster, "_same_everywhere", lambda *_: ours)
    with pytest.raises(InputError, match=r"a worker of the Dask cluster has numpy"):
        list(OnCluster(cluster.scheduler_address).results([_task(divmod, 7, 2)]))


@pytest.mark.parametrize("asked", ["_ASK", "_DO"], ids=["at the start", "later"])
def test_workers_without_the_package_are_refused(cluster, monkeypatch, asked):
    monkeypatch.setattr(dask_cluster, asked, "__import__('bri_bayes_of_nobody')")
    with pytest.raises(InputError, match="is without bri_bayes of this version: install it there"):
        list(OnCluster(cluster.scheduler_address).results([_task(divmod, 7, 2)]))
