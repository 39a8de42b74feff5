"""What would a synthetic control and a factor model have expected of each treated unit? Small multiples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bri_bayes.presentation import sentences
from bri_bayes.presentation import study_tables as tables
from bri_bayes.presentation.control_sentences import coverage_sentence
from bri_bayes.presentation.study_tables import Values, unit_name
from bri_bayes.report.figures import marks, theme

COLUMNS, HEIGHT = 5, 1.7
MOST = 20  # units shown of an outcome
_LOOK = {"synthetic": (theme.BLUE, "-", "synthetic control"), "factor": (theme.VERMILLION, (0, (4, 2)), "factor model")}


def caption(values: Values) -> list[str]:
    """What each model expects, and how often its interval fails for donors."""
    texts = [
        coverage_sentence(outcome, sentences.decimals(values["outcomes"][name]))
        for name, outcome in _outcomes(values).items()
    ]
    return [text for text in texts if text]


@theme.themed
def expected_paths(values: Values) -> Figure:
    """A block for each outcome, a panel for each treated unit: observed, and what either model expected."""
    outcomes = _outcomes(values)
    units = {name: _units(outcome) for name, outcome in outcomes.items()}
    columns = min(COLUMNS, max(len(own) for own in units.values()))
    lines = {name: -(-len(own) // columns) for name, own in units.items()}
    kinds = [kind for kind in _LOOK if any(kind in outcome["expected"] for outcome in outcomes.values())]
    figure = theme.page(
        values,
        _title(outcomes),
        "Both models see the donors in all years and the treated unit before the onset (dashed line), "
        "where the fit is drawn without its errors; bands are 95% intervals. Each panel has its own scale.",
        body=sum(HEIGHT * count + 0.42 for count in lines.values()),
        key=[
            Line2D([], [], color=theme.INK, linewidth=1.8, label="observed"),
            *[Line2D([], [], color=_LOOK[kind][0], linestyle=_LOOK[kind][1], label=_LOOK[kind][2]) for kind in kinds],
            Patch(facecolor=theme.MUTED, alpha=0.2, label="95% interval"),
        ],
    )
    heights = [height for name in outcomes for height in (0.3, *[HEIGHT] * lines[name])]
    grid = GridSpec(len(heights), columns, figure=figure, height_ratios=heights)
    row = 0
    for name, outcome in outcomes.items():
        heading = figure.add_subplot(grid[row, :])
        heading.set_axis_off()
        log = " (logs)" if sentences.effect_unit(values["outcomes"][name]) == "log points" else ""
        heading.text(0, 0.35, f"{outcome['label']}{log}", weight="bold", transform=heading.transAxes, va="center")
        for position, unit in enumerate(units[name]):
            ax = figure.add_subplot(grid[row + 1 + position // columns, position % columns])
            _draw(ax, {kind: outcome[kind]["paths"][unit] for kind in outcome["expected"]})
            theme.panel_title(ax, unit_name(values, unit), theme.WIDTH / columns - 0.4, size=theme.SMALL + 0.5)
        row += 1 + lines[name]
    return figure


def _outcomes(values: Values) -> dict[str, dict[str, Any]]:
    return tables.section_outcomes(values, "controls", "expected")


def _units(outcome: Mapping[str, Any]) -> list[str]:
    return list(outcome[outcome["expected"][0]]["units"])[:MOST]


def _title(outcomes: Mapping[str, Mapping[str, Any]]) -> str:
    """How many treated units either model finds apart from zero on average."""
    texts = []
    for kind, (_, _, noun) in _LOOK.items():
        found = [
            effect
            for outcome in outcomes.values()
            if kind in outcome["expected"]
            for effect in outcome[kind]["by_unit"].values()
        ]
        if found:
            apart = sum(sentences.excludes_zero(effect) for effect in found)
            texts.append(f"{apart} of {len(found)} by the {noun}")
    return f"Average effects of single units apart from zero: {', '.join(texts)}"


def _draw(ax: Axes, paths: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    first = next(iter(paths.values()))
    years = sorted(int(period) for period in first)
    after = [year for year in years if "mean" in first[str(year)]]
    ax.axvline(after[0] - 0.5, color=theme.MUTED, linestyle="--", linewidth=1)
    for kind, path in paths.items():
        color, line, _ = _LOOK[kind]
        fitted = [path[str(year)]["mean" if year in after else "fitted"] for year in years]
        lower, upper = ([path[str(year)][end] for year in after] for end in ("lower", "upper"))
        ax.fill_between(after, lower, upper, color=color, alpha=0.15, linewidth=0)
        ax.plot(years, fitted, color=color, linestyle=line, linewidth=1.4)
    ax.plot(years, [first[str(year)]["observed"] for year in years], color=theme.INK, linewidth=1.8)
    ticks = marks.year_ticks(years[0], years[-1], 5)
    ax.set_xticks(ticks, [str(tick) if tick == ticks[0] else f"’{tick % 100:02d}" for tick in ticks])
    ax.grid(axis="y")
    ax.tick_params(axis="both", labelsize=theme.SMALL)
