"""Which products gained, and how surely? A forest of the categories, the average of all on top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme

GAP = 0.7  # rows between the average and the categories


@theme.themed
def category_effects(values: Values) -> Figure:
    """A panel for each outcome; categories in the order of their means in the first, the largest on top."""
    own = as_panel(values)
    fits = {name: outcome["fits"][outcome["main"]] for name, outcome in own["outcomes"].items()}
    order = _ordered(fits)
    rows = {name: 1 + GAP + place for place, name in enumerate(order)}
    labels = {0.0: "All categories", **{rows[name]: own["names"].get(name, name) for name in order}}
    truths = {name: outcome["truth"] for name, outcome in own["outcomes"].items() if outcome.get("truth")}
    key = [Line2D([], [], linestyle="", marker="D", color=theme.GREEN, markerfacecolor="white", markersize=7,
                  markeredgewidth=1.6, label=marks.TRUTH_LABEL)] if truths else []  # fmt: skip
    key += [Line2D([], [], linestyle="", marker="|", color=theme.VERMILLION, markersize=11, markeredgewidth=2,
                   label="difference of means alone")]  # fmt: skip
    figure = theme.page(
        own,
        title(own, fits),
        "Dots are posterior means of the effect on log trade, thin lines 95% intervals, thick lines one posterior sd; "
        "P(largest) is the probability that a category gained most.",
        body=marks.blocks(fits, 1) * (0.3 * (len(labels) + GAP) + 1.1),
        key=key,
    )
    axes = marks.panels(figure, list(fits), columns=1)
    limits = marks.limits([bound for fit in fits.values() for bound in _bounds(fit)])
    for (name, fit), (ax,) in zip(fits.items(), axes, strict=True):
        marks.zero_line(ax, vertical=True)
        ax.axvline(fit["overall"]["mean"], color=theme.BLUE, linewidth=1, linestyle=":", zorder=1.4)
        marks.dot(ax, 0.0, fit["overall"], theme.BLUE, bold=True)
        numbers = {0.0: _numbers(fit["overall"])}
        for category, effect in fit["effects"].items():
            at = rows[category]
            marks.dot(ax, at, effect, theme.BLUE)
            ax.plot([fit["did"][category]], [at], linestyle="", marker="|", color=theme.VERMILLION, markersize=11,
                    markeredgewidth=2, zorder=4.2)  # fmt: skip
            if name in truths:
                ax.plot([truths[name][category]], [at], linestyle="", marker="D", color=theme.GREEN, markersize=7,
                        markerfacecolor="white", markeredgewidth=1.6, zorder=4.1)  # fmt: skip
            largest = sentences.probability(fit["ranks"][category][0], words=False)
            numbers[at] = [*_numbers(effect), largest]
        marks.beside(ax, numbers, ("effect", "95% interval", "P(> 0)", "P(largest)"), bold=0.0)
        marks.row_axis(ax, labels, show=True)
        ax.axhline((1 + GAP) / 2, color=theme.FAINT, linewidth=1)
        ax.set_xlim(*limits)
        ax.set_xlabel("Effect, log points")
        span = f"{fit['span'][0]}–{fit['span'][1]}"
        label = own["outcomes"][name]["label"]
        theme.panel_title(ax, f"{label}, {span}, {len(fit['treated'])} treated, {len(fit['controls'])} controls", 7.0,
                          pad=marks.HEADINGS)  # fmt: skip
    return figure


def caption(values: Values) -> list[str]:
    """How many categories stand apart from zero, and from the average of all."""
    own = as_panel(values)
    texts = []
    for outcome in own["outcomes"].values():
        fit = outcome["fits"][outcome["main"]]
        apart = sum(sentences.excludes_zero(effect) for effect in fit["effects"].values())
        differ = sum(sentences.excludes_zero(effect) for effect in fit["against_overall"].values())
        total = len(fit["categories"])
        texts.append(
            f"{outcome['label']}: zero lies outside the 95% interval of {apart} of {total} categories, and {differ} of "
            f"{total} stand apart from the average of all."
        )
    return texts


def as_panel(values: Values) -> dict[str, Any]:
    """The values of the section with the names of the study: a page then says what the categories are made from."""
    return {"unit_names": values.get("unit_names", {}), **values["categories"]}


def title(own: Values, fits: Mapping[str, Any]) -> str:
    """Whether any category stands apart from the average of all: the claim that some gained more than others."""
    differ = [effect for fit in fits.values() for effect in fit["against_overall"].values()]
    count = sum(sentences.excludes_zero(effect) for effect in differ)
    if count == 0:
        return "No product category stands apart from the average of all"
    return f"{count} of {len(differ)} product categories stand apart from the average of all"


def _ordered(fits: Mapping[str, Any]) -> list[str]:
    means: dict[str, float] = {}
    for fit in fits.values():
        new = [name for name in fit["effects"] if name not in means]
        means |= {name: fit["effects"][name]["mean"] for name in sorted(new, key=lambda n: -fit["effects"][n]["mean"])}
    return list(means)


def _bounds(fit: Values) -> list[float]:
    effects = [*fit["effects"].values(), fit["overall"]]
    return [effect[end] for effect in effects for end in ("lower", "upper")] + list(fit["did"].values())


def _numbers(effect: Mapping[str, float]) -> list[str]:
    return [
        sentences.signed(effect["mean"], 2),
        sentences.interval(effect["lower"], effect["upper"], 2),
        sentences.probability(effect["p_positive"], words=False),
    ]
