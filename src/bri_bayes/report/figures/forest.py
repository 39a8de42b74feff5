"""For whom is the effect how large? A forest of the treated units under the average, with other methods on top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import BAYES, METHODS, PUBLISHED, Values, headline, main_model, unit_name
from bri_bayes.report.figures import marks, rows, theme, wording
from bri_bayes.report.figures.rows import GAP, Row

_TOP = {
    METHODS[PUBLISHED, PUBLISHED]: (theme.INK, "D"),
    METHODS["twfe", "cluster"]: (theme.VERMILLION, "s"),
    METHODS[BAYES, "posterior"]: (theme.BLUE, "o"),
}


@theme.themed
def forest(values: Values) -> Figure:
    """A panel for each outcome; units in the order of their means in the first panel, the largest on top."""
    outcomes = theme.outcomes_with(values, "by_unit", "forest")
    units = ordered({name: main_model(outcome)["by_unit"] for name, outcome in outcomes.items()})
    top = {name: _averages(values, name) for name in outcomes}
    methods = [method for method in _TOP if any(method in averages for averages in top.values())]
    at = {method: float(position) for position, method in enumerate(methods)}
    at |= {unit: len(methods) + GAP + position for position, unit in enumerate(units)}
    labels = {y: unit_name(values, key) if key in units else key for key, y in at.items()}
    noun = sentences.unit_noun(values)
    figure = theme.page(
        values,
        _title(outcomes, noun),
        f"{rows.POSTERIORS}. Dotted: the average over all treated {noun}, to which each is pulled.",
        body=marks.blocks(outcomes) * (0.27 * (len(labels) + GAP) + 1.25),
        key=marks.truth_key(values, outcomes),
    )
    shown = {name: top[name] | main_model(outcome)["by_unit"] for name, outcome in outcomes.items()}
    limits = marks.limits_of({name: rows.bounds(effects.values()) for name, effects in shown.items()}, outcomes)
    for name, outcome, (ax,), first in marks.each(figure, outcomes):
        digits = sentences.decimals(outcome)
        marks.truth_line(ax, values, outcome)
        rows.average(ax, main_model(outcome)["att"]["mean"])
        drawn = [
            Row(
                at[key], labels[at[key]], effect, *_TOP.get(key, (theme.BLUE, "o")),
                bold=key in _TOP and "p_positive" in effect, numbers=wording.cells(effect, digits),
            )
            for key, effect in shown[name].items()
        ]  # fmt: skip
        rows.forest(
            ax, drawn, rows.WITH_PROBABILITY, labels=labels, limits=limits[name], show=first, bold=len(methods) - 1
        )
        rows.divide(ax, len(methods) - 1 + (1 + GAP) / 2)
        rows.finish(ax, outcome, outcome["label"])
    return figure


def ordered(effects: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Rows by their mean in the first outcome that has them, the largest first."""
    means: dict[str, float] = {}
    for of_outcome in effects.values():
        new = [row for row in of_outcome if row not in means]
        means |= {row: of_outcome[row]["mean"] for row in sorted(new, key=lambda row: -of_outcome[row]["mean"])}
    return list(means)


def _averages(values: Values, name: str) -> dict[str, dict[str, Any]]:
    """The rows of an outcome over the units: method -> effect."""
    table = headline(values)
    table = table[(table["outcome"] == name) & table["method"].isin(list(_TOP))]
    return {
        row["method"]: {"mean": row["estimate"], "lower": row["lower"], "upper": row["upper"]}
        | ({"sd": row["se"], "p_positive": row["p_positive"]} if row["estimator"] == BAYES else {})
        for _, row in table.iterrows()
    }


def _title(outcomes: Mapping[str, Any], noun: str) -> str:
    """The count of intervals of single units that exclude zero, over all outcomes."""
    effects = [effect for outcome in outcomes.values() for effect in main_model(outcome)["by_unit"].values()]
    count = wording.excluding_zero(effects)
    if count == 0:
        return f"No single {sentences.singular(noun)} stands apart from zero"
    return f"{count} of {len(effects)} effects of single {noun} stand apart from zero"
