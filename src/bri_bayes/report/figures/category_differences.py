"""Is the ranking of products older than the policy? The same differences after it, and in a placebo span before it."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme
from bri_bayes.report.figures.category_effects import as_panel

_LOOKS = (("o", False), ("s", True))
_SHIFT = 0.17
MAIN, POOL = "assignment", "pool"


@theme.themed
def category_differences(values: Values) -> Figure:
    """A block for each outcome: the span of the question left, its placebo right; two sets of controls in a row."""
    own = as_panel(values)
    outcomes = {name: outcome for name, outcome in own["outcomes"].items() if outcome["differences"]}
    blocks = [(name, span) for name, outcome in outcomes.items() for span in _spans(outcome)]
    categories = list(own["names"])
    key = [
        Line2D([], [], linestyle="", marker=marker, color=color, markerfacecolor="white" if hollow else color,
               markersize=7, label=label)
        for (marker, hollow), color, label in zip(_LOOKS, (theme.BLUE, theme.VERMILLION),
                                                  ("against the controls", "against every other partner"), strict=True)
    ]  # fmt: skip
    figure = theme.page(
        own,
        _title(outcomes),
        "Change of log trade between two years, treated minus controls: posterior mean, 95% interval, one sd. An "
        "interval that leaves zero out before the policy is no effect of it.",
        body=-(-len(blocks) // 2) * (0.42 * len(categories) + 1.05),
        key=key,
    )
    axes = marks.panels(figure, [f"{name} {span}" for name, span in blocks])
    labels = {float(at): own["names"][category] for at, category in enumerate(categories)}
    for place, ((name, span), (ax,)) in enumerate(zip(blocks, axes, strict=True)):
        marks.zero_line(ax, vertical=True)
        bounds: list[float | None] = []
        for key_, fit in _of_outcome(outcomes[name]):
            if fit["span"] != list(span):
                continue
            wide = key_.startswith(POOL)
            marker, hollow = _LOOKS[wide]
            for category, effect in fit["effects"].items():
                y = categories.index(category) + (_SHIFT if wide else -_SHIFT)
                marks.dot(ax, y, effect, theme.VERMILLION if wide else theme.BLUE, marker=marker, hollow=hollow)
        for _, outcome in outcomes.items():
            bounds += [bound for _, fit in _of_outcome(outcome) for effect in fit["effects"].values()
                       for bound in (effect["lower"], effect["upper"])]  # fmt: skip
        marks.row_axis(ax, labels, show=place % 2 == 0)
        ax.set_xlim(*marks.limits(bounds))
        ax.set_xlabel("Difference, log points")
        counts = {len(fit["treated"]) for _, fit in _of_outcome(outcomes[name]) if fit["span"] == list(span)}
        word = "the question" if place % 2 == 0 else "placebo"
        many = " or ".join(str(count) for count in sorted(counts))
        label = outcomes[name]["label"]
        theme.panel_title(ax, f"{label}, {span[0]}–{span[1]} ({word}, {many} treated)", 3.3)
    return figure


def caption(values: Values) -> list[str]:
    """How many intervals leave zero out, after and before the policy."""
    own = as_panel(values)
    texts = []
    for outcome in own["outcomes"].values():
        counts = []
        for span in _spans(outcome):
            effects = [effect for _, fit in _of_outcome(outcome) if fit["span"] == list(span)
                       for effect in fit["effects"].values()]  # fmt: skip
            apart = sum(sentences.excludes_zero(effect) for effect in effects)
            counts.append(f"{apart} of {len(effects)} in {span[0]}–{span[1]}")
        texts.append(f"{outcome['label']}: intervals that leave zero out: {', '.join(counts)}.")
    return texts


def _spans(outcome: Values) -> list[tuple[int, int]]:
    return list(dict.fromkeys((fit["span"][0], fit["span"][1]) for fit in outcome["fits"].values()))


def _of_outcome(outcome: Values) -> list[tuple[str, Any]]:
    return list(outcome["fits"].items())


def _title(outcomes: Values) -> str:
    """Counts of intervals that leave zero out, in the span of the question and before it."""
    counts = []
    for number, word in enumerate(("with the policy", "before it")):
        effects = [
            effect
            for outcome in outcomes.values()
            for spans in [_spans(outcome)]
            if number < len(spans)
            for fit in outcome["fits"].values()
            if fit["span"] == list(spans[number])
            for effect in fit["effects"].values()
        ]
        counts.append(f"{sum(sentences.excludes_zero(effect) for effect in effects)} of {len(effects)} {word}")
    return f"Differences of products that stand apart from zero: {', '.join(counts)}"
