"""How large is a linear estimand of a fit? Exact where the engine is the closed form, from draws otherwise.

An average of effects is a weight on each row of the design, so that one function serves every average:

    c_F = sum_j W_Fj tau_j,    W (F, obs);    att: 1 / n on each treated row

With leads each unit's rows before its onset count against it (``linear_estimands.against_pre_period``). The closed
form gives the mixture over the hyperparameters (``inference.exact``); NUTS and formula cards give draws.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.effect import Effect
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import COVARIATE, EVENT_TIME, MODIFIER, PERIOD, UNIT
from bri_bayes.design.analysis import Fit
from bri_bayes.design.linear_terms import binned_event_time
from bri_bayes.estimands.effects import CELL, Baseline, cell_effects
from bri_bayes.inference.linear_estimands import against_pre_period, att_weights

By = Literal["unit", "event_time", "period"]
# Weights of cells on rows that are made at once.
WEIGHT_BYTES = 5e7
# An event time that no row has, for never-treated units.
_NEVER = -1_000_000
_DIMENSIONS = {"beta": COVARIATE, "modifier_effect": MODIFIER}


def att_effect(fit: Fit) -> Effect:
    """The average effect over treated cells, in units of the outcome."""
    return _effects(fit, att_weights(fit.design, fit.analysis.card)[None])[0]


def effects_by(fit: Fit, by: By, *, baseline: Baseline = "pre_average") -> dict[str, Effect]:
    """The average effect over the treated cells of each unit, event time or period, by its label.

    With leads, event times before the onset are there too when ``by`` is "event_time"; ``baseline`` "reference" leaves
    event time -1, and not the pre-period average, as what they are compared with.
    """
    if by not in (UNIT, EVENT_TIME, PERIOD):
        raise InputError(f'effects cannot be averaged by "{by}"; {suggest(by, (UNIT, EVENT_TIME, PERIOD))}')
    rows = _rows(fit, leads=by == EVENT_TIME)
    labels = _labels(fit, by)[rows]
    names = np.unique(labels)
    weights = np.zeros((names.size, fit.design.sizes["obs"]))
    for weight, name in zip(weights, names, strict=True):
        chosen = rows[labels == name]
        weight[chosen] = 1 / chosen.size
    if baseline == "pre_average":
        weights = against_pre_period(fit.design, fit.analysis.card, weights)
    return dict(zip(map(str, names), _effects(fit, weights), strict=True))


def effects_by_cell(fit: Fit) -> dict[str, dict[str, Effect]]:
    """The effect in each treated unit and period, by unit and then by period."""
    rows, n_rows = _rows(fit, leads=False), fit.design.sizes["obs"]
    nested: dict[str, dict[str, Effect]] = {}
    size = max(1, int(WEIGHT_BYTES / 8 / n_rows))
    for some in (rows[first : first + size] for first in range(0, rows.size, size)):
        weights = np.zeros((some.size, n_rows))
        weights[np.arange(some.size), some] = 1.0
        effects = _effects(fit, against_pre_period(fit.design, fit.analysis.card, weights))
        for unit, period, effect in zip(_labels(fit, UNIT)[some], _labels(fit, PERIOD)[some], effects, strict=True):
            nested.setdefault(str(unit), {})[str(period)] = effect
    return nested


def coefficient_effects(fit: Fit, name: Literal["beta", "modifier_effect"]) -> dict[str, Effect]:
    """The coefficient of each covariate or modifier, a unit of it, by its name."""
    draws = fit.posterior["posterior"][name]
    labels = [str(label) for label in draws[_DIMENSIONS[name]].to_numpy()]
    if fit.exact is not None:
        return dict(zip(labels, fit.exact.coefficients(name), strict=True))
    return {label: Effect.of_draws(draws.isel({_DIMENSIONS[name]: i}).to_numpy()) for i, label in enumerate(labels)}


def _effects(fit: Fit, weights: Array) -> list[Effect]:
    """Averages of the effect with weights (F, obs) on the rows of the design, the baseline taken off in them."""
    if fit.exact is not None:
        return fit.exact.effects(weights)
    cells = cell_effects(fit, baseline="reference")
    at = {cell: i for i, cell in enumerate(zip(cells[UNIT].values, cells[PERIOD].values, strict=True))}
    rows = list(zip(_labels(fit, UNIT), _labels(fit, PERIOD), strict=True))
    used = [j for j, cell in enumerate(rows) if cell in at]
    draws = cells.to_numpy().reshape(-1, cells.sizes[CELL])[:, [at[rows[j]] for j in used]]
    return [Effect.of_draws(column) for column in (draws @ weights[:, used].T).T]


def _rows(fit: Fit, *, leads: bool) -> Index:
    """Rows of ever-treated units with an effect: from the onset on, and with ``leads`` those before it, too."""
    card = fit.analysis.card
    binned = binned_event_time(fit.design, card)
    wanted = (binned >= 0) | (leads & card.effects.leads & (binned < 0))
    return np.flatnonzero(np.isfinite(fit.design["event_time"].to_numpy()) & wanted)


def _labels(fit: Fit, by: str) -> Any:
    """The unit, event time or period of each row of the design."""
    design = fit.design
    if by == EVENT_TIME:
        return np.nan_to_num(design["event_time"].to_numpy(), nan=_NEVER).astype(int)
    return np.asarray(design[by].to_numpy()[design[f"{by}_ix"].to_numpy()])
