"""How fast could it be on this machine? The rate of its products and factorisations."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

# Order of the large matrices, and of the many small ones: about the coefficients that nine units share.
_LARGE, _SMALL, _MANY = 1500, 30, 400
_SECONDS = 0.3


def rates() -> tuple[float, float, float]:
    """1e9 operations a second of one core: large products, large Cholesky factors, many small Cholesky factors."""
    from scipy.linalg import get_lapack_funcs

    rng = np.random.default_rng(0)
    a = rng.standard_normal((_LARGE, _LARGE))
    spd = a @ a.T + _LARGE * np.eye(_LARGE)
    potrf = get_lapack_funcs("potrf", (spd,))
    small = spd[:_SMALL, :_SMALL] + np.zeros((_MANY, 1, 1))
    return (
        _rate(lambda: a @ a, 2.0 * _LARGE**3),
        _rate(lambda: potrf(spd, lower=1), _LARGE**3 / 3),
        _rate(lambda: np.linalg.cholesky(small), _MANY * _SMALL**3 / 3),
    )


def _rate(call: Callable[[], object], operations: float) -> float:
    call()
    times, started = 0, time.process_time()
    while time.process_time() - started < _SECONDS:
        call()
        times += 1
    return times * operations / (time.process_time() - started) / 1e9
