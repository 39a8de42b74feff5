"""In which situations must an interval be honest? Errors and effects of simulated panels, five of nine units treated.

Every panel has 21 periods and its onset at the 11th. Innovations have the sd one, and errors are

    e_it = rho e_i,t-1 + u_it                 AR(1); a random walk with rho = 1
    sqrt(1 - h) e_it + sqrt(h) s_gt           h : the share of the error variance that a group shares, s like e

or as the name of the scenario says. The average effect is one where there is one.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import ErrorStructure
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_errors

TREATED, UNITS, PERIODS, ONSET = 5, 9, 21, 10
EFFECT = 1.0
Make = Callable[[np.random.Generator, int], Array]


@dataclass(frozen=True)
class Scenario:
    """Errors : (generator, panels) -> (panel, unit, period), and the effect over units and periods after the onset.

    ``path`` (11,) or ``units`` (5,) : how the average effect is spread, in shares of it; ``missing`` : which cells have
    no row, (unit, period).
    """

    name: str
    errors: Make
    path: tuple[float, ...] = (1.0,) * (PERIODS - ONSET)
    units: tuple[float, ...] = (1.0,) * TREATED
    missing: Array | None = None

    def outcomes(self, panels: int, seed: int) -> Array:
        """Errors of ``panels`` panels : (panel, unit, period)."""
        return self.errors(np.random.default_rng([seed, zlib.crc32(self.name.encode())]), panels)

    @property
    def effect(self) -> Array:
        """(unit, period), one on average over treated cells that have a row."""
        effect = np.zeros((UNITS, PERIODS))
        effect[:TREATED, ONSET:] = np.outer(self.units, self.path)
        counted = (
            effect[:TREATED, ONSET:] if self.missing is None else effect[np.logical_not(self.missing) & (effect != 0)]
        )
        return np.asarray(effect * EFFECT / counted.mean())


def golden_assignment() -> tuple[Assignment, range]:
    """Five of nine units treated, 21 years, onset at the 11th."""
    onsets = {f"U{i}": 2000 + ONSET if i < TREATED else None for i in range(UNITS)}
    return Assignment(onsets), range(2000, 2000 + PERIODS)


def _ar(rho: float, *, noise: float = 0.0) -> Make:
    def errors(rng: np.random.Generator, panels: int) -> Array:
        return _process(rng, (panels, UNITS), rho) + noise * rng.standard_normal((panels, UNITS, PERIODS))

    return errors


def _process(rng: np.random.Generator, shape: tuple[int, int], rho: float) -> Array:
    structure: ErrorStructure = "random_walk" if rho == 1 else "ar1"
    return np.asarray(simulate_errors(rng, (*shape, PERIODS), structure=structure, rho=rho, innovation_sd=1.0))


def _recursive(innovations: Array, *coefficients: float) -> Array:
    """x_t = sum of coefficients times earlier x + innovation; the first hundred are left out."""
    x = np.zeros_like(innovations)
    for t in range(len(coefficients), innovations.shape[-1]):
        x[..., t] = innovations[..., t] + sum(c * x[..., t - k] for k, c in enumerate(coefficients, start=1))
    return np.asarray(x[..., _BURN:])


_BURN = 100


def _second_order(rng: np.random.Generator, panels: int) -> Array:
    return _recursive(rng.standard_normal((panels, UNITS, _BURN + PERIODS)), 1.1, -0.3)


def _heavy(rng: np.random.Generator, panels: int) -> Array:
    return _recursive(rng.standard_t(3, (panels, UNITS, _BURN + PERIODS)) / np.sqrt(3), 0.8)


def _heavy_noise(rng: np.random.Generator, panels: int) -> Array:
    stationary = 1 / np.sqrt(1 - 0.8**2)
    noise = rng.standard_t(3, (panels, UNITS, PERIODS)) / np.sqrt(3)
    return np.asarray(_process(rng, (panels, UNITS), 0.8) + stationary * noise)


def _restless(scales: Array) -> Make:
    return lambda rng, panels: _process(rng, (panels, UNITS), 0.5) * scales[:, None]


def _break(rng: np.random.Generator, panels: int) -> Array:
    """A level that changes by two sds in one unit and year of each panel."""
    errors = _process(rng, (panels, UNITS), 0.5)
    unit, year = rng.integers(UNITS, size=panels), rng.integers(3, PERIODS - 3, size=panels)
    step = 2 / np.sqrt(1 - 0.5**2) * rng.choice([-1.0, 1.0], panels)
    for i in range(panels):
        errors[i, unit[i], year[i] :] += step[i]
    return errors


def _variance_change(rng: np.random.Generator, panels: int) -> Array:
    errors = _process(rng, (panels, UNITS), 0.5)
    errors[..., ONSET:] *= 2
    return errors


def _shared(share: float, rho: float, *, both: bool = False) -> Make:
    def errors(rng: np.random.Generator, panels: int) -> Array:
        single, shocks = _process(rng, (panels, UNITS), rho), _process(rng, (panels, 2), rho)
        mixed = np.sqrt(1 - share) * single
        mixed[:, :TREATED] += np.sqrt(share) * shocks[:, :1]
        mixed[:, TREATED:] = mixed[:, TREATED:] + np.sqrt(share) * shocks[:, 1:] if both else single[:, TREATED:]
        return np.asarray(mixed)

    return errors


def _factor(rng: np.random.Generator, panels: int) -> Array:
    """A random walk that every unit follows by a loading of its own."""
    loadings = rng.standard_normal((panels, UNITS, 1))
    return np.asarray(_process(rng, (panels, UNITS), 0.5) + 0.5 * loadings * _process(rng, (panels, 1), 1.0))


def _growing(rng: np.random.Generator, panels: int) -> Array:
    """Series that grow by two sds a year in all units alike."""
    return _process(rng, (panels, UNITS), 0.5) + 2.0 * np.arange(PERIODS)


def _gaps() -> Array:
    """A fifth of the cells, the same in every panel; no unit loses all years of one side of the onset."""
    return np.asarray(np.random.default_rng(20).random((UNITS, PERIODS)) < 0.2)


def _late() -> Array:
    """Two controls and a treated unit that start five and seven years late."""
    missing = np.zeros((UNITS, PERIODS), dtype=bool)
    missing[7, :5] = missing[8, :7] = missing[4, :7] = True
    return missing


_YEARS = PERIODS - ONSET
SCENARIOS = (
    Scenario("independent", _ar(0.0)),
    Scenario("AR 0.5", _ar(0.5)),
    Scenario("AR 0.8", _ar(0.8)),
    Scenario("AR 0.94", _ar(0.94)),
    Scenario("random walk", _ar(1.0)),
    Scenario("AR(2) 1.1, -0.3", _second_order),
    Scenario("AR 0.9 + yearly noise, sd 1", _ar(0.9, noise=1.0)),
    Scenario("AR 0.9 + yearly noise, sd 2.3", _ar(0.9, noise=2.3)),
    Scenario("AR 0.8, t(3) innovations", _heavy),
    Scenario("AR 0.8 + t(3) yearly noise", _heavy_noise),
    Scenario("AR 0.5, treated twice as restless", _restless(np.where(np.arange(UNITS) < TREATED, 2.0, 1.0))),
    Scenario("AR 0.5, controls twice as restless", _restless(np.where(np.arange(UNITS) < TREATED, 1.0, 2.0))),
    Scenario("AR 0.5, one control four times as restless", _restless(np.where(np.arange(UNITS) == 8, 4.0, 1.0))),
    Scenario("AR 0.5, a fifth of the cells missing", _ar(0.5), missing=_gaps()),
    Scenario("AR 0.5, late starters, growing series", _growing, missing=_late()),
    Scenario("AR 0.5, a level that breaks", _break),
    Scenario("AR 0.5, twice the sd from the onset on", _variance_change),
    Scenario("AR 0.8, treated share 10%", _shared(0.1, 0.8)),
    Scenario("AR 0.8, treated share 25%", _shared(0.25, 0.8)),
    Scenario("AR 0.8, treated share 50%", _shared(0.5, 0.8)),
    Scenario("independent, treated share 50%", _shared(0.5, 0.0)),
    Scenario("AR 0.8, both groups share 25%", _shared(0.25, 0.8, both=True)),
    Scenario("AR 0.8, both groups share 50%", _shared(0.5, 0.8, both=True)),
    Scenario("AR 0.5 + random walk with loadings", _factor),
    Scenario("AR 0.8, effect of three years", _ar(0.8), path=(1.0,) * 3 + (0.0,) * (_YEARS - 3)),
    Scenario("AR 0.8, effect that rises from zero", _ar(0.8), path=tuple(np.linspace(0, 2, _YEARS))),
    Scenario("AR 0.8, effects by country", _ar(0.8), units=(-0.5, 0.25, 1.0, 1.75, 2.5)),
)
