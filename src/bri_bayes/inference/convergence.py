"""Have the chains met? Rank-normalised split R-hat without importing a plotting stack."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.special import ndtri

from bri_bayes.core.arrays import Array

RHAT_LIMIT = 1.01
ESS_LIMIT = 400


def split_rhat(draws: Array) -> float:
    """Rank-normalised split R-hat of (chain, draw): the larger of the bulk and the folded one.

    Vehtari, Gelman, Simpson, Carpenter & Buerkner (2021), Bayesian Analysis, doi:10.1214/20-BA1221.
    """
    half = draws.shape[1] // 2
    split = np.concatenate([draws[:, :half], draws[:, draws.shape[1] - half :]])
    if np.ptp(split) == 0:
        return 1.0
    folded = np.abs(split - np.median(split))
    return max(_rhat(_normal_scores(split)), _rhat(_normal_scores(folded)))


def worst(scalars: Iterable[Array]) -> tuple[float, float]:
    """Largest R-hat and smallest bulk effective sample size of several (chain, draw)."""
    from arviz_stats.base import array_stats

    every = list(scalars)
    ess = min(float(np.min(array_stats.ess(draws, chain_axis=0, draw_axis=1))) for draws in every)
    return max(split_rhat(draws) for draws in every), ess


def _normal_scores(draws: Array) -> Array:
    _, inverse, counts = np.unique(draws, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    ranks = mean_rank[inverse].reshape(draws.shape)
    return np.asarray(ndtri((ranks - 0.375) / (draws.size + 0.25)))


def _rhat(z: Array) -> float:
    n = z.shape[1]
    within = z.var(axis=1, ddof=1).mean()
    between = n * z.mean(axis=1).var(ddof=1)
    return float(np.sqrt(((n - 1) / n * within + between / n) / within))
