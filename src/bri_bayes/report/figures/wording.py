"""Which words and numbers do figures share? Counts that exclude zero, cells beside a row, the name of the policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values


def excluding_zero(effects: Iterable[Mapping[str, float]]) -> int:
    """How many intervals exclude zero."""
    return sum(sentences.excludes_zero(effect) for effect in effects)


def share(probability: float) -> str:
    """A probability beside a row or in a title."""
    return sentences.probability(probability, words=False)


def effect_axis(outcome: Values) -> str:
    """The label of an axis of effects."""
    return f"Effect, {sentences.effect_unit(outcome)}"


def cells(effect: Mapping[str, Any], digits: int = 2) -> list[str]:
    """What stands beside a row: estimate, interval, and the probability of an effect above zero if it has one."""
    texts = [sentences.signed(effect["mean"], digits), sentences.interval(effect["lower"], effect["upper"], digits)]
    return [*texts, share(effect["p_positive"])] if "p_positive" in effect else texts


def outcomes_of(values: Values, section: str, key: str) -> dict[str, dict[str, Any]]:
    """The outcomes of a section that have ``key``, with the label, the unit and the transform that the study gives."""
    content = values.get(section) or {}
    told = ("label", "units", "transform")
    return {
        name: dict(outcome) | {kind: text for kind, text in values["outcomes"].get(name, {}).items() if kind in told}
        for name, outcome in (content.get("details") or content.get("outcomes") or {}).items()
        if outcome.get(key)
    }
