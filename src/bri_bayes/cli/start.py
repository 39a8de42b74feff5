"""How does a command begin and end? One sentence on stderr and an exit status, whatever happens.

0 done; 1 a check or a gate failed; 2 bad usage or input; 3 a worker process was lost; 70 a fault of the program, with
its traceback after ``--debug`` only; 130 stopped by Ctrl-C or SIGTERM; 141 the reader of standard output went away.
This module imports almost nothing, so that Ctrl-C is heard from the start.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from contextlib import suppress
from itertools import takewhile
from threading import Timer
from typing import Any

from bri_bayes.core.errors import BriBayesError, StoppedError

STOPPED = "stopped; a run that is started again goes on from what it had finished"
# Seconds that a stopped command has to end by itself: to leave no half-written file and say so.
GRACE = 3.0
FAULT, NO_READER = 70, 141


def main() -> None:
    """Entry point."""
    _listen()
    try:
        if sys.stdout is None:
            _end("standard output is closed: there is nowhere to write the result", 2)
        # A terminal or file of another encoding gets \\uXXXX for what it cannot show, which JSON reads back.
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        from bri_bayes.cli.main import app
        from bri_bayes.runtime.array_kinds import of_a_command
        from bri_bayes.runtime.memory import keep_freed_memory

        keep_freed_memory()
        of_a_command()
        status = app(standalone_mode=False)
        sys.stdout.flush()
        _no_longer_listen()  # the work is done: a signal while Python takes itself down would end it without a word
        sys.exit(status if isinstance(status, int) else 0)
    except StoppedError:
        _end_now()  # what was open was closed on the way here; threads of compiled code may never end by themselves
    except BriBayesError as error:
        _end(str(error), error.exit_status)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(NO_READER)
    except OSError as error:
        # Files are named where they are written: what is full and has no name is where the result is printed.
        where = "standard output" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "a file"
        _end(f"{error.filename or where}: {error.strerror or error}", 2)
    except MemoryError:
        _end("this work does not fit into the memory of the machine", 2)
    except Exception as error:
        # The parser's own errors know their sentence; which package they come from depends on the version of typer.
        if hasattr(error, "format_message"):
            from bri_bayes.cli.missing_option import columns_for

            _end(" ".join(error.format_message().split()) + columns_for(error), 2)
        if "--debug" in takewhile(lambda word: word.startswith("-"), sys.argv[1:]):
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        _end(f"a fault of the program ({what}); bri-bayes --debug COMMAND shows where", FAULT)


def _listen() -> None:
    """Ctrl-C and SIGTERM end the command: by an exception at first, from outside it after ``GRACE`` or a second one."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    ordinary = sys.unraisablehook
    sys.unraisablehook = lambda lost: None if isinstance(lost.exc_value, StoppedError) else ordinary(lost)


def _stop(*_: object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _end_now())
    # Compiled code can swallow an exception that is raised in its callback, and can be long in coming back.
    watchdog = Timer(GRACE, _end_now)
    watchdog.daemon = True
    watchdog.start()
    raise StoppedError(STOPPED)


def _end_now() -> None:
    """End the workers and this process, without a word to anybody inside it."""
    if "multiprocessing" in sys.modules:
        from multiprocessing import active_children

        for worker in active_children():
            worker.kill()
    # It imports for seconds before it sees that its parent is gone, and holds the standard streams meanwhile.
    server = getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None)
    if (pid := getattr(server, "_forkserver_pid", None)) is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    os.write(2, f"bri-bayes: {STOPPED}\n".encode())
    os._exit(StoppedError.exit_status)


def _no_longer_listen() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _end(sentence: str, status: int) -> Any:
    if signal.getsignal(signal.SIGTERM) is not _stop:
        _end_now()  # who caught the exception of a signal has made another of it
    _no_longer_listen()
    print(f"bri-bayes: {sentence}", file=sys.stderr, flush=True)
    sys.exit(status)
