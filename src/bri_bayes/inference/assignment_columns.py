"""Which columns may an assignment ask for, and how do they make up the ATT? Every unit is treated, on paper."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from bri_bayes.core.arrays import Array
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
        everyone = _all_treated(design, onset)
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


def _all_treated(design: Design, onset: int) -> Design:
    """The design with every unit treated from ``onset`` on: all columns that an assignment can ask for."""
    period = design["period"].to_numpy()[design["period_ix"].to_numpy()]
    event_time = (period - onset).astype(float)
    first = np.full(design.sizes["unit"], float(onset))
    return design.assign(
        event_time=("obs", event_time), treated=("obs", event_time >= 0), first_treated=("unit", first)
    )


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
