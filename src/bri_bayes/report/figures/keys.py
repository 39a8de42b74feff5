"""What does the key of a figure show? Handles that look like the marks they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

# The word for the rows of a panel: only those of a service or a user were observed.
_WORD = {"simulation": "simulated", "reconstruction": "reconstructed"}


def word_of_rows(values: Mapping[str, Any]) -> str:
    """What the outcome in the panel is: "observed", or the word for rows that were not."""
    return _WORD.get(values["panel"]["kind"], "observed")


def dot(color: str, label: str, marker: str = "o", *, hollow: bool = False, interval: bool = False) -> Line2D:
    """A mark; with ``interval`` on its line."""
    look: dict[str, Any] = {"marker": marker, "markersize": 6, "markerfacecolor": "white" if hollow else color}
    return Line2D([], [], color=color, linestyle="-" if interval else "", linewidth=1.6, label=label, **look)


def line(color: str, label: str, style: Any = "-", width: float = 1.8) -> Line2D:
    """A line of a curve."""
    return Line2D([], [], color=color, linestyle=style, linewidth=width, label=label)


def band(color: str, label: str, alpha: float = 0.2) -> Patch:
    """A shaded range."""
    return Patch(facecolor=color, alpha=alpha, label=label)
