"""How large is the matched effect, and how much of its uncertainty is that of the match? A forest by way to match."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, rows, theme, wording
from bri_bayes.report.figures.rows import GAP, Row

WAYS = {"nearest": "Nearest neighbour", "kernel": "Kernel", "radius": "Radius"}
_ALIKE = "All controls alike"


@theme.themed
def psm_did(values: Values) -> Figure:
    """A panel an outcome: no match, the posterior under each match, and least squares that takes the match as known."""
    outcomes = wording.outcomes_of(values, "propensity", "methods")
    methods = list(next(iter(outcomes.values()))["methods"])
    at = {_ALIKE: 0.0} | {method: 1 + GAP + place for place, method in enumerate(methods)}
    at |= {f"known {method}": 1 + 2 * GAP + len(methods) + place for place, method in enumerate(methods)}
    labels = {y: _label(key) for key, y in at.items()}
    figure = theme.page(
        values,
        _title(outcomes),
        "Dots: average effect on the matched treated, 95% intervals, thick lines one posterior sd. Squares: weighted "
        "least squares that takes one match as known, clustered; a line to the edge goes on, and two units have none. "
        "Beside: the effect, and the share of its variance that comes from not knowing the match; of squares, matched "
        "treated + controls.",
        body=marks.blocks(outcomes) * (0.28 * len(labels) + 1.35),
        key=[
            keys.dot(theme.INK, "no match", interval=True),
            keys.dot(theme.BLUE, "match uncertain", interval=True),
            keys.dot(theme.VERMILLION, "match as known", "s", hollow=True, interval=True),
        ],
    )
    limits = marks.limits_of({name: _bounds(outcome) for name, outcome in outcomes.items()}, outcomes)
    for name, outcome, (ax,), first in marks.each(figure, outcomes):
        drawn = [Row(at[key], labels[at[key]], *look) for key, look in _answers(outcome, limits[name])]
        rows.forest(ax, drawn, ("effect", "from match"), labels=labels, limits=limits[name], show=first)
        for edge in (at[_ALIKE], at[methods[-1]]):
            rows.divide(ax, edge + (1 + GAP) / 2)
        rows.finish(ax, outcome, outcome["label"])
    return figure


def caption(values: Values) -> list[str]:
    """One sentence an outcome: the range of the means, and what the match adds."""
    texts = []
    for outcome in values["propensity"]["outcomes"].values():
        matched = _matched(outcome)
        if not matched:
            texts.append(f"{outcome['label']}: in no draw can anybody be matched.")
            continue
        means = [method["att"]["mean"] for method in matched]
        most = wording.share(max(method["share_from_matching"] for method in matched))
        texts.append(
            f"{outcome['label']}: matched effects lie between {sentences.signed(min(means), 2)} and "
            f"{sentences.signed(max(means), 2)}; zero is excluded under "
            f"{wording.excluding_zero(method['att'] for method in matched)} of {len(matched)} ways to match; up to "
            f"{most} of the variance comes from not knowing the match.{_sizes(outcome)}"
        )
    return texts


def _matched(outcome: Values) -> list[Any]:
    return [method for method in outcome["methods"].values() if method["att"] is not None]


def _answers(outcome: Values, limits: marks.Limits) -> list[tuple[str, tuple[Any, ...]]]:
    """Key of each row, and what it shows: effect, colour, mark, hollow, bold, numbers."""
    alike = outcome["all_controls"]
    answers: list[Any] = [(_ALIKE, (alike, theme.INK, "o", False, False, [sentences.signed(alike["mean"], 2)]))]
    for method, answer in outcome["methods"].items():
        if answer["att"] is not None:
            numbers = [sentences.signed(answer["att"]["mean"], 2), wording.share(answer["share_from_matching"] or 0.0)]
            answers.append((method, (answer["att"], theme.BLUE, "o", False, True, numbers)))
    for method, row in _known(outcome).items():
        effect = {"mean": row["estimate"]} | {end: _clipped(row[end], limits) for end in ("lower", "upper")}
        # Values that were written before controls were counted have no size to show.
        size = f"{row['n_matched_treated']}+{row['n_matched_controls']}" if "n_matched_controls" in row else ""
        numbers = [sentences.signed(row["estimate"], 2), size]
        answers.append((f"known {method}", (effect, theme.VERMILLION, "s", True, False, numbers)))
    return answers


def _label(key: str) -> str:
    method = key.removeprefix("known ")
    return WAYS.get(method, method) + (", as known" if key != method else "")


def _title(outcomes: Mapping[str, Any]) -> str:
    matched = [method for outcome in outcomes.values() for method in _matched(outcome)]
    if not matched:
        return "No draw of the score has a match: there is no matched effect"
    count = wording.excluding_zero(method["att"] for method in matched)
    shares = [method["share_from_matching"] for method in matched]
    low, high = wording.share(min(shares)), wording.share(max(shares))
    told = (
        "No posterior of a matched effect stands"
        if count == 0
        else f"{count} of {len(matched)} matched effects stand{'s' * (count == 1)}"
    )
    return f"{told} apart from zero; {low} to {high} of the variance is that of the match"


def _known(outcome: Values) -> dict[str, Any]:
    """The clustered rows of the plug-in by way to match: of the logit where it exists, else of the mean score."""
    clustered = [row for row in outcome["frequentist"] if row["inference"] == "cluster"]
    return {row["estimator"].partition("/")[2]: row for row in reversed(clustered)}


def _bounds(outcome: Values) -> list[float | None]:
    """Those of the posteriors and the estimates: an interval of least squares with two countries has no end."""
    effects = [outcome["all_controls"], *(method["att"] for method in _matched(outcome))]
    return [*rows.bounds(effects), *(row["estimate"] for row in _known(outcome).values())]


def _sizes(outcome: Values) -> str:
    """How many units each square rests on."""
    told = [
        f"{sentences.counted(row['n_matched_treated'], 'treated')} and "
        f"{sentences.counted(row['n_matched_controls'], 'controls')} "
        f"({_label(method).lower()})"
        for method, row in _known(outcome).items()
        if "n_matched_controls" in row
    ]
    return f" Squares rest on {sentences.listed(told)}." if told else ""


def _clipped(value: float | None, limits: marks.Limits) -> float:
    return math.nan if value is None else min(max(value, limits[0]), limits[1])
