"""What does a section put on the page? Sentences, headings, figures and tables, in their order."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bri_bayes.presentation.policy_name import naming_policy
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


def with_policy_named(values: Mapping[str, Any], part: Part) -> Part:
    """The part with the study's name of the policy in its sentences; tables and figures have it in theirs."""
    if isinstance(part, Paragraph | Heading):
        return dataclasses.replace(part, text=naming_policy(values, part.text))
    if isinstance(part, Shown) and part.folded is not None:
        return dataclasses.replace(part, folded=naming_policy(values, part.folded))
    return part
