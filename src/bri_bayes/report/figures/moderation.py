"""Does the effect move with the moderator? The effect over its range in the panel, by outcome and version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.names_shown import in_sentence
from bri_bayes.presentation.study_tables import Values, unit_name
from bri_bayes.report.figures import marks, theme, wording

_HEIGHT = 3.2  # inches of a panel
TITLE_WIDTH = 4.2  # inches of a panel title
_RUG = 0.075  # height of a country's line below the curve, as a share of the panel
_MOST_NAMES = 8  # countries that can be told apart below a curve


@theme.themed
def moderation(values: Values) -> Figure:
    """A column for each outcome, a row for each version; below each curve the span of every treated country."""
    moderator = values["moderation"]["moderator"]
    outcomes = shown_outcomes(values)
    versions = versions_of(outcomes)
    figure = theme.page(
        values,
        _title(in_sentence(moderator["label"]), outcomes),
        "Line: posterior mean of the average effect at a value of the moderator; band: 95% interval. Below: the span "
        f"of each treated {sentences.singular(sentences.unit_noun(values))} in its treated years; a dot is its mean.",
        body=marks.blocks(outcomes) * len(versions) * _HEIGHT,
    )
    axis = f"{moderator['label']}, {moderator['units']}" if moderator["units"] else moderator["label"]
    for outcome, version, ax in each_version(figure, outcomes, versions):
        _draw(ax, values, outcome["versions"][version])
        theme.panel_title(ax, panel_title(outcome, outcome["versions"][version]), TITLE_WIDTH, size=theme.SMALL + 0.5)
        ax.set_ylabel(wording.effect_axis(outcome))
        ax.set_xlabel("\n".join(theme.wrapped(axis, TITLE_WIDTH, theme.TEXT)))
    return figure


def caption(values: Values) -> list[str]:
    """One sentence an outcome: between which values the effect moves, and whether its slope is told from zero."""
    label, texts = values["moderation"]["moderator"]["label"], []
    for outcome in shown_outcomes(values).values():
        answer = outcome["versions"][outcome["main"]]
        first, last = answer["curve"][0], answer["curve"][-1]
        texts.append(
            f"{outcome['label']}: over the panel's range of {in_sentence(label)} the mean effect goes from "
            f"{sentences.signed(first['mean'], 2)} to {sentences.signed(last['mean'], 2)}; the effect falls with "
            f"probability {sentences.probability(answer['p_negative'])}."
        )
    return texts


def shown_outcomes(values: Values) -> dict[str, dict[str, Any]]:
    """The outcomes that have a version, under the labels of the study."""
    return wording.outcomes_of(values, "moderation", "versions")


def versions_of(outcomes: Values) -> list[str]:
    """Every version that at least one outcome has, in order."""
    return list(dict.fromkeys(version for outcome in outcomes.values() for version in outcome["versions"]))


def each_version(figure: Figure, outcomes: Values, versions: list[str]) -> Iterator[tuple[Any, str, Axes]]:
    """Outcome, version and axes of each panel: a column for each outcome, a row for each version."""
    for _, outcome, axes, _ in marks.each(figure, outcomes, rows=len(versions)):
        for ax, version in zip(axes, versions, strict=True):
            if version in outcome["versions"]:
                yield outcome, version, ax
            else:
                ax.remove()


def panel_title(outcome: Values, answer: Values) -> str:
    """Outcome, version, and the probability that the effect falls."""
    share = wording.share(answer["p_negative"])
    return f"{outcome['label']}: {in_sentence(answer['title'])}; P(slope\u00a0<\u00a00)\u00a0=\u00a0{share}"


def _title(label: str, outcomes: Values) -> str:
    mains = {name: outcome["versions"][outcome["main"]] for name, outcome in outcomes.items()}
    sides = {name: sentences.verdict(answer["slope"]) for name, answer in mains.items()}
    shares = [f"{wording.share(answer['p_negative'])} ({outcomes[name]['label']})" for name, answer in mains.items()]
    listed = sentences.listed(shares)
    if all(side == "below" for side in sides.values()):
        return f"The effect falls with {label}: P(slope < 0) is {listed}"
    if all(side == "above" for side in sides.values()):
        return f"The effect rises with {label}: P(slope < 0) is {listed}"
    if any(side in ("above", "below") for side in sides.values()):
        told = [outcomes[name]["label"] for name, side in sides.items() if side in ("above", "below")]
        return f"The effect moves with {label} for {sentences.listed(told)} only: P(slope < 0) is {listed}"
    return f"Whether the effect falls with {label} cannot be told: P(slope < 0) is {listed}"


def _draw(ax: Axes, values: Values, answer: Values) -> None:
    at = [point["at"] for point in answer["curve"]]
    marks.zero_line(ax)
    marks.band(ax, at, answer["curve"], theme.BLUE, linewidth=2.2)
    low, high = marks.limits([point[end] for point in answer["curve"] for end in ("lower", "upper")])
    countries = sorted(answer["observed"], key=lambda span: span["mean"])
    named = len(countries) <= _MOST_NAMES
    room = _RUG * (high - low)
    rows = len(countries) if named else 1
    for row, country in enumerate(countries):
        _span(ax, values, country, low - (0.6 + (row if named else 0)) * room * 1.5, named=named)
    ax.set_ylim(low - (rows + 0.4) * room * 1.5, high)
    ax.axhline(low, color=theme.FAINT, linewidth=0.8)
    margin = 0.03 * (at[-1] - at[0])
    ax.set_xlim(at[0] - margin, at[-1] + margin)
    ax.set_yticks([tick for tick in ax.get_yticks() if low <= tick <= high])


def _span(ax: Axes, values: Values, country: Any, y: float, *, named: bool) -> None:
    ax.plot([country["low"], country["high"]], [y, y], color=theme.INK, linewidth=2.0, solid_capstyle="round", zorder=3)
    ax.plot([country["mean"]], [y], color=theme.INK, marker="o", markersize=3.5, linestyle="", zorder=4)
    if not named:
        return
    beyond_middle = country["mean"] > sum(ax.dataLim.intervalx) / 2
    text = f"{unit_name(values, country['unit'])} {country['first']}–{country['last']}"
    ax.annotate(
        text,
        (country["low"] if beyond_middle else country["high"], y),
        xytext=(-5 if beyond_middle else 5, 0),
        textcoords="offset points",
        ha="right" if beyond_middle else "left",
        va="center",
        size=theme.SMALL - 0.5,
        color=theme.MUTED,
    )
