"""What if the controls had a part of the effect? The effect on the treated against that share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bri_bayes.checks.contamination import HARDLY_LEARNED
from bri_bayes.presentation import sentences
from bri_bayes.presentation import study_tables as tables
from bri_bayes.presentation.control_sentences import contamination_sentence
from bri_bayes.presentation.study_tables import Values, unit_name
from bri_bayes.report.figures import marks, theme


def caption(values: Values) -> list[str]:
    """The effect at both ends, and what the data say about the share."""
    return [
        contamination_sentence(outcome, sentences.decimals(values["outcomes"][name]))
        for name, outcome in _outcomes(values).items()
    ]


@theme.themed
def contamination(values: Values) -> Figure:
    """Two axes for each outcome: the effect against the share, and the posterior density of the share."""
    outcomes = _outcomes(values)
    figure = theme.page(
        values,
        _title(outcomes),
        f"Share of the effect that a control has after it joined ({_since(values, outcomes)}). The effect is that on "
        "treated units, in full.",
        body=marks.blocks(outcomes) * 4.4,
        key=[
            Line2D([], [], color=theme.BLUE, linewidth=2, label="mean at a fixed share"),
            Patch(facecolor=theme.BLUE, alpha=0.2, label="95% interval"),
            Line2D([], [], color=theme.VERMILLION, marker="D", linewidth=1.6, label="share unknown (uniform prior)"),
            Line2D([], [], color=theme.MUTED, linestyle="--", linewidth=1.2, label="prior of the share"),
        ],
    )
    axes = marks.panels(
        figure, list(outcomes), rows=2, gridspec_kw={"height_ratios": [2.4, 1] * marks.blocks(outcomes)}
    )
    for (name, outcome), (top, bottom) in zip(outcomes.items(), axes, strict=True):
        records = outcome["contaminated"]
        shares = [record["share"] for record in records]
        att = {end: [record["att"][end] for record in records] for end in ("mean", "lower", "upper")}
        marks.zero_line(top)
        top.fill_between(shares, att["lower"], att["upper"], color=theme.BLUE, alpha=0.2, linewidth=0)
        top.plot(shares, att["mean"], color=theme.BLUE, linewidth=2)
        learned = outcome["contamination"]["att"]
        top.plot([1.1, 1.1], [learned["lower"], learned["upper"]], color=theme.VERMILLION, linewidth=1.6)
        top.plot([1.1], [learned["mean"]], "D", color=theme.VERMILLION, markersize=6.5)
        top.set_xlim(-0.04, 1.16)
        top.set_ylim(*marks.limits([*att["lower"], *att["upper"], learned["lower"], learned["upper"]]))
        top.set_xticks([0, 0.25, 0.5, 0.75, 1.0, 1.1], ["0", "0.25", "0.5", "0.75", "1", "  ?"])
        top.grid(axis="y")
        top.set_ylabel(f"Effect, {sentences.effect_unit(values['outcomes'][name])}")
        theme.panel_title(top, outcome["label"], 4.0)
        known = [record for record in records if record["density"] is not None]
        density, at = [record["density"] for record in known], [record["share"] for record in known]
        bottom.fill_between(at, 0, density, color=theme.BLUE, alpha=0.2, linewidth=0)
        bottom.plot(at, density, color=theme.BLUE, linewidth=1.6)
        bottom.axhline(1, xmin=0.04 / 1.2, xmax=1.04 / 1.2, color=theme.MUTED, linestyle="--", linewidth=1.2)
        bottom.set_xlim(-0.04, 1.16)
        bottom.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "0.25", "0.5", "0.75", "1"])
        bottom.set_ylim(0, max(2.0, 1.15 * max(density)))
        bottom.set_ylabel("density")
        bottom.set_xlabel("Share κ of the effect that the controls have")
    return figure


def _outcomes(values: Values) -> dict[str, dict[str, Any]]:
    return tables.section_outcomes(values, "controls", "contamination")


def _title(outcomes: Mapping[str, Mapping[str, Any]]) -> str:
    """Whether the data know the share, and whether any share makes the interval leave zero out."""
    bits = [outcome["contamination"]["quadrature"]["learned"] for outcome in outcomes.values()]
    hardly = sum(value < HARDLY_LEARNED for value in bits)
    known = "hardly tell" if hardly == len(bits) else "tell something of" if hardly == 0 else "tell little of"
    records = [record for outcome in outcomes.values() for record in outcome["contaminated"]]
    apart = sum(sentences.excludes_zero(record["att"]) for record in records)
    effect = "at no share does" if apart == 0 else f"at {apart} of {len(records)} shares"
    end = "an interval leave zero out" if apart == 0 else "the interval leaves zero out"
    return f"The data {known} the share of the effect that the controls have; {effect} {end}"


def _since(values: Values, outcomes: Mapping[str, Mapping[str, Any]]) -> str:
    since = next(iter(outcomes.values()))["contamination"]["since"]
    return ", ".join(f"{unit_name(values, unit)} {period}" for unit, period in since.items())
