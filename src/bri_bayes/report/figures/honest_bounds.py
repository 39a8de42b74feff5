"""How far may trends part before zero is inside? Rambachan & Roth's intervals against M and Mbar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, theme, wording

# Label, mark, hollow, and the place beside that of the bound.
_ERRORS = {"ar1": ("AR(1) errors", "o", False, -0.18), "iid": ("independent errors", "s", True, 0.18)}


@theme.themed
def honest_bounds(values: Values) -> Figure:
    """A column for each outcome: intervals by M above, identified set and interval by Mbar below."""
    outcomes = wording.outcomes_of(values, "honest", "smoothness")
    figure = theme.page(
        values,
        _title(outcomes),
        "95% confidence intervals of the average effect. Above: the difference in trends bends by at most M a year. "
        "Below: after the onset it moves by at most Mbar times its largest step before; light bars are the bounds at "
        "the estimates themselves, without sampling error.",
        body=marks.blocks(outcomes) * 5.4,
        key=[
            keys.dot(theme.VERMILLION, label, marker, hollow=hollow, interval=True)
            for label, marker, hollow, _ in _ERRORS.values()
        ],
    )
    for _, outcome, (above, below), first in marks.each(figure, outcomes, rows=2):
        unit = sentences.effect_unit(outcome)
        _draw(above, outcome["smoothness"], digits=3)
        _draw(below, outcome["relative"], digits=2)
        theme.panel_title(above, f"{outcome['label']}, onset {outcome['onset']}", 4.4)
        above.set_xlabel(f"M, {unit} a year, each year")
        below.set_xlabel("Mbar, times the largest step before the onset")
        if first:
            for ax in (above, below):
                ax.set_ylabel(wording.effect_axis(outcome))
    return figure


def caption(values: Values) -> list[str]:
    """For each outcome: what a straight line, and steps as large as before the onset, leave of the effect."""
    texts = []
    for outcome in wording.outcomes_of(values, "honest", "smoothness").values():
        line, same = _row(outcome, "smoothness", 0.0), _row(outcome, "relative", 1.0)
        straight, as_before = (sentences.interval(row["lower"], row["upper"], 2) for row in (line, same))
        texts.append(
            f"{outcome['label']}, AR(1) errors: if the trends of the two groups part along a straight line, the "
            f"interval is {straight}; if they move after the onset by at most their largest step before it, "
            f"{as_before}. {_breakdown(outcome)}"
        )
    return texts


def _breakdown(outcome: Mapping[str, Any]) -> str:
    limits = next(row for row in outcome["bound_breakdown"] if row["errors"] == "ar1")
    parts = []
    for name, word, digits in (("smoothness", "M", 3), ("relative", "Mbar", 2)):
        if limits[name] is None:
            parts.append(f"zero is inside from {word} = 0 on")
        else:
            parts.append(f"zero comes inside at {word} = {sentences.number(limits[name], digits)}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _title(outcomes: Mapping[str, Any]) -> str:
    """How many of the intervals at M = 0 and Mbar = 1 exclude zero, under AR(1) errors."""
    out = {"smoothness": 0, "relative": 0}
    for outcome in outcomes.values():
        for kind, bound in (("smoothness", 0.0), ("relative", 1.0)):
            out[kind] += sentences.excludes_zero(_row(outcome, kind, bound))
    n = len(outcomes)
    return (
        f"Zero is excluded for {out['smoothness'] or 'none'} of {n} outcomes if trends part along a straight line, for "
        f"{out['relative'] or 'none'} if they move as much as before the onset"
    )


def _row(outcome: Mapping[str, Any], kind: str, bound: float) -> Mapping[str, Any]:
    row: Mapping[str, Any] = next(r for r in outcome[kind] if r["errors"] == "ar1" and r["bound"] == bound)
    return row


def _draw(ax: Axes, intervals: list[Mapping[str, Any]], *, digits: int) -> None:
    bounds = sorted({row["bound"] for row in intervals})
    marks.zero_line(ax)
    for row in intervals:
        _, marker, hollow, shift = _ERRORS[row["errors"]]
        x = bounds.index(row["bound"]) + shift
        ends = [row["lower"], row["upper"]]
        if "identified_lower" in row:
            ends = [row["identified_lower"], row["identified_upper"]]
            ax.vlines(x, *ends, color=theme.VERMILLION, linewidth=8, alpha=0.25, zorder=2)
        middle = row.get("estimate", 0.5 * sum(ends))
        marks.upright(ax, x, {**row, "mean": middle}, theme.VERMILLION, marker, hollow=hollow)
    ax.set_xticks(range(len(bounds)), [sentences.number(bound, digits if bound else 0) for bound in bounds])
    ax.grid(axis="y")
