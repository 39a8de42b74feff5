"""How may the effect change over event time? Bases of paths around an average.

With w_k the share of treated rows at event time k, the ATT of a common path is its average with these weights. The
coefficients of a basis are independent, each block with a prior scale of its own:

    pooled   tau_k = average + f_k    f an integrated random walk: its growth f_k - f_k-1 starts as
                                      N(0, (2 eta)^2 + (g sigma)^2) and changes by N(0, eta^2) from period to period
    free     tau_k = average + g_k    g_k independent

less the weighted averages of f and of the g_k; sigma is the sd of the errors' innovations, g a number. So whatever a
path does, the prior of the ATT is that of the average. A random walk from the onset instead holds to a level while its
steps are thought small, and errors that persist make the first years count most: an effect of 0.73 for three years and
then none, 0.20 on average, was read as 0.30. And where eta alone decides about growth, data that do not show it at once
make it small: an effect that rises from zero to 0.40 was read as 0.16. The part g sigma is not learned away.
Source of the pooled path: the integrated random walk of Wahba (1978), J. R. Stat. Soc. B 40(3), whose mean is a cubic
smoothing spline.
"""

from __future__ import annotations

import numpy as np

from bri_bayes.core.arrays import Array, Index

# The sd of the growth a period with which a path starts, in sds of a change of it.
START_OF_GROWTH = 2.0


def pooled_path(times: Index, weights: Array) -> tuple[Array, Array, Array]:
    """For K event times columns of the average (K, 1), the growth at the onset (K, 1) and its changes (K, K - 2).

    A change of growth between two event times d periods apart has the variance d. One event time has the average alone.
    """
    gap = np.diff(times).astype(float)
    growth = np.vstack([np.zeros((1, gap.size)), np.tril(np.ones((gap.size, gap.size))) * gap])
    columns = growth @ np.tril(np.ones((gap.size, gap.size)))
    columns[:, 1:] *= np.sqrt(gap[1:])
    path = _around_average(columns, weights)
    return np.ones((times.size, 1)), path[:, :1], path[:, 1:]


def growth_sd(eta: Array, sigma: Array, growth: float) -> Array:
    """The sd of the growth at the onset, from eta, the sd of innovations and the card's prior ``effect_growth``."""
    return np.hypot(START_OF_GROWTH * eta, growth * sigma)


def free_path(weights: Array) -> Array:
    """Columns of the average and of K - 1 deviations (K, K), all with one prior scale.

    The deviations have the covariance of independent ones less their weighted average.
    """
    deviations = _around_average(np.eye(weights.size), weights)
    vectors, singular, _ = np.linalg.svd(deviations)
    return np.column_stack([np.ones(weights.size), (vectors * singular)[:, : weights.size - 1]])


def _around_average(columns: Array, weights: Array) -> Array:
    return np.asarray(columns - weights @ columns)
