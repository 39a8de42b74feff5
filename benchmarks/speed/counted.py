"""How many operations are the factorisations of a piece of work? Counted while it is done, whatever asks NumPy.

``python -m speed.counted TASK`` : a task of ``tasks_ours``, once. ``... study [--quick] [STUDY PANEL]`` : a whole study
in one process, with a cache of its own. Prints the number. Divided by the machine's rate it is a time that no
arrangement of the same factorisations could go below; products, triangular solves, sums and Python come on top.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from speed.environments import NotRunError, surroundings

# Operations of a matrix of order n over n^3: Cholesky, LU alone, LU and the inverse, the symmetric eigenproblem.
_OPERATIONS = {"cholesky": 1 / 3, "solve": 2 / 3, "slogdet": 2 / 3, "inv": 2.0, "eigh": 9.0}


class Count:
    """Operations so far."""

    def __init__(self) -> None:
        self.operations = 0.0

    def counting(self, function: Callable[..., Any], a_cube: float) -> Callable[..., Any]:
        """The function, whose first argument (..., n, n) is counted."""

        def counted(a: Any, *more: Any, **named: Any) -> Any:
            shape = np.shape(a)
            self.operations += a_cube * float(np.prod(shape[:-2], dtype=float)) * shape[-1] ** 3
            return function(a, *more, **named)

        return counted


@contextmanager
def counting() -> Iterator[Count]:
    """What NumPy factors meanwhile in this process."""
    count, before = Count(), {name: getattr(np.linalg, name) for name in _OPERATIONS}
    for name, a_cube in _OPERATIONS.items():
        setattr(np.linalg, name, count.counting(before[name], a_cube))
    try:
        yield count
    finally:
        for name, function in before.items():
            setattr(np.linalg, name, function)


def operations_of(*what: str) -> float:
    """In a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "speed.counted", *what]
    said = subprocess.run(command, capture_output=True, text=True, check=False, env=surroundings())
    if said.returncode:
        raise NotRunError((said.stderr.strip().splitlines() or ["it ended without a word"])[-1][:200])
    return float(said.stdout.strip().splitlines()[-1])


def _of_task(name: str) -> float:
    from speed import tasks_ours

    work = getattr(tasks_ours, name)()
    with counting() as count:
        work.call()
    return count.operations


def _of_study(quick: bool, *named: str) -> float:
    from bri_bayes.app.study_run import run_study
    from bri_bayes.runtime.cache import Cache

    study, panel = (Path(path) for path in named) if named else (None, None)
    with TemporaryDirectory(prefix="bench-count-") as folder, counting() as count:
        run_study(
            study, panel=panel, quick=quick, jobs=1, out=Path(folder) / "out", cache=Cache(Path(folder) / "cache")
        )
    return count.operations


if __name__ == "__main__":
    kind, *more = sys.argv[1:]
    if kind == "study":
        print(_of_study("--quick" in more, *(word for word in more if word != "--quick")))
    else:
        print(_of_task(kind))
