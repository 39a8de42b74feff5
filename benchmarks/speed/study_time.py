"""How long does a study take: cold, warm, after one changed card, and its report alone? In a folder of its own.

Each command is a process of its own. CPU seconds and memory are those of its main process: workers are forked from
another one, for which it does not wait, and with two of them the clock says what the study took.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from speed.environments import NotRunError, surroundings


@dataclass(frozen=True)
class Took:
    """Seconds by the clock, CPU seconds and MB at the peak of the main process, without its workers."""

    wall: float
    cpu: float
    peak: float


def study_times(full: bool, *, jobs: int) -> dict[str, Took]:
    """The shipped study, in its quick form unless ``full``: by what was done."""
    with TemporaryDirectory(prefix="bench-study-") as name:
        folder = Path(name)
        command(["init", str(folder / "study")], folder)
        how = [str(folder / "study" / "study.toml"), "--jobs", str(jobs), "--out", str(folder / "out")]
        how += [] if full else ["--quick"]
        times = {"cold": command(["run", *how], folder), "warm": command(["run", *how], folder)}
        _change_a_card(folder / "study" / "models")
        times["after one changed card"] = command(["run", *how], folder)
        times["report alone"] = report_alone(folder / "out", folder)
        return times


def panel_times(study: Path, panel: Path, *, jobs: int) -> Took:
    """A study of another panel, cold."""
    with TemporaryDirectory(prefix="bench-study-") as name:
        how = [str(study), "--panel", str(panel), "--jobs", str(jobs), "--out", f"{name}/out"]
        return command(["run", *how], Path(name))


def report_alone(made: Path, folder: Path) -> Took:
    """Figures, tables and pages of a run from its values.json, as if drawn for the first time."""
    copy = folder / "again"
    shutil.copytree(made, copy)
    (copy / "figures" / "made_from.json").unlink(missing_ok=True)
    return command(["report", "--out", str(copy)], folder)


def command(words: list[str], folder: Path) -> Took:
    """One command of the project, with its cache below ``folder``."""
    started = time.perf_counter()
    log = folder / "log.txt"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "bri_bayes", *words], stdout=stream, stderr=subprocess.STDOUT,
            env=surroundings() | {"BRI_BAYES_CACHE": str(folder / "cache")},
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):  # 1: a computation of the study does not pass its diagnostics
        last = (log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no word"])[-1]
        raise NotRunError(f"bri-bayes {words[0]} ended with {process.returncode}: {last[:200]}")
    return Took(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _change_a_card(models: Path) -> None:
    """The last card of the study gets other priors for its effects."""
    path = sorted(models.glob("*.toml"))[-1]
    text = re.sub(r"^\[priors\]\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    path.write_text(text + "\n[priors]\neffect_unit = 0.4\n", encoding="utf-8")
