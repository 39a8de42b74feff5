"""How would trade by product category have moved, given its levels and growth in the paper's Table 1 (its Figure 1)?"""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import theme
from bri_bayes.report.figures.rebuilt import made_from_tables

_HEIGHT = 4.2  # inches
_COLORS = (theme.BLUE, theme.VERMILLION, theme.GREEN)
_APART = 0.16  # least distance of two labels at the right end, in inches
_TO_DOLLARS = 1e4


@theme.themed
def category_levels(values: Values) -> Figure:
    """A line a category over the years; those that the paper calls the main ones in colour.

    The title is their share of all trade in the first and the last year.
    """
    found = values["replication"]["categories"]
    figure = theme.page(
        made_from_tables(values, found["label"]),
        _title(found),
        "Trade of China with the five countries, exports and imports together, on a logarithmic scale. Means, shares "
        "and growth rates are those of Table 1; the movement within each period is drawn. Dashed: the onset.",
        body=_HEIGHT,
    )
    ax = figure.subplots()
    for name, path in found["levels"].items():
        color, width = _look(found, name)
        ax.plot(found["years"], [value * _TO_DOLLARS for value in path], color=color, linewidth=width, zorder=3)
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: sentences.dollars(value)))
    ax.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.axvline(found["onset"] - 0.5, color=theme.MUTED, linewidth=1, linestyle="--")
    ax.grid(axis="y")
    ax.set_xlim(found["years"][0], found["years"][-1])
    _label_ends(ax, found)
    return figure


def caption(values: Values) -> list[str]:
    """The message of the figure, and what it rests on."""
    found = values["replication"]["categories"]
    return [
        f"{_title(found)}.",
        "The yearly series is rebuilt from Table 1, not observed: only its means are the paper's.",
    ]


def _title(found: Values) -> str:
    shares = [
        sum(found["levels"][name][at] for name in found["main"]) / sum(path[at] for path in found["levels"].values())
        for at in (0, -1)
    ]
    first, last = found["years"][0], found["years"][-1]
    names = sentences.counted(len(found["main"]), "main categories")
    moved = "rises" if shares[1] > shares[0] else "falls"
    return (
        f"The share of the paper's {names} {moved} from {100 * shares[0]:.0f}% of trade in {first} to "
        f"{100 * shares[1]:.0f}% in {last}"
    )


def _look(found: Values, name: str) -> tuple[str, float]:
    main = list(found["main"])
    return (_COLORS[main.index(name) % len(_COLORS)], 2.4) if name in main else (theme.MUTED, 1.3)


def _label_ends(ax: Axes, found: Values) -> None:
    """The name of each line at its right end, moved apart where two are too near."""
    low, high = (math.log(limit) for limit in ax.get_ylim())
    least = _APART / _HEIGHT * (high - low)
    place = -math.inf
    for name, path in sorted(found["levels"].items(), key=lambda item: item[1][-1]):
        place = max(math.log(path[-1] * _TO_DOLLARS), place + least)
        color, width = _look(found, name)
        ax.annotate(
            found["names"][name],
            (found["years"][-1], math.exp(place)),
            xytext=(5, 0),
            textcoords="offset points",
            color=color,
            weight="bold" if width > 2 else "normal",
            size=theme.SMALL + 0.5,
            va="center",
            annotation_clip=False,
        )
