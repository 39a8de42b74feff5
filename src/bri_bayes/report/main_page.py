"""What does the main page show? The question, an answer an outcome, what would change it, and each section in short."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bri_bayes.presentation import sentences
from bri_bayes.presentation.cells import Cell
from bri_bayes.presentation.digits import mean_of
from bri_bayes.presentation.first_screen import answer_line, first_screen, for_all_outcomes, question
from bri_bayes.presentation.study_tables import Values, main_model
from bri_bayes.report.briefs import brief

# Sections in the order of a reader who has little time: what stands of the claims before why.
_FIRST = ("claims",)
# The appendix alone has these: the answer heads the main page, the others explain or list.
_APPENDIX_ONLY = ("answer", "reading", "files")


def main_content(values: Values, appendix: Mapping[str, Any]) -> dict[str, Any]:
    """What the template of the main page shows; ``appendix`` : its content, whose sections and figures these are."""
    contents = [entry for entry in appendix["contents"] if entry[0] not in _APPENDIX_ONLY]
    contents.sort(key=lambda entry: entry[0] not in _FIRST)
    briefs = [brief(values, anchor, title, appendix) for anchor, title in contents]
    return {
        **appendix,
        "question": question(values),
        "answers": [_answer(values, name) for name, outcome in values["outcomes"].items() if main_model(outcome)],
        "together": for_all_outcomes(values),
        "briefs": briefs,
        "contents": [("answer", "The answer"), *((short.anchor, short.label) for short in briefs)],
    }


def _answer(values: Values, name: str) -> dict[str, Any]:
    outcome = values["outcomes"][name]
    att, digits = main_model(outcome)["att"], sentences.decimals(outcome)
    return {
        "label": outcome["label"],
        "mean": Cell(mean_of(att, digits), att["mean"]),
        "unit": sentences.effect_unit(outcome),
        "lower": Cell(sentences.number(att["lower"], digits), att["lower"]),
        "upper": Cell(sentences.number(att["upper"], digits), att["upper"]),
        "sentence": answer_line(values, name),
        "lines": first_screen(values, name),
    }
