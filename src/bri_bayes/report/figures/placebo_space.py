"""Would another group of countries have shown an effect, too? All assignments in order, and the nulls apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, theme, wording
from bri_bayes.report.figures.placebo_marks import short_share

_STRIPS = (
    ("", "any group of the\nsame units"),
    ("controls_only", "controls alone"),
    ("wide_pool", "other units, as many\nagainst as many"),
    ("wide_pool_all_others", "other units,\nagainst all others"),
)
_JITTER = 0.3


@theme.themed
def placebo_space(values: Values) -> Figure:
    """Rows: every assignment in the order of its mean with its interval; the means of each null."""
    outcomes = wording.outcomes_of(values, "placebo", "space")
    figure = theme.page(
        values,
        _title(values, outcomes),
        "Top: posterior mean and 95% interval with each group treated in place of the actual one, in order. Below: "
        "means of each null, a dot a group; the bar is the actual estimate under the same comparison. Dots outside the "
        "light band are at least as large.",
        body=marks.blocks(outcomes) * 5.4,
        key=[
            keys.dot(theme.MUTED, "a fake group", interval=True),
            keys.dot(theme.BLUE, "the actual group", interval=True),
        ],
    )
    for _, outcome, (top, below), first in marks.each(figure, outcomes, rows=2):
        _ranked(top, outcome["space"])
        _strips(below, outcome["space"], show=first)
        if first:
            top.set_ylabel(wording.effect_axis(outcome))
        below.set_xlabel(wording.effect_axis(outcome))
        theme.panel_title(top, _panel_title(outcome), 3.7, size=theme.SMALL + 0.5)
    return figure


def caption(values: Values) -> list[str]:
    """The share of groups with an effect at least as large under each null."""
    texts = []
    for outcome in wording.outcomes_of(values, "placebo", "space").values():
        space = outcome["space"]
        every = "all " if space["exact"] else ""
        told = [f"{round(space['p_value'] * space['n']):,} of {every}{space['n']:,} groups"]
        for key, what in (("controls_only", "groups of controls alone"), ("wide_pool", "random groups of others")):
            if null := space.get(key):
                told.append(f"{short_share(null)} of {null['n']} {what}")
        texts.append(f"{outcome['label']}: an effect at least as large comes from {', '.join(told)}.")
    return texts


def _title(values: Values, outcomes: Mapping[str, Any]) -> str:
    noun = sentences.unit_noun(values)
    spaces = {outcome["label"]: outcome["space"] for outcome in outcomes.values()}
    parts = [f"{round(null['p_value'] * null['n']):,} of {null['n']:,} ({label})" for label, null in spaces.items()]
    return f"Groups of {noun} with an effect at least as large, the actual one counted: " + "; ".join(parts)


def _panel_title(outcome: Mapping[str, Any]) -> str:
    space = outcome["space"]
    text = f"{outcome['label']}: {'exact ' * space['exact']}p {_p(space['p_value'])} for the posterior mean"
    return f"{text}, {_p(space['p_value_twfe'])} for TWFE"


def _p(value: float) -> str:
    """A p-value of a few groups with two digits; one that these would show as zero with three."""
    return sentences.number(value, 2 if value >= 0.01 else 3)


def _ranked(ax: Axes, space: Mapping[str, Any]) -> None:
    rows = sorted(space["placebos"], key=lambda row: row["att"]["mean"])
    marks.zero_line(ax)
    for real, color, width, size in ((False, theme.MUTED, 0.7, 6), (True, theme.BLUE, 2.6, 50)):
        chosen = [(rank, row["att"]) for rank, row in enumerate(rows, start=1) if row["observed"] is real]
        ranks = [rank for rank, _ in chosen]
        mean, lower, upper = ([att[name] for _, att in chosen] for name in ("mean", "lower", "upper"))
        ax.vlines(ranks, lower, upper, color=color, linewidth=width, zorder=3 + real)
        ax.scatter(ranks, mean, s=size, color=color, zorder=4 + real)
    ax.set_xlabel(f"{len(rows):,} groups in the order of their effect")
    ax.grid(axis="y")


def _strips(ax: Axes, space: Mapping[str, Any], *, show: bool) -> None:
    rng = np.random.default_rng(0)  # the jitter of dots, not a number of the study
    labels = {}
    marks.zero_line(ax, vertical=True)
    for y, (key, title) in enumerate(_STRIPS):
        null = space if not key else space.get(key)
        if not null:
            continue
        labels[float(y)] = title
        means = np.array([row["att"]["mean"] for row in null["placebos"] if not row.get("observed")])
        spread = rng.uniform(-_JITTER, _JITTER, means.size)
        size = 9 if means.size < 200 else 4
        ax.scatter(means, y + spread, s=size, color=theme.MUTED, alpha=0.55, lw=0, zorder=2)
        real = null["observed"]["mean"]
        ax.fill_betweenx([y - 0.42, y + 0.42], -abs(real), abs(real), color=theme.BLUE, alpha=0.10, lw=0, zorder=1)
        ax.plot([real, real], [y - 0.42, y + 0.42], color=theme.BLUE, linewidth=3, zorder=5)
    marks.row_axis(ax, labels, show=show)
