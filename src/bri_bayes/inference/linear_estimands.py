"""Which linear function of the coefficients is asked for? The weight of each coefficient, on the standardised scale."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import COVARIATE
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import Terms
from bri_bayes.study.model_card import ModelCard

EFFECT_BLOCKS = ("path", "own_path", "unit_deviation", "modifier_effect", "modifier_deviation")
# Weights of own (unit, q) and of shared (p,) coefficients.
Functional = Callable[[Design, ModelCard, Terms], tuple[Array, Array]]


def att_functional(design: Design, card: ModelCard, terms: Terms) -> tuple[Array, Array]:
    """The weights of own (unit, q) and of shared (p,) coefficients in ``estimands.att``, on the standardised scale.

    Each treated row counts one over their number; with leads the rows of its unit before the onset count against it.
    """
    unit_ix, treated = terms.unit_ix, design["treated"].to_numpy()
    row = treated / treated.sum()
    if card.effects.leads:
        before = np.isfinite(design["event_time"].to_numpy()) & ~treated
        n_before = np.maximum(np.bincount(unit_ix[before], minlength=design.sizes["unit"]), 1)
        row = row - before * (np.bincount(unit_ix, weights=row) / n_before)[unit_ix]
    own, shared = (
        np.hstack([block.columns * float(block.name in EFFECT_BLOCKS) for block in blocks]) * row[:, None]
        for blocks in (terms.own, terms.shared)
    )
    starts = np.searchsorted(unit_ix, np.arange(design.sizes["unit"]))
    return np.add.reduceat(own, starts, axis=0), shared.sum(axis=0)


def coefficient_functional(covariate: str, design: Design, card: ModelCard, terms: Terms) -> tuple[Array, Array]:
    """The weights of own (unit, q) and of shared (p,) coefficients in the coefficient of ``covariate``."""
    own = np.zeros((design.sizes["unit"], sum(block.columns.shape[1] for block in terms.own)))
    at = list(card.covariates).index(covariate)
    scale = float(design["x_scale"].sel({COVARIATE: covariate}))
    shared = [
        (np.arange(block.columns.shape[1]) == at) / scale if block.name == "beta" else np.zeros(block.columns.shape[1])
        for block in terms.shared
    ]
    return own, np.concatenate(shared)
