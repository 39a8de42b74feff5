"""Would another region have shown an effect, too? Each region with its interval, and the spread of groups within it."""

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

_ROW = 0.25  # inches


@theme.themed
def placebo_region(values: Values) -> Figure:
    """A panel an outcome, its regions in the order of their effect in the first; the treated region in blue."""
    outcomes = wording.outcomes_of(values, "placebo", "region")
    names = _ordered(outcomes)
    figure = theme.page(
        values,
        _title(outcomes),
        "Dots: posterior mean and 95% interval with a region treated, against all units outside it, under shocks of "
        "regions. Crosses: the same with a few units of the region against a few of others, as in the study, a cross "
        "a random group. The band is as wide as the actual effect; dots outside it are at least as large.",
        body=marks.blocks(outcomes) * (_ROW * len(names) + 1.0),
        key=[
            keys.dot(theme.MUTED, "another region", interval=True),
            keys.dot(theme.BLUE, "the treated region", interval=True),
            keys.dot(theme.MUTED, "a few of its units against a few of others", "x"),
        ],
    )
    for _, outcome, (ax,), first in marks.each(figure, outcomes):
        _draw(ax, outcome["region"], names)
        labels = {float(y): name for y, name in enumerate(names)}
        marks.row_axis(ax, labels, show=first)
        ax.set_xlabel(wording.effect_axis(outcome))
        theme.panel_title(ax, f"{outcome['label']}: p {sentences.number(outcome['region']['p_value'], 2)}", 3.7)
    return figure


def caption(values: Values) -> list[str]:
    """The share of regions, whole and in groups, with an effect at least as large."""
    texts = []
    for outcome in wording.outcomes_of(values, "placebo", "region").values():
        region = outcome["region"]
        text = (
            f"{outcome['label']}: {short_share(region)} of {region['n']} other regions have an effect at least as large"
        )
        if narrow := region.get("narrow"):
            text += f", and {short_share(narrow)} of {narrow['n']} groups of one region"
        texts.append(f"{text}; {region['excluding_zero']} of {region['n']} intervals of other regions exclude zero.")
    return texts


def _draw(ax: Axes, region: Mapping[str, Any], names: list[str]) -> None:
    real = region["observed"]
    marks.zero_line(ax, vertical=True)
    ax.axvspan(-abs(real["mean"]), abs(real["mean"]), color=theme.BLUE, alpha=0.10, linewidth=0, zorder=0)
    at = {name: y for y, name in enumerate(names)}
    groups: dict[str, list[float]] = {}
    for row in (region.get("narrow") or {}).get("placebos", []):
        groups.setdefault(row["group"], []).append(row["att"]["mean"])
    for name, means in groups.items():
        ax.plot(means, np.full(len(means), at[name] + 0.28), "x", color=theme.MUTED, markersize=3, alpha=0.5, zorder=2)
    for row in region["placebos"]:
        marks.dot(ax, at[row["label"]], {**row["att"], "sd": None}, theme.MUTED)
    marks.dot(ax, at[region["region"]], {**real, "sd": None}, theme.BLUE, bold=True)


def _ordered(outcomes: Mapping[str, Any]) -> list[str]:
    """Regions by their effect in the first outcome that has them, the largest first."""
    means: dict[str, float] = {}
    for outcome in outcomes.values():
        region = outcome["region"]
        of_outcome = {row["label"]: row["att"]["mean"] for row in region["placebos"]}
        of_outcome[region["region"]] = region["observed"]["mean"]
        means |= {name: mean for name, mean in of_outcome.items() if name not in means}
    return sorted(means, key=lambda name: -means[name])


def _title(outcomes: Mapping[str, Any]) -> str:
    told = [
        f"{round(outcome['region']['p_value'] * (outcome['region']['n'] + 1))} of {outcome['region']['n'] + 1} "
        f"({outcome['label']})"
        for outcome in outcomes.values()
    ]
    return f"Regions with an effect at least as large as that on the treated one, itself counted: {'; '.join(told)}"
