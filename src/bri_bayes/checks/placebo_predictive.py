"""How often would a world without the policy give this estimate? Placebos from the posterior predictive.

Panels without an effect are simulated from the posterior (``null_model``), the whole estimator answers each of them,
and the observed estimate has a place among the answers. Unlike a permutation it needs no second group of units, and it
carries the persistence, the spread and the starting point of this very panel; unlike an interval it does not ask
whether its own model is right about the effect.

Source: Rubin (1984), Annals of Statistics 12(4), doi:10.1214/aos/1176346785; Dawid (1984), JRSS A 147(2),
doi:10.2307/2981683.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from bri_bayes.checks.null_model import Draws, forecasts, posterior_draws, replicas
from bri_bayes.checks.placebo_null import Null, Placebo, count_excluding_zero, effects_of, share_as_large
from bri_bayes.checks.posterior_predictive import PredictiveChecks
from bri_bayes.checks.refits import observed_effect
from bri_bayes.core.effect import Effect
from bri_bayes.design.analysis import Analysis
from bri_bayes.inference.batch import OUTCOME, att_of_many


@dataclass(frozen=True)
class SimulatedNull(Null):
    """The real effect among those of simulated panels, whose effects have this mean and sd."""

    mean: float
    sd: float


@dataclass(frozen=True)
class Predictive(SimulatedNull):
    """Of the forecasts, and under ``whole_panel`` of the replicas; ``model_checks`` : where they were asked for."""

    whole_panel: SimulatedNull
    model_checks: PredictiveChecks | None = None


def predictive_values(
    analysis: Analysis, *, panels: int, points: int = 4000, seed: int = 0, draws: Draws | None = None
) -> Predictive:
    """Forecasts from the years before the policy, and replicas of all years with the effect removed.

    ``draws`` : as many of the posterior, where they are known. Both kinds of panels share ``points``.
    """
    known = draws or posterior_draws(analysis.design, analysis.card, panels, seed)
    outcomes = np.vstack([forecasts(analysis, panels, seed), replicas(known, seed, effects=False)])
    both = np.vstack([analysis.design["y"].to_numpy()[None, :], outcomes])
    answers = att_of_many(analysis.design, analysis.card, both, points=points, seed=seed).isel(
        {OUTCOME: slice(1, None)}
    )
    observed = observed_effect(analysis, seed)
    early, whole = (_placed(observed, answers.isel({OUTCOME: some})) for some in (slice(panels), slice(panels, None)))
    return Predictive(**vars(early), whole_panel=whole)


def _placed(observed: Effect, answers: xr.Dataset) -> SimulatedNull:
    effects = effects_of(answers)
    means = np.array([effect.mean for effect in effects])
    return SimulatedNull(
        observed=observed,
        placebos=[Placebo(str(number), effect) for number, effect in enumerate(effects, start=1)],
        p_value=share_as_large(observed.mean, means.tolist()),
        n=len(effects),
        khat=float(answers["khat"].max()),
        excluding_zero=count_excluding_zero(effects),
        mean=float(means.mean()),
        sd=float(means.std(ddof=1)),
    )
