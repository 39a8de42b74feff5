"""Which donors does a move of a synthetic control take, in each of many chains? Compiled loops over chains and donors.

A position is drawn from a row of weights where their running sum passes u times their sum. Uniform numbers come from
outside, so that the moves are those of the chains' own generator.

Compiled by Numba, which PyTensor brings: Lam, Pitrou & Seibert (2015), doi:10.1145/2833157.2833162.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from math import log
from typing import Any

import numpy as np
from numba import njit

from bri_bayes.core.arrays import Array, Index, Mask

# Sums and least values may be taken in any order, so that a processor takes several numbers at once; none is no number.
_ANY_ORDER = {"reassoc", "nsz", "contract", "nnan"}
# Weights whose sum is taken at once, where a position is looked for.
_BLOCK = 16


def _kept[Compiled: Callable[..., Any]](function: Compiled) -> Compiled:
    """The same, its machine code kept beside this file (where that can be written) for the next process.

    What it calls is compiled together with it and not kept: so it is the same code whether or not there was a cache.
    """
    with suppress(RuntimeError):
        function.enable_caching()  # type: ignore[attr-defined]
    return function


@_kept
@njit(nogil=True)
def drawn(weights: Array, u: Array) -> Index:
    """A position drawn from each row of ``weights`` (rows, J) by a uniform number (rows,)."""
    at = np.empty(len(weights), dtype=np.intp)
    for row in range(len(weights)):
        at[row] = _position(weights, row, u[row] * _sum(weights, row))
    return at


@_kept
@njit(nogil=True)
def partners(weights: Array, j: Index, u: Array, chances: Array) -> Index:
    """Another donor beside each j : half by its weight, j itself where no other has any; half by ``chances``.

    ``chances`` (J, J) are running sums along the rows, whose last is one.
    """
    at, others = np.empty(len(weights), dtype=np.intp), np.empty((1, weights.shape[1]))
    for row in range(len(weights)):
        if u[row] < 0.5:
            for k in range(weights.shape[1]):
                others[0, k] = weights[row, k]
            others[0, j[row]] = 0.0
            total = _sum(others, 0)
            at[row] = _position(others, 0, 2 * u[row] * total) if total > 0 else j[row]
        else:
            at[row] = _passed(chances, j[row], 2 * u[row] - 1)
    return at


@_kept
@njit(nogil=True, fastmath=_ANY_ORDER, error_model="numpy")
def exchange_partners(
    j: Index,
    weights: Array,
    whitened: Array,
    turned: Array,
    donors: Array,
    squares: Array,
    at: Index,
    open_to: Mask,
    rate: Array,
    quarters: int,
    u: Array,
) -> tuple[Index, Array]:
    """With whom j exchanges weights, drawn by the root of the likelihood afterwards, and the log of the roots' sum.

    S after j and k have exchanged is |r|^2 - 2 d (D_j - D_k)'R'r + d^2 |R (D_j - D_k)|^2 with d = w_k - w_j, and the
    root of the likelihood (rate + S / 2)^(-quarters / 4). ``whitened`` r and ``turned`` R'r (rows, n); ``donors``
    (n, J); ``squares`` |R (D_j - D_k)|^2 (G, J, J) at the point ``at`` (rows,) of the grid. Where no other donor is
    open, j keeps its weight.
    """
    n_rows, n_donors = weights.shape
    chosen, total = np.empty(n_rows, dtype=np.intp), np.zeros(n_rows)
    along, level, power = np.empty(n_donors), np.empty(n_donors), np.empty((1, n_donors))
    for row in range(n_rows):
        i, w, usable, square = j[row], weights[row], open_to[row], squares[at[row], j[row]]
        along[:] = 0.0
        base = 0.0
        for t in range(donors.shape[0]):
            base += whitened[row, t] * whitened[row, t]
            v, of_period = turned[row, t], donors[t]
            for k in range(n_donors):
                along[k] += v * of_period[k]
        here, own_weight, of_row = along[i], w[i], rate[row]
        for k in range(n_donors):
            change = w[k] - own_weight
            s = base - 2 * change * (here - along[k]) + change * change * square[k]
            level[k] = of_row + max(s, 0.0) / 2 if usable[k] else np.inf
        level[i] = np.inf
        lowest = np.inf
        for k in range(n_donors):
            lowest = min(lowest, level[k])
        if lowest == np.inf:
            chosen[row] = i
            continue
        for k in range(n_donors):
            level[k] = np.sqrt(np.sqrt(lowest / level[k]))
            power[0, k] = 1.0
        remaining = quarters
        while remaining:
            if remaining & 1:
                for k in range(n_donors):
                    power[0, k] *= level[k]
            for k in range(n_donors):
                level[k] *= level[k]
            remaining >>= 1
        summed = _sum(power, 0)
        total[row] = log(summed) - quarters / 4 * log(lowest)
        chosen[row] = _position(power, 0, u[row] * summed)
    return chosen, total


@njit(nogil=True, fastmath=_ANY_ORDER)
def _sum(weights: Array, row: int) -> float:
    total = 0.0
    for k in range(weights.shape[1]):
        total += weights[row, k]
    return total


@njit(nogil=True, fastmath=_ANY_ORDER)
def _sum_of_block(weights: Array, row: int, first: int) -> float:
    total = 0.0
    for k in range(_BLOCK):
        total += weights[row, first + k]
    return total


@njit(nogil=True)
def _passed(sums: Array, row: int, limit: float) -> int:
    """Where a row of running sums (rows, J) passes ``limit``, by halves: np.searchsorted takes seconds to compile."""
    first, last = 0, sums.shape[1] - 1
    while first < last:
        middle = (first + last) // 2
        if sums[row, middle] > limit:
            last = middle
        else:
            first = middle + 1
    return first


@njit(nogil=True)
def _position(weights: Array, row: int, limit: float) -> int:
    """Where the running sum of a row of ``weights`` (rows, J) passes ``limit``: its block, then the place in it."""
    running, first = 0.0, 0
    last: int = weights.shape[1]
    while first + _BLOCK < last:
        after = running + _sum_of_block(weights, row, first)
        if after > limit:
            break
        running, first = after, first + _BLOCK
    for k in range(first, last):
        running += weights[row, k]
        if running > limit:
            return k
    return last - 1
