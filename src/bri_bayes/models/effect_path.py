"""How may the effect change after the onset? Paths over event time around an average, in PyMC.

With w_k the share of treated cells at event time k, and ATT the average of tau_k with these weights,

    pooled   tau = average + f - sum_k w_k f_k,   f_k = f_{k-1} + v_k d_k,   v_k = v_{k-1} + eta sqrt(d_k) z_k
    free     tau = average + g - sum_k w_k g_k,   g_k ~ N(0, effect^2)

d_k are the periods since the event time before. average ~ N(0, effect^2), v_1 ~ N(0, (2 eta)^2 + (g sigma)^2). So
whatever the path does, the prior of the ATT is that of the average: it does not become narrower with their number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.design.effect_paths import START_OF_GROWTH
from bri_bayes.models.error_model import error_scale
from bri_bayes.models.products import product
from bri_bayes.study.model_card import ModelCard


def pooled_path(card: ModelCard, times: Index, weights: Array) -> Any:
    """tau at the event times from the onset on : (K,)."""
    import pymc as pm
    import pytensor.tensor as pt

    average = pm.Normal("average", 0, card.priors.effect)
    if times.size == 1:
        return average[None]
    gap = np.diff(times).astype(float)
    eta = pm.HalfNormal("eta", card.priors.effect_step)
    start = pt.sqrt((START_OF_GROWTH * eta) ** 2 + (card.priors.effect_growth * error_scale(card)) ** 2)
    first = np.eye(gap.size)[0]
    sd = start * first + eta * np.sqrt(gap) * (1 - first)
    return average + product(_bent(gap, weights), sd * pm.Normal("bend", 0, 1, shape=gap.size))


def _bent(gap: Array, weights: Array) -> Array:
    """From the bends of a path to the path less its average : (K, K - 1), the sums of sums in one constant."""
    sums = np.tril(np.ones((gap.size, gap.size)))
    path = np.vstack([np.zeros(gap.size), sums @ (gap[:, None] * sums)])
    return np.asarray(path - weights @ path)


def free_path(card: ModelCard, weights: Array, units: int | None = None) -> Any:
    """A path for each of ``units`` units : (units, K), or one : (K,), each event time for itself."""
    import pymc as pm

    shape = () if units is None else (units,)
    average = pm.Normal("average", 0, card.priors.effect, shape=shape)
    deviation = pm.Normal("deviation", 0, card.priors.effect, shape=(*shape, weights.size))
    return average[..., None] + deviation - (deviation * weights).sum(axis=-1, keepdims=True)
