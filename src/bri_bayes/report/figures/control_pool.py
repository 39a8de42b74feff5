"""Does the answer hang on one unit, or on the pool? One unit less, wider pools by rule, and counterfactual models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation import study_tables as tables
from bri_bayes.presentation.control_sentences import comparison_label
from bri_bayes.presentation.study_tables import Values, unit_name
from bri_bayes.report.figures import marks, theme

GAP = 0.6  # rows between groups
_COLORS = {
    "main": (theme.INK, "D"),
    "treated": (theme.BLUE, "o"),
    "control": (theme.BLUE, "s"),
    "pool": (theme.GREEN, "o"),
    "model": (theme.VERMILLION, "^"),
}


def caption(values: Values) -> list[str]:
    """The unit whose absence moves the estimate most, and the range over pools."""
    texts = []
    for name, outcome in _outcomes(values).items():
        digits = sentences.decimals(values["outcomes"][name])
        main = outcome["main"]["att"]["mean"]
        most = max(outcome["leave_one_out"], key=lambda record: abs(record["att"]["mean"] - main))
        text = (
            f"{outcome['label']}: {sentences.signed(main, digits)} with all units; leaving out "
            f"{unit_name(values, most['without'])} moves it most, to {sentences.signed(most['att']['mean'], digits)}."
        )
        others = [record for kind, record in _rows(outcome) if kind in ("pool", "model")]
        if others:
            means = [record["att"]["mean"] for record in others]
            apart = sum(sentences.excludes_zero(record["att"]) for record in others)
            text += (
                f" From the wider pool it runs from {sentences.signed(min(means), digits)} to "
                f"{sentences.signed(max(means), digits)}; {apart} of {len(means)} intervals leave zero out."
            )
        texts.append(text)
    return texts


@theme.themed
def control_pool(values: Values) -> Figure:
    """A panel for each outcome; rows in groups: all units, one treated unit less, one control less, pools, models."""
    outcomes = _outcomes(values)
    labels, places = _places(values, outcomes)
    figure = theme.page(
        values,
        _title(values, outcomes),
        "Dots are posterior means, thin lines 95% intervals, thick lines one posterior sd; dotted: all units of the "
        "study. In brackets the number of controls or donors.",
        body=0.25 * (max(labels) + 1.5) * marks.blocks(outcomes, 1) + 1.1 * len(outcomes),
    )
    axes = marks.panels(figure, list(outcomes), columns=1)
    for (name, outcome), (ax,) in zip(outcomes.items(), axes, strict=True):
        digits = sentences.decimals(values["outcomes"][name])
        marks.zero_line(ax, vertical=True)
        ax.axvline(outcome["main"]["att"]["mean"], color=theme.INK, linewidth=1, linestyle=":", zorder=1.4)
        numbers, own, bounds = {}, dict.fromkeys(labels, ""), []
        for kind, record in _rows(outcome):
            y = places[_key(kind, record)]
            color, marker = _COLORS[kind]
            att = record["att"]
            marks.dot(ax, y, att, color, marker=marker, bold=kind == "main")
            own[y] = _label(values, kind, record)
            bounds += [att["lower"], att["upper"]]
            numbers[y] = [
                sentences.signed(att["mean"], digits),
                sentences.interval(att["lower"], att["upper"], digits),
                sentences.probability(att["p_positive"], words=False),
                sentences.number((record.get("pretrend") or {}).get("gap"), 2),
            ]
        marks.beside(ax, numbers, ("effect", "95% interval", "P(> 0)", "gap before"), bold=0)
        marks.row_axis(ax, own, show=True)
        ax.set_xlim(*marks.limits(bounds))
        ax.set_xlabel(f"Effect, {sentences.effect_unit(values['outcomes'][name])}")
        theme.panel_title(ax, outcome["label"], 6.0, pad=marks.HEADINGS)
    return figure


def _outcomes(values: Values) -> dict[str, dict[str, Any]]:
    return tables.section_outcomes(values, "controls", "leave_one_out")


def _rows(outcome: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Group and record of each row, from top to bottom."""
    rows = [("main", outcome["main"])]
    for role in ("treated", "control"):
        rows += [(role, record) for record in outcome["leave_one_out"] if record["role"] == role]
    rows += [("pool", record) for record in outcome.get("pool") or []]
    return rows + [("model", {**outcome[kind], "model": kind}) for kind in outcome.get("expected") or []]


def _key(kind: str, record: Mapping[str, Any]) -> str:
    return str(record.get("without") or record.get("rule") or record.get("model") or kind)


def _label(values: Values, kind: str, record: Mapping[str, Any]) -> str:
    if kind == "main":
        return "all units of the study"
    return comparison_label(
        values, {"pool": "pool", "model": record.get("model", "")}.get(kind, "leave_one_out"), record
    )


def _places(values: Values, outcomes: Mapping[str, Any]) -> tuple[dict[float, str], dict[str, float]]:
    """Rows of all outcomes at the same heights, with a gap between groups."""
    places: dict[str, float] = {}
    groups: dict[str, str] = {}
    y = 0.0
    order = list(_COLORS)
    every = {_key(kind, record): kind for outcome in outcomes.values() for kind, record in _rows(outcome)}
    for key, kind in sorted(every.items(), key=lambda item: order.index(item[1])):
        if groups and list(groups.values())[-1] != kind:
            y += GAP
        places[key], groups[key] = y, kind
        y += 1
    return {place: key for key, place in places.items()}, places


def _title(values: Values, outcomes: Mapping[str, Mapping[str, Any]]) -> str:
    """How many of all rows leave zero out, by outcome."""
    texts = []
    for outcome in outcomes.values():
        rows = [record["att"] for _, record in _rows(outcome)]
        apart = sum(sentences.excludes_zero(att) for att in rows)
        count, verb = "none" if apart == 0 else str(apart), "stands" if apart < 2 else "stand"
        texts.append(f"{outcome['label']}: {count} of {len(rows)} comparisons {verb} apart from zero")
    return "; ".join(texts)
