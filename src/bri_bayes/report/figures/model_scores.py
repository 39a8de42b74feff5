"""Which model predicts best, and does the effect hang on it? Scores with their differences, the effect beside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bri_bayes.estimands.comparison import SMALL_DIFFERENCE
from bri_bayes.presentation import sentences
from bri_bayes.presentation.compared_labels import compared_label, label_and_role
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, rows, theme, wording
from bri_bayes.report.figures.rows import GAP, Row

STACKED = "stacked"
_HOLLOW = ("doubtful", "unreliable")
# Ticks of the scores, the first before the later ones where their labels would meet, and the room between two as a
# share of the axis.
_TICKS = (0, -SMALL_DIFFERENCE, SMALL_DIFFERENCE, -1000, -100, 100, -20, 20)
_LEAST_GAP = 0.06  # of the axis, for each letter of a tick
# Intervals between ticks of the effects, whose axis is narrow.
_MOST_TICKS = 4


@theme.themed
def model_scores(values: Values) -> Figure:
    """A row of two panels for each outcome: score against the best model, and the effect; the best model on top."""
    outcomes = _outcomes(values)
    most = max(len(outcome["models"]) for outcome in outcomes.values())
    noun = sentences.unit_noun(values)
    figure = theme.page(
        values,
        _title(outcomes),
        "Left: score of left-out rows minus that of the best model, ± 2 standard errors; thick: rows independent, "
        f"thin: summed within {noun} first. Right: posterior mean, ± 1 sd and 95% interval of the effect.",
        body=len(outcomes) * (0.27 * (most + 1 + GAP) + 1.25),
        key=_key(outcomes),
    )
    grid = figure.subplots(len(outcomes), 2, squeeze=False, width_ratios=(1, 1))
    for (scores, effects), outcome in zip(grid, outcomes.values(), strict=True):
        models = outcome["models"]
        labels = {float(y): label_and_role(values, outcome, row) for y, row in enumerate(models)}
        mixture = len(models) + GAP
        if outcome["stacked"]:
            labels[mixture] = STACKED
        _draw_scores(scores, models, labels)
        _draw_effects(effects, outcome, labels, mixture)
        theme.panel_title(scores, outcome["label"], 3.4, pad=marks.HEADINGS)
    return figure


def caption(values: Values) -> list[str]:
    """Which model predicts best, how many come close, the effect under each and under the mixture; PSIS checked."""
    return [text for outcome in _outcomes(values).values() for text in _sentences(values, outcome)]


def _outcomes(values: Values) -> dict[str, dict[str, Any]]:
    """The outcomes of the comparison, under the labels of the study."""
    return wording.outcomes_of(values, "compare", "models")


def _sentences(values: Values, outcome: Values) -> list[str]:
    models, digits, span = outcome["models"], _digits(outcome), outcome["att_range"]
    count = wording.excluding_zero(row["att"] for row in models)
    effects = (
        f"Under the {len(models)} models the mean effect runs from {sentences.signed(span['lowest'], digits)} to "
        f"{sentences.signed(span['highest'], digits)}; {count} of {len(models)} intervals exclude zero."
    )
    if outcome["best"] is None:
        return [f"{outcome['label']}: no score is reliable, so there is no best model. {effects}"]
    best = next(row for row in models if row["name"] == outcome["best"])
    close = sum(row["similar"] for row in models) - 1
    stacked = outcome["stacked"]["att"]
    texts = [
        f"{outcome['label']}: the best score belongs to {compared_label(values, best)}; {close} of "
        f"{len(models) - 1} others are not told from it. {effects} Stacked: "
        f"{sentences.signed(stacked['mean'], digits)} "
        f"({sentences.interval(stacked['lower'], stacked['upper'], digits)})."
    ]
    exact = [row for row in models if row["psis"]["error"] is not None]
    if exact:
        worst = max(exact, key=lambda row: abs(row["psis"]["error"]))
        warned = sum(row["psis"]["verdict"] != "reliable" for row in exact)
        texts.append(
            f"{outcome['label']}: checked against the exact scores, PSIS is off by up to "
            f"{sentences.number(abs(worst['psis']['error']), 1)} ({compared_label(values, worst)}); its k-hat gives a "
            f"warning for {warned} of {len(exact)} models."
        )
    return texts


def _title(outcomes: Mapping[str, Any]) -> str:
    """How many intervals exclude zero, over models: does the verdict on the effect hang on the model?"""
    counts = {
        outcome["label"]: (wording.excluding_zero(row["att"] for row in outcome["models"]), len(outcome["models"]))
        for outcome in outcomes.values()
    }
    if all(count == 0 for count, _ in counts.values()):
        return "No model tells the effect from zero"
    if all(count == number for count, number in counts.values()):
        return "Every model tells the effect from zero"
    told = "; ".join(f"{label}: {count} of {number}" for label, (count, number) in counts.items())
    return f"Models whose interval of the effect excludes zero: {told}"


def _key(outcomes: Mapping[str, Any]) -> list[Any]:
    verdicts = {row["verdict"] for outcome in outcomes.values() for row in outcome["models"]}
    shown: list[Any] = [keys.dot(theme.BLUE, "exact score")]
    if verdicts & {"reliable"}:
        shown.append(keys.dot(theme.BLUE, "PSIS, reliable", "s"))
    if verdicts & set(_HOLLOW):
        shown.append(keys.dot(theme.BLUE, "PSIS, not reliable", "s", hollow=True))
    return [*shown, keys.band(theme.FAINT, f"difference below {SMALL_DIFFERENCE:g}: none", 1.0)]


def _draw_scores(ax: Axes, models: list[Mapping[str, Any]], labels: Mapping[float, str]) -> None:
    ax.axvspan(-SMALL_DIFFERENCE, SMALL_DIFFERENCE, color=theme.FAINT, alpha=0.6, zorder=0, linewidth=0)
    marks.zero_line(ax, vertical=True)
    numbers, ends = {}, [-SMALL_DIFFERENCE, SMALL_DIFFERENCE]
    for y, row in enumerate(models):
        gap = row.get("elpd_diff")
        if gap is None:
            continue
        for se, width in ((row["se_diff_units"], 1.2), (row["se_diff"], 3.2)):
            if se is not None:
                ax.plot([gap - 2 * se, gap + 2 * se], [y, y], color=theme.BLUE, linewidth=width, alpha=0.7, zorder=3)
                ends += [gap - 2 * se, gap + 2 * se]
        marker = "o" if row["method"] == "exact" else "s"
        face = "white" if row["verdict"] in _HOLLOW else theme.BLUE
        ax.plot([gap], [y], marker=marker, color=theme.BLUE, markerfacecolor=face, markersize=6.5, zorder=4)
        weight = "–" if row["weight"] is None else sentences.probability(row["weight"], words=False)
        numbers[float(y)] = [sentences.number(gap, 1), sentences.number(row["se_diff"], 1), weight]
    marks.beside(ax, numbers, ("score", "s.e.", "weight"), bold=0)
    marks.row_axis(ax, labels, show=True)
    _logarithmic(ax, min(ends), max(ends))
    ax.set_xlabel("Log predictive density less the best's (log scale beyond grey)")


def _logarithmic(ax: Axes, low: float, high: float) -> None:
    """Linear inside the band of small differences, logarithmic outside: one poor model does not hide the others."""
    ax.set_xscale("symlog", linthresh=SMALL_DIFFERENCE, linscale=0.7)
    ax.set_xlim(low * 1.15, high * 1.15)
    place = ax.xaxis.get_transform().transform
    width = float(np.ptp(place(np.array(ax.get_xlim()))))
    ticks: list[float] = []

    def letters(*shown: float) -> float:
        return sum(len(sentences.number(tick, 0)) for tick in shown) / 2

    for tick in _TICKS:
        clear = all(
            abs(float(place(tick)) - float(place(other))) > _LEAST_GAP * width * letters(tick, other) for other in ticks
        )
        if low * 1.2 <= tick <= high * 1.2 and clear:
            ticks.append(tick)
    ax.set_xticks(ticks)
    ax.set_xticks([], minor=True)
    ax.xaxis.set_major_formatter(lambda value, _: sentences.number(value, 0))


def _draw_effects(ax: Axes, outcome: Values, labels: Mapping[float, str], mixture: float) -> None:
    models, digits = outcome["models"], _digits(outcome)
    drawn = [
        Row(float(y), "", row["att"], numbers=wording.cells(row["att"], digits)[:2]) for y, row in enumerate(models)
    ]
    if outcome["stacked"]:
        stacked = outcome["stacked"]["att"]
        numbers = wording.cells(stacked, digits)[:2]
        drawn.append(Row(mixture, "", stacked, theme.PURPLE, "D", bold=True, numbers=numbers))
        rows.divide(ax, len(models) - 1 + (1 + GAP) / 2)
    rows.forest(ax, drawn, rows.WITH_INTERVAL, labels=labels, show=False, bold=mixture)
    ax.xaxis.set_major_locator(MaxNLocator(_MOST_TICKS, steps=[1, 2, 3, 5, 10]))
    ax.set_xlabel(wording.effect_axis(outcome))


def _digits(outcome: Values) -> int:
    return sentences.decimals({**outcome, "models": {"best": outcome["models"][0]}, "main": "best"})
