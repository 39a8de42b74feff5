"""Which columns may an assignment ask for, and how do they make up the ATT? Every unit is treated, on paper."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from bri_bayes.core.arrays import Array, Mask
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import WEIGHT
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import Block, Terms, build_terms
from bri_bayes.inference.hyperparameters import Hyperparameters, hyperparameters
from bri_bayes.inference.linear_estimands import EFFECT_BLOCKS
from bri_bayes.study.model_card import ModelCard


class AssignmentColumns(NamedTuple):
    """The terms of a card without its effects, and the effect columns that each unit has if it is treated.

    ``path`` : blocks that treated units share; ``per_unit`` : blocks of a unit alone; ``columns`` (obs, m) : of both in
    this order. Sums of ``weights`` (unit, m) and ``counts`` (unit,) over treated units give the weights of the
    coefficients in the ATT and their divisor. With leads the rows of a unit before the onset count against it, as in
    ``estimands.att``.
    """

    nuisance: Terms
    space: Hyperparameters
    path: tuple[Block, ...]
    per_unit: tuple[Block, ...]
    columns: Array
    weights: Array
    counts: Array

    @classmethod
    def of(cls, design: Design, card: ModelCard, onset: int) -> AssignmentColumns:
        """Of every unit of ``design``, were it treated from ``onset`` on."""
        everyone = treated_from(design, np.ones(design.sizes["unit"], dtype=bool), onset)
        terms = build_terms(everyone, card)
        effects, others = (
            [tuple(b for b in level if (b.name in EFFECT_BLOCKS) is wanted) for level in (terms.per_unit, terms.shared)]
            for wanted in (True, False)
        )
        per_unit, path = effects
        nuisance = dataclasses.replace(terms, per_unit=others[0], shared=others[1])
        columns = np.hstack([block.columns for block in (*path, *per_unit)])
        space = hyperparameters(terms, card)
        return cls(nuisance, space, path, per_unit, columns, *_att_sums(everyone, card, columns))


def covers(card: ModelCard) -> bool:
    """Whether the engines for many posteriors cover the card: normal, linear, one error scale, no kappa to learn."""
    learned = card.contamination is not None and card.contamination.share is None
    return card.is_marginal and card.errors.scale == "common" and not learned


def treated_from(design: Design, ever: Mask, onset: int) -> Design:
    """The rows of a design with the units ``ever`` (unit,) treated from ``onset`` on, whoever is treated in it."""
    first = np.where(ever, float(onset), np.nan)
    event_time = design["period"].to_numpy()[design["period_ix"].to_numpy()] - first[design["unit_ix"].to_numpy()]
    return design.assign(
        event_time=("obs", event_time), treated=("obs", event_time >= 0), first_treated=("unit", first)
    )


def shares_columns(design: Design, card: ModelCard, onset: int) -> bool:
    """Whether ``assignments`` covers the card on the rows of the design."""
    if not covers(card) or card.modifiers or card.contamination is not None or card.effects.period != "fixed":
        return False
    # Who shares shocks or a drift, or has no row, changes with the assignment.
    if card.shocks.process != "none" or card.effects.trend == "group_random_walk" or card.effects.anticipation:
        return False
    period = design["period"].to_numpy()[design["period_ix"].to_numpy()]
    counted = np.ones(period.size, dtype=bool) if card.effects.leads else period >= onset
    unit_rows = np.bincount(design["unit_ix"].to_numpy()[counted], minlength=design.sizes["unit"])
    return bool((unit_rows == np.unique(period[counted]).size).all())


def refuse_what_is_not_covered(design: Design, card: ModelCard, groups: Mask, onset: int) -> None:
    """``InputError`` for a card, rows or groups that are none of ``att_of_assignments``."""
    if not shares_columns(design, card, onset):
        raise InputError(f'the assignments of the card "{card.name}" do not share their columns: fit them one by one')
    sizes, n_units = groups.sum(axis=1), design.sizes["unit"]
    if groups.shape != (len(groups), n_units) or not len(groups) or not sizes.all():
        raise InputError(f"groups among {n_units} units are needed, not {groups.shape}")
    if np.ptp(sizes) and not are_equal(design, card):
        raise InputError(f"groups of one size are needed, not of {sizes.min()} to {sizes.max()} units")


def are_equal(design: Design, card: ModelCard) -> bool:
    """Whether every unit of the design has every period, and the card no column that differs by unit."""
    balanced = design.sizes["obs"] == design.sizes["unit"] * design.sizes["period"]
    return balanced and not card.covariates and WEIGHT not in design


def _att_sums(everyone: Design, card: ModelCard, effects: Array) -> tuple[Array, Array]:
    unit_ix, treated = everyone["unit_ix"].to_numpy(), everyone["treated"].to_numpy()
    n_units = everyone.sizes["unit"]
    counts = np.bincount(unit_ix[treated], minlength=n_units).astype(float)
    row = treated.astype(float)
    if card.effects.leads:
        before = np.maximum(np.bincount(unit_ix[~treated], minlength=n_units), 1)
        row = np.where(treated, 1.0, -(counts / before)[unit_ix])
    weighted = effects * row[:, None]
    return np.stack([weighted[unit_ix == unit].sum(axis=0) for unit in range(n_units)]), counts
