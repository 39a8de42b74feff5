"""How often would a world without the policy give this estimate? Estimates on simulated panels, one marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from bri_bayes.presentation.policy_name import policy_of
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, theme, wording
from bri_bayes.report.figures.placebo_marks import histogram, real_line, real_text

_ROWS = ("from the years before the policy, forecast", "from all years, effect taken away")


@theme.themed
def placebo_predictive(values: Values) -> Figure:
    """A column for each outcome, a row for each way to simulate a world without the policy."""
    outcomes = wording.outcomes_of(values, "placebo", "predictive")
    panels = " or ".join(sorted({f"{outcome['predictive']['n']:,}" for outcome in outcomes.values()}))
    figure = theme.page(
        values,
        _title(values, outcomes),
        f"Posterior means of the effect on {panels} panels that were simulated from the model without the policy; the "
        "same estimator on each. Dark: the middle 95%. Top: forecast from what was seen before the onset. Below: "
        "fitted on all years, the effect taken away.",
        body=marks.blocks(outcomes) * 4.2,
        key=[
            keys.band(theme.MUTED, f"worlds without {policy_of(values)}", 0.85),
            keys.line(theme.BLUE, "actual estimate", width=2),
        ],
    )
    for _, outcome, axes, _ in marks.each(figure, outcomes, rows=2):
        nulls = (outcome["predictive"], outcome["predictive"]["whole_panel"])
        for ax, null, how in zip(axes, nulls, _ROWS, strict=True):
            means = [row["att"]["mean"] for row in null["placebos"]]
            histogram(ax, means)
            marks.zero_line(ax, vertical=True)
            ax.margins(y=0.2)
            ax.set_xlabel(wording.effect_axis(outcome))
            real_line(ax, null["observed"]["mean"], real_text(null["observed"]))
            share = wording.share(null["p_value"])
            theme.panel_title(ax, f"{outcome['label']}, {how}: {share} as large", 4.2, size=theme.SMALL + 0.5)
    return figure


def caption(values: Values) -> list[str]:
    """The share of worlds without the policy with an estimate at least as large."""
    return [
        f"{outcome['label']}: {wording.share(outcome['predictive']['p_value'])} of worlds without "
        "the policy, forecast from the years before it, give an estimate at least as large; "
        f"{wording.share(outcome['predictive']['whole_panel']['p_value'])} when all years are "
        "used and the effect is taken away."
        for outcome in wording.outcomes_of(values, "placebo", "predictive").values()
    ]


def _title(values: Values, outcomes: Mapping[str, Any]) -> str:
    parts = [f"{wording.share(outcome['predictive']['p_value'])} ({outcome['label']})" for outcome in outcomes.values()]
    return f"Worlds without {policy_of(values)} that give an effect at least as large: {'; '.join(parts)}"
