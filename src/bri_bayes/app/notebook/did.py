"""What did the treatment do to an outcome of a data frame? ``did`` asks as ``bri-bayes estimate`` asks of a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bri_bayes.app.notebook.formula import sides
from bri_bayes.app.notebook.result import DidResult
from bri_bayes.app.request import Request, question
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import WEIGHT
from bri_bayes.data.comparable import blame
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.log_link import zeros_that_decide
from bri_bayes.estimands.first_answer import first_card
from bri_bayes.frequentist import fit_twfe
from bri_bayes.inference import fit
from bri_bayes.study.card_changes import card as changed_card
from bri_bayes.study.card_changes import with_errors
from bri_bayes.study.model_card import ModelCard, load_card

if TYPE_CHECKING:
    import pandas as pd

# A column for the groups of a mapping.
_GROUPS = "group of the unit"


def did(
    data: pd.DataFrame | str | Path,
    formula: str | None = None,
    *,
    outcome: str | None = None,
    unit: str,
    period: str,
    treated: str | Sequence[str] = (),
    onset: object = None,
    treatment: str | None = None,
    onset_column: str | None = None,
    controls: str | Sequence[str] = (),
    covariates: str | Sequence[str] = (),
    groups: str | Mapping[str, str] | None = None,
    weights: str | None = None,
    periods: tuple[object, object] | None = None,
    card: str | ModelCard | None = None,
    errors: str | None = None,
    engine: str = "auto",
    seed: int = 0,
    progress: bool = False,
) -> DidResult:
    """The effect of a treatment on ``outcome`` in a panel, long or wide, as a data frame or a file.

    ``outcome`` and ``covariates`` are columns, or ``log(column)``, ``log1p(column)``; ``formula`` says both at once:
    ``"log(trade) ~ log(gdp) + population"``, with backticks around a name of other signs. Who was treated: ``treated``
    units with an ``onset``, a 0/1 column ``treatment``, or ``onset_column`` with the first treated period of each unit.
    ``groups`` : a column, or unit -> group; units of a group share shocks. ``weights`` : a column of analytic weights.
    ``periods`` : first and last.
    ``card`` : a shipped card by name, a TOML file, or one made by ``card``; None takes that of ``bri-bayes estimate``
    (treated units may share shocks). ``engine`` "auto", "marginal" (closed form) or "nuts".
    """
    if formula is not None:
        if outcome is not None or covariates:
            raise InputError("give either a formula, or outcome and covariates, not both")
        outcome, covariates = sides(formula)
    if outcome is None:
        raise InputError('say which outcome: outcome="trade" or a formula "log(trade) ~ 1"')
    table, group_column = _with_groups(data, unit, groups)
    request = Request(
        path=Path(table) if isinstance(table, str) else table,
        outcome=outcome,
        unit=unit,
        period=period,
        treated=_names(treated),
        onset=None if onset is None else _text(onset),
        treatment=treatment,
        onset_column=onset_column,
        controls=_names(controls),
        covariates=_names(covariates),
        groups=group_column,
        weights=weights,
        periods=None if periods is None else (_text(periods[0]), _text(periods[1])),
        engine=engine,
        seed=seed,
    )
    asked = question(request)
    chosen = card if card is not None else first_card(len(asked.assignment.treated_units))
    base = chosen if isinstance(chosen, ModelCard) else load_card(chosen)
    if errors is not None:
        base = with_errors(base, _structure(errors), asked="errors")
    model = dataclasses.replace(base, outcome=outcome, covariates=request.covariates or base.covariates)
    analysis = Analysis(asked.panel, asked.assignment, model)
    pointwise = WEIGHT not in analysis.design
    try:
        if not model.has_log_link:
            fit_twfe(analysis.design)  # refuses rows that do not show the treatment: the posterior would be the prior
        result = fit(analysis, engine=engine, seed=seed, pointwise=pointwise, progress=progress)
    except InputError as error:
        raise InputError(f"{error}{blame(asked.notes)}") from error
    decided = zeros_that_decide(analysis.design, model) if model.has_log_link else []
    return DidResult(result, (*asked.notes, *decided), seed=seed, shown_first=card is None and errors is None)


def _names(value: str | Sequence[str]) -> tuple[str, ...]:
    """A lone name is one name."""
    return (value,) if isinstance(value, str) else tuple(str(name) for name in value)


def _text(period: object) -> str:
    """A period as the file would write it."""
    from bri_bayes.data.file_formats import as_text

    return as_text(period)


def _structure(errors: str) -> Any:
    """The checked name of an error structure."""
    return changed_card("did", errors=errors).errors.structure


def _with_groups(
    data: pd.DataFrame | str | Path, unit: str, groups: str | Mapping[str, str] | None
) -> tuple[pd.DataFrame | str | Path, str | None]:
    """The table, and its column with groups: a mapping becomes a column of a data frame."""
    if groups is None or isinstance(groups, str):
        return data, groups
    if isinstance(data, str | Path):
        raise InputError("groups of a file are a column of it; a mapping goes with a data frame")
    if unit not in data.columns:
        raise InputError(f'the data frame has no column "{unit}"')
    known = data[unit].astype(str).map({str(name): str(group) for name, group in groups.items()})
    if known.isna().any():
        missing = str(data[unit][known.isna()].iloc[0])
        raise InputError(f'groups says nothing of "{missing}"; every unit of the data frame needs a group')
    return data.assign(**{_GROUPS: known}), _GROUPS
