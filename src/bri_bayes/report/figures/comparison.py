"""What do the methods say, side by side? The answer of a study on one screen: a dot and an interval for each."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import BAYES, PUBLISHED, Values, headline
from bri_bayes.report.figures import marks, theme, wording
from bri_bayes.report.figures.rows import WITH_INTERVAL, Row, bounds, forest

# One row a question: as printed, as usually done, as should be done, without asymptotics (or, where onsets differ, the
# same average by least squares), and the posterior.
TWO_PERIODS, IMPUTATION = ("collapsed", "t"), ("imputation", "wild_cluster_bootstrap")
SHOWN = ((PUBLISHED, PUBLISHED), ("twfe", "iid"), ("twfe", "cluster"), TWO_PERIODS, IMPUTATION, (BAYES, "posterior"))
MARKS = {
    PUBLISHED: (theme.INK, "D", False),
    "iid": (theme.VERMILLION, "s", True),
    "cluster": (theme.VERMILLION, "s", False),
    "t": (theme.VERMILLION, "^", False),
    "wild_cluster_bootstrap": (theme.VERMILLION, "^", False),
    "posterior": (theme.BLUE, "o", False),
}


@theme.themed
def comparison(values: Values) -> Figure:
    """A panel for each outcome: published, TWFE under two standard errors, two periods with an exact t, Bayes."""
    outcomes = theme.outcomes_with(values, "att", "comparison")
    table = headline(values)
    table = table[table["outcome"].isin(list(outcomes)) & table["estimate"].notna()]
    has = set(zip(table["estimator"], table["inference"], strict=True))
    methods = [pair for pair in SHOWN if pair in has and not (pair == IMPUTATION and TWO_PERIODS in has)]
    places = {pair: float(position) for position, pair in enumerate(methods)}
    labels = {y: _label(table, pair) for pair, y in places.items()}
    figure = theme.page(
        values,
        sentences.overall_title(values, outcomes),
        _reading(table, outcomes),
        body=marks.blocks(outcomes) * (0.36 * len(labels) + 1.35),
        key=marks.truth_key(values, outcomes),
    )
    rows = {name: _rows(table[table["outcome"] == name], places, outcomes[name]) for name in outcomes}
    limits = marks.limits_of({name: bounds(row.effect for row in rows[name]) for name in outcomes}, outcomes)
    last, narrow = max(labels), 3.4 if IMPUTATION in methods else 3.9  # its name takes room
    for name, outcome, (ax,), first in marks.each(figure, outcomes):
        marks.truth_line(ax, values, outcome)
        forest(ax, rows[name], WITH_INTERVAL, labels=labels, limits=limits[name], show=first, bold=last)
        ax.set_xlabel(wording.effect_axis(outcome))
        title, inches = sentences.answer_title(values, outcome), narrow if len(outcomes) > 1 else 7
        theme.panel_title(ax, title, inches, size=theme.SMALL + 0.5, pad=marks.HEADINGS)
    return figure


def _label(table: pd.DataFrame, pair: tuple[str, str]) -> str:
    """What all outcomes call a method; the weaker name where they differ (a test is exact where no cell is missing)."""
    chosen = table[(table["estimator"] == pair[0]) & (table["inference"] == pair[1])]
    return str(min(chosen["method"], key=len))


def _rows(table: pd.DataFrame, places: Mapping[tuple[str, str], float], outcome: Values) -> list[Row]:
    rows = []
    for row in table.to_dict("records"):
        y = places.get((row["estimator"], row["inference"]))
        if y is not None:
            effect = {"mean": row["estimate"], "lower": row["lower"], "upper": row["upper"]}
            numbers = wording.cells(effect, sentences.decimals(outcome))
            mark = MARKS[row["inference"]]
            rows.append(Row(y, row["method"], effect, *mark, row["estimator"] == BAYES, numbers))
    return sorted(rows, key=lambda row: row.y)


def _reading(table: pd.DataFrame, outcomes: Values) -> str:
    sources = {str(outcome["published"]["source"]) for outcome in outcomes.values() if outcome.get("published")}
    text = "Dots are estimates (Bayes: posterior means), lines 95% intervals; vertical line: no effect."
    if (table["inference"] == "iid").any():
        text += " Hollow: its standard error takes the years of a unit as independent."
    return text + (f" Published (± 1.96 s.e.): {'; '.join(sorted(sources))}." if sources else "")
