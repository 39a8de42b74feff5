"""Did the match make the groups alike? Standardised mean differences before, and after it over draws of the match."""

from __future__ import annotations

from matplotlib.figure import Figure

from bri_bayes.frequentist.balance import BALANCED
from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, rows, theme, wording
from bri_bayes.report.figures.rows import Row


@theme.themed
def love_plot(values: Values) -> Figure:
    """Variables of the score on top, the further ones below."""
    variables = values["propensity"]["balance"]
    inside = [row for row in variables if row["in_score"]]
    outside = [row for row in variables if not row["in_score"]]
    figure = theme.page(
        values,
        _title(values),
        "Difference of means, treated minus controls, over the root of the mean of both variances before matching. "
        "Filled: mean and 95% interval over posterior draws of a nearest-neighbour match. Dotted: ±0.1, below which a "
        "variable counts as balanced. Variables below the line are not in the score.",
        body=0.3 * (len(variables) + 1) + 0.8,
        key=[
            keys.dot(theme.INK, "before matching", "D", hollow=True),
            keys.dot(theme.BLUE, "after matching", interval=True),
        ],
    )
    ax = figure.subplots()
    drawn = []
    for position, row in enumerate([*inside, *outside]):
        y = position + (0.0 if row["in_score"] else 0.5)
        before, after = row["before"]["smd"], row["after"]["smd"]
        if before is not None:
            marks.dot(ax, y, {"mean": before}, theme.INK, marker="D", hollow=True)
        numbers = [sentences.signed(before or 0.0, 2), sentences.signed(after["mean"], 2)]
        drawn.append(Row(y, row["label"], after, numbers=[*numbers, wording.share(row["after"]["p_balanced"])]))
    for edge in (-BALANCED, BALANCED):
        rows.average(ax, edge, theme.INK)
    unmatched = [row["before"]["smd"] for row in variables]
    limits = marks.limits([-BALANCED, BALANCED, *unmatched, *rows.bounds(row.effect for row in drawn)])
    rows.forest(ax, drawn, ("before", "after", f"P(< {BALANCED:g})"), limits=limits)
    if inside and outside:
        rows.divide(ax, len(inside) - 0.25)
    ax.set_xlabel("Standardised mean difference")
    return figure


def caption(values: Values) -> list[str]:
    """How many variables are balanced, and which got worse."""
    variables = values["propensity"]["balance"]
    worse = [
        row["label"]
        for row in variables
        if row["before"]["smd"] is not None and abs(row["after"]["smd"]["mean"]) > abs(row["before"]["smd"])
    ]
    text = f"{_title(values)}."
    if worse:
        text += f" On average over the draws the match leaves a larger difference than before in: {', '.join(worse)}."
    return [text]


def _title(values: Values) -> str:
    variables = values["propensity"]["balance"]
    likely = sum(row["after"]["p_balanced"] >= 0.5 for row in variables)
    before = sum(row["before"]["smd"] is not None and abs(row["before"]["smd"]) < BALANCED for row in variables)
    total = len(variables)
    return f"Variables that are balanced: {before} of {total} before matching, {likely} of {total} after it"
