"""Which prior does the answer hang on? Power-scaling, and the effect with each prior scale halved and doubled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values, section_outcomes
from bri_bayes.report.figures import marks, theme
from bri_bayes.study.card_text import PRIOR_WORDS

SECTION = "prior"
# Of the source of the measure; the same number stands in checks.power_scaling, which decides.
THRESHOLD = 0.05
_FACTORS = {0.5: ("half the scale", theme.VERMILLION, "v"), 2.0: ("twice the scale", theme.BLUE, "^")}
_ROW = 0.27  # inches


@theme.themed
def prior_sensitivity(values: Values) -> Figure:
    """A column for each outcome: sensitivities above, refits below, a row a prior."""
    outcomes = section_outcomes(values, SECTION, "refits")
    rows = max(len(found["by_card"][found["card"]]) for found in outcomes.values()) + 2
    figure = theme.page(
        values,
        _title(outcomes),
        "Above: how fast the posterior of the average effect moves when a prior, or the likelihood, is raised to a "
        "power; beyond the dotted line it counts. Below: the effect with a prior scale halved or doubled; the band is "
        "the answer with the priors of the card.",
        body=marks.blocks(outcomes) * 2 * (_ROW * rows + 0.7),
        key=[
            Line2D([], [], linestyle="", color=theme.INK, marker="o", markersize=6, label="exact"),
            Line2D(
                [], [], linestyle="", color=theme.INK, marker="o", markersize=6, markerfacecolor="white",
                label="by reweighting draws",
            ),
            *(
                Line2D([], [], color=color, marker=marker, markersize=5, linewidth=1.4, label=label)
                for label, color, marker in _FACTORS.values()
            ),
        ],
    )  # fmt: skip
    blocks = marks.panels(figure, list(outcomes), rows=2)
    for position, (found, (above, below)) in enumerate(zip(outcomes.values(), blocks, strict=True)):
        _draw_sensitivity(above, found, show=position % 2 == 0)
        _draw_refits(below, found, show=position % 2 == 0)
        theme.panel_title(above, found["label"], 4.0)
        above.set_xlabel("Sensitivity")
        below.set_xlabel(f"Average effect, {sentences.effect_unit(found)}")
    return figure


def caption(values: Values) -> list[str]:
    """For each outcome: the prior with the largest sensitivity, and how far a refit moves the mean."""
    texts = []
    for found in section_outcomes(values, SECTION, "refits").values():
        rows = [row for row in found["by_card"][found["card"]] if row["prior"] in PRIOR_WORDS]
        top = max(rows, key=lambda row: row["prior_sensitivity"])
        moved = max(found["refits"], key=lambda row: abs(row["moved_sd"]))
        factor = "twice" if moved["factor"] > 1 else "half"
        texts.append(
            f"{found['label']}: the most sensitive prior is that of {_word(top['prior'])} "
            f"({sentences.number(top['prior_sensitivity'], 3)}, {_counts(top['prior_sensitivity'])}); likelihood: "
            f"{sentences.number(top['likelihood_sensitivity'], 3)}. The mean moves most, by "
            f"{sentences.signed(moved['moved_sd'], 2)} posterior standard deviations, with {factor} the scale of "
            f"{_word(moved['prior'])}.{_other_cards(found)}"
        )
    return texts


def _other_cards(found: Mapping[str, Any]) -> str:
    """The other cards of the study whose answer hangs on a prior."""
    named = [
        f"{card} on that of {_word(row['prior'])} ({sentences.number(row['prior_sensitivity'], 3)})"
        for card, rows in found["by_card"].items()
        for row in rows
        if card != found["card"] and row["prior"] in PRIOR_WORDS and row["prior_sensitivity"] >= THRESHOLD
    ]
    return f" Of the other cards, these hang on a prior: {'; '.join(named)}." if named else ""


def _title(outcomes: Mapping[str, Any]) -> str:
    """Which priors of the main cards are above the threshold; otherwise the largest move of a refit."""
    named = []
    for found in outcomes.values():
        over = [
            _word(row["prior"])
            for row in found["by_card"][found["card"]]
            if row["prior"] in PRIOR_WORDS and row["prior_sensitivity"] >= THRESHOLD
        ]
        if over:
            named.append(f"{found['label']}: the answer hangs on the prior of {', '.join(over)}")
    if named:
        return "; ".join(named)
    moved = max(abs(row["moved_sd"]) for found in outcomes.values() for row in found["refits"])
    return (
        "No prior drives the answer: none passes the threshold, and no prior scale halved or doubled moves the mean by "
        f"more than {sentences.number(moved, 2)} posterior standard deviations"
    )


def _draw_sensitivity(ax: Axes, found: Mapping[str, Any], *, show: bool) -> None:
    rows = found["by_card"][found["card"]]
    exact = [row["prior_sensitivity"] for row in rows] + [rows[0]["likelihood_sensitivity"]]
    drawn = [row["by_importance"] for row in rows] + [rows[0]["likelihood_by_importance"]]
    labels = [*(_word(row["prior"]) for row in rows), "likelihood"]
    marks.row_axis(ax, dict(enumerate(labels)), show=show)
    ax.axvline(THRESHOLD, color=theme.INK, linestyle=":", linewidth=1.2)
    ax.hlines(range(len(exact)), 0, exact, color=theme.MUTED, linewidth=1.4)
    y = list(range(len(exact)))
    look: dict[str, Any] = {"linestyle": "", "marker": "o", "color": theme.INK}
    ax.plot(drawn, y, markersize=7.5, markerfacecolor="white", zorder=3, **look)
    ax.plot(exact, y, markersize=4.5, zorder=4, **look)
    ax.set_xlim(0, 1.08 * max([*exact, *drawn, THRESHOLD]))


def _draw_refits(ax: Axes, found: Mapping[str, Any], *, show: bool) -> None:
    priors = list(dict.fromkeys(row["prior"] for row in found["refits"]))
    marks.row_axis(ax, {position: _word(prior) for position, prior in enumerate(priors)}, show=show)
    base = found["att"]
    ax.axvspan(base["lower"], base["upper"], color=theme.MUTED, alpha=0.15, linewidth=0)
    ax.axvline(base["mean"], color=theme.MUTED, linewidth=1.2)
    marks.zero_line(ax, vertical=True)
    for row in found["refits"]:
        _, color, marker = _FACTORS[row["factor"]]
        y = priors.index(row["prior"]) + (-0.17 if row["factor"] < 1 else 0.17)
        ax.plot([row["att"]["lower"], row["att"]["upper"]], [y, y], color=color, linewidth=1.4, zorder=3)
        ax.plot([row["att"]["mean"]], [y], linestyle="", marker=marker, markersize=5, color=color, zorder=4)


def _word(prior: str) -> str:
    return PRIOR_WORDS.get(prior, prior)


def _counts(sensitivity: float) -> str:
    return "above the threshold of 0.05" if sensitivity >= THRESHOLD else "below the threshold of 0.05"
