"""How is long work done? Independent steps with a progress bar, a cache by content, and resumption after Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from bri_bayes.core.json_values import from_json, json_safe
from bri_bayes.runtime.cache import Cache
from bri_bayes.runtime.executors import Executor, executor

# What a step is of its owner: an outcome and a card, two outcomes, a place in a series of pieces.
type Parts = tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One piece of work: ``call()`` returns what depends on nothing but what ``key`` names.

    It is known by its ``owner`` (a section, the main answer) and its ``parts`` together, whatever their words are.
    ``kind`` : the class of the result, JSON values if it has none; it crosses processes and the cache as JSON.
    ``long`` : it takes longer than most, so it is begun right after the steps of the first owner.
    """

    owner: str
    parts: Parts
    key: str
    call: Callable[[], Any]
    kind: Any = None
    long: bool = False

    @property
    def label(self) -> str:
        """For a reader of the progress and of the manifest."""
        return "/".join((self.owner, *self.parts))


@dataclass(frozen=True)
class Finished:
    """The results of steps, by owner and parts, and ``seconds`` (0 from the cache) by label."""

    results: Mapping[tuple[str, Parts], Any]
    seconds: Mapping[str, float]

    def of(self, owner: str) -> dict[Parts, Any]:
        """The results of one owner's steps by their parts."""
        return {parts: result for (name, parts), result in self.results.items() if name == owner}


def run_steps(steps: Sequence[Step], cache: Cache, *, jobs: int = 1, dask: str | None = None) -> Finished:
    """Do what the cache does not have; a finished step is stored at once.

    ``jobs`` : processes that share the work; ``dask`` : the scheduler of a cluster that does it instead.
    """
    known = {(step.owner, step.parts): cache.read_json(step.key) for step in steps}
    assert len(known) == len(steps), "two steps of one owner have the same parts"
    missing = [step for step in steps if known[step.owner, step.parts] is None]
    # Who is named first is answered first, and what takes long is not waited for alone at the end.
    missing.sort(key=lambda step: (step.owner != steps[0].owner, not step.long))
    seconds = {step.label: 0.0 for step in steps}
    finished = _executor(jobs, dask, len(missing)).results(missing)
    with _progress(len(steps), len(steps) - len(missing)) as advance, closing(finished):
        for step, result, spent in finished:
            known[step.owner, step.parts] = json_safe(result)
            cache.write_json(step.key, known[step.owner, step.parts])
            seconds[step.label] = round(spent, 3)
            advance(step.label)
    kinds = {(step.owner, step.parts): step.kind for step in steps}
    results = {at: value if kinds[at] is None else from_json(kinds[at], value) for at, value in known.items()}
    return Finished(results, seconds)


def _executor(jobs: int, dask: str | None, tasks: int) -> Executor:
    """Nobody connects to a cluster for work that was done before."""
    if dask is None or not tasks:
        return executor(jobs, tasks)
    from bri_bayes.runtime.dask_cluster import OnCluster

    return OnCluster(dask)


@contextmanager
def _progress(total: int, done: int) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal's stderr; elsewhere a line a finished step."""
    if not sys.stderr.isatty():
        finished = done

        def line(name: str) -> None:
            nonlocal finished
            finished += 1
            print(f"[{finished}/{total}] {name}", file=sys.stderr, flush=True)

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("study", total=total, completed=done)

        def move(name: str) -> None:
            progress.update(task, advance=1, description=name)

        yield move
