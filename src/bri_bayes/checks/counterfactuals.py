"""What would a synthetic control and a factor model have expected of each treated unit, and how often are they wrong?

Both are fitted to complete donors of the wide pool. Each donor is then predicted in the same way, as if it had been
treated: a synthetic control from all other donors, the factor model with a fifth of the donors hidden at a time. No
donor had the policy by assumption, so ``coverage``, the share of donors whose 95% interval of the average effect has
zero in it, should be 95%; and the average over as many random donors as there are treated units is a placebo.

The errors of the treated units are not independent: they may be neighbours and share shocks that no donor has. So the
synthetic control of the average effect is fitted to the average of the treated as a series of its own: whatever the
units share is in its errors before the onset, and in their persistence. ``set_coverage`` is its coverage on averages of
random donors, predicted from the others. The average of the units' own effects stands in ``by_unit``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from bri_bayes.checks.control_sets import PreTrendFit
from bri_bayes.checks.donors import Refused, complete_donors, refusal
from bri_bayes.checks.number_of_factors import RankError, draws_of_each, numbers_of_factors
from bri_bayes.core.arrays import Array, Mask
from bri_bayes.core.effect import TAILS, Effect
from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.inference.convergence import split_rhat
from bri_bayes.inference.factors import factor_counterfactuals, factors_by_hiding

RANKS = (0, 1, 2, 3, 4)
# Chains of the factor model on hidden donors, and draws a chain that are kept of each number of factors at least: with
# fewer R-hat says little.
FACTOR_CHAINS, LEAST_KEPT = 2, 60
FOLDS = 5
# Placebo sets of donors, each as large as the treated group.
PLACEBO_SETS = 10_000
# Chains of a synthetic control of a donor: with 120 draws of each its mean is known to a tenth of its posterior sd, and
# the share of two hundred intervals that cover to 0.01 (100 to 150 draws), where its standard error is 0.015.
PLACEBO_CHAINS = 2
# Placebo sets whose average is fitted as one series, like that of the treated group.
FITTED_SETS = 60
# Donors that a reader sees by name, largest weight first.
_NAMED = 6


@dataclass(frozen=True)
class DonorPlacebo(Result):
    """What the same method says of donors, one by one and in ``sets`` as large as the treated group.

    ``set_coverage`` : of the averages of ``fitted_sets`` sets, fitted as one series each.
    """

    n: int
    coverage: float
    sd: float
    sets: int
    set_size: int
    set_sd: float
    p_value: float
    fitted_sets: int | None = None
    set_coverage: float | None = None


@dataclass(frozen=True)
class Counterfactual(Result):
    """``paths`` : by unit and period, observed and fitted before the onset, observed and expected from it on."""

    att: Effect
    by_unit: Mapping[str, Effect]
    paths: Mapping[str, Mapping[str, Mapping[str, float]]]
    donors: int
    units: Sequence[str]
    units_without_every_period: Sequence[str]
    pretrend: PreTrendFit
    rhat: float
    placebo: DonorPlacebo | None = None
    weights: Mapping[str, Mapping[str, float]] | None = None
    donors_that_count: Mapping[str, float] | None = None
    ranks: Sequence[RankError] | None = None


def synthetic_values(
    pool: xr.Dataset,
    assignment: Assignment,
    outcome: str,
    *,
    draws: int,
    placebo_draws: int,
    seed: int,
) -> Counterfactual | Refused:
    """The synthetic control of each treated unit and of their average, with the weights of the donors."""
    from bri_bayes.inference.synthetic import synthetic_controls  # brings Numba

    case = _Case.of(pool, assignment, outcome)
    if isinstance(case, str):
        return Refused(case)
    targets = np.vstack([case.treated, case.treated.mean(axis=0)])
    fitted = synthetic_controls(
        targets, case.donors, case.periods, case.before, chains=8, draws=draws, warmup=draws // 2, seed=seed
    )
    names, members = len(case.donors), case.placebo_sets(FITTED_SETS, seed)
    observed = np.vstack([case.donors, members @ case.donors / members.sum(axis=1, keepdims=True)])
    placebo = synthetic_controls(
        observed,
        case.donors,
        case.periods,
        case.before,
        closed=np.vstack([np.eye(names, dtype=bool), members]),
        chains=PLACEBO_CHAINS,
        draws=placebo_draws,
        warmup=placebo_draws // 2,
        seed=seed + 1,
    )
    effects = (observed[:, None, None, ~case.before] - placebo.path).mean(axis=-1).reshape(len(observed), -1)
    units = slice(0, len(case.treated))
    average = (targets[-1, ~case.before] - fitted.path[-1]).mean(axis=-1)
    donors = case.placebo(effects[:names], float(average.mean()), seed)
    return replace(
        case.summary(fitted.path[units], fitted.before[units], average),
        placebo=replace(donors, fitted_sets=len(members), set_coverage=_coverage(effects[names:])),
        weights={
            unit: {case.donor_names[j]: float(row[j]) for j in np.argsort(-row, kind="stable")[:_NAMED]}
            for unit, row in zip(case.treated_names, fitted.weights[units], strict=True)
        },
        donors_that_count=dict(zip(case.treated_names, fitted.counting[units].tolist(), strict=True)),
    )


def factor_values(
    pool: xr.Dataset,
    assignment: Assignment,
    outcome: str,
    *,
    draws: int,
    placebo_draws: int,
    seed: int,
    ranks: Sequence[int] = RANKS,
) -> Counterfactual | Refused:
    """The factor model, averaged over numbers of factors by their probabilities of predicting hidden donors best."""
    case = _Case.of(pool, assignment, outcome)
    if isinstance(case, str):
        return Refused(case)
    hidden = {rank: case.hidden_donors(rank, placebo_draws, seed) for rank in ranks}
    errors = numbers_of_factors(
        {rank: np.abs(path - case.donors[:, ~case.before]).mean(axis=1) for rank, (path, _) in hidden.items()}, seed
    )
    parts = draws_of_each(errors, placebo_draws * FACTOR_CHAINS)
    effects = np.concatenate([_spread(hidden[rank][1], count) for rank, count in parts.items()], axis=1)
    y = np.vstack([case.treated, case.donors])
    seen = np.ones(y.shape, dtype=bool)
    seen[: len(case.treated), ~case.before] = False
    parts = draws_of_each(errors, draws)
    fits = {
        rank: factor_counterfactuals(
            y, case.periods, seen, rank=rank, chains=4, draws=max(count, draws // 2, LEAST_KEPT), seed=seed
        )
        for rank, count in parts.items()
    }
    # Each chain has draws of each number, in no order.
    order = np.random.default_rng([seed, 5]).permutation(sum(parts.values()))
    path = np.concatenate([_spread(fits[rank].path[..., ~case.before], count, 2) for rank, count in parts.items()], 2)
    shares = np.array(list(parts.values())) / len(order)
    before = np.tensordot(shares, [fit.fitted[:, case.before] for fit in fits.values()], axes=1)
    values = case.summary(path[:, :, order], before)
    rhat = max(float(split_rhat(fit.path[..., ~case.before].mean(axis=(0, -1)))) for fit in fits.values())
    return replace(values, placebo=case.placebo(effects, values.att.mean, seed), ranks=errors, rhat=rhat)


def _spread(draws: Array, count: int, axis: int = 1) -> Array:
    """``count`` of the draws along an axis, evenly spaced."""
    size = draws.shape[axis]
    return np.asarray(np.take(draws, np.arange(count) * size // count, axis=axis))


class _Case:
    """The arrays of one outcome: ``treated`` (m, T), ``donors`` (J, T), ``periods`` (T,), ``before`` (T,) bool."""

    def __init__(
        self, treated: Array, donors: Array, periods: Array, before: Mask, names: Sequence[Sequence[str]]
    ) -> None:
        self.treated, self.donors, self.periods, self.before = treated, donors, periods, before
        self.treated_names, self.donor_names = names
        self.incomplete: list[str] = []

    @classmethod
    def of(cls, pool: xr.Dataset, assignment: Assignment, outcome: str) -> _Case | str:
        """The case, or the reason why there is none."""
        names = complete_donors(pool, assignment, outcome)
        reason = refusal(len(names), len(assignment.treated_units))
        if reason is not None:
            return reason
        if len(assignment.onsets) > 1:
            return f"onsets differ ({', '.join(map(str, assignment.onsets))}): these columns are for one onset"
        y = pool[outcome].transpose(UNIT, PERIOD)
        complete = y.sel({UNIT: list(assignment.treated_units)}).notnull().all(PERIOD).to_numpy()
        treated = [unit for unit, whole in zip(assignment.treated_units, complete, strict=True) if whole]
        if not treated:
            return "no treated unit has the outcome in every period"
        periods = pool[PERIOD].to_numpy().astype(float)
        before = periods < assignment.onsets[0]
        if before.sum() < 3 or before.all():
            raise InputError(
                f"{int(before.sum())} periods before the onset {assignment.onsets[0]}; at least 3 are needed"
            )
        values = [y.sel({UNIT: list(units)}).to_numpy().astype(float) for units in (treated, names)]
        case = cls(values[0], values[1], periods, before, (treated, names))
        case.incomplete = [unit for unit in assignment.treated_units if unit not in treated]
        return case

    def summary(self, path: Array, fitted: Array, average: Array | None = None) -> Counterfactual:
        """Effects and paths of treated units from ``path`` (m, chain, draw, after) and the fit before (m, before).

        ``average`` : (chain, draw) of the average effect, where it is not the mean of the units' own.
        """
        effect = self.treated[:, None, None, ~self.before] - path
        by_unit = effect.mean(axis=-1)
        average = by_unit.mean(axis=0) if average is None else average
        low, high = np.quantile(path, TAILS, axis=(1, 2))
        after = self.periods[~self.before].astype(int)
        paths = {}
        for i, unit in enumerate(self.treated_names):
            series = {
                str(int(t)): {"observed": float(y), "fitted": float(f)}
                for t, y, f in zip(self.periods[self.before], self.treated[i, self.before], fitted[i], strict=True)
            }
            for h, t in enumerate(after):
                point = {"observed": float(self.treated[i, ~self.before][h]), "mean": float(path[i, ..., h].mean())}
                series[str(t)] = {**point, "lower": float(low[i, h]), "upper": float(high[i, h])}
            paths[unit] = series
        miss = self.treated[:, self.before] - fitted
        return Counterfactual(
            att=Effect.of_draws(average),
            by_unit={unit: Effect.of_draws(by_unit[i]) for i, unit in enumerate(self.treated_names)},
            paths=paths,
            donors=len(self.donors),
            units=list(self.treated_names),
            units_without_every_period=list(self.incomplete),
            pretrend=PreTrendFit(float(np.sqrt((miss**2).mean())), None, int(self.before.sum())),
            rhat=float(split_rhat(average)),
        )

    def hidden_donors(self, rank: int, draws: int, seed: int) -> tuple[Array, Array]:
        """Expected paths (J, after) and draws of the average effect (J, draw) of donors, a fold hidden at a time."""
        folds = np.random.default_rng(seed).permutation(len(self.donors)) % FOLDS
        # With fewer donors than folds some fold is empty.
        hidings = [~np.outer(folds == fold, ~self.before) for fold in np.unique(folds)]
        fits = factors_by_hiding(
            self.donors, self.periods, hidings, rank=rank, chains=FACTOR_CHAINS, draws=draws, seed=seed + 1
        )
        targets = np.concatenate([fitted.targets for fitted in fits])
        path = np.concatenate([fitted.mean[:, ~self.before] for fitted in fits])
        after = np.concatenate([fitted.path[..., ~self.before] for fitted in fits])
        effects = (self.donors[targets][:, None, None, ~self.before] - after).mean(axis=-1)
        order = np.argsort(targets)
        return path[order], effects.reshape(len(targets), -1)[order]

    def placebo_sets(self, n_sets: int, seed: int) -> Mask:
        """Random sets of as many donors as there are treated units, half of the donors at most : (set, J) bool."""
        rng, size = np.random.default_rng([seed, 3]), min(len(self.treated), len(self.donors) // 2)
        members = np.zeros((n_sets, len(self.donors)), dtype=bool)
        for row in members:
            row[rng.choice(len(self.donors), size, replace=False)] = True
        return members

    def placebo(self, effects: Array, observed: float, seed: int) -> DonorPlacebo:
        """What the same method says of donors: ``effects`` (J, draw) of their average effect."""
        means, size = effects.mean(axis=1), len(self.treated)
        rng = np.random.default_rng([seed, 2])
        sets = np.array([means[rng.choice(len(means), size, replace=False)].mean() for _ in range(PLACEBO_SETS)])
        return DonorPlacebo(
            n=len(means),
            coverage=_coverage(effects),
            sd=float(means.std(ddof=1)),
            sets=PLACEBO_SETS,
            set_size=size,
            set_sd=float(sets.std(ddof=1)),
            p_value=float((1 + (np.abs(sets) >= abs(observed)).sum()) / (1 + PLACEBO_SETS)),
        )


def _coverage(effects: Array) -> float:
    """The share of rows of ``effects`` (target, draw) whose 95% interval has zero in it."""
    low, high = np.quantile(effects, TAILS, axis=1)
    return float(((low <= 0) & (high >= 0)).mean())
