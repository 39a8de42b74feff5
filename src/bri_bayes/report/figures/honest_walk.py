"""How does the effect change when the treated group may drift away? The ATT against the size of the drift's steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values, section_outcomes
from bri_bayes.report.figures import marks, theme

SECTION = "honest"


@theme.themed
def honest_walk(values: Values) -> Figure:
    """A column for each outcome: the ATT by s above, prior and posterior of s below, on one axis."""
    outcomes = section_outcomes(values, SECTION, "curve")
    figure = theme.page(
        values,
        _title(outcomes),
        "Above: the average effect when the treated group may drift away from the others by a random walk with steps "
        "of standard deviation s a year; s = 0 is parallel trends. Below: what is believed of s before and after.",
        body=marks.blocks(outcomes) * 4.6,
        key=[
            Line2D([], [], color=theme.BLUE, linewidth=1.8, label="posterior mean"),
            Patch(facecolor=theme.BLUE, alpha=0.2, label="95% interval at a given s"),
            Line2D([], [], color=theme.VERMILLION, marker="D", markersize=6, label="s learned, at its median"),
            Patch(facecolor=theme.MUTED, alpha=0.25, label="prior of s"),
            Line2D([], [], color=theme.VERMILLION, linewidth=1.8, label="posterior of s"),
        ],
    )
    blocks = marks.panels(figure, list(outcomes), rows=2)
    for position, (found, (above, below)) in enumerate(zip(outcomes.values(), blocks, strict=True)):
        _draw_effect(above, found)
        _draw_step(below, found)
        theme.panel_title(above, f"{found['label']}, onset {found['onset']}", 4.4)
        below.set_xlabel(f"s, {sentences.effect_unit(found)} a year")
        if position % 2 == 0:
            above.set_ylabel(f"Average effect, {sentences.effect_unit(found)}")
            below.set_ylabel("Density of s")
    return figure


def caption(values: Values) -> list[str]:
    """For each outcome: where the interval reaches zero, what s was learned to be and what it does to the effect."""
    return [_sentence(found) for found in section_outcomes(values, SECTION, "curve").values()]


def _sentence(found: Mapping[str, Any]) -> str:
    none, learned, step = found["none"], found["learned"]["att"], found["learned"]["step"]["posterior"]
    unit = sentences.effect_unit(found)
    broken = found["breakdown"]
    if broken["s"] is not None:
        first = f"the 95% interval reaches zero at s = {sentences.number(broken['s'], 3)} {unit} a year"
    else:
        first = f"there is no breakdown value of s: {broken['reason']}"
    if found["leans_until"] is not None and broken["s"] is None:
        first += (
            f"; the probability of its sign stays above 90% up to s = {sentences.number(found['leans_until'], 3)} "
            f"{unit} a year"
        )
    return (
        f"{found['label']}: {first}. Learned mostly from the years before the onset, s is "
        f"{sentences.number(step['median'], 3)} ({sentences.interval(step['lower'], step['upper'], 3)}); averaged over "
        f"it the effect is {sentences.signed(learned['mean'], 2)} "
        f"({sentences.interval(learned['lower'], learned['upper'], 2)}), against {sentences.signed(none['mean'], 2)} "
        f"({sentences.interval(none['lower'], none['upper'], 2)}) under parallel trends."
    )


def _title(outcomes: Mapping[str, Any]) -> str:
    """What holds for all outcomes, or one after the other."""
    parts: list[str | None] = []
    for found in outcomes.values():
        broken = found["breakdown"]
        if broken["s"] is not None:
            at = f"{sentences.number(broken['s'], 3)} {sentences.effect_unit(found)} a year"
            parts.append(f"{found['label']}: drifts of {at} are enough to reach zero")
        elif found["none"]["lower"] <= 0 <= found["none"]["upper"]:
            parts.append(None)
        else:
            parts.append(f"{found['label']}: no drift shown here reaches zero")
    if all(part is None for part in parts):
        which = "No effect is" if len(parts) > 1 else "The effect is not"
        apart = any(sentences.excludes_zero(row["att"]) for found in outcomes.values() for row in found["curve"])
        if apart:
            return f"{which} told from zero under parallel trends; with some drift of the group that changes"
        return f"{which} told from zero, under parallel trends or with any drift shown here"
    named = [
        part or f"{found['label']}: zero is inside even under parallel trends"
        for part, found in zip(parts, outcomes.values(), strict=True)
    ]
    return "; ".join(named)


def _draw_effect(ax: Axes, found: Mapping[str, Any]) -> None:
    s = [row["s"] for row in found["curve"]]
    mean, lower, upper = ([row["att"][end] for row in found["curve"]] for end in ("mean", "lower", "upper"))
    marks.zero_line(ax)
    ax.fill_between(s, lower, upper, color=theme.BLUE, alpha=0.2, linewidth=0, zorder=2)
    ax.plot(s, mean, color=theme.BLUE, linewidth=1.8, zorder=3)
    att, at = found["learned"]["att"], found["learned"]["step"]["posterior"]["median"]
    ax.errorbar(
        [at], [att["mean"]], yerr=[[att["mean"] - att["lower"]], [att["upper"] - att["mean"]]],
        fmt="D", color=theme.VERMILLION, markersize=6, linewidth=1.6, zorder=4,
    )  # fmt: skip
    if found["breakdown"]["s"] is not None and found["breakdown"]["s"] <= s[-1]:
        ax.axvline(found["breakdown"]["s"], color=theme.INK, linestyle=":", linewidth=1.2)
    ax.set_xlim(0, s[-1])
    ax.grid(axis="y")
    ax.tick_params(labelbottom=False)


def _draw_step(ax: Axes, found: Mapping[str, Any]) -> None:
    curve = found["learned"]["step"]["curve"]
    ax.fill_between(curve["x"], curve["prior"], color=theme.MUTED, alpha=0.25, linewidth=0)
    ax.plot(curve["x"], curve["posterior"], color=theme.VERMILLION, linewidth=1.8)
    ax.set_xlim(0, found["curve"][-1]["s"])
    ax.set_ylim(bottom=0)
    ax.set_yticks([])
