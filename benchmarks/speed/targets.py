"""How far are the figures from what they should be, and how far from what this machine's arithmetic allows?"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speed.counted import operations_of
from speed.environments import NotRunError, run_task, surroundings
from speed.equal_error import EqualError
from speed.history import Machine, Row, Target
from speed.study_time import Took, panel_times, study_times

AT_MOST, AT_LEAST = "at most", "at least"
SECONDS, TIMES = "s", "times"
_PANELS = {
    "units_291": ("posterior with draws, 291 x 21, card did", 2.0),
    "units_1000": ("posterior with draws, 1,000 x 30, card did", 20.0),
    "shared_shocks": ("ATT, 196 x 18, 22 groups with shared shocks", 10.0),
}


@dataclass(frozen=True)
class Studies:
    """Which studies are run: the shipped one whole or in its quick form, and one of another panel, or none."""

    full: bool
    jobs: int
    panel: tuple[Path, Path] | None = None


def sampling_targets(seeds: int, machine: Machine) -> list[Target]:
    """Processor time for one squared error, against nutpie on the compiled model."""
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "speed.equal_error", str(seeds)],
        capture_output=True, text=True, check=False, env=surroundings(),
    )  # fmt: skip
    names = {key: f"one squared error of the {key}, card did on 9 x 21, against nutpie" for key in ("mean", "2.5% end")}
    if said.returncode:
        reason = said.stderr.strip().splitlines()[-1][:200]
        return [Target(name, AT_LEAST, 100.0, TIMES, None, not_run=reason) for name in names.values()]
    errors = EqualError(**json.loads(said.stdout.strip().splitlines()[-1]))
    print(
        f"{errors.seeds} seeds: ours {errors.ours:.3f} CPU s, errors {errors.our_mean:.5f} and {errors.our_lower:.5f} "
        "sd; "
        f"nutpie {errors.theirs:.2f} CPU s, {errors.their_mean:.4f} and {errors.their_lower:.4f} sd; its pooled mean "
        f"is {errors.pooled:+.1f} standard errors from the reference",
        flush=True,
    )
    needed = _seconds(operations_of("att_alone"), machine)
    return [
        Target(names["mean"], AT_LEAST, 100.0, TIMES, errors.ratio_mean, needed, took=errors.ours),
        Target(names["2.5% end"], AT_LEAST, 100.0, TIMES, errors.ratio_lower, needed, took=errors.ours),
    ]


def closed_form_targets(rows: Sequence[Row], machine: Machine) -> list[Target]:
    """Placebos and large panels."""
    targets = []
    for row in rows:
        if row.work.startswith("500 hierarchical") and row.ratio:
            needed = _seconds(operations_of("placebos_500"), machine)
            targets.append(Target(row.work, AT_MOST, 20.0, SECONDS, row.ours.wall, needed))
            against = f"{row.work}, against Bambi"
            targets.append(Target(against, AT_LEAST, 1000.0, TIMES, row.ratio, needed, took=row.ours.wall))
    for task, (name, seconds) in _PANELS.items():
        cost = run_task("tasks_ours", task)
        targets.append(Target(name, AT_MOST, seconds, SECONDS, cost.cpu, _seconds(operations_of(task), machine)))
    return targets


def _seconds(operations: float, machine: Machine, processors: int = 1) -> float:
    return operations / (1e9 * machine.small * processors)


def study_targets(studies: Studies, machine: Machine) -> tuple[list[Target], dict[str, Took]]:
    """The shipped study, and that of a panel that is given; the times that were measured.

    What is factored in a cold run is counted in a run of its own; a warm run and a report factor nothing.
    """
    processors = min(studies.jobs, machine.processors)
    form = "whole" if studies.full else "quick form"
    limits = {"cold": 180.0 if studies.full else None, "warm": 5.0, "report alone": 20.0}
    took, missing, needed = {}, "", {}
    try:
        took = study_times(studies.full, jobs=studies.jobs)
        how = [] if studies.full else ["--quick"]
        needed["cold"] = _seconds(operations_of("study", *how), machine, processors)
    except NotRunError as reason:  # what was measured before is worth keeping
        missing = str(reason)
    targets = [
        Target(
            f"shipped study, {form}, {name}",
            AT_MOST,
            seconds,
            SECONDS,
            took[name].wall if name in took else None,
            needed.get(name),
            not_run=missing,
        )
        for name, seconds in limits.items()
        if seconds
    ]
    took = {f"shipped study, {form}, {name}": some for name, some in took.items()}
    if studies.panel is not None:
        name = f"study of {studies.panel[0].stem}, cold"
        try:
            took[name] = panel_times(*studies.panel, jobs=studies.jobs)
            alone = _seconds(operations_of("study", *map(str, studies.panel)), machine, processors)
            targets.append(Target(name, AT_MOST, 240.0, SECONDS, took[name].wall, alone))
        except NotRunError as reason:
            targets.append(Target(name, AT_MOST, 240.0, SECONDS, None, not_run=str(reason)))
    return targets, took
