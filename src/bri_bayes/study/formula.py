"""Is a formula nothing but a formula? Columns, numbers, operators and listed transforms, decided before evaluation.

The language of Bambi evaluates any Python call that stands in a formula, with attributes and strings. A card is data:
what is not on the lists below is refused, so that nothing but arithmetic on the columns of the panel can be asked for.
"""

from __future__ import annotations

import re

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.schema import STRICT

# Operators of Wilkinson notation, of the group terms of mixed models, and of arguments.
OPERATORS = frozenset("~+-*/:|(),=^") | {"**"}
# Transforms that Bambi knows and that are functions of the data alone.
TRANSFORMS = ("C", "I", "bs", "center", "offset", "poly", "scale", "standardize")
# Longer than any formula that a person writes.
MOST_CHARACTERS = 2000

_TOKEN = re.compile(r"\s*(?:(?P<name>[^\W\d]\w*)|(?P<number>\d+(?:\.\d+)?)|(?P<operator>\*\*|[~+\-*/:|(),=^]))")


@dataclass(frozen=True, config=STRICT)
class Formula:
    """A Bambi model: its formula over outcome, level, unit, period, treated and the covariates."""

    formula: str
    family: str = "gaussian"
    link: str | None = None

    @model_validator(mode="after")
    def _no_more_than_a_formula(self) -> Formula:
        check_formula(self.formula)
        return self


def check_formula(formula: str) -> None:
    """Refuse what is more than a formula: a ValueError with the place and what is allowed."""
    if len(formula) > MOST_CHARACTERS:
        raise ValueError(f"a formula has at most {MOST_CHARACTERS} characters, not {len(formula)}")
    position, text, before = 0, formula.rstrip(), ""
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            sign = text[position:].lstrip()[0]
            raise ValueError(
                f'"{sign}" may not stand in a formula; allowed: names of columns, numbers, '
                f"{' '.join(sorted(OPERATORS))} and the transforms {', '.join(TRANSFORMS)}"
            )
        word = token["name"] or ""
        if word.startswith("__"):
            raise ValueError(f'"{word}" is no name of a column')
        if token["operator"] == "(" and before.isidentifier() and before not in TRANSFORMS:
            raise ValueError(f'"{before}(" is no transform of formulas; allowed: {", ".join(TRANSFORMS)}')
        if token["operator"] == "(" and before == ")":
            raise ValueError('"(" after ")" would call a result; allowed between them: an operator')
        before = word or token["number"] or token["operator"]
        position = token.end()
