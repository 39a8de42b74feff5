"""Does the answer hang on one unit, or on the pool? One unit less, wider pools by rule, and counterfactual models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.control_sentences import comparison_label
from bri_bayes.presentation.study_tables import Values, unit_name
from bri_bayes.report.figures import marks, rows, theme, wording
from bri_bayes.report.figures.rows import Row

GAP = 0.6  # rows between groups
MOST = 30  # units left out that are shown
_LOOKS = {
    "main": (theme.INK, "D"),
    "treated": (theme.BLUE, "o"),
    "control": (theme.BLUE, "s"),
    "pool": (theme.BLUE, "^"),
    "model": (theme.PURPLE, "v"),
}


def caption(values: Values) -> list[str]:
    """The unit whose absence moves the estimate most, those whose absence leaves zero out, and the range over pools."""
    texts = []
    for name, outcome in _outcomes(values).items():
        digits = sentences.decimals(values["outcomes"][name])
        main = outcome["main"]["att"]["mean"]
        most = max(outcome["leave_one_out"], key=lambda record: abs(record["att"]["mean"] - main))
        text = (
            f"{outcome['label']}: {sentences.signed(main, digits)} with all units; leaving out "
            f"{unit_name(values, most['without'])} moves it most, to {sentences.signed(most['att']['mean'], digits)}."
        )
        nonzero = [record["without"] for record in outcome["leave_one_out"] if sentences.excludes_zero(record["att"])]
        named = f" (without {sentences.listed(unit_name(values, unit) for unit in nonzero)})" if nonzero else ""
        text += f" With one unit less {len(nonzero)} of {len(outcome['leave_one_out'])} intervals exclude zero{named}."
        others = [record["att"] for kind, record in _records(outcome) if kind in ("pool", "model")]
        if others:
            means = [att["mean"] for att in others]
            text += (
                f" From the wider pool it runs from {sentences.signed(min(means), digits)} to "
                f"{sentences.signed(max(means), digits)}; {wording.excluding_zero(others)} of {len(means)} intervals "
                "exclude zero."
            )
        texts.append(text)
    return texts


@theme.themed
def control_pool(values: Values) -> Figure:
    """A panel for each outcome; rows in groups: all units, one treated unit less, one control less, pools, models."""
    every = _outcomes(values)
    outcomes = {name: _with_most_moved(outcome) for name, outcome in every.items()}
    places = _places(outcomes)
    figure = theme.page(
        values,
        _title(every),
        f"{rows.POSTERIORS}; dotted: all units of the study. In brackets the number of controls or donors."
        + (f" Of units left out the {MOST} that move the answer most are shown." if outcomes != every else ""),
        body=0.25 * (max(places.values()) + 1.5) * marks.blocks(outcomes, 1) + 1.1 * len(outcomes),
    )
    for name, outcome, (ax,), _ in marks.each(figure, outcomes, columns=1):
        digits = sentences.decimals(values["outcomes"][name])
        rows.average(ax, outcome["main"]["att"]["mean"], theme.INK)
        drawn = []
        for kind, record in _records(outcome):
            gap = sentences.number((record.get("pretrend") or {}).get("gap"), 2)
            numbers = [*wording.cells(record["att"], digits), gap]
            label = _label(values, kind, record)
            place = places[_key(kind, record)]
            drawn.append(Row(place, label, record["att"], *_LOOKS[kind], bold=kind == "main", numbers=numbers))
        labels = dict.fromkeys(places.values(), "") | {row.y: row.label for row in drawn}
        rows.forest(ax, drawn, (*rows.WITH_PROBABILITY, "gap before"), labels=labels, bold=0)
        rows.finish(ax, outcome, outcome["label"], 6.0)
    return figure


def _outcomes(values: Values) -> dict[str, dict[str, Any]]:
    return wording.outcomes_of(values, "controls", "leave_one_out")


def _with_most_moved(outcome: dict[str, Any]) -> dict[str, Any]:
    """The outcome with the units that move its answer most when they are left out, in their order."""
    main, left_out = outcome["main"]["att"]["mean"], outcome["leave_one_out"]
    moved = sorted(left_out, key=lambda record: -abs(record["att"]["mean"] - main))[:MOST]
    return {**outcome, "leave_one_out": [record for record in left_out if record in moved]}


def _records(outcome: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Group and record of each row, from top to bottom."""
    records = [("main", outcome["main"])]
    for role in ("treated", "control"):
        records += [(role, record) for record in outcome["leave_one_out"] if record["role"] == role]
    records += [("pool", record) for record in outcome.get("pool") or []]
    return records + [("model", {**outcome[kind], "model": kind}) for kind in outcome.get("expected") or []]


def _key(kind: str, record: Mapping[str, Any]) -> str:
    return str(record.get("without") or record.get("rule") or record.get("model") or kind)


def _label(values: Values, kind: str, record: Mapping[str, Any]) -> str:
    if kind == "main":
        return "all units of the study"
    named = {"pool": "pool", "model": record.get("model", "")}
    return comparison_label(values, named.get(kind, "leave_one_out"), record)


def _places(outcomes: Mapping[str, Any]) -> dict[str, float]:
    """Rows of all outcomes at the same heights, with a gap between groups."""
    order = list(_LOOKS)
    every = {_key(kind, record): kind for outcome in outcomes.values() for kind, record in _records(outcome)}
    ranked = sorted(every.items(), key=lambda item: order.index(item[1]))
    kinds = list(dict.fromkeys(kind for _, kind in ranked))
    return {key: row + GAP * kinds.index(kind) for row, (key, kind) in enumerate(ranked)}


def _title(outcomes: Mapping[str, Mapping[str, Any]]) -> str:
    """How many of all rows exclude zero, by outcome."""
    texts = []
    for outcome in outcomes.values():
        effects = [record["att"] for _, record in _records(outcome)]
        count = wording.excluding_zero(effects)
        verb = "stands" if count < 2 else "stand"
        texts.append(f"{outcome['label']}: {count or 'none'} of {len(effects)} comparisons {verb} apart from zero")
    return "; ".join(texts)
