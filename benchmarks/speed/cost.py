"""What did a piece of work cost? Seconds by the clock and of processors, effective draws, memory: one type for all."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any


@dataclass(frozen=True)
class Cost:
    """One piece of work in one process.

    ``wall``, ``cpu`` : medians of the runs, seconds; ``prepared`` : CPU seconds before the first (imports left out:
    a model that is compiled, a file that is made); ``peak`` : MB at the most, of the whole process; ``draws`` : the
    effective number for the mean of the target, None where nothing is drawn; ``answer`` : the target; ``packages`` :
    what did it.
    """

    wall: float
    cpu: float
    prepared: float = 0.0
    peak: float = 0.0
    draws: float | None = None
    answer: float | None = None
    packages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """What is timed. ``tell`` : what a run returned -> the target and the effective draws, either may be None.

    ``first`` : a run that is not counted comes before the others; ``repeat`` : how many are counted.
    """

    call: Callable[[], Any]
    packages: tuple[str, ...]
    tell: Callable[[Any], tuple[float | None, float | None]] = lambda _: (None, None)
    repeat: int = 5
    first: bool = True


def cost_of(prepare: Callable[[], Work]) -> Cost:
    """Prepare the work and do it as often as it asks."""
    before = processor_seconds()
    work = prepare()
    prepared = processor_seconds() - before
    if work.first:
        work.call()
    spent, result = [], None
    for _ in range(work.repeat):
        wall, cpu = time.perf_counter(), processor_seconds()
        result = work.call()
        spent.append((time.perf_counter() - wall, processor_seconds() - cpu))
    answer, draws = work.tell(result)
    walls, cpus = zip(*spent, strict=True)
    packages = {name: version(name) for name in work.packages}
    return Cost(statistics.median(walls), statistics.median(cpus), prepared, peak_memory(), draws, answer, packages)


def processor_seconds() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def peak_memory() -> float:
    """MB of this process or of its largest child, at the most."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
