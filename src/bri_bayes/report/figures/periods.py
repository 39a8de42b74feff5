"""What do the texts and axes of a figure call its periods? What the file does, where they are quarters or months."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from bri_bayes.presentation.period_words import period_label, writer
from bri_bayes.report.figures import inline
from bri_bayes.report.figures.theme import SMALL, points_wide

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

_MOST_TICKS = 6
_ROOM = 1.2  # widths of a label from one tick to the next
_A_YEAR = {"half-year": 2, "quarter": 4, "month": 12}  # periods, whose ordinals begin a year at a multiple


def with_its_periods(values: Mapping[str, Any], figure: Figure) -> Figure:
    """The figure with its texts and ticks about the periods of the panel; of years it stays as it is."""
    write = writer(values)
    if write is str:
        return figure
    from matplotlib.text import Text

    periods = [int(period) for period in values["panel"]["periods"]]
    for text in figure.findobj(Text):
        # ``theme.page`` has written the head of a figure so before it broke the lines.
        if isinstance(text, Text) and text.get_text() and text.get_gid() not in (inline.MESSAGE, inline.READING):
            text.set_text(write(text.get_text()))
    if periods and period_label(values, periods[0]) is not None:
        for axes in figure.axes:
            for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
                if min(limits) > periods[0] - len(periods) and max(limits) < periods[-1] + len(periods):
                    inches = axes.get_position().width * figure.get_figwidth()
                    _labelled(axis, values, limits, inches if axis is axes.xaxis else math.inf)
    return figure


def _labelled(axis: Axis, values: Mapping[str, Any], limits: tuple[float, float], inches: float) -> None:
    """Ticks at periods of the panel alone, called as the file calls them, no more than stand beside each other."""
    inside = [int(period) for period in values["panel"]["periods"] if min(limits) <= int(period) <= max(limits)]
    labels = {period: period_label(values, period) or "" for period in inside}
    widest = max((points_wide(label, SMALL + 0.5) for label in labels.values()), default=1.0)
    most = max(1, min(_MOST_TICKS, int(72 * inches / (_ROOM * widest))))
    step = next(step for step in _steps(values) if len(_ticks(inside, step)) <= most)
    ticks = _ticks(inside, step)
    axis.set_ticks(ticks, [labels[tick] for tick in ticks])


def _steps(values: Mapping[str, Any]) -> Iterator[int]:
    """Periods between two ticks, fewest first: parts of a calendar year, then whole ones."""
    a_year = _A_YEAR.get(str(values["panel"].get("period_unit")), 1)
    yield from (step for step in range(1, a_year) if a_year % step == 0)
    yield from (a_year * factor * 10**power for power in count() for factor in (1, 2, 3, 4, 5))


def _ticks(periods: Sequence[int], step: int) -> list[int]:
    return [period for period in periods if period % step == 0] or [*periods[:1]]
