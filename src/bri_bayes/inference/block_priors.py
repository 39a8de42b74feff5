"""What do the priors of coefficients add to their precision? A scale for each block, a number or a hyperparameter.

A block whose scale is infinite is flat: no precision, and no part in the determinant.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.design.linear_terms import Block
from bri_bayes.inference.batched_algebra import log_determinants


def add_prior(system: Array, blocks: tuple[Block, ...], hyper: Mapping[str, Array]) -> Array:
    """Adds V^-1 of some blocks to the leading rows of ``system`` (B, ..., m, m) : its log determinant (B,)."""
    log_det, first = np.zeros(len(system)), 0
    diagonal = np.einsum("...ii->...i", system)  # a view
    for block in blocks:
        size = block.columns.shape[1]
        last = first + size
        if block.scale == inf:
            first = last
            continue
        scale = hyper[block.scale] if isinstance(block.scale, str) else np.full(len(system), block.scale)
        inverse = (scale**-2.0).reshape(-1, *[1] * (system.ndim - 2))
        if block.dependence is None:
            diagonal[..., first:last] += inverse
        else:
            dense = block.dependence.precision(hyper)
            log_det += log_determinants(dense)
            dense = dense.reshape(len(system), *[1] * (system.ndim - 3), size, size)
            system[..., first:last, first:last] += dense * inverse[..., None]
        log_det -= 2 * size * np.log(scale)
        first = last
    return log_det
