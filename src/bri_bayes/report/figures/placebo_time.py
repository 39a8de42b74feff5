"""Would an earlier onset have shown an effect, too? The effect by fake onset beside the actual one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme
from bri_bayes.report.figures.placebo_marks import answered, short_share

_OFFSET = 0.18  # years between the two refits of one onset
_WITH = theme.PURPLE


@theme.themed
def placebo_time(values: Values) -> Figure:
    """A column for each outcome: fake onsets in years, refits without and with the treated years, the actual last."""
    outcomes = answered(values, "time")
    figure = theme.page(
        values,
        _title(outcomes),
        "Effect with the onset moved to each earlier year, the same model refitted: mean and 95% interval. On the "
        "years before the policy alone the true effect is zero. With the treated years in, later effects enter.",
        body=marks.blocks(outcomes) * 3.2,
        key=[
            _handle(theme.MUTED, "o", "years before the policy only", hollow=False),
            _handle(_WITH, "s", "with the treated years", hollow=True),
            _handle(theme.BLUE, "o", "actual onset", hollow=False),
        ],
    )
    for position, (outcome, (ax,)) in enumerate(
        zip(outcomes.values(), marks.panels(figure, list(outcomes)), strict=True)
    ):
        _draw(ax, outcome)
        if position % 2 == 0:
            ax.set_ylabel(f"Effect, {sentences.effect_unit(outcome)}")
        ax.set_xlabel("Onset")
        theme.panel_title(ax, _panel_title(outcome), 3.9, size=theme.SMALL + 0.5)
    return figure


def caption(values: Values) -> list[str]:
    """How many earlier onsets have an effect at least as large, and how many leave zero out."""
    texts = []
    for outcome in answered(values, "time").values():
        found = outcome["time"]
        texts.append(
            f"{outcome['label']}: {short_share(found)} of {found['n']} earlier onsets give an effect at least as large "
            f"as the actual one on the years before the policy; {found['excluding_zero']} of them leave zero out."
        )
    return texts


def _title(outcomes: Mapping[str, Any]) -> str:
    parts = [
        f"{short_share(outcome['time'])} of {outcome['time']['n']} ({outcome['label']})"
        for outcome in outcomes.values()
    ]
    return "Earlier onsets with an effect at least as large as the actual one: " + "; ".join(parts)


def _panel_title(outcome: Mapping[str, Any]) -> str:
    found = outcome["time"]
    return f"{outcome['label']}: {found['excluding_zero']} of {found['n']} fake onsets leave zero out of their interval"


def _draw(ax: Axes, outcome: Mapping[str, Any]) -> None:
    found = outcome["time"]
    marks.zero_line(ax)
    for row in found["placebos"]:
        _bar(ax, row["onset"] - _OFFSET, row["att"], theme.MUTED, "o", hollow=False)
    for row in found["with_treated_years"]:
        _bar(ax, row["onset"] + _OFFSET, row["att"], _WITH, "s", hollow=True)
    real = outcome["onset"]
    ax.axvspan(real - 0.5, real + 0.5, color=theme.FAINT, alpha=0.5, lw=0, zorder=0)
    _bar(ax, real, found["observed"], theme.BLUE, "o", hollow=False, bold=True)
    years = [row["onset"] for row in found["placebos"]] or [real]
    ax.set_xlim(min(years) - 0.7, real + 0.7)
    ax.set_xticks(marks.year_ticks(min(years), real, 8))
    ax.grid(axis="y")


def _bar(
    ax: Axes, x: float, att: Mapping[str, float], color: str, marker: str, *, hollow: bool, bold: bool = False
) -> None:
    ax.plot([x, x], [att["lower"], att["upper"]], color=color, linewidth=2.4 if bold else 1.4, zorder=3)
    face = "white" if hollow else color
    ax.plot([x], [att["mean"]], marker, color=color, markerfacecolor=face, markersize=8 if bold else 5.5, zorder=4)


def _handle(color: str, marker: str, label: str, *, hollow: bool) -> Line2D:
    face = "white" if hollow else color
    return Line2D([], [], color=color, marker=marker, markerfacecolor=face, linewidth=1.4, label=label)
