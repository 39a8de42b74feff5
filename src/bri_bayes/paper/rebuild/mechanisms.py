"""Which outcomes and mechanism indices give Tables 5, 6 and 7, on the covariates of Table 3?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.data.simulation import simulate_errors
from bri_bayes.paper.rebuild.arrays import combined, group_centred, products, unit_means, within, without
from bri_bayes.paper.rebuild.covariates import COVARIATES
from bri_bayes.paper.rebuild.rows import Rows, estimates, generator
from bri_bayes.paper.tables import Published, Regression

# Outcomes and indices are persistent, with this AR(1) coefficient, and drift by this share of their spread from first
# year to last.
PERSISTENCE, DRIFT = 0.7, 0.5
# Levels of the outcomes, chosen here: the paper says no unit of them.
LEVELS = {"flow": 60.0, "quality_exp": 0.5, "quality_imp": 0.5}
# The share of BRI in the moves of an index: all of them rise in treated units after the onset.
BRI_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class _Setting:
    """The rows, with BRI and the covariates of Tables 5 to 7 after both effects : (unit, period)."""

    published: Published
    rows: Rows
    bri: Array
    covariates: Array


def outcomes(published: Published, rows: Rows, covariates: Array) -> dict[str, Array]:
    """Flow and the two qualities of Table 5 by name : (unit, period).

    Within: X b + e with e orthogonal to BRI and all four covariates, as long as the standard error of BRI asks
    for; unit and period means as long as the R-squared asks for.
    """
    setting = _Setting(published, rows, within(rows.bri), within(covariates))
    return {r.outcome: _outcome(setting, r) for r in published.regressions() if r.table == 5}


def indices(published: Published, rows: Rows, covariates: Array, outcome: Array, name: str) -> dict[str, Array]:
    """The mechanism indices with which Table 6 or 7 holds for one outcome, by name : (unit, period).

    Within, with g the coefficients of the outcome on the covariates alone and q what these leave of it:

        M = X (g - b) / c + s (cos q_perp + sin q / |q|),   sin = c s / |q|,   q_perp orthogonal to X and q,

    so that the outcome has the coefficient c on M and b on X. The length s follows from the standard error of c.
    """
    setting = _Setting(published, rows, within(rows.bri), within(covariates))
    by_name = {}
    for regression in published.regressions():
        if regression.outcome == name and regression.table in (6, 7):
            by_name[regression.regressors[0]] = _index(setting, regression, within(outcome))
    return by_name


def _outcome(setting: _Setting, regression: Regression) -> Array:
    published, rows = setting.published, setting.rows
    b = estimates(published, *regression.key)
    every = {"BRI": setting.bri} | dict(zip(COVARIATES, setting.covariates, strict=True))
    columns = np.stack([every[name] for name in regression.regressors])
    rng = generator(7, _position(regression.outcome))
    noise = within(group_centred(simulate_errors(rng, rows.bri.shape, rho=PERSISTENCE), rows.ever_treated))
    error = without(noise[None], np.stack(list(every.values())))[0]
    bread = np.linalg.inv(products(columns, columns))
    at = regression.regressors.index("BRI")
    square = published.cell(*regression.key, "BRI").se.value ** 2 * _freedom(rows, regression) / bread[at, at]
    inside = combined(np.array([b[name] for name in regression.regressors]), columns)
    inside = inside + error * np.sqrt(square / (error**2).sum())
    printed = published.r_squared(*regression.key)
    assert printed is not None, "Table 5 prints an R-squared in every column"
    outside = square / (1 - printed.value) - float((inside**2).sum())
    return np.asarray(inside + LEVELS[regression.outcome] + _means(rows, rng, max(outside, 0.0)))


def _index(setting: _Setting, regression: Regression, outcome: Array) -> Array:
    published, rows, X = setting.published, setting.rows, setting.covariates
    b = estimates(published, *regression.key)
    name, c = regression.regressors[0], b[regression.regressors[0]]
    gram = products(X, X)
    alone = np.linalg.solve(gram, products(X, outcome[None])[:, 0])
    residual = outcome - combined(alone, X)
    rng = generator(8, _position(regression.outcome), _position(name))
    noise = within(group_centred(simulate_errors(rng, rows.bri.shape, rho=PERSISTENCE), rows.ever_treated))
    noise = noise / noise.std() + BRI_SHARE * setting.bri / setting.bri.std()
    orthogonal = without(noise[None], np.concatenate([X, residual[None]]))[0]
    size, other = np.linalg.norm(residual), np.linalg.norm(orthogonal)
    length = _length(float(size), c, published.cell(*regression.key, name).se.value, _freedom(rows, regression))
    sine = c * length / size
    beyond = length * (np.sqrt(1 - sine**2) * orthogonal / other + sine * residual / size)
    explained = combined((alone - np.array([b[x] for x in COVARIATES])) / c, X)
    inside = explained + beyond
    return np.asarray(inside + _means(rows, rng, float((inside**2).sum())))


def _length(size: float, c: float, se: float, freedom: int) -> float:
    """The length s of an index, after the covariates, whose coefficient c then has the ordinary standard error.

    se^2 = (|q|^2 - c^2 s^2) / freedom / s^2
    """
    return size / float(np.sqrt(freedom * se**2 + c**2))


def _freedom(rows: Rows, regression: Regression) -> int:
    """Rows less parameters, the effects of units and periods included."""
    return rows.size - len(rows.units) - len(rows.years) + 1 - len(regression.regressors)


def _means(rows: Rows, rng: np.random.Generator, square: float) -> Array:
    """Unit means and a drift over the years, around zero, with this sum of squares : (unit, period)."""
    levels = unit_means(rng.normal(size=(len(rows.units), 1)) * np.ones_like(rows.bri))
    drift = np.linspace(-DRIFT, DRIFT, len(rows.years)) * np.ones_like(rows.bri)
    columns = levels + drift
    return np.asarray(columns * np.sqrt(square / (columns**2).sum()))


def _position(name: str) -> int:
    """A number that only the name decides, for its own stream of random numbers."""
    return int.from_bytes(name.encode(), "big") % (1 << 32)
