"""Which products gained, and how surely? A forest of the categories, the average of all on top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, rows, theme, wording
from bri_bayes.report.figures.forest import ordered
from bri_bayes.report.figures.rows import GAP, Row

_HEADINGS = (*rows.WITH_PROBABILITY, "P(largest)")
_BAR: dict[str, Any] = {"linestyle": "", "marker": "|", "color": theme.VERMILLION, "markersize": 11}
_DIAMOND: dict[str, Any] = {"linestyle": "", "marker": "D", "color": theme.GREEN, "markerfacecolor": "white"}


@theme.themed
def category_effects(values: Values) -> Figure:
    """A panel for each outcome; categories in the order of their means in the first, the largest on top."""
    section = as_panel(values)
    fits = main_fits(section)
    at = {name: 1 + GAP + place for place, name in enumerate(ordered({key: fits[key]["effects"] for key in fits}))}
    labels = {0.0: "All categories", **{y: section["names"].get(name, name) for name, y in at.items()}}
    truths = {name: outcome["truth"] for name, outcome in section["outcomes"].items() if outcome.get("truth")}
    key = [keys.dot(theme.GREEN, marks.TRUTH_LABEL, "D", hollow=True)] if truths else []
    figure = theme.page(
        section,
        _title(fits),
        f"{rows.POSTERIORS}; P(largest) is the probability that a category gained most.",
        body=marks.blocks(fits, 1) * (0.3 * (len(labels) + GAP) + 1.1),
        key=[*key, keys.dot(theme.VERMILLION, "difference of means alone", "|")],
    )
    every = [effect for fit in fits.values() for effect in (*fit["effects"].values(), fit["overall"])]
    limits = marks.limits([*rows.bounds(every), *(mean for fit in fits.values() for mean in fit["did"].values())])
    for name, fit, (ax,), _ in marks.each(figure, fits, columns=1):
        rows.average(ax, fit["overall"]["mean"])
        drawn = [Row(0.0, labels[0.0], fit["overall"], bold=True, numbers=wording.cells(fit["overall"]))]
        for category, effect in fit["effects"].items():
            y = at[category]
            largest = wording.share(fit["ranks"][category][0])
            drawn.append(Row(y, labels[y], effect, numbers=[*wording.cells(effect), largest]))
            ax.plot([fit["did"][category]], [y], markeredgewidth=2, zorder=4.2, **_BAR)
            if name in truths:
                ax.plot([truths[name][category]], [y], markersize=7, markeredgewidth=1.6, zorder=4.1, **_DIAMOND)
        rows.forest(ax, drawn, _HEADINGS, labels=labels, limits=limits, bold=0.0)
        rows.divide(ax, (1 + GAP) / 2)
        outcome = section["outcomes"][name]
        groups = f"{len(fit['treated'])} treated, {len(fit['controls'])} controls"
        title = f"{outcome['label']}, {fit['span'][0]}–{fit['span'][1]}, {groups}"
        rows.finish(ax, {"transform": "log"}, title, 7.0)
    return figure


def caption(values: Values) -> list[str]:
    """How many categories stand apart from zero, and from the average of all."""
    section = as_panel(values)
    return [
        f"{section['outcomes'][name]['label']}: zero lies outside the 95% interval of "
        f"{wording.excluding_zero(fit['effects'].values())} of {len(fit['categories'])} categories, and "
        f"{wording.excluding_zero(fit['against_overall'].values())} of {len(fit['categories'])} stand apart from the "
        "average of all."
        for name, fit in main_fits(section).items()
    ]


def as_panel(values: Values) -> dict[str, Any]:
    """The values of the section with the names of the study: a page then says what the categories are made from."""
    return {"unit_names": values.get("unit_names", {}), **values["categories"]}


def main_fits(section: Values) -> dict[str, Any]:
    """The fit of each outcome that answers the question."""
    return {name: outcome["fits"][outcome["main"]] for name, outcome in section["outcomes"].items()}


def _title(fits: Mapping[str, Any]) -> str:
    """Whether any category stands apart from the average of all: the claim that some gained more than others."""
    differ = [effect for fit in fits.values() for effect in fit["against_overall"].values()]
    count = wording.excluding_zero(differ)
    if count == 0:
        return "No product category stands apart from the average of all"
    return f"{count} of {len(differ)} product categories stand apart from the average of all"
