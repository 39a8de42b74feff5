"""Does the effect move with the moderator? The effect over its observed range, by outcome and version."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.sentences import effect_unit
from bri_bayes.presentation.study_tables import Values, unit_name
from bri_bayes.report.figures import marks, theme

_HEIGHT = 2.75  # inches of a panel
_TITLE_WIDTH = 4.2  # inches of a panel title
_RUG = 0.055  # height of a country's line below the curve, as a share of the panel
_MOST_NAMES = 8  # countries that can be told apart below a curve


@theme.themed
def moderation(values: Values) -> Figure:
    """A column for each outcome, a row for each version; below each curve the span of every treated country."""
    own = values["moderation"]
    outcomes = shown_outcomes(values)
    versions = list(dict.fromkeys(version for outcome in outcomes.values() for version in outcome["versions"]))
    label = own["moderator"]["label"]
    figure = theme.page(
        values,
        _title(own, outcomes),
        "Line: posterior mean of the average effect at a value of the moderator; band: 95% interval. "
        "Below: the span of each treated country in its treated years; a dot is its mean.",
        body=marks.blocks(outcomes) * len(versions) * _HEIGHT,
    )
    blocks = marks.panels(figure, list(outcomes), rows=len(versions))
    for outcome, axes in zip(outcomes.values(), blocks, strict=True):
        for ax, version in zip(axes, versions, strict=True):
            found = outcome["versions"].get(version)
            if found is None:
                ax.remove()
                continue
            _draw(ax, values, found)
            theme.panel_title(ax, panel_title(outcome, found), _TITLE_WIDTH, size=theme.SMALL + 0.5)
            ax.set_ylabel(f"Effect, {effect_unit(outcome)}")
            ax.set_xlabel(f"{label}, {own['moderator']['units']}" if own["moderator"]["units"] else label)
    return figure


def caption(values: Values) -> list[str]:
    """One sentence an outcome: between which values the effect moves, and whether its slope is told from zero."""
    own, texts = values["moderation"], []
    label = own["moderator"]["label"]
    for outcome in shown_outcomes(values).values():
        found = outcome["versions"][outcome["main"]]
        first, last = found["curve"][0], found["curve"][-1]
        texts.append(
            f"{outcome['label']}: over the observed range of {label} the mean effect goes from "
            f"{sentences.signed(first['mean'], 2)} to {sentences.signed(last['mean'], 2)}; it falls with "
            f"probability {sentences.probability(found['p_negative'])}."
        )
    return texts


def shown_outcomes(values: Values) -> dict[str, Values]:
    """The outcomes that have a version, under the labels of the study."""
    found = values["moderation"]["outcomes"].items()
    return {name: {**one, "label": values["outcomes"][name]["label"]} for name, one in found if one["versions"]}


def panel_title(outcome: Values, found: Values) -> str:
    """Outcome, version, and the probability that the effect falls."""
    share = sentences.probability(found["p_negative"], words=False)
    return f"{outcome['label']}: {found['title'][0].lower()}{found['title'][1:]}; P(slope < 0) = {share}"


def _title(own: Values, outcomes: Values) -> str:
    label = own["moderator"]["label"]
    mains = {name: outcome["versions"][outcome["main"]] for name, outcome in outcomes.items()}
    sides = {name: sentences.verdict(found["slope"]) for name, found in mains.items()}
    shares = [
        f"{sentences.probability(found['p_negative'], words=False)} ({outcomes[name]['label']})"
        for name, found in mains.items()
    ]
    listed = sentences.listed(shares)
    if all(side == "below" for side in sides.values()):
        return f"The effect falls with {label}: P(slope < 0) is {listed}"
    if all(side == "above" for side in sides.values()):
        return f"The effect rises with {label}: P(slope < 0) is {listed}"
    if any(side in ("above", "below") for side in sides.values()):
        told = [outcomes[name]["label"] for name, side in sides.items() if side in ("above", "below")]
        return f"The effect moves with {label} for {sentences.listed(told)} only: P(slope < 0) is {listed}"
    return f"Whether the effect falls with {label} cannot be told: P(slope < 0) is {listed}"


def _draw(ax: Axes, values: Values, found: Values) -> None:
    at = [point["at"] for point in found["curve"]]
    bounds = [[point[key] for point in found["curve"]] for key in ("lower", "mean", "upper")]
    marks.zero_line(ax)
    ax.fill_between(at, bounds[0], bounds[2], color=theme.BLUE, alpha=0.18, linewidth=0, zorder=2)
    ax.plot(at, bounds[1], color=theme.BLUE, linewidth=2.2, zorder=3)
    low, high = marks.limits([*bounds[0], *bounds[2]])
    countries = sorted(found["observed"], key=lambda one: one["mean"])
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
    ax.grid(axis="y")


def _span(ax: Axes, values: Values, country: Any, y: float, *, named: bool) -> None:
    ax.plot([country["low"], country["high"]], [y, y], color=theme.INK, linewidth=2.0, solid_capstyle="round", zorder=3)
    ax.plot([country["mean"]], [y], color=theme.INK, marker="o", markersize=3.5, linestyle="", zorder=4)
    if not named:
        return
    left, right = ax.dataLim.intervalx
    beyond_middle = country["mean"] > (left + right) / 2
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
