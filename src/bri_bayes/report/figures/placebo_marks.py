"""What do the figures of placebos share? Counts, and histograms beside a real estimate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from bri_bayes.core.effect import TAILS
from bri_bayes.presentation import sentences
from bri_bayes.report.figures import marks, theme


def short_share(null: Mapping[str, Any]) -> int:
    """How many placebos are at least as large as the actual estimate, the actual one itself not counted."""
    size = abs(null["observed"]["mean"])
    return sum(abs(row["att"]["mean"]) >= size and not row.get("observed", False) for row in null["placebos"])


def digits_of(att: Mapping[str, float]) -> int:
    """Decimals that show two digits of the width of an interval."""
    width = att["upper"] - att["lower"]
    return 2 if not width > 0 else int(min(max(1 - np.floor(np.log10(width)), 2 if width < 20 else 0), 4))


def histogram(ax: Axes, draws: Sequence[float], *, bins: int = 40) -> None:
    """The distribution of placebos; its middle 95% in the full colour, the tails paler."""
    values = np.asarray(draws, dtype=float)
    counts, edges = np.histogram(values, bins=bins)
    low, high = np.quantile(values, TAILS)
    middles = (edges[:-1] + edges[1:]) / 2
    for inside, alpha in ((True, 0.85), (False, 0.35)):
        chosen = ((middles >= low) & (middles <= high)) == inside
        ax.bar(
            middles[chosen],
            counts[chosen],
            width=np.diff(edges)[chosen],
            color=theme.MUTED,
            alpha=alpha,
            lw=0,
            zorder=2,
        )
    marks.no_heights(ax)


def real_line(ax: Axes, estimate: float, text: str, color: str = theme.BLUE) -> None:
    """The real estimate in a distribution, named beside its line."""
    ax.axvline(estimate, color=color, linewidth=2, zorder=5)
    beyond = estimate > sum(ax.get_xlim()) / 2
    ax.annotate(
        text,
        (estimate, 0.97),
        xycoords=ax.get_xaxis_transform(),
        xytext=(-5 if beyond else 5, 0),
        textcoords="offset points",
        ha="right" if beyond else "left",
        va="top",
        color=color,
        size=theme.SMALL,
        weight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.95, "pad": 1.0},
        zorder=6,
    )


def real_text(att: Mapping[str, float]) -> str:
    """The label of ``real_line``."""
    return f"actual: {sentences.signed(att['mean'], digits_of(att))}"
