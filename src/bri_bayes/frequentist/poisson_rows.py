"""What are the rows of Poisson pseudo-maximum likelihood beside those of least squares?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import PERIOD, UNIT, WEIGHT
from bri_bayes.design.design import Design
from bri_bayes.frequentist.estimate import Estimate, t_estimate
from bri_bayes.frequentist.few_clusters import MANY_CLUSTERS
from bri_bayes.frequentist.poisson import PoissonData, fit_ppml, poisson_data, ppml_crv1, ppml_crv3
from bri_bayes.frequentist.resampling import TIE, assignments_of

PPML = "ppml"
# Every assignment is a fit of its own, a millisecond in a panel of ten units: so many at most, or drawn.
MOST_ASSIGNMENTS, DRAWN = 1000, 999

_NO_INTERVAL = "the interval is not computed: every value of the effect would need all fits anew"
_NO_JACKKNIFE = "the effect is not identified, or infinite, without one of the units"
_NO_SCORES = "the scores of the effect are zero in every unit, or no degree of freedom is left"


def ppml_rows(design: Design, levels: Array, *, seed: int = 0) -> list[Estimate]:
    """The effect on the log of the mean level under three ways to judge it; none for a design with weights.

    ppml/cluster (CRV1), ppml/cluster_crv3 (every unit left out once), both with t(G - 1), and ppml/permutation.
    ``levels`` : (obs,) the outcome of the rows of ``design`` without any transform, zeros allowed. The effect is in
    log points, as that of a log outcome, and does not change with the units of the level. Where separation makes it
    infinite, all three rows are NaN and their note says so; the other notes name the rows that left. Beyond 200 units
    ppml/cluster stands alone: the other two are made for few units, and each unit or assignment costs a fit.
    """
    if WEIGHT in design:
        return []
    data, separated = poisson_data(design, levels)
    fit = fit_ppml(data)
    if not math.isfinite(fit.estimate):
        where = {-1: "minus infinity", 1: "plus infinity"}.get(separated.direction, "not identified")
        why = f"the effect is {where}; {separated.sentence or 'the rows do not identify it'}"
        ways = ("cluster", "cluster_crv3", "permutation")
        return [Estimate(PPML, way, math.nan, math.nan, math.nan, math.nan, math.nan, note=why) for way in ways]
    df = fit.n_units - 1
    crv1 = ppml_crv1(fit)
    if fit.n_units > MANY_CLUSTERS:
        return [t_estimate(PPML, "cluster", fit.estimate, crv1, df, separated.sentence)]
    rows = []
    for way, se, absent in (
        ("cluster", crv1, _NO_SCORES),
        ("cluster_crv3", ppml_crv3(data, fit), _NO_JACKKNIFE),
    ):
        row = t_estimate(PPML, way, fit.estimate, se, df, absent if math.isnan(se) else None)
        rows.append(row.with_note(separated.sentence) if separated.sentence else row)
    return [*rows, _permutation(design, data, separated.kept, fit.estimate, seed)]


def _permutation(design: Design, data: PoissonData, kept: NDArray[np.bool_], estimate: float, seed: int) -> Estimate:
    """The share of assignments whose estimate is as large; an infinite one is, one that is not identified is left out.

    Without an effect every way to hand out the onsets to the units that have a positive level has the same chance.
    """
    units = np.unique(design["unit_ix"].to_numpy()[kept])
    periods = design[PERIOD].to_numpy()[np.unique(design["period_ix"].to_numpy()[kept])]
    compared = assignments_of(design.isel({UNIT: units}), MOST_ASSIGNMENTS, DRAWN, seed)
    placebo = np.array([
        fit_ppml(_treated_from(data, first, periods)).estimate for first in compared.first_treated[1:]
    ])  # fmt: skip
    identified = ~np.isnan(placebo)
    sizes = np.abs(np.r_[estimate, placebo[identified]])
    larger = sizes >= abs(estimate) * (1 - TIE)
    notes = [_NO_INTERVAL]
    if not compared.exact:
        possible = f"{compared.n_possible:,}" if compared.n_possible < 10**9 else "very many"
        notes.append(f"{DRAWN} of {possible} assignments, drawn at random")
    if not identified.all():
        notes.append(f"left out: {int((~identified).sum()):,} assignments that the rows do not identify")
    p_value, note = float(larger.mean()), "; ".join(notes)
    return Estimate(PPML, "permutation", estimate, None, p_value, None, None, n_assignments=sizes.size, note=note)


def _treated_from(data: PoissonData, first: Array, periods: Array) -> PoissonData:
    """The same rows under other onsets (unit,), NaN for none."""
    treated = periods[data.period_ix] >= first[data.unit_ix]
    return PoissonData(data.y, np.column_stack([treated, data.X[:, 1:]]), data.unit_ix, data.period_ix)
