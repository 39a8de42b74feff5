"""Do treated units change more than controls, when every unit has one number before and one after the onset?

With period effects l_t taken out first, z_i is the mean of y_it - l_t over the observed cells of unit i from the onset
on less that before it, and

    estimate = mean of z over treated units - mean over controls,     t = estimate / se,     df = N - 2

with the pooled variance of z. l_t are those of two-way fixed effects with the treatment in, so a cell that is not
observed takes no common growth with it. On a balanced panel they cancel and the test is exact for normal changes,
whatever their serial correlation. Covariates are ignored.

Source: Bertrand, Duflo & Mullainathan (2004), doi:10.1162/003355304772839588, section IV.C (residuals of period
effects, then two periods); Donald & Lang (2007), doi:10.1162/rest.89.2.221.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import COVARIATE, UNIT
from bri_bayes.design.design import RELATIVE_ZERO, Design, two_way
from bri_bayes.frequentist.estimate import Estimate, t_estimate
from bri_bayes.frequentist.ols import group_sums

# Said of a panel on which the t distribution is not exact.
UNBALANCED = "not every cell is observed"


@dataclass(frozen=True, eq=False)
class Changes:
    """``values`` : (unit, outcome) the z of the units in ``seen`` (all units,); ``treated`` : (unit,) which are."""

    values: Array
    treated: NDArray[np.bool_]
    seen: NDArray[np.bool_]

    @property
    def df(self) -> int:
        """Units less two means."""
        return self.treated.size - 2

    def compare(self) -> tuple[Array, Array]:
        """Estimates and standard errors (outcome,); NaN where the changes within groups do not vary."""
        n_treated = int(self.treated.sum())
        means = [self.values[group].mean(axis=0) for group in (self.treated, ~self.treated)]
        spread = np.linalg.norm(self.values - np.where(self.treated[:, None], *means), axis=0)
        size = np.linalg.norm(self.values, axis=0)
        factor = (1 / n_treated + 1 / (self.treated.size - n_treated)) / self.df if self.df > 0 else math.nan
        return means[0] - means[1], np.where(spread > RELATIVE_ZERO * size, spread * math.sqrt(factor), np.nan)


def collapsed_t(design: Design) -> Estimate:
    """The row of the two-sample t test of the changes; no numbers (NaN) where onsets differ or a group has none."""
    changes = unit_changes(design, design["y"].to_numpy()[None, :])
    if isinstance(changes, str):
        return t_estimate("collapsed", "t", math.nan, math.nan, 0, changes)
    estimate, se = (float(value[0]) for value in changes.compare())
    note = "the changes within the two groups do not vary" if math.isnan(se) else _note(design, changes)
    return t_estimate("collapsed", "t", estimate, se, changes.df, note)


def unit_changes(design: Design, outcomes: Array) -> Changes | str:
    """The changes of ``outcomes`` (outcome, obs), or the reason why there are none."""
    first, unit_ix = design["first_treated"].to_numpy(), design["unit_ix"].to_numpy()
    onsets = np.unique(first[np.isfinite(first)])
    if onsets.size > 1:
        return f"the onsets differ ({', '.join(f'{onset:.0f}' for onset in onsets)}): no two common periods"
    after = design["period"].to_numpy()[design["period_ix"].to_numpy()] >= onsets[0]
    counts = [np.bincount(unit_ix[rows], minlength=first.size) for rows in (after, ~after)]
    seen, ever_treated = (counts[0] > 0) & (counts[1] > 0), np.isfinite(first)
    for group, lacking in ((ever_treated, "treated unit"), (~ever_treated, "control")):
        if not seen[group].any():
            return f"no {lacking} has rows before and after the onset"
    # y - l_t is the residual plus unit effect plus effect; the unit effect is in both means of a unit.
    within, treated = two_way(design), design["treated"].to_numpy().astype(float)
    column, residuals = within.residuals(treated), within.residuals(outcomes.T)
    if np.linalg.norm(column) <= RELATIVE_ZERO * np.linalg.norm(treated):
        return "the rows do not identify the effect"
    effect = column @ residuals / (column @ column)
    residuals = residuals - column[:, None] * effect
    sign = np.where(after, 1 / np.maximum(counts[0], 1)[unit_ix], -1 / np.maximum(counts[1], 1)[unit_ix])
    changes = group_sums(sign[:, None] * residuals, unit_ix) + ever_treated[:, None] * effect
    return Changes(changes[seen], ever_treated[seen], seen)


def _note(design: Design, changes: Changes) -> str | None:
    parts = []
    if design.sizes["obs"] < design.sizes[UNIT] * design.sizes["period"]:
        parts.append(f"{UNBALANCED}: period effects taken out before the means")
    if design.sizes[COVARIATE]:
        parts.append("covariates are ignored")
    if not changes.seen.all():
        missing = ", ".join(map(str, design[UNIT].to_numpy()[~changes.seen]))
        parts.append(f"left out, without rows before and after the onset: {missing}")
    return "; ".join(parts) or None
