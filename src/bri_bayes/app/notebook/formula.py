"""Which outcome and covariates does a formula name? Columns, ``log`` and ``log1p`` of them, joined by plus.

A name between backticks is a column whatever signs it has, as in formulaic and patsy: ``"log(`my trade`) ~ `a + b`"``.
"""

from __future__ import annotations

import itertools
import re

from bri_bayes.app.request import column_of
from bri_bayes.core.errors import InputError

_TERM = re.compile(r"(?:(?:log|log1p)\(\s*)?[\w. /-]+?(?:\s*\))?")
_QUOTED = re.compile(r"`([^`]+)`")


def sides(formula: str) -> tuple[str, tuple[str, ...]]:
    """Outcome and covariates of "y ~ x + log(z)"; "y ~ 1" has none."""
    names = _QUOTED.findall(formula)
    mark = "quoted"
    while mark in formula:
        mark += "_"
    at = itertools.count()
    plain = _QUOTED.sub(lambda _: f"{mark}{next(at)}{mark}", formula)
    if "`" in plain:
        raise InputError(f'the formula "{formula}" has a backtick without a second one, or nothing between two')
    for name in names:
        if column_of(name).transform != "none":
            raise InputError(f"the column `{name}` is named as a logarithm is written here; give it another name")

    def named(term: str) -> str:
        return re.sub(f"{mark}([0-9]+){mark}", lambda place: names[int(place[1])], term)

    outcome, tilde, right = plain.partition("~")
    terms = [term.strip() for term in right.split("+")]
    if not tilde or not outcome.strip():
        raise InputError(f'the formula "{formula}" has no outcome: write "y ~ x + log(z)", or "y ~ 1"')
    for term in (outcome.strip(), *terms):
        if not _TERM.fullmatch(term):
            raise InputError(
                f'the formula "{formula}" has the term "{named(term)}"; columns, log(column) and log1p(column) joined '
                "by + are read here (unit and period effects are always in); any other name goes between backticks, or "
                'in outcome="..." and covariates=[...], and a formula card (structure = "formula") takes more'
            )
    return named(outcome.strip()), tuple(named(term) for term in terms if term not in ("1", "0"))
