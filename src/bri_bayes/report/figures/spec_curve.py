"""What would other choices have given? Every specification sorted by its estimate, over the choices that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from bri_bayes.core.arrays import Array
from bri_bayes.presentation import sentences
from bri_bayes.presentation.control_sentences import CHOICE_NAMES, curve_sentence, shares_sentence
from bri_bayes.presentation.study_tables import Values, unit_name
from bri_bayes.report.figures import keys, marks, theme, wording

CURVE, LINE = 2.6, 0.145  # inches: the curve, and a row of the panel of choices
_WORDS = {
    "ar1": "AR(1)",
    "iid": "independent",
    "random_walk": "random walk",
    "fixed": "fixed",
    "correlated": "correlated",
    "moving_average": "moving average",
    "linear": "linear",
    "none": "none",
}


def caption(values: Values) -> list[str]:
    """Median, permutation and shares of each outcome."""
    texts = []
    for name, outcome in _outcomes(values).items():
        text = curve_sentence(outcome, sentences.decimals(values["outcomes"][name]))
        texts.append(f"{text} {shares_sentence(outcome)}".strip())
    return texts


@theme.themed
def spec_curve(values: Values) -> Figure:
    """For each outcome the curve with 95% intervals, and below it a mark where a specification makes a choice."""
    outcomes = _outcomes(values)
    levels = {name: _levels(values, outcome) for name, outcome in outcomes.items()}
    lines = {name: len(shown) + 0.6 * len({choice for choice, *_ in shown}) for name, shown in levels.items()}
    heights = [height for name in outcomes for height in (CURVE, LINE * lines[name] + 0.35)]
    figure = theme.page(
        values,
        _title(values, outcomes),
        "Each column is a fit: its posterior mean and 95% interval above, its choices below. "
        "Where the marks of a row bunch, that choice gathers: low estimates are left, high ones right. In "
        "brackets the part of the variance of the estimates that a choice explains by itself.",
        body=sum(heights) + 0.5 * len(outcomes),
        key=[
            keys.line(theme.BLUE, "posterior mean, interval with zero inside", width=2),
            keys.line(theme.INK, "interval excludes zero", width=2),
            keys.line(theme.INK, "median", ":", 1.6),
            keys.dot(theme.INK, "the card of the checks as it is", "D", hollow=True),
        ],
    )
    grid = GridSpec(2 * len(outcomes), 1, figure=figure, height_ratios=heights)
    for row, (name, outcome) in enumerate(outcomes.items()):
        ordered = sorted(outcome["specifications"], key=lambda record: record["att"]["mean"])
        top = figure.add_subplot(grid[2 * row])
        _curve(top, outcome, ordered)
        top.set_ylabel(wording.effect_axis(outcome))
        theme.panel_title(top, f"{outcome['label']}: {len(ordered):,} specifications", 8.0)
        _choices(figure.add_subplot(grid[2 * row + 1], sharex=top), outcome, ordered, levels[name])
    return figure


def _outcomes(values: Values) -> dict[str, dict[str, Any]]:
    return wording.outcomes_of(values, "speccurve", "specifications")


def _curve(ax: Any, outcome: Mapping[str, Any], ordered: list[Mapping[str, Any]]) -> None:
    x = np.arange(len(ordered))
    mean, lower, upper = (np.array([record["att"][end] for record in ordered]) for end in ("mean", "lower", "upper"))
    no_zero = (lower > 0) | (upper < 0)
    width = float(np.clip(500 / len(ordered), 0.25, 2.0))
    for chosen, color in ((~no_zero, theme.BLUE), (no_zero, theme.INK)):
        at = x[chosen]
        ax.plot(*_pieces(at, at, lower[chosen], upper[chosen]), color=color, linewidth=width, alpha=0.35, zorder=2)
        ax.plot(*_pieces(at - 0.5, at + 0.5, mean[chosen], mean[chosen]), color=color, linewidth=2.2, zorder=3)
    marks.zero_line(ax)
    ax.axhline(outcome["summary"]["median"], color=theme.INK, linestyle=":", linewidth=1.6, zorder=1.6)
    main = [i for i, record in enumerate(ordered) if all(record[key] == outcome["main"][key] for key in CHOICE_NAMES)]
    if main:
        look = {"markersize": 7, "markerfacecolor": "white", "markeredgewidth": 1.5, "color": theme.INK, "zorder": 5}
        ax.plot([main[0]], [mean[main[0]]], "D", **look)
    ax.set_xlim(-0.01 * len(ordered) - 1, 1.01 * len(ordered))
    ax.set_ylim(*marks.limits([*lower, *upper]))
    ax.tick_params(axis="x", bottom=False, labelbottom=False)
    ax.spines["bottom"].set_visible(False)
    ax.grid(axis="y")


def _pieces(x_from: Any, x_to: Any, y_from: Any, y_to: Any) -> tuple[Array, Array]:
    """Pieces of one line with a gap after each: as one path a thousand of them take little room in a file."""
    gap = np.full(len(x_from), np.nan)
    x, y = (np.stack(ends, axis=1).ravel() for ends in ((x_from, x_to, gap), (y_from, y_to, gap)))
    return x, y


def _choices(
    ax: Any, outcome: Mapping[str, Any], ordered: list[Mapping[str, Any]], levels: list[tuple[str, str, str]]
) -> None:
    """A row a level; controls have a row each, marked where the control is in."""
    places, labels, y, last = [], [], 0.0, ""
    for choice, level, label in levels:
        if choice != last:
            y += 0.6
            share = next((row["share"] for row in outcome["shares"]["shares"] if row["choice"] == choice), None)
            text = (
                CHOICE_NAMES[choice]
                if share is None
                else f"{CHOICE_NAMES[choice]} ({sentences.probability(share, words=False)})"
            )
            place = {"xycoords": ax.get_yaxis_transform(), "textcoords": "offset points", "annotation_clip": False}
            ax.annotate(text, (1, y), xytext=(6, 0), size=theme.SMALL, weight="bold", va="center", **place)
            last = choice
        hits = {
            i
            for i, record in enumerate(ordered)
            if (level in record["controls"].split("+") if choice == "controls" else str(record[choice]) == level)
        }
        starts = sorted(i for i in hits if i - 1 not in hits)
        ends = sorted(i for i in hits if i + 1 not in hits)
        flat = np.full(len(starts), y)
        bars = _pieces(np.array(starts) - 0.35, np.array(ends) + 0.35, flat, flat)
        ax.plot(*bars, color=theme.INK, linewidth=5.5, alpha=0.65)
        places.append(y)
        labels.append(label)
        y += 1
    ax.set_yticks(places, labels)
    ax.tick_params(axis="y", length=0, labelsize=theme.SMALL)
    ax.tick_params(axis="x", bottom=False, labelbottom=False)
    ax.set_ylim(y - 0.3, -0.2)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def _levels(values: Values, outcome: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Choice, level and its label; a choice with one level is not shown."""
    levels = []
    records = outcome["specifications"]
    for choice in CHOICE_NAMES:
        if choice == "controls":
            named = list(dict.fromkeys(unit for record in records for unit in record["controls"].split("+")))
        else:
            named = list(dict.fromkeys(str(record[choice]) for record in records))
        if choice == "controls" or len(named) > 1:
            levels += [(choice, level, _word(values, choice, level)) for level in named]
    return levels


def _word(values: Values, choice: str, level: str) -> str:
    if choice == "controls":
        return unit_name(values, level)
    return level if choice in ("onset", "covariates") else _WORDS.get(level, level)


def _title(values: Values, outcomes: Mapping[str, Mapping[str, Any]]) -> str:
    """The median and its permutation p-value, by outcome."""
    texts = []
    for name, outcome in outcomes.items():
        digits = sentences.decimals(values["outcomes"][name])
        p = outcome["permutation"].get("p_value")
        among = "" if p is None else f", p = {p:.2f} among all groups"
        texts.append(f"{outcome['label']}: median {sentences.signed(outcome['summary']['median'], digits)}{among}")
    return "; ".join(texts)
