"""What happened in each treated unit, and what would have without the policy? Small multiples on a log scale."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values, main_model, unit_name
from bri_bayes.report.figures import marks, theme

MOST = 20  # units shown of an outcome
COLUMNS = 5
_ROUND = (1, 5, 2, 3, 7, 4, 6, 8, 9, 1.5, 2.5)  # leading digits of a tick, the roundest first
_APART = 0.16  # of the height of a panel, between two ticks
_MULTIPLIERS = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}


@theme.themed
def paths(values: Values) -> Figure:
    """A block for each outcome, a panel for each treated unit: observed and counterfactual path with its 95% band."""
    outcomes = theme.outcomes_with(values, "counterfactual", "paths")
    shown = {name: _largest(main_model(outcome)["counterfactual"]) for name, outcome in outcomes.items()}
    columns = min(COLUMNS, max(len(units) for units in shown.values()))
    lines = {name: -(-len(units) // columns) for name, units in shown.items()}
    figure = theme.page(
        values,
        _title(values, outcomes),
        "Each panel has its own log scale; the same distance up is the same percentage within a panel."
        + _capped(outcomes),
        body=sum(1.55 * count + 0.42 for count in lines.values()),
        key=[
            Line2D([], [], color=theme.INK, linewidth=1.8, label="observed"),
            Line2D([], [], color=theme.BLUE, linewidth=1.6, linestyle=(0, (4, 2)), label="without the policy (mean)"),
            Patch(facecolor=theme.BLUE, alpha=0.25, label="95% interval"),
            Line2D([], [], color=theme.MUTED, linestyle="--", linewidth=1, label="onset"),
        ],
    )
    # A thin row over each block holds the heading of its outcome.
    heights = [height for name in outcomes for height in (0.3, *[1.55] * lines[name])]
    grid = GridSpec(len(heights), columns, figure=figure, height_ratios=heights)
    row = 0
    for name, outcome in outcomes.items():
        heading = figure.add_subplot(grid[row, :])
        heading.set_axis_off()
        size, base = scale_of(outcome)
        text = f"{outcome['label']}{f', {base}' if base else ''} (log scale)"
        heading.text(0, 0.35, text, weight="bold", transform=heading.transAxes, va="center")
        for position, unit in enumerate(shown[name]):
            ax = figure.add_subplot(grid[row + 1 + position // columns, position % columns])
            _draw(ax, main_model(outcome)["counterfactual"][unit])
            _level_ticks(ax, outcome, size)
            theme.panel_title(ax, unit_name(values, unit), theme.WIDTH / columns - 0.4, size=theme.SMALL + 0.5)
        row += 1 + lines[name]
    return figure


def scale_of(outcome: Values) -> tuple[float, str]:
    """How many base units one unit of the level is, and the base unit: "million US dollars" -> (1e6, "US dollars")."""
    words = str(outcome.get("units") or "").split()
    if words and words[0].lower() in _MULTIPLIERS:
        return _MULTIPLIERS[words[0].lower()], " ".join(words[1:])
    return 1.0, " ".join(words)


def level_ticks(low: float, high: float) -> list[float]:
    """Round levels between two levels, far enough apart on a log axis; the roundest are taken first."""
    width = math.log10(high / low)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for digit in _ROUND:
        for level in (digit * 10.0**power for power in decades):
            if low <= level <= high and all(abs(math.log10(level / tick)) >= _APART * width for tick in ticks):
                ticks.append(level)
    return sorted(ticks) if len(ticks) > 1 else [float(f"{level:.3g}") for level in np.geomspace(low, high, 4)[1:3]]


def _largest(found: Mapping[str, Any]) -> list[str]:
    """The units in their order, or the largest by their last observation."""
    if len(found) <= MOST:
        return list(found)
    last = {unit: path[max(path, key=int)]["observed"] for unit, path in found.items()}
    return sorted(found, key=lambda unit: -last[unit])[:MOST]


def _capped(outcomes: Mapping[str, Any]) -> str:
    counts = {len(main_model(outcome)["counterfactual"]) for outcome in outcomes.values()}
    return f" The {MOST} largest of {max(counts)} treated units are shown." if max(counts) > MOST else ""


def _title(values: Values, outcomes: Mapping[str, Any]) -> str:
    """The share of treated cells whose observation lies inside the band."""
    every = [path for outcome in outcomes.values() for path in main_model(outcome)["counterfactual"].values()]
    cells = [cell for path in every for cell in path.values() if sentences.is_open(cell)]
    inside = sum(cell["lower"] <= cell["observed"] <= cell["upper"] for cell in cells)
    noun = sentences.singular(sentences.unit_noun(values))
    count = f"all {len(cells)}" if inside == len(cells) else f"{inside} of {len(cells)}"
    return f"In {count} treated {noun}-years, what was observed lies inside the band without the policy"


def _draw(ax: Axes, path: Mapping[str, Mapping[str, float]]) -> None:
    cells = {int(period): cell for period, cell in path.items()}
    years = range(min(cells), max(cells) + 1)
    table = {
        name: np.array([cells[year][name] if year in cells else math.nan for year in years])
        for name in ("observed", "mean", "lower", "upper")
    }
    after = [year for year in sorted(cells) if sentences.is_open(cells[year])]
    if after:
        shown = slice(after[0] - 1 - years[0], None) if after[0] > years[0] else slice(None)
        ax.axvline(after[0] - 0.5, color=theme.MUTED, linestyle="--", linewidth=1)
        lower, mean, upper = (table[name][shown] for name in ("lower", "mean", "upper"))
        ax.fill_between(years[shown], lower, upper, color=theme.BLUE, alpha=0.25, linewidth=0)
        ax.plot(years[shown], mean, color=theme.BLUE, linewidth=1.6, linestyle=(0, (4, 2)))
    ax.plot(years, table["observed"], color=theme.INK, linewidth=1.8)
    ticks = marks.year_ticks(years[0], years[-1], 5)
    # The first with its century, the others without: four full years do not fit under a small panel.
    ax.set_xticks(ticks, [str(tick) if tick == ticks[0] else f"’{tick % 100:02d}" for tick in ticks])
    ax.grid(axis="y")


def _level_ticks(ax: Axes, outcome: Values, size: float) -> None:
    """Label the axis of logs with levels. ``size`` : base units in one unit of the level."""
    to_level, to_log = (np.expm1, np.log1p) if outcome.get("transform") == "log1p" else (np.exp, np.log)
    low, high = (float(to_level(end)) * size for end in ax.get_ylim())
    ticks = level_ticks(max(low, high * 1e-9), high)
    ax.set_yticks([float(to_log(tick / size)) for tick in ticks], [sentences.compact(tick) for tick in ticks])
    ax.tick_params(axis="both", labelsize=theme.SMALL)
