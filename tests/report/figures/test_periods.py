"""Claims about a figure whose periods are no years: its labels stand beside each other, and its words inside it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from bri_bayes.report.figures import marks, theme
from bri_bayes.report.figures.periods import with_its_periods

FIRST, LAST = 4 * 2012, 4 * 2018 + 3
QUARTERS = {
    "panel": {
        "kind": "user",
        "label": "panel.csv",
        "periods": list(range(FIRST, LAST + 1)),
        "period_unit": "quarter",
        "period_labels": {str(period): f"{period // 4}Q{period % 4 + 1}" for period in range(FIRST, LAST + 1)},
    },
    "study": {},
    "outcomes": {},
}


def drawn(figure: Figure) -> Figure:
    with theme.style():
        figure.draw_without_rendering()
    return figure


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_labels_of_quarters_stand_beside_each_other_and_begin_a_year_where_not_all_fit(columns: int) -> None:
    with theme.style():
        figure = theme.page(QUARTERS, "Title", "Reading.", body=2.0)
        for ax in figure.subplots(1, columns, squeeze=False)[0]:
            ax.plot([FIRST, LAST], [0, 1])
            marks.short_years(ax, range(FIRST, LAST + 1))
    figure = drawn(with_its_periods(QUARTERS, figure))
    for ax in figure.axes:
        labels = [label for label in ax.get_xticklabels() if label.get_text()]
        boxes = [label.get_window_extent() for label in labels]
        assert len(labels) > 1
        assert {label.get_text()[-2:] for label in labels} == {"Q1"}
        assert all(before.x1 < after.x0 for before, after in pairwise(boxes))


def test_lines_of_the_head_are_broken_after_a_year_became_a_quarter() -> None:
    reading = (
        "Effect with the onset moved to each earlier year, on years before it and with all years that follow. " * 3
    )
    figure = drawn(with_its_periods(QUARTERS, theme.page(QUARTERS, "A year. " * 20, reading, body=1.0)))
    assert "year" not in " ".join(text.get_text() for text in figure.findobj(Text))
    assert all(text.get_window_extent().x1 <= figure.bbox.x1 for text in figure.findobj(Text))
