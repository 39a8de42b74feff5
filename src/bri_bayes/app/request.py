"""What does a command line ask of which file? Options become a panel, an assignment, and notes about both."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import xarray as xr

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import GROUP, PERIOD, UNIT, WEIGHT, Transform
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.comparable import Comparable, comparable
from bri_bayes.data.number_format import DECIDED, NumberFormat
from bri_bayes.data.onsets import onsets_by_name, onsets_from_cells, onsets_from_column
from bri_bayes.data.panel import Column, Panel, load_panel
from bri_bayes.data.text_encoding import AS_USUAL, TextFormat
from bri_bayes.data.text_table import read_table
from bri_bayes.frequentist.level_rows import logarithm_of

if TYPE_CHECKING:
    import pandas as pd

_TRANSFORMED = re.compile(r"(log1p|log)\(\s*(.+?)\s*\)")


@dataclass(frozen=True)
class Request:
    """What the command line, or a notebook, was asked.

    A variable is a column or ``log(column)``, ``log1p(column)``; ``a/b`` is the ratio of two columns of a long file.

    ``onset`` and ``periods`` are written as the file writes its periods. ``groups`` : a column with one text a
    unit; ``weights`` : a column of analytic weights; ``window`` : periods that are averaged into one bin, None for as
    many as a long panel needs. ``family`` : "normal", or "poisson" for levels with zeros beside their logarithms.
    """

    path: Path | pd.DataFrame
    outcome: str
    unit: str
    period: str
    treated: tuple[str, ...] = ()
    onset: str | None = None
    treatment: str | None = None
    onset_column: str | None = None
    controls: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    groups: str | None = None
    weights: str | None = None
    periods: tuple[str, str] | None = None
    window: int | None = None
    marks: NumberFormat = DECIDED
    text_format: TextFormat = AS_USUAL
    model: str | None = None
    errors: str | None = None
    family: str = "normal"
    engine: str = "auto"
    seed: int = 0


def question(request: Request) -> Comparable:
    """The panel of the request and who is compared with whom in it; ``notes`` say what was left out, and why."""
    header = _header(request)
    _check_roles(request, header)
    panel = _panel(request, header)
    needed = [*request.covariates, *([] if request.weights is None else [request.weights])]
    compared = comparable(panel, _assignment(request, panel), request.outcome, needed)
    notes = (*panel.attrs.get("notes", ()), *compared.notes)
    if request.weights is not None:
        compared.panel.attrs[WEIGHT] = _checked_weights(compared.panel, request.weights)
    grouped = (
        compared.panel if request.groups is None else _with_groups(compared.panel, request.groups, compared.assignment)
    )
    return Comparable(grouped, compared.assignment, compared.left_out, compared.not_yet_treated, notes)


def column_of(name: str, header: Collection[str] = ()) -> Column:
    """The column of a variable, and its transform; ``a/b`` is a ratio where ``header`` has a and b, and no "a/b"."""
    match = _TRANSFORMED.fullmatch(name.strip())
    inner, transform = (name, "none") if match is None else (match.group(2), match.group(1))
    column = Column(inner, transform=cast("Transform", transform))
    above, _, below = (part.strip() for part in inner.partition("/"))
    if inner in header or not {above, below} <= set(header):
        return column
    return dataclasses.replace(column, column=above, relative_to=below)


def _header(request: Request) -> tuple[str, ...]:
    """The names of the file's columns, where a variable may be a ratio of two."""
    if not any("/" in name for name in (request.outcome, *request.covariates)):
        return ()
    return tuple(read_table(request.path, request.unit, request.text_format).header)


def _check_roles(request: Request, header: Collection[str]) -> None:
    """Refuse one column in two roles: the answer would be an identity."""
    outcome = column_of(request.outcome, header).column
    covariates = [column_of(name, header).column for name in request.covariates]
    treatments = {"--treatment": request.treatment, "--onset-column": request.onset_column}
    if outcome in covariates:
        raise InputError(f'the outcome "{outcome}" is among the covariates: it cannot explain itself')
    for option, name in treatments.items():
        if name is not None and name == outcome:
            raise InputError(f'{option} "{name}" is the outcome, too: the treatment needs a column of its own')
        if name is not None and name in covariates:
            raise InputError(f'{option} "{name}" is among the covariates: its effect is what is asked for')
    for key, name in {"--unit": request.unit, "--period": request.period}.items():
        if name in (outcome, *covariates):
            raise InputError(f'{key} "{name}" is the outcome or a covariate, too; give it a column of its own')
    if request.weights is not None and request.weights in (outcome, *covariates, *treatments.values()):
        raise InputError(f'--weights "{request.weights}" is the outcome, a covariate or the treatment, too')
    given = [option for option, name in treatments.items() if name is not None]
    given += ["--treated"] if request.treated else []
    if not given or (given == ["--treated"] and request.onset is None):
        raise InputError(
            "say who was treated and when: --treated A,B with --onset YEAR, --treatment COLUMN or --onset-column COLUMN"
        )
    if len(given) > 1:
        raise InputError(f"give either {' or '.join(sorted(given))}, not both")
    if request.onset_column is not None and request.onset is not None:
        raise InputError("give either --onset or --onset-column, not both")
    if request.controls and not request.treated:
        raise InputError(f"--controls needs --treated: with {given[0]} the column says who is a control")
    both = sorted(set(request.treated) & set(request.controls))
    if both:
        raise InputError(f'the unit "{both[0]}" is named both in --treated and in --controls')


def _panel(request: Request, header: Collection[str]) -> Panel:
    columns = {name: column_of(name, header) for name in dict.fromkeys([request.outcome, *request.covariates])}
    if request.family == "poisson":
        columns[request.outcome] = dataclasses.replace(columns[request.outcome], transform="none")
    for name in (request.treatment, request.weights):
        if name is not None:
            columns[name] = Column(name)
    panel = load_panel(
        request.path,
        unit=request.unit,
        period=request.period,
        columns=columns,
        units=[*request.treated, *request.controls] if request.controls else None,
        between=request.periods,
        marks=request.marks,
        text_format=request.text_format,
        no_blanks=[] if request.treatment is None else [request.treatment],
        unit_columns=[name for name in (request.onset_column, request.groups) if name is not None],
    )
    return panel if request.family == "normal" else logarithm_of(panel, request.outcome)


def _assignment(request: Request, panel: Panel) -> Assignment:
    if request.treatment is not None:
        return onsets_from_cells(panel, request.treatment, request.onset)
    if request.onset_column is not None:
        return onsets_from_column(panel, request.onset_column)
    assert request.onset is not None, "checked: --treated comes with --onset"
    return onsets_by_name(panel, request.treated, request.onset)


def _checked_weights(panel: xr.Dataset, name: str) -> str:
    """The name of the variable with weights, where every one is a positive number or missing."""
    values = panel[name].transpose(UNIT, PERIOD)
    wrong = np.argwhere(values.to_numpy() <= 0)
    if wrong.size:
        unit, period = (str(panel[dim].to_numpy()[at]) for dim, at in zip((UNIT, PERIOD), wrong[0], strict=True))
        raise InputError(
            f'the weight "{name}" is {float(values.to_numpy()[tuple(wrong[0])]):g} for "{unit}" {period}; a weight is '
            "positive, or missing for a row that is to be left out"
        )
    return name


def _with_groups(panel: xr.Dataset, name: str, assignment: Assignment) -> xr.Dataset:
    """The panel with the group of each unit as the coordinate ``group``; who is compared needs one."""
    texts = panel.attrs["unit_columns"][name]
    blank = [unit for unit in assignment.units if not texts[unit]]
    if blank:
        raise InputError(f'the group column "{name}" is empty for "{blank[0]}"; a unit that is compared needs one')
    groups = np.array([texts[str(unit)] for unit in panel[UNIT].to_numpy()], dtype=str)
    if len({texts[unit] for unit in assignment.units}) < 2:
        raise InputError(f'the group column "{name}" has one group only, "{groups[0]}"; it tells no units apart')
    return panel.assign_coords({GROUP: (UNIT, groups)})
