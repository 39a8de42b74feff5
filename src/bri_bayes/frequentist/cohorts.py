"""Which dummies keep cohorts of different onsets apart, and how do their effects add up to one path?

    y_it = a_i + l_t + sum_g sum_{k != -1} delta_gk 1[onset_i = g, t - g = k] + e_it,    tau_k = sum_g w_gk delta_gk

with w_gk the share of onset g among the treated rows at event time k. Dummies of event times alone compare units with
others that are treated already, so that tau_k takes in effects of other event times; here only never-treated units are
compared with. On a balanced panel delta_gk is the difference in differences of the cohort's and the never-treated
units' means between the periods g + k and g - 1. With one onset there is one dummy an event time.

Source: Sun & Abraham (2021), doi:10.1016/j.jeconom.2020.09.006, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr

from bri_bayes.core.arrays import Array, Index, Mask
from bri_bayes.core.names import REFERENCE_EVENT_TIME
from bri_bayes.design.design import RELATIVE_ZERO, Design, two_way

# What a row of the identity loses when rows of the design do not span it: one, and otherwise rounding.
_ESTIMABLE = 1e-8


@dataclass(frozen=True, eq=False)
class CohortDummies:
    """``columns`` : (obs, m), of full rank beside unit and period effects; ``cells`` : (m,) onset and event time of
    each; ``times`` : (k,) event times with an effect, without -1; ``weights`` : (k, m) that make their effects;
    ``rows`` : (k,) treated rows that stand behind them; ``lost`` : event times of the rows that are not compared."""

    columns: Array
    cells: tuple[tuple[int, int], ...]
    times: Index
    weights: Array
    rows: Index
    lost: tuple[int, ...]

    @property
    def is_staggered(self) -> bool:
        """Whether there is more than one cohort."""
        return len({onset for onset, _ in self.cells}) > 1


def cohort_dummies(design: Design, event_time: Array) -> CohortDummies:
    """The dummies of ``event_time`` (obs,), NaN for never-treated units, by onset."""
    onset = design["first_treated"].to_numpy()[design["unit_ix"].to_numpy()]
    within = two_way(design)
    columns: dict[tuple[int, int], Array] = {}
    compared: set[int] = set()
    for cohort in np.unique(onset[np.isfinite(onset)]).astype(int).tolist():
        of_cohort = {
            int(time): ((onset == cohort) & (event_time == time)).astype(float)
            for time in np.unique(event_time[onset == cohort])
        }
        reference = of_cohort.get(REFERENCE_EVENT_TIME)
        if reference is not None and not _is_absorbed(within.residuals(reference), reference):
            compared.add(cohort)
            left_out = REFERENCE_EVENT_TIME
        else:  # its rows are no controls, and no effect is read from them
            left_out = max((time for time in of_cohort if time < 0), default=min(of_cohort))
        columns |= {(cohort, time): column for time, column in of_cohort.items() if time != left_out}
    cells = list(columns)
    every = np.column_stack([np.empty((onset.size, 0)), *columns.values()])
    known, kept = _estimable(within.residuals(every), every)
    effects = [at for at, (cohort, _) in enumerate(cells) if known[at] and cohort in compared]
    order = sorted(kept, key=lambda at: (cells[at][1], cells[at][0]))
    counts = every.sum(axis=0)
    times = sorted({cells[at][1] for at in effects})
    weights = np.array([[counts[at] * (at in effects and cells[at][1] == time) for at in order] for time in times])
    rows = weights.sum(axis=1) if times else np.zeros(0)
    lost = sorted({time for at, (_, time) in enumerate(cells) if at not in effects} - set(times))
    return CohortDummies(
        every[:, order],
        tuple(cells[at] for at in order),
        np.array(times, dtype=np.intp),
        weights / rows[:, None] if times else np.zeros((0, len(order))),
        rows.astype(np.intp),
        tuple(lost),
    )


def _estimable(residuals: Array, columns: Array) -> tuple[Mask, list[int]]:
    """Which coefficients the rows identify (m,), and the positions of independent columns."""
    size = np.linalg.norm(columns, axis=0)
    scaled = residuals / np.maximum(size, 1e-300)
    if not scaled.shape[1]:
        return np.zeros(0, dtype=bool), []
    _, values, vectors = np.linalg.svd(scaled, full_matrices=False)
    spanned = vectors[values > RELATIVE_ZERO * max(values.max(initial=0.0), 1.0)]
    known = 1 - (spanned**2).sum(axis=0) < _ESTIMABLE
    _, order = qr(scaled, mode="r", pivoting=True)[-2:]
    return known, sorted(order[: len(spanned)].tolist())


def _is_absorbed(residual: Array, column: Array) -> bool:
    return bool(np.linalg.norm(residual) <= RELATIVE_ZERO * np.linalg.norm(column))
