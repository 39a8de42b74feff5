"""Where does a piece of work run? In the project's environment, or in one of its own that is made here for peers.

Peers are no dependencies of the project. ``peers.txt`` pins those that go beside it: what they need in other versions
goes into .bench-venv/peers, and what only the project has is read from the project's environment, which is not touched.
``peers_causalpy.txt`` pins one that needs an older PyMC and shares nothing. Peers in R are those of the machine's R, if
it has one: Debian's r-base-dev, r-cran-lme4, r-cran-brms and libboost-dev.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

from speed.cost import Cost
from speed.task import MARK

BENCHMARKS = Path(__file__).resolve().parents[1]
ROOT = BENCHMARKS.parent
PROJECT, R = "project", "R"
FILES = {"peers": "peers.txt", "causalpy": "peers_causalpy.txt"}
# These also see the project's packages.
BESIDE = ("peers",)
# One thread a process: processor seconds of libraries that wait in a loop for others would count as work.
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "NUMBA", "POLARS", "RAYON")}
LONGEST = 3600.0


class NotRunError(Exception):
    """Why a piece of work has no figure: a peer that cannot be had here or does not do it."""


def run_task(module: str, name: str, environment: str = PROJECT) -> Cost:
    """The cost of a task of ``speed.module`` in an environment."""
    command = _command(module, name, environment)
    said = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False, env=surroundings())
    line = next((line for line in said.stdout.splitlines() if line.startswith(MARK)), None)
    if said.returncode or line is None:
        raise NotRunError((said.stderr.strip().splitlines() or ["it ended without a word"])[-1][:200])
    return Cost(**json.loads(line.removeprefix(MARK)))


def _command(module: str, name: str, environment: str) -> list[str]:
    if environment != R:
        return [str(python_of(environment)), "-W", "ignore", "-m", "speed.task", module, name]
    if (script := shutil.which("Rscript")) is None:
        raise NotRunError("no R is here; Debian has r-base-dev, r-cran-lme4, r-cran-brms and libboost-dev")
    return [script, "--vanilla", str(BENCHMARKS / "speed" / f"{module}.R"), name]


def surroundings() -> dict[str, str]:
    """The environment variables of a task."""
    places = os.pathsep.join((str(BENCHMARKS), str(ROOT / "src")))
    return {**os.environ, **ONE_THREAD, "PYTHONPATH": places, "MPLBACKEND": "Agg", "JAX_PLATFORMS": "cpu"}


@cache
def python_of(environment: str) -> Path:
    """The interpreter, made with its packages if it is not there; ``NotRunError`` if that fails, once and for all."""
    if environment == PROJECT:
        return Path(sys.executable)
    folder, file = ROOT / ".bench-venv" / environment, BENCHMARKS / FILES[environment]
    python, made_from = folder / "bin" / "python", folder / "made_from.txt"
    if made_from.is_file() and made_from.read_bytes() == file.read_bytes():
        return python
    print(f"setting up {folder.relative_to(ROOT)} from {file.name}", file=sys.stderr, flush=True)
    steps = [
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "-r", str(file)],
    ]
    for step in steps:
        said = subprocess.run(step, capture_output=True, text=True, check=False)
        if said.returncode:
            last = (said.stderr.strip().splitlines() or ["no reason given"])[-1][:200]
            raise NotRunError(f"{file.name} cannot be installed: {last}")
    if environment in BESIDE:
        place = subprocess.run(
            [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        (Path(place.stdout.strip()) / "project.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    made_from.write_bytes(file.read_bytes())
    return python
