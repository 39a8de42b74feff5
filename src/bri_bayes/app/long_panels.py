"""What becomes of a path of hundreds of periods? It is averaged into bins, as wide as asked for or as work needs."""

from __future__ import annotations

import dataclasses

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import PERIOD
from bri_bayes.data.coarser import coarser
from bri_bayes.data.comparable import Comparable
from bri_bayes.design.design import build_design
from bri_bayes.inference.work import cheapest_plan
from bri_bayes.study.model_card import ModelCard

# No panel of fewer periods is made coarser unasked, and none that takes less work than this a card.
FEWEST_PERIODS, _SECONDS = 60, 15.0
# Periods that a panel keeps, whatever its bins.
_LEAST_BINS = 8
# More bins than this are not tried: no card is that quick.
_MOST_BINS = 200


def in_bins(asked: Comparable, card: ModelCard, window: int | None) -> Comparable:
    """The question with its periods averaged into bins of ``window``; None: of as many as keep the work short."""
    n_periods = asked.panel.sizes[PERIOD]
    if window is not None:
        if window < 1 or n_periods // window < _LEAST_BINS // 2:
            raise InputError(
                f"--window is a number of periods from 1 to {max(1, 2 * n_periods // _LEAST_BINS)} in a panel of "
                f"{n_periods}, not {window}"
            )
        return asked if window == 1 else _averaged(asked, window, "as --window asks")
    if n_periods <= FEWEST_PERIODS or not card.is_marginal:
        return asked
    for width in range(1, n_periods // _LEAST_BINS + 1):
        if n_periods > width * _MOST_BINS:
            continue
        some = asked if width == 1 else _averaged(asked, width, "to keep the work short; --window 1 averages none")
        outcome = cheapest_plan(build_design(some.panel, some.assignment, card), card)
        if outcome.work.seconds <= _SECONDS and outcome.work.allowed:
            return some
    return asked


def _averaged(asked: Comparable, width: int, why: str) -> Comparable:
    step = asked.panel[PERIOD].attrs.get("unit", "period")
    panel, assignment = coarser(asked.panel, asked.assignment, width)
    note = (
        f"{asked.panel.sizes[PERIOD]} {step}s are averaged into {panel.sizes[PERIOD]} bins of {width} {step}s, counted "
        f"from the first onset, {why}: effects, and the memory of errors, count in bins."
    )
    return dataclasses.replace(asked, panel=panel, assignment=assignment, notes=(*asked.notes, note))
