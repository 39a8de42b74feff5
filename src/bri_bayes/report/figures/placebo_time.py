"""Would an earlier onset have shown an effect, too? The effect by fake onset beside the actual one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, theme, wording
from bri_bayes.report.figures.placebo_marks import short_share

_OFFSET = 0.18  # years between the two refits of one onset


@theme.themed
def placebo_time(values: Values) -> Figure:
    """A column for each outcome: fake onsets in years, refits without and with the treated years, the actual last."""
    outcomes = wording.outcomes_of(values, "placebo", "time")
    figure = theme.page(
        values,
        _title(outcomes),
        "Effect with the onset moved to each earlier year, the same model refitted: mean and 95% interval. On the "
        "years before the policy alone the true effect is zero. With the treated years in, later effects enter.",
        body=marks.blocks(outcomes) * 3.2,
        key=[
            keys.dot(theme.MUTED, "years before the policy only", interval=True),
            keys.dot(theme.MUTED, "with the treated years", "s", hollow=True, interval=True),
            keys.dot(theme.BLUE, "actual onset", interval=True),
        ],
    )
    for _, outcome, (ax,), first in marks.each(figure, outcomes):
        _draw(ax, outcome)
        if first:
            ax.set_ylabel(wording.effect_axis(outcome))
        ax.set_xlabel("Onset")
        theme.panel_title(ax, _panel_title(outcome), 3.9, size=theme.SMALL + 0.5)
    return figure


def caption(values: Values) -> list[str]:
    """How many earlier onsets have an effect at least as large, and how many exclude zero."""
    texts = []
    for outcome in wording.outcomes_of(values, "placebo", "time").values():
        placebo = outcome["time"]
        texts.append(
            f"{outcome['label']}: {short_share(placebo)} of {placebo['n']} earlier onsets give an effect at least as "
            f"large as the actual one on the years before the policy; {placebo['excluding_zero']} of their intervals "
            "exclude zero."
        )
    return texts


def _title(outcomes: Mapping[str, Any]) -> str:
    parts = [
        f"{short_share(outcome['time'])} of {outcome['time']['n']} ({outcome['label']})"
        for outcome in outcomes.values()
    ]
    return "Earlier onsets with an effect at least as large as the actual one: " + "; ".join(parts)


def _panel_title(outcome: Mapping[str, Any]) -> str:
    placebo = outcome["time"]
    count = f"{placebo['excluding_zero']} of {placebo['n']}"
    return f"{outcome['label']}: intervals of {count} fake onsets exclude zero"


def _draw(ax: Axes, outcome: Mapping[str, Any]) -> None:
    placebo = outcome["time"]
    marks.zero_line(ax)
    for row in placebo["placebos"]:
        marks.upright(ax, row["onset"] - _OFFSET, row["att"], theme.MUTED)
    for row in placebo["with_treated_years"]:
        marks.upright(ax, row["onset"] + _OFFSET, row["att"], theme.MUTED, "s", hollow=True)
    real = outcome["onset"]
    ax.axvspan(real - 0.5, real + 0.5, color=theme.FAINT, alpha=0.5, lw=0, zorder=0)
    marks.upright(ax, real, placebo["observed"], theme.BLUE, bold=True)
    years = [row["onset"] for row in placebo["placebos"]] or [real]
    ax.set_xlim(min(years) - 0.7, real + 0.7)
    ax.set_xticks(marks.year_ticks(min(years), real, 8))
    ax.grid(axis="y")
