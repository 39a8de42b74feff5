"""What if the controls had a part of the effect? The effect on the treated against that share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from bri_bayes.checks.contamination import HARDLY_LEARNED
from bri_bayes.presentation import sentences
from bri_bayes.presentation.control_sentences import contamination_sentence
from bri_bayes.presentation.study_tables import Values, unit_name
from bri_bayes.report.figures import keys, marks, theme, wording

_SHARES = (0, 0.25, 0.5, 0.75, 1)
_UNKNOWN = 1.1  # where the answer with an unknown share stands


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
            keys.line(theme.BLUE, "mean at a fixed share"),
            keys.band(theme.BLUE, "95% interval"),
            keys.dot(theme.PURPLE, "share unknown (uniform prior)", "D", interval=True),
            keys.line(theme.MUTED, "prior of the share", "--", 1.2),
        ],
    )
    heights = {"height_ratios": [2.4, 1] * marks.blocks(outcomes)}
    for _, outcome, (top, bottom), _ in marks.each(figure, outcomes, rows=2, gridspec_kw=heights):
        records = outcome["contaminated"]
        effects = [record["att"] for record in records]
        learned = outcome["contamination"]["att"]
        marks.zero_line(top)
        marks.band(top, [record["share"] for record in records], effects, theme.BLUE)
        marks.upright(top, _UNKNOWN, learned, theme.PURPLE, "D")
        top.set_ylim(*marks.limits([effect[end] for effect in (*effects, learned) for end in ("lower", "upper")]))
        top.set_xticks([*_SHARES, _UNKNOWN], [*(f"{share:g}" for share in _SHARES), "  ?"])
        top.set_ylabel(wording.effect_axis(outcome))
        theme.panel_title(top, outcome["label"], 4.0)
        known = [record for record in records if record["density"] is not None]
        density, at = [record["density"] for record in known], [record["share"] for record in known]
        bottom.fill_between(at, 0, density, color=theme.BLUE, alpha=0.2, linewidth=0)
        bottom.plot(at, density, color=theme.BLUE, linewidth=1.6)
        bottom.plot([0, 1], [1, 1], color=theme.MUTED, linestyle="--", linewidth=1.2)
        bottom.set_xticks(_SHARES, [f"{share:g}" for share in _SHARES])
        bottom.set_ylim(0, max(2.0, 1.15 * max(density)))
        bottom.set_ylabel("Density")
        bottom.set_xlabel("Share κ of the effect that the controls have")
        for ax in (top, bottom):
            ax.set_xlim(-0.04, 1.16)
    return figure


def _outcomes(values: Values) -> dict[str, dict[str, Any]]:
    return wording.outcomes_of(values, "controls", "contamination")


def _title(outcomes: Mapping[str, Mapping[str, Any]]) -> str:
    """Whether the data know the share, and whether any share makes the interval exclude zero."""
    bits = [outcome["contamination"]["quadrature"]["learned"] for outcome in outcomes.values()]
    hardly = sum(value < HARDLY_LEARNED for value in bits)
    known = "hardly tell" if hardly == len(bits) else "tell something of" if hardly == 0 else "tell little of"
    records = [record for outcome in outcomes.values() for record in outcome["contaminated"]]
    count = wording.excluding_zero(record["att"] for record in records)
    effect = "at no share does" if count == 0 else f"at {count} of {len(records)} shares"
    end = "an interval exclude zero" if count == 0 else "the interval excludes zero"
    return f"The data {known} the share of the effect that the controls have; {effect} {end}"


def _since(values: Values, outcomes: Mapping[str, Mapping[str, Any]]) -> str:
    since = next(iter(outcomes.values()))["contamination"]["since"]
    return ", ".join(f"{unit_name(values, unit)} {period}" for unit, period in since.items())
