"""How often would a world without the policy give this estimate? Estimates on simulated panels, one marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme
from bri_bayes.report.figures.placebo_marks import REAL, answered, histogram, real_line, real_text

_ROWS = ("from the years before the policy, forecast", "from all years, effect taken away")


@theme.themed
def placebo_predictive(values: Values) -> Figure:
    """A column for each outcome, a row for each way to simulate a world without the policy."""
    outcomes = answered(values, "predictive")
    panels = " or ".join(sorted({f"{outcome['predictive']['n']:,}" for outcome in outcomes.values()}))
    figure = theme.page(
        values,
        _title(outcomes),
        f"Posterior means of the effect on {panels} panels that were simulated from the model without the policy; the "
        "same estimator on each. Dark: the middle 95%. Top: forecast from what was seen before the onset. Below: "
        "fitted on all years, the effect taken away.",
        body=marks.blocks(outcomes) * 4.2,
        key=[
            Patch(facecolor=theme.BLUE, alpha=0.85, label="worlds without the policy"),
            Line2D([], [], color=REAL, linewidth=2, label="actual estimate"),
        ],
    )
    blocks = marks.panels(figure, list(outcomes), rows=2)
    for outcome, axes in zip(outcomes.values(), blocks, strict=True):
        nulls = (outcome["predictive"], outcome["predictive"]["whole_panel"])
        for ax, null, how in zip(axes, nulls, _ROWS, strict=True):
            means = [row["att"]["mean"] for row in null["placebos"]]
            histogram(ax, means, color=theme.BLUE)
            ax.axvline(0, color=theme.INK, linewidth=1.0, zorder=1.5)
            ax.margins(y=0.2)
            real_line(ax, null["observed"]["mean"], real_text(null["observed"]))
            share = sentences.probability(null["p_value"], words=False)
            theme.panel_title(ax, f"{outcome['label']}, {how}: {share} as large", 4.2, size=theme.SMALL + 0.5)
        axes[-1].set_xlabel(f"Effect, {sentences.effect_unit(outcome)}")
    return figure


def caption(values: Values) -> list[str]:
    """The share of worlds without the policy with an estimate at least as large."""
    return [
        f"{outcome['label']}: {sentences.probability(outcome['predictive']['p_value'], words=False)} of worlds without "
        "the policy, forecast from the years before it, give an estimate at least as large; "
        f"{sentences.probability(outcome['predictive']['whole_panel']['p_value'], words=False)} when all years are "
        "used and the effect is taken away."
        for outcome in answered(values, "predictive").values()
    ]


def _title(outcomes: Mapping[str, Any]) -> str:
    parts = [
        f"{sentences.probability(outcome['predictive']['p_value'], words=False)} ({outcome['label']})"
        for outcome in outcomes.values()
    ]
    return "Worlds without the policy that give an effect at least as large: " + "; ".join(parts)
