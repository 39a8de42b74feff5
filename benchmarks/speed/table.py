"""How are the figures shown? Markdown tables, and their place in benchmarks/README.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from speed.history import Machine, Record, Row, Target
from speed.study_time import Took

MARKS = ("<!-- speed -->", "<!-- end speed -->")
_HEAD = (
    "| work | ours: s CPU (clock), draws, MB | peer | theirs: s CPU (clock), draws, MB | ratio | of |",
    "|---|---|---|---|---|---|",
)
_TARGET_HEAD = ("| target | wanted | measured | times better | factorisations alone |", "|---|---|---|---|---|")


def in_markdown(record: Record, took: Mapping[str, Took], before: Record | None = None) -> str:
    """The machine, the comparisons, the targets and the studies of a run; ``before`` : where its comparisons are shown
    in place of those of the run, and its targets that the run has not measured."""
    parts = []
    if before is not None:
        parts += [machine_line(before.date, before.machine), "", *_HEAD, *map(row_line, before.rows), ""]
        measured = {target.name for target in record.targets}
        if kept := [target for target in before.targets if target.name not in measured]:
            parts += [*_TARGET_HEAD, *map(target_line, kept), ""]
    parts += [machine_line(record.date, record.machine), ""]
    if record.rows:
        parts += [*_HEAD, *map(row_line, record.rows), ""]
    parts += [*_TARGET_HEAD, *map(target_line, record.targets), ""]
    if took:
        parts += [
            "| study | s by the clock | s CPU of the main process | MB of the main process |",
            "|---|---|---|---|",
        ]
        parts += [f"| {name} | {some.wall:.1f} | {some.cpu:.1f} | {some.peak:.0f} |" for name, some in took.items()]
    return "\n".join(parts).rstrip()


def machine_line(date: str, machine: Machine) -> str:
    """Where and when."""
    libraries = ", ".join(f"{name} {number}" for name, number in machine.libraries.items())
    return (
        f"{date} UTC, {machine.processors} processors ({machine.name}), {machine.memory:.0f} GB, load "
        f"{machine.load[0]:.1f} at the start and {machine.load[1]:.1f} at the end; Python {machine.python}, "
        f"{libraries}. "
        f"One core: {machine.dgemm:.0f} GFlop/s in large products, {machine.dpotrf:.0f} in large Cholesky factors, "
        f"{machine.small:.1f} in factors of order 30."
    )


def row_line(row: Row) -> str:
    """One comparison."""
    ours = f"{row.ours.cpu:.4g} ({row.ours.wall:.4g}){_draws(row.ours.draws)}, {row.ours.peak:.0f}"
    if row.theirs is None:
        return f"| {row.work} | {ours} | {row.peer} | not run: {row.not_run} | | |"
    versions = " ".join(list(row.theirs.packages.values())[:1])
    cpu, wall = row.times * row.theirs.cpu, row.times * row.theirs.wall
    theirs = f"{cpu:.4g} ({wall:.4g}){_draws(row.theirs.draws)}, {row.theirs.peak:.0f}"
    if row.theirs.prepared > _WORTH_SAYING:
        theirs += f"; before: {row.theirs.prepared:.1f} s"
    ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
    note = f"; {row.note}" if row.note else ""
    return f"| {row.work} | {ours} | {row.peer} {versions} | {theirs} | {ratio} | {row.per}{note} |"


# CPU seconds of preparation that a reader wants to see: compiling, not the making of a panel.
_WORTH_SAYING = 10.0


def target_line(target: Target) -> str:
    """One target."""
    wanted = f"{target.limit_of} {target.limit:g} {target.unit}"
    if target.measured is None or target.share is None:
        return f"| {target.name} | {wanted} | not run: {target.not_run} | | |"
    share = f"{target.share:.3g}" if target.share >= 1 else f"**{target.share:.2g}**"
    alone = ""
    if target.arithmetic is not None:
        took = target.measured if target.took is None else target.took
        within = "" if target.took is None else f"our {took:.2g} s are "
        alone = f"{target.arithmetic:.2g} s, {within}{took / target.arithmetic:.1f} times that"
    return f"| {target.name} | {wanted} | {target.measured:.4g} {target.unit} | {share} | {alone} |"


def write_between(page: Path, text: str, marks: tuple[str, str] = MARKS) -> None:
    """Replace what stands between the two marks of the page."""
    before = page.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(marks[0])}.*?{re.escape(marks[1])}", re.DOTALL)
    if not pattern.search(before):
        raise ValueError(f"{page}: has no {marks[0]} ... {marks[1]}")
    page.write_text(pattern.sub(lambda _: f"{marks[0]}\n{text}\n{marks[1]}", before), encoding="utf-8")


def _draws(draws: float | None) -> str:
    return "" if draws is None else f", {draws:.0f}"
