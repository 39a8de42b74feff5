"""Does the model make panels that look like this one? Statistics among those of simulated panels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from bri_bayes.checks.posterior_predictive import NAMES
from bri_bayes.presentation import sentences
from bri_bayes.presentation.names_shown import card_label
from bri_bayes.presentation.study_tables import Values, unit_name
from bri_bayes.report.figures import marks, theme, wording
from bri_bayes.report.figures.placebo_marks import digits_of, histogram, real_line

# What the axis of each statistic counts; the others are changes of the outcome.
_AXES = {
    "autocorrelation": "correlation, no unit",
    "second_lag": "partial correlation, no unit",
    "shared_growth": "ratio of variances, no unit",
    "spread": "ratio of standard deviations, no unit",
    "largest_jump": "{unit} from one year to the next",
    "common_trend": "{unit} a year",
}


@theme.themed
def model_checks(values: Values) -> Figure:
    """A column for each outcome, a row for each statistic: grey from simulated panels, the line is this panel."""
    outcomes = wording.outcomes_of(values, "placebo", "predictive")
    figure = theme.page(
        values,
        _title(outcomes),
        f"Statistics of rows without treatment, after unit and period effects: the histogram is what {_model(values)} "
        "makes, the line this panel. p: share of simulated panels with a larger value; "
        "below 0.025 or above 0.975 the model does not make such panels.",
        body=marks.blocks(outcomes) * len(NAMES) * 1.65,
    )
    for _, outcome, axes, _ in marks.each(figure, outcomes, rows=len(NAMES)):
        statistics = outcome["predictive"]["model_checks"]["statistics"]
        for ax in axes[len(statistics) :]:
            ax.set_visible(False)
        for ax, row in zip(axes, statistics, strict=False):
            histogram(ax, row["draws"], bins=30)
            ax.margins(x=0.1, y=0.15)
            axis = _AXES[row["statistic"]].format(unit=sentences.effect_unit(outcome))
            ax.set_xlabel(axis, size=theme.SMALL)
            real_line(ax, row["observed"], sentences.number(row["observed"], digits_of(row)), theme.INK)
            mark = ", does not fit" if row["extreme"] else ""
            text = f"{outcome['label']}, {NAMES[row['statistic']]}: p\u00a0{sentences.number(row['p_value'], 3)}{mark}"
            theme.panel_title(ax, text, 4.2, size=theme.SMALL + 0.5)
    return figure


def caption(values: Values) -> list[str]:
    """Which statistics the model does not reproduce, and which units are too restless or too calm for one scale."""
    texts = []
    for outcome in wording.outcomes_of(values, "placebo", "predictive").values():
        checks = outcome["predictive"]["model_checks"]
        lost = [NAMES[row["statistic"]] for row in checks["statistics"] if row["extreme"]]
        unlike = [unit_name(values, unit) for unit, row in checks["by_unit"].items() if row["extreme"]]
        text = f"{outcome['label']}: " + (
            f"{_model(values)} does not reproduce the {' and the '.join(lost)}"
            if lost
            else f"{_model(values)} reproduces every statistic below"
        )
        texts.append(f"{text}; spread unlike the model's in {', '.join(unlike)}." if unlike else f"{text}.")
    return texts


def _model(values: Values) -> str:
    """The model by its card, which values of an earlier version do not name."""
    card = values["placebo"].get("card")
    return "the model" if card is None else f"the model ({card_label(card, values)})"


def _title(outcomes: Mapping[str, Any]) -> str:
    parts = []
    for outcome in outcomes.values():
        checks = outcome["predictive"]["model_checks"]["statistics"]
        extreme = [NAMES[row["statistic"]] for row in checks if row["extreme"]]
        parts.append(f"{outcome['label']}: {', '.join(extreme) if extreme else 'nothing'}")
    return "What the model does not reproduce. " + "; ".join(parts)
