"""What does a series say of the bends of an effect's path, where the growth at the onset has a prior of its own?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array


@dataclass(frozen=True, eq=False)
class Bends:
    """Covariance of the bends given the series, diag(``variance``) + k u u' on their rotated axes (node, point, 10);
    ``log_ratio`` (node, point) : half the log of its determinant over that of the prior.

    A priori the bends have sd eta, the first one, the growth at the onset, sd (eta^2 + more^2)^1/2: so its precision is
    that of the others less delta, and the inverse is that of Sherman and Morrison.
    """

    variance: Array
    u: Array
    k: Array
    log_ratio: Array

    @classmethod
    def given(cls, rotation: Array, eta: Array, more: Array, ratio: Array) -> Bends:
        """From the rotation (node, 10, 10), sds (node, point) and the information of the series, ``ratio``."""
        variance = 1 / (eta[..., None] ** -2 + ratio)
        first = rotation[:, None, 0]
        u = variance * first
        delta = more**2 / (eta**2 * (eta**2 + more**2))
        remaining = 1 - delta * (first * u).sum(-1)
        log_prior = 2 * variance.shape[-1] * np.log(eta) + np.log1p((more / eta) ** 2)
        return cls(variance, u, delta / remaining, 0.5 * (np.log(variance).sum(-1) - np.log(remaining) - log_prior))

    def times(self, vector: Array) -> Array:
        """The covariance times a vector (node, point, 10)."""
        return np.asarray(self.variance * vector + (self.k * (self.u * vector).sum(-1))[..., None] * self.u)
