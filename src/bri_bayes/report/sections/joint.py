"""Section: did exports and imports both rise?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

from bri_bayes.checks.jointly import TOLD, JointResult, joint_values
from bri_bayes.core.json_values import json_safe
from bri_bayes.inference.joint import covers_jointly
from bri_bayes.presentation import sentences
from bri_bayes.presentation.gates import beyond_limits
from bri_bayes.presentation.page_parts import Paragraph, Part, Picture, Shown
from bri_bayes.presentation.results import SectionResult
from bri_bayes.presentation.study_tables import Values
from bri_bayes.presentation.table_spec import Column, TableSpec, effect_columns
from bri_bayes.report.sections.claim_rules import judged
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step

NAME = "joint"


@dataclass(frozen=True)
class JointOutcome(JointResult):
    """Two outcomes, with what they are called."""

    labels: Sequence[str]
    transforms: Sequence[str]


def steps(context: Context) -> list[Step]:
    """A step for each pair of outcomes that the joint model covers under the card of the checks."""
    pieces = []
    for first, second in combinations(context.study.outcomes, 2):
        of_first, of_second = context.analysis(first), context.analysis(second)
        if covers_jointly(of_first.card):
            key = content_key(NAME, of_first.digest, of_second.digest, context.seed)
            pieces.append(
                Step(NAME, (first, second), key, partial(joint_values, of_first, of_second, context.seed), JointResult)
            )
    return pieces


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """The joint answer of each pair of outcomes, under the name FIRST+SECOND, and the claim that both rose."""
    outcomes: dict[str, JointOutcome] = {}
    for names, joint in results.items():
        labels = [context.study.outcomes[name].label or name for name in names]
        transforms = [context.study.outcomes[name].transform for name in names]
        outcomes["+".join(names)] = JointOutcome(**vars(joint), labels=labels, transforms=transforms)
    failed = [
        f"{NAME}/{pair}: {beyond_limits(joint.diagnostics)}"
        for pair, joint in outcomes.items()
        if not joint.trustworthy
    ]
    return SectionResult(outcomes, judged(context, ("both_positive",), json_safe(outcomes)), failed_gates=failed)


def _rows(values: Values) -> Iterator[dict[str, Any]]:
    """The probability of each quadrant, and the two effects, of each pair of outcomes."""
    for pair, both in values[NAME]["outcomes"].items():
        for quadrant, share in both["quadrants"].items():
            yield {"pair": pair, "what": statement(both, quadrant), "probability": share}
        for label, effect in zip(both["labels"], both["att"], strict=True):
            yield {"pair": pair, "what": f"effect: {label}", **effect}
        yield {"pair": pair, "what": "first effect less second", **both["difference"]}
        yield {"pair": pair, "what": "correlation of the errors", **both["error_correlation"]}


JOINT = TableSpec(
    "joint",
    "Two effects together: the probability of each statement",
    (
        Column("pair", "pair", "name"),
        Column("what", "statement", "name"),
        Column("probability", "probability", "probability"),
        *effect_columns(digits=3)[:-1],
    ),
    _rows,
)


def statement(pair: Values, quadrant: str) -> str:
    """What a quadrant says, in the labels of the pair."""
    first, second = pair["labels"]
    return {
        "both_up": f"both rose ({first}; {second})",
        "first_up_second_not": f"{first} rose; {second} did not",
        "second_up_first_not": f"{second} rose; {first} did not",
        "neither_up": f"neither rose ({first}; {second})",
    }[quadrant]


def parts(values: Values) -> list[Part]:
    """The figure, one sentence a pair, and the table."""
    if not values[NAME]["outcomes"]:
        return []
    shown: list[Part] = [Picture("joint")]
    for pair in values[NAME]["outcomes"].values():
        likely = max(pair["quadrants"], key=lambda name: pair["quadrants"][name])
        told = pair["quadrants"][likely] >= TOLD
        chance = sentences.probability(pair["quadrants"][likely])
        correlation = pair["error_correlation"]
        shown.append(
            Paragraph(
                f"Most probable of the four: {statement(pair, likely)}, {chance}; "
                f"{'the other three leave it standing' if told else 'no statement about the two reaches 95%'}. "
                f"Errors of one year correlate by {sentences.signed(correlation['mean'], 2)} "
                f"({sentences.interval(correlation['lower'], correlation['upper'], 2)})."
            )
        )
    table = JOINT.fill(values)
    return [*shown, Shown(table if len(values[NAME]["outcomes"]) > 1 else table.without("pair"))]


SECTION = Section(
    name=NAME,
    title="Exports and imports together",
    steps=steps,
    collect=collect,
    parts=parts,
    needs="two outcomes, and a normal card of the checks with one error scale and no contamination",
    outcome=JointOutcome,
    tables=(JOINT,),
)
