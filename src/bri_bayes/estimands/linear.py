"""How large is a linear estimand of a fit? Exact where the engine is the closed form, from draws otherwise.

An average of effects is a weight on each row of the design, so that one function serves every average:

    c_F = sum_j W_Fj tau_j,    W (F, obs);    att: 1 / n on each treated row

With leads each unit's rows before its onset count against it (``linear_estimands.against_pre_period``). The closed
form gives the mixture over the hyperparameters (``inference.exact``); NUTS and formula cards give draws.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Averages:
    """The average effect over all treated cells, over those of each label, and the effect in each cell."""

    att: Effect
    by: Mapping[By, Mapping[str, Effect]]
    cells: Mapping[str, Mapping[str, Effect]]


def averages(fit: Fit, by: Sequence[By], *, cells: bool) -> Averages:
    """``att_effect``, ``effects_by`` of each in ``by``, and with ``cells`` ``effects_by_cell``, in one pass.

    What a posterior costs is its passes over the hyperparameters, hardly the averages that one of them is asked for.
    """
    chosen = {name: _chosen_by(fit, name) for name in by}
    asked = [
        att_weights(fit.design, fit.analysis.card)[None],
        *(_weights(fit, list(rows.values()), "pre_average") for rows in chosen.values()),
    ]
    each_cell = _rows(fit, leads=False) if cells else np.empty(0, dtype=int)
    size = max(1, int(WEIGHT_BYTES / 8 / fit.design.sizes["obs"]))
    one_pass = [*asked, _weights(fit, list(each_cell[:size, None]), "pre_average")]
    effects = iter(_effects(fit, np.concatenate(one_pass)))
    att = next(effects)
    named = {name: {label: next(effects) for label in rows} for name, rows in chosen.items()}
    of_cells = list(effects)
    for first in range(size, each_cell.size, size):
        of_cells += _effects(fit, _weights(fit, list(each_cell[first : first + size, None]), "pre_average"))
    nested: dict[str, dict[str, Effect]] = {}
    labels = zip(_labels(fit, UNIT)[each_cell], _labels(fit, PERIOD)[each_cell], of_cells, strict=True)
    for unit, period, effect in labels:
        nested.setdefault(str(unit), {})[str(period)] = effect
    return Averages(att, named, nested)


def att_effect(fit: Fit) -> Effect:
    """The average effect over treated cells, in units of the outcome."""
    return _effects(fit, att_weights(fit.design, fit.analysis.card)[None])[0]


def p_effect_above(fit: Fit, size: float) -> float:
    """P(the average effect over treated cells is above ``size``), in units of the outcome."""
    weights = att_weights(fit.design, fit.analysis.card)[None]
    if fit.exact is not None:
        return float(fit.exact.above(weights, size)[0])
    return float((_drawn(fit, weights)[0] > size).mean())


def effects_by(fit: Fit, by: By, *, baseline: Baseline = "pre_average") -> dict[str, Effect]:
    """The average effect over the treated cells of each unit, event time or period, by its label.

    With leads, event times before the onset are there too when ``by`` is "event_time"; ``baseline`` "reference" leaves
    event time -1, and not the pre-period average, as what they are compared with.
    """
    if by not in (UNIT, EVENT_TIME, PERIOD):
        raise InputError(f'effects cannot be averaged by "{by}"; {suggest(by, (UNIT, EVENT_TIME, PERIOD))}')
    return effects_over(fit, _chosen_by(fit, by), baseline=baseline)


def effects_by_cohort(fit: Fit) -> dict[tuple[int, int], Effect]:
    """The average effect of the units of each onset, by event time: (first treated period, event time) -> effect."""
    rows, first = _rows(fit, leads=True), fit.design["first_treated"].to_numpy()[fit.design["unit_ix"].to_numpy()]
    keys = np.column_stack([first, _labels(fit, EVENT_TIME)])[rows].astype(int)
    chosen = {(cohort, time): rows[(keys == (cohort, time)).all(axis=1)] for cohort, time in np.unique(keys, axis=0)}
    return {(int(cohort), int(time)): effect for (cohort, time), effect in effects_over(fit, chosen).items()}


def effect_within(fit: Fit, first: int, last: int) -> Effect:
    """The average effect over the treated cells of the periods from ``first`` to ``last``, both included."""
    rows = _rows(fit, leads=False)
    period = _labels(fit, PERIOD)[rows]
    inside = rows[(period >= first) & (period <= last)]
    if not inside.size:
        raise InputError(f"no unit is treated in a period from {first} to {last}")
    return effects_over(fit, {"inside": inside})["inside"]


def effects_over[K: Hashable](
    fit: Fit, chosen: Mapping[K, Index], *, baseline: Baseline = "pre_average"
) -> dict[K, Effect]:
    """The average effect over each set of rows of the design, rows without an effect not among them."""
    return dict(zip(chosen, _effects(fit, _weights(fit, list(chosen.values()), baseline)), strict=True))


def effects_by_cell(fit: Fit) -> Mapping[str, Mapping[str, Effect]]:
    """The effect in each treated unit and period, by unit and then by period."""
    return averages(fit, (), cells=True).cells


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
    return [Effect.of_draws(draws) for draws in _drawn(fit, weights)]


def _drawn(fit: Fit, weights: Array) -> Array:
    """The draws of such averages : (F, chain x draw)."""
    cells = cell_effects(fit, baseline="reference")
    at = {cell: i for i, cell in enumerate(zip(cells[UNIT].values, cells[PERIOD].values, strict=True))}
    rows = list(zip(_labels(fit, UNIT), _labels(fit, PERIOD), strict=True))
    used = [j for j, cell in enumerate(rows) if cell in at]
    draws = cells.to_numpy().reshape(-1, cells.sizes[CELL])[:, [at[rows[j]] for j in used]]
    return np.asarray((draws @ weights[:, used].T).T)


def _weights(fit: Fit, chosen: Sequence[Index], baseline: Baseline) -> Array:
    """The weights of averages over sets of rows, the baseline taken off : (F, obs)."""
    weights = np.zeros((len(chosen), fit.design.sizes["obs"]))
    for weight, rows in zip(weights, chosen, strict=True):
        weight[rows] = 1 / rows.size
    return against_pre_period(fit.design, fit.analysis.card, weights) if baseline == "pre_average" else weights


def _chosen_by(fit: Fit, by: By) -> dict[str, Index]:
    """The rows of each unit, event time or period with an effect, by its label."""
    rows = _rows(fit, leads=by == EVENT_TIME)
    labels = _labels(fit, by)[rows]
    return {str(name): rows[labels == name] for name in np.unique(labels)}


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
