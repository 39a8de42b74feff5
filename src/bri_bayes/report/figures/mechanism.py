"""Through which channel does the effect run? Total, and for each channel what goes through it and beside it."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.names_shown import in_sentence
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, rows, theme, wording
from bri_bayes.report.figures.rows import Row

_GAP = 0.5  # rows between channels
_BESIDE = 0.8  # rows from the effect through a channel to that beside it


@theme.themed
def mechanism(values: Values) -> Figure:
    """A panel for each outcome: the total effect on top, then two rows for each channel."""
    outcomes = shown_outcomes(values)
    channels = channels_of(outcomes)
    at = {channel: 1 + _GAP + place * (2 + _GAP) for place, channel in enumerate(channels)}
    labels = {0.0: "Total effect"}
    for channel, y in at.items():
        labels |= {y: values["mechanism"]["channels"][channel]["label"], y + _BESIDE: "beside it"}
    figure = theme.page(
        values,
        _title(outcomes),
        f"{rows.POSTERIORS}. Through a channel: its own effect times the slope of the outcome on it; valid if no "
        "unmeasured shock moves both.",
        body=marks.blocks(outcomes) * (0.31 * (max(labels) + 1) + 1.2),
        key=[
            keys.dot(theme.INK, "total", "D"),
            keys.dot(theme.BLUE, "through the channel"),
            keys.dot(theme.BLUE, "beside it", hollow=True),
        ],
    )
    drawn = {name: _rows(outcome, at, labels) for name, outcome in outcomes.items()}
    limits = marks.limits_of({name: rows.bounds(row.effect for row in drawn[name]) for name in outcomes}, outcomes)
    for name, outcome, (ax,), first in marks.each(figure, outcomes):
        rows.forest(ax, drawn[name], rows.WITH_INTERVAL, labels=labels, limits=limits[name], show=first, bold=0)
        rows.finish(ax, outcome, outcome["label"])
    return figure


def caption(values: Values) -> list[str]:
    """One sentence an outcome: how many indirect effects exclude zero, and the largest."""
    texts = []
    for outcome in shown_outcomes(values).values():
        through = {channel: answer["indirect"] for channel, answer in outcome["channels"].items()}
        largest = max(through, key=lambda channel: abs(through[channel]["mean"]))
        texts.append(
            f"{outcome['label']}: {wording.excluding_zero(through.values())} of {len(through)} effects through a "
            f"channel exclude zero; the largest in size is {sentences.signed(through[largest]['mean'], 3)}, "
            f"{in_sentence(values['mechanism']['channels'][largest]['label'])}."
        )
    return texts


def shown_outcomes(values: Values) -> dict[str, dict[str, Any]]:
    """The outcomes of the section under the labels of the study."""
    return wording.outcomes_of(values, "mechanism", "channels")


def channels_of(outcomes: Values) -> list[str]:
    """Every channel that at least one outcome has, in order."""
    return list(dict.fromkeys(channel for outcome in outcomes.values() for channel in outcome["channels"]))


def _rows(outcome: Values, at: dict[str, float], labels: dict[float, str]) -> list[Row]:
    total = next(iter(outcome["channels"].values()))["total_alone"]
    drawn = [Row(0.0, labels[0.0], total, theme.INK, "D", numbers=wording.cells(total)[:2])]
    for channel, answer in outcome["channels"].items():
        y, through, direct = at[channel], answer["indirect"], answer["direct"]
        drawn.append(Row(y, labels[y], through, bold=True, numbers=wording.cells(through)[:2]))
        y += _BESIDE
        drawn.append(Row(y, labels[y], direct, theme.BLUE, hollow=True, numbers=wording.cells(direct)[:2]))
    return drawn


def _title(outcomes: Values) -> str:
    every = [answer for outcome in outcomes.values() for answer in outcome["channels"].values()]
    count = wording.excluding_zero(answer["indirect"] for answer in every)
    lasting = sum(answer["verdict"] == "supported" for answer in every)
    if count == 0:
        return f"None of {len(every)} effects through a channel stands apart from zero"
    return (
        f"{count} of {len(every)} effects through a channel stand apart from zero; "
        f"{lasting} would survive a modest confounder"
    )
