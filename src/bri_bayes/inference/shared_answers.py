"""What is the posterior of the ATT in many related problems of one outcome, from points that they share?

The problems (other treated units, another onset) differ in the effect columns. Common points are placed by some of
them; those that the points miss get common points of their own kind, and what is missed even so the points that the
ordinary engine places for one of them.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array, Index, Mask
from bri_bayes.core.effect import PROB
from bri_bayes.design.design import Design
from bri_bayes.inference.collapsed import Space
from bri_bayes.inference.importance import sample_by_importance
from bri_bayes.inference.mixture import NormalMixtures
from bri_bayes.inference.mode import LogDensity, modes_in_turn
from bri_bayes.inference.shared_proposals import (
    LEAST_ESS,
    SUMMARY,
    covering_points,
    is_covered,
    shared_summaries,
    spread_over,
    summarised,
    weigh,
)
from bri_bayes.study.model_card import ModelCard

# Problems whose modes place the first points, and problems whose posteriors place the rest.
_PILOTS, _PLACED_BY = 4, 60


class Model[G: (Index, Mask)](Protocol):
    """A card on the rows of a design, for any of the problems."""

    @property
    def space(self) -> Space:
        """The hyperparameters."""

    def evaluate(self, vectors: Array, problems: G, /) -> tuple[Array, Array, Array]:
        """log p(y, h_j | problem i), mean and sd of the ATT given h_j, all (problem, point)."""


def answered_together[G: (Index, Mask)](
    model: Model[G],
    problems: G,
    dim: str,
    design: Design,
    card: ModelCard,
    points: int,
    seed: int,
    least_ess: float = LEAST_ESS,
) -> xr.Dataset:
    """The variables of ``batch.att_of_many`` along ``dim``, one problem an element of ``problems``.

    Common ``points`` carry a problem if they leave it an effective number of ``least_ess`` or more.
    """
    rng = np.random.default_rng(seed)
    summaries, alone = shared_summaries(
        lambda which: _together(model, problems[which], points, rng), len(problems), least_ess
    )
    missed = np.flatnonzero(alone)
    while missed.size:
        answers = _around_the_first(model, problems[missed], card.sampler.proposals, rng)
        served = is_covered(answers, least_ess)
        served[0] = True
        summaries[:, missed[served]] = answers[:, served]
        missed = missed[~served]
    summaries[: SUMMARY.index("p_positive")] *= design.attrs["y_scale"]
    variables = {name: (dim, values) for name, values in zip(SUMMARY, summaries, strict=True)}
    return xr.Dataset({**variables, "alone": (dim, alone)}, attrs={"prob": PROB, "points": points})


def _density[G: (Index, Mask)](model: Model[G], problem: G) -> LogDensity:
    """The log density of the hyperparameters of one problem."""
    return lambda vectors: model.evaluate(vectors, problem)[0][0]


def _together[G: (Index, Mask)](model: Model[G], problems: G, points: int, rng: np.random.Generator) -> Array:
    """Summaries (7, problem) from common points, placed by some of the problems."""
    every = np.arange(len(problems))
    pilots = (_density(model, problems[[i]]) for i in spread_over(every, _PILOTS))
    modes = modes_in_turn(pilots, model.space.start())
    some = problems[spread_over(every, _PLACED_BY)]
    vectors, log_proposal = covering_points(modes, lambda at: model.evaluate(at, some)[0], points, rng)
    log_density, means, sds = model.evaluate(vectors, problems)
    weights, khat = weigh(log_density, log_proposal)
    return summarised(NormalMixtures(weights, means, sds), khat)


def _around_the_first[G: (Index, Mask)](
    model: Model[G], problems: G, proposals: int, rng: np.random.Generator
) -> Array:
    """Summaries (7, problem) from the points that the ordinary engine places for the first problem.

    Most of the work of a point does not depend on the problem, so the others are weighed at the same points: those that
    lie near the first need none of their own.
    """
    first = problems[:1]
    points = sample_by_importance(lambda at: model.evaluate(at, first)[0][0], model.space.start(), proposals, rng)
    log_density, means, sds = model.evaluate(points.vectors, problems)
    usable = np.isfinite(points.log_ratios)
    log_proposal = np.where(usable, log_density[0] - np.where(usable, points.log_ratios, 0.0), np.inf)
    weights, khat = weigh(log_density, log_proposal)
    weights[0], khat[0] = points.weights, points.khat
    return summarised(NormalMixtures(weights, means, sds), khat)
