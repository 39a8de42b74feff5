"""Which prior does the answer hang on? Power-scaling, and the effect with each prior scale halved and doubled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.names_shown import card_label
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, theme, wording
from bri_bayes.study.card_text import PRIOR_WORDS

# Of the source of the measure; the same number stands in checks.power_scaling, which decides.
THRESHOLD = 0.05
# Label, mark, hollow.
_FACTORS = {0.5: ("half the scale", "v", True), 2.0: ("twice the scale", "^", False)}
_ROW = 0.27  # inches


@theme.themed
def prior_sensitivity(values: Values) -> Figure:
    """A column for each outcome: sensitivities above, refits below, a row a prior."""
    outcomes = wording.outcomes_of(values, "prior", "refits")
    rows = max(len(outcome["by_card"][outcome["card"]]) for outcome in outcomes.values()) + 2
    figure = theme.page(
        values,
        _title(outcomes, values),
        "Above: how fast the posterior of the average effect moves when a prior, or the likelihood, is raised to a "
        "power; beyond the dotted line it counts. Below: the effect with a prior scale halved or doubled; the band is "
        "the answer with the priors of the card.",
        body=marks.blocks(outcomes) * 2 * (_ROW * rows + 0.7),
        key=[
            keys.dot(theme.INK, "exact"),
            *([keys.dot(theme.INK, "by reweighting draws", hollow=True)] if _is_drawn(outcomes) else []),
            *(
                keys.dot(theme.BLUE, label, marker, hollow=hollow, interval=True)
                for label, marker, hollow in _FACTORS.values()
            ),
        ],
    )
    for _, outcome, (above, below), first in marks.each(figure, outcomes, rows=2):
        _draw_sensitivity(above, outcome, show=first)
        _draw_refits(below, outcome, show=first)
        theme.panel_title(above, outcome["label"], 4.0)
        above.set_xlabel("Sensitivity, no unit")
        below.set_xlabel(wording.effect_axis(outcome))
    return figure


def caption(values: Values) -> list[str]:
    """For each outcome: of which card, the prior with the largest sensitivity, and how far a refit moves the mean."""
    texts = []
    for outcome in wording.outcomes_of(values, "prior", "refits").values():
        rows = [row for row in outcome["by_card"][outcome["card"]] if row["prior"] in PRIOR_WORDS]
        top = max(rows, key=lambda row: row["prior_sensitivity"])
        moved = max(outcome["refits"], key=lambda row: abs(row["moved_sd"]))
        factor = "twice" if moved["factor"] > 1 else "half"
        texts.append(
            f"{outcome['label']}, {card_label(outcome['card'], values)}: the most sensitive prior is that of the "
            f"{_word(top['prior'])} "
            f"({sentences.number(top['prior_sensitivity'], 3)}, {_counts(top['prior_sensitivity'])}); likelihood: "
            f"{sentences.number(top['likelihood_sensitivity'], 3)}. The mean moves most, by "
            f"{sentences.signed(moved['moved_sd'], 2)} posterior standard deviations, with {factor} the scale of the "
            f"{_word(moved['prior'])}.{_other_cards(outcome)}"
        )
    return texts


def _other_cards(outcome: Mapping[str, Any]) -> str:
    """The other cards of the study whose answer hangs on a prior."""
    named = [
        f"{card} on that of {_word(row['prior'])} ({sentences.number(row['prior_sensitivity'], 3)})"
        for card, rows in outcome["by_card"].items()
        for row in rows
        if card != outcome["card"] and row["prior"] in PRIOR_WORDS and row["prior_sensitivity"] >= THRESHOLD
    ]
    return f" Of the other cards, these hang on a prior: {'; '.join(named)}." if named else ""


def _title(outcomes: Mapping[str, Any], values: Values) -> str:
    """Which priors of the card shown first are above the threshold; otherwise what moves most, and of how many."""
    named = []
    for outcome in outcomes.values():
        over = [
            _word(row["prior"])
            for row in outcome["by_card"][outcome["card"]]
            if row["prior"] in PRIOR_WORDS and row["prior_sensitivity"] >= THRESHOLD
        ]
        if over:
            named.append(f"{outcome['label']}: the answer hangs on the prior of {', '.join(over)}")
    if named:
        return "; ".join(named)
    first = next(iter(outcomes.values()))
    refits = [row for outcome in outcomes.values() for row in outcome["refits"]]
    moved, width = max(abs(row["moved_sd"]) for row in refits), max(abs(row["width_ratio"] - 1) for row in refits)
    return (
        f"None of the {len({row['prior'] for row in refits})} priors of {card_label(first['card'], values)} drives the "
        f"average effect: halved or doubled, none moves the mean by more than {sentences.number(moved, 2)} posterior "
        f"standard deviations or the interval's width by more than {sentences.probability(width, words=False)}"
    )


def _draw_sensitivity(ax: Axes, outcome: Mapping[str, Any], *, show: bool) -> None:
    rows = outcome["by_card"][outcome["card"]]
    exact = [row["prior_sensitivity"] for row in rows] + [rows[0]["likelihood_sensitivity"]]
    drawn = [row["by_importance"] for row in rows] + [rows[0]["likelihood_by_importance"]]
    drawn = [math.nan if share is None else share for share in drawn]
    labels = [*(_word(row["prior"]) for row in rows), "likelihood"]
    marks.row_axis(ax, dict(enumerate(labels)), show=show)
    ax.axvline(THRESHOLD, color=theme.INK, linestyle=":", linewidth=1.2)
    ax.hlines(range(len(exact)), 0, exact, color=theme.MUTED, linewidth=1.4)
    y = list(range(len(exact)))
    # A sensitivity of zero lies on the edge of the panel: its mark is drawn whole.
    look: dict[str, Any] = {"linestyle": "", "marker": "o", "color": theme.INK, "clip_on": False}
    ax.plot(drawn, y, markersize=7.5, markerfacecolor="white", zorder=3, **look)
    ax.plot(exact, y, markersize=4.5, zorder=4, **look)
    ax.set_xlim(0, 1.08 * max([*exact, *(share for share in drawn if not math.isnan(share)), THRESHOLD]))


def _draw_refits(ax: Axes, outcome: Mapping[str, Any], *, show: bool) -> None:
    priors = list(dict.fromkeys(row["prior"] for row in outcome["refits"]))
    marks.row_axis(ax, {position: _word(prior) for position, prior in enumerate(priors)}, show=show)
    base = outcome["att"]
    ax.axvspan(base["lower"], base["upper"], color=theme.MUTED, alpha=0.15, linewidth=0)
    ax.axvline(base["mean"], color=theme.MUTED, linewidth=1.2)
    marks.zero_line(ax, vertical=True)
    for row in outcome["refits"]:
        _, marker, hollow = _FACTORS[row["factor"]]
        y = priors.index(row["prior"]) + (-0.17 if row["factor"] < 1 else 0.17)
        effect = {end: row["att"][end] for end in ("mean", "lower", "upper")}
        marks.dot(ax, y, effect, theme.BLUE, marker=marker, hollow=hollow)


def _is_drawn(outcomes: Mapping[str, Any]) -> bool:
    """Whether draws of the card could be reweighted."""
    return any(row["by_importance"] is not None for it in outcomes.values() for row in it["by_card"][it["card"]])


def _word(prior: str) -> str:
    return PRIOR_WORDS.get(prior, prior)


def _counts(sensitivity: float) -> str:
    return "above the threshold of 0.05" if sensitivity >= THRESHOLD else "below the threshold of 0.05"
