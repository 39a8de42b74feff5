"""What do the texts and axes of a figure call its periods? What the file does, where they are quarters or months."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bri_bayes.presentation.period_words import period_label, writer

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure


def with_its_periods(values: Mapping[str, Any], figure: Figure) -> Figure:
    """The figure with its texts and ticks about the periods of the panel; of years it stays as it is."""
    write = writer(values)
    if write is str:
        return figure
    from matplotlib.text import Text

    periods = [int(period) for period in values["panel"]["periods"]]
    for text in figure.findobj(Text):
        if isinstance(text, Text) and text.get_text():
            text.set_text(write(text.get_text()))
    if periods and period_label(values, periods[0]) is not None:
        for axes in figure.axes:
            for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
                if min(limits) > periods[0] - len(periods) and max(limits) < periods[-1] + len(periods):
                    _labelled(axis, values)
    return figure


def _labelled(axis: Axis, values: Mapping[str, Any]) -> None:
    """Ticks at the periods of the panel alone, called as the file calls them."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda at, _: period_label(values, round(at)) or ""))
