"""What is a section of the report? Steps to run, values to keep, parts of the page to show."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bri_bayes.data.panel import Panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.first_answer import shown_first
from bri_bayes.presentation.page_parts import Part
from bri_bayes.presentation.results import Described, SectionResult
from bri_bayes.presentation.study_tables import Values
from bri_bayes.presentation.table_spec import TableSpec
from bri_bayes.runtime.steps import Finished, Parts, Step
from bri_bayes.study.model_card import ModelCard, load_card
from bri_bayes.study.study_file import Study


@dataclass(frozen=True, eq=False)
class Context:
    """What a section may use.

    ``cards`` : of the study, that of the checks first; ``brief`` : a first look at a whole study, which leaves out what
    takes longest and has a command of its own; ``options`` : from the command line; ``done`` : when values are
    collected, those of the sections before it, by name.
    """

    study: Study
    panel: Panel
    cards: Mapping[str, ModelCard]
    seed: int = 0
    quick: bool = False
    brief: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    done: Mapping[str, Any] = field(default_factory=dict)

    @property
    def checked(self) -> ModelCard:
        """The card of the checks: the first of the study's models."""
        return next(iter(self.cards.values()))

    @property
    def shown(self) -> ModelCard:
        """The card whose answer is shown first: one of the study's models, or a shipped one."""
        name = shown_first(list(self.cards), len(self.study.assignment.treated_units), self.study.answer)
        known = self.cards.get(name)
        return known or self.study.adjusted(dataclasses.replace(load_card(name), sampler=self.checked.sampler))

    def analysis(self, outcome: str, card: ModelCard | None = None) -> Analysis:
        """The recipe of the study for an outcome, with the card of the checks or another."""
        chosen = dataclasses.replace(card or self.checked, outcome=outcome)
        return Analysis(self.panel, self.study.assignment, chosen)

    def described(self, outcome: str) -> Described:
        """The outcome as a reader knows it."""
        column = self.study.outcomes[outcome]
        return Described(column.label or outcome, column.units, column.transform)

    @cached_property
    def _pool(self) -> Panel:
        return self.study.load_pool()

    def pool(self) -> Panel:
        """Every unit of the file that could be a control or a placebo, those of the assignment included."""
        return self._pool


@dataclass(frozen=True, eq=False)
class Section:
    """A slice of the report. ``name`` : its key in values.json, its anchor and its command.

    ``steps`` : independent pieces of work, owned by ``name``; ``collect`` : the result from theirs by parts, None
    where the study has nothing to ask; ``parts`` : what the page shows, from values.json alone; ``tables`` : each
    declared once, for the page, CSV, LaTeX and the command; ``depends`` : sections whose values it reads in ``done``,
    where the study has them. ``outcome`` : the class of what it has of each outcome; ``needs`` : what a study without
    a step lacks, for who asks for this section alone; ``card`` : what its numbers are of, None where they are not of a
    single one. Its figures stand in report.figures, each beside its section.
    """

    name: str
    title: str
    steps: Callable[[Context], list[Step]]
    collect: Callable[[Context, Mapping[Parts, Any]], SectionResult | None]
    parts: Callable[[Values], list[Part]]
    tables: Sequence[TableSpec] = ()
    depends: tuple[str, ...] = ()
    outcome: Any = Any
    needs: str = ""
    card: Callable[[Context], ModelCard | None] = lambda context: context.checked


def no_single_card(context: Context) -> ModelCard | None:
    """The ``card`` of a section whose numbers are of several cards, or of none."""
    return None


def collected(context: Context, sections: Sequence[Section], finished: Finished) -> dict[str, Any]:
    """The values of each section by name, in order; a section sees those before it, and what ``context`` has done."""
    done: dict[str, Any] = {}
    for section in sections:
        so_far = dataclasses.replace(context, done={**context.done, **done})
        result = section.collect(so_far, finished.of(section.name))
        done[section.name] = {} if result is None else result.as_dict()
    return done
