"""What does the prior of the card expect, in dollars and percent, beside what was observed?

The priors of country and year effects are wide on purpose: they are fixed effects, and the levels that they alone
imply are absurd. So each level and change is also shown with country and year effects held at their least-squares
values; what is left is what the other priors say of effects, covariates and errors. Quantities of ``prior_predictive``:

    level                outcome of one unit and period under every prior
    level_on_path        the same, with unit and period effects at their least-squares values
    change_on_path       its change from one period to the next
    att                  the average effect over treated cells
    additional_trade     trade with the policy minus trade without it, a year, all treated units together

In logs, a level is shown in dollars (or the outcome's units) and a change or an effect in percent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.effect import TAILS
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import SAMPLE
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.design.design import two_way
from bri_bayes.estimands.effects import additional_trade, att
from bri_bayes.inference.prior import prior_fit

QUANTILES = (TAILS[0], 0.25, 0.5, 0.75, TAILS[1])
# A logarithm beyond this is no amount of anything: exp would overflow.
_LARGEST_LOG = 700.0


@dataclass(frozen=True)
class Quantiles(Result):
    """Of a quantity under the prior; None beyond what a number can hold."""

    q025: float | None
    q25: float | None
    q50: float | None
    q75: float | None
    q975: float | None

    @classmethod
    def of_draws(cls, drawn: Array, **more: float | None) -> Self:
        """Of draws with equal weights, and what stands beside them."""
        return cls(*np.quantile(drawn, QUANTILES).tolist(), **more)


@dataclass(frozen=True)
class Expected(Quantiles):
    """Beside the range that was observed, None for a quantity that nobody can observe."""

    observed_low: float | None = None
    observed_high: float | None = None


@dataclass(frozen=True)
class ExpectedTotal(Quantiles):
    """Beside the total that was observed."""

    observed: float


@dataclass(frozen=True)
class PriorPredictive(Result):
    """Each quantity, and for money in logs additional trade and the total of treated units by period."""

    rows: Mapping[str, Expected]
    in_logs: bool
    dollars: bool
    additional_trade_by_period: Mapping[str, Quantiles] | None = None
    total_by_period: Mapping[str, ExpectedTotal] | None = None


def prior_predictive(analysis: Analysis, draws: int = 4000, seed: int = 0) -> PriorPredictive:
    """Quantiles of each quantity under the prior and the observed range, and of the treated group's total by period."""
    fit = prior_fit(analysis, draws, seed)
    design, is_log = fit.design, fit.design.attrs.get("outcome_transform") in ("log", "log1p")
    expected, on_path = _expected(fit), _on_path(fit)
    observed = design["y"].to_numpy()
    followed, before = _consecutive(fit)
    change = on_path[:, followed] - on_path[:, before]
    rows = {
        "level": _beside(_level(fit, expected), _level(fit, observed)),
        "level_on_path": _beside(_level(fit, on_path), _level(fit, observed)),
        "change_on_path": _beside(_change(change, is_log), _change(observed[followed] - observed[before], is_log)),
        "att": Expected.of_draws(_change(att(fit).to_numpy().ravel(), is_log)),
    }
    dollars = bool(design.attrs.get("outcome_level_to_usd"))
    if not (is_log and dollars):
        return PriorPredictive(rows, is_log, dollars)
    trade = additional_trade(fit).transpose(*SAMPLE, "period")
    by_period = trade.to_numpy().reshape(-1, trade.sizes["period"])
    rows["additional_trade"] = Expected.of_draws(by_period.mean(axis=1))
    periods = trade["period"].to_numpy().tolist()
    additional = {str(period): Quantiles.of_draws(column) for period, column in zip(periods, by_period.T, strict=True)}
    return PriorPredictive(rows, is_log, dollars, additional, _total_by_period(fit, on_path))


def _expected(fit: Fit) -> Array:
    """Outcomes under the prior : (draws, obs)."""
    y = fit.posterior["posterior_predictive"]["y"].transpose(*SAMPLE, "obs").to_numpy()
    return np.asarray(y.reshape(-1, y.shape[-1]))


def _on_path(fit: Fit) -> Array:
    """Outcomes under the prior, with unit and period effects at their least-squares values : (draws, obs)."""
    design, posterior = fit.design, fit.posterior["posterior"]
    kept = fit.posterior["posterior_predictive"]["draw"]
    drawn = [
        posterior[name].sel(draw=kept).transpose(*SAMPLE, dim).to_numpy().reshape(-1, posterior.sizes[dim])[:, at]
        for name, dim, at in (
            ("unit_effect", "unit", design["unit_ix"].to_numpy()),
            ("period_effect", "period", design["period_ix"].to_numpy()),
        )
    ]
    y = design["y"].to_numpy()
    return np.asarray(_expected(fit) - drawn[0] - drawn[1] + (y - two_way(design).residuals(y)))


def _consecutive(fit: Fit) -> tuple[Index, Index]:
    """Rows whose unit has a row one period earlier, and those earlier rows."""
    design = fit.design
    unit = design["unit_ix"].to_numpy()
    period = design["period"].to_numpy()[design["period_ix"].to_numpy()]
    later = np.flatnonzero((np.diff(unit) == 0) & (np.diff(period) == 1)) + 1
    return later, later - 1


def _level(fit: Fit, y: Array) -> Array:
    """The outcome as a level: dollars where it is money in logs, its own units otherwise."""
    attrs = fit.design.attrs
    if attrs.get("outcome_transform") not in ("log", "log1p"):
        return y
    level = np.exp(np.minimum(y, _LARGEST_LOG)) - (1.0 if attrs["outcome_transform"] == "log1p" else 0.0)
    return np.asarray(level * float(attrs.get("outcome_level_to_usd") or 1.0))


def _change(difference: Array, is_log: bool) -> Array:
    """Percent in logs, the outcome's units otherwise."""
    return np.asarray(100 * np.expm1(np.minimum(difference, _LARGEST_LOG))) if is_log else difference


def _total_by_period(fit: Fit, y: Array) -> dict[str, ExpectedTotal]:
    """Trade of all treated units together in each period: quantiles under the prior, and what was observed."""
    design = fit.design
    ever_treated = np.isfinite(design["event_time"].to_numpy())
    level, seen = _level(fit, y), _level(fit, design["y"].to_numpy())
    totals = {}
    for position, period in enumerate(design["period"].to_numpy().tolist()):
        rows = ever_treated & (design["period_ix"].to_numpy() == position)
        if rows.any():
            observed = float(seen[rows].sum())
            totals[str(period)] = ExpectedTotal.of_draws(level[:, rows].sum(axis=1), observed=observed)
    return totals


def _beside(drawn: Array, observed: Array) -> Expected:
    return Expected.of_draws(drawn, observed_low=float(observed.min()), observed_high=float(observed.max()))
