"""What does Figure 4 of the paper show when it is made again? 500 random groups beside the enumerated truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme
from bri_bayes.report.figures.placebo_marks import REAL, answered, digits_of, real_line

_BINS = 31


@theme.themed
def placebo_paper(values: Values) -> Figure:
    """A column for each outcome: least-squares estimates of 500 groups drawn at random and of all groups."""
    outcomes = answered(values, "space")
    figure = theme.page(
        values,
        _title(outcomes),
        "Two-way fixed effects with a fake group treated, as in Figure 4 of the paper. Line: 500 groups drawn at "
        "random with repetition. Filled: every group once. The mean over all groups is zero by construction, gaps in "
        "the panel aside, whatever the data are.",
        body=marks.blocks(outcomes) * 2.9,
        key=[
            Patch(facecolor=theme.BLUE, alpha=0.5, label="every group"),
            Line2D([], [], color=theme.INK, linewidth=1.6, label="500 random draws"),
            Line2D([], [], color=REAL, linewidth=2, label="the actual group"),
        ],
    )
    for position, (outcome, (ax,)) in enumerate(
        zip(outcomes.values(), marks.panels(figure, list(outcomes)), strict=True)
    ):
        space = outcome["space"]
        estimates = np.array([row["twfe"] for row in space["placebos"]])
        edges = np.linspace(estimates.min(), estimates.max(), _BINS).tolist()
        drawn = estimates[np.array(space["paper_figure"]["drawn"])]
        ax.hist(estimates, bins=edges, density=True, color=theme.BLUE, alpha=0.5, lw=0, zorder=2)
        ax.hist(drawn, bins=edges, density=True, histtype="step", color=theme.INK, linewidth=1.6, zorder=3)
        ax.axvline(0, color=theme.INK, linewidth=1.0, zorder=1.5)
        ax.margins(y=0.15)
        digits = digits_of(space["observed"])
        real_line(ax, space["twfe"], f"actual: {sentences.signed(space['twfe'], digits)}")
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        ax.set_xlabel(f"Two-way estimate, {sentences.effect_unit(outcome)}")
        if position % 2 == 0:
            ax.set_ylabel("Share of groups")
        theme.panel_title(ax, _panel_title(outcome), 3.9, size=theme.SMALL + 0.5)
    return figure


def caption(values: Values) -> list[str]:
    """How many of the draws are distinct, how often the actual group was drawn, and how many are as large."""
    texts = []
    for outcome in answered(values, "space").values():
        space, paper = outcome["space"], outcome["space"]["paper_figure"]
        texts.append(
            f"{outcome['label']}: 500 random draws hold {paper['distinct']} of the {space['n']} groups, the actual one "
            f"{paper['observed_drawn']} times; {sentences.probability(paper['as_large'], words=False)} of the draws "
            f"and {sentences.probability(space['p_value_twfe'], words=False)} of all groups are at least as large."
        )
    return texts


def _title(outcomes: Mapping[str, Any]) -> str:
    parts = [
        f"{sentences.probability(outcome['space']['p_value_twfe'], words=False)} ({outcome['label']})"
        for outcome in outcomes.values()
    ]
    return "The paper's placebo figure, made again: fake groups with an estimate at least as large, " + "; ".join(parts)


def _panel_title(outcome: Mapping[str, Any]) -> str:
    space, paper = outcome["space"], outcome["space"]["paper_figure"]
    return f"{outcome['label']}: {paper['distinct']} distinct groups among 500 draws from {space['n']}"
