"""Write the ranks of docs/calibration.md anew: python benchmarks/rank_calibration.py [--panels N] [--nuts-panels N]"""

from __future__ import annotations

import argparse
import dataclasses
import re
import time
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.design import Design, build_design
from bri_bayes.evaluation.rank_calibration import (
    DRAWS,
    NUTS_CHAINS,
    NUTS_DRAWS,
    band_of,
    ecdf_difference,
    nuts_ranks,
    prior_ranks,
    rank_table,
)
from bri_bayes.evaluation.scenarios import golden_assignment
from bri_bayes.inference.nuts import THINNING
from bri_bayes.report.figures import theme
from bri_bayes.study.model_card import ModelCard, load_card

DOCS = Path(__file__).resolve().parents[1] / "docs"
CARDS = ("did", "did_correlated", "did_scale_by_unit")
SEED = 1


def main() -> None:
    """Simulate, replace the tables, draw the figure of the first card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", type=int, default=1000)
    parser.add_argument("--nuts-panels", type=int, default=400)
    options = parser.parse_args()
    assignment, periods = golden_assignment()
    panel, _ = simulate_panel(assignment, periods, seed=0)
    tables, ranks_of = {}, {}
    for name in CARDS:
        card = dataclasses.replace(load_card(name), outcome="y")
        ranks, khat = prior_ranks(build_design(panel, assignment, card), card, panels=options.panels, seed=SEED)
        tables[name], ranks_of[name] = rank_table(ranks, khat), ranks
    theme.save(_figure(ranks_of[CARDS[0]], options.panels), DOCS, "calibration_ranks", png=True)
    (DOCS / "calibration_ranks.svg").unlink()  # the page shows the PNG
    _replace("ranks", ranks_table(tables))
    card = dataclasses.replace(load_card(CARDS[0]), outcome="y")
    design = build_design(panel, assignment, card)
    _replace("nuts ranks", nuts_text(design, card, ranks_of[CARDS[0]], options.nuts_panels))


def nuts_text(design: Design, card: ModelCard, closed_form: dict[str, np.ndarray], panels: int) -> str:
    """What was sampled, then a row a parameter; the last column is paired, on the same panels."""
    started = time.process_time()
    ranks, ess, divergences = nuts_ranks(design, card, panels=panels, seed=SEED)
    seconds = time.process_time() - started
    lines = [
        f"{panels} panels, {NUTS_CHAINS} chains of {NUTS_DRAWS} kept draws each, in {seconds:.0f} CPU seconds with one "
        f"compilation. The smallest effective number of",
        f"draws has a median of {np.median(ess):.0f}, is {ess.min():.0f} at worst and below {DRAWS} in "
        f"{(ess < DRAWS).mean():.1%} of the panels; {(divergences > 0).mean():.1%} of the panels have a divergent",
        f"transition, {divergences.mean():.2f} in {NUTS_CHAINS * NUTS_DRAWS * THINNING:,} on average.",
        "",
        "| card | parameter | mean rank | spread | largest difference | band there | p | less the closed form |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rank_table(ranks).to_dict("records"):
        shares = (ranks[row["parameter"]] - closed_form[row["parameter"]][:panels]) / (DRAWS + 1)
        lines.append(
            f"| `{card.name}` | {row['parameter']} | {row['mean']:.3f} | {row['spread']:.3f} | {row['largest']:+.3f} | "
            f"{row['band']:+.3f} | {row['p']:.3f} | {shares.mean():+.4f} ± {shares.std() / np.sqrt(panels):.4f} |"
        )
    return "\n".join(lines)


def _replace(name: str, text: str) -> None:
    """The text of the page between its two marks."""
    page = DOCS / "calibration.md"
    marks = f"<!-- {name} -->", f"<!-- end {name} -->"
    pattern = re.compile(re.escape(marks[0]) + ".*?" + re.escape(marks[1]), re.DOTALL)
    whole = f"{marks[0]}\n{text}\n{marks[1]}"
    page.write_text(pattern.sub(lambda _: whole, page.read_text(encoding="utf-8")), encoding="utf-8")


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
        for ax, (name, of_variable) in zip(grid, ranks.items(), strict=False):
            ax.fill_between(points, lower, upper, color=theme.FAINT)
            ax.axhline(0, color=theme.INK, linewidth=0.8)
            ax.plot(points, ecdf_difference(of_variable), color=theme.BLUE, linewidth=1.4)
            ax.set_title(name, size=theme.SMALL + 0.5)
        for ax in grid[len(ranks) :]:
            ax.remove()
        figure.supxlabel("Rank of the truth, as a share", size=theme.TEXT)
        figure.supylabel("ECDF less uniform", size=theme.TEXT)
        return figure


if __name__ == "__main__":
    main()
