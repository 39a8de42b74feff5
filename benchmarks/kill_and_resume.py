"""Is a run that is killed at any moment gone, and does it go on to the same bytes? INT, TERM and KILL to ``run``.

    python benchmarks/kill_and_resume.py --seed 1 --rounds 10

A small study is run undisturbed once. Then, in each round, with an empty cache: a run is sent a signal at a random
moment, the next goes on and is sent another, and so on through the signals; a last one is left alone. After each signal
no process of the run may be alive 5 seconds later, Ctrl-C and SIGTERM give status 130 and one sentence. After the last
run no temporary file may be there, and every file but manifest.json (which has the times) must have the bytes of the
undisturbed run. Linux only: processes are looked for in /proc.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
# Of each signal before a run is left alone.
EACH = 2
# The share of a run's time within which it is killed.
MIDDLE = (0.1, 0.95)
# What a stopped run may take to be gone, its workers included.
GONE_SECONDS = 5.0
# One that takes longer is waited for, to know how long, and then ended.
MOST_SECONDS = 30.0
STOPPED = 130
SENTENCE = "bri-bayes: stopped; a run that is started again goes on from what it had finished\n"
STUDY = """
title = "Six countries"
models = ["did"]
sections = [{sections}]
[panel]
kind = "simulation"
generator = "simulated_nine_countries"
periods = [2007, 2016]
[assignment]
treated = ["KAZ", "KGZ", "TJK"]
controls = ["MNG", "BLR", "SRB"]
onset = 2013
[outcomes.lnexport]
column = "export_musd"
transform = "log"
"""
SECTIONS = ("pretrends",)


@dataclass
class Place:
    """Where the runs of one cache and one report happen."""

    folder: Path
    errors: int = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def cache(self) -> Path:
        """Its name stands in the environment of every process of its runs."""
        return self.folder / "cache"

    def start(self) -> subprocess.Popen[str]:
        """A run of two jobs."""
        self.errors += 1
        command = [sys.executable, "-m", "bri_bayes.cli", "run", "six.toml", "--quick", "--jobs", "2", "--out", "out"]
        environment = {**os.environ, "BRI_BAYES_CACHE": str(self.cache)}
        with self.said.open("w", encoding="utf-8") as err, (self.folder / "stdout").open("w", encoding="utf-8") as out:
            return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=out, stderr=err, text=True)

    @property
    def said(self) -> Path:
        """What the last run wrote to stderr."""
        return self.folder / f"stderr{self.errors}"

    def alive(self) -> list[int]:
        """Processes of the runs."""
        mark = f"BRI_BAYES_CACHE={self.cache}".encode()
        return [pid for pid, environment in _processes() if mark in environment.split(b"\0")]

    def temporary(self) -> list[str]:
        """Files that only a run that goes on may have."""
        roots = (self.cache, self.folder / "out")
        hidden = [path for root in roots for path in root.rglob("*") if path.name.startswith(".")]
        return [str(path.relative_to(self.folder)) for path in (*hidden, *self.folder.glob(".*"))]

    def contents(self) -> dict[str, str]:
        """The digest of every file of the report that has no times in it."""
        out = self.folder / "out"
        files = [path for path in sorted(out.rglob("*")) if path.is_file() and path.name != "manifest.json"]
        return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def place(folder: Path, sections: Sequence[str] = SECTIONS) -> Place:
    """A new folder with the study."""
    folder.mkdir()
    names = ", ".join(f'"{name}"' for name in sections)
    (folder / "six.toml").write_text(STUDY.format(sections=names), encoding="utf-8")
    return Place(folder)


def undisturbed(here: Place) -> tuple[dict[str, str], float]:
    """What a run leaves, and its seconds."""
    started = time.monotonic()
    status = here.start().wait()
    if status not in (0, 1):
        raise RuntimeError(f"the undisturbed run ended with {status}: {here.said.read_text(encoding='utf-8')[-500:]}")
    return here.contents(), time.monotonic() - started


def killed(here: Place, number: signal.Signals, seconds: float) -> list[str] | None:
    """What is wrong after ``number`` was sent ``seconds`` after the start; None if the run had ended by itself."""
    process = here.start()
    until_heard(process)
    try:
        process.wait(timeout=seconds)
        return None
    except subprocess.TimeoutExpired:
        process.send_signal(number)
    wrong, sent = [], time.monotonic()
    while time.monotonic() < sent + MOST_SECONDS and (process.poll() is None or here.alive()):
        time.sleep(0.05)
    if (took := time.monotonic() - sent) > GONE_SECONDS:
        wrong.append(f"{len(here.alive())} processes alive after {took:.1f} s")
    for pid in here.alive():
        os.kill(pid, signal.SIGKILL)
    status = process.wait()
    said = here.said.read_text(encoding="utf-8")
    if number == signal.SIGKILL:
        return wrong
    if status in (0, 1) and not wrong:  # it had written everything, and was about to go
        return None
    if status != STOPPED:
        wrong.append(f"status {status}")
    lines = [line for line in said.splitlines(keepends=True) if not line.startswith("[")]
    if lines != [SENTENCE]:
        wrong.append(f"stderr: {''.join(lines)[-4000:]!r}")
    return wrong


def one_round(
    here: Place,
    expected: dict[str, str],
    seconds: float,
    rng: random.Random,
    each: int = EACH,
    again: float | None = None,
) -> Iterator[tuple[str, str]]:
    """(signal, what is wrong or "" or "late") of each signal, and of the end.

    A run takes ``seconds`` from an empty cache and ``again`` from a full one; each signal comes at any moment of the
    middle of what the run is known to take.
    """
    for position, number in enumerate(rng.sample(SIGNALS * each, len(SIGNALS) * each)):
        most = seconds if position == 0 or again is None else again
        wrong = killed(here, number, rng.uniform(*MIDDLE) * most)
        yield number.name, "late" if wrong is None else "; ".join(wrong)
    status = here.start().wait()
    differing = sorted(name for name, _ in expected.items() ^ here.contents().items())
    wrong = [f"status {status}"] * (status not in (0, 1))
    wrong += [f"other bytes in {', '.join(dict.fromkeys(differing))}"] * bool(differing)
    wrong += [f"left over: {', '.join(here.temporary())}"] * bool(here.temporary())
    yield "resumed", "; ".join(wrong)


def until_heard(process: subprocess.Popen[str]) -> None:
    """Until the program has begun: before it has its handlers a signal is Python's, whose start is not examined."""
    while process.poll() is None:
        caught = [line for line in _read(process.pid, "status").splitlines() if line.startswith(b"SigCgt")]
        if caught and int(caught[0].split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.005)


def _processes() -> Iterator[tuple[int, bytes]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            yield int(entry.name), _read(int(entry.name), "environ")


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def main() -> int:
    """Rounds until they are done or the time is over; status 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--each", type=int, default=EACH, help="signals of each kind before a run is left alone")
    parser.add_argument("--sections", default=",".join(SECTIONS))
    given = parser.parse_args()
    rng = random.Random(given.seed)
    counts: Counter[str] = Counter()
    failures = 0
    ends = time.monotonic() + 60 * given.minutes
    with tempfile.TemporaryDirectory() as name:
        sections = [section for section in given.sections.split(",") if section]
        alone = place(Path(name) / "undisturbed", sections)
        expected, seconds = undisturbed(alone)
        once_more, again = undisturbed(alone)
        assert once_more == expected, "two undisturbed runs differ"
        print(f"undisturbed: {len(expected)} files in {seconds:.0f} s, then in {again:.0f} s", flush=True)
        for number in range(given.rounds):
            here = place(Path(name) / f"round{number}", sections)
            for what, wrong in one_round(here, expected, seconds, rng, given.each, again):
                counts[what + (" (had ended)" if wrong == "late" else "")] += 1
                print(f"round {number}, {what}: {wrong or 'passes'}", flush=True)
                if wrong not in ("", "late"):
                    failures += 1
            shutil.rmtree(here.folder)
            if time.monotonic() > ends:
                break
    print(f"seed {given.seed}: {dict(sorted(counts.items()))}, {failures} do not pass")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
