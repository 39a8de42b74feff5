"""How sure is a ranking of products? The probability of each rank of each category, as a shaded table."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme, wording
from bri_bayes.report.figures.category_effects import as_panel, main_fits

_SHADES = LinearSegmentedColormap.from_list("shades", ["white", theme.BLUE])
# From this share of the darkest shade on, text is white.
_DARK = 0.55


@theme.themed
def category_ranks(values: Values) -> Figure:
    """A panel for each outcome: rows are categories by their expected rank, columns ranks, the largest effect first."""
    section = as_panel(values)
    fits = main_fits(section)
    most = max(len(fit["categories"]) for fit in fits.values())
    figure = theme.page(
        section,
        _title(section),
        "Each cell is the posterior probability that a category has a rank, 1 for the largest effect; rows and columns "
        "add up to 100%. Without any information every cell would have the same shade.",
        body=marks.blocks(fits, 1) * (0.34 * most + 0.95),
    )
    top = max(max(row) for fit in fits.values() for row in fit["ranks"].values())
    for name, fit, (ax,), _ in marks.each(figure, fits, columns=1):
        _heat(ax, section, fit, top)
        theme.panel_title(ax, section["outcomes"][name]["label"], 8.0)
    return figure


def caption(values: Values) -> list[str]:
    """Which category most likely gained most, how likely, and what a guess would score."""
    section = as_panel(values)
    texts = []
    for outcome in section["outcomes"].values():
        fit = outcome["fits"][outcome["main"]]
        first, p = _most_likely(fit)
        guess = wording.share(1 / len(fit["categories"]))
        texts.append(
            f"{outcome['label']}: {section['names'].get(first, first)} has the largest probability of having gained "
            f"most, {wording.share(p)}; a guess has {guess}."
        )
    return texts


def _title(section: Values) -> str:
    """Whether the first place of any outcome is known at all."""
    best = {name: _most_likely(outcome["fits"][outcome["main"]]) for name, outcome in section["outcomes"].items()}
    if all(p < 0.5 for _, p in best.values()):
        largest = wording.share(max(p for _, p in best.values()))
        return f"The data do not say which product gained most: no first place has more than {largest}"
    named = [
        f"{section['outcomes'][name]['label']}: {section['names'].get(first, first)} first with {wording.share(p)}"
        for name, (first, p) in best.items()
    ]
    return "; ".join(named)


def _most_likely(fit: Values) -> tuple[str, float]:
    first = max(fit["categories"], key=lambda name: fit["ranks"][name][0])
    return first, fit["ranks"][first][0]


def _heat(ax: Axes, section: Values, fit: Values, top: float) -> None:
    ranks = np.arange(1, len(fit["categories"]) + 1)
    order = sorted(fit["categories"], key=lambda name: float(ranks @ np.array(fit["ranks"][name])))
    table = np.array([fit["ranks"][name] for name in order])
    ax.set_xlim(-0.5, len(order) - 0.5)
    ax.set_ylim(len(order) - 0.5, -0.5)
    for row, column in np.ndindex(*table.shape):
        # A rectangle a cell: the page takes no raster image.
        shade = _SHADES(float(table[row, column]) / top)
        ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=shade, linewidth=0))
        dark = table[row, column] > _DARK * top
        text = wording.share(float(table[row, column]))
        ax.text(
            column, row, text, ha="center", va="center", size=theme.SMALL + 0.5, color="white" if dark else theme.INK
        )
    ax.set_yticks(range(len(order)), [section["names"].get(name, name) for name in order])
    ax.set_xticks(range(len(order)), [str(rank) for rank in ranks])
    ax.set_xlabel("Rank of the effect, 1 the largest")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
