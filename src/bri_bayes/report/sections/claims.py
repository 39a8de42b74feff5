"""Section: what of the paper's claims stands? Each with a verdict by a stated rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bri_bayes.core.json_values import from_json
from bri_bayes.core.names import SECTIONS
from bri_bayes.presentation import page_parts as page
from bri_bayes.presentation import sentences
from bri_bayes.presentation.results import Claim, SectionResult
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.sections.claim_rules import judged
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.steps import Parts, Step

NAME = "claims"
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
    frame = table(values)
    if frame.empty:
        return []
    columns: dict[str, tuple[str, page.Show]] = {
        "claim": ("the paper's claim", page.row_name),
        "where": ("where", page.plain),
        "verdict": ("verdict", page.plain),
        "numbers": ("numbers", page.plain),
        "rule": ("rule", page.plain),
    }
    return [
        page.Paragraph(
            "What this panel says of each claim. A verdict follows from the numbers by the rule beside it, stated "
            "before the result; on a panel that is not observed it says what the methods do, not what happened."
        ),
        page.Shown(page.page_table(frame, "Claims and verdicts", columns)),
    ]


def table(values: Values) -> pd.DataFrame:
    """A row a claim; ``numbers`` as text."""
    rows = [
        {name: claim.get(name) for name in ("claim", "where", "verdict", "rule")}
        | {"numbers": _numbers(claim.get("numbers") or {})}
        for claim in values[NAME]["claims"]
    ]
    columns = ["claim", "where", "verdict", "numbers", "rule"]
    return pd.DataFrame(rows, columns=columns).assign(panel=values["panel"]["kind"])


def _numbers(numbers: Mapping[str, Any]) -> str:
    """The leaves of ``numbers`` in one line."""
    return "; ".join(f"{name} {_shown(value)}" for name, value in _leaves(numbers))


def _leaves(numbers: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in numbers.items():
        label = f"{above} {name}".strip().replace("_", " ")
        if isinstance(value, Mapping) and {"mean", "lower", "upper"} <= set(value):
            text = f"{sentences.signed(value['mean'], 2)} ({sentences.interval(value['lower'], value['upper'], 2)})"
            found.append((label, text))
        elif isinstance(value, Mapping):
            found += _leaves(value, label)
        else:
            found.append((label, value))
    return found


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {None: "–", True: "yes", False: "no"}[value]
    if isinstance(value, float):
        return sentences.number(value, 3 if abs(value) < 1 else 2)
    return ", ".join(_shown(item) for item in value) if isinstance(value, list) else str(value)


SECTION = Section(
    name=NAME,
    title="The paper's claims",
    steps=steps,
    collect=collect,
    parts=parts,
    tables={"claims": ("The paper's claims, each with a verdict by a stated rule", table)},
    depends=DEPENDS,
)
