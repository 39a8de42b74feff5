"""Which card predicts best, by how much, and what does their mixture say? Scores of rows, their differences, weights.

The score of a row is its log predictive density given all others, elpd_j = log p(y_j | y_-j); its sum over rows is
elpd_loo. Everything here works on such scores, whether they are exact or from Pareto-smoothed importance sampling.

Sources: Vehtari, Gelman & Gabry (2017), doi:10.1007/s11222-016-9696-4 (PSIS-LOO, WAIC); Yao, Vehtari, Simpson &
Gelman (2018), doi:10.1214/17-BA1091 (stacking, pseudo-BMA); Sivula, Magnusson, Matamoros & Vehtari (2025),
doi:10.48550/arXiv.2008.10296 (the standard error of a difference is too small with few rows or similar models).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.effect import TAILS, Effect
from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import Result
from bri_bayes.design.analysis import Analysis
from bri_bayes.inference.importance import KHAT_LIMIT, smooth_weights

Verdict = Literal["exact", "reliable", "doubtful", "unreliable"]

# A row's variance of the log density above which its WAIC is not to be trusted (Vehtari et al. 2017, section 2.2).
WAIC_LIMIT = 0.4
# Share of rows with a k-hat above the limit, and the k-hat, from which PSIS-LOO is not used at all.
DOUBTFUL_SHARE, WORST_KHAT = 0.05, 1.0
# A difference below this is small whatever its standard error (Sivula et al. 2025).
SMALL_DIFFERENCE = 4.0
# The k-hat of a tail that cannot be fitted; of equal weights, its negative.
_LARGEST = 99.0
RULE = (
    "exact: closed form, k-hat of the hyperparameters below 0.7; reliable: PSIS with every k-hat below its limit "
    "min(1 - 1/log10(draws), 0.7); doubtful: at most 5% of the rows above it and none above 1; unreliable: otherwise"
)


@dataclass(frozen=True)
class PsisScores(Result):
    """PSIS-LOO by row (``elpd``, ``khat``); ``khat_limit`` : above it the score of a row is not to be trusted."""

    elpd: Sequence[float]
    khat: Sequence[float]
    p_loo: float
    khat_limit: float


@dataclass(frozen=True)
class WaicScores(Result):
    """WAIC by row: ``elpd`` = log mean density - ``p``, with p the variance of its log."""

    elpd: Sequence[float]
    p: Sequence[float]


@dataclass(frozen=True)
class Total(Result):
    """A sum of scores and its standard error, sqrt(n var): rows taken as independent; NaN for a single row."""

    elpd: float
    se: float


@dataclass(frozen=True)
class Difference(Result):
    """A sum of differences of scores, with two standard errors.

    ``se_diff`` takes the rows as independent; ``se_diff_units`` sums within units first, so it survives dependence
    within a unit, but rests on as few numbers as there are units: NaN for a single one.
    """

    elpd_diff: float | None
    se_diff: float | None
    se_diff_units: float | None


def psis_scores(log_likelihood: xr.DataArray, *, efficiency: float = 1.0) -> PsisScores:
    """PSIS-LOO of draws (chain, draw, obs) of the log density of each row.

    ``efficiency`` : effective over actual number of draws. With l_sj the log density of row j at draw s and W the
    smoothed weights of exp(-l_sj), elpd_j = log sum_s W_s exp(l_sj), and p_loo is what the mean density has more.
    The numbers of ArviZ, by the weights of the closed form, in a fifth of its time.
    """
    flat = _by_draw(log_likelihood)
    limit = min(1 - 1 / np.log10(len(flat)), KHAT_LIMIT)
    elpd, khat = np.empty((2, flat.shape[1]))
    for row, of_row in enumerate(flat.T):
        weights, khat[row] = smooth_weights(-of_row, efficiency)
        top = of_row.max()
        elpd[row] = top + np.log(weights @ np.exp(of_row - top))
    p_loo = float((_log_mean_density(flat) - elpd).sum())
    return PsisScores(elpd.tolist(), finite_khat(khat).tolist(), p_loo, float(limit))


def waic_scores(log_likelihood: xr.DataArray) -> WaicScores:
    """WAIC of draws (chain, draw, obs) of the log density of each row."""
    flat = _by_draw(log_likelihood)
    p = flat.var(axis=0)
    return WaicScores((_log_mean_density(flat) - p).tolist(), p.tolist())


def _by_draw(log_likelihood: xr.DataArray) -> Array:
    return log_likelihood.transpose("chain", "draw", ...).to_numpy().reshape(-1, log_likelihood.shape[-1])


def _log_mean_density(flat: Array) -> Array:
    """log of the mean over draws (draw, obs) of the density of each row : (obs,)."""
    top = flat.max(axis=0)
    return np.asarray(top + np.log(np.exp(flat - top).mean(axis=0)))


def psis_verdict(khat: Array, limit: float) -> Verdict:
    """How far PSIS-LOO is to be trusted, by ``RULE``."""
    above = khat >= limit
    if not above.any():
        return "reliable"
    return "doubtful" if above.mean() <= DOUBTFUL_SHARE and khat.max() <= WORST_KHAT else "unreliable"


def total(scores: Array) -> Total:
    """The sum of the scores that are known."""
    known = scores[np.isfinite(scores)]
    return Total(float(known.sum()), float(np.sqrt(known.size * known.var(ddof=1))) if known.size > 1 else float("nan"))


def difference(scores: Array, best: Array, unit_ix: Index) -> Difference:
    """The sum of ``scores`` - ``best``."""
    gaps = scores - best
    by_unit = np.bincount(unit_ix, weights=gaps)
    by_unit = by_unit[np.bincount(unit_ix) > 0]
    return Difference(
        float(gaps.sum()),
        float(np.sqrt(gaps.size * gaps.var(ddof=1))),
        float(np.sqrt(by_unit.size * by_unit.var(ddof=1))) if by_unit.size > 1 else float("nan"),
    )


def model_weights(scores: Mapping[str, Array]) -> dict[str, dict[str, float]]:
    """``stacking``, ``pseudo_bma`` and ``pseudo_bma_plus`` (Bayesian bootstrap) weights by model, by ArviZ.

    Weights depend on differences alone, so the best score of each row is taken away first: no density overflows.
    """
    import arviz_stats
    from arviz_stats.utils import ELPDDataLOO

    names = list(scores)
    if len(names) == 1:
        return {method: {names[0]: 1.0} for method in _METHODS}
    table = np.stack([scores[name] for name in names])
    table = table - table.max(axis=0)
    given = {
        name: ELPDDataLOO(
            elpd=float(row.sum()), se=float("nan"), p=float("nan"), n_samples=1, n_data_points=row.size, scale="log",
            warning=False, good_k=0.7, elpd_i=xr.DataArray(row, dims="obs"), pareto_k=xr.DataArray(0 * row, dims="obs"),
        )
        for name, row in zip(names, table, strict=True)
    }  # fmt: skip
    by_method = {}
    for method, called in _METHODS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about many similar models: the report says so itself
            frame = arviz_stats.compare(given, method=called, round_to="none")
        weights = np.clip([float(frame.loc[name, "weight"]) for name in names], 0.0, None)
        by_method[method] = dict(zip(names, (weights / weights.sum()).tolist(), strict=True))
    return by_method


_METHODS = {"stacking": "stacking", "pseudo_bma": "pseudo-BMA", "pseudo_bma_plus": "BB-pseudo-BMA"}


def mixture_att(draws: Mapping[str, Sequence[float]], weights: Mapping[str, float]) -> Effect:
    """The ATT of a mixture of posteriors; ``draws`` of each model count its weight together."""
    used = [name for name in draws if weights[name] > 0]
    values = np.concatenate([np.asarray(draws[name], dtype=float) for name in used])
    share = np.concatenate([np.full(len(draws[name]), weights[name] / len(draws[name])) for name in used])
    order = np.argsort(values, kind="stable")
    values, share = values[order], share[order] / share.sum()
    mean = float(share @ values)
    sd = float(np.sqrt(share @ (values - mean) ** 2))
    lower, upper = np.interp(TAILS, np.cumsum(share) - share / 2, values)
    return Effect(mean, sd, float(lower), float(upper), float(share[values > 0].sum()))


def require_same_rows(analyses: Mapping[str, Analysis]) -> None:
    """Densities can be compared only if every card sees the same rows of the same outcome."""
    first: tuple[str, Any] | None = None
    for name, analysis in analyses.items():
        if analysis.card.structure == "formula" or analysis.card.has_log_link:
            raise InputError(
                f'the card "{name}" models another scale of the outcome: its densities cannot be compared with those '
                "of linear cards; leave it out of the comparison"
            )
        design = analysis.design
        seen = (
            design["unit"].to_numpy()[design["unit_ix"].to_numpy()],
            design["period"].to_numpy()[design["period_ix"].to_numpy()],
        )
        if first is None:
            first = (name, seen)
        elif any(not np.array_equal(mine, other) for mine, other in zip(seen, first[1], strict=True)):
            raise InputError(
                f'the cards "{first[0]}" and "{name}" see different rows of "{design.attrs["outcome"]}" '
                f"({first[1][0].size} and {seen[0].size}): models are compared on the same rows; drop the covariate or "
                "modifier that is missing, or leave one of the cards out"
            )


def finite_khat(khat: Array) -> Array:
    """k-hat in numbers that JSON can hold: a tail that cannot be fitted is the worst, equal weights are the best."""
    return np.asarray(np.nan_to_num(khat, nan=_LARGEST, posinf=_LARGEST, neginf=-_LARGEST))
