"""Write the tables of docs/calibration.md anew: python benchmarks/calibration.py [--jobs 2] [--panels 200]

Each table stands between two comments of the page and is replaced there; the text around it is written by hand.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd

from bri_bayes.evaluation.calibration import error_rates, placebo_rates, predictive_rates, pretrend_rates
from bri_bayes.evaluation.scenarios import SCENARIOS
from bri_bayes.study.model_card import load_card

PAGE = Path(__file__).resolve().parents[1] / "docs" / "calibration.md"
CARDS = ("did", "did_noise", "did_shared")
SCALES = "did_scale_by_unit"
NAMES = {
    "twfe/iid": "TWFE, ordinary s.e.",
    "twfe/cluster": "TWFE, clustered s.e. (CRV1), t(8)",
    "twfe/cluster_crv3": "TWFE, cluster jackknife (CRV3), t(8)",
    "twfe/wild_cluster_bootstrap": "TWFE, wild cluster bootstrap",
    "collapsed/t": "before and after, t(7)",
    "twfe/permutation": "TWFE, permutation",
    **{f"bayes/{name}": f"Bayes, card `{name}`" for name in CARDS},
}

CHECKS = {
    "autocorrelation": "autocorrelation",
    "second_lag": "second lag",
    "shared_growth": "shared growth",
    "spread": "spread",
    "largest_jump": "largest jump",
    "common_trend": "common trend",
}
CHECKED = (
    "independent",
    "AR 0.8",
    "AR 0.9 + yearly noise, sd 1",
    "AR 0.9 + yearly noise, sd 2.3",
    "AR 0.8, treated share 25%",
    "AR 0.8, treated share 50%",
    "AR 0.8, both groups share 25%",
    "AR 0.8, both groups share 50%",
    "AR 0.8, t(3) innovations",
    "AR 0.5, one control four times as restless",
)


def main() -> None:
    """Simulate and replace the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", type=int, default=200)
    parser.add_argument("--planted", type=int, default=60)
    parser.add_argument("--flagged", type=int, default=48)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", choices=["errors", "scales", "checks", "planted", "pretrends"])
    given = parser.parse_args()
    started = time.perf_counter()
    text = PAGE.read_text(encoding="utf-8")
    main_card = dataclasses.replace(load_card("did"), outcome="y")
    if given.only in (None, "errors"):
        # The longest first: those with gaps have no closed form for balanced panels.
        order = sorted(range(len(SCENARIOS)), key=lambda at: SCENARIOS[at].missing is None)
        with ProcessPoolExecutor(given.jobs) as pool:
            rates = dict(zip(order, pool.map(scenario_rates, order, [given.panels] * len(order)), strict=True))
        text = replaced(text, "errors", errors_table(pd.concat([rates[at] for at in range(len(SCENARIOS))])))
    if given.only in (None, "scales"):
        balanced = [at for at, scenario in enumerate(SCENARIOS) if scenario.missing is None]
        with ProcessPoolExecutor(given.jobs) as pool:
            rates = pool.map(scale_rates, balanced, [given.panels] * len(balanced))
            text = replaced(text, "scales", scales_table(pd.concat(rates)))
    if given.only in (None, "checks"):
        text = replaced(text, "checks", checks_table(given.flagged))
    if given.only in (None, "planted"):
        planted = placebo_rates(main_card, [0.0, 0.3], panels=given.planted, seed=1)
        text = replaced(text, "planted", rates_table(planted))
    if given.only in (None, "pretrends"):
        trends = pretrend_rates(main_card, [0.0, 0.01, 0.02, 0.03, 0.05], panels=10 * given.panels, seed=1)
        text = replaced(text, "pretrends", rates_table(trends))
    PAGE.write_text(text, encoding="utf-8")
    print(f"{time.perf_counter() - started:.0f} seconds, {processor_seconds():.0f} of processors")


def processor_seconds() -> float:
    """Of this process and of its workers."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def scenario_rates(at: int, panels: int) -> pd.DataFrame:
    """The rates of a scenario, by its position."""
    cards = {f"bayes/{name}": dataclasses.replace(load_card(name), outcome="y") for name in CARDS}
    return error_rates(cards, SCENARIOS[at], panels=panels, seed=2013)


def scale_rates(at: int, panels: int) -> pd.DataFrame:
    """The rates of the card with an error scale a unit in a scenario, on the panels of the table of errors."""
    card = dataclasses.replace(load_card(SCALES), outcome="y")
    rates = error_rates({SCALES: card}, SCENARIOS[at], panels=panels, seed=2013)
    return rates[rates["test"] == SCALES]


def replaced(text: str, name: str, table: str) -> str:
    """The page with another table between its two comments."""
    marks = f"<!-- {name} -->", f"<!-- end {name} -->"
    pattern = re.compile(re.escape(marks[0]) + ".*?" + re.escape(marks[1]), re.DOTALL)
    return pattern.sub(lambda _: f"{marks[0]}\n{table}\n{marks[1]}", text)


def errors_table(rates: pd.DataFrame) -> str:
    """A row a scenario and test."""
    lines = ["| errors | test | size | bias | coverage | length |", "|---|---|---|---|---|---|"]
    for row in rates.to_dict("records"):
        lines.append(
            f"| {row['scenario']} | {NAMES[row['test']]} | {row['size']:.3f} | {row['bias']:+.3f} | "
            f"{row['coverage']:.3f} | {row['length']:.2f} |"
        )
    return "\n".join(lines)


def scales_table(rates: pd.DataFrame) -> str:
    """A row a scenario."""
    lines = ["| errors | size | bias | coverage | length |", "|---|---|---|---|---|"]
    for row in rates.to_dict("records"):
        rates_said = f"{row['size']:.3f} | {row['bias']:+.3f} | {row['coverage']:.3f} | {row['length']:.2f}"
        lines.append(f"| {row['scenario']} | {rates_said} |")
    return "\n".join(lines)


def checks_table(panels: int) -> str:
    """A row a situation, a column a predictive check of the card `did`: the share of panels in which it is extreme."""
    card = dataclasses.replace(load_card("did"), outcome="y")
    lines = [f"| errors | {' | '.join(CHECKS.values())} |", "|---" * (1 + len(CHECKS)) + "|"]
    for scenario in SCENARIOS:
        if scenario.name in CHECKED:
            rates = predictive_rates(card, scenario, panels=panels, seed=5)
            lines.append(f"| {scenario.name} | {' | '.join(f'{rates[name]:.2f}' for name in CHECKS)} |")
    return "\n".join(lines)


def rates_table(rates: pd.DataFrame) -> str:
    """A row a check and planted size."""
    lines = ["| check | planted | share of panels in which it is found | panels |", "|---|---|---|---|"]
    lines += [
        f"| {row['check']} | {row['planted']:g} | {row['rate']:.3f} | {row['panels']} |"
        for row in rates.to_dict("records")
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
