"""What must stand beside the answer that is shown first? Whether its model makes such panels, and what it could show.

Panels are drawn from the posterior of the card: with its effects for the predictive checks, and without, an effect of
a known size then added to every treated cell, for the power of the design. Shocks that the treated share are drawn
anew in every panel, so the power is that of one treated group, not of as many units as there are.
Source: Gelman & Carlin (2014), doi:10.1177/1745691614551642.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bri_bayes.checks.null_model import posterior_draws, problem_of, replicas
from bri_bayes.checks.posterior_predictive import NAMES, Placed, predictive_checks
from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import Result
from bri_bayes.core.monte_carlo import share_error
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.group_shocks import RATIO
from bri_bayes.estimands.first_answer import kept_of_shocks, treated_groups, what_separates
from bri_bayes.estimands.why_different import Difference, why_different
from bri_bayes.frequentist.twfe import fit_twfe
from bri_bayes.inference.att import att_posterior
from bri_bayes.inference.batch import att_of_many
from bri_bayes.study.card_text import assumption

# Proposals of a simulated panel that the common points do not cover.
_PROPOSALS = 256
_PLACED = tuple(part.name for part in dataclasses.fields(Placed))


@dataclass(frozen=True)
class FailedCheck(Result):
    """A statistic of the panel that the model does not make: ``p_value`` outside the middle 95% of its panels."""

    statistic: str
    p_value: float


@dataclass(frozen=True)
class CheckedStatistic(Placed):
    """A statistic of the panel among those of panels that the model makes."""

    statistic: str


@dataclass(frozen=True)
class ClaimedPower(Result):
    """How often the 95% interval of the card excludes zero, with an effect of ``effect`` and with none, each with the
    Monte Carlo standard error of a share of so many ``panels``."""

    effect: float
    power: float
    size: float
    panels: int
    power_error: float
    size_error: float


@dataclass(frozen=True)
class FirstScreen(Result):
    """``assumption`` of the card; ``groups`` of the treated units, the independent draws of the policy; ``separates`` :
    what it assumes of them; ``checked`` : predictive checks made, None where none can be, ``checks`` and ``spreads`` :
    their numbers, and those of the spread of each unit; ``difference`` : from least squares to the posterior, where
    they are more than one sd of the latter away from each other."""

    card: str
    assumption: str
    groups: Sequence[str]
    separates: Sequence[str]
    checked: int | None
    failed: Sequence[FailedCheck]
    power: ClaimedPower | None
    difference: Difference | None = None
    checks: Sequence[CheckedStatistic] = ()
    spreads: Mapping[str, Placed] = field(default_factory=dict)


def first_screen(
    analysis: Analysis, claim: float | None, *, panels: int, points: int = 6000, seed: int = 0
) -> FirstScreen:
    """The predictive checks of the card of ``analysis``, and its power for an effect of the size ``claim``.

    ``points`` of the hyperparameters that all simulated panels share: with fewer, more panels need their own.
    """
    card, design = analysis.card, analysis.design
    simulates = problem_of(analysis) is None
    checks = predictive_checks(analysis, panels=max(panels, 500), seed=seed) if simulates else None
    return FirstScreen(
        card=card.name,
        assumption=assumption(card),
        groups=treated_groups(design),
        separates=what_separates(card, design, _kept(analysis, seed) if simulates else None),
        checked=None if checks is None else len(checks.statistics),
        failed=[
            FailedCheck(NAMES[row.statistic], row.p_value)
            for row in (checks.statistics if checks is not None else [])
            if row.extreme
        ],
        power=(
            claimed_power(analysis, claim, panels=panels, points=points, seed=seed)
            if simulates and claim is not None
            else None
        ),
        difference=_difference(analysis, seed),
        checks=[
            CheckedStatistic(**{key: getattr(row, key) for key in _PLACED}, statistic=row.statistic)
            for row in (checks.statistics if checks is not None else [])
        ],
        spreads={} if checks is None else checks.by_unit,
    )


def _difference(analysis: Analysis, seed: int) -> Difference | None:
    """Which assumptions separate least squares from the posterior, where more than one of its sds lies between them."""
    effect = att_posterior(analysis.design, analysis.card, seed).effect
    try:
        least_squares = fit_twfe(analysis.design).estimate
    except InputError:  # the rows do not identify it; the posterior has its prior
        return None
    return why_different(analysis, least_squares, seed) if abs(least_squares - effect.mean) > effect.sd else None


def _kept(analysis: Analysis, seed: int) -> float | None:
    """What the data left of the prior of the size of shared shocks, of the points that the section of priors has."""
    if analysis.card.shocks.process == "none":
        return None
    posterior = att_posterior(analysis.design, analysis.card, seed)
    ratio = posterior.hyper().get(RATIO)
    return None if ratio is None else kept_of_shocks(analysis.card, ratio, posterior.points.weights)


def claimed_power(analysis: Analysis, effect: float, *, panels: int, points: int, seed: int = 0) -> ClaimedPower:
    """The power of the card of ``analysis`` on panels that its own posterior makes."""
    design, card = analysis.design, analysis.card
    nothing = replicas(posterior_draws(design, card, panels, seed), seed, effects=False)
    outcomes = np.vstack([nothing, nothing + effect * design["treated"].to_numpy()])
    few = dataclasses.replace(card, sampler=dataclasses.replace(card.sampler, proposals=_PROPOSALS))
    many = att_of_many(design, few, outcomes, points=points, seed=seed)
    leaves = (many["lower"].to_numpy() > 0) | (many["upper"].to_numpy() < 0)
    power, size = float(leaves[panels:].mean()), float(leaves[:panels].mean())
    return ClaimedPower(effect, power, size, panels, share_error(power, panels), share_error(size, panels))
