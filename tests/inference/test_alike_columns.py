"""Columns that units share are whitened once: the same cross-products as unit by unit, whatever the panel."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bri_bayes.inference.dense_errors import DensePatterns

T, Q = 7, 2


def covariance(hyper, periods):
    lag = np.abs(periods[:, None] - periods[None, :])
    return hyper["sigma"][:, None, None] * (0.6**lag + 0.3 * np.eye(len(periods)))


def products(missing: bool, sets: np.ndarray, seed: int = 3):
    """Those of nine units, four of them treated: two own columns, three shared ones, a covariate and an outcome."""
    rng = np.random.default_rng(seed)
    unit_ix, period = np.repeat(np.arange(9), T), np.tile(np.arange(T, dtype=float), 9)
    after = (unit_ix < 4) * (period >= 3.0)
    shared = np.column_stack([period == 1, period == 4, after * period])
    columns = np.column_stack([np.ones(unit_ix.size), after, shared, rng.standard_normal((unit_ix.size, 2))])
    if missing:
        kept = ~(((unit_ix == 1) & (period == 2)) | (unit_ix == 8) & (period == 0) | (unit_ix == 6))
        unit_ix, period, columns = unit_ix[kept], period[kept], columns[kept]
    ready = DensePatterns(unit_ix, period, covariance).products([columns], Q, sets, None)
    return ready, {"sigma": np.array([0.5, 2.0])}


@pytest.mark.parametrize("sets", [np.zeros(9, dtype=int), np.array([0, 0, 1, 1, 1, 2, 2, 0, 2])])
@pytest.mark.parametrize("missing", [False, True])
def test_kinds_give_what_units_one_by_one_give(missing, sets):
    ready, hyper = products(missing, sets)
    one_by_one = dataclasses.replace(ready)
    one_by_one.__dict__["_alike"] = None
    if not missing and not sets.any():
        assert ready._alike is not None
        assert sum(len(part.kinds) for part in ready._alike) == 2
    for name, value in vars(one_by_one.at(hyper)).items():
        assert getattr(ready.at(hyper), name) == pytest.approx(value, rel=1e-12, abs=1e-12), name


def test_units_that_differ_in_every_column_are_whitened_one_by_one():
    ready, hyper = products(False, np.zeros(9, dtype=int))
    columns = np.random.default_rng(1).standard_normal(ready.columns[0].shape)
    assert dataclasses.replace(ready, columns=(columns,))._alike is None
    assert np.isfinite(dataclasses.replace(ready, columns=(columns,)).at(hyper).rest).all()
