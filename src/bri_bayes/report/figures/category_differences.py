"""Is the ranking of products older than the policy? The same differences after it, and in a placebo span before it."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from bri_bayes.presentation.policy_name import policy_of
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, rows, theme, wording
from bri_bayes.report.figures.category_effects import as_panel
from bri_bayes.report.figures.rows import Row

_SHIFT = 0.17
MAIN, POOL = "assignment", "pool"
# Set of controls -> colour, marker, hollow.
_LOOKS = {MAIN: (theme.BLUE, "o", False), POOL: (theme.PURPLE, "s", True)}


@theme.themed
def category_differences(values: Values) -> Figure:
    """A block for each outcome: the span of the question left, its placebo right; two sets of controls in a row."""
    section = as_panel(values)
    outcomes = {name: outcome for name, outcome in section["outcomes"].items() if outcome["differences"]}
    blocks = {f"{name} {span}": (name, span) for name, outcome in outcomes.items() for span in _spans(outcome)}
    places = {category: float(at) for at, category in enumerate(section["names"])}
    figure = theme.page(
        section,
        _title(outcomes),
        "Change of log trade between two years, treated minus controls: posterior mean, 95% interval, one sd. An "
        f"interval that excludes zero before {policy_of(values)} is no effect of it.",
        body=-(-len(blocks) // 2) * (0.42 * len(places) + 1.05),
        key=[
            keys.dot(theme.BLUE, "against the controls"),
            keys.dot(theme.PURPLE, "against every other partner", "s", hollow=True),
        ],
    )
    every = [effect for outcome in outcomes.values() for span in _spans(outcome) for effect in _effects(outcome, span)]
    labels = {at: section["names"][category] for category, at in places.items()}
    for _, (name, span), (ax,), first in marks.each(figure, blocks):
        drawn = []
        for key, fit in outcomes[name]["fits"].items():
            controls = POOL if key.startswith(POOL) else MAIN
            shift = _SHIFT if controls == POOL else -_SHIFT
            if tuple(fit["span"]) == span:
                drawn += [
                    Row(places[category] + shift, "", effect, *_LOOKS[controls])
                    for category, effect in fit["effects"].items()
                ]
        rows.forest(ax, drawn, (), labels=labels, limits=marks.limits(rows.bounds(every)), show=first)
        ax.set_xlabel("Difference, log points")
        counts = {len(fit["treated"]) for fit in outcomes[name]["fits"].values() if tuple(fit["span"]) == span}
        many = " or ".join(str(count) for count in sorted(counts))
        word = "the question" if first else "placebo"
        theme.panel_title(ax, f"{outcomes[name]['label']}, {span[0]}–{span[1]} ({word}, {many} treated)", 3.3)
    return figure


def caption(values: Values) -> list[str]:
    """How many intervals exclude zero, after and before the policy."""
    texts = []
    for outcome in as_panel(values)["outcomes"].values():
        counts = [f"{_count(outcome, span)} in {span[0]}–{span[1]}" for span in _spans(outcome)]
        texts.append(f"{outcome['label']}: intervals that exclude zero: {', '.join(counts)}.")
    return texts


def _spans(outcome: Values) -> list[tuple[int, int]]:
    return list(dict.fromkeys((fit["span"][0], fit["span"][1]) for fit in outcome["fits"].values()))


def _effects(outcome: Values, span: tuple[int, int]) -> list[Any]:
    fits = [fit for fit in outcome["fits"].values() if tuple(fit["span"]) == span]
    return [effect for fit in fits for effect in fit["effects"].values()]


def _count(outcome: Values, span: tuple[int, int]) -> str:
    return f"{wording.excluding_zero(_effects(outcome, span))} of {len(_effects(outcome, span))}"


def _title(outcomes: Values) -> str:
    """Counts of intervals that exclude zero, in the span of the question and before it."""
    counts = []
    for place, word in enumerate(("with the policy", "before it")):
        effects = [
            effect
            for outcome in outcomes.values()
            for span in _spans(outcome)[place : place + 1]
            for effect in _effects(outcome, span)
        ]
        counts.append(f"{wording.excluding_zero(effects)} of {len(effects)} {word}")
    return f"Differences of products that stand apart from zero: {', '.join(counts)}"
