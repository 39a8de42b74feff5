"""One CSV, one question: what did the treatment do to this outcome? Bayesian and frequentist answers side by side."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import xarray as xr

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.json_values import json_safe
from bri_bayes.core.names import PERIOD, UNIT, ErrorStructure
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.panel import Column, Panel, load_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.effects import att, att_by, att_record
from bri_bayes.estimands.summaries import by_unit_and_period, panel_values, records, warnings_of
from bri_bayes.frequentist import frequentist_rows
from bri_bayes.inference import fit
from bri_bayes.study.model_card import ModelCard, load_card

_TRANSFORMED = re.compile(r"(log1p|log)\(\s*(.+?)\s*\)")


@dataclass(frozen=True)
class Request:
    """What the command line was asked. A variable is a column or ``log(column)``, ``log1p(column)``."""

    path: Path
    outcome: str
    unit: str
    period: str
    treated: tuple[str, ...] = ()
    onset: int | None = None
    treatment: str | None = None
    controls: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    periods: tuple[int, int] | None = None
    model: str = "did"
    errors: str | None = None
    engine: str = "auto"
    seed: int = 0


def estimate(request: Request) -> dict[str, Any]:
    """The values that ``bri-bayes estimate --json`` prints; "trustworthy" is the diagnostic gate."""
    from bri_bayes.inference.fitting import is_trustworthy

    card = _card(request)
    panel = _panel(request)
    assignment = _assignment(request, panel)
    analysis = Analysis(panel, assignment, card)
    on_terminal = sys.stderr.isatty()
    result = fit(analysis, engine=request.engine, seed=request.seed, pointwise=False, progress=on_terminal)
    diagnostics = result.diagnostics
    values = {
        "panel": panel_values(panel, analysis.design),
        "outcome": card.outcome,
        "model": card.name,
        "treated": list(assignment.treated_units),
        "bayes": {
            "att": att_record(att(result)),
            "by_unit": records(att_by(result, "unit")),
            "by_event_time": records(att_by(result, "event_time")),
            "by_unit_and_period": by_unit_and_period(result),
            "engine": diagnostics["engine"],
            "ess": diagnostics["ess"],
            "khat": diagnostics["khat"],
            "rhat": diagnostics["rhat"],
            "log_marginal": result.log_marginal,
        },
        "frequentist": [row.as_dict() for row in frequentist_rows(analysis.design)],
        "warnings": [*warnings_of(analysis), *diagnostics["notes"]],
        "trustworthy": is_trustworthy(result),
    }
    return dict(json_safe(values))


def _card(request: Request) -> ModelCard:
    card = load_card(request.model)
    errors = card.errors
    if request.errors is not None:
        if request.errors not in get_args(ErrorStructure):
            raise InputError(
                f'--errors "{request.errors}" is unknown; {suggest(request.errors, get_args(ErrorStructure))}'
            )
        errors = dataclasses.replace(errors, structure=cast("ErrorStructure", request.errors))
    covariates = request.covariates or card.covariates
    return dataclasses.replace(card, outcome=request.outcome, covariates=covariates, errors=errors)


def _panel(request: Request) -> Panel:
    names = list(dict.fromkeys([request.outcome, *request.covariates]))
    columns = {name: _column(name) for name in names}
    if request.treatment is not None and request.treatment not in columns:
        columns[request.treatment] = Column(request.treatment)
    chosen = None
    if request.controls:
        if request.treatment is not None and not request.treated:
            raise InputError("--controls needs --treated: with --treatment the column says who is a control")
        chosen = [*request.treated, *request.controls]
    periods = None
    if request.periods is not None:
        first, last = request.periods
        probe = load_panel(request.path, unit=request.unit, period=request.period, columns=_raw(columns), units=chosen)
        periods = [int(period) for period in probe[PERIOD].values if first <= period <= last]
        if not periods:
            raise InputError(f"{request.path}: no period from {first} to {last}")
    return load_panel(
        request.path, unit=request.unit, period=request.period, columns=columns, units=chosen, periods=periods
    )


def _column(name: str) -> Column:
    match = _TRANSFORMED.fullmatch(name.strip())
    if match is None:
        return Column(name)
    return Column(match.group(2), transform="log1p" if match.group(1) == "log1p" else "log")


def _raw(columns: dict[str, Column]) -> dict[str, Column]:
    return {name: dataclasses.replace(column, transform="none") for name, column in columns.items()}


def _assignment(request: Request, panel: Panel) -> Assignment:
    units = [str(unit) for unit in panel[UNIT].values]
    if request.treatment is None:
        if not request.treated or request.onset is None:
            raise InputError("say who was treated and when: --treated A,B with --onset YEAR, or --treatment COLUMN")
        both = sorted(set(request.treated) & set(request.controls))
        if both:
            raise InputError(f'the unit "{both[0]}" is named both in --treated and in --controls')
        known = Assignment(dict.fromkeys([*units, *request.treated]))
        first = known.swap(request.treated, request.onset)
        years = panel[PERIOD].to_numpy()
        if not years[0] < request.onset <= years[-1]:
            raise InputError(
                f"--onset {request.onset} is outside the panel: it must be after {years[0]} and not after {years[-1]}"
            )
        return first
    if request.treated:
        raise InputError("give either --treated or --treatment, not both")
    return assignment_from_column(panel, request.treatment, request.onset)


def assignment_from_column(panel: xr.Dataset, name: str, onset: int | None) -> Assignment:
    """Onsets from a 0/1 column: of treated cells, or (with ``onset``) of ever-treated units.

    A treatment is absorbing: once on, it stays on. A unit is treated from its first period with a one.
    """
    values = panel[name].transpose(UNIT, PERIOD).to_numpy()
    years = panel[PERIOD].to_numpy()
    first_treated: dict[str, int | None] = {}
    for unit, row in zip(panel[UNIT].values, values, strict=True):
        seen = np.isfinite(row)
        wrong = row[seen & (row != 0) & (row != 1)]
        if wrong.size:
            raise InputError(f'the treatment column "{name}" has {wrong[0]:g} for "{unit}"; only 0 and 1 are allowed')
        path = row[seen]
        if onset is not None:
            if np.ptp(path) != 0 if path.size else False:
                raise InputError(f'with --onset the treatment column "{name}" must not change within "{unit}"')
            first_treated[str(unit)] = onset if path.size and path[0] == 1 else None
            continue
        if (np.diff(path) < 0).any():
            raise InputError(f'the treatment column "{name}" goes back to 0 for "{unit}"; a treatment must stay on')
        starts = years[seen][path == 1]
        first_treated[str(unit)] = int(starts[0]) if starts.size else None
    return Assignment(first_treated)


def parse_list(text: str | None) -> tuple[str, ...]:
    """``A,B`` as a tuple; commas inside brackets do not split."""
    parts: Sequence[str] = re.split(r",(?![^(]*\))", text) if text else ()
    return tuple(part.strip() for part in parts if part.strip())
