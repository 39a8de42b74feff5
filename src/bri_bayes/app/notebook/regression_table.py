"""Which results stand beside each other in a regression table? A column a result, rows and format to choose."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, get_args

from bri_bayes.app.notebook.answer import Answer
from bri_bayes.app.notebook.comparison import distinct
from bri_bayes.core.effect import PROB
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import OBS, UNIT
from bri_bayes.estimands.linear import coefficient_effects
from bri_bayes.frequentist.level_rows import of_logarithm
from bri_bayes.presentation.digits import ends_of
from bri_bayes.presentation.names_shown import card_label
from bri_bayes.presentation.study_tables import METHODS
from bri_bayes.presentation.table_spec import KINDS
from bri_bayes.study.card_text import error_words, shared_words
from bri_bayes.study.model_card import ModelCard, load_card, model_names

if TYPE_CHECKING:
    import pandas as pd

    from bri_bayes.core.effect import Effect
    from bri_bayes.frequentist import Estimate

Row = Literal[
    "outcome", "effect", "sd", "interval", "p_positive", "p_value", "coefficients", "covariates", "errors", "shocks",
    "treated_units", "units", "rows",
]  # fmt: skip
# What a table has when nobody chooses: "p_value" and "coefficients" where a column has one.
ROWS: tuple[Row, ...] = get_args(Row)
_LABELS: Mapping[Row, str] = {
    "outcome": "outcome",
    "effect": "effect",
    "sd": "",
    "interval": f"{100 * PROB:.0f}% interval",
    "p_positive": "P(effect > 0)",
    "p_value": "p-value",
    "covariates": "covariates",
    "errors": "errors",
    "shocks": "shared shocks",
    "treated_units": "treated units",
    "units": "units",
    "rows": "rows",
}
# Marks a number whose interval excludes zero, when stars are asked for.
_STAR = "*"
_DATA = "data"


class Choice(TypedDict, total=False):
    """What a table shows, where it is not the usual.

    ``names`` : headings; ``rows`` : which rows in which order; ``least_squares`` : rows of ``frequentist`` as further
    columns, ("twfe", "cluster"); ``stars`` : one where an interval excludes zero; ``digits`` : decimals.
    """

    names: Sequence[str]
    rows: Sequence[Row]
    least_squares: Sequence[tuple[str, str]]
    stars: bool
    digits: int


def regression_table(results: Sequence[Answer], **choice: Unpack[Choice]) -> pd.DataFrame:
    """Text in each cell; columns are the results, then rows of least squares of the first result, in their order."""
    import pandas as pd

    names, rows, least_squares = choice.get("names"), choice.get("rows"), choice.get("least_squares", ())
    stars, digits = choice.get("stars", False), choice.get("digits", 3)
    shown = _checked_rows(rows)
    headings = distinct([_title(result.card) for result in results]) + [_heading(key) for key in least_squares]
    if names is not None and len(names) != len(headings):
        raise InputError(f"{len(names)} names for a table of {len(headings)} columns: {', '.join(headings)}")
    headings = distinct(headings if names is None else [str(name) for name in names])
    columns = [_of_result(result, stars=stars, digits=digits) for result in results]
    columns += [_of_estimate(results[0], key, stars=stars, digits=digits) for key in least_squares]
    covariates = dict.fromkeys(key for column in columns for key in column if key not in {*ROWS, _DATA})
    keys: list[str] = []
    for row in shown:
        keys += covariates if row == "coefficients" else [row]
    if rows is None:
        keys = [key for key in keys if key != "p_value" or any(column.get(key) for column in columns)]
    keys += [_DATA] if any(column.get(_DATA) for column in columns) else []
    labels = [_LABELS.get(key, "" if key.startswith("(") else key) for key in keys]  # type: ignore[call-overload]
    table = {head: [column.get(key, "") for key in keys] for head, column in zip(headings, columns, strict=True)}
    return pd.DataFrame(table, index=labels)


def _checked_rows(rows: Sequence[Row] | None) -> Sequence[Row]:
    if rows is None:
        return ROWS
    for row in rows:
        if row not in ROWS:
            raise InputError(f'a table has no row "{row}"; {suggest(row, ROWS)}')
    return rows


def _of_result(result: Answer, *, stars: bool, digits: int) -> dict[str, str]:
    assignment, card = result.analysis.assignment, result.card
    named = _numbers(result.effect, stars=stars, digits=digits)
    cells = {
        "outcome": str(card.outcome),
        "effect": named[0],
        "sd": named[1],
        "interval": named[2],
        "p_positive": f"{result.effect.p_positive:.{digits}f}",
        "covariates": ", ".join(card.covariates) or "none",
        "errors": error_words(card),
        "shocks": shared_words(card),
        "treated_units": str(len(assignment.treated_units)),
        "units": str(result.design.sizes[UNIT]),
        "rows": str(result.design.sizes[OBS]),
        _DATA: _unobserved(result),
    }
    if "beta" in result.fit.posterior["posterior"]:
        for name, effect in coefficient_effects(result.fit, "beta").items():
            cells[name], cells[f"({name})"], _ = _numbers(effect, stars=stars, digits=digits)
    return cells


def _of_estimate(result: Answer, key: tuple[str, str], *, stars: bool, digits: int) -> dict[str, str]:
    known = {(row.estimator, row.inference): row for row in result.estimates}
    if key not in known:
        given = "/".join(key)
        raise InputError(f'least squares have no row "{given}"; {suggest(given, ["/".join(name) for name in known])}')
    row: Estimate = known[key]
    significant = row.p_value is not None and row.p_value < 1 - PROB
    compared = of_logarithm(result.analysis)
    assert compared is not None, "rows of least squares are of an analysis"
    return {
        "outcome": str(result.card.outcome),
        "effect": _number(row.estimate, digits) + (_STAR if stars and significant else ""),
        "sd": _within("({})", [row.se], digits),
        "interval": _interval(row.lower, row.upper, digits),
        "p_value": _number(row.p_value, digits),
        "covariates": ", ".join(result.card.covariates) or "none",
        "treated_units": str(len(result.analysis.assignment.treated_units)),
        "units": str(compared.design.sizes[UNIT]),
        "rows": str(compared.design.sizes[OBS]),
        _DATA: _unobserved(result),
    }


def _title(card: ModelCard) -> str:
    """What a reader calls a shipped card; a card of one's own, or a shipped one that was changed, has its name."""
    if card.name not in model_names():
        return card.name
    known = load_card(card.name)
    asked = dataclasses.replace(known, outcome=card.outcome, covariates=card.covariates, sampler=card.sampler)
    return card_label(card.name) if asked.digest == card.digest else card.name


def _heading(key: tuple[str, str]) -> str:
    return METHODS.get((key[0], key[1]), ", ".join(key).replace("_", " "))


def _numbers(effect: Effect, *, stars: bool, digits: int) -> tuple[str, str, str]:
    """Mean with its star, sd in parentheses, interval in brackets."""
    star = _STAR if stars and effect.excludes_zero else ""
    return (
        _number(effect.mean, digits) + star,
        _within("({})", [effect.sd], digits),
        _interval(effect.lower, effect.upper, digits),
    )


def _interval(lower: float | None, upper: float | None, digits: int) -> str:
    """Both ends in brackets; nothing where one does not exist."""
    if lower is None or upper is None or math.isnan(lower) or math.isnan(upper):
        return ""
    return "[{}, {}]".format(
        *(end.replace("\N{MINUS SIGN}", "-").replace(",", "") for end in ends_of(lower, upper, digits))
    )


def _within(pattern: str, numbers: Sequence[float | None], digits: int) -> str:
    """The numbers in their brackets; nothing where one of them does not exist."""
    shown = [_number(number, digits) for number in numbers]
    return pattern.format(*shown) if all(shown) else ""


def _number(value: float | None, digits: int) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _unobserved(result: Answer) -> str:
    """What a reader of the table must know of a panel that nobody observed; nothing of an observed one."""
    kind = str(result.analysis.panel.attrs["kind"])
    return "" if kind in ("official", "user") else KINDS.get(kind, kind)
