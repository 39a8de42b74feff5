"""Which rows would a unit's effects have, and how would they count in the ATT, if it were treated?"""

from __future__ import annotations

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.design.design import Design
from bri_bayes.study.model_card import ModelCard


def all_treated(design: Design, onset: int) -> Design:
    """The design with every unit treated from ``onset`` on: all columns that an assignment can ask for."""
    period = design["period"].to_numpy()[design["period_ix"].to_numpy()]
    event_time = (period - onset).astype(float)
    first = np.full(design.sizes["unit"], float(onset))
    return design.assign(
        event_time=("obs", event_time), treated=("obs", event_time >= 0), first_treated=("unit", first)
    )


def att_sums(everyone: Design, card: ModelCard, effects: Array) -> tuple[Array, Array]:
    """Sums over the rows of a unit that make up the ATT : (unit, m), and its treated rows (unit,).

    With leads the rows of a unit before the onset count against it, as in ``estimands.att``.
    """
    unit_ix, treated = everyone["unit_ix"].to_numpy(), everyone["treated"].to_numpy()
    n_units = everyone.sizes["unit"]
    counts = np.bincount(unit_ix[treated], minlength=n_units).astype(float)
    row = treated.astype(float)
    if card.effects.leads:
        before = np.maximum(np.bincount(unit_ix[~treated], minlength=n_units), 1)
        row = np.where(treated, 1.0, -(counts / before)[unit_ix])
    weighted = effects * row[:, None]
    return np.stack([weighted[unit_ix == unit].sum(axis=0) for unit in range(n_units)]), counts
