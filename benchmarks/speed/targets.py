"""How far are the figures from what they should be, and how far from what this machine's arithmetic allows?"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speed import limit, panels
from speed.environments import NotRunError, run_task, surroundings
from speed.equal_error import EqualError
from speed.history import Machine, Row, Target
from speed.study_time import Took, panel_times, study_times

AT_MOST, AT_LEAST = "at most", "at least"
SECONDS, TIMES = "s", "times"
_SIZES = {"units_291": (291, 21, 5, 2.0), "units_1000": (1000, 30, 5, 20.0)}


@dataclass(frozen=True)
class Studies:
    """Which studies are run: the shipped one whole or in its quick form, and one of another panel, or none."""

    full: bool
    jobs: int
    panel: tuple[Path, Path] | None = None


def sampling_targets(seeds: int) -> list[Target]:
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
    return [
        Target(names["mean"], AT_LEAST, 100.0, TIMES, errors.ratio_mean),
        Target(names["2.5% end"], AT_LEAST, 100.0, TIMES, errors.ratio_lower),
    ]


def closed_form_targets(rows: Sequence[Row], machine: Machine) -> list[Target]:
    """Placebos and large panels."""
    targets = []
    for row in rows:
        if row.work.startswith("500 hierarchical") and row.ratio:
            targets.append(Target(row.work, AT_MOST, 20.0, SECONDS, row.ours.wall))
            targets.append(Target(f"{row.work}, against Bambi", AT_LEAST, 1000.0, TIMES, row.ratio))
    for task, (n_units, n_periods, n_treated, seconds) in _SIZES.items():
        cost = run_task("tasks_ours", task)
        needed = limit.operations(panels.analysis(n_units, n_periods, n_treated)) / (1e9 * machine.small)
        name = f"posterior with draws, {n_units:,} x {n_periods}, card did"
        targets.append(Target(name, AT_MOST, seconds, SECONDS, cost.cpu, needed))
    shared = run_task("tasks_ours", "shared_shocks")
    targets.append(Target("ATT, 196 x 18, 22 groups with shared shocks", AT_MOST, 10.0, SECONDS, shared.cpu))
    return targets


def study_targets(studies: Studies) -> tuple[list[Target], dict[str, Took]]:
    """The shipped study, and that of a panel that is given; the times that were measured."""
    form = "whole" if studies.full else "quick form"
    limits = {"cold": 180.0 if studies.full else None, "warm": 5.0, "report alone": 20.0}
    took, missing = {}, ""
    try:
        took = study_times(studies.full, jobs=studies.jobs)
    except NotRunError as reason:  # what was measured before is worth keeping
        missing = str(reason)
    targets = [
        Target(
            f"shipped study, {form}, {name}",
            AT_MOST,
            seconds,
            SECONDS,
            took[name].wall if name in took else None,
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
            targets.append(Target(name, AT_MOST, 240.0, SECONDS, took[name].wall))
        except NotRunError as reason:
            targets.append(Target(name, AT_MOST, 240.0, SECONDS, None, not_run=str(reason)))
    return targets, took
