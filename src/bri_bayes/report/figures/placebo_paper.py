"""What does Figure 4 of the paper show when it is made again? 500 random groups beside the enumerated truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, theme, wording
from bri_bayes.report.figures.placebo_marks import digits_of, real_line

_BINS = 31


@theme.themed
def placebo_paper(values: Values) -> Figure:
    """A column for each outcome: least-squares estimates of 500 groups drawn at random and of all groups."""
    outcomes = wording.outcomes_of(values, "placebo", "space")
    figure = theme.page(
        values,
        _title(outcomes),
        "Two-way fixed effects with a fake group treated, as in Figure 4 of the paper. Line: 500 groups drawn at "
        "random with repetition. Filled: every group once. The mean over all groups is zero by construction, gaps in "
        "the panel aside, whatever the data are.",
        body=marks.blocks(outcomes) * 2.9,
        key=[
            keys.band(theme.MUTED, "every group", 0.5),
            keys.line(theme.INK, "500 random draws", width=1.6),
            keys.line(theme.VERMILLION, "the actual group", width=2),
        ],
    )
    for _, outcome, (ax,), first in marks.each(figure, outcomes):
        space = outcome["space"]
        estimates = np.array([row["twfe"] for row in space["placebos"]])
        edges = np.linspace(estimates.min(), estimates.max(), _BINS).tolist()
        drawn = estimates[np.array(space["paper_figure"]["drawn"])]
        ax.hist(estimates, bins=edges, density=True, color=theme.MUTED, alpha=0.5, lw=0, zorder=2)
        ax.hist(drawn, bins=edges, density=True, histtype="step", color=theme.INK, linewidth=1.6, zorder=3)
        marks.zero_line(ax, vertical=True)
        ax.margins(y=0.15)
        digits = digits_of(space["observed"])
        real_line(ax, space["twfe"], f"actual: {sentences.signed(space['twfe'], digits)}", theme.VERMILLION)
        marks.no_heights(ax)
        ax.set_xlabel(f"Two-way estimate, {sentences.effect_unit(outcome)}")
        if first:
            ax.set_ylabel("Share of groups")
        theme.panel_title(ax, _panel_title(outcome), 3.9, size=theme.SMALL + 0.5)
    return figure


def caption(values: Values) -> list[str]:
    """How many of the draws are distinct, how often the actual group was drawn, and how many are as large."""
    texts = []
    for outcome in wording.outcomes_of(values, "placebo", "space").values():
        space, paper = outcome["space"], outcome["space"]["paper_figure"]
        texts.append(
            f"{outcome['label']}: 500 random draws hold {paper['distinct']} of the {space['n']} groups, the actual one "
            f"{_times(paper['observed_drawn'])}; {wording.share(paper['as_large'])} of the draws "
            f"and {wording.share(space['p_value_twfe'])} of all groups are at least as large."
        )
    return texts


def _title(outcomes: Mapping[str, Any]) -> str:
    parts = [f"{wording.share(outcome['space']['p_value_twfe'])} ({outcome['label']})" for outcome in outcomes.values()]
    return "The paper's placebo figure, made again: fake groups with an estimate at least as large, " + "; ".join(parts)


def _panel_title(outcome: Mapping[str, Any]) -> str:
    space, paper = outcome["space"], outcome["space"]["paper_figure"]
    return f"{outcome['label']}: {paper['distinct']} distinct groups among 500 draws from {space['n']}"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
