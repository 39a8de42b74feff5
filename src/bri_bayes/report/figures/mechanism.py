"""Through which channel does the effect run? Total, and for each channel what goes through it and beside it."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bri_bayes.presentation import sentences
from bri_bayes.presentation.sentences import effect_unit
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme

_GAP = 0.5  # rows between channels
_LONG = 180.0  # points of a label


@theme.themed
def mechanism(values: Values) -> Figure:
    """A panel for each outcome: the total effect on top, then two rows for each channel."""
    own = values["mechanism"]
    outcomes = shown_outcomes(values)
    channels = list(dict.fromkeys(channel for outcome in outcomes.values() for channel in outcome["channels"]))
    labels = {0.0: "Total effect"}
    place = {}
    for position, channel in enumerate(channels):
        through = 1 + _GAP + position * (2 + _GAP)
        place[channel] = through
        labels |= {through: own["channels"][channel]["label"], through + 0.8: "beside it"}
    figure = theme.page(
        values,
        _title(outcomes),
        "Dots are posterior means, thin lines 95% intervals, thick lines one posterior sd. Through a channel: its own "
        "effect times the slope of the outcome on it; valid if no unmeasured shock moves both.",
        body=marks.blocks(outcomes) * (0.25 * (max(labels) + 1) + 1.2),
        key=[
            Line2D([], [], color=theme.INK, marker="D", linestyle="", label="total"),
            Line2D([], [], color=theme.BLUE, marker="o", linestyle="", label="through the channel"),
            Line2D([], [], color=theme.GREEN, marker="o", markerfacecolor="white", linestyle="", label="beside it"),
        ],
    )
    # Long labels leave a narrow panel.
    longest = max(theme.points_wide(label, theme.SMALL + 0.5) for label in labels.values())
    ticks = 2 if longest > _LONG else 4
    units = {name: effect_unit(outcome) for name, outcome in outcomes.items()}
    limits = marks.limits_of({name: _bounds(outcome) for name, outcome in outcomes.items()}, units)
    axes = marks.panels(figure, list(outcomes))
    for position, ((name, outcome), (ax,)) in enumerate(zip(outcomes.items(), axes, strict=True)):
        first = next(iter(outcome["channels"].values()))
        marks.zero_line(ax, vertical=True)
        rows = {0.0: first["total_alone"]}
        marks.dot(ax, 0.0, first["total_alone"], theme.INK, marker="D")
        for channel, found in outcome["channels"].items():
            marks.dot(ax, place[channel], found["indirect"], theme.BLUE, bold=True)
            marks.dot(ax, place[channel] + 0.8, found["direct"], theme.GREEN, hollow=True)
            rows |= {place[channel]: found["indirect"], place[channel] + 0.8: found["direct"]}
        numbers = {
            y: [sentences.signed(row["mean"], 2), sentences.interval(row["lower"], row["upper"], 2)]
            for y, row in rows.items()
        }
        marks.beside(ax, numbers, ("effect", "95% interval"), bold=0)
        marks.row_axis(ax, labels, show=position % 2 == 0)
        ax.xaxis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 5, 10]))
        ax.set_xlim(*limits[name])
        ax.set_xlabel(f"Effect, {units[name]}")
        theme.panel_title(ax, outcome["label"], 3.9, pad=marks.HEADINGS)
    return figure


def caption(values: Values) -> list[str]:
    """One sentence an outcome: how many indirect effects leave zero out, and the largest."""
    texts = []
    for outcome in shown_outcomes(values).values():
        found = outcome["channels"]
        apart = [channel for channel, one in found.items() if sentences.excludes_zero(one["indirect"])]
        largest = max(found, key=lambda channel: abs(found[channel]["indirect"]["mean"]))
        label = values["mechanism"]["channels"][largest]["label"]
        size = sentences.signed(found[largest]["indirect"]["mean"], 3)
        texts.append(
            f"{outcome['label']}: {len(apart)} of {len(found)} effects through a channel leave zero out; "
            f"the largest in size is {size} ({label})."
        )
    return texts


def shown_outcomes(values: Values) -> dict[str, Values]:
    """The outcomes of the section under the labels of the study."""
    found = values["mechanism"]["outcomes"].items()
    return {name: {**one, "label": values["outcomes"][name]["label"]} for name, one in found}


def _title(outcomes: Values) -> str:
    every = [one for outcome in outcomes.values() for one in outcome["channels"].values()]
    apart = sum(sentences.excludes_zero(one["indirect"]) for one in every)
    lasting = sum(one["verdict"] == "supported" for one in every)
    if apart == 0:
        return f"None of {len(every)} effects through a channel stands apart from zero"
    return (
        f"{apart} of {len(every)} effects through a channel stand apart from zero; "
        f"{lasting} would survive a modest confounder"
    )


def _bounds(outcome: Values) -> list[float | None]:
    rows = [one[path] for one in outcome["channels"].values() for path in ("indirect", "direct", "total_alone")]
    return [row[end] for row in rows for end in ("lower", "upper")]
