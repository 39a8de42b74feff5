"""What do the methods say, side by side? The answer of a study on one screen: a dot and an interval for each."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import BAYES, METHODS, PUBLISHED, Values, headline
from bri_bayes.report.figures import marks, theme

# One row a question: as printed, as usually done, as should be done, without asymptotics, and the posterior.
SHOWN = ((PUBLISHED, PUBLISHED), ("twfe", "iid"), ("twfe", "cluster"), ("collapsed", "t"), (BAYES, "posterior"))
MARKS = {
    PUBLISHED: (theme.INK, "D", False),
    "iid": (theme.VERMILLION, "s", True),
    "cluster": (theme.VERMILLION, "s", False),
    "t": (theme.PURPLE, "^", False),
    "posterior": (theme.BLUE, "o", False),
}


@theme.themed
def comparison(values: Values) -> Figure:
    """A panel for each outcome: published, TWFE under two standard errors, two periods with an exact t, Bayes."""
    outcomes = theme.outcomes_with(values, "att", "comparison")
    table = headline(values)
    table = table[table["outcome"].isin(list(outcomes))]
    methods = [pair for pair in SHOWN if ((table["estimator"] == pair[0]) & (table["inference"] == pair[1])).any()]
    rows = {float(position): METHODS[pair] for position, pair in enumerate(methods)}
    figure = theme.page(
        values,
        sentences.overall_title(values, outcomes),
        _reading(table, outcomes),
        body=marks.blocks(outcomes) * (0.36 * len(rows) + 1.35),
        key=marks.truth_key(values, outcomes),
    )
    units = {name: sentences.effect_unit(outcome) for name, outcome in outcomes.items()}
    limits = marks.limits_of({name: _bounds(table, name, list(rows.values())) for name in outcomes}, units)
    axes = marks.panels(figure, list(outcomes))
    for position, ((name, outcome), (ax,)) in enumerate(zip(outcomes.items(), axes, strict=True)):
        own = table[table["outcome"] == name].set_index("method")
        own = own.loc[[method for method in rows.values() if method in own.index]]
        at = {method: y for y, method in rows.items()}
        marks.zero_line(ax, vertical=True)
        marks.truth_line(ax, values, outcome)
        for method, row in own.iterrows():
            color, marker, hollow = MARKS[row["inference"]]
            effect = {"mean": row["estimate"], "lower": row["lower"], "upper": row["upper"]}
            marks.dot(ax, at[method], effect, color, marker=marker, hollow=hollow, bold=row["estimator"] == BAYES)
        digits = sentences.decimals(outcome)
        numbers = {at[method]: _numbers(row, digits) for method, row in own.iterrows()}
        marks.beside(ax, numbers, ("effect", "95% interval"), bold=at[METHODS[BAYES, "posterior"]])
        marks.row_axis(ax, rows, show=position % 2 == 0)
        ax.set_xlim(*limits[name])
        ax.set_xlabel(f"Effect, {units[name]}")
        title, inches = sentences.answer_title(values, outcome), 3.9 if len(outcomes) > 1 else 8
        theme.panel_title(ax, title, inches, size=theme.SMALL + 0.5, pad=marks.HEADINGS)
    return figure


def _reading(table: pd.DataFrame, outcomes: Values) -> str:
    sources = {str(outcome["published"]["source"]) for outcome in outcomes.values() if outcome.get("published")}
    text = "Dots are estimates (Bayes: posterior means), lines 95% intervals; vertical line: no effect."
    if (table["inference"] == "iid").any():
        text += " Hollow: its standard error takes the years of a unit as independent."
    return text + (f" Published (± 1.96 s.e.): {'; '.join(sorted(sources))}." if sources else "")


def _bounds(table: pd.DataFrame, name: str, methods: list[str]) -> list[float | None]:
    own = table[(table["outcome"] == name) & table["method"].isin(methods)]
    return [*own["lower"], *own["upper"], *own["estimate"]]


def _numbers(row: pd.Series, digits: int) -> tuple[str, str]:
    return sentences.signed(row["estimate"], digits), sentences.interval(row["lower"], row["upper"], digits)
