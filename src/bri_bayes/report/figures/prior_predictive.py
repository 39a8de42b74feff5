"""What would the prior have expected? Trade of the treated group, and additional trade, in dollars."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from bri_bayes.presentation import sentences
from bri_bayes.presentation.policy_name import policy_of
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, theme, wording


@theme.themed
def prior_predictive(values: Values) -> Figure:
    """A column for each outcome: the treated group's total by year above, additional trade a year below."""
    outcomes = _outcomes(values)
    figure = theme.page(
        values,
        _title(outcomes),
        "Above: all treated units together, a logarithmic axis; country and year effects are held at their "
        "averages, since their priors are wide on purpose. Below: trade with "
        f"{policy_of(values)} minus trade without it.",
        body=marks.blocks(outcomes) * 5.4,
        key=[
            keys.band(theme.MUTED, "prior, 95%"),
            keys.band(theme.MUTED, "prior, 50%", 0.5),
            keys.dot(theme.INK, keys.word_of_rows(values), interval=True),
            keys.band(theme.BLUE, "posterior, 95%", 0.45),
        ],
    )
    for _, outcome, (above, below), first in marks.each(figure, outcomes, rows=2):
        _draw_total(above, outcome["predictive"]["total_by_period"])
        _draw_additional(below, outcome)
        above.set_xlabel("Year")
        below.set_xlabel("Year")
        theme.panel_title(above, outcome["label"], 4.4)
        if first:
            above.set_ylabel("US dollars a year")
            below.set_ylabel("Additional, US dollars a year")
    return figure


def caption(values: Values) -> list[str]:
    """For each outcome: the effects in percent that the prior holds possible, beside the posterior."""
    texts = []
    for outcome in _outcomes(values).values():
        effect = outcome["predictive"]["rows"]["att"]
        lower, upper = (100 * np.expm1(outcome["att"][end]) for end in ("lower", "upper"))
        change = outcome["predictive"]["rows"]["change_on_path"]
        texts.append(
            f"{outcome['label']}: before the data the card holds effects from {sentences.number(effect['q025'], 0)}% "
            f"to {sentences.signed(effect['q975'], 0)}% possible (95%), after them from {sentences.number(lower, 0)}% "
            f"to {sentences.signed(upper, 0)}%. It expects changes of a country from one year to the next between "
            f"{sentences.number(change['q25'], 0)}% and {sentences.signed(change['q75'], 0)}% half of the time; those "
            f"of the panel run from {sentences.number(change['observed_low'], 0)}% to "
            f"{sentences.signed(change['observed_high'], 0)}%."
        )
    return texts


def _outcomes(values: Values) -> dict[str, dict[str, Any]]:
    return wording.outcomes_of(values, "prior", "additional_trade_usd")


def _title(outcomes: Mapping[str, Any]) -> str:
    """In how many years the observed total lies inside the prior's 95% band, and how much wider the prior is."""
    inside, total, ratios = 0, 0, []
    for outcome in outcomes.values():
        years = outcome["predictive"]["total_by_period"].values()
        inside += sum(row["q025"] <= row["observed"] <= row["q975"] for row in years)
        total += len(years)
        effect, att = outcome["predictive"]["rows"]["att"], outcome["att"]
        width = np.log1p(effect["q975"] / 100) - np.log1p(effect["q025"] / 100)
        ratios.append(width / (att["upper"] - att["lower"]))
    low, high = (sentences.number(end, 1) for end in (min(ratios), max(ratios)))
    times = low if low == high else f"{low} to {high}"
    return (
        f"The prior does not rule out the panel ({inside} of {total} totals of a year inside its 95% band) and is "
        f"{times} times as wide as the posterior of the effect"
        if inside == total
        else f"{inside} of {total} totals of a year lie inside the prior's 95% band; it is {times} times as wide as "
        "the posterior of the effect"
    )


def _draw_total(ax: Axes, years: Mapping[str, Mapping[str, float]]) -> None:
    x = [int(year) for year in years]
    seen = [row["observed"] for row in years.values()]
    _fan(ax, x, years.values())
    ax.plot(x, seen, color=theme.INK, marker="o", markersize=4, linewidth=1.3)
    ax.set_yscale("log")
    ax.yaxis.set_minor_locator(NullLocator())
    _axes(ax, x)


def _draw_additional(ax: Axes, outcome: Mapping[str, Any]) -> None:
    prior, posterior = outcome["predictive"]["additional_trade_by_period"], outcome["additional_trade_usd"]
    x = [int(year) for year in prior]
    marks.zero_line(ax)
    _fan(ax, x, prior.values())
    bottom, top = ([posterior[year][end] for year in prior] for end in ("lower", "upper"))
    ax.fill_between(x, bottom, top, color=theme.BLUE, alpha=0.45, linewidth=0, zorder=3)
    # The prior's lower end runs to losses beyond all trade there is; the axis keeps half of the prior in sight.
    shown = [row[end] for row in prior.values() for end in ("q25", "q75")]
    shown += [posterior[year][end] for year in prior for end in ("lower", "upper")]
    span = max(shown) - min(shown)
    ax.set_ylim(min(shown) - 0.35 * span, max(shown) + 0.35 * span)
    ax.yaxis.set_major_locator(MaxNLocator(6))
    _axes(ax, x)


def _fan(ax: Axes, x: list[int], rows: Collection[Mapping[str, float]]) -> None:
    """The middle 95% and 50% of the prior."""
    quantiles = {name: [row[name] for row in rows] for name in ("q025", "q975", "q25", "q75")}
    for low, high, alpha in (("q025", "q975", 0.2), ("q25", "q75", 0.3)):
        ax.fill_between(x, quantiles[low], quantiles[high], color=theme.MUTED, alpha=alpha, linewidth=0)


def _axes(ax: Axes, years: list[int]) -> None:
    ax.set_xticks(marks.year_ticks(years[0], years[-1], 9))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda amount, _: sentences.dollars(amount, is_tick=True)))
    ax.grid(axis="y")
