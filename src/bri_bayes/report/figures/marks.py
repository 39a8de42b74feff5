"""Which marks do the figures share? Dots with intervals, bands, densities, aligned numbers, ticks and limits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D
from matplotlib.ticker import AutoMinorLocator, FuncFormatter, MaxNLocator

from bri_bayes.presentation.sentences import effect_unit, number
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import theme

NUMBERS = theme.SMALL + 0.5  # points, of the numbers beside a panel
GAP = 9.0  # points between columns of numbers
HEADINGS = 20.0  # points between a panel and its title that leave room for the headings of columns
HEADING_ROW = -0.95  # of the headings; rows begin at 0
UNITS_ACROSS = 5
Limits = tuple[float, float]
TRUTH_LABEL = "true effect of the simulation"


def panels(
    figure: Figure, names: Sequence[str], *, columns: int = 2, rows: int = 1, **options: Any
) -> list[list[Axes]]:
    """A block of axes for each name, at most ``columns`` beside each other; each block has ``rows`` axes, top first."""
    across = min(columns, len(names))
    down = blocks(names, columns)
    grid = figure.subplots(down * rows, across, squeeze=False, **options)
    for position in range(len(names), down * across):
        for row in range(rows):
            grid[position // across * rows + row, position % across].remove()
    return [
        [grid[position // across * rows + row, position % across] for row in range(rows)]
        for position in range(len(names))
    ]


def each(
    figure: Figure, outcomes: Mapping[str, Any], *, columns: int = 2, rows: int = 1, **options: Any
) -> Iterator[tuple[str, Any, list[Axes], bool]]:
    """Name and content of each outcome, its axes, and whether they stand at the left, where labels are."""
    axes = panels(figure, list(outcomes), columns=columns, rows=rows, **options)
    for position, ((name, outcome), block) in enumerate(zip(outcomes.items(), axes, strict=True)):
        yield name, outcome, block, position % columns == 0


def blocks(names: Sequence[str] | Mapping[str, Any], columns: int = 2) -> int:
    """How many blocks of ``panels`` lie below each other."""
    return -(-len(names) // columns)


def dot(
    ax: Axes,
    y: float,
    effect: Mapping[str, Any],
    color: str,
    *,
    marker: str = "o",
    hollow: bool = False,
    bold: bool = False,
) -> None:
    """A mean and its interval on a row; with an "sd" also mean ± 1 sd as a thicker line."""
    mean, lower, upper, sd = (_float(effect.get(name)) for name in ("mean", "lower", "upper", "sd"))
    if math.isfinite(lower) and math.isfinite(upper):
        ax.plot([lower, upper], [y, y], color=color, linewidth=2.2 if bold else 1.6, zorder=3)
    if math.isfinite(sd):
        ax.plot([mean - sd, mean + sd], [y, y], color=color, linewidth=5, alpha=0.45, zorder=3)
    face, size = "white" if hollow else color, 8 if bold else 6.5
    look: dict[str, Any] = {
        "marker": marker,
        "markersize": size,
        "markeredgewidth": 1.6,
        "color": color,
        "markerfacecolor": face,
    }
    ax.plot([mean], [y], linestyle="", zorder=4, **look)


def upright(
    ax: Axes,
    x: float,
    effect: Mapping[str, Any],
    color: str,
    marker: str = "o",
    *,
    hollow: bool = False,
    bold: bool = False,
    size: float = 5.5,
) -> None:
    """A mean and its interval over a place of the horizontal axis."""
    ax.plot([x, x], [_float(effect[end]) for end in ("lower", "upper")], color=color, linewidth=2.4 if bold else 1.5,
            zorder=3)  # fmt: skip
    look: dict[str, Any] = {"marker": marker, "color": color, "markerfacecolor": "white" if hollow else color}
    ax.plot([x], [_float(effect["mean"])], linestyle="", markersize=8 if bold else size, zorder=4, **look)


def band(ax: Axes, x: Sequence[Any], effects: Iterable[Mapping[str, Any]], color: str, **line: Any) -> None:
    """Means as a line in the band of their intervals, over the values of the horizontal axis."""
    mean, lower, upper = zip(
        *([_float(effect[end]) for end in ("mean", "lower", "upper")] for effect in effects), strict=True
    )
    ax.fill_between(x, lower, upper, color=color, alpha=0.2, linewidth=0, zorder=2)
    ax.plot(x, mean, color=color, zorder=3, **{"linewidth": 1.8, **line})
    ax.grid(axis="y")


def densities(ax: Axes, x: Sequence[float], prior: Sequence[float], posterior: Sequence[float], color: str) -> None:
    """The prior as a grey area, the posterior as a line; heights have no numbers."""
    ax.fill_between(x, prior, color=theme.MUTED, alpha=0.25, linewidth=0)
    ax.plot(x, posterior, color=color, linewidth=1.8)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(bottom=0)
    no_heights(ax)


def no_heights(ax: Axes) -> None:
    """Heights that are read as a shape, not as numbers."""
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def onset_line(ax: Axes, onset: float, **options: Any) -> None:
    """The border between the years before and since the onset."""
    ax.axvline(onset - 0.5, color=theme.MUTED, linestyle="--", linewidth=1, **options)


def unit_panels(
    figure: Figure, blocks_of: Mapping[str, Sequence[str]], headings: Mapping[str, str], height: float
) -> Iterator[tuple[str, str, Axes, float]]:
    """A small panel a unit under the heading of its outcome, at most ``UNITS_ACROSS`` beside each other.

    ``height`` : inches of a panel. Gives the outcome, the unit, its axes and the width of its title in inches.
    """
    across = min(UNITS_ACROSS, max(len(units) for units in blocks_of.values()))
    down = {name: -(-len(units) // across) for name, units in blocks_of.items()}
    # A thin row over each block holds the heading of its outcome.
    heights = [inches for name in blocks_of for inches in (0.3, *[height] * down[name])]
    grid = GridSpec(len(heights), across, figure=figure, height_ratios=heights)
    top = 0
    for name, units in blocks_of.items():
        heading = figure.add_subplot(grid[top, :])
        heading.set_axis_off()
        heading.text(0, 0.35, headings[name], weight="bold", transform=heading.transAxes, va="center")
        for place, unit in enumerate(units):
            ax = figure.add_subplot(grid[top + 1 + place // across, place % across])
            if place + across >= len(units):
                ax.set_xlabel("Year", size=theme.SMALL)
            yield name, unit, ax, theme.WIDTH / across - 0.4
        top += 1 + down[name]


def unit_panels_height(blocks_of: Mapping[str, Sequence[str]], height: float) -> float:
    """Inches that ``unit_panels`` take."""
    across = min(UNITS_ACROSS, max(len(units) for units in blocks_of.values()))
    return sum(height * -(-len(units) // across) + 0.42 for units in blocks_of.values())


def short_years(ax: Axes, years: Sequence[int]) -> None:
    """Years under a small panel: the first with its century, since four full years do not fit."""
    ticks = year_ticks(years[0], years[-1], 5)
    ax.set_xticks(ticks, [str(tick) if tick == ticks[0] else f"’{tick % 100:02d}" for tick in ticks])
    ax.grid(axis="y")
    ax.tick_params(axis="both", labelsize=theme.SMALL)


def beside(
    ax: Axes, rows: Mapping[float, Sequence[str]], headings: Sequence[str], *, bold: float | None = None
) -> None:
    """Columns of numbers right of a panel, flush right under their headings; ``bold`` : the row in bold."""
    offset = 0.0
    for column, heading in enumerate(headings):
        texts = {y: cells[column] for y, cells in rows.items() if column < len(cells)}
        widths = [theme.points_wide(text, NUMBERS, _weight(y == bold)) for y, text in texts.items()]
        offset += GAP + max([*widths, theme.points_wide(heading, theme.SMALL)])
        _flush_right(ax, HEADING_ROW, heading, offset, size=theme.SMALL, color=theme.MUTED)
        for y, text in texts.items():
            _flush_right(ax, y, text, offset, size=NUMBERS, weight=_weight(y == bold))


def row_axis(ax: Axes, labels: Mapping[float, str], *, show: bool) -> None:
    """Rows from top to bottom with labels at the left (``show``) and no axis line; round numbers below."""
    ax.set_yticks(list(labels), list(labels.values()) if show else [""] * len(labels))
    ax.set_ylim(max(labels) + 0.6, min(labels) - 0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(float(f"{value:.6g}"), places(ax.get_xticks()))))
    ax.xaxis.set_minor_locator(AutoMinorLocator(2))
    ax.grid(axis="x")
    ax.grid(axis="x", which="minor", linewidth=0.4)


def places(ticks: Iterable[float]) -> int:
    """Decimals that tell neighbouring ticks apart."""
    step = min((after - before for before, after in pairwise(ticks)), default=1.0)
    return max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0


def zero_line(ax: Axes, *, vertical: bool = False) -> None:
    """The line of no effect."""
    line = ax.axvline if vertical else ax.axhline
    line(0, color=theme.INK, linewidth=1.0, zorder=1.5)


def truth_line(ax: Axes, values: Values, outcome: Values) -> None:
    """A vertical line at the effect that a simulation was given."""
    if (effect := truth(values, outcome)) is not None:
        ax.axvline(effect, color=theme.GREEN, linewidth=1.6, linestyle=(0, (5, 2)), zorder=1.6)


def truth_key(values: Values, outcomes: Mapping[str, Any]) -> list[Line2D]:
    """The legend of ``truth_line`` where there is one."""
    if all(truth(values, outcome) is None for outcome in outcomes.values()):
        return []
    return [Line2D([], [], color=theme.GREEN, linewidth=1.6, linestyle=(0, (5, 2)), label=TRUTH_LABEL)]


def truth(values: Values, outcome: Values) -> float | None:
    """The average effect that a simulation was given; observed panels have none."""
    known = outcome.get("truth")
    effect = known.get("att") if isinstance(known, Mapping) else known
    return float(effect) if values["panel"]["kind"] == "simulation" and isinstance(effect, int | float) else None


def year_ticks(first: int, last: int, most: int) -> list[int]:
    """At most about ``most`` round years (or event times) from ``first`` to ``last``."""
    step = next((step for step in (1, 2, 5, 10, 20, 50, 100) if (last - first) / step < most), 1000)
    return [year for year in range(first, last + 1) if year % step == 0] or [first]


def limits_of(bounds: Mapping[str, Sequence[float | None]], outcomes: Mapping[str, Values]) -> dict[str, Limits]:
    """Axis limits of each panel: panels whose effects have the same unit share them, so they can be compared."""
    units = {name: effect_unit(outcome) for name, outcome in outcomes.items()}
    return {
        name: limits([bound for other in bounds if units[other] == units[name] for bound in bounds[other]])
        for name in bounds
    }


def limits(bounds: Sequence[float | None]) -> Limits:
    """Limits that hold every finite bound and zero, with a margin."""
    known = [0.0, *(float(bound) for bound in bounds if bound is not None and math.isfinite(bound))]
    low, high = min(known), max(known)
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _weight(bold: bool) -> str:
    return "bold" if bold else "normal"


def _flush_right(ax: Axes, y: float, text: str, offset: float, **font: Any) -> None:
    """``offset`` : points between the right edge of the panel and the end of the text."""
    place: dict[str, Any] = {"xycoords": ax.get_yaxis_transform(), "xytext": (offset, 0), "textcoords": "offset points"}
    ax.annotate(text, (1, y), ha="right", va="center", annotation_clip=False, **place, **font)
