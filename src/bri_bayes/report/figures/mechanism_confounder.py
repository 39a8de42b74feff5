"""How strong a confounder would undo a channel? The effect through it against the correlation of the two errors."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.checks.mediation import MODEST
from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme
from bri_bayes.report.figures.mechanism import channels_of, shown_outcomes

_HEIGHT = 1.75  # inches of a panel
_TITLE_WIDTH = 4.2  # inches of a panel title


@theme.themed
def mechanism_confounder(values: Values) -> Figure:
    """A column for each outcome, a row for each channel; the title of a panel says at which correlation it vanishes."""
    outcomes = shown_outcomes(values)
    channels = channels_of(outcomes)
    figure = theme.page(
        values,
        _title(outcomes),
        "Effect through the channel if new shocks to channel and outcome correlate by so much; band: 95% interval. "
        f"Shaded: correlations up to {MODEST:g} in size. Dotted: where the posterior median of the effect is zero.",
        body=marks.blocks(outcomes) * len(channels) * _HEIGHT,
    )
    for _, outcome, axes, _ in marks.each(figure, outcomes, rows=len(channels)):
        for ax, channel in zip(axes, channels, strict=True):
            if channel not in outcome["channels"]:
                ax.remove()
                continue
            answer = outcome["channels"][channel]
            _draw(ax, answer)
            label = values["mechanism"]["channels"][channel]["label"]
            theme.panel_title(ax, _panel_title(outcome, label, answer), _TITLE_WIDTH, size=theme.SMALL + 0.5)
            ax.set_ylabel(sentences.effect_unit(outcome))
            if channel == channels[-1]:
                ax.set_xlabel("Correlation of the new shocks to channel and outcome")
    return figure


def caption(values: Values) -> list[str]:
    """One sentence an outcome: the smallest and the largest correlation that takes a channel away."""
    texts = []
    for outcome in shown_outcomes(values).values():
        at = {channel: _vanishes(answer) for channel, answer in outcome["channels"].items()}
        strongest = max(at, key=lambda channel: at[channel])
        label = values["mechanism"]["channels"][strongest]["label"]
        within = sum(value <= MODEST for value in at.values())
        texts.append(
            f"{outcome['label']}: a correlation of {MODEST:g} or less would take away {within} of {len(at)} channels; "
            f"the hardest to explain away is {label}, at {sentences.number(at[strongest], 2)}."
        )
    return texts


def _title(outcomes: Values) -> str:
    at = [_vanishes(answer) for outcome in outcomes.values() for answer in outcome["channels"].values()]
    within = sum(value <= MODEST for value in at)
    return f"{within} of {len(at)} channels vanish with a correlation of {MODEST:g} or less between unmeasured shocks"


def _vanishes(answer: Values) -> float:
    """The size of the correlation at which the median of the effect is zero."""
    return abs(float(answer["confounder"]["vanishes_at"]["median"]))


def _panel_title(outcome: Values, label: str, answer: Values) -> str:
    vanishing = answer["confounder"]["vanishes_at"]
    at = sentences.signed(vanishing["median"], 2)
    ends = sentences.interval(vanishing["lower"], vanishing["upper"], 2)
    return f"{outcome['label']}, {label}: vanishes at {at} ({ends})"


def _draw(ax: Axes, answer: Values) -> None:
    curve = answer["confounder"]["curve"]
    at = [point["correlation"] for point in curve]
    marks.zero_line(ax)
    ax.axvspan(-MODEST, MODEST, color=theme.FAINT, alpha=0.55, linewidth=0, zorder=0.5)
    marks.band(ax, at, curve, theme.BLUE)
    ax.axvline(answer["confounder"]["vanishes_at"]["median"], color=theme.INK, linewidth=1.3, linestyle=":")
    ax.set_xlim(at[0], at[-1])
