"""Section: did exports and imports both rise?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import combinations
from typing import Any

import pandas as pd

from bri_bayes.checks.jointly import TOLD, joint_values
from bri_bayes.presentation import sentences
from bri_bayes.presentation.gates import beyond_limits
from bri_bayes.presentation.page_parts import (
    Paragraph,
    Part,
    Picture,
    Shown,
    chance,
    digits_of,
    page_table,
    plain,
    row_name,
)
from bri_bayes.presentation.results import SectionResult
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.sections.claim_rules import judged
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step

NAME = "joint"


def steps(context: Context) -> list[Step]:
    """A step for each pair of outcomes that the joint model covers under the main card."""
    found = []
    for first, second in combinations(context.study.outcomes, 2):
        one, two = context.analysis(first), context.analysis(second)
        if one.card.is_marginal and one.card.errors.scale == "common" and one.card.contamination is None:
            key = content_key(NAME, one.digest, two.digest, context.seed)
            found.append(Step(NAME, (first, second), key, partial(joint_values, one, two, context.seed)))
    return found


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """The joint answer of each pair of outcomes, under the name FIRST+SECOND, and the claim that both rose."""
    outcomes: dict[str, Any] = {}
    for names, found in results.items():
        labels = [context.study.outcomes[name].label or name for name in names]
        transforms = [context.study.outcomes[name].transform for name in names]
        outcomes["+".join(names)] = {"labels": labels, "transforms": transforms, **found}
    failed = [
        f"{NAME}/{pair}: {beyond_limits(joint['diagnostics'])}"
        for pair, joint in outcomes.items()
        if not joint["trustworthy"]
    ]
    return SectionResult(outcomes, judged(context, ("both_positive",), outcomes), failed_gates=failed)


def table(values: Values) -> pd.DataFrame:
    """The probability of each quadrant, and the two effects, of each pair of outcomes."""
    rows = []
    for pair, found in values[NAME]["outcomes"].items():
        for quadrant, share in found["quadrants"].items():
            rows.append({"pair": pair, "what": statement(found, quadrant), "probability": share})
        for label, effect in zip(found["labels"], found["att"], strict=True):
            rows.append({"pair": pair, "what": f"effect: {label}", **_numbers(effect)})
        rows.append({"pair": pair, "what": "first effect less second", **_numbers(found["difference"])})
        rows.append({"pair": pair, "what": "correlation of the errors", **_numbers(found["error_correlation"])})
    numbers = ["probability", "mean", "sd", "lower", "upper"]
    frame = pd.DataFrame(rows, columns=["pair", "what", *numbers])
    return frame.astype(dict.fromkeys(numbers, float)).assign(panel=values["panel"]["kind"])


def statement(found: Values, quadrant: str) -> str:
    """What a quadrant says, in the labels of the pair."""
    first, second = found["labels"]
    return {
        "both_up": f"both rose: {first}; {second}",
        "first_up_second_not": f"rose: {first}; did not: {second}",
        "second_up_first_not": f"rose: {second}; did not: {first}",
        "neither_up": f"neither rose: {first}; {second}",
    }[quadrant]


def parts(values: Values) -> list[Part]:
    """The figure, one sentence a pair, and the table."""
    if not values[NAME]["outcomes"]:
        return []
    found: list[Part] = [Picture("joint")]
    for one in values[NAME]["outcomes"].values():
        likely = max(one["quadrants"], key=lambda name: one["quadrants"][name])
        told = one["quadrants"][likely] >= TOLD
        correlation = one["error_correlation"]
        found.append(
            Paragraph(
                f"Most probable of four: {statement(one, likely)} ({sentences.probability(one['quadrants'][likely])}); "
                f"{'the other three leave it standing' if told else 'no statement about the two reaches 95%'}. "
                f"Errors of one year correlate by {sentences.signed(correlation['mean'], 2)} "
                f"({sentences.interval(correlation['lower'], correlation['upper'], 2)})."
            )
        )
    show = {
        "what": ("", row_name),
        "probability": ("Probability", chance),
        "mean": ("Mean", digits_of(3)),
        "lower": ("Lower", digits_of(3)),
        "upper": ("Upper", digits_of(3)),
    }
    if len(values[NAME]["outcomes"]) > 1:
        show = {"pair": ("Outcomes", plain), **show}
    return [*found, Shown(page_table(table(values), "Two effects together", show))]


def _numbers(effect: Values) -> dict[str, Any]:
    return {name: effect[name] for name in ("mean", "sd", "lower", "upper")}


SECTION = Section(
    name=NAME,
    title="Exports and imports together",
    steps=steps,
    collect=collect,
    parts=parts,
    tables={"joint": ("Two effects together: the probability of each statement", table)},
)
