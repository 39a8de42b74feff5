"""How large is the matched effect, and how much of its uncertainty is that of the match? A forest by way to match."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme

_TITLES = {"nearest": "Nearest neighbour", "kernel": "Kernel", "radius": "Radius"}
_ALIKE = "All controls alike"
GAP = 0.7


@theme.themed
def psm_did(values: Values) -> Figure:
    """A panel an outcome: no match, the posterior under each match, and least squares that takes the match as known."""
    outcomes = {name: outcome for name, outcome in values["propensity"]["outcomes"].items() if outcome["methods"]}
    labels, at = _rows(outcomes)
    figure = theme.page(
        values,
        _title(outcomes),
        "Dots: average effect on the matched treated, 95% intervals, thick lines one posterior sd. Squares: weighted "
        "least squares that takes one match as known, clustered; a line to the edge goes on. Beside: the effect, and "
        "the share of its variance that comes from not knowing the match.",
        body=marks.blocks(outcomes) * (0.28 * len(labels) + 1.35),
        key=[
            _handle(theme.INK, "o", "no match"),
            _handle(theme.BLUE, "o", "match uncertain"),
            _handle(theme.VERMILLION, "s", "match as known", hollow=True),
        ],
    )
    units = {name: sentences.effect_unit(outcome) for name, outcome in outcomes.items()}
    limits = marks.limits_of({name: _bounds(outcome) for name, outcome in outcomes.items()}, units)
    axes = marks.panels(figure, list(outcomes))
    for position, ((name, outcome), (ax,)) in enumerate(zip(outcomes.items(), axes, strict=True)):
        marks.zero_line(ax, vertical=True)
        low, high = limits[name]
        numbers = {}
        marks.dot(ax, at[_ALIKE], outcome["all_controls"], theme.INK)
        numbers[at[_ALIKE]] = [sentences.signed(outcome["all_controls"]["mean"], 2)]
        for method, found in outcome["methods"].items():
            if found["att"] is not None:
                marks.dot(ax, at[method], found["att"], theme.BLUE, bold=True)
                share = sentences.probability(found["share_from_matching"] or 0.0, words=False)
                numbers[at[method]] = [sentences.signed(found["att"]["mean"], 2), share]
        for method, row in _known(outcome).items():
            ends = {
                "mean": row["estimate"],
                "lower": _clipped(row["lower"], low, high),
                "upper": _clipped(row["upper"], low, high),
            }
            marks.dot(ax, at["known " + method], ends, theme.VERMILLION, marker="s", hollow=True)
            numbers[at["known " + method]] = [sentences.signed(row["estimate"], 2)]
        marks.beside(ax, numbers, ("effect", "from match"))
        marks.row_axis(ax, labels, show=position % 2 == 0)
        for edge in (at[_ALIKE], at[next(reversed(outcome["methods"]))]):
            ax.axhline(edge + (1 + GAP) / 2, color=theme.FAINT, linewidth=1)
        ax.set_xlim(low, high)
        ax.set_xlabel(f"Effect, {units[name]}")
        theme.panel_title(ax, _label(values, name, outcome), 3.9, pad=marks.HEADINGS)
    return figure


def caption(values: Values) -> list[str]:
    """One sentence an outcome: the range of the means, and what the match adds."""
    texts = []
    for outcome in values["propensity"]["outcomes"].values():
        found = [method for method in outcome["methods"].values() if method["att"] is not None]
        if not found:
            texts.append(f"{outcome['label']}: in no draw can anybody be matched.")
            continue
        means = [method["att"]["mean"] for method in found]
        apart = sum(sentences.excludes_zero(method["att"]) for method in found)
        share = sentences.probability(max(method["share_from_matching"] for method in found), words=False)
        texts.append(
            f"{outcome['label']}: matched effects lie between {sentences.signed(min(means), 2)} and "
            f"{sentences.signed(max(means), 2)}; zero is left out under {apart} of {len(found)} ways to match; up to "
            f"{share} of the variance comes from not knowing the match."
        )
    return texts


def _title(outcomes: Mapping[str, Any]) -> str:
    found = [method for outcome in outcomes.values() for method in outcome["methods"].values() if method["att"]]
    if not found:
        return "No draw of the score has a match: there is no matched effect"
    apart = sum(sentences.excludes_zero(method["att"]) for method in found)
    shares = [method["share_from_matching"] for method in found]
    low, high = (sentences.probability(share, words=False) for share in (min(shares), max(shares)))
    told = "no matched effect stands" if apart == 0 else f"{apart} of {len(found)} matched effects stand"
    return f"{told[0].upper()}{told[1:]} apart from zero; {low} to {high} of the variance is that of the match"


def _rows(outcomes: Mapping[str, Any]) -> tuple[dict[float, str], dict[str, float]]:
    methods = list(next(iter(outcomes.values()))["methods"])
    at = {_ALIKE: 0.0} | {method: 1 + GAP + position for position, method in enumerate(methods)}
    start = 1 + 2 * GAP + len(methods)
    at |= {f"known {method}": start + position for position, method in enumerate(methods)}
    labels = {at[_ALIKE]: _ALIKE}
    labels |= {at[method]: _TITLES.get(method, method) for method in methods}
    labels |= {at[f"known {method}"]: f"{_TITLES.get(method, method)}, as known" for method in methods}
    return labels, at


def _known(outcome: Values) -> dict[str, Any]:
    """The clustered rows of the plug-in by way to match: of the logit where it exists, else of the mean score."""
    rows = [row for row in outcome["frequentist"] if row["inference"] == "cluster"]
    return {row["estimator"].partition("/")[2]: row for row in reversed(rows)}


def _bounds(outcome: Values) -> list[float | None]:
    """Those of the posteriors and the estimates: an interval of least squares with two countries has no end."""
    effects = [outcome["all_controls"], *(found["att"] for found in outcome["methods"].values() if found["att"])]
    ends = [effect[end] for effect in effects for end in ("lower", "upper")]
    return [*ends, *(row["estimate"] for row in _known(outcome).values())]


def _label(values: Values, name: str, outcome: Values) -> str:
    """The label of an outcome, that of the study where the page has one."""
    return str(values["outcomes"].get(name, outcome)["label"])


def _clipped(value: float | None, low: float, high: float) -> float:
    return math.nan if value is None else min(max(value, low), high)


def _handle(color: str, marker: str, label: str, *, hollow: bool = False) -> Line2D:
    face = "white" if hollow else color
    return Line2D([], [], color=color, marker=marker, linewidth=1.6, markersize=6.5, markerfacecolor=face, label=label)
