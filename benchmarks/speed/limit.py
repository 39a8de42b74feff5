"""How fast could it be on this machine? The rate of its products and factorisations, and what the closed form needs."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from bri_bayes.design.analysis import Analysis
from bri_bayes.inference.att import att_posterior
from bri_bayes.inference.collapsed import Collapsed

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


def operations(recipe: Analysis) -> float:
    """Operations of the factorisations of one posterior: at each point the columns of each kind of units, then those of
    all.

    With K kinds of units of q columns (each unit a kind of its own where nothing is summed over units), p shared ones
    and r = p + 1 with the outcome (``inference.summed_units``, ``inference.collapsed``): K (q^3 / 3 + q^2 r + q r^2) +
    r^3 / 3; the points are those at which one answer has been computed.
    """
    model = Collapsed.build(recipe.design, recipe.card)
    terms, units = model.terms, model.summed or model.alike
    kinds = terms.n_units if units is None else len(units.kinds)
    q, p = (sum(block.columns.shape[1] for block in level) for level in (terms.per_unit, terms.shared))
    r = p + 1
    at_a_point = kinds * (q**3 / 3 + q**2 * r + q * r**2) + r**3 / 3
    points = len(att_posterior(recipe.design, recipe.card, 0).points.vectors)
    return at_a_point * points
