"""Did both rise? The joint posterior density of two average effects, with the probability of each quadrant."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.checks.jointly import TOLD
from bri_bayes.presentation import sentences
from bri_bayes.presentation.names_shown import in_sentence
from bri_bayes.presentation.sentences import effect_unit
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme

_HEIGHT = 4.6  # inches of a panel
_CORNERS = {
    "both_up": (0.98, 0.97, "right", "top"),
    "first_up_second_not": (0.98, 0.03, "right", "bottom"),
    "second_up_first_not": (0.02, 0.97, "left", "top"),
    "neither_up": (0.02, 0.03, "left", "bottom"),
}


@theme.themed
def joint(values: Values) -> Figure:
    """A panel for each pair of outcomes: contours of the density, means and intervals at the axes."""
    pairs = _pairs(values)
    masses = ", ".join(f"{100 * mass:.0f}" for mass in next(iter(pairs.values()))["density"]["masses"])
    figure = theme.page(
        values,
        _title(pairs),
        f"Contours hold {masses}% of the posterior of the two average effects. Percentages: the probability of each "
        "quadrant. Dot: posterior means; lines: 95% intervals.",
        body=marks.blocks(pairs) * _HEIGHT,
        width=7.2 if len(pairs) == 1 else theme.WIDTH,
    )
    for _, pair, (ax,), _ in marks.each(figure, pairs):
        _draw(ax, pair)
        for axis, label, transform in zip(("x", "y"), pair["labels"], pair["transforms"], strict=True):
            unit = effect_unit({"transform": transform})
            getattr(ax, f"set_{axis}label")(f"{label}: effect, {unit}")
    return figure


def caption(values: Values) -> list[str]:
    """One sentence a pair: the probability that both rose, and that only one did."""
    texts = []
    for pair in _pairs(values).values():
        first, second = pair["labels"]
        shares = {name: sentences.probability(share) for name, share in pair["quadrants"].items()}
        texts.append(
            f"Both rose with probability {shares['both_up']}; {in_sentence(first)} alone, "
            f"{shares['first_up_second_not']}; {in_sentence(second)} alone, {shares['second_up_first_not']}; "
            f"neither, {shares['neither_up']}."
        )
    return texts


def _pairs(values: Values) -> dict[str, Any]:
    """The pairs of outcomes under the labels of the study."""
    return {
        key: {**pair, "labels": [values["outcomes"][name]["label"] for name in pair["outcomes"]]}
        for key, pair in values["joint"]["outcomes"].items()
    }


def _title(pairs: Values) -> str:
    pair = next(iter(pairs.values()))
    likely = max(pair["quadrants"], key=lambda name: pair["quadrants"][name])
    share = sentences.probability(pair["quadrants"][likely], words=False)
    first, second = map(in_sentence, pair["labels"])
    said = {
        "both_up": f"{first} and {second} both rose",
        "first_up_second_not": f"{first} rose and {second} did not",
        "second_up_first_not": f"{second} rose and {first} did not",
        "neither_up": f"neither {first} nor {second} rose",
    }[likely]
    if pair["quadrants"][likely] >= TOLD:
        return f"{said[0].upper()}{said[1:]} (probability {share})"
    alike = [name for name, value in pair["quadrants"].items() if sentences.probability(value, words=False) == share]
    if len(alike) > 1:
        return f"Of four statements none reaches 95%: {len(alike)} are the most probable, with {share} each"
    return f"Of four statements none reaches 95%: most probable, {said} ({share})"


def _draw(ax: Axes, pair: Any) -> None:
    density = pair["density"]
    x, y, height = (np.array(density[key]) for key in ("x", "y", "height"))
    levels = sorted(density["levels"])
    ax.contourf(x, y, height, levels=[*levels, 1.0001], colors=["#cfe3f1", "#7fb6d9", theme.BLUE], zorder=1)
    marks.zero_line(ax)
    marks.zero_line(ax, vertical=True)
    first, second = pair["att"]
    ax.plot([first["lower"], first["upper"]], [second["mean"]] * 2, color=theme.INK, linewidth=1.4, zorder=3)
    ax.plot([first["mean"]] * 2, [second["lower"], second["upper"]], color=theme.INK, linewidth=1.4, zorder=3)
    ax.plot([first["mean"]], [second["mean"]], marker="o", color="white", markeredgecolor=theme.INK, zorder=4)
    for name, (x_place, y_place, ha, va) in _CORNERS.items():
        share = pair["quadrants"][name]
        text = sentences.probability(share, words=False) if math.isfinite(share) else "–"
        ax.text(x_place, y_place, text, transform=ax.transAxes, ha=ha, va=va, size=theme.TITLE, weight="bold", zorder=5)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
