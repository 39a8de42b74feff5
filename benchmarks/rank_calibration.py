"""Write the ranks of docs/calibration.md anew: python benchmarks/rank_calibration.py [--panels 1000]"""

from __future__ import annotations

import argparse
import dataclasses
import re
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bri_bayes.calibration import golden_assignment
from bri_bayes.card import load_card
from bri_bayes.design import build_design
from bri_bayes.figures import theme
from bri_bayes.rank_calibration import DRAWS, band_of, ecdf_difference, prior_ranks, rank_table
from bri_bayes.simulate import simulate_panel

DOCS = Path(__file__).resolve().parents[1] / "docs"
CARDS = ("did", "did_correlated", "did_scale_by_unit")
SEED = 1


def main() -> None:
    """Simulate, replace the table, draw the figure of the first card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", type=int, default=1000)
    panels = parser.parse_args().panels
    assignment, periods = golden_assignment()
    panel, _ = simulate_panel(assignment, periods, seed=0)
    tables = {}
    for name in CARDS:
        card = dataclasses.replace(load_card(name), outcome="y")
        ranks, khat = prior_ranks(build_design(panel, assignment, card), card, panels=panels, seed=SEED)
        tables[name] = rank_table(ranks, khat)
        if name == CARDS[0]:
            theme.save(_figure(ranks, panels), DOCS, "calibration_ranks")
    page = DOCS / "calibration.md"
    marks = "<!-- ranks -->", "<!-- end ranks -->"
    pattern = re.compile(re.escape(marks[0]) + ".*?" + re.escape(marks[1]), re.DOTALL)
    table = f"{marks[0]}\n{ranks_table(tables)}\n{marks[1]}"
    page.write_text(pattern.sub(lambda _: table, page.read_text(encoding="utf-8")), encoding="utf-8")
    (DOCS / "calibration_ranks.svg").unlink()  # the page shows the PNG


def ranks_table(tables: dict[str, pd.DataFrame]) -> str:
    """A row a card and parameter."""
    lines = [
        "| card | parameter | mean rank | spread | largest difference | band there | p | panels | k-hat above 0.7 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, table in tables.items():
        lines += [
            f"| `{name}` | {row['parameter']} | {row['mean']:.3f} | {row['spread']:.3f} | {row['largest']:+.3f} | "
            f"{row['band']:+.3f} | {row['p']:.3f} | {row['panels']} | {row['khat_above']:.3f} |"
            for row in table.to_dict("records")
        ]
    return "\n".join(lines)


def _figure(ranks: dict[str, np.ndarray], panels: int) -> Figure:
    """A small panel a parameter: the difference of the ECDF inside its simultaneous band."""
    with theme.style():
        columns = 5
        rows = -(-len(ranks) // columns)
        figure = Figure(figsize=(theme.WIDTH, 1.7 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        points = np.arange(1, DRAWS + 1) / (DRAWS + 1)
        lower, upper = band_of(panels)
        for ax, (name, found) in zip(grid, ranks.items(), strict=False):
            ax.fill_between(points, lower, upper, color=theme.FAINT)
            ax.axhline(0, color=theme.INK, linewidth=0.8)
            ax.plot(points, ecdf_difference(found), color=theme.BLUE, linewidth=1.4)
            ax.set_title(name, size=theme.SMALL + 0.5)
        for ax in grid[len(ranks) :]:
            ax.remove()
        figure.supxlabel("Rank of the truth, as a share", size=theme.TEXT)
        figure.supylabel("ECDF less uniform", size=theme.TEXT)
        return figure


if __name__ == "__main__":
    main()
