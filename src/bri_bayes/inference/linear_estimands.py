"""Which linear function of the coefficients is asked for? The weight of each coefficient, on the standardised scale.

An average of effects is given by its weight on each row of the design (``estimands.effects`` writes them): the effect
of a row is the sum of its effect columns times their coefficients.
"""

from __future__ import annotations

import numpy as np

from bri_bayes.core.arrays import Array, Mask
from bri_bayes.core.names import COVARIATE
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import Terms
from bri_bayes.inference.conditional import Coefficients
from bri_bayes.study.model_card import ModelCard

EFFECT_BLOCKS = ("path", "own_path", "unit_deviation", "modifier_effect", "modifier_deviation")


def effect_functionals(terms: Terms, row_weights: Array, suffix: str = "") -> Coefficients:
    """Averages of the effect with weights (F, obs) on the rows, as weights on the coefficients.

    ``suffix`` : what the names of the blocks end with, where the terms are those of several outcomes.
    """
    names = tuple(name + suffix for name in EFFECT_BLOCKS)
    starts = np.searchsorted(terms.unit_ix, np.arange(terms.n_units))
    per_unit, shared = (
        np.column_stack([block.columns * float(block.name in names) for block in blocks])
        for blocks in (terms.per_unit, terms.shared)
    )
    by_unit = np.add.reduceat(row_weights[:, :, None] * per_unit, starts, axis=1)
    return Coefficients(by_unit, _none(terms, len(row_weights)), row_weights @ shared)


def coefficient_functionals(terms: Terms, name: str, scale: Array) -> Coefficients:
    """The coefficients of a shared block, each divided by ``scale`` (m,) : m functionals."""
    names = np.concatenate([[block.name] * block.columns.shape[1] for block in terms.shared])
    chosen = np.eye(names.size)[names == name] / scale[:, None]
    q = sum(block.columns.shape[1] for block in terms.per_unit)
    return Coefficients(np.zeros((len(chosen), terms.n_units, q)), _none(terms, len(chosen)), chosen)


def att_weights(design: Design, card: ModelCard, counted: Mask | None = None) -> Array:
    """The weight of each row in ``estimands.att`` : (obs,).

    Each treated row counts one over their number; with leads the rows of its unit before the onset count against it.
    ``counted`` : (unit,) true for the units whose treated rows are averaged, None for all.
    """
    unit_ix, treated = design["unit_ix"].to_numpy(), design["treated"].to_numpy()
    if counted is not None:
        treated = treated & counted[unit_ix]
    return against_pre_period(design, card, treated / treated.sum())


def against_pre_period(design: Design, card: ModelCard, weights: Array) -> Array:
    """Weights (..., obs) on treated rows, with leads against the average of each unit's rows before its onset."""
    if not card.effects.leads:
        return weights
    unit_ix, treated = design["unit_ix"].to_numpy(), design["treated"].to_numpy()
    before = np.isfinite(design["event_time"].to_numpy()) & ~treated
    starts = np.searchsorted(unit_ix, np.arange(design.sizes["unit"]))
    of_unit = np.add.reduceat(weights, starts, axis=-1)  # (..., unit)
    share = before / np.maximum(np.bincount(unit_ix, before), 1)[unit_ix]
    return np.asarray(weights - of_unit[..., unit_ix] * share)


def covariate_functional(design: Design, terms: Terms, covariate: str) -> Coefficients:
    """The coefficient of ``covariate``, a unit of it."""
    every = coefficient_functionals(terms, "beta", design["x_scale"].to_numpy())
    at = [str(name) for name in design[COVARIATE].to_numpy()].index(covariate)
    return Coefficients(*(level[at : at + 1] for level in every))


def _none(terms: Terms, size: int) -> Array:
    """Zero weights of the grouped coefficients : (F, M, g)."""
    groups = 1 if terms.group_ix is None or not terms.grouped else int(terms.group_ix.max()) + 1
    return np.zeros((size, groups, sum(block.columns.shape[1] for block in terms.grouped)))
