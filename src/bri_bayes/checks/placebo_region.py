"""Would another region have shown an effect, too? Each region of the file treated in turn, against units outside it.

The treated units are a region, and neighbours share shocks. So the fair placebo is another region:

    wide     all its units with a complete outcome, at least three, against all units of other regions, under the model
             of the wide pool: every region has shocks of its own
    narrow   as many of its units as are treated, at random, against as many units as there are controls, each of
             another region, in every period, under the card that is shown first

Units that were treated stand aside in both. Groups drawn at random mix units of all regions, whose shocks average
out; so they are the narrower null, and an effect that stands out of them may be a shock of one region.

Source: Conley & Taber (2011), doi:10.1162/REST_a_00049, for a null from groups that were not treated; Donald & Lang
(2007), doi:10.1162/rest.89.2.221, for the region as the unit of inference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bri_bayes.checks.placebo_null import (
    Null,
    Placebo,
    count_excluding_zero,
    share_as_large,
    share_studentised,
)
from bri_bayes.checks.placebo_space import label_of
from bri_bayes.checks.wide_pool import groups_of, pool_posterior, wide_analysis, wide_problem
from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.analysis import Analysis
from bri_bayes.frequentist.many import linear_tests
from bri_bayes.inference.att import att_posterior

LEAST_MEMBERS = 3
# Proposals of a placebo that has points of its own, a first batch.
_PROPOSALS = 256
# Groups of each region that the usual tests see: they cost little.
TESTED = 20


@dataclass(frozen=True)
class NarrowRegions(Null):
    """As many units of a region against as many others as in the study; ``placebos`` name their region in ``group``.

    Each region counts the same in ``p_value``, however many groups were drawn from it; ``regions`` : how many there
    are; ``false_alarms`` : how often each usual test finds an effect among ``tested`` groups, an average over regions.
    """

    regions: int
    tested: int
    false_alarms: Mapping[str, float]


@dataclass(frozen=True)
class RegionalPlacebos(Null):
    """Whole regions against all units outside them, a placebo each; ``least`` : members that a region needs."""

    p_value_studentised: float | None
    region: str
    n_pool: int
    least: int
    narrow: NarrowRegions | None = None


def regional_placebos(
    analysis: Analysis, pool: xr.Dataset, units: Sequence[str], *, draws: int, seed: int = 0
) -> RegionalPlacebos:
    """Every region of ``units`` treated in turn, under the card of ``analysis``, which has shocks.

    ``draws`` : groups of each region for the narrow comparison.
    """
    if (reason := wide_problem(analysis, pool, units)) is not None:
        raise InputError(reason)
    labels = groups_of(pool)
    treated_regions = {labels[unit] for unit in analysis.assignment.treated_units}
    members: dict[str, list[str]] = {}
    for unit in units:
        if labels[unit] and labels[unit] not in treated_regions:
            members.setdefault(labels[unit], []).append(unit)
    real = pool_posterior(wide_analysis(analysis, pool, units), seed)
    onset = analysis.assignment.onsets[0]
    others = sorted(unit for listed in members.values() for unit in listed)
    panel = pool.sel({UNIT: others, PERIOD: analysis.design[PERIOD].to_numpy()})
    rows, khat = [], [real.points.khat]
    for region, listed in sorted(members.items()):
        if len(listed) < LEAST_MEMBERS:
            continue
        treated = Assignment({unit: onset if unit in listed else None for unit in others})
        recipe = analysis.replace(panel=panel, assignment=treated)
        posterior = pool_posterior(recipe, seed, proposals=_PROPOSALS, near=real.points)
        rows.append(Placebo(region, posterior.effect, size=len(listed)))
        khat.append(posterior.points.khat)
    effects = [row.att for row in rows]
    return RegionalPlacebos(
        observed=real.effect,
        placebos=rows,
        p_value=share_as_large(real.effect.mean, [effect.mean for effect in effects]),
        n=len(rows),
        khat=max(khat),
        excluding_zero=count_excluding_zero(effects),
        p_value_studentised=share_studentised(real.effect, effects),
        region=" and ".join(sorted(treated_regions)),
        n_pool=len(others),
        least=LEAST_MEMBERS,
        narrow=_narrow(analysis, pool, members, draws, seed),
    )


def _narrow(
    analysis: Analysis, pool: xr.Dataset, members: Mapping[str, Sequence[str]], draws: int, seed: int
) -> NarrowRegions | None:
    """None where the card has no common columns, or no region has as many units as were treated."""
    n_treated, n_controls = len(analysis.assignment.treated_units), len(analysis.assignment.never_treated)
    large = {region: listed for region, listed in sorted(members.items()) if len(listed) >= n_treated}
    if not large or len(members) <= n_controls:
        return None
    rng = np.random.default_rng([seed, 8])
    regions = [region for _ in range(max(draws, TESTED)) for region in large]
    groups = [_group(members, region, n_treated, n_controls, rng) for region in regions]
    answers = linear_tests(analysis.design, _on_the_rows(analysis, pool, groups)).answers(0.0)
    onset, periods = analysis.assignment.onsets[0], analysis.design[PERIOD].to_numpy()
    observed = att_posterior(analysis.design, analysis.card, seed)
    rows, khat = [], []
    for region, units in list(zip(regions, groups, strict=True))[: draws * len(large)]:
        treated, controls = units[:n_treated], units[n_treated:]
        assignment = Assignment(dict.fromkeys(treated, onset) | dict.fromkeys(controls))
        recipe = analysis.replace(panel=pool.sel({UNIT: sorted(units), PERIOD: periods}), assignment=assignment)
        posterior = pool_posterior(recipe, seed, proposals=_PROPOSALS, near=observed.points)
        rows.append(Placebo(label_of(treated), posterior.effect, controls=label_of(controls), group=region))
        khat.append(posterior.points.khat)
    effects = [row.att for row in rows]
    share = float(np.mean([abs(effect.mean) >= abs(observed.effect.mean) for effect in effects]))
    return NarrowRegions(
        observed=observed.effect,
        placebos=rows,
        p_value=(1 + share * len(large)) / (1 + len(large)),
        n=len(rows),
        khat=max(khat),
        excluding_zero=count_excluding_zero(effects),
        regions=len(large),
        tested=len(groups),
        false_alarms={name: float(answer.rejects.mean()) for name, answer in answers.items()},
    )


def _group(
    members: Mapping[str, Sequence[str]], region: str, n_treated: int, n_controls: int, rng: np.random.Generator
) -> list[str]:
    """Units of ``region``, then as many controls, each of another region."""
    treated = rng.choice(members[region], n_treated, replace=False)
    others = rng.choice([name for name in sorted(members) if name != region], n_controls, replace=False)
    return [*map(str, treated), *(str(rng.choice(members[str(name)])) for name in others)]


def _on_the_rows(analysis: Analysis, pool: xr.Dataset, groups: Sequence[Sequence[str]]) -> Array:
    """The outcome of each group on the rows of the real panel, gaps included : (group, obs)."""
    design = analysis.design
    ever = np.isfinite(design["first_treated"].to_numpy())
    places = np.concatenate([np.flatnonzero(ever), np.flatnonzero(~ever)])
    units = pool[UNIT].to_numpy().astype(str)
    position = {unit: i for i, unit in enumerate(units)}
    stands_for: Index = np.empty((len(groups), places.size), dtype=np.intp)
    stands_for[:, places] = [[position[unit] for unit in group] for group in groups]
    series = pool[str(analysis.card.outcome)].sel({PERIOD: design[PERIOD].to_numpy()}).transpose(UNIT, PERIOD)
    return np.asarray(series.to_numpy()[stands_for[:, design["unit_ix"].to_numpy()], design["period_ix"].to_numpy()])
