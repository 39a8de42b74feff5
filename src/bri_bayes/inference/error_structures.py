"""Which precision does the error structure of a card have? Its word, in one of the forms of ``error_precision``."""

from __future__ import annotations

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.names import ErrorStructure
from bri_bayes.design.error_process import process_covariance
from bri_bayes.inference.dense_errors import DensePatterns
from bri_bayes.inference.error_precision import ErrorPrecision, Hyper, serial_precision


def error_precision(structure: ErrorStructure, unit_ix: Index, period: Array, *, by_unit: bool) -> ErrorPrecision:
    """The precision of an error structure; ``by_unit`` : each unit has a scale, ``sigma_unit`` (B, N)."""
    if structure == "ar1_noise":
        return _noisy_precision(unit_ix, period, by_unit=by_unit)
    return serial_precision(structure, unit_ix, period, by_unit=by_unit)


def _noisy_precision(unit_ix: Index, period: Array, *, by_unit: bool) -> DensePatterns:
    """AR(1) plus noise; the scale of a unit against the common one counts for both."""
    n_units = int(unit_ix.max()) + 1

    def covariance(hyper: Hyper, periods: Array) -> Array:
        return process_covariance("ar1_noise", hyper["sigma"], periods, hyper["rho"], hyper["noise"])

    def unit_scale(hyper: Hyper) -> Array:
        return np.asarray((hyper["sigma_unit"][:, :n_units] / hyper["sigma"][:, None]) ** -2.0)

    return DensePatterns(unit_ix, period, covariance, unit_scale if by_unit else None)
