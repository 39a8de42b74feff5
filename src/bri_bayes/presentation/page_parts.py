"""What does a section put on the page? Sentences, headings, figures and tables, in their order."""

from __future__ import annotations

from dataclasses import dataclass

from bri_bayes.presentation.table_spec import Table


@dataclass(frozen=True)
class Paragraph:
    """A sentence or more; ``strong`` : it must not be missed."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True)
class Picture:
    """The place of a figure, under its sentences."""

    figure: str


@dataclass(frozen=True)
class Shown:
    """A table; with ``folded`` it opens at a click on that text."""

    table: Table
    folded: str | None = None


Part = Paragraph | Heading | Picture | Shown
