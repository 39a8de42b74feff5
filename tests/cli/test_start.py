"""However a command ends, there is one sentence, a status, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kill_and_resume import until_heard

from bri_bayes.cli import start
from bri_bayes.study import card_text

COMMAND = [sys.executable, "-m", "bri_bayes.cli"]
FULL = Path("/dev/full")
# What a stopped run may take to be gone, its workers included.
SECONDS = 5.0


@pytest.fixture
def fault(monkeypatch):
    def broken(card):
        raise ZeroDivisionError("a line\nand another")

    monkeypatch.setattr(card_text, "describe", broken)
    return lambda *words: monkeypatch.setattr(sys, "argv", ["bri-bayes", *words])


def test_a_fault_of_the_program_is_one_sentence_and_a_status_of_its_own(fault, capsys):
    fault("models", "did")
    with pytest.raises(SystemExit) as ended:
        start.main()
    assert ended.value.code == start.FAULT
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "ZeroDivisionError: a line and another" in err


def test_a_fault_shows_its_traceback_when_asked(fault):
    fault("--debug", "models", "did")
    with pytest.raises(ZeroDivisionError, match="a line"):
        start.main()


def test_a_closed_standard_output_is_not_success():
    done = subprocess.run(
        ["/bin/sh", "-c", f"{' '.join(COMMAND)} models >&-"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (
        2,
        "bri-bayes: standard output is closed: there is nowhere to write the result\n",
    )


@pytest.mark.skipif(not FULL.exists(), reason="a device that is always full")
def test_a_full_standard_output_is_called_by_its_name():
    with FULL.open("w") as full:
        done = subprocess.run([*COMMAND, "models"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "bri-bayes: standard output: No space left on device\n")


def test_an_output_that_cannot_show_a_letter_gets_its_number():
    done = subprocess.run(
        [*COMMAND, "models", "did"], capture_output=True, check=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert done.stdout.decode("ascii").startswith("did")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("delay", [0.2, 0.6, 1.5, 4.0])
def test_a_signal_to_the_parent_alone_ends_the_run_and_its_workers_within_seconds(tmp_path, number, delay):
    environment = {**os.environ, "BRI_BAYES_CACHE": str(tmp_path / "cache")}
    process = subprocess.Popen(
        [*COMMAND, "run", "--jobs", "2", "--out", str(tmp_path / "out")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        start_new_session=True,
    )
    if sys.platform == "linux":  # on a busy machine Python itself may take longer than the shortest delay
        until_heard(process)
    time.sleep(delay)
    process.send_signal(number)
    _, err = process.communicate(timeout=SECONDS + 3.0)  # a busy machine is slow to reap
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.endswith(f"bri-bayes: {start.STOPPED}\n")
    assert _is_empty_within(process.pid, SECONDS)


def _is_empty_within(group, seconds):
    """Whether no process of the group is left after some seconds: the system takes a moment to end them."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_a_stopped_command_does_not_wait_for_what_compiled_code_leaves_behind():
    """A function that never returns is called when the process exits in order: the end of a thread that never ends."""
    script = (
        "import ctypes, signal, sys; libc = ctypes.CDLL(None); libc.__cxa_atexit(libc.pause, None, None); "
        "from bri_bayes.cli import main, start; "
        "main.app = lambda **_: signal.raise_signal(signal.SIGINT); start.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (130, f"bri-bayes: {start.STOPPED}\n")


def test_a_signal_whose_exception_became_another_has_stopped_the_command():
    """A search for packages that is broken off in mid-import has found none."""
    script = """
import contextlib, signal
from bri_bayes.cli import main, start

def app(**_):
    with contextlib.suppress(Exception):
        signal.raise_signal(signal.SIGTERM)
    raise LookupError("no package")

main.app = app
start.main()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (130, f"bri-bayes: {start.STOPPED}\n")


@pytest.mark.skipif(sys.platform != "linux", reason="there is no server of workers")
def test_a_stopped_command_leaves_no_server_of_workers_in_mid_import(tmp_path):
    (tmp_path / "slow.py").write_text("import time; time.sleep(20)", encoding="utf-8")
    script = (
        "from multiprocessing.forkserver import ensure_running, set_forkserver_preload; "
        "from bri_bayes.cli.start import _end_now; set_forkserver_preload(['slow']); ensure_running(); _end_now()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    command = [sys.executable, "-c", script]
    # What is read ends when nobody holds the other end.
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False, env=environment)
    assert (done.returncode, done.stderr) == (130, f"bri-bayes: {start.STOPPED}\n")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "Missing option '--outcome'. sales.csv has the columns of numbers year, sales."),
        (["--outcome", "sales"], "Missing option '--unit'. sales.csv has the columns region, year, sales."),
    ],
)
def test_an_option_that_is_missing_comes_with_the_columns_that_it_can_name(tmp_path, monkeypatch, capsys, given, said):
    file = tmp_path / "sales.csv"
    file.write_text("region,year,sales\nA,2000,1.5\nA,2001,2\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["bri-bayes", "estimate", str(file), *given])
    with pytest.raises(SystemExit) as ended:
        start.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"bri-bayes: {said}\n"


def test_a_missing_option_of_a_file_that_is_not_there_is_refused_as_before(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bri-bayes", "estimate", str(tmp_path / "none.csv")])
    with pytest.raises(SystemExit):
        start.main()
    assert capsys.readouterr().err == "bri-bayes: Missing option '--outcome'.\n"
