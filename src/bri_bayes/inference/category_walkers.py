"""Trade by category over years: many chains, step by step, effects integrated where scales and persistence move.

With h = (rho, spread, eta_common, eta_own), E the effects (``category_panel``), a sweep

1. moves h by Metropolis steps, E integrated,  2. draws E,
3. proposes Sigma from an inverse Wishart of the residuals, weighed by its prior,
4. moves Omega by Metropolis steps, given the effects u of countries, and given u whitened by Omega: of few countries
   the first hardly moves where Omega is small, the second where it is large (Yu & Meng 2011,
   doi:10.1198/jcgs.2011.203main).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.design.category_design import LKJ_SHAPE, CategoryDesign
from bri_bayes.inference.batched_algebra import cholesky, solve_lower
from bri_bayes.inference.category_panel import CategoryPanel
from bri_bayes.inference.covariances import factor_of, inverse, inverse_wishart, log_det, log_lkj, sds
from bri_bayes.inference.walkers import WALKERS, Proposals, in_chains, walk
from bri_bayes.models.categories import COUNTRY, ERROR

# The power of |Sigma| by which the proposal departs from the likelihood, half way to its prior.
_TOWARDS_PRIOR = 2.5
# Steps of Omega in a sweep, of each kind: how far the log of an sd moves, and which share of angles how far.
_STEPS, _SD, _SHARE, _ANGLE = 18, 1.0, 0.25, 0.5
# Where walkers begin: rho, and the logs of scales; sds of countries; and how far the chains differ.
_START, _START_SD, _JITTER = np.array([0.5, -0.7, -1.5, -1.5]), -0.7, 0.3


@dataclass(frozen=True, eq=False)
class CategoryState:
    """Where B walkers are: h and Omega unconstrained, the factor of Sigma (B, C, C), and E (B, rows, C)."""

    vectors: Array
    omega: Array
    sigma: Array
    every: Array


def sample_category_panel(design: CategoryDesign, chains: int, draws: int, seed: int) -> dict[str, Array]:
    """Draws : path (R, K, C), u (R, countries, C), rho and spread (R,), lower factors country and error (R, C, C)."""
    rng, model = np.random.default_rng(seed), CategoryPanel.build(design)
    size, shape = chains * WALKERS, (chains, WALKERS)
    n_omega = model.size * (model.size + 1) // 2
    jitter = np.repeat(_JITTER * rng.standard_normal((chains, 4 + n_omega)), shape[1], axis=0)
    vectors = _START + jitter[:, :4]
    omega = np.concatenate([np.full(model.size, _START_SD), np.zeros(n_omega - model.size)]) + jitter[:, 4:]
    none = np.zeros((size, model.columns.shape[2], model.size))
    none[:, np.arange(model.size), np.arange(model.size)] = 1.0
    products, _ = model.moments(model.scales(vectors)[0])
    sigma = cholesky(np.swapaxes(none, 1, 2) @ products @ none / model.rows)
    kept = walk(_Sweeps(model, Proposals(rng)), CategoryState(vectors, omega, sigma, none), draws)
    path, u = model.paths(in_chains([state.every for state in kept], chains, draws))
    rho, spread, _, _ = model.scales(in_chains([state.vectors for state in kept], chains, draws))
    country, _ = factor_of(in_chains([state.omega for state in kept], chains, draws), model.size)
    error = in_chains([state.sigma for state in kept], chains, draws)
    return {"path": path, "u": u, "rho": rho, "spread": spread, "country": country, "error": error}


@dataclass(frozen=True, eq=False)
class _Sweeps:
    model: CategoryPanel
    proposals: Proposals

    def learned(self, visited: Sequence[CategoryState]) -> _Sweeps:
        return _Sweeps(self.model, self.proposals.learned(np.concatenate([state.vectors for state in visited])))

    def next(self, state: CategoryState) -> CategoryState:
        model = self.model
        country, _ = factor_of(state.omega, model.size)
        vectors, given = self.proposals.steps(state.vectors, lambda at: model.given(at, state.sigma, country))
        every = model.draw(given, self.proposals.rng)
        sigma = self._errors(state.sigma, np.swapaxes(every, 1, 2) @ given.products @ every)
        omega, every = self._countries(state.omega, sigma, every, given.products)
        return CategoryState(vectors, omega, sigma, every)

    def _errors(self, sigma: Array, residuals: Array) -> Array:
        """Sigma given the cross-products of residuals : (B, C, C)."""
        degrees = self.model.rows - self.model.size - 1 + 2 * _TOWARDS_PRIOR
        proposed = inverse_wishart(self.proposals.rng, degrees, residuals)
        moved = self.proposals.accepted(_weight(proposed) - _weight(sigma))
        return np.asarray(np.where(moved[:, None, None], proposed, sigma))

    def _countries(self, omega: Array, sigma: Array, every: Array, products: Array) -> tuple[Array, Array]:
        """Omega, and E with the effects of countries that follow."""
        size, precision = self.model.size, inverse(sigma)
        rows = slice(size + len(self.model.walk), size + len(self.model.walk) + self.model.countries)
        u = np.swapaxes(every[:, rows], 1, 2)
        factor, prior = _country_prior(omega, size)
        density = prior + _log_normal(u, factor)
        for step in range(_STEPS):
            proposed = self._near(omega, step)
            other_factor, other_prior = _country_prior(proposed, size)
            other = other_prior + _log_normal(u, other_factor)
            moved = self.proposals.accepted(other - density)
            omega, density = np.where(moved[:, None], proposed, omega), np.where(moved, other, density)
            factor = np.where(moved[:, None, None], other_factor, factor)
        white = solve_lower(factor, u)
        density = _country_prior(omega, size)[1] + _log_fit(every, products, precision)
        for step in range(_STEPS):
            proposed = self._near(omega, step)
            other_factor, other_prior = _country_prior(proposed, size)
            moving = every.copy()
            moving[:, rows] = np.swapaxes(other_factor @ white, 1, 2)
            other = other_prior + _log_fit(moving, products, precision)
            moved = self.proposals.accepted(other - density)
            omega, density = np.where(moved[:, None], proposed, omega), np.where(moved, other, density)
            every = np.where(moved[:, None, None], moving, every)
        return omega, every

    def _near(self, omega: Array, step: int) -> Array:
        """The sd of one category, or, every third time, some of the angles."""
        rng, size, n = self.proposals.rng, self.model.size, len(omega)
        proposed = omega.copy()
        if step % 3 == 2:
            chosen = rng.random((n, omega.shape[1] - size)) < _SHARE
            proposed[:, size:] += _ANGLE * chosen * rng.standard_normal(chosen.shape)
        else:
            proposed[np.arange(n), rng.integers(size, size=n)] += _SD * rng.standard_normal(n)
        return proposed


def _weight(factor: Array) -> Array:
    """The prior of Sigma times the power of |Sigma| that its proposal leaves out, up to a constant : (B,)."""
    sd = sds(factor)
    half_t = -2 * np.log1p((sd / ERROR) ** 2 / 3) - sd.shape[1] * np.log(sd)
    return np.asarray(log_lkj(factor, LKJ_SHAPE) + half_t.sum(axis=1) + _TOWARDS_PRIOR * log_det(factor))


def _country_prior(omega: Array, size: int) -> tuple[Array, Array]:
    """The factor of Omega, and the log prior density of its unconstrained vector, up to a constant."""
    factor, jacobian = factor_of(omega, size)
    of_sds = (-0.5 * (np.exp(omega[:, :size]) / COUNTRY) ** 2 + omega[:, :size]).sum(axis=1)
    return factor, log_lkj(factor, LKJ_SHAPE) + jacobian + of_sds


def _log_normal(u: Array, factor: Array) -> Array:
    """log density of the columns of u (B, C, countries) under N(0, L L'), up to a constant : (B,)."""
    white = solve_lower(factor, u)
    return np.asarray(-0.5 * (white**2).sum(axis=(1, 2)) - 0.5 * u.shape[2] * log_det(factor))


def _log_fit(every: Array, products: Array, precision: Array) -> Array:
    """-tr(Sigma^-1 E'ME) / 2 : (B,)."""
    return np.asarray(-0.5 * ((products @ every) * (every @ precision)).sum(axis=(1, 2)))
