"""Compiled moves of a synthetic control against the same moves written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from bri_bayes.inference import donor_moves
from bri_bayes.inference.donor_moves import drawn, exchange_partners, partners

ROWS, DONORS, PERIODS, GRID = 40, 40, 7, 3


@pytest.fixture
def chains(rng):
    weights = rng.dirichlet(np.full(DONORS, 0.4), ROWS)
    return weights, rng.integers(0, DONORS, ROWS), rng.random(ROWS)


def position(weights, u):
    """Where the running sum passes u times the sum, row by row."""
    cumulated = weights.cumsum(axis=1)
    return np.minimum((cumulated <= u[:, None] * cumulated[:, -1:]).sum(axis=1), weights.shape[1] - 1)


def test_a_donor_is_drawn_where_the_running_sum_passes(chains):
    weights, _, u = chains
    assert (drawn(weights, u) == position(weights, u)).all()


def test_partners_are_drawn_half_by_weight_and_half_by_likeness(chains, rng):
    weights, j, u = chains
    chances = rng.random((DONORS, DONORS)) * (1 - np.eye(DONORS))
    chances /= chances.sum(axis=1, keepdims=True)
    summed = chances.cumsum(axis=1)
    others = weights.copy()
    others[np.arange(ROWS), j] = 0.0
    expected = np.where(u < 0.5, position(others, 2 * u), position(chances[j], 2 * u - 1))
    assert (partners(weights, j, u, summed) == expected).all()
    alone = np.eye(DONORS)[j]  # no other donor has any weight
    assert (partners(alone, j, np.full(ROWS, 0.3), summed) == j).all()


def test_the_partner_of_an_exchange_follows_the_root_of_the_likelihood_after_it(chains, rng):
    weights, j, u = chains
    root = rng.standard_normal((GRID, PERIODS, PERIODS))
    donors, at = rng.standard_normal((DONORS, PERIODS)), rng.integers(0, GRID, ROWS)
    whitened, rate, quarters = rng.standard_normal((ROWS, PERIODS)), rng.uniform(0.5, 2.0, ROWS), PERIODS + 2
    open_to = rng.random((ROWS, DONORS)) < 0.8
    open_to[np.arange(ROWS), j] = True
    open_to[0] = np.arange(DONORS) == j[0]  # a chain with a single donor
    paths = np.einsum("gst,jt->gjs", root, donors)
    squares = ((paths[:, :, None] - paths[:, None]) ** 2).sum(axis=3)
    turned = np.einsum("rst,rs->rt", root[at], whitened)
    chosen, total = exchange_partners(
        j, weights, whitened, turned, np.ascontiguousarray(donors.T), squares, at, open_to, rate, quarters, u
    )
    roots = np.zeros((ROWS, DONORS))
    for row in range(ROWS):
        for k in np.flatnonzero(open_to[row]):
            if k != j[row]:
                moved = weights[row, k] - weights[row, j[row]]
                after = whitened[row] - moved * (paths[at[row], j[row]] - paths[at[row], k])
                roots[row, k] = (rate[row] + after @ after / 2) ** (-quarters / 4)
    assert (chosen[0], total[0]) == (j[0], 0.0)
    assert total[1:] == pytest.approx(np.log(roots[1:].sum(axis=1)), rel=1e-10)
    assert (chosen[1:] == position(roots[1:], u[1:])).all()


def test_compiled_code_is_kept_where_it_can_be():
    assert donor_moves.drawn.stats.cache_path

    class Nowhere:
        def enable_caching(self):
            raise RuntimeError("no locator available")

    nowhere = Nowhere()
    assert donor_moves._kept(nowhere) is nowhere
