"""Section: what of the paper's claims stands? Each with a verdict by a stated rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from bri_bayes.core.json_values import from_json
from bri_bayes.core.names import SECTIONS
from bri_bayes.presentation import page_parts as page
from bri_bayes.presentation import sentences
from bri_bayes.presentation.names_shown import in_sentence
from bri_bayes.presentation.results import Claim, SectionResult
from bri_bayes.presentation.study_tables import Values
from bri_bayes.presentation.table_spec import Column, TableSpec
from bri_bayes.report.sections.claim_rules import judged
from bri_bayes.report.sections.section import Context, Section, no_single_card
from bri_bayes.runtime.steps import Parts, Step

NAME = "claims"
_WORDS = {
    "p_positive": "P(> 0)",
    "p_negative": "P(< 0)",
    "p_gained_more": "P(gained more)",
    "p_top_set": "P(all above the rest)",
    "chance_of_top_set": "by chance",
}
DEPENDS = tuple(name for name in SECTIONS if name != NAME)


def steps(context: Context) -> list[Step]:
    """No work of its own."""
    return []


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """The paper's claims on the effect, then those that the other sections judged."""
    on_the_effect = judged(context, ("effect",), context.done.get("outcomes", {}))
    claims = [dataclasses.replace(claim, section="answer") for claim in on_the_effect]
    for name in DEPENDS:
        others = (context.done.get(name) or {}).get("claims", [])
        claims += [dataclasses.replace(from_json(Claim, claim), section=name) for claim in others]
    return SectionResult(claims=claims)


def parts(values: Values) -> list[page.Part]:
    """One table."""
    table = CLAIMS.fill(values)
    if not table.rows:
        return []
    return [
        page.Paragraph(
            "What this panel says of each claim. A verdict follows from the numbers by the fixed rule behind it; "
            "on a panel that is not observed it says what the methods do, not what happened."
        ),
        page.Shown(table),
    ]


def _rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row a claim; ``number`` : the one that its verdict rests on, ``numbers`` : all of them, both as text."""
    for claim in values[NAME]["claims"]:
        numbers = _labelled(values, claim.get("numbers") or {}, claim.get("outcome"))
        yield {**claim, "number": _numbers(numbers, least=True), "numbers": _numbers(numbers)}


def _labelled(values: Values, numbers: Mapping[str, Any], outcome: str | None) -> dict[str, Any]:
    """The numbers under the labels of channels, or of both outcomes of a claim that has two, and in words."""
    channels = (values.get("mechanism") or {}).get("channels") or {}
    words = _WORDS | _of_two(values, outcome) | {name: str(channel["label"]) for name, channel in channels.items()}
    return {words.get(name, name): number for name, number in numbers.items()}


def _of_two(values: Values, pair: str | None) -> dict[str, str]:
    """What happened to two outcomes, with the name of each."""
    known = ((values.get("joint") or {}).get("outcomes") or {}).get(pair)
    if known is None:
        return {}
    first, second = (in_sentence(str(label)) for label in known["labels"])
    return {
        "both_up": f"{first} and {second} both rose",
        "first_up_second_not": f"only {first}",
        "second_up_first_not": f"only {second}",
        "neither_up": "neither",
    }


def _numbers(numbers: Mapping[str, Any], *, least: bool = False) -> str:
    """The leaves of ``numbers`` in one line; with ``least`` the effect, or else the first two of them."""
    if least and {"mean", "lower", "upper"} <= set(numbers):
        return _interval(numbers)
    leaves = _leaves(numbers)
    return "; ".join(f"{name} {_shown(value)}" for name, value in (leaves[:2] if least else leaves))


def _interval(effect: Mapping[str, Any]) -> str:
    return f"{sentences.signed(effect['mean'], 2)} ({sentences.interval(effect['lower'], effect['upper'], 2)})"


def _leaves(numbers: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    leaves: list[tuple[str, Any]] = []
    for name, value in numbers.items():
        label = f"{above} {name}".strip().replace("_", " ")
        if isinstance(value, Mapping) and {"mean", "lower", "upper"} <= set(value):
            leaves.append((label, _interval(value)))
        elif isinstance(value, Mapping):
            leaves += _leaves(value, label)
        else:
            leaves.append((label, value))
    return leaves


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {None: "–", True: "yes", False: "no"}[value]
    if isinstance(value, float):
        return sentences.number(value, 3 if abs(value) < 1 else 2)
    return ", ".join(_shown(item) for item in value) if isinstance(value, list) else str(value)


CLAIMS = TableSpec(
    "claims",
    "The paper's claims, each with a verdict by a stated rule",
    (
        Column("claim", "the paper's claim", "name"),
        Column("verdict", "verdict", "verdict"),
        Column("number", "the number behind it"),
        Column("where", "where", "folded", minor=True),
        Column("numbers", "all numbers", "folded", minor=True),
        Column("rule", "rule", "folded", minor=True),
    ),
    _rows,
)
SECTION = Section(
    name=NAME,
    card=no_single_card,
    title="The paper's claims",
    steps=steps,
    collect=collect,
    parts=parts,
    tables=(CLAIMS,),
    depends=DEPENDS,
)
