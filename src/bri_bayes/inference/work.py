"""How long will the closed form take, and how much memory? From the sizes alone, before anything is computed.

At each point of the importance sample, with n rows, N units, T periods, and for every unit q own columns, then g of
groups, p shared ones and c = q + g + p + 1 of them together:

    dense errors (noise)   n T c + n c^2 + patterns T^3 multiplications     whitened rows and their cross-products
    elimination            N q c^2 + M g (g + p)^2 + p^3 / 3                 the levels of ``collapsed``
    F linear functionals   F (N q c + (g + p)^2)                             the effect of each unit, event time, cell

The rates were measured on one core; they are right within a factor of two, which is enough to tell minutes from hours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import OBS, PERIOD, UNIT
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import event_times
from bri_bayes.inference.marginal import is_feasible
from bri_bayes.study.model_card import ModelCard

# Multiplications a second in products of matrices, and seconds for each element that is read, written and rearranged.
_RATE, _TOUCH = 1.2e10, 1.5e-8
# Searching the mode and placing the proposals, in points beside the proposals.
_SEARCH = 600
# Copies of the draws of effects, and of the columns of the model, while an answer is assembled.
_COPIES_OF_DRAWS, _COPIES_OF_COLUMNS = 3, 4
# What Python and its packages take.
_BASE_BYTES = 3.5e8
# An answer of one command that takes more than this is refused.
MOST_SECONDS, MOST_BYTES = 120.0, 2.5e9


@dataclass(frozen=True)
class Work:
    """Seconds on one idle core, and bytes at the peak."""

    seconds: float
    n_bytes: float


def expected_work(design: Design, card: ModelCard, *, by_cell: bool = True) -> Work:
    """What a fit of a normal card takes; ``by_cell`` with the effect of each unit and cell, else without them."""
    n, n_units, n_periods = design.sizes[OBS], design.sizes[UNIT], design.sizes[PERIOD]
    treated = design["treated"].to_numpy()
    n_times = len(event_times(design, card))
    n_treated = int(np.isfinite(design["first_treated"].to_numpy()).sum())
    q = 1 + int(card.effects.treatment.startswith("by_unit")) + int(card.effects.trend == "unit_linear")
    g = n_periods if card.shocks.process != "none" else 0
    p = n_times + len(card.covariates) + len(card.modifiers) + n_periods - 1
    c = q + g + p + 1
    points = card.sampler.proposals + _SEARCH
    multiplied, touched = float(n_units * q * c**2 + g * (g + p) ** 2 + p**3 / 3), float(2 * n_units * q * c)
    if card.errors.structure == "ar1_noise":
        multiplied += n * n_periods * c + n * c**2 + n_periods**3
        touched += n * c
    seconds = points * (multiplied / _RATE + touched * _TOUCH)
    n_bytes = _BASE_BYTES + 8.0 * _COPIES_OF_COLUMNS * n * c
    draws = card.sampler.chains * card.sampler.draws
    n_bytes += 8.0 * _COPIES_OF_DRAWS * draws * (n_treated * n_times + n_units * q + g + p)
    functionals = 1 + n_times + (n_treated + int(treated.sum()) if by_cell else 0)
    work = functionals * (n_units * q * c + (g + p) ** 2) / _RATE + functionals * (n_units * q + g + p) * _TOUCH
    seconds += points * work
    return Work(seconds, n_bytes)


def details_fit(design: Design, card: ModelCard) -> bool:
    """Whether the effects of single units and cells can be had beside those of the panel.

    Refuses, in a sentence that says what is possible, a fit that would take many minutes or gigabytes even without.
    """
    if not is_feasible(design, card) or _allowed(expected_work(design, card)):
        return True
    work = expected_work(design, card, by_cell=False)
    if _allowed(work):
        return False
    n_units, n_periods = design.sizes[UNIT], design.sizes[PERIOD]
    if n_periods > n_units:
        route = "shorten the panel with --periods, or average its periods into coarser ones (days into months)"
    else:
        route = "name fewer units with --controls, or average units into regions"
    raise InputError(
        f'{n_units:,} units in {n_periods:,} periods with the card "{card.name}" would take about '
        f"{work.seconds / 60:,.0f} minutes and {work.n_bytes / 1e9:,.1f} GB; at most {MOST_SECONDS / 60:.0f} minutes "
        f"and {MOST_BYTES / 1e9:.1f} GB are allowed: {route}; --model did (errors without noise, units "
        "independent) takes a small part of this"
    )


def _allowed(work: Work) -> bool:
    return work.seconds <= MOST_SECONDS and work.n_bytes <= MOST_BYTES
