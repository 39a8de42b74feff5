"""Write the tables of docs/calibration.md anew: python benchmarks/calibration.py [--panels 400] [--planted 100]

Each table stands between two comments of the page and is replaced there; the text around it is written by hand.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from pathlib import Path

import pandas as pd

from bri_bayes.evaluation.calibration import error_rates, placebo_rates, pretrend_rates
from bri_bayes.evaluation.scenarios import SCENARIOS
from bri_bayes.study.model_card import load_card

PAGE = Path(__file__).resolve().parents[1] / "docs" / "calibration.md"
CARDS = ("did", "did_noise", "did_shared")
NAMES = {
    "twfe/iid": "TWFE, ordinary s.e.",
    "twfe/cluster": "TWFE, clustered s.e. (CRV1), t(8)",
    "collapsed/t": "before and after, t(7)",
    "twfe/permutation": "TWFE, permutation",
    **{f"bayes/{name}": f"Bayes, card `{name}`" for name in CARDS},
}


def main() -> None:
    """Simulate and replace the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", type=int, default=400)
    parser.add_argument("--planted", type=int, default=100)
    parser.add_argument("--only", choices=["errors", "planted", "pretrends"])
    given = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    main_card = dataclasses.replace(load_card("did"), outcome="y")
    if given.only in (None, "errors"):
        cards = {f"bayes/{name}": dataclasses.replace(load_card(name), outcome="y") for name in CARDS}
        rates = [error_rates(cards, scenario, panels=given.panels, seed=2013) for scenario in SCENARIOS]
        text = replaced(text, "errors", errors_table(pd.concat(rates)))
    if given.only in (None, "planted"):
        planted = placebo_rates(main_card, [0.0, 0.3], panels=given.planted, seed=1)
        text = replaced(text, "planted", rates_table(planted))
    if given.only in (None, "pretrends"):
        trends = pretrend_rates(main_card, [0.0, 0.01, 0.02, 0.03, 0.05], panels=given.panels, seed=1)
        text = replaced(text, "pretrends", rates_table(trends))
    PAGE.write_text(text, encoding="utf-8")


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
