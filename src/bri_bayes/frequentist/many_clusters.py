"""What do the tests made for few clusters say of many outcomes on one design? The jackknife and the wild bootstrap.

Both look at the clusters of each outcome by themselves, so they cost more than the tests of ``many``, which simulation
studies of power use; the columns of the design are still taken apart once.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from scipy.special import stdtrit

from bri_bayes.core.arrays import Array
from bri_bayes.design.design import Design
from bri_bayes.frequentist.estimate import SIGNIFICANCE
from bri_bayes.frequentist.few_clusters import bootstrap_of
from bri_bayes.frequentist.many import Answers
from bri_bayes.frequentist.twfe import TwoWayFit, fit_twfe
from bri_bayes.frequentist.variance import crv3_of_many

TWFE_CRV3, TWFE_WILD = "twfe/cluster_crv3", "twfe/wild_cluster_bootstrap"


def cluster_tests(design: Design, outcomes: Array, effect: float) -> dict[str, Answers]:
    """CRV3 with t(G - 1) and the wild cluster bootstrap, of ``outcomes`` : (outcome, obs) whose ATT is ``effect``."""
    fit = fit_twfe(design)
    squares = fit.least_squares
    within = fit.partialled_out(outcomes.T)
    treated = fit.partialled_out(squares.X[:, :1])[:, 0]
    estimate = treated @ within / (treated @ treated)
    residuals = within - treated[:, None] * estimate
    half = float(stdtrit(int(fit.unit_ix.max()), 1 - SIGNIFICANCE / 2)) * crv3_of_many(squares, residuals, fit.unit_ix)
    jackknife = Answers(estimate, 2 * half, np.abs(estimate) > half, np.abs(estimate - effect) <= half)
    return {TWFE_CRV3: jackknife, TWFE_WILD: _wild(fit, design.sizes["unit"], estimate, residuals, effect)}


def _wild(fit: TwoWayFit, n_units: int, estimate: Array, residuals: Array, effect: float) -> Answers:
    rejects, covers, length = (np.empty(estimate.size, dtype=kind) for kind in (bool, bool, float))
    coefficients = fit.least_squares.coefficients.copy()
    for i, (value, remaining) in enumerate(zip(estimate, residuals.T, strict=True)):
        coefficients[0] = value
        squares = dataclasses.replace(fit.least_squares, coefficients=coefficients, residuals=remaining)
        row = bootstrap_of(dataclasses.replace(fit, least_squares=squares), n_units)
        low, high = (side if end is None else end for end, side in ((row.lower, -math.inf), (row.upper, math.inf)))
        rejects[i] = row.p_value is not None and row.p_value <= SIGNIFICANCE
        covers[i], length[i] = low <= effect <= high, high - low
    return Answers(estimate, length, rejects, covers)
