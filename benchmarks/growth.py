"""How do time and memory grow with units, periods, groups? python benchmarks/growth.py [--write] prints a table.

Each figure comes from a process of its own with one thread: CPU seconds of the work alone, imports left out, and the
peak of the whole process. A size that the program refuses is not run: its sentence says what it would take.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from speed import panels
from speed.environments import ONE_THREAD
from speed.table import write_between

from bri_bayes.core.errors import InputError
from bri_bayes.design.analysis import Analysis

PAGE = Path(__file__).parent / "README.md"
MARKS = ("<!-- growth -->", "<!-- end growth -->")
UNITS = (9, 30, 100, 300, 1000, 5000)
PERIODS = (10, 20, 40, 80)
# What is measured, on which sizes (units, periods), and by which size it grows.
_BY_UNITS = tuple((n, 20) for n in UNITS)
_BY_PERIODS = tuple((30, n) for n in PERIODS)
SWEEPS: dict[str, tuple[str, tuple[tuple[int, int], ...], str]] = {
    "did, by coefficients": ("units", _BY_UNITS, "did"),
    "did, by classes": ("units", _BY_UNITS, "did classes"),
    "did_noise, by the shortest route": ("units", _BY_UNITS, "did_noise"),
    "did_shared, groups of 10 units, by the shortest route": ("units", _BY_UNITS, "did_shared"),
    "did_scale_by_unit, a hyperparameter a unit": (
        "units",
        ((9, 20), (18, 20), (36, 20), (100, 20)),
        "did_scale_by_unit",
    ),
    "TWFE": ("units", _BY_UNITS, "twfe"),
    "1,000 permutations of TWFE": ("units", _BY_UNITS, "permutation"),
    "did, by coefficients, 30 units": ("periods", _BY_PERIODS, "did"),
    "did_noise, 30 units": ("periods", _BY_PERIODS, "did_noise"),
}


def main() -> None:
    """Measure every sweep, or one size of one where a process is asked for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="into benchmarks/README.md")
    parser.add_argument("--one", nargs=3, metavar=("WORK", "UNITS", "PERIODS"))
    given = parser.parse_args()
    if given.one:
        name, n_units, n_periods = given.one
        print(json.dumps(measured(name, int(n_units), int(n_periods))))
        return
    lines = ["| work | grows with | " + " | ".join(["size: s CPU, MB"] * len(UNITS)) + " | exponent, last two |"]
    lines.append("|---" * (len(UNITS) + 3) + "|")
    for work, (along, sizes, name) in SWEEPS.items():
        lines.append(in_a_row(work, along, sizes, [_elsewhere(name, size) for size in sizes]))
        print(lines[-1], flush=True)
    if given.write:
        write_between(PAGE, "\n".join(lines), MARKS)


def measured(name: str, n_units: int, n_periods: int) -> dict[str, float | str]:
    """CPU seconds and MB, or the sentence with which the program refuses."""
    try:
        call = work_of(name, n_units, n_periods)
    except InputError as error:
        return {"refused": str(error)}
    started = time.process_time()
    call()
    seconds = time.process_time() - started
    return {"seconds": seconds, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def work_of(name: str, n_units: int, n_periods: int) -> Callable[[], object]:
    """The work on a simulated panel, a third of the units treated from the middle on; refused as ``estimate`` does."""
    card, _, by_classes = name.partition(" ")
    n_treated = max(2, n_units // 3)
    if card in ("twfe", "permutation"):
        return _least_squares(card, _panel(n_units, n_periods, n_treated, "did"))
    analysis = _panel(n_units, n_periods, n_treated, card)
    from bri_bayes.estimands.linear import att_effect
    from bri_bayes.inference import fit
    from bri_bayes.inference.by_classes import fit_by_classes
    from bri_bayes.inference.marginal import is_feasible
    from bri_bayes.inference.work import plan

    route = plan(analysis.design, analysis.card)
    if not is_feasible(analysis.design, analysis.card):
        raise InputError(f'no closed form for "{card}" on {n_units} units: NUTS, {route.work.seconds / 60:.0f} minutes')
    if by_classes or (route.by_classes and card != "did"):
        return lambda: att_effect(fit_by_classes(analysis, 0))
    return lambda: att_effect(fit(analysis, engine="marginal", pointwise=False))


def _panel(n_units: int, n_periods: int, n_treated: int, card: str) -> Analysis:
    first = panels.ONSET - n_periods // 2
    plain = panels.analysis(n_units, n_periods, n_treated, card, first=first)
    if card != "did_shared":
        return plain
    groups = [f"G{i // 10:03d}" for i in range(n_units)]
    return plain.replace(panel=plain.panel.assign_coords(group=("unit", groups)))


def _least_squares(name: str, analysis: Analysis) -> Callable[[], object]:
    from bri_bayes.frequentist.resampling import permutation
    from bri_bayes.frequentist.twfe import fit_twfe

    design = analysis.design
    if name == "twfe":
        return partial(fit_twfe, design)
    return partial(permutation, design, max_assignments=1, draws=999)


def _elsewhere(name: str, size: tuple[int, int]) -> dict[str, float | str]:
    """The same in a process of its own."""
    command = [sys.executable, str(Path(__file__)), "--one", name, *map(str, size)]
    environment = {**os.environ, **ONE_THREAD}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    figures: dict[str, float | str] = json.loads(done.stdout)
    return figures


def in_a_row(work: str, along: str, sizes: tuple[tuple[int, int], ...], figures: list[dict[str, float | str]]) -> str:
    """A line of the table: each size with its seconds and MB, or how it is refused."""
    at = [size[0] if along == "units" else size[1] for size in sizes]
    cells = [f"{n:,}: {_said(figure)}" for n, figure in zip(at, figures, strict=True)]
    cells += [""] * (len(UNITS) - len(cells))
    return f"| {work} | {along} | {' | '.join(cells)} | {exponent(at, figures)} |"


def _said(figure: dict[str, float | str]) -> str:
    if "refused" in figure:
        return "NUTS" if "NUTS," in str(figure["refused"]) else "refused"
    return f"{figure['seconds']:.3g}, {figure['mb']:,.0f}"


def exponent(at: list[int], figures: list[dict[str, float | str]]) -> str:
    """b of seconds = a size^b through the two largest sizes that were run."""
    run = [(n, float(figure["seconds"])) for n, figure in zip(at, figures, strict=True) if "seconds" in figure][-2:]
    (smaller, less), (larger, more) = run
    return f"{np.log(more / less) / np.log(larger / smaller):.2f}"


if __name__ == "__main__":
    main()
