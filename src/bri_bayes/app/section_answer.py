"""What does one section say when it is asked for alone? Values for programs; sentences, then tables, for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bri_bayes.app.examined_card import effect_steps, examined
from bri_bayes.app.study_outline import named, study_card, unanswered
from bri_bayes.app.study_size import refuse_too_much
from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import json_safe
from bri_bayes.estimands.summaries import panel_values
from bri_bayes.presentation.names_shown import gate_in_words, table_in_words
from bri_bayes.presentation.period_words import writer
from bri_bayes.presentation.sentences import banner
from bri_bayes.presentation.study_tables import provenance
from bri_bayes.presentation.terminal_table import WIDTH, terminal_text
from bri_bayes.report.briefs import brief
from bri_bayes.report.sections import load_section, load_sections
from bri_bayes.report.sections.section import Context, collected
from bri_bayes.runtime.cache import Cache
from bri_bayes.runtime.steps import run_steps
from bri_bayes.study.model_card import ModelCard
from bri_bayes.study.study_file import Study, load_study


@dataclass(frozen=True)
class SectionAnswer:
    """``values`` : as ``--json`` has them, "panel" among them; ``study``, ``cards`` : whose section it is.

    ``examined`` : the sentence that names the model, "" where the section is of no single one.
    """

    section: str
    values: Mapping[str, Any]
    study: Study
    cards: Mapping[str, ModelCard] = field(default_factory=dict)
    examined: str = ""

    def text(self) -> str:
        """What the main page says of the section, its tables, and what the numbers are made from; 80 columns."""
        values = self._of_a_study()
        section, write = load_section(self.section), writer(values)
        said = brief(values, self.section, section.title, {"drawings": {}}).answer
        tables = [spec.fill(values) for spec in section.tables]
        shown = [terminal_text(table_in_words(values, table)) for table in tables if table.rows]
        sentences = (banner(values), self.examined, *said, provenance(values))
        wrapped = [textwrap.fill(write(text), WIDTH) for text in sentences if text]
        return "\n\n".join([*wrapped[:-1], *shown, wrapped[-1]])

    def failed(self) -> list[str]:
        """A sentence for each computation that is not to be trusted, and for each check that failed."""
        checks = [check["detail"] for check in self.values.get("checks", []) if check["passed"] is False]
        values = self._of_a_study()
        return [writer(values)(gate_in_words(values, text)) for text in [*self.values.get("failed_gates", []), *checks]]

    def _of_a_study(self) -> dict[str, Any]:
        """The section as the only one of a study without any other answer."""
        outcomes = json_safe({name: unanswered(self.study, name) for name in self.study.outcomes})
        return {
            **named(self.study, self.cards),
            "outcomes": outcomes,
            "panel": self.values["panel"],
            self.section: self.values,
        }


def section_answer(
    name: str,
    study_path: Path | None,
    *,
    panel: Path | None = None,
    quick: bool = False,
    jobs: int = 1,
    dask: str | None = None,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    cache: Cache | None = None,
) -> SectionAnswer:
    """The section alone: "panel" and what it collects. Shares the cache with ``run_study``."""
    study = load_study(study_path, panel=panel)
    cards = {card: study.adjusted(study_card(card, study_path, quick=quick)) for card in study.models}
    context = Context(study, study.load(), cards, seed=seed, quick=quick, options=dict(options or {}))
    before = [depended for depended in load_section(name).depends if depended in study.sections]
    sections = load_sections([*before, name])
    steps = [step for section in sections for step in section.steps(context)]
    needs = load_section(name).needs
    if needs and not any(step.owner == name for step in steps):
        raise InputError(f'the study "{study.name}" gives nothing to ask for here: {name} needs {needs}')
    refuse_too_much(context)
    finished = run_steps([*steps, *effect_steps(context, sections[-1])], cache or Cache(), jobs=jobs, dask=dask)
    design = context.analysis(next(iter(study.outcomes))).design
    panel_said = json_safe(panel_values(context.panel, design))
    values = {"panel": panel_said, **collected(context, sections, finished)[name]}
    return SectionAnswer(name, values, study, cards, examined(context, sections[-1], finished))
