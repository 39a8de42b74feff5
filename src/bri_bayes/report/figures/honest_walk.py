"""How does the effect change when the treated group may drift away? The ATT against the size of the drift's steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, theme, wording


@theme.themed
def honest_walk(values: Values) -> Figure:
    """A column for each outcome: the ATT by s above, prior and posterior of s below, on one axis."""
    outcomes = wording.outcomes_of(values, "honest", "curve")
    figure = theme.page(
        values,
        _title(outcomes),
        "Above: the average effect when the treated group may drift away from the others by a random walk with steps "
        "of standard deviation s a year; s = 0 is parallel trends. Below: what is believed of s before and after.",
        body=marks.blocks(outcomes) * 4.6,
        key=[
            keys.line(theme.BLUE, "posterior mean"),
            keys.band(theme.BLUE, "95% interval at a given s"),
            keys.dot(theme.PURPLE, "s learned, at its median", "D", interval=True),
            keys.band(theme.MUTED, "prior of s", 0.25),
            keys.line(theme.PURPLE, "posterior of s"),
        ],
    )
    for _, outcome, (above, below), first in marks.each(figure, outcomes, rows=2):
        _draw_effect(above, outcome)
        curve = outcome["learned"]["step"]["curve"]
        marks.densities(below, curve["x"], curve["prior"], curve["posterior"], theme.PURPLE)
        below.set_xlim(0, outcome["curve"][-1]["s"])
        theme.panel_title(above, f"{outcome['label']}, onset {outcome['onset']}", 4.4)
        below.set_xlabel(f"s, {sentences.effect_unit(outcome)} a year")
        if first:
            above.set_ylabel(wording.effect_axis(outcome))
            below.set_ylabel("Density of s")
    return figure


def caption(values: Values) -> list[str]:
    """For each outcome: where the interval reaches zero, what s was learned to be and what it does to the effect."""
    return [_sentence(outcome) for outcome in wording.outcomes_of(values, "honest", "curve").values()]


def _sentence(outcome: Mapping[str, Any]) -> str:
    none, learned, step = outcome["none"], outcome["learned"]["att"], outcome["learned"]["step"]["posterior"]
    unit = sentences.effect_unit(outcome)
    breakdown = outcome["breakdown"]
    if breakdown["s"] is not None:
        first = f"the 95% interval reaches zero at s = {sentences.number(breakdown['s'], 3)} {unit} a year"
    else:
        first = f"there is no breakdown value of s: {breakdown['reason']}"
    if outcome["leans_until"] is not None and breakdown["s"] is None:
        first += (
            f"; the probability of its sign stays above 90% up to s = {sentences.number(outcome['leans_until'], 3)} "
            f"{unit} a year"
        )
    return (
        f"{outcome['label']}: {first}. Learned mostly from the years before the onset, s is "
        f"{sentences.number(step['median'], 3)} ({sentences.interval(step['lower'], step['upper'], 3)}); averaged over "
        f"it the effect is {sentences.signed(learned['mean'], 2)} "
        f"({sentences.interval(learned['lower'], learned['upper'], 2)}), against {sentences.signed(none['mean'], 2)} "
        f"({sentences.interval(none['lower'], none['upper'], 2)}) under parallel trends."
    )


def _title(outcomes: Mapping[str, Any]) -> str:
    """What holds for all outcomes, or one after the other."""
    parts: list[str | None] = []
    for outcome in outcomes.values():
        breakdown = outcome["breakdown"]
        if breakdown["s"] is not None:
            at = f"{sentences.number(breakdown['s'], 3)} {sentences.effect_unit(outcome)} a year"
            parts.append(f"{outcome['label']}: drifts of {at} are enough to reach zero")
        elif outcome["none"]["lower"] <= 0 <= outcome["none"]["upper"]:
            parts.append(None)
        else:
            parts.append(f"{outcome['label']}: no drift shown here reaches zero")
    if all(part is None for part in parts):
        which = "No effect is" if len(parts) > 1 else "The effect is not"
        if wording.excluding_zero(row["att"] for outcome in outcomes.values() for row in outcome["curve"]):
            return f"{which} told from zero under parallel trends; with some drift of the group that changes"
        return f"{which} told from zero, under parallel trends or with any drift shown here"
    named = [
        part or f"{outcome['label']}: zero is inside even under parallel trends"
        for part, outcome in zip(parts, outcomes.values(), strict=True)
    ]
    return "; ".join(named)


def _draw_effect(ax: Axes, outcome: Mapping[str, Any]) -> None:
    s = [row["s"] for row in outcome["curve"]]
    marks.zero_line(ax)
    marks.band(ax, s, [row["att"] for row in outcome["curve"]], theme.BLUE)
    learned = outcome["learned"]
    marks.upright(ax, learned["step"]["posterior"]["median"], learned["att"], theme.PURPLE, "D")
    reached = outcome["breakdown"]["s"]
    if reached is not None and reached <= s[-1]:
        ax.axvline(reached, color=theme.INK, linestyle=":", linewidth=1.2)
    ax.set_xlim(0, s[-1])
    ax.tick_params(labelbottom=False)
