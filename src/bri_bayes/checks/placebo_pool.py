"""Would groups of other units of the file have shown an effect, too? Placebos from the wider pool.

The paper draws 500 groups from a set that has 126. A file with all partners has more, and none of its fake groups
holds a treated unit. Two ways to compare a fake group:

    same shape      as many units as are treated against as many others as there are controls, both at random, on the
                    rows of the real panel, gaps included. The estimate then has the precision of the real one, and its
                    place among the fake ones answers the question. The design does not change, so all groups are
                    outcomes of one design (``inference.batch``).
    all others      the group against every other unit of the pool. Far better controls; the real group is
                    compared with them, too. (``inference.assignments``: the pool is eliminated once.)

Either way the share of fake groups whose 95% interval excludes zero is the false alarm rate of the model on real
trade, and beside it stands that of the usual standard errors. Units of the pool may have policies of their own: the
null is "another group of partners", not "no policy anywhere".

Source: Abadie, Diamond & Hainmueller (2010), JASA 105(490), doi:10.1198/jasa.2009.ap08746; Bertrand, Duflo &
Mullainathan (2004), QJE 119(1), doi:10.1162/003355304772839588, for placebo laws.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bri_bayes.checks.placebo_null import (
    Null,
    Placebo,
    count_excluding_zero,
    effects_of,
    share_as_large,
    share_studentised,
)
from bri_bayes.checks.placebo_space import label_of
from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.effect import Effect
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import Design
from bri_bayes.frequentist.many import TWFE_PERMUTATION, linear_tests
from bri_bayes.frequentist.twfe import fit_twfe
from bri_bayes.inference.assignment_columns import covers, shares_columns
from bri_bayes.inference.assignments import att_of_assignments
from bri_bayes.inference.att import att_posterior
from bri_bayes.inference.batch import att_of_many

# Fewer different groups would be drawn again and again.
LEAST_GROUPS = 500


@dataclass(frozen=True)
class WiderPool(Null):
    """``n_pool`` : units to draw from; ``false_alarms`` : how often each usual test rejects among the fake groups."""

    p_value_studentised: float | None
    twfe: float
    p_value_twfe: float | None
    n_pool: int
    false_alarms: Mapping[str, float] | None = None


def candidates(analysis: Analysis, pool: xr.Dataset, complete_in: Sequence[str]) -> list[str]:
    """Units of the pool, none of them treated, with every period of the design in all outcomes ``complete_in``."""
    periods = analysis.design[PERIOD].to_numpy()
    seen = np.logical_and.reduce(
        [
            np.isfinite(pool[name].sel({PERIOD: periods}).transpose(UNIT, PERIOD).to_numpy()).all(axis=1)
            for name in complete_in
        ]
    )
    treated = set(analysis.assignment.treated_units)
    return [str(unit) for unit in pool[UNIT].to_numpy()[seen] if str(unit) not in treated]


def problem(analysis: Analysis, units: Sequence[str]) -> str | None:
    """Why there is no placebo from the pool; None when there is one."""
    assignment = analysis.assignment
    if len(units) <= len(assignment.units):
        return f"the file has {len(units)} units beside the treated with a complete series: no wider pool"
    shapes = math.comb(len(assignment.units), len(assignment.treated_units))
    different = math.comb(len(units), len(assignment.units)) * shapes
    if different < LEAST_GROUPS:
        return f"the other units of the file make only {different} different groups of this shape"
    if len(assignment.onsets) > 1:
        return "the treated units have several onsets"
    if not covers(analysis.card) or analysis.card.covariates or analysis.card.modifiers:
        return f'the card "{analysis.card.name}" has covariates or an error scale for each unit'
    return None


def same_shape(
    analysis: Analysis, pool: xr.Dataset, units: Sequence[str], *, groups: int, points: int = 4000, seed: int = 0
) -> WiderPool:
    """``groups`` random groups on the rows of the real panel: treated and controls both from ``units``."""
    if (reason := problem(analysis, units)) is not None:
        raise InputError(reason)
    design = analysis.design
    drawn = _drawn(len(units), len(analysis.assignment.units), groups, seed)
    # Positions of the design are units by name; the first drawn ones are those that stand for treated units.
    ever = np.isfinite(design["first_treated"].to_numpy())
    places = np.concatenate([np.flatnonzero(ever), np.flatnonzero(~ever)])
    series = pool[str(analysis.card.outcome)].sel({UNIT: list(units), PERIOD: design[PERIOD].to_numpy()})
    stands_for = np.empty((groups, places.size), dtype=np.intp)
    stands_for[:, places] = drawn[:, : places.size]
    table = series.transpose(UNIT, PERIOD).to_numpy()
    outcomes = table[stands_for[:, design["unit_ix"].to_numpy()], design["period_ix"].to_numpy()]
    both = np.vstack([design["y"].to_numpy()[None, :], outcomes])
    many = att_of_many(design, analysis.card, both, points=points, seed=seed)
    observed, effects = att_posterior(design, analysis.card, seed).effect, effects_of(many)[1:]
    twfe = _two_way(design, both)
    n_treated = int(ever.sum())
    rows = [
        Placebo(
            label_of([units[i] for i in chosen[:n_treated]]),
            effect,
            float(estimate),
            controls=label_of([units[i] for i in chosen[n_treated : places.size]]),
        )
        for chosen, effect, estimate in zip(drawn, effects, twfe[1:], strict=True)
    ]
    answers = linear_tests(design, outcomes).answers(0.0)
    rates = {name: float(answer.rejects.mean()) for name, answer in answers.items() if name != TWFE_PERMUTATION}
    return _pool(observed, float(twfe[0]), rows, float(many["khat"].max()), len(units), rates)


def all_others(
    analysis: Analysis, pool: xr.Dataset, units: Sequence[str], *, groups: int, points: int = 2000, seed: int = 0
) -> WiderPool:
    """``groups`` random groups of ``units``, each against all others of them; and the real group against all."""
    if (reason := problem(analysis, units)) is not None:
        raise InputError(reason)
    assignment = analysis.assignment
    onset, n_treated = assignment.onsets[0], len(assignment.treated_units)
    drawn = _drawn(len(units), n_treated, groups, seed)
    fake = analysis.replace(panel=pool, assignment=_treated(units, units[:n_treated], onset))
    treated = assignment.treated_units
    real = analysis.replace(panel=pool, assignment=_treated([*treated, *units], treated, onset))
    if not (shares_columns(fake.design, fake.card, onset) and shares_columns(real.design, real.card, onset)):
        raise InputError(f'the card "{analysis.card.name}" does not share its columns over the pool')
    chosen = np.zeros((groups, len(units)), dtype=bool)
    position = {str(unit): i for i, unit in enumerate(fake.design[UNIT].values)}
    at = np.array([position[unit] for unit in units])
    np.put_along_axis(chosen, at[drawn], values=True, axis=1)
    many = att_of_assignments(fake.design, fake.card, chosen, onset, points=points, seed=seed)
    ever = np.isfinite(real.design["first_treated"].to_numpy())[None, :]
    observed = effects_of(att_of_assignments(real.design, real.card, ever, onset, points=points, seed=seed))[0]
    changes = _changes(fake.design, onset)
    twfe = [float(changes[group].mean() - changes[~group].mean()) for group in chosen]
    rows = [
        Placebo(label_of([units[i] for i in group]), effect, estimate)
        for group, effect, estimate in zip(drawn, effects_of(many), twfe, strict=True)
    ]
    return _pool(observed, fit_twfe(real.design).estimate, rows, float(many["khat"].max()), len(units))


def _drawn(n_units: int, size: int, groups: int, seed: int) -> Index:
    """Random groups without repetition of a unit : (group, size)."""
    rng = np.random.default_rng([seed, 6])
    return np.argsort(rng.random((groups, n_units)), axis=1)[:, :size]


def _treated(units: Sequence[str], treated: Sequence[str], onset: int) -> Assignment:
    return Assignment({unit: onset if unit in treated else None for unit in units})


def _two_way(design: Design, outcomes: Array) -> Array:
    """The two-way estimate of each outcome : (outcome,)."""
    fit = fit_twfe(design)
    treated = fit.least_squares.absorber.residuals(fit.least_squares.X[:, :1])[:, 0]
    return np.asarray(outcomes @ treated / (treated @ treated))


def _changes(design: Design, onset: int) -> Array:
    """Mean from the onset on less mean before : (unit,); on a balanced panel differences are two-way estimates."""
    after = design[PERIOD].to_numpy()[design["period_ix"].to_numpy()] >= onset
    unit_ix, y = design["unit_ix"].to_numpy(), design["y"].to_numpy()
    means = [np.bincount(unit_ix[rows], weights=y[rows]) / np.bincount(unit_ix[rows]) for rows in (after, ~after)]
    return np.asarray(means[0] - means[1])


def _pool(
    observed: Effect,
    twfe: float,
    rows: Sequence[Placebo],
    khat: float,
    n_pool: int,
    false_alarms: Mapping[str, float] | None = None,
) -> WiderPool:
    effects = [row.att for row in rows]
    return WiderPool(
        observed=observed,
        placebos=rows,
        p_value=share_as_large(observed.mean, [effect.mean for effect in effects]),
        n=len(rows),
        khat=khat,
        excluding_zero=count_excluding_zero(effects),
        p_value_studentised=share_studentised(observed, effects),
        twfe=twfe,
        p_value_twfe=share_as_large(twfe, [row.twfe for row in rows if row.twfe is not None]),
        n_pool=n_pool,
        false_alarms=false_alarms,
    )
