"""What do two-way fixed effects say about the effect, on average and event time by event time?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import COVARIATE, EVENT_TIME, REFERENCE_EVENT_TIME
from bri_bayes.core.simultaneous import sup_t
from bri_bayes.design.design import Design
from bri_bayes.frequentist.cohorts import CohortDummies, cohort_dummies
from bri_bayes.frequentist.estimate import Estimate, t_estimate, t_test
from bri_bayes.frequentist.ols import TERM, Absorber, LeastSquares, absorb_effects, ols, orthonormal_basis
from bri_bayes.frequentist.variance import TERM_2, Variance, crv1, crv3, iid

TREATED = "treated"
_IN_WORDS = {
    "iid": "ordinary standard errors",
    "cluster": "clustered standard errors (CRV1)",
    "cluster_crv3": "clustered standard errors (CRV3)",
}
AGAINST_REFERENCE = "against event time -1"
AGAINST_PRE_PERIOD = "against the pre-period average"


@dataclass(frozen=True, eq=False)
class TwoWayFit:
    """Two-way fixed effects of a design.

    ``least_squares`` : the fit; its first term is "treated", the others are the covariates;
    ``unit_ix`` : (obs,) the cluster of each row; ``n_treated_units`` : units with a treated row.
    """

    least_squares: LeastSquares
    unit_ix: Index
    n_treated_units: int

    @property
    def estimate(self) -> float:
        """The coefficient of the treatment, in units of the outcome."""
        return float(self.least_squares.coefficients.values[0])

    @cached_property
    def basis(self) -> Array:
        """What stands beside the treatment, within units: orthonormal Q (obs, rank) of period effects and covariates.

        Its columns sum to zero over each unit, so that unit effects, period effects and covariates leave
        M v = v - (unit means of v) - Q Q'v of any variable v.
        """
        period = self.least_squares.absorber.effects[1]
        periods = np.eye(int(period.max()) + 1)[period]
        return orthonormal_basis(self.within_units(np.column_stack([periods, self.least_squares.X[:, 1:]])))

    def within_units(self, values: Array) -> Array:
        """Values (obs, m) less unit means."""
        return self._units.residuals(values)

    def partialled_out(self, values: Array) -> Array:
        """M times the columns of ``values`` (obs, m)."""
        within = self.within_units(values)
        return np.asarray(within - self.basis @ (self.basis.T @ within))

    @cached_property
    def _units(self) -> Absorber:
        return absorb_effects([self.unit_ix])


@dataclass(frozen=True, eq=False)
class EventStudy:
    """Effects by event time, and the average effect against two baselines.

    ``path`` : DataFrame by event_time with ``rows`` (treated units' rows), ``estimate`` and, for each of iid, cluster
    (CRV1) and cluster_crv3, ``se_*``, ``lower_*``, ``upper_*`` and the ends ``band_lower_*``, ``band_upper_*`` of a
    sup-t band, which holds the whole path with 95%; the reference event time has an estimate of zero.
    ``contrasts`` : the same columns for the average after the onset, ``against event time -1`` and ``against the
    pre-period average``; ``note`` : what could not be estimated, and why.
    """

    path: pd.DataFrame
    contrasts: pd.DataFrame
    note: str | None = None


def fit_twfe(design: Design) -> TwoWayFit:
    """Two-way fixed effects with one effect for all treated cells.

        y_it = a_i + l_t + x_it'b + tau D_it + e_it

    ``design`` : y (obs,) outcome units; X (obs, covariate); treated (obs,); balanced or not.
    Raises InputError when the rows do not identify the effect, for instance without controls after the onset.
    Source: Baltagi (2021), Econometric Analysis of Panel Data, ch. 3 and 9.
    """
    treated = design["treated"].to_numpy()
    fit = _ols(design, {TREATED: treated.astype(float)})
    unit_ix = design["unit_ix"].to_numpy()
    return TwoWayFit(fit, unit_ix, int(np.unique(unit_ix[treated]).size))


def iid_estimate(fit: TwoWayFit) -> Estimate:
    """The effect with the standard error of independent errors and t(n - rank)."""
    return _row(fit, "iid", iid(fit.least_squares))


def cluster_estimate(fit: TwoWayFit) -> Estimate:
    """The effect with standard errors clustered by unit (CRV1) and t(G - 1)."""
    return _row(fit, "cluster", crv1(fit.least_squares, fit.unit_ix))


def crv3_estimate(fit: TwoWayFit) -> Estimate:
    """The effect with the cluster jackknife by unit (CRV3) and t(G - 1)."""
    return _row(fit, "cluster_crv3", crv3(fit.least_squares, fit.unit_ix))


def event_study(design: Design, window: tuple[int, int] | None = None) -> EventStudy:
    """Effects by event time against the last period before the onset.

        y_it = a_i + l_t + x_it'b + sum_{k != -1} tau_k 1[t - onset_i = k] + e_it

    ``window`` bins event times below its first and above its last value. The averages before and after the onset
    weigh each event time by its rows (treated units), and the pre-period average contains the zero at -1.
    Where onsets differ each has its effects, tau_k = sum_g w_gk delta_gk over treated rows (``cohorts``).
    An event time at which nobody serves as a control (its period has treated units only) is NaN and stands in no
    average. Raises InputError when no treated unit is observed at -1, or when event times are collinear.
    Source: Sun & Abraham (2021), doi:10.1016/j.jeconom.2020.09.006, equation 5 and section 4.
    """
    times = _event_times(design, window)
    observed = {int(time): int((times == time).sum()) for time in np.unique(times[np.isfinite(times)])}
    if REFERENCE_EVENT_TIME not in observed:
        raise InputError(f"no treated unit is observed at event time {REFERENCE_EVENT_TIME}, the reference")
    dummies = cohort_dummies(design, times)
    if not dummies.times.size:
        raise InputError(f"there is no control in the periods of event time {REFERENCE_EVENT_TIME}, the reference")
    terms = [_term(time) + (f" of {onset}" if dummies.is_staggered else "") for onset, time in dummies.cells]
    fit = _ols(design, dict(zip(terms, dummies.columns.T, strict=True)))
    unit_ix = design["unit_ix"].to_numpy()
    variances = {"iid": iid(fit), "cluster": crv1(fit, unit_ix), "cluster_crv3": crv3(fit, unit_ix)}
    effects = {
        int(time): {term: float(weight) for term, weight in zip(terms, row, strict=True) if weight}
        for time, row in zip(dummies.times, dummies.weights, strict=True)
    }
    counts = {**observed, **dict(zip(effects, dummies.rows.tolist(), strict=True))}

    def tabulate(weights: Mapping[int, float]) -> dict[str, float]:
        summed: dict[str, float] = {}
        for time, weight in weights.items():
            for term, share in effects[time].items():
                summed[term] = summed.get(term, 0.0) + weight * share
        return _combination(fit, variances, summed)

    path = {time: tabulate({time: 1.0}) if time in effects else _not_estimated(time) for time in observed}
    table = pd.DataFrame.from_dict(path, orient="index").rename_axis(EVENT_TIME)
    table.insert(0, "rows", pd.Series(counts))
    table = table.assign(**_bands(table, effects, variances))
    note = _absent_note(dummies, variances)
    known = {time: count for time, count in counts.items() if time not in dummies.lost}
    return EventStudy(table, _contrasts(known, tabulate), note)


def _ols(design: Design, effects: Mapping[str, Array]) -> LeastSquares:
    X = design["X"].to_numpy()
    covariates = {str(name): X[:, position] for position, name in enumerate(design[COVARIATE].values)}
    absorb = (design["unit_ix"].to_numpy(), design["period_ix"].to_numpy())
    return ols(design["y"].to_numpy(), {**effects, **covariates}, absorb=absorb)


def _row(fit: TwoWayFit, inference: str, variance: Variance) -> Estimate:
    note = variance.note
    if note is None and inference == "cluster" and fit.n_treated_units == 1:
        note = "one treated unit: its own error is hardly in this standard error (Conley & Taber 2011)"
    return t_estimate("twfe", inference, fit.estimate, float(variance.se.values[0]), variance.df, note)


def _event_times(design: Design, window: tuple[int, int] | None) -> Array:
    times = design["event_time"].to_numpy()
    if window is None:
        return np.asarray(times)
    first, last = window
    if not first < 0 <= last:
        raise InputError(
            f"the window must run from a negative to a non-negative event time, not from {first} to {last}"
        )
    return np.asarray(np.clip(times, first, last))


def _term(event_time: int) -> str:
    return f"{EVENT_TIME}[{event_time}]"


def _combination(
    fit: LeastSquares, variances: Mapping[str, Variance], weights: Mapping[str, float]
) -> dict[str, float]:
    values = dict(zip(fit.terms, fit.coefficients.values, strict=True))
    estimate = float(sum(weight * values[term] for term, weight in weights.items()))
    row = {"estimate": estimate}
    for name, variance in variances.items():
        se = variance.se_of(weights)
        _, lower, upper = t_test(estimate, se, variance.df)
        row |= {f"se_{name}": se, f"lower_{name}": lower, f"upper_{name}": upper}
    return row


def _not_estimated(event_time: int) -> dict[str, float]:
    return {"estimate": 0.0 if event_time == REFERENCE_EVENT_TIME else math.nan}


def _contrasts(share: Mapping[int, int], tabulate: Callable[[Mapping[int, float]], dict[str, float]]) -> pd.DataFrame:
    after = sum(count for time, count in share.items() if time >= 0)
    before = sum(count for time, count in share.items() if time < 0)
    post = {time: count / after for time, count in share.items() if time >= 0}
    pre = {time: -count / before for time, count in share.items() if time < 0 and time != REFERENCE_EVENT_TIME}
    table = {AGAINST_REFERENCE: tabulate(post), AGAINST_PRE_PERIOD: tabulate({**post, **pre})}
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("contrast")


def _bands(
    table: pd.DataFrame, effects: Mapping[int, Mapping[str, float]], variances: Mapping[str, Variance]
) -> dict[str, Array]:
    """The ends of the sup-t band under each variance, NaN for event times without a standard error."""
    ends = {}
    for name, variance in variances.items():
        weights = pd.DataFrame(list(effects.values())).fillna(0.0)
        lost = np.isnan(variance.se.sel(term=list(weights)).to_numpy())
        known = weights[(weights.loc[:, lost] == 0).all(axis=1)].loc[:, ~lost]
        matrix = variance.matrix.sel({TERM: list(known), TERM_2: list(known)}).to_numpy()
        block = known.to_numpy() @ matrix @ known.to_numpy().T
        half = (sup_t(block, variance.df) if len(known) else math.nan) * table[f"se_{name}"].to_numpy(dtype=float)
        ends[f"band_lower_{name}"] = table["estimate"].to_numpy() - half
        ends[f"band_upper_{name}"] = table["estimate"].to_numpy() + half
    return ends


def _absent_note(dummies: CohortDummies, variances: Mapping[str, Variance]) -> str | None:
    notes = [f"{_IN_WORDS[name]}: {variance.note}" for name, variance in variances.items() if variance.note]
    if dummies.lost:
        notes.insert(0, f"no control in the periods of event time {', '.join(map(str, dummies.lost))}")
    if dummies.is_staggered:
        notes.insert(0, "onsets differ: an effect for each onset and event time, averaged over treated rows")
    return "; ".join(notes) or None
