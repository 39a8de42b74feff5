"""How does a forest look? Rows from top to bottom, each with a label, an estimate with its interval, and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme, wording

GAP = 0.7  # rows between groups
LABEL = 2.6  # inches that a label takes before it is wrapped
WITH_INTERVAL, WITH_PROBABILITY = ("effect", "95% interval"), ("effect", "95% interval", "P(> 0)")
POSTERIORS = "Dots are posterior means, thin lines 95% intervals, thick lines one posterior sd"


@dataclass(frozen=True)
class Row:
    """A row at height ``y``; ``numbers`` stand beside it."""

    y: float
    label: str
    effect: Mapping[str, Any]
    color: str = theme.BLUE
    marker: str = "o"
    hollow: bool = False
    bold: bool = False
    numbers: Sequence[str] = ()


def forest(
    ax: Axes,
    rows: Sequence[Row],
    headings: Sequence[str],
    *,
    labels: Mapping[float, str] | None = None,
    limits: marks.Limits | None = None,
    show: bool = True,
    bold: float | None = None,
) -> None:
    """Draw the rows. ``labels`` : also of rows that this panel lacks; ``show`` : whether they stand at the left;
    ``limits`` : of the axis, those of the intervals if not given; ``bold`` : the row whose numbers are bold."""
    marks.zero_line(ax, vertical=True)
    for row in rows:
        marks.dot(ax, row.y, row.effect, row.color, marker=row.marker, hollow=row.hollow, bold=row.bold)
    marks.beside(ax, {row.y: row.numbers for row in rows}, headings, bold=bold)
    every = labels or {row.y: row.label for row in rows}
    marks.row_axis(ax, {y: _wrapped(label) for y, label in every.items()}, show=show)
    ax.set_xlim(*(limits or marks.limits(bounds(row.effect for row in rows))))


def bounds(effects: Any) -> list[float | None]:
    """Every number of the effects that an axis must hold."""
    return [effect.get(end) for effect in effects for end in ("lower", "upper", "mean")]


def finish(ax: Axes, outcome: Values, title: str, inches: float = 3.9) -> None:
    """The axis of effects below a forest, and the title over the headings of its numbers."""
    ax.set_xlabel(wording.effect_axis(outcome))
    theme.panel_title(ax, title, inches, pad=marks.HEADINGS)


def divide(ax: Axes, y: float) -> None:
    """A faint line between two groups of rows."""
    ax.axhline(y, color=theme.FAINT, linewidth=1)


def average(ax: Axes, mean: float, color: str = theme.BLUE) -> None:
    """A dotted line at the estimate that the rows are compared with."""
    ax.axvline(mean, color=color, linewidth=1, linestyle=":", zorder=1.4)


def _wrapped(label: str) -> str:
    return "\n".join(theme.wrapped(label, LABEL, theme.SMALL + 0.5))
