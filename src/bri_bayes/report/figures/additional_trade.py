"""How many dollars a year? Trade with the policy minus trade without it, all treated units together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values, main_model
from bri_bayes.report.figures import marks, theme


@theme.themed
def additional_trade(values: Values) -> Figure:
    """A panel for each outcome: the posterior mean of each year and its 95% band, US dollars."""
    outcomes = theme.outcomes_with(values, "additional_trade_usd", "additional_trade")
    figure = theme.page(
        values,
        _title(outcomes),
        "Observed trade minus the counterfactual path, summed over the treated "
        f"{sentences.unit_noun(values)}; below zero means less trade than without the policy.",
        body=marks.blocks(outcomes) * 3.3,
        key=[
            Line2D([], [], color=theme.BLUE, marker="o", markersize=5, label="posterior mean"),
            Patch(facecolor=theme.BLUE, alpha=0.2, label="95% interval"),
        ],
    )
    years = {name: main_model(outcome)["additional_trade_usd"] for name, outcome in outcomes.items()}
    ends = [effect[end] for path in years.values() for effect in path.values() for end in ("lower", "upper")]
    limits = marks.limits(ends)
    axes = marks.panels(figure, list(outcomes))
    for position, ((name, outcome), (ax,)) in enumerate(zip(outcomes.items(), axes, strict=True)):
        _draw(ax, years[name])
        ax.set_ylim(*limits)
        if position % 2 == 0:
            ax.set_ylabel("US dollars a year")
        theme.panel_title(ax, outcome["label"], 4.4)
    return figure


def _title(outcomes: Mapping[str, Any]) -> str:
    """The count of years that leave zero out, for each outcome."""
    counts = {}
    for outcome in outcomes.values():
        effects = main_model(outcome)["additional_trade_usd"].values()
        counts[outcome["label"]] = (sum(sentences.excludes_zero(effect) for effect in effects), len(effects))
    if not any(apart for apart, _ in counts.values()):
        return "In no year can additional trade be told from zero dollars"
    parts = [f"{label}: {apart} of {total} years" for label, (apart, total) in counts.items()]
    return f"Years in which additional trade is told apart from zero dollars: {'; '.join(parts)}"


def _draw(ax: Axes, path: Mapping[str, Mapping[str, float]]) -> None:
    x = np.array([int(year) for year in path])
    mean, lower, upper = (np.array([effect[end] for effect in path.values()]) for end in ("mean", "lower", "upper"))
    marks.zero_line(ax)
    ax.fill_between(x, lower, upper, color=theme.BLUE, alpha=0.2, linewidth=0, zorder=2)
    ax.plot(x, mean, color=theme.BLUE, marker="o", markersize=5, linewidth=1.5, zorder=3)
    ax.set_xticks(marks.year_ticks(int(x[0]), int(x[-1]), 9))
    ax.yaxis.set_major_locator(MaxNLocator(6))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda amount, _: sentences.dollars(amount)))
    ax.grid(axis="y")
