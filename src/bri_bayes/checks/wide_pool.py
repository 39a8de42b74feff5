"""What do all units of the file say, when every region has shocks of its own? The wide pool, and what it teaches.

The treated units are one region, and one region says little of how large the shocks of regions are. Others do: with
every unit of the file whose outcome is complete, each region one draw of the shock, the sd of shocks is learned from
all regions, of which the treated one adds what the effect does not fit. Three answers come of it: the effect against
all other units; how much better the outcome is explained with shocks than without (log Bayes factor); and the few
units of the study once more, with what was learned as the prior of their shared shock: a log-normal with the mean and
sd of the posterior of its logarithm. Those units are in the pool, too, so they count twice (decision 25: by how much).

Source of the two-level view: Donald & Lang (2007), doi:10.1162/rest.89.2.221.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import xarray as xr

from bri_bayes.core.effect import Effect, Middle
from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import GROUP, PERIOD, UNIT, ShockProcess
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.group_shocks import RATIO
from bri_bayes.inference.att import att_posterior
from bri_bayes.inference.importance import Weighted
from bri_bayes.inference.wide_pool import WidePosterior, covers_wide, wide_posterior
from bri_bayes.study.model_card import Shocks

# With fewer regions beside the treated one their shocks have hardly an sd.
LEAST_REGIONS = 4


@dataclass(frozen=True)
class Region(Result):
    """A region of the pool: its units, and the mean from the onset on less the mean before, of its average."""

    label: str
    units: int
    treated: bool
    change: float


@dataclass(frozen=True)
class WideFit(Result):
    """The effect in the wide pool under one ``process`` of shocks; ``log_bayes_factor`` : against no shocks.

    ``ratio`` : the sd of a shock's innovation against that of a unit's error; None without shocks.
    """

    process: str
    att: Effect
    log_bayes_factor: float
    ratio: Middle | None
    khat: float


@dataclass(frozen=True)
class Taught(Result):
    """What the wide pool says of the shocks' sd, as a log-normal prior: its ``median`` and ``log_sd``."""

    median: float
    log_sd: float

    @property
    def prior(self) -> tuple[float, float]:
        """As ``priors.shock`` of a card."""
        return self.median, self.log_sd


@dataclass(frozen=True)
class WideAnswer(Result):
    """The wide pool of one outcome; ``fits`` : a process of shocks each, none first.

    ``independent``, ``shared``, ``informed`` : the units of the study alone, with no shocks, with the card's prior of
    their sd, and with the prior that the pool has ``taught``. ``change_sd`` : sd of the changes of the regions that
    were not treated; ``rank`` : of the treated one among all, the largest change first.
    """

    units: int
    periods: int
    regions: Sequence[Region]
    change_sd: float
    rank: int
    fits: Sequence[WideFit]
    taught: Taught
    independent: Effect
    shared: Effect
    informed: Effect
    khat: float


def wide_analysis(analysis: Analysis, pool: xr.Dataset, units: Sequence[str]) -> Analysis:
    """The recipe of the treated units against ``units`` of a pool with groups, on the periods of ``analysis``."""
    treated, onset = analysis.assignment.treated_units, analysis.assignment.onsets[0]
    chosen = sorted({*units, *treated})
    panel = pool.sel({UNIT: chosen, PERIOD: analysis.design[PERIOD].to_numpy()})
    return analysis.replace(
        panel=panel, assignment=Assignment({unit: onset if unit in treated else None for unit in chosen})
    )


def wide_problem(analysis: Analysis, pool: xr.Dataset, units: Sequence[str]) -> str | None:
    """Why there is no wide pool of the ``units`` beside the treated ones; None where there is one."""
    if GROUP not in pool.coords:
        return "the study names no groups: its table [groups] says which units belong together"
    if len(analysis.assignment.onsets) > 1:
        return "the treated units have several onsets"
    card = analysis.card
    if card.covariates or card.modifiers or not card.is_marginal:
        return f'the card "{card.name}" has covariates, or is not normal'
    labels = groups_of(pool)
    treated = {labels[unit] for unit in analysis.assignment.treated_units}
    others = {labels[unit] for unit in units if labels[unit]} - treated
    if len(others) < LEAST_REGIONS:
        return (
            f"the file has {len(others)} groups with complete units beside the treated; at least {LEAST_REGIONS} teach"
        )
    return None


def groups_of(pool: xr.Dataset) -> dict[str, str]:
    """Unit -> its group, "" for none."""
    return dict(zip(pool[UNIT].to_numpy().astype(str), pool[GROUP].to_numpy().astype(str), strict=True))


def wide_answer(analysis: Analysis, pool: xr.Dataset, units: Sequence[str], *, seed: int = 0) -> WideAnswer:
    """The wide pool of ``analysis``, whose card has shocks, and its own units with what the pool has taught."""
    if (reason := wide_problem(analysis, pool, units)) is not None:
        raise InputError(reason)
    wide = wide_analysis(analysis, pool, units)
    posteriors = {process: pool_posterior(_with_shocks(wide, process), seed) for process in get_args(ShockProcess)}
    nothing, of_card = posteriors["none"], posteriors[analysis.card.shocks.process]
    fits = [
        WideFit(
            process,
            posterior.effect,
            posterior.log_marginal - nothing.log_marginal,
            posterior.middle(RATIO) if process != "none" else None,
            posterior.points.khat,
        )
        for process, posterior in posteriors.items()
    ]
    taught = Taught(*of_card.log_normal(RATIO))
    priors = dataclasses.replace(analysis.card.priors, shock=taught.prior)
    cards = {
        "independent": dataclasses.replace(analysis.card, shocks=Shocks("none")),
        "shared": analysis.card,
        "informed": dataclasses.replace(analysis.card, priors=priors),
    }
    narrow = {name: att_posterior(analysis.design, card, seed) for name, card in cards.items()}
    regions = region_changes(wide)
    changes = [region.change for region in regions]
    real = next(region.change for region in regions if region.treated)
    return WideAnswer(
        units=wide.design.sizes[UNIT],
        periods=wide.design.sizes[PERIOD],
        regions=regions,
        change_sd=float(np.std([region.change for region in regions if not region.treated], ddof=1)),
        rank=1 + sum(change > real for change in changes),
        fits=fits,
        taught=taught,
        **{name: posterior.effect for name, posterior in narrow.items()},
        khat=max([*(fit.khat for fit in fits), *(posterior.points.khat for posterior in narrow.values())]),
    )


def region_changes(wide: Analysis) -> list[Region]:
    """The regions of a pool, the largest change first."""
    outcome, onset = str(wide.card.outcome), wide.assignment.onsets[0]
    y = wide.panel[outcome].transpose(UNIT, PERIOD).to_numpy()
    after = wide.panel[PERIOD].to_numpy() >= onset
    change = y[:, after].mean(axis=1) - y[:, ~after].mean(axis=1)
    labels = wide.panel[GROUP].to_numpy().astype(str)
    ever = np.isin(wide.panel[UNIT].to_numpy().astype(str), wide.assignment.treated_units)
    regions = [
        Region(str(label), int((labels == label).sum()), bool(ever[labels == label].any()), float(mean))
        for label in np.unique(labels[labels != ""])
        if np.isfinite(mean := change[labels == label].mean())
    ]
    return sorted(regions, key=lambda region: -region.change)


def pool_posterior(
    wide: Analysis, seed: int, *, proposals: int | None = None, near: Weighted | None = None
) -> WidePosterior:
    """By the averages of regions where they are all that the card sees, else by the general closed form.

    ``near`` : hyperparameters of the card on other units, which place the points as far as that does.
    """
    design, card = wide.design, wide.card
    if proposals is not None:
        card = dataclasses.replace(card, sampler=dataclasses.replace(card.sampler, proposals=proposals))
    if covers_wide(design, card):
        return wide_posterior(design, card, seed, near)
    general = att_posterior(design, card, seed, near)
    return WidePosterior(general.points, general.hyper(), general.mixture)


def _with_shocks(wide: Analysis, process: ShockProcess) -> Analysis:
    return wide.replace(card=dataclasses.replace(wide.card, shocks=Shocks(process)))
