"""For whom is the effect how large? A forest of the treated units under the average, with other methods on top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import BAYES, METHODS, PUBLISHED, Values, headline, main_model, unit_name
from bri_bayes.report.figures import marks, theme

_TOP = {
    METHODS[PUBLISHED, PUBLISHED]: (theme.INK, "D"),
    METHODS["twfe", "cluster"]: (theme.VERMILLION, "s"),
    METHODS[BAYES, "posterior"]: (theme.BLUE, "o"),
}
GAP = 0.7  # rows between the averages and the units


@theme.themed
def forest(values: Values) -> Figure:
    """A panel for each outcome; units in the order of their means in the first panel, the largest on top."""
    outcomes = theme.outcomes_with(values, "by_unit", "forest")
    units = _ordered(outcomes)
    top = _averages(values, outcomes)
    methods = [method for method in _TOP if any(method in rows for rows in top.values())]
    first_unit = len(methods) + GAP
    labels = {float(position): method for position, method in enumerate(methods)}
    labels |= {first_unit + position: unit_name(values, unit) for position, unit in enumerate(units)}
    positions = dict(zip(units, (y for y in labels if y >= first_unit), strict=True))
    noun = sentences.unit_noun(values)
    figure = theme.page(
        values,
        _title(values, outcomes),
        "Dots are posterior means, thin lines 95% intervals, thick lines one posterior sd. "
        f"Dotted: the average over all treated {noun}, to which each is pulled.",
        body=marks.blocks(outcomes) * (0.27 * (len(labels) + GAP) + 1.25),
        key=marks.truth_key(values, outcomes),
    )
    effect_units = {name: sentences.effect_unit(outcome) for name, outcome in outcomes.items()}
    limits = marks.limits_of({name: _bounds(outcome, top[name]) for name, outcome in outcomes.items()}, effect_units)
    axes = marks.panels(figure, list(outcomes))
    for position, ((name, outcome), (ax,)) in enumerate(zip(outcomes.items(), axes, strict=True)):
        model = main_model(outcome)
        rows = {float(y): top[name][method] for y, method in enumerate(methods) if method in top[name]}
        marks.zero_line(ax, vertical=True)
        marks.truth_line(ax, values, outcome)
        ax.axvline(model["att"]["mean"], color=theme.BLUE, linewidth=1, linestyle=":", zorder=1.4)
        for y, effect in rows.items():
            marks.dot(ax, y, effect, _TOP[labels[y]][0], marker=_TOP[labels[y]][1], bold="p_positive" in effect)
        for unit, effect in model["by_unit"].items():
            marks.dot(ax, positions[unit], effect, theme.BLUE)
            rows[positions[unit]] = effect
        numbers = {y: _numbers(effect, sentences.decimals(outcome)) for y, effect in rows.items()}
        marks.beside(ax, numbers, ("effect", "95% interval", "P(> 0)"), bold=len(methods) - 1)
        marks.row_axis(ax, labels, show=position % 2 == 0)
        ax.axhline(len(methods) - 1 + (1 + GAP) / 2, color=theme.FAINT, linewidth=1)
        ax.set_xlim(*limits[name])
        ax.set_xlabel(f"Effect, {effect_units[name]}")
        theme.panel_title(ax, outcome["label"], 3.9, pad=marks.HEADINGS)
    return figure


def _ordered(outcomes: Mapping[str, Any]) -> list[str]:
    """Units by their mean in the first outcome that has them, the largest first."""
    means: dict[str, float] = {}
    for outcome in outcomes.values():
        effects = main_model(outcome)["by_unit"]
        new = [unit for unit in effects if unit not in means]
        means |= {unit: effects[unit]["mean"] for unit in sorted(new, key=lambda unit: -effects[unit]["mean"])}
    return list(means)


def _averages(values: Values, outcomes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows over the units: outcome -> method -> effect."""
    table = headline(values)
    found: dict[str, dict[str, Any]] = {}
    for name in outcomes:
        own = table[(table["outcome"] == name) & table["method"].isin(list(_TOP))]
        found[name] = {
            row["method"]: {"mean": row["estimate"], "lower": row["lower"], "upper": row["upper"]}
            | ({"sd": row["se"], "p_positive": row["p_positive"]} if row["estimator"] == BAYES else {})
            for _, row in own.iterrows()
        }
    return found


def _title(values: Values, outcomes: Mapping[str, Any]) -> str:
    """The count of intervals of single units that leave zero out, over all outcomes."""
    effects = [effect for outcome in outcomes.values() for effect in main_model(outcome)["by_unit"].values()]
    apart = sum(sentences.excludes_zero(effect) for effect in effects)
    noun = sentences.unit_noun(values)
    if apart == 0:
        return f"No single {sentences.singular(noun)} stands apart from zero"
    return f"{apart} of {len(effects)} effects of single {noun} stand apart from zero"


def _bounds(outcome: Values, top: Mapping[str, Any]) -> list[float | None]:
    effects = [*main_model(outcome)["by_unit"].values(), *top.values()]
    return [effect[end] for effect in effects for end in ("lower", "upper", "mean")]


def _numbers(effect: Mapping[str, Any], digits: int) -> list[str]:
    cells = [sentences.signed(effect["mean"], digits), sentences.interval(effect["lower"], effect["upper"], digits)]
    return [*cells, sentences.probability(effect["p_positive"], words=False)] if "p_positive" in effect else cells
