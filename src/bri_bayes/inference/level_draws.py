"""Which levels does a card with a log link expect? Panels from draws, in NumPy.

The laws are those of ``models.level_model``. A replicated panel is made row by row: each level is drawn around a mean
that remembers the replicated level before it, not the observed one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.design.design import Design
from bri_bayes.study.model_card import ModelCard

# Counts beyond this are drawn from a normal: NumPy's Poisson ends below 1e19, and their share of noise is below 1e-6.
_LARGEST_COUNT = 1e12
# No level has a logarithm beyond this: exp would overflow.
_LARGEST_LOG = 700.0


def replicated_levels(design: Design, card: ModelCard, draws: Mapping[str, Array], mu: Array, seed: int) -> Array:
    """A panel of levels for each draw : (draws, obs), in the units of the level."""
    rng = np.random.default_rng([seed, 1])
    unit_ix = design["unit_ix"].to_numpy()
    period = design[PERIOD].to_numpy()[design["period_ix"].to_numpy()].astype(float)
    n_draws, n_units = len(mu), design.sizes[UNIT]
    path, variance = design.attrs["y_scale"] * mu, _variance(design, draws)
    lump = _lump(design, draws)[:, 0] if "noise" in draws else np.ones(n_draws)
    rho = draws.get("rho", np.zeros(n_draws))[:, None]
    error, last = np.zeros((n_draws, n_units)), np.full((n_draws, n_units), np.nan)
    made = np.empty(mu.shape)
    first = np.searchsorted(unit_ix, unit_ix)
    place = np.arange(unit_ix.size) - first
    for step in range(int(place.max()) + 1):
        rows = np.flatnonzero(place == step)
        units = unit_ix[rows]
        phi, share = _transition(card, rho, period[rows] - last[:, units])
        log_mean = np.minimum(path[:, rows] + phi * error[:, units], _LARGEST_LOG)
        made[:, rows] = _drawn(card, np.exp(log_mean), variance[:, rows] * share, lump[:, None], rng)
        flows = made[:, rows] > 0
        log_level = np.log(np.where(flows, made[:, rows], 1.0))
        error[:, units] = np.where(flows, log_level - path[:, rows], error[:, units])
        last[:, units] = np.where(flows, period[rows], last[:, units])
    return np.asarray(made * np.exp(design.attrs["y_center"]))


def _transition(card: ModelCard, rho: Array, gap: Array) -> tuple[Array, Array]:
    """phi and s^2 / sigma^2 for ``gap`` periods (draws, rows) since the row that is remembered, NaN for none."""
    first = np.isnan(gap)
    gap = np.where(first, 1.0, gap)
    if card.errors.structure == "iid":
        return np.zeros(gap.shape), np.ones(gap.shape)
    if card.errors.structure == "random_walk":
        return np.where(first, 0.0, 1.0), gap
    phi = np.where(first, 0.0, rho**gap)
    return phi, (1 - phi**2) / (1 - rho**2)


def _drawn(card: ModelCard, mean: Array, variance: Array, lump: Array, rng: np.random.Generator) -> Array:
    if card.likelihood.family == "gamma":
        return np.asarray(mean * variance * rng.standard_gamma(1 / variance))
    if card.likelihood.family == "poisson":
        return variance * _counts(mean / variance, rng)
    return lump * _counts(mean * variance * rng.standard_gamma(1 / variance) / lump, rng)


def _counts(mean: Array, rng: np.random.Generator) -> Array:
    many = mean > _LARGEST_COUNT
    large = np.where(many, mean, 0.0)
    return np.where(
        many, large + np.sqrt(large) * rng.standard_normal(mean.shape), rng.poisson(np.where(many, 0, mean))
    )


def _variance(design: Design, draws: Mapping[str, Array]) -> Array:
    """s^2 of each row before the share of its transition : (draws, obs)."""
    unit_ix: Index = design["unit_ix"].to_numpy()
    sigma = draws["sigma_unit"][:, unit_ix] if "sigma_unit" in draws else draws["sigma"][:, None]
    return np.asarray(np.broadcast_to((design.attrs["y_scale"] * sigma) ** 2, (len(sigma), unit_ix.size)))


def _lump(design: Design, draws: Mapping[str, Array]) -> Array:
    return np.asarray((design.attrs["y_scale"] * draws["noise"][:, None]) ** 2)
