"""Which scales can so few units learn? Prior and posterior of every group scale, the error scale and correlation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.inference.hyperparameters import AUTOCORRELATIONS
from bri_bayes.inference.to_datatree import UNITLESS
from bri_bayes.presentation import sentences
from bri_bayes.presentation.names_shown import card_label
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, theme, wording
from bri_bayes.study.card_text import SCALE_WORDS

# The axis against the highest density, so that the numbers stand above it.
_HEADROOM = 1.35
# What every row tells of: no scale of a group.
OF_ROWS = ("sigma", "rho", "noise")


@theme.themed
def prior_scales(values: Values) -> Figure:
    """A column for each outcome and a row for each scale."""
    outcomes = wording.outcomes_of(values, "prior", "scales")
    rows = max(len(outcome["scales"]) for outcome in outcomes.values())
    card = card_label(next(iter(outcomes.values()))["card"], values)
    figure = theme.page(
        values,
        _title(outcomes),
        f"Of {card}. A posterior that looks like its prior learned "
        "nothing. Contraction: the share of the prior's variance that is gone, on the prior's normal score. Not "
        "learned: below 0.5, or the posterior goes at least half of the way with the scale of its prior.",
        body=marks.blocks(outcomes) * (1.75 * rows),
        key=[keys.band(theme.MUTED, "prior", 0.25), keys.line(theme.BLUE, "posterior")],
    )
    for _, outcome, axes, _ in marks.each(figure, outcomes, rows=rows):
        for position, ax in enumerate(axes):
            if position >= len(outcome["scales"]):
                ax.set_visible(False)
                continue
            row = outcome["scales"][position]
            _draw(ax, row, outcome)
            heading = f"{_named(row['name'])}: {row['verdict']}"
            theme.panel_title(
                ax, heading if position else f"{outcome['label']} – {heading}", 4.4, size=theme.SMALL + 0.5
            )
    return figure


def _named(name: str) -> str:
    """A scale in words, with its Greek letter where it has one; a name of files stays in files."""
    words = SCALE_WORDS.get(name, name)
    return words if "_" in name or words == name else f"{words} ({name})"


def caption(values: Values) -> list[str]:
    """For each outcome: what was learned and what was not."""
    texts = []
    for outcome in wording.outcomes_of(values, "prior", "scales").values():
        by_verdict: dict[str, list[str]] = {}
        for row in outcome["scales"]:
            by_verdict.setdefault(row["verdict"], []).append(SCALE_WORDS.get(row["name"], row["name"]))
        parts = [f"{verdict}: {', '.join(names)}" for verdict, names in sorted(by_verdict.items())]
        texts.append(f"{outcome['label']}: {'; '.join(parts)}.")
    return texts


def _title(outcomes: Mapping[str, Any]) -> str:
    """How many group scales are not learned, over all outcomes."""
    group = [row["verdict"] for outcome in outcomes.values() for row in outcome["scales"] if row["name"] not in OF_ROWS]
    lost = sum(verdict == "not learned" for verdict in group)
    treated = len(next(iter(outcomes.values()))["treated"])
    if not group:
        return "The model has no scales of units or groups; error scale and correlation are beside their priors"
    return (
        f"Over all outcomes {lost} of {len(group)} scales of units and groups {'is' if lost == 1 else 'are'} not "
        f"learned from {treated} treated units: there the prior has a say"
        if lost
        else f"All {len(group)} scales of units and groups are learned at least in part from {treated} treated units"
    )


def _draw(ax: Axes, row: Mapping[str, Any], outcome: Mapping[str, Any]) -> None:
    curve = row["curve"]
    marks.densities(ax, curve["x"], curve["prior"], curve["posterior"], theme.BLUE)
    ax.set_ylim(bottom=0, top=_HEADROOM * max(*curve["posterior"], *curve["prior"][1:]))
    numbers = f"contraction {sentences.number(row['contraction'], 2)}, overlap {sentences.number(row['overlap'], 2)}"
    if row["follows"] is not None:
        numbers += f", follows {sentences.number(row['follows'], 2)}"
    at_left = row["name"] in AUTOCORRELATIONS
    side: dict[str, Any] = {"x": 0.02, "ha": "left"} if at_left else {"x": 0.98, "ha": "right"}
    ax.text(y=0.99, s=numbers, transform=ax.transAxes, va="top", size=theme.SMALL, color=theme.MUTED, **side)
    unit = "no unit" if row["name"] in UNITLESS else sentences.effect_unit(outcome)
    ax.set_xlabel(unit, size=theme.SMALL)
