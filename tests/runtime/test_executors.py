"""Workers do what one process does, and end when it ends, however it ends."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from types import SimpleNamespace

import pytest

from bri_bayes.core.errors import LostWorkerError
from bri_bayes.runtime.executors import InProcesses, InThisProcess, executor

# What a stopped run may take to be gone, its workers included.
SECONDS = 5.0
PARENT = """
import os, signal, sys, time
from functools import partial
from multiprocessing import active_children
from threading import Thread
from types import SimpleNamespace
from bri_bayes.runtime.executors import InProcesses

def tell():
    while len(active_children()) < 2:
        time.sleep(0.02)
    time.sleep(1.0)  # until their initializer has run
    print(*(worker.pid for worker in active_children()), flush=True)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what it starts behind itself
    Thread(target=tell, daemon=True).start()
    tasks = [SimpleNamespace(call=partial(CALL)) for _ in range(2)]
    list(InProcesses(2).results(tasks))
"""

AHEAD = """
import sys, time
from multiprocessing import forkserver
from bri_bayes.runtime.executors import import_ahead
import_ahead(2, ["long_in_coming"])
print(forkserver._forkserver._forkserver_pid, flush=True)
time.sleep(120)
"""


def _task(function, *arguments):
    return SimpleNamespace(call=partial(function, *arguments))


def _gone(pid):
    """Whether no process has that number, or only a dead one that nobody has asked for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def _wait_until_gone(pids):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and not all(map(_gone, pids)):
        time.sleep(0.05)
    return [pid for pid in pids if not _gone(pid)]


def test_processes_give_what_one_process_gives():
    tasks = [_task(divmod, number, 7) for number in range(20)]
    here, there = (
        {id(task): value for task, value, _ in run.results(tasks)} for run in (InThisProcess(), InProcesses(2))
    )
    assert here == there
    assert [here[id(task)] for task in tasks] == [divmod(number, 7) for number in range(20)]


def test_one_task_or_one_job_stays_in_this_process():
    assert isinstance(executor(1, 50), InThisProcess)
    assert isinstance(executor(4, 1), InThisProcess)
    assert isinstance(executor(2, 2), InProcesses)


def test_an_error_in_a_worker_is_raised_here():
    with pytest.raises(ZeroDivisionError, match="zero"):
        list(InProcesses(2).results([_task(divmod, 1, 0), _task(divmod, 1, 1)]))


def test_a_worker_that_is_lost_is_tried_again_and_then_named(tmp_path):
    mark = tmp_path / "tried"
    die_once = f"import os, pathlib; p = pathlib.Path({str(mark)!r}); p.exists() or (p.touch(), os._exit(9))"
    tasks = [_task(exec, die_once), _task(divmod, 9, 2)]
    assert sorted(str(value) for _, value, _ in InProcesses(2).results(tasks)) == ["(4, 1)", "None"]
    with pytest.raises(LostWorkerError, match="ended by the system 2 times"):
        list(InProcesses(2).results([_task(os._exit, 9), _task(os._exit, 9)]))


@pytest.mark.parametrize(
    "call",
    ["time.sleep, 120", "exec, 'while True: pass'", "__import__('re').match, '(a+)+$', 'a' * 60 + 'b'"],
    ids=["asleep", "at work", "in compiled code"],
)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_workers_end_with_their_parent(tmp_path, call, number):
    script = tmp_path / "parent.py"
    script.write_text(PARENT.replace("CALL", call), encoding="utf-8")
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(workers) == 2
    parent.send_signal(number)
    parent.wait(timeout=SECONDS)
    assert _wait_until_gone(workers) == []
    parent.communicate()


def test_workers_import_nothing_from_the_folder_of_the_command(tmp_path, monkeypatch):
    for name in ("pickle", "signal", "numpy"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    command = [
        sys.executable,
        "-P",
        "-c",
        "from types import SimpleNamespace as S; from functools import partial; "
        "from bri_bayes.runtime.executors import InProcesses; "
        "print([v for _, v, _ in InProcesses(2).results([S(call=partial(divmod, 7, 2)) for _ in range(2)])])",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[(3, 1), (3, 1)]\n"
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is imported ahead")
def test_what_imports_ahead_ends_with_the_command(tmp_path):
    (tmp_path / "long_in_coming.py").write_text("import time; time.sleep(120)\n", encoding="utf-8")
    command = [sys.executable, "-c", AHEAD]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    importer = int(parent.stdout.readline())
    time.sleep(0.5)  # until it imports
    assert not _gone(importer)
    parent.kill()
    parent.wait(timeout=SECONDS)
    assert _wait_until_gone([importer]) == []
    parent.stdout.close()


def test_a_signal_while_workers_start_is_heard_when_they_can_be_ended(monkeypatch):
    started, ended = [], []
    submit = ProcessPoolExecutor.submit

    def stopped_at_once(pool, *asked):
        os.kill(os.getpid(), signal.SIGTERM)
        future = submit(pool, *asked)
        started.extend(worker.pid for worker in active_children() if worker.pid not in started)
        return future

    def stop(*_):
        ended.append(len(started))
        raise InterruptedError("stopped")

    monkeypatch.setattr(ProcessPoolExecutor, "submit", stopped_at_once)
    before = signal.signal(signal.SIGTERM, stop)
    try:
        with pytest.raises(InterruptedError, match="stopped"):
            list(InProcesses(2).results([_task(time.sleep, 60), _task(time.sleep, 60)]))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended[0] == len(started) == 2
    assert _wait_until_gone(started) == []
