"""What does the whole file say of the effect, when regions have shocks of their own? The wide pool beside the study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, rows, theme, wording
from bri_bayes.report.figures.rows import GAP, Row
from bri_bayes.report.sections.pool import NARROW, PROCESSES


@theme.themed
def wide_pool(values: Values) -> Figure:
    """A panel an outcome: the study's own controls, then all others under each process of shocks."""
    outcomes = wording.outcomes_of(values, "pool", "wide")
    at = {kind: float(place) for place, kind in enumerate(NARROW)}
    at |= {process: len(NARROW) + GAP + place for place, process in enumerate(PROCESSES)}
    labels = {at[kind]: f"study's controls: {title}" for kind, title in NARROW.items()}
    labels |= {at[process]: f"all others: {title}" for process, title in PROCESSES.items()}
    figure = theme.page(
        values,
        _title(outcomes),
        f"{rows.POSTERIORS}. Top: against the study's own controls; below: against every other unit with a complete "
        "outcome. Dotted: the answer with the sd of shocks that the pool has taught.",
        body=marks.blocks(outcomes, columns=1) * (0.32 * (len(labels) + GAP) + 1.25),
    )
    shown = {name: _effects(outcome["wide"]) for name, outcome in outcomes.items()}
    limits = marks.limits_of({name: rows.bounds(effects.values()) for name, effects in shown.items()}, outcomes)
    for name, outcome, (ax,), first in marks.each(figure, outcomes, columns=1):
        rows.average(ax, outcome["wide"]["informed"]["mean"])
        drawn = [
            Row(
                at[key], labels[at[key]], effect, theme.BLUE if key in NARROW else theme.PURPLE,
                "o" if key in NARROW else "s", bold=key == "informed", numbers=wording.cells(effect),
            )
            for key, effect in shown[name].items()
        ]  # fmt: skip
        rows.forest(
            ax, drawn, rows.WITH_PROBABILITY, labels=labels, limits=limits[name], show=first, bold=at["informed"]
        )
        rows.divide(ax, len(NARROW) - 1 + (1 + GAP) / 2)
        rows.finish(ax, outcome, outcome["label"])
    return figure


def caption(values: Values) -> list[str]:
    """The log Bayes factors of the processes, by outcome."""
    texts = []
    for outcome in wording.outcomes_of(values, "pool", "wide").values():
        factors = [
            f"{sentences.signed(fit['log_bayes_factor'], 1)} for {PROCESSES[fit['process']]}"
            for fit in outcome["wide"]["fits"]
            if fit["process"] != "none"
        ]
        texts.append(f"{outcome['label']}: log Bayes factors against no shocks of regions: {', '.join(factors)}.")
    return texts


def _effects(wide: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {kind: wide[kind] for kind in NARROW} | {fit["process"]: fit["att"] for fit in wide["fits"]}


def _title(outcomes: Mapping[str, Any]) -> str:
    every = [effect for outcome in outcomes.values() for effect in _effects(outcome["wide"]).values()]
    count = wording.excluding_zero(every)
    units = " and ".join(
        dict.fromkeys(f"{outcome['wide']['units']} units ({outcome['label']})" for outcome in outcomes.values())
    )
    zero = "No interval excludes" if count == 0 else f"{count} of {len(every)} intervals exclude"
    return f"{zero} zero, against the study's controls or among {units}"
