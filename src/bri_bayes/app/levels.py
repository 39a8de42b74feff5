"""What does Poisson pseudo-maximum likelihood say of the levels behind the question of a command line?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from bri_bayes.app.long_panels import in_bins
from bri_bayes.app.request import Request, column_of, question
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import OBS
from bri_bayes.data.comparable import Comparable
from bri_bayes.design.analysis import Analysis
from bri_bayes.frequentist import Estimate, ppml_rows
from bri_bayes.frequentist.level_rows import is_of_a_level, of_logarithm, ppml_of
from bri_bayes.study.model_card import load_card

FAMILIES = ("normal", "poisson")
# The card whose posterior of levels a note recommends.
LEVEL_CARD = "did_negative_binomial"


@dataclasses.dataclass(frozen=True)
class Levels:
    """``rows`` of PPML, none where the outcome is no logarithm; ``notes`` : what was lost, and what is not built."""

    rows: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()


def logarithmic(request: Request) -> Request:
    """The request of the posterior and of least squares: with the Poisson family that of the logarithm.

    A card with a log link takes the level itself, whatever the family.
    Raises InputError for a family that is unknown, and for one of levels where weights or log1p are asked for.
    """
    if request.family not in FAMILIES:
        raise InputError(f'--family "{request.family}" is unknown; {suggest(request.family, FAMILIES)}')
    if request.family == "normal" or (request.model is not None and load_card(request.model).has_log_link):
        return dataclasses.replace(request, family="normal")
    column = column_of(request.outcome)
    if column.transform == "log1p":
        raise InputError(
            f"--family poisson is for levels, which may be zero: --outcome {column.column}, not log1p of it"
        )
    if request.weights is not None:
        raise InputError("--weights are not built for --family poisson; leave one of them out")
    return request if column.transform == "log" else dataclasses.replace(request, outcome=f"log({request.outcome})")


def question_of_logarithm(request: Request) -> Comparable:
    """The question of the request; with the Poisson family a refusal says that zeros are no rows of a logarithm."""
    try:
        return question(request)
    except InputError as error:
        if request.family == "normal":
            raise
        raise InputError(
            f"{error}; a level of zero is no row of its logarithm, and where all treated levels of one side are zero "
            "the effect is infinite for PPML, too"
        ) from error


def levels(request: Request, analysis: Analysis, *, twfe: float, binned: bool) -> Levels:
    """The rows of PPML: of the file's levels with the Poisson family or a log link, else of exp(y) of a logarithm.

    ``request`` : as ``logarithmic`` gives it, of ``analysis``; ``twfe`` : the estimate of the logarithm by two-way
    fixed effects. Averages of logarithms are no logarithm of
    an average: a ``binned`` panel has rows of PPML with the Poisson family alone, which averages levels.
    """
    card, design = analysis.card, analysis.design
    if request.family == "normal":
        rows = [] if binned and not is_of_a_level(analysis) else ppml_of(analysis, request.seed)
        return Levels(_dicts(rows), (*_beside(analysis), *_separation(rows), *_signs(rows, twfe)))
    level = request.outcome.removeprefix("log(").removesuffix(")").strip()
    asked = question(dataclasses.replace(request, outcome=level, family="normal"))
    of_level = dataclasses.replace(card, outcome=level)
    asked = in_bins(asked, of_level, request.window)
    full = Analysis(asked.panel, asked.assignment, of_level).design
    rows = ppml_rows(full, full["y"].to_numpy(), seed=request.seed)
    lost = full.sizes[OBS] - design.sizes[OBS]
    note = (
        f"The posterior and least squares are those of {request.outcome} on the rows that are positive, which loses "
        f"{lost} of {full.sizes[OBS]} rows; PPML has all, and so has --model {LEVEL_CARD}, a posterior of the level."
    )
    return Levels(_dicts(rows), (note, *_separation(rows), *_signs(rows, twfe)))


def _separation(rows: Sequence[Estimate]) -> list[str]:
    """Which rows left PPML, and why, where an estimate remains."""
    return [f"PPML: {row.note}." for row in rows[:1] if row.note and row.lower is not None and np.isfinite(row.lower)]


def _beside(analysis: Analysis) -> list[str]:
    """What least squares is of, beside the posterior of a level."""
    if not is_of_a_level(analysis):
        return []
    outcome, rows = analysis.card.outcome, analysis.design.sizes[OBS]
    compared = of_logarithm(analysis)
    if compared is None:
        return [f"Least squares of log({outcome}) is not shown: the positive rows alone do not identify the effect."]
    return [
        f"Least squares is of log({outcome}), on {compared.design.sizes[OBS]:,} of {rows:,} rows; the posterior and "
        "PPML are of the level, on all."
    ]


def _signs(rows: Sequence[Estimate], twfe: float) -> tuple[str, ...]:
    """Why PPML and least squares of the logarithm do not agree on the sign."""
    if not rows or not rows[0].estimate * twfe < 0:
        return ()
    return (
        f"TWFE of the logarithm ({twfe:.3f}) and PPML of the level ({rows[0].estimate:.3f}) differ in sign: TWFE "
        "counts every unit and period alike, PPML by the size of the level, so that large flows decide.",
    )


def _dicts(rows: Sequence[Estimate]) -> tuple[dict[str, Any], ...]:
    return tuple(row.as_dict() for row in rows)
