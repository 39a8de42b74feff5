"""Given what they do to the outcome, what are the true values of a variable that is reported with error?

    x_j = true_j + se_j (sqrt(w) c_i + sqrt(1 - w) v_j)        c_i, v_j ~ N(0, 1)
    true of a unit's first row ~ N(m, b^2),  true_j - true_j-1 ~ N(0, d s^2),  d the periods between
    e_j = a_j (true_j - x_j) + errors of precision Q           what is left of the outcome where true is x

With M = w se se' + (1 - w) diag(se^2) of a unit and P the precision of its walk, true - x has the precision
M^-1 + P + diag(a) Q diag(a) and the score P (m - x) + a o Q e, and the density of (x, e) follows with it integrated.
The model is that of ``models.measurement_error``, which has the priors of w, m, b and s.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from bri_bayes.core.arrays import Array, Index, Mask
from bri_bayes.design.error_process import Serial
from bri_bayes.inference.batched_algebra import cholesky, solve_lower
from bri_bayes.inference.mixture_model import GivenMixing
from bri_bayes.models.measurement_error import WIDE

# A standard error is at least this share of the spread of what is reported, and 1 - w at least this.
_SMALLEST, _LEAST_REST = 1e-5, 1e-9
# Where the walkers' (w, m, b, s) begin, unconstrained: w on the normal scale, m, log b, log s against its prior.
_START = np.array([0.0, 0.0, -0.7, -0.7])


class Place(NamedTuple):
    """(w, m, b, s) of B walkers."""

    share: Array
    level: Array
    between: Array
    within: Array


@dataclass(frozen=True, eq=False)
class GivenPlace:
    """At B walkers: log density of (w, m, b, s), the factor (B, N, T, T) of the precision of true - x, and its inverse
    times the score (B, N, T)."""

    log_density: Array
    factor: Array
    solved: Array


class Evidence(NamedTuple):
    """What the outcome says of true - x, by unit: precision (B, N, T, T) and score (B, N, T)."""

    precision: Array
    score: Array


@dataclass(frozen=True, eq=False)
class TrueValues:
    """``reported`` (obs,) and ``error`` (obs,), its standard errors, both less the mean and over the spread of what is
    reported; ``rows`` (N, T) of each unit, -1 beyond its last."""

    reported: Array
    error: Array
    serial: Serial
    rows: Index

    @classmethod
    def build(cls, reported: Array, standard_error: Array, serial: Serial) -> TrueValues:
        """In units of the spread of ``reported`` (obs,)."""
        spread = float(reported.std())
        starts = np.append(np.flatnonzero(serial.is_first), reported.size)
        rows = np.full((starts.size - 1, int(np.diff(starts).max())), -1)
        for unit, (first, last) in enumerate(pairwise(starts)):
            rows[unit, : last - first] = np.arange(first, last)
        error = np.maximum(standard_error / spread, _SMALLEST)
        return cls((reported - reported.mean()) / spread, error, serial, rows)

    def place(self, vectors: Array) -> Place:
        """From the unconstrained scale : (B, 4)."""
        share = np.minimum(ndtr(vectors[:, 0]), 1 - _LEAST_REST)
        return Place(share, vectors[:, 1], np.exp(vectors[:, 2]), np.exp(vectors[:, 3]))

    def given(self, vectors: Array, evidence: Evidence) -> GivenPlace:
        """The true values integrated."""
        place = self.place(vectors)
        share, level, between, within = (value[:, None, None] for value in place)
        n = self._known.sum(axis=1)
        inverse = np.where(self._known, 1 / self._padded(self.error, 1.0), 0.0)
        precision = -(share / (1 - share + share * n[:, None]))[..., None] * inverse[:, :, None] * inverse[:, None, :]
        diagonal = np.arange(inverse.shape[1])
        precision[..., diagonal, diagonal] += inverse**2
        precision /= (1 - share)[..., None]
        precision += self._walk / within[..., None] ** 2 + evidence.precision
        precision[..., 0, 0] += between[:, :, 0] ** -2
        precision[..., diagonal, diagonal] += ~self._known
        x = self._padded(self.reported, 0.0)
        score = evidence.score - (self._walk @ x[..., None])[..., 0] / within**2
        score[..., 0] += ((level - x[:, :1])[..., 0]) / between[:, :, 0] ** 2
        shape = precision.shape
        factor = cholesky(precision.reshape(-1, *shape[2:]))
        solved = solve_lower(factor, score.reshape(-1, shape[2], 1))[..., 0].reshape(score.shape)
        pivots = np.diagonal(factor, axis1=1, axis2=2).reshape(score.shape)
        rest, w = 1 - place.share[:, None], place.share[:, None]
        density = 0.5 * (solved**2).sum(axis=(1, 2)) - np.log(pivots).sum(axis=(1, 2))
        density += 0.5 * (-(n - 1) * np.log(rest) - np.log(rest + n * w)).sum(axis=1)
        density -= len(n) * np.log(place.between) + (n - 1).sum() * np.log(place.within)
        density -= 0.5 * ((x[:, 0] - place.level[:, None]) ** 2).sum(axis=1) / place.between**2
        steps = np.einsum("nt,nts,ns->", x, self._walk, x)
        density -= 0.5 * steps / place.within**2
        return GivenPlace(density + self._log_prior(vectors, place), factor.reshape(shape), solved)

    def draw(self, given: GivenPlace, rng: np.random.Generator) -> Array:
        """True values less what is reported, given all else : (B, obs)."""
        shape = given.factor.shape
        right = (given.solved + rng.standard_normal(given.solved.shape)).reshape(-1, shape[2], 1)
        drawn = solve_lower(given.factor.reshape(-1, *shape[2:]), right, transposed=True).reshape(given.solved.shape)
        away = np.empty((len(drawn), self.reported.size))
        away[:, self.rows[self._known]] = drawn[:, self._known]
        return away

    def evidence(self, errors: Array, slopes: Array, given: GivenMixing, class_ix: Index) -> Evidence:
        """Of the outcome, whose ``errors`` (B, obs) are those where nothing is measured with error and ``slopes``
        (B, obs) those of what is reported, in its units."""
        phi, scale = given.phi[:, class_ix], given.scale[:, class_ix]
        following = np.append(~self.serial.is_first[1:], False)
        next_phi = np.where(following, np.roll(phi, -1, axis=1), 0.0)
        next_scale = np.where(following, np.roll(scale, -1, axis=1), 1.0)
        diagonal = scale**-2.0 + (next_phi / next_scale) ** 2
        beside = -next_phi / next_scale**2
        after = np.where(following, np.roll(errors, -1, axis=1), 0.0)
        first = self.serial.is_first
        back = np.where(first, 0.0, np.roll(beside, 1, axis=1) * np.roll(errors, 1, axis=1))
        score = slopes * (diagonal * errors + beside * after + back)
        n_periods = self.rows.shape[1]
        precision = np.zeros((len(errors), *self.rows.shape, n_periods))
        at = np.arange(n_periods)
        precision[..., at, at] = self._by_unit(diagonal * slopes**2)
        off = self._by_unit(beside * slopes * np.where(following, np.roll(slopes, -1, axis=1), 0.0))[..., :-1]
        precision[..., at[:-1], at[1:]] = off
        precision[..., at[1:], at[:-1]] = off
        return Evidence(precision, self._by_unit(score))

    def _by_unit(self, values: Array) -> Array:
        """(B, N, T) of values (B, obs); zero beyond the last row of a unit."""
        return np.asarray(np.where(self._known, values[:, self.rows], 0.0))

    def _padded(self, values: Array, beyond: float) -> Array:
        return np.asarray(np.where(self._known, values[self.rows], beyond))

    @cached_property
    def _known(self) -> Mask:
        return np.asarray(self.rows >= 0)

    @cached_property
    def _walk(self) -> Array:
        """The precision of a random walk of unit steps, without where it begins : (N, T, T)."""
        gap = np.where(self._known[:, 1:], self._padded(self.serial.gap, 1.0)[:, 1:], np.inf)
        n_units, n_periods = self.rows.shape
        walk = np.zeros((n_units, n_periods, n_periods))
        at = np.arange(n_periods - 1)
        walk[:, at, at] += 1 / gap
        walk[:, at + 1, at + 1] += 1 / gap
        walk[:, at, at + 1] = walk[:, at + 1, at] = -1 / gap
        return walk

    @cached_property
    def _movement(self) -> float:
        later = np.flatnonzero(~self.serial.is_first)
        steps = (self.reported[later] - self.reported[later - 1]) ** 2 / self.serial.gap[later]
        return float(np.sqrt(steps.mean()))

    def start(self, size: int) -> Array:
        """Where B walkers begin : (B, 4)."""
        return np.repeat((_START + np.array([0.0, 0.0, 0.0, np.log(self._movement)]))[None], size, axis=0)

    def _log_prior(self, vectors: Array, place: Place) -> Array:
        """Of the unconstrained vectors, up to a constant : w uniform, m normal, b and s half-normal."""
        half = (place.between / WIDE) ** 2 + (place.within / (WIDE * self._movement)) ** 2
        uniform = vectors[:, 0] ** 2
        return np.asarray(-0.5 * (uniform + (place.level / WIDE) ** 2 + half) + vectors[:, 2] + vectors[:, 3])
