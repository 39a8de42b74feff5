"""Do product categories grow faster after the onset than before it (the paper's Figure 2)?"""

from __future__ import annotations

from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, theme
from bri_bayes.report.figures.rebuilt import made_from_tables

_ROW = 0.42  # inches of a category
_BEFORE, _AFTER = "growth_2003_2012_pct", "growth_2013_2023_pct"


@theme.themed
def category_growth(values: Values) -> Figure:
    """A row a category: mean yearly growth before and after the onset, sorted by the change.

    The title counts the categories that grow faster after it, and names the largest change.
    """
    table = values["replication"]["categories"]
    rates = _rates(table)
    figure = theme.page(
        made_from_tables(values, table["label"]),
        _title(table),
        "Mean growth a year of trade with the five countries, computed from the rebuilt series and equal to Table 1 "
        "at its digits. Numbers: percentage points between the two means.",
        body=_ROW * len(rates) + 0.7,
        key=[keys.dot(theme.INK, "2003-2012", hollow=True), keys.dot(theme.INK, "2013-2023")],
    )
    ax = figure.subplots()
    for y, (before, after) in enumerate(rates.values()):
        ax.plot([before, after], [y, y], color=theme.FAINT, linewidth=4, zorder=2)
        ax.plot(before, y, marker="o", color=theme.INK, markerfacecolor="white", markersize=7, zorder=3)
        ax.plot(after, y, marker="o", color=theme.INK, markersize=7, zorder=3)
        text = sentences.signed(after - before, 1)
        ax.annotate(
            text,
            (max(before, after), y),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            size=theme.SMALL + 0.5,
        )
    ax.set_yticks(range(len(rates)), [table["names"][name] for name in rates])
    ax.set_ylim(len(rates) - 0.5, -0.5)
    ax.set_xlim(0, max(max(pair) for pair in rates.values()) * 1.12)
    ax.set_xlabel("Percent a year")
    ax.grid(axis="x")
    return figure


def caption(values: Values) -> list[str]:
    """The message of the figure, and what it cannot say."""
    table = values["replication"]["categories"]
    return [
        f"{_title(table)}.",
        "Means before and after one date, without a comparison group, say nothing about the policy.",
    ]


def _title(table: Values) -> str:
    rates = _rates(table)
    faster = sum(after > before for before, after in rates.values())
    top = next(iter(rates))
    change = sentences.signed(rates[top][1] - rates[top][0], 1)
    return (
        f"{faster} of {len(rates)} categories grow faster after {table['onset'] - 1}; the largest change is "
        f"{change} points a year ({table['names'][top].lower()})"
    )


def _rates(table: Values) -> dict[str, tuple[float, float]]:
    """Growth before and after by category, the largest change first."""
    cells = {(entry["variable"], entry["column"]): entry["reproduced"] for entry in table["table"]}
    rates = {name: (cells[name, _BEFORE], cells[name, _AFTER]) for name in table["levels"]}
    return dict(sorted(rates.items(), key=lambda item: item[1][0] - item[1][1]))
