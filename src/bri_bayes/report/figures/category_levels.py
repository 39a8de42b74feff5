"""How would trade by product category have moved, given its levels and growth in the paper's Table 1 (its Figure 1)?"""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme
from bri_bayes.report.figures.rebuilt import made_from_tables

_HEIGHT = 4.2  # inches
_STYLES = ("-", "--", "-.")  # of the main categories, which stand out in one colour
_APART = 0.16  # least distance of two labels at the right end, in inches
_TO_DOLLARS = 1e4


@theme.themed
def category_levels(values: Values) -> Figure:
    """A line a category over the years; those that the paper calls the main ones in bold.

    The title is their share of all trade in the first and the last year.
    """
    table = values["replication"]["categories"]
    figure = theme.page(
        made_from_tables(values, table["label"]),
        _title(table),
        "Trade of China with the five countries, exports and imports together, on a logarithmic scale. Means, shares "
        "and growth rates are those of Table 1; the movement within each period is drawn. Dashed: the onset.",
        body=_HEIGHT,
    )
    ax = figure.subplots()
    for name, path in table["levels"].items():
        color, width, line = _look(table, name)
        levels = [value * _TO_DOLLARS for value in path]
        ax.plot(table["years"], levels, color=color, linewidth=width, linestyle=line, zorder=3)
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: sentences.dollars(value, is_tick=True)))
    ax.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("Year")
    ax.set_ylabel("US dollars a year")
    marks.onset_line(ax, table["onset"])
    ax.grid(axis="y")
    ax.set_xlim(table["years"][0], table["years"][-1])
    _label_ends(ax, table)
    return figure


def caption(values: Values) -> list[str]:
    """The message of the figure, and what it rests on."""
    table = values["replication"]["categories"]
    return [
        f"{_title(table)}.",
        "The yearly series is rebuilt from Table 1, not observed: only its means are the paper's.",
    ]


def _title(table: Values) -> str:
    shares = [
        sum(table["levels"][name][at] for name in table["main"]) / sum(path[at] for path in table["levels"].values())
        for at in (0, -1)
    ]
    first, last = table["years"][0], table["years"][-1]
    names = sentences.counted(len(table["main"]), "main categories")
    moved = "rises" if shares[1] > shares[0] else "falls"
    return (
        f"The share of the paper's {names} {moved} from {100 * shares[0]:.0f}% of trade in {first} to "
        f"{100 * shares[1]:.0f}% in {last}"
    )


def _look(table: Values, name: str) -> tuple[str, float, str]:
    main = list(table["main"])
    return (theme.INK, 2.4, _STYLES[main.index(name) % len(_STYLES)]) if name in main else (theme.MUTED, 1.3, "-")


def _label_ends(ax: Axes, table: Values) -> None:
    """The name of each line at its right end, moved apart where two are too near."""
    low, high = (math.log(limit) for limit in ax.get_ylim())
    least = _APART / _HEIGHT * (high - low)
    place = -math.inf
    for name, path in sorted(table["levels"].items(), key=lambda item: item[1][-1]):
        place = max(math.log(path[-1] * _TO_DOLLARS), place + least)
        color, width, _ = _look(table, name)
        ax.annotate(
            table["names"][name],
            (table["years"][-1], math.exp(place)),
            xytext=(5, 0),
            textcoords="offset points",
            color=color,
            weight="bold" if width > 2 else "normal",
            size=theme.SMALL + 0.5,
            va="center",
            annotation_clip=False,
        )
