"""What happened in each treated unit, and what would have without the policy? Small multiples on a log scale."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.policy_name import policy_of
from bri_bayes.presentation.study_tables import Values, main_model, unit_name
from bri_bayes.report.figures import keys, marks, theme

MOST = 20  # units shown of an outcome
HEIGHT = 1.55  # inches of a panel
_ROUND = (1, 5, 2, 3, 7, 4, 6, 8, 9, 1.5, 2.5)  # leading digits of a tick, the roundest first
_APART = 0.16  # of the height of a panel, between two ticks
_MULTIPLIERS = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}


@theme.themed
def paths(values: Values) -> Figure:
    """A block for each outcome, a panel for each treated unit: outcome and counterfactual path with its 95% band."""
    outcomes = theme.outcomes_with(values, "counterfactual", "paths")
    shown = {name: _largest(main_model(outcome)["counterfactual"]) for name, outcome in outcomes.items()}
    without = f"without {policy_of(values)}"
    figure = theme.page(
        values,
        _title(values, outcomes),
        "Each panel has its own log scale; the same distance up is the same percentage within a panel."
        + _capped(outcomes),
        body=marks.unit_panels_height(shown, HEIGHT),
        key=[
            keys.line(theme.INK, keys.word_of_rows(values)),
            keys.line(theme.BLUE, f"{without} (mean)", (0, (4, 2)), 1.6),
            keys.band(theme.BLUE, "95% interval"),
            keys.line(theme.MUTED, "onset", "--", 1.0),
        ],
    )
    scales = {name: scale_of(outcome) for name, outcome in outcomes.items()}
    headings = {
        name: f"{outcome['label']}{f', {scales[name][1]}' if scales[name][1] else ''} (log scale)"
        for name, outcome in outcomes.items()
    }
    for name, unit, ax, inches in marks.unit_panels(figure, shown, headings, HEIGHT):
        _draw(ax, main_model(outcomes[name])["counterfactual"][unit])
        _level_ticks(ax, outcomes[name], scales[name][0])
        theme.panel_title(ax, unit_name(values, unit), inches, size=theme.SMALL + 0.5)
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


def _largest(counterfactual: Mapping[str, Any]) -> list[str]:
    """The units in their order, or the largest by their last observation."""
    if len(counterfactual) <= MOST:
        return list(counterfactual)
    last = {unit: path[max(path, key=int)]["observed"] for unit, path in counterfactual.items()}
    return sorted(counterfactual, key=lambda unit: -last[unit])[:MOST]


def _capped(outcomes: Mapping[str, Any]) -> str:
    counts = {len(main_model(outcome)["counterfactual"]) for outcome in outcomes.values()}
    return f" The {MOST} largest of {max(counts)} treated units are shown." if max(counts) > MOST else ""


def _title(values: Values, outcomes: Mapping[str, Any]) -> str:
    """The share of treated cells whose observation lies inside the band."""
    count = sentences.in_band(values, outcomes.values())
    return f"In {count} the outcome lies inside the band without {policy_of(values)}"


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
        marks.onset_line(ax, after[0])
        effects = [{end: table[end][at] for end in ("mean", "lower", "upper")} for at in range(len(years))[shown]]
        marks.band(ax, years[shown], effects, theme.BLUE, linewidth=1.6, linestyle=(0, (4, 2)))
    ax.plot(years, table["observed"], color=theme.INK, linewidth=1.8)
    marks.short_years(ax, years)


def _level_ticks(ax: Axes, outcome: Values, size: float) -> None:
    """Label the axis of logs with levels. ``size`` : base units in one unit of the level."""
    to_level, to_log = (np.expm1, np.log1p) if outcome.get("transform") == "log1p" else (np.exp, np.log)
    low, high = (float(to_level(end)) * size for end in ax.get_ylim())
    ticks = level_ticks(max(low, high * 1e-9), high)
    ax.set_yticks(
        [float(to_log(tick / size)) for tick in ticks], [sentences.compact(tick, is_tick=True) for tick in ticks]
    )
