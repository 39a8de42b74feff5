"""How many dollars a year? Trade with the policy minus trade without it, all treated units together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bri_bayes.presentation import sentences
from bri_bayes.presentation.policy_name import policy_of
from bri_bayes.presentation.study_tables import Values, main_model
from bri_bayes.report.figures import keys, marks, theme, wording

ENDS = ("lower", "upper")


@theme.themed
def additional_trade(values: Values) -> Figure:
    """A panel for each outcome: the posterior mean of each year and its 95% band, US dollars."""
    outcomes = theme.outcomes_with(values, "additional_trade_usd", "additional_trade")
    figure = theme.page(
        values,
        _title(outcomes),
        "Trade minus the counterfactual path, summed over the treated "
        f"{sentences.unit_noun(values)}; below zero means less trade than without {policy_of(values)}.",
        body=marks.blocks(outcomes) * 3.3,
        key=[keys.dot(theme.BLUE, "posterior mean", interval=True), keys.band(theme.BLUE, "95% interval")],
    )
    years = {name: main_model(outcome)["additional_trade_usd"] for name, outcome in outcomes.items()}
    limits = marks.limits([effect[end] for path in years.values() for effect in path.values() for end in ENDS])
    for name, outcome, (ax,), first in marks.each(figure, outcomes):
        x = [int(year) for year in years[name]]
        marks.zero_line(ax)
        marks.band(ax, x, years[name].values(), theme.BLUE, marker="o", markersize=5)
        ax.set_xticks(marks.year_ticks(x[0], x[-1], 9))
        ax.set_xlabel("Year")
        ax.yaxis.set_major_locator(MaxNLocator(6))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda amount, _: sentences.dollars(amount, is_tick=True)))
        ax.set_ylim(*limits)
        if first:
            ax.set_ylabel("US dollars a year")
        theme.panel_title(ax, outcome["label"], 4.4)
    return figure


def _title(outcomes: Mapping[str, Any]) -> str:
    """The count of years that exclude zero, for each outcome."""
    counts = {}
    for outcome in outcomes.values():
        effects = main_model(outcome)["additional_trade_usd"].values()
        counts[outcome["label"]] = (wording.excluding_zero(effects), len(effects))
    if not any(count for count, _ in counts.values()):
        return "In no year can additional trade be told from zero dollars"
    parts = [f"{label}: {count} of {total} years" for label, (count, total) in counts.items()]
    return f"Years in which additional trade is told apart from zero dollars: {'; '.join(parts)}"
