"""How wide must intervals be to hold all of a path at once? The critical value of a sup-t band.

Pointwise 95% intervals of many event times leave out at least one true value far more often than in 5%. A band

    centre_k +- c sd_k,    c = the 95% quantile of max over k of |x_k - centre_k| / sd_k

holds the whole path with 95%: x normal or t around the estimates. Of all bands of this form
with simultaneous coverage it is the shortest that treats the points alike.
Source: Montiel Olea & Plagborg-Moller (2019), Journal of Applied Econometrics 34(1), doi:10.1002/jae.2656.
"""

from __future__ import annotations

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import PROB

# The error of a critical value from so many draws is below 0.03.
_DRAWS = 20_000


def sup_t(covariance: Array, df: float = np.inf, prob: float = PROB, seed: int = 0) -> float:
    """The sup-t critical value of estimates with ``covariance`` (point, point), singular or not.

    ``df`` : of the chi-square by which all standard errors err together; infinite for a known covariance.
    """
    sd = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(sd, sd))
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((_DRAWS, sd.size)) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    largest = np.abs(normal).max(axis=1)
    if np.isfinite(df):
        largest = largest / np.sqrt(rng.chisquare(df, _DRAWS) / df)
    return float(np.quantile(largest, prob))
