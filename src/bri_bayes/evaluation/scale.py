"""What does a question of every partner and product cost? A simulated world, and the refits of one of its pieces.

196 partners x 260 products x five onsets x four control sets are 1,019,200 refits. A piece is one product, onset and
control set: each partner in turn is the treated unit of a panel with eight controls, by the card `did`. All its panels
have one design, so hyperparameters are drawn and factorised once a piece (``inference.batch``).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.json_values import Result
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.design import build_design
from bri_bayes.inference.batch import att_of_many
from bri_bayes.study.model_card import load_card

PARTNERS, PRODUCTS, ONSETS, CONTROL_SETS, CONTROLS = 196, 260, (2011, 2012, 2013, 2014, 2015), 4, 8
YEARS = range(2003, 2021)
PIECES = PRODUCTS * len(ONSETS) * CONTROL_SETS
REFITS = PARTNERS * PIECES
# Common points of a piece; an outcome that they do not cover gets its own.
_POINTS = 1000


@dataclass(frozen=True)
class Refitted(Result):
    """``mean`` and ``sd`` of the effect by partner; ``alone`` : how many needed points of their own."""

    mean: tuple[float, ...]
    sd: tuple[float, ...]
    alone: int


def simulated_flows(product: int) -> Array:
    """Logarithms of the flows of a product (PARTNERS, years): SIMULATED, levels, common years, AR(1) errors."""
    rng = np.random.default_rng([1, product])
    size = len(YEARS)
    error = np.empty((PARTNERS, size))
    error[:, 0] = rng.normal(0, 0.3 / np.sqrt(0.75), PARTNERS)
    for year in range(1, size):
        error[:, year] = 0.5 * error[:, year - 1] + rng.normal(0, 0.3, PARTNERS)
    return rng.normal(0, 2, (PARTNERS, 1)) + np.cumsum(rng.normal(0, 0.1, size)) + error


def panels_of_piece(piece: int) -> Array:
    """The panels of a piece : (PARTNERS, (1 + CONTROLS) * years), the treated partner first."""
    product, rest = divmod(piece, len(ONSETS) * CONTROL_SETS)
    flows = simulated_flows(product)
    rows = np.column_stack([np.arange(PARTNERS), _controls(rest % CONTROL_SETS)])
    return np.asarray(flows[rows].reshape(PARTNERS, -1))


def refit_piece(piece: int, panels: Array) -> Refitted:
    """The effect in each panel of a piece."""
    onset = ONSETS[piece % (len(ONSETS) * CONTROL_SETS) // CONTROL_SETS]
    units = [f"U{number}" for number in range(1 + CONTROLS)]
    assignment = Assignment({unit: onset if number == 0 else None for number, unit in enumerate(units)})
    panel, _ = simulate_panel(assignment, YEARS, seed=0)
    card = dataclasses.replace(load_card("did"), outcome="y")
    answer = att_of_many(build_design(panel, assignment, card), card, panels, points=_POINTS, seed=piece)
    mean, sd = (tuple(answer[name].to_numpy().tolist()) for name in ("mean", "sd"))
    return Refitted(mean, sd, int(answer["alone"].sum()))


def _controls(number: int) -> Index:
    """Eight other partners for each, in the control set ``number`` : (PARTNERS, CONTROLS)."""
    rng = np.random.default_rng([2, number])
    shifts = rng.choice(np.arange(1, PARTNERS), CONTROLS, replace=False)
    return np.asarray((np.arange(PARTNERS)[:, None] + shifts) % PARTNERS)
