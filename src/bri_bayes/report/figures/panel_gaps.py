"""Where does a panel of countries have no value? Countries by years, the share of columns missing and filled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bri_bayes.data.official.gaps import Gaps
from bri_bayes.report.figures import keys, marks, theme

# More rows than this cannot be read on a page: the units with the most gaps are drawn.
MOST_UNITS = 60
_ROW, _LEAST = 0.17, 1.6  # inches
_NAMED = 3


def panel_gaps(gaps: Gaps, source: str) -> Figure:
    """One row a unit: darker is more columns without a value, a dot marks filled values."""
    with theme.style():
        return _drawn(gaps, source)


def save_panel_gaps(gaps: Gaps, source: str, path: Path) -> Path:
    """Write the figure as SVG and PNG beside each other; the path of the SVG."""
    return theme.save(panel_gaps(gaps, source), path.parent, path.stem, png=True)


def title(gaps: Gaps) -> str:
    """How much is missing, and where most."""
    share, filled = float(gaps.missing.mean()), float(gaps.filled.mean())
    if not gaps.worst:
        said = "No value is missing"
    else:
        named = ", ".join(gaps.worst[:_NAMED])
        said = f"{100 * share:.0f}% of the values are missing, most of {named}" if share >= 0.005 else (
            f"Few values are missing: {named}"
        )  # fmt: skip
    return f"{said}; {100 * filled:.0f}% are filled, not observed" if filled else said


def _drawn(gaps: Gaps, source: str) -> Figure:
    chosen = gaps.units if len(gaps.units) <= MOST_UNITS else gaps.worst[:MOST_UNITS] or gaps.units[:MOST_UNITS]
    rows = [gaps.units.index(unit) for unit in sorted(chosen)]
    some = "" if len(rows) == len(gaps.units) else f" The {len(rows)} of {len(gaps.units)} units with the most gaps."
    values = {"panel": {"kind": gaps.kind, "label": source, "sources": []}}
    dots = [keys.dot(theme.BLUE, "some of the values are filled (the larger, the more)")] if gaps.filled.any() else []
    figure = theme.page(
        values,
        title(gaps),
        f"Each cell is a unit and year; the darker, the more of the {len(gaps.columns)} columns have no value, and "
        f"white has all.{some}",
        body=max(_LEAST, _ROW * len(rows)) + 0.5,
        key=dots,
    )
    ax = figure.add_subplot()
    colours = LinearSegmentedColormap.from_list("missing", ["#ffffff", theme.VERMILLION, theme.INK])
    shown = gaps.missing[rows]
    ax.pcolormesh(
        np.arange(len(gaps.years) + 1) - 0.5, np.arange(len(rows) + 1) - 0.5, shown,
        cmap=colours, norm=Normalize(0, 1), edgecolors=theme.FAINT, linewidth=0.4,
    )  # fmt: skip
    at = np.argwhere(gaps.filled[rows] > 0)
    if len(at):
        size = 5 + 60 * gaps.filled[rows][tuple(at.T)]
        ax.scatter(at[:, 1], at[:, 0], s=size, color=theme.BLUE, edgecolors="white", linewidths=0.4)
    ax.set_yticks(range(len(rows)), [gaps.units[i] for i in rows])
    ticks = [year for year in marks.year_ticks(gaps.years[0], gaps.years[-1], 9) if year in gaps.years]
    ax.set_xticks([gaps.years.index(int(year)) for year in ticks], [str(int(year)) for year in ticks])
    ax.invert_yaxis()
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 1), colours), ax=ax, shrink=min(1.0, 2.5 / (_ROW * len(rows) + 1))
    )
    bar.set_label("columns without a value")
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    return figure
