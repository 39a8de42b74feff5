"""What does somebody need who has to decide, and one sheet to read? The main page's answers, and a row a claim."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from bri_bayes.presentation import sentences
from bri_bayes.presentation.first_screen import caveats
from bri_bayes.presentation.names_shown import in_sentence
from bri_bayes.presentation.study_tables import Values, main_model
from bri_bayes.presentation.table_spec import Table

# Lines of the first screen, in the order of the sheet's questions.
_QUESTIONS = (
    ("How sure", ("How sure", "Power", "Checks", "In dollars")),
    ("What would change it", ("What would change it",)),
)


def one_page_content(values: Values, main: Mapping[str, Any], whole: str) -> dict[str, Any]:
    """What the template of the sheet shows; ``main`` : the content of the main page, ``whole`` : its file."""
    outcomes = {name: outcome for name, outcome in values["outcomes"].items() if main_model(outcome)}
    questions = [
        (heading, [(answer["label"], _joined(answer, wanted)) for answer in main["answers"]])
        for heading, wanted in _QUESTIONS
    ]
    known = [(heading, [row for row in told if row[1]]) for heading, told in questions]
    claims = next((brief.table for brief in main["briefs"] if brief.anchor == "claims"), None)
    labels = [str(answer["label"]) for answer in main["answers"]]
    return {
        **main,
        "headline": f"{sentences.overall_title(values, outcomes)}." if outcomes else "",
        "questions": [(heading, told) for heading, told in known if told],
        "caveats": caveats(values),
        "verdicts": None if claims is None else _in_few_rows(claims.select("claim", "verdict"), labels),
        "whole": whole,
    }


def _in_few_rows(claims: Table, labels: Sequence[str]) -> Table:
    """A claim on several outcomes that has one verdict on all of them takes one row."""
    whose: dict[tuple[str, str], list[str]] = {}
    for row in claims.rows:
        label = next((label for label in labels if row["claim"].startswith(f"{label}: ")), "")
        whose.setdefault((row["claim"].removeprefix(f"{label}: "), row["verdict"]), []).append(label)
    rows = []
    for (said, verdict), (first, *others) in whose.items():
        named = sentences.listed([first, *map(in_sentence, others)])
        rows.append({"claim": f"{named}: {said}" if named else said, "verdict": verdict})
    return dataclasses.replace(claims, rows=tuple(rows))


def _joined(answer: Mapping[str, Any], wanted: tuple[str, ...]) -> str:
    return " ".join(line.text for line in answer["lines"] if line.heading in wanted)
