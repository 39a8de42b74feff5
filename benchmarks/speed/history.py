"""What did earlier runs measure, and what has become slower since? One JSON record a run, one line each."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from speed.cost import Cost

# A ratio below this share of the one before has fallen, by a third.
FALLEN = 2 / 3
LIBRARIES = ("numpy", "scipy", "pandas", "pymc", "pytensor", "nutpie", "matplotlib")


@dataclass(frozen=True)
class Machine:
    """Where a run took place: processors that it may use, their name, GB of memory, load at its start and end.

    ``dgemm``, ``dpotrf``, ``small`` : 1e9 operations a second of one core in large matrix products, in large Cholesky
    factorisations and in many factorisations of the size of a panel of nine, measured in the same run.
    """

    processors: int
    name: str
    memory: float
    load: tuple[float, float]
    dgemm: float
    dpotrf: float
    small: float
    python: str
    libraries: Mapping[str, str]


@dataclass(frozen=True)
class Row:
    """One comparison. ``ratio`` : the peer's CPU seconds over ours, for the same ``work`` or an effective draw each.

    ``times`` : what the peer's part is multiplied with, where it did a part; ``not_run`` : why there is no ratio.
    """

    work: str
    peer: str
    per: str
    ours: Cost
    theirs: Cost | None
    ratio: float | None
    times: float = 1.0
    note: str = ""
    not_run: str = ""


@dataclass(frozen=True)
class Target:
    """A limit and what was measured: ``share`` above one is met. ``limit_of`` : "at most" or "at least".

    ``arithmetic`` : seconds of the factorisations alone at this machine's rate (``counted``), on as many processors;
    ``took`` : the seconds that they are a part of, where ``measured`` is not those.
    """

    name: str
    limit_of: str
    limit: float
    unit: str
    measured: float | None
    arithmetic: float | None = None
    not_run: str = ""
    took: float | None = None

    @property
    def share(self) -> float | None:
        """How many times better than the limit; None where nothing was measured."""
        if not self.measured:
            return None
        return self.measured / self.limit if self.limit_of == "at least" else self.limit / self.measured


@dataclass(frozen=True)
class Record:
    """One run."""

    date: str
    machine: Machine
    rows: tuple[Row, ...]
    targets: tuple[Target, ...]

    def speeds(self) -> dict[str, float]:
        """What can fall: each ratio by work and peer, each target by its name."""
        ratios = {f"{row.work}, against {row.peer}": row.ratio for row in self.rows}
        ratios |= {f"target: {target.name}": target.share for target in self.targets}
        return {name: ratio for name, ratio in ratios.items() if ratio is not None}


@dataclass(frozen=True)
class Fallen:
    """A ratio that was ``before`` and is ``now``."""

    name: str
    before: float
    now: float

    def __str__(self) -> str:
        return f"slower than before: {self.name}: {self.before:.3g} -> {self.now:.3g}"


def fallen(before: Record, now: Record) -> list[Fallen]:
    """The ratios that both runs have and that are down by a third or more, the worst first."""
    old, new = before.speeds(), now.speeds()
    both = [Fallen(name, old[name], ratio) for name, ratio in new.items() if name in old]
    return sorted((some for some in both if some.now <= FALLEN * some.before), key=lambda some: some.now / some.before)


def other_speed(before: Record, now: Record) -> str:
    """A sentence where small factorisations are a third faster or slower than before: ratios move with the processor.

    A peer that Python binds and one that memory binds do not gain alike from another processor.
    """
    rate = now.machine.small / before.machine.small
    if FALLEN < rate < 1 / FALLEN:
        return ""
    return (
        f"The processor is another one, or in another state: small factors are {rate:.2g} times as fast as in the "
        "record before, so a ratio may move without a change of code."
    )


def gone(before: Record, now: Record) -> list[str]:
    """What the run before measured and this one did not."""
    return sorted(before.speeds().keys() - now.speeds().keys())


def latest(records: Sequence[Record]) -> Record:
    """The last whole run, comparisons and targets, with the targets that were measured since in place of its own."""
    whole = [at for at, record in enumerate(records) if record.rows and record.targets]
    since = records[whole[-1] if whole else -1 :]
    targets = {target.name: target for record in since for target in record.targets}
    return dataclasses.replace(since[0], targets=tuple(targets.values()))


def read_history(path: Path) -> list[Record]:
    """The records of a file, the oldest first; none where there is no file."""
    if not path.is_file():
        return []
    return [record_from(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def append(path: Path, record: Record) -> None:
    """Add a run."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(_short(dataclasses.asdict(record)), allow_nan=False) + "\n")


def record_from(stored: Mapping[str, Any]) -> Record:
    """A record as ``append`` wrote it."""
    machine = Machine(**{**stored["machine"], "load": tuple(stored["machine"]["load"])})
    rows = tuple(
        Row(**{**row, "ours": Cost(**row["ours"]), "theirs": row["theirs"] and Cost(**row["theirs"])})
        for row in stored["rows"]
    )
    return Record(stored["date"], machine, rows, tuple(Target(**target) for target in stored["targets"]))


def this_machine(load_before: float, rates: tuple[float, float, float]) -> Machine:
    """Where this process runs, with the ``rates`` of ``limit.rates``."""
    info = dict(
        line.split(":", 1) for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if ":" in line
    )
    name = {key.strip(): value.strip() for key, value in info.items()}.get("model name", platform.processor())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    libraries = {library: version(library) for library in LIBRARIES}
    load = (load_before, os.getloadavg()[0])
    return Machine(len(os.sched_getaffinity(0)), name, memory, load, *rates, sys.version.split()[0], libraries)


def today() -> str:
    """The date of a record."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M")


def _short(value: Any) -> Any:
    """Numbers to six digits: no more of a time means anything."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {key: _short(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_short(part) for part in value]
    return value
