"""Against whom could the treated units be compared? Every non-empty set of controls, and one unit less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bri_bayes.checks.refits import Refit, refit
from bri_bayes.core.json_values import Result
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import Design
from bri_bayes.design.fixed_effects import TwoWay

# With more controls than this their non-empty sets (63 at six) are too many to show, and are left out with a sentence.
MOST_CONTROLS = 6


@dataclass(frozen=True)
class PreTrendFit(Result):
    """``gap`` : root mean square of g, outcome units; ``slope`` : least-squares change of g a period."""

    gap: float | None
    slope: float | None
    periods: int


@dataclass(frozen=True)
class SetFit(Refit):
    """The refit with a set of units."""

    pretrend: PreTrendFit


@dataclass(frozen=True)
class SubsetFit(SetFit):
    """With a set of the controls alone."""

    controls: Sequence[str]


@dataclass(frozen=True)
class LeftOutFit(SetFit):
    """Without one unit. ``role`` : treated or control."""

    without: str
    role: str


@dataclass(frozen=True)
class PoolFit(SetFit):
    """With controls of the wider pool, by a rule."""

    rule: str
    controls: Sequence[str]


@dataclass(frozen=True)
class ShareFit(SetFit):
    """With a fixed share of the effect in the controls; ``density`` : of the share there, where it is known."""

    share: float
    density: float | None = None


def subsets(controls: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Every non-empty set, smallest first, each in the order of ``controls``."""
    return [chosen for size in range(1, len(controls) + 1) for chosen in combinations(controls, size)]


def with_controls(assignment: Assignment, controls: tuple[str, ...]) -> Assignment:
    """The treated units against these controls."""
    return assignment.restrict([*assignment.treated_units, *controls])


def left_out(assignment: Assignment) -> dict[str, Assignment]:
    """The assignment without each unit in turn, where treated units and controls remain."""
    treated, controls = assignment.treated_units, assignment.never_treated
    units = [*(treated if len(treated) > 1 else ()), *(controls if len(controls) > 1 else ())]
    return {unit: assignment.drop([unit]) for unit in units}


def fit_sets(analyses: Mapping[str, Analysis], seed: int, *, variants_of: Analysis) -> dict[str, SetFit]:
    """For each recipe by label its refit, and how parallel its groups were before the onset.

    ``variants_of`` : the recipe that the others are variants of, itself among them or not.
    """
    return {
        label: SetFit(
            **vars(refit(analysis, seed, variant_of=None if analysis.digest == variants_of.digest else variants_of)),
            pretrend=pretrend_fit(analysis.design),
        )
        for label, analysis in analyses.items()
    }


def pretrend_fit(design: Design) -> PreTrendFit:
    """How parallel treated units and controls were before the first onset.

    In the rows before the onset, with unit and period effects and a gap g_t of the treated units in each period,

        y_it = a_i + l_t + E_i g_t + e_it,     mean of g = 0

    All but ``periods`` is None with fewer than two periods in which both groups have rows.
    """
    first = design["first_treated"].to_numpy()
    period = design["period"].to_numpy()[design["period_ix"].to_numpy()]
    unit_ix = design["unit_ix"].to_numpy()
    ever = np.isfinite(first)[unit_ix]
    rows = period < np.nanmin(first)
    both = [t for t in np.unique(period[rows]) if (ever & (period == t)).any() and (~ever & (period == t)).any()]
    if len(both) < 2:
        return PreTrendFit(None, None, len(both))
    rows &= np.isin(period, both)
    _, units = np.unique(unit_ix[rows], return_inverse=True)
    _, periods = np.unique(period[rows], return_inverse=True)
    within = TwoWay(units, periods)
    y = within.residuals(design["y"].to_numpy()[rows])
    columns = np.eye(len(both))[periods] * ever[rows][:, None]
    gap, *_ = np.linalg.lstsq(within.residuals(columns), y, rcond=1e-9)
    gap = gap - gap.mean()
    t = np.asarray(both, dtype=float) - np.mean(both)
    return PreTrendFit(float(np.sqrt((gap**2).mean())), float(t @ gap / (t @ t)), len(both))


def influence(atts: Mapping[tuple[str, ...], float]) -> list[dict[str, str | float]]:
    """How the estimate moves when a control joins, the largest move first; ``atts`` of every non-empty set.

    ``joins`` : the change when the control joins a set of the others, averaged within each size of set and then over
    sizes, as a Shapley value counts them, the empty set apart (it has no estimate). ``with``, ``without`` : the mean
    over sets that have it, and over those that have not.
    """
    sets = {frozenset(chosen): value for chosen, value in atts.items()}
    names = sorted(frozenset().union(*sets))
    influences: dict[str, dict[str, str | float]] = {}
    joins: dict[str, float] = {}
    for name in names:
        by_size: dict[int, list[float]] = {}
        for chosen, value in sets.items():
            if name not in chosen:
                by_size.setdefault(len(chosen), []).append(sets[chosen | {name}] - value)
        inside = [value for chosen, value in sets.items() if name in chosen]
        outside = [value for chosen, value in sets.items() if name not in chosen]
        if not outside:
            continue
        joins[name] = float(np.mean([np.mean(changes) for changes in by_size.values()]))
        averages = {"with": float(np.mean(inside)), "without": float(np.mean(outside))}
        influences[name] = {"control": name, "joins": joins[name], **averages}
    return [influences[name] for name in sorted(influences, key=lambda name: -abs(joins[name]))]
