"""Did treated and control units move apart before the policy? Leads, the trend, and what could have been detected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme
from bri_bayes.report.figures.placebo_marks import answered


@theme.themed
def pretrend(values: Values) -> Figure:
    """A column for each outcome: treated against control units in each year before the onset."""
    outcomes = answered(values, "pretrend", "pretrends")
    figure = theme.page(
        values,
        _title(outcomes),
        "Dots: treated less control units in each year, from the pre-period average, with 95% intervals. Line and "
        "band: the linear trend and its interval. Dashed: the smallest trend that would be found in 80% of panels. "
        "Band around zero: half of the claimed effect.",
        body=marks.blocks(outcomes) * 3.2,
        key=[
            Line2D([], [], color=theme.BLUE, marker="o", linewidth=1.4, label="each year"),
            Line2D([], [], color=theme.VERMILLION, linewidth=2, label="linear trend"),
            Line2D([], [], color=theme.PURPLE, linewidth=1.6, linestyle=(0, (5, 2)), label="detectable trend"),
            Patch(facecolor=theme.GREEN, alpha=0.25, label="half of the claim"),
        ],
    )
    for position, (outcome, (ax,)) in enumerate(
        zip(outcomes.values(), marks.panels(figure, list(outcomes)), strict=True)
    ):
        _draw(ax, outcome["pretrend"])
        if position % 2 == 0:
            ax.set_ylabel(f"Treated less control units, {sentences.effect_unit(outcome)}")
        theme.panel_title(ax, _panel_title(outcome), 4.1, size=theme.SMALL + 0.5)
    return figure


def caption(values: Values) -> list[str]:
    """The detail of each check."""
    return [check["detail"] for check in values["pretrends"]["checks"]]


def _title(outcomes: Mapping[str, Any]) -> str:
    words = {False: "groups move apart", None: "nothing found, little could be", True: "no trend that matters"}
    return "Before the policy. " + "; ".join(
        f"{outcome['label']}: {words[outcome['pretrend']['passed']]}" for outcome in outcomes.values()
    )


def _panel_title(outcome: Mapping[str, Any]) -> str:
    found = outcome["pretrend"]
    slope = found["slope"]
    text = f"{outcome['label']}: {sentences.signed(slope['mean'], 3)} a year "
    text += f"({sentences.interval(slope['lower'], slope['upper'], 3)}); detectable "
    text += sentences.number(found["detectable_slope"], 3)
    if found["claim_slope"] is None:
        return text
    return f"{text}, enough for the claim {sentences.number(found['claim_slope'], 3)}"


def _draw(ax: Axes, found: Mapping[str, Any]) -> None:
    years = np.array(found["periods"], dtype=float)
    centred = years - years.mean()
    slope = found["slope"]
    if found["claim"] is not None:
        half = abs(found["claim"]) / 2
        ax.axhspan(-half, half, color=theme.GREEN, alpha=0.2, lw=0, zorder=0.5)
    marks.zero_line(ax)
    ends = np.sort(np.stack([slope["lower"] * centred, slope["upper"] * centred]), axis=0)
    ax.fill_between(years, *ends, color=theme.VERMILLION, alpha=0.18, lw=0, zorder=1)
    ax.plot(years, slope["mean"] * centred, color=theme.VERMILLION, linewidth=2, zorder=3)
    sign = 1.0 if slope["mean"] >= 0 else -1.0
    ax.plot(years, sign * found["detectable_slope"] * centred, color=theme.PURPLE, linewidth=1.6, linestyle=(0, (5, 2)))
    for lead in found["leads"]:
        ax.plot([lead["period"]] * 2, [lead["lower"], lead["upper"]], color=theme.BLUE, linewidth=1.4, zorder=4)
        ax.plot([lead["period"]], [lead["mean"]], "o", color=theme.BLUE, markersize=5.5, zorder=5)
    ax.set_xticks(marks.year_ticks(int(years[0]), int(years[-1]), 8))
    ax.grid(axis="y")
