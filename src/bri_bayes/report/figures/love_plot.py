"""Did the match make the groups alike? Standardised mean differences before, and after it over draws of the match."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bri_bayes.frequentist.balance import BALANCED
from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme


@theme.themed
def love_plot(values: Values) -> Figure:
    """Variables of the score on top, the further ones below."""
    rows = values["propensity"]["balance"]
    inside, outside = ([row for row in rows if row["in_score"] is one] for one in (True, False))
    figure = theme.page(
        values,
        _title(values),
        "Difference of means, treated minus controls, over sqrt((s_t² + s_c²)/2) before matching. Filled: mean and 95% "
        "interval over posterior draws of a nearest-neighbour match. Dotted: ±0.1, below which a variable counts as "
        "balanced. Variables below the line are not in the score.",
        body=0.3 * (len(rows) + 1) + 0.8,
        key=[_handle(theme.VERMILLION, "before matching", hollow=True), _handle(theme.BLUE, "after matching")],
    )
    (ax,) = figure.subplots(1, 1, squeeze=False)[0]
    labels, numbers, bounds = {}, {}, [-BALANCED, BALANCED]
    for position, row in enumerate([*inside, *outside]):
        y = position + (0.0 if row["in_score"] else 0.5)
        before, after = row["before"]["smd"], row["after"]["smd"]
        labels[y] = row["label"]
        marks.dot(ax, y, after, theme.BLUE)
        if before is not None:
            marks.dot(ax, y, {"mean": before}, theme.VERMILLION, marker="D", hollow=True)
        numbers[y] = [
            sentences.signed(before or 0.0, 2),
            sentences.signed(after["mean"], 2),
            sentences.probability(row["after"]["p_balanced"], words=False),
        ]
        bounds += [before or 0.0, after["lower"], after["upper"]]
    marks.zero_line(ax, vertical=True)
    for edge in (-BALANCED, BALANCED):
        ax.axvline(edge, color=theme.INK, linewidth=1, linestyle=":", zorder=1.4)
    marks.beside(ax, numbers, ("before", "after", f"P(< {BALANCED:g})"))
    marks.row_axis(ax, labels, show=True)
    if inside and outside:
        ax.axhline(len(inside) - 0.25, color=theme.FAINT, linewidth=1)
    ax.set_xlim(*marks.limits(bounds))
    ax.set_xlabel("Standardised mean difference")
    return figure


def caption(values: Values) -> list[str]:
    """How many variables are balanced, and which got worse."""
    rows = values["propensity"]["balance"]
    worse = [
        row["label"]
        for row in rows
        if row["before"]["smd"] is not None and abs(row["after"]["smd"]["mean"]) > abs(row["before"]["smd"])
    ]
    text = f"{_title(values)}."
    if worse:
        text += f" On average over the draws the match leaves a larger difference than before in: {', '.join(worse)}."
    return [text]


def _title(values: Values) -> str:
    rows = values["propensity"]["balance"]
    likely = sum(row["after"]["p_balanced"] >= 0.5 for row in rows)
    before = sum(row["before"]["smd"] is not None and abs(row["before"]["smd"]) < BALANCED for row in rows)
    return f"Variables that are balanced: {before} of {len(rows)} before matching, {likely} of {len(rows)} after it"


def _handle(color: str, label: str, *, hollow: bool = False) -> Line2D:
    return Line2D(
        [],
        [],
        color=color,
        marker="D" if hollow else "o",
        linewidth=0 if hollow else 1.6,
        markersize=6.5,
        markerfacecolor="white" if hollow else color,
        label=label,
    )
