"""Would another group of the same units have shown an effect, too? Placebos in space among the units of the study.

Two nulls, and they are not the same question:

    any unit        every way to choose as many units as are treated (126 of nine). Were the policy given at random,
                    the share of groups with an estimate at least as large is an exact p-value. But fake groups hold
                    treated units, and controls then hold the others: an effect widens this null.
    controls only   the controls alone, every way to split them (of more than ten controls about a thousand, as many of
                    each size). No treated unit is near, but there are few groups.

On a balanced panel the average of all 126 least-squares estimates is zero whatever the data: each unit is treated
equally often. That "the placebo estimates centre on zero" (Figure 4 of the paper) is arithmetic, no evidence.

Source: Fisher (1935); Conley & Taber (2011), doi:10.1162/REST_a_00049; Akyeva (2026), section 4 (3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.checks.placebo_null import Null, Placebo, count_excluding_zero, effects_of, share_as_large
from bri_bayes.checks.refits import Refit, observed_effect
from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import Result
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import Design
from bri_bayes.frequentist.resampling import TIE, permutation
from bri_bayes.inference.assignment_columns import are_equal, shares_columns, treated_from
from bri_bayes.inference.assignments import att_of_assignments

# All assignments up to this number, otherwise as many at random; and of the splits of controls, all sizes together.
MOST, MOST_SPLITS = 1000, 1024
# The paper's number of random groups (Figure 4).
PAPER_DRAWS = 500


@dataclass(frozen=True)
class RandomDraws(Result):
    """Groups drawn with repetition, by their number; ``as_large`` : share of draws with such an estimate."""

    drawn: Sequence[int]
    distinct: int
    observed_drawn: int
    mean: float
    as_large: float


@dataclass(frozen=True)
class AnyUnit(Null):
    """The null of any unit. ``exact`` : all groups are there; ``mean_twfe`` : zero on a balanced panel."""

    p_value: float
    p_value_studentised: float
    p_value_twfe: float
    twfe: float
    exact: bool
    mean_twfe: float
    balanced: bool
    paper_figure: RandomDraws


@dataclass(frozen=True)
class GroupsOfSize(Result):
    """The share among the groups of one size."""

    size: int
    n: int
    p_value: float | None


@dataclass(frozen=True)
class ControlsOnly(Null):
    """The null of the controls alone, also by the size of the fake group."""

    by_size: Sequence[GroupsOfSize]


def space_recipes(analysis: Analysis, seed: int) -> dict[str, Analysis]:
    """Every assignment as a recipe, the observed one first: for cards that only refits one by one can answer."""
    recipes = {}
    for label, first in _assignments(analysis.design, seed)[0].items():
        named = zip(analysis.design["unit"].values, first, strict=True)
        onsets = {str(unit): None if np.isnan(onset) else int(onset) for unit, onset in named}
        recipes[label] = analysis.replace(assignment=Assignment(onsets))
    return recipes


def is_shared(analysis: Analysis) -> bool:
    """Whether one engine answers all assignments: one onset, and a card and rows that it covers."""
    onsets = analysis.assignment.onsets
    return len(onsets) == 1 and shares_columns(analysis.design, analysis.card, onsets[0])


def any_unit(
    analysis: Analysis, refits: Mapping[str, Refit] | None = None, *, points: int = 2000, seed: int = 0
) -> AnyUnit:
    """The null of any unit: with the shared engine, or from the ``refits`` of ``space_recipes``."""
    design = analysis.design
    assignments, twfe, exact = _assignments(design, seed)
    if refits is None:
        groups = np.isfinite(np.stack(list(assignments.values())))
        answers = att_of_assignments(
            design, analysis.card, groups, analysis.assignment.onsets[0], points=points, seed=seed
        )
        effects, khat = effects_of(answers), float(answers["khat"].max())
        effects[0] = observed_effect(analysis, seed)
    else:
        effects = [refits[label].att for label in assignments]
        khat = max((refits[label].khat or 0.0 for label in assignments), default=0.0)
    rows = [
        Placebo(label, effect, float(estimate), observed=position == 0)
        for position, (label, effect, estimate) in enumerate(zip(assignments, effects, twfe, strict=True))
    ]
    return AnyUnit(
        observed=effects[0],
        placebos=rows,
        p_value=exact_share([effect.mean for effect in effects]),
        n=len(rows),
        khat=khat,
        excluding_zero=count_excluding_zero(effects[1:]),
        p_value_studentised=exact_share([effect.mean / effect.sd for effect in effects]),
        p_value_twfe=exact_share(twfe.tolist()),
        twfe=float(twfe[0]),
        exact=exact,
        mean_twfe=float(np.mean(twfe)),
        balanced=bool(design.sizes["obs"] == design.sizes["unit"] * design.sizes["period"]),
        paper_figure=_random_draws(twfe, seed),
    )


def controls_only(analysis: Analysis, *, points: int = 2000, seed: int = 0) -> ControlsOnly:
    """The splits of the controls alone: the same card, the same onset, fake groups of one unit up to all but one.

    The real ATT is no member of this null: the shares are (1 + larger) / (1 + groups).
    """
    controls = analysis.assignment.never_treated
    if len(controls) < 2 or len(analysis.assignment.onsets) > 1:
        raise InputError("a placebo among the controls needs two controls or more and one onset")
    onset = analysis.assignment.onsets[0]
    observed = observed_effect(analysis, seed)
    some = Assignment({unit: onset if position == 0 else None for position, unit in enumerate(controls)})
    design = analysis.replace(assignment=some).design
    most = MOST if 2 ** len(controls) <= MOST_SPLITS else MOST_SPLITS // (len(controls) - 1) + 1
    splits = {}
    for size in range(1, len(controls)):
        ever = np.isin(design["unit"].values, controls[:size])
        splits[size] = _assignments(treated_from(design, ever, onset), seed, most)
    groups = [np.isfinite(np.stack(list(assignments.values()))) for assignments, _, _ in splits.values()]
    together = [np.concatenate(groups)] if are_equal(design, analysis.card) else groups
    answers = [
        att_of_assignments(design, analysis.card, chosen, onset, points=points, seed=seed) for chosen in together
    ]
    effects = iter([effect for answer in answers for effect in effects_of(answer)])
    rows = [
        Placebo(label, next(effects), float(estimate), size=size)
        for size, (assignments, twfe, _) in splits.items()
        for label, estimate in zip(assignments, twfe, strict=True)
    ]
    by_size = []
    for size in splits:
        means = [row.att.mean for row in rows if row.size == size]
        by_size.append(GroupsOfSize(size, len(means), share_as_large(observed.mean, means)))
    return ControlsOnly(
        observed=observed,
        placebos=rows,
        p_value=share_as_large(observed.mean, [row.att.mean for row in rows]),
        n=len(rows),
        khat=max(float(answer["khat"].max()) for answer in answers),
        excluding_zero=count_excluding_zero([row.att for row in rows]),
        by_size=by_size,
    )


def exact_share(estimates: Sequence[float]) -> float:
    """The share of assignments with an estimate as large as the first, itself counted, equality up to rounding."""
    sizes = np.abs(np.asarray(estimates, dtype=float))
    return float((sizes >= sizes[0] - TIE * sizes.max()).mean())


def label_of(units: Sequence[str]) -> str:
    """A group by its units."""
    return ",".join(units)


def _assignments(design: Design, seed: int, most: int = MOST) -> tuple[dict[str, np.ndarray], np.ndarray, bool]:
    """Onsets (unit,) by label, the observed assignment first, the two-way estimate of each identified one, and whether
    these are all that there are."""
    compared = permutation(design, max_assignments=most, draws=most - 1, seed=seed)
    placebos = compared.placebos
    units = [str(unit) for unit in design["unit"].values]
    first = placebos["first_treated"].transpose("assignment", "unit").to_numpy()
    several = np.unique(first[np.isfinite(first)]).size > 1
    estimates = placebos["estimate"].to_numpy()
    first_by_label: dict[str, np.ndarray] = {}
    kept = []
    for row, estimate in zip(first, estimates, strict=True):
        treated = [i for i in range(len(units)) if np.isfinite(row[i])]
        label = label_of([f"{units[i]} {int(row[i])}" if several else units[i] for i in treated])
        if np.isfinite(estimate) and label not in first_by_label:
            first_by_label[label] = row
            kept.append(estimate)
    return first_by_label, np.array(kept), compared.exact


def _random_draws(twfe: np.ndarray, seed: int) -> RandomDraws:
    """Figure 4 of the paper as it was made: 500 of the groups at random."""
    drawn = np.random.default_rng([seed, 5]).integers(twfe.size, size=PAPER_DRAWS)
    estimates = twfe[drawn]
    return RandomDraws(
        drawn=drawn.tolist(),
        distinct=int(np.unique(drawn).size),
        observed_drawn=int((drawn == 0).sum()),
        mean=float(estimates.mean()),
        as_large=float((np.abs(estimates) >= abs(twfe[0])).mean()),
    )
