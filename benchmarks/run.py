"""How fast, against whom? Each line is one piece of work done by us and by a named peer in one run.

    python benchmarks/run.py [--repeat N] [--skip-nuts]

Prints a Markdown table: median and smallest seconds of each side, and the ratio of the medians.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.effects import att
from bri_bayes.frequentist.product_quality import estimate_quality
from bri_bayes.frequentist.resampling import permutation
from bri_bayes.frequentist.twfe import fit_twfe
from bri_bayes.inference import fit
from bri_bayes.study.model_card import load_card

Work = Callable[[], object]


def timed(work: Work, repeat: int) -> tuple[float, float]:
    """Median and smallest seconds of ``repeat`` runs after one that is not counted."""
    work()
    seconds = []
    for _ in range(repeat):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), min(seconds)


def analysis(n_units: int, n_periods: int, n_treated: int, seed: int = 1) -> Analysis:
    """A simulated panel of the size, and the card `did` on it."""
    units = [f"U{i:03d}" for i in range(n_units)]
    assignment = Assignment({unit: 2013 if i < n_treated else None for i, unit in enumerate(units)})
    periods = range(2003, 2003 + n_periods)
    panel, _ = simulate_panel(assignment, periods, effect=0.2, rho=0.75, innovation_sd=0.25, seed=seed)
    return Analysis(panel, assignment, dataclasses.replace(load_card("did"), outcome="y"))


def frame_of(recipe: Analysis) -> pd.DataFrame:
    """The rows of a design for a peer."""
    design = recipe.design
    frame = design[["y", "unit_ix", "period_ix", "treated"]].to_dataframe()
    return frame.assign(treated=frame["treated"].astype(float))


def permutation_by_pyfixest(frame: pd.DataFrame, n_units: int, n_treated: int) -> list[float]:
    """One pyfixest regression for each assignment."""
    import pyfixest as pf

    after = (frame["period_ix"] >= 10).to_numpy()
    estimates = []
    for chosen in itertools.combinations(range(n_units), n_treated):
        fake = frame.assign(treated=(frame["unit_ix"].isin(chosen).to_numpy() & after).astype(float))
        estimates.append(float(pf.feols("y ~ treated | unit_ix + period_ix", fake, vcov="iid").coef()["treated"]))
    return estimates


def year_of_trade(seed: int = 1) -> pd.DataFrame:
    """About 770,000 rows like those of China at six digits in one year: few partners trade most products."""
    rng = np.random.default_rng(seed)
    chance = np.minimum(1.0, 2.4 * rng.beta(0.5, 1.2, 200))
    cells = np.flatnonzero(np.stack([rng.uniform(size=(200, 5000)) < chance[:, None] * s for s in (1.0, 0.6)]).ravel())
    trade = pd.DataFrame({"period": 2015, "unit": cells // 5000, "product": (cells % 5000).astype(str)})
    quantity = rng.lognormal(3, 2, len(trade))
    return trade.assign(quantity=quantity, value=quantity * rng.lognormal(1, 1, len(trade)))


def report(name: str, ours: tuple[float, float], peer_name: str, peer: tuple[float, float] | None) -> None:
    """One row of the table."""
    row = f"| {name} | {ours[0]:.4f} ({ours[1]:.4f}) | {peer_name} | "
    row += f"{peer[0]:.4f} ({peer[1]:.4f}) | {peer[0] / ours[0]:.1f} |" if peer else "| |"
    print(row, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--skip-nuts", action="store_true")
    options = parser.parse_args()
    import pyfixest as pf

    print("| work | ours: median (smallest), s | peer | peer: median (smallest), s | ratio |")
    print("|---|---|---|---|---|")
    nine = analysis(9, 21, 5)
    frame = frame_of(nine)
    closed = timed(lambda: fit(nine, pointwise=False), max(options.repeat, 15))
    sampled = None
    if not options.skip_nuts:
        quick = dataclasses.replace(nine.card.sampler, target_accept=0.9)
        same = nine.replace(card=dataclasses.replace(nine.card, sampler=quick))
        sampled = timed(lambda: fit(same, engine="nuts", pointwise=False), 1)
    report("posterior, 9 x 21, by_unit_event_time, AR(1)", closed, "nutpie on the PyMC model, compiling", sampled)
    for size in ((178, 18, 5), (291, 21, 5), (291, 21, 90)):
        recipe = analysis(*size)
        recipe.design  # noqa: B018 - built before the clock starts, as for the small panel
        seconds = timed(lambda recipe=recipe: fit(recipe, pointwise=False), 3)
        report(f"posterior, {size[0]} x {size[1]}, {size[2]} treated", seconds, "", None)
    report(
        "TWFE coefficient, 9 x 21",
        timed(lambda: fit_twfe(nine.design).estimate, options.repeat),
        "pyfixest feols",
        timed(lambda: pf.feols("y ~ treated | unit_ix + period_ix", frame, vcov="iid"), options.repeat),
    )
    report(
        "126 assignments of 9 countries, TWFE",
        timed(lambda: permutation(nine.design), options.repeat),
        "pyfixest feols in a loop",
        timed(lambda: permutation_by_pyfixest(frame, 9, 5), 1),
    )
    trade = year_of_trade()
    frame = trade.assign(y=np.log(trade["quantity"]) + 5 * np.log(trade["value"] / trade["quantity"]))
    report(
        f"quality, {len(trade):,} rows of one year, product and country effects",
        timed(lambda: estimate_quality(trade), options.repeat),
        "pyfixest feols, residuals",
        timed(lambda: pf.feols("y ~ 1 | product + unit", frame, vcov="iid").resid(), 1),
    )
    command = [sys.executable, "-m", "bri_bayes.cli", "--help"]
    start = timed(lambda: subprocess.run(command, check=True, capture_output=True), options.repeat)
    python = timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), options.repeat)
    report("bri-bayes --help", start, "python -c pass", python)
    print(f"\nATT of the 9 x 21 panel: {float(np.mean(att(fit(nine, pointwise=False)))):+.3f}; the truth is +0.200.")


if __name__ == "__main__":
    main()
