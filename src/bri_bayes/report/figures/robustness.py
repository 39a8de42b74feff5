"""How far does each choice move the answer? A row a choice, its options as dots, the largest range on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.core.errors import InputError
from bri_bayes.presentation import sentences
from bri_bayes.presentation.digits import digits_of_answers
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, rows, theme, wording

_ROW = 0.42  # inches
# Of a row, from its dots up to its name, which stands above them: a phone then shows names and dots on one screen.
_NAME = 0.42


@theme.themed
def robustness(values: Values) -> Figure:
    """A panel for each outcome, one below the other; the title is the range over every answer."""
    outcomes = wording.outcomes_of(values, "robustness", "choices")
    if not outcomes:
        raise InputError('the figure "robustness" needs an outcome with at least one choice that was tried')
    figure = theme.page(
        values,
        _title(outcomes),
        "A dot is the posterior mean under one option, the bar the range of a choice; hollow dots are averages over "
        "the specification curve. Blue: the card of the checks, with its 95% interval as a band.",
        body=sum(_ROW * len(outcome["choices"]) + 1.0 for outcome in outcomes.values()),
    )
    heights = [len(outcome["choices"]) + 1.0 for outcome in outcomes.values()]
    for _, outcome, (ax,), _ in marks.each(figure, outcomes, columns=1, gridspec_kw={"height_ratios": heights}):
        _draw(ax, outcome)
    return figure


def caption(values: Values) -> list[str]:
    """What the three largest ranges are, by outcome."""
    texts = []
    for outcome in wording.outcomes_of(values, "robustness", "choices").values():
        ranges = [f"{choice['choice']} ({_span(outcome, choice['mean'])})" for choice in outcome["choices"][:3]]
        if ranges:
            texts.append(f"{outcome['label']}: the mean moves most with {'; '.join(ranges)}.")
    return texts


def _draw(ax: Axes, outcome: Mapping[str, Any]) -> None:
    main = outcome["main"]
    marks.zero_line(ax, vertical=True)
    ax.axvspan(main["lower"], main["upper"], color=theme.BLUE, alpha=0.08, linewidth=0, zorder=0)
    ax.axvline(main["mean"], color=theme.BLUE, linewidth=1.6, zorder=1.6)
    for y, choice in enumerate(outcome["choices"]):
        averaged = choice["kind"] != "one at a time"
        ax.plot(choice["mean"], [y, y], color=theme.MUTED, linewidth=5, alpha=0.3, zorder=2)
        means = [option["mean"] for option in choice["options"]]
        look: dict[str, Any] = {"color": theme.INK, "markerfacecolor": "white" if averaged else theme.INK}
        ax.plot(means, [y] * len(means), "o", markersize=4.5, zorder=3, **look)
        name = ax.text(0, y - _NAME, choice["choice"], transform=ax.get_yaxis_transform(), va="center", zorder=2.5)
        name.set(size=theme.SMALL + 0.5, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})
    ends = [bound for choice in outcome["choices"] for bound in choice["mean"]]
    ax.set_xlim(*marks.limits([*ends, main["lower"], main["upper"]]))
    numbers = {
        float(y): [
            sentences.interval(choice["mean"][0], choice["mean"][1], digits_of_answers(outcome)),
            " to ".join(dict.fromkeys(wording.share(end) for end in choice["p_positive"])),
        ]
        for y, choice in enumerate(outcome["choices"])
    }
    marks.beside(ax, numbers, ("range of the mean", "P(> 0)"))
    marks.row_axis(ax, dict.fromkeys(numbers, ""), show=False)
    ax.set_ylim(len(numbers) - 0.4, -0.85)
    rows.finish(ax, outcome, outcome["label"], 6.0)


def _title(outcomes: Mapping[str, Any]) -> str:
    parts = [f"{outcome['label']} {_span(outcome, outcome['mean'])}" for outcome in outcomes.values()]
    counts = sentences.listed(f"{count:,}" for count in dict.fromkeys(o["answers"] for o in outcomes.values()))
    each = " an outcome" if len(outcomes) > 1 else ""
    return f"Over {counts} answers{each} the mean effect runs from end to end: {'; '.join(parts)}"


def _span(outcome: Mapping[str, Any], ends: Sequence[float]) -> str:
    return " to ".join(sentences.signed(end, digits_of_answers(outcome)) for end in ends)
