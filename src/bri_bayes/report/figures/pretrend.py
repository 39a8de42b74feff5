"""Did treated and control units move apart before the policy? Leads, the trend, and what could have been detected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.policy_name import policy_of
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, theme, wording


@theme.themed
def pretrend(values: Values) -> Figure:
    """A column for each outcome: treated against control units in each year before the onset."""
    outcomes = wording.outcomes_of(values, "pretrends", "pretrend")
    claimed = any(outcome["pretrend"]["claim"] is not None for outcome in outcomes.values())
    figure = theme.page(
        values,
        _title(values, outcomes),
        "Dots: treated less control units in each year, from the pre-period average, with 95% intervals. Line and "
        "band: the linear trend and its interval. Dashed: the smallest trend that would be found in 80% of panels."
        + " Band around zero: half of the claimed effect."
        * claimed,
        body=marks.blocks(outcomes) * 3.2,
        key=[
            keys.dot(theme.BLUE, "each year", interval=True),
            keys.line(theme.INK, "linear trend", width=2),
            keys.line(theme.INK, "detectable trend", (0, (5, 2)), 1.6),
            *([keys.band(theme.MUTED, "half of the claim", 0.25)] if claimed else []),
        ],
    )
    for _, outcome, (ax,), first in marks.each(figure, outcomes):
        _draw(ax, outcome["pretrend"])
        ax.set_xlabel("Year")
        if first:
            ax.set_ylabel(f"Treated less control units, {sentences.effect_unit(outcome)}")
        theme.panel_title(ax, _panel_title(outcome), 4.1, size=theme.SMALL + 0.5)
    return figure


def caption(values: Values) -> list[str]:
    """The detail of each check."""
    return [check["detail"] for check in values["pretrends"]["checks"]]


def _title(values: Values, outcomes: Mapping[str, Any]) -> str:
    words = {False: "groups move apart", None: "nothing found, little could be", True: "no trend that matters"}
    return f"Before {policy_of(values)}. " + "; ".join(
        f"{outcome['label']}: {words[outcome['pretrend']['passed']]}" for outcome in outcomes.values()
    )


def _panel_title(outcome: Mapping[str, Any]) -> str:
    estimate = outcome["pretrend"]
    slope = estimate["slope"]
    text = f"{outcome['label']}: {sentences.signed(slope['mean'], 3)} a year "
    text += f"({sentences.interval(slope['lower'], slope['upper'], 3)}); detectable "
    text += sentences.number(estimate["detectable_slope"], 3)
    if estimate["claim_slope"] is None:
        return text
    return f"{text}; {sentences.number(estimate['claim_slope'], 3)} makes half of the claim"


def _draw(ax: Axes, estimate: Mapping[str, Any]) -> None:
    years = np.array(estimate["periods"], dtype=float)
    centred = years - years.mean()
    slope = estimate["slope"]
    if estimate["claim"] is not None:
        half = abs(estimate["claim"]) / 2
        ax.axhspan(-half, half, color=theme.MUTED, alpha=0.25, lw=0, zorder=0.5)
    marks.zero_line(ax)
    ends = np.sort(np.stack([slope["lower"] * centred, slope["upper"] * centred]), axis=0)
    ax.fill_between(years, *ends, color=theme.INK, alpha=0.1, lw=0, zorder=1)
    ax.plot(years, slope["mean"] * centred, color=theme.INK, linewidth=2, zorder=3)
    sign = 1.0 if slope["mean"] >= 0 else -1.0
    ax.plot(years, sign * estimate["detectable_slope"] * centred, color=theme.INK, linewidth=1.6, linestyle=(0, (5, 2)))
    for lead in estimate["leads"]:
        marks.upright(ax, lead["period"], lead, theme.BLUE)
    ax.set_xticks(marks.year_ticks(int(years[0]), int(years[-1]), 8))
    ax.grid(axis="y")
