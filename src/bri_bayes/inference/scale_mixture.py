"""How are Student-t innovations sampled? As normal ones whose variances are drawn, too: many chains, step by step.

    y = Z b + e,   e_j = phi_j e_{j-1} + s_j eps_j,   eps_j | lam_j ~ N(0, 1 / lam_j),   lam_j ~ Gamma(nu/2, nu/2)

so eps_j ~ t_nu (Geweke 1993, doi:10.1002/jae.3950080504). Given lam the model is normal and its coefficients b can be
integrated as in ``collapsed``. A sweep

1. moves the hyperparameters h by Metropolis steps on p(h | lam, y), b integrated,
2. draws b from p(b | h, lam, y),
3. moves nu by Metropolis steps on p(nu | b, h, y), lam integrated,
4. draws lam from p(lam | nu, b, h, y).

1 and 2 are together a step on (h, b), 3 and 4 one on (nu, lam), so the order of a partially collapsed sampler is kept
(van Dyk & Park 2008, doi:10.1198/016214508000000409).

A chain of the card is ``WALKERS`` chains from one start that move side by side, each with a part of its draws: so its
split R-hat asks whether the starts are forgotten (nested R-hat; Margossian et al. 2025, doi:10.1214/24-BA1453).
It is the model of ``models.error_model``; a test holds the two together.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np
from scipy.special import gammaln

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import WEIGHT
from bri_bayes.design.design import Design
from bri_bayes.design.error_process import whitened
from bri_bayes.design.linear_terms import build_terms
from bri_bayes.inference.batched_algebra import solve_lower
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.hyperparameters import hyperparameters, reported
from bri_bayes.inference.importance import FEW_POINTS, PROPOSAL_DF, Student, moments, sample_by_importance, widened
from bri_bayes.inference.marginal import MAX_HYPERPARAMETERS, systematic, to_parameters
from bri_bayes.inference.mixture_model import GivenMixing, MixtureModel, by_name, coefficients_of
from bri_bayes.study.model_card import Likelihood, ModelCard

# Chains that move side by side for one of the card, sweeps before the first draw that is kept, and between two of them.
WALKERS, WARM_UP, THIN = 16, 125, 4
# While it warms up, the sampler learns the spread of h from all walkers, anew after so many sweeps.
_LEARN = 25
# Metropolis steps on nu in a sweep, and their size on the scale of log(nu - 2).
_NU_STEPS, _NU_SIZE = 4, 0.8
# Numbers of the cross-products of all rows: beyond, NUTS is shorter.
MOST_PRODUCTS = 20_000_000


def covers(design: Design, card: ModelCard) -> bool:
    """Whether a card is a normal one but for its Student-t innovations, and small enough."""
    normal = _normal(card)
    if card.likelihood.family != "student_t" or not normal.is_marginal or WEIGHT in design:
        return False
    if card.errors.structure not in ("iid", "ar1", "random_walk"):
        return False
    terms = build_terms(design, normal)
    if any(block.exposed is not None for block in terms.blocks):
        return False
    size = coefficients_of(terms) + 1
    few = hyperparameters(terms, normal).dimension <= MAX_HYPERPARAMETERS
    return few and 3 * terms.y.size * size * (size + 1) // 2 <= MOST_PRODUCTS


def sample_mixture(design: Design, card: ModelCard, seed: int) -> dict[str, Array]:
    """Draws of every parameter that both engines report : name -> (chain x draw, ...), on the standardised scale."""
    rng, normal = np.random.default_rng(seed), _normal(card)
    terms = build_terms(design, normal)
    model = MixtureModel.build(terms, normal)
    first = sample_by_importance(Collapsed.build(design, normal).log_posterior, model.space.start(), FEW_POINTS, rng)
    chains, draws = card.sampler.chains, card.sampler.draws
    starts = first.vectors[rng.permutation(systematic(first.weights, chains, rng))]
    state = _State.begin(np.repeat(starts, WALKERS, axis=0), terms.y.size)
    sweeps = _Sweeps(model, rng)
    for _ in range(WARM_UP // _LEARN):
        visited = []
        for _ in range(_LEARN):
            state = sweeps.next(state)
            visited.append(state.vectors)
        sweeps = sweeps.learned(np.concatenate(visited))
    kept = []
    for _ in range(-(-draws // WALKERS)):
        for _ in range(THIN):
            state = sweeps.next(state)
        kept.append(state)
    values = {
        **reported(model.space.values(_in_chains([some.vectors for some in kept], chains, draws))),
        "nu": _in_chains([some.nu for some in kept], chains, draws),
        **by_name(terms, _in_chains([some.coefficients for some in kept], chains, draws)),
    }
    return to_parameters(design, normal, values)


@dataclass(frozen=True, eq=False)
class _State:
    """Where B walkers are: h unconstrained (B, d), nu (B,), lam (B, obs), b (B, K)."""

    vectors: Array
    nu: Array
    mixing: Array
    coefficients: Array = field(default_factory=lambda: np.empty((0, 0)))

    @classmethod
    def begin(cls, vectors: Array, rows: int) -> _State:
        return cls(vectors, np.full(len(vectors), 8.0), np.ones((len(vectors), rows)))


@dataclass(frozen=True, eq=False)
class _Sweeps:
    """Sweeps over all walkers; ``center``, ``covariance`` : of h, as far as they are learned."""

    model: MixtureModel
    rng: np.random.Generator
    center: Array | None = None
    covariance: Array | None = None

    def learned(self, vectors: Array) -> _Sweeps:
        """The same with proposals that suit where walkers have been : (visits, d)."""
        center, covariance = moments(np.full(len(vectors), 1 / len(vectors)), vectors)
        return dataclasses.replace(self, center=center, covariance=covariance)

    def next(self, state: _State) -> _State:
        """The state after a sweep."""
        model, rng = self.model, self.rng
        products = model.weighted(state.mixing)
        vectors, given = self._steps(state.vectors, model.given(state.vectors, products), products)
        noise = rng.standard_normal((len(vectors), model.size))
        right = (given.factor[:, -1, :-1] + noise)[..., None]
        coefficients = solve_lower(given.factor[:, :-1, :-1], right, transposed=True)[..., 0]
        error = model.columns[:, -1] - coefficients @ model.columns[:, :-1].T
        phi, scale = given.phi[:, model.class_ix], given.scale[:, model.class_ix]
        squares = whitened(model.serial, error, phi, scale) ** 2
        nu = self._freedom(state.nu, squares)
        shape, rate = (nu[:, None] + 1) / 2, (nu[:, None] + squares) / 2
        return _State(vectors, nu, rng.standard_gamma(shape, squares.shape) / rate, coefficients)

    def _steps(self, vectors: Array, given: GivenMixing, products: Array) -> tuple[Array, GivenMixing]:
        """Metropolis steps on h: a near one, and, when the spread is learned, one to anywhere."""
        size, d = vectors.shape
        covariance = np.eye(d) * 0.01 if self.covariance is None else self.covariance
        near = Student(np.zeros(d), covariance * 2.38**2 / d)
        proposed = vectors + self.rng.standard_normal((size, d)) @ near.factor.T
        vectors, given = self._accept(vectors, given, proposed, products, np.zeros(size))
        if self.center is not None:
            anywhere = Student(self.center, widened(covariance))
            tails = np.sqrt(PROPOSAL_DF / self.rng.chisquare(PROPOSAL_DF, size))[:, None]
            proposed = self.center + tails * self.rng.standard_normal((size, d)) @ anywhere.factor.T
            odds = anywhere.log_density(vectors) - anywhere.log_density(proposed)
            vectors, given = self._accept(vectors, given, proposed, products, odds)
        return vectors, given

    def _accept(
        self, vectors: Array, given: GivenMixing, proposed: Array, products: Array, log_odds: Array
    ) -> tuple[Array, GivenMixing]:
        other = self.model.given(proposed, products)
        moved = np.log(self.rng.random(len(vectors))) < other.log_density - given.log_density + log_odds
        taken = {
            item.name: np.where(
                moved.reshape(-1, *[1] * (getattr(given, item.name).ndim - 1)),
                getattr(other, item.name),
                getattr(given, item.name),
            )
            for item in dataclasses.fields(GivenMixing)
        }
        return np.where(moved[:, None], proposed, vectors), GivenMixing(**taken)

    def _freedom(self, nu: Array, squares: Array) -> Array:
        """Metropolis steps on nu given squared innovations (B, obs) : (B,)."""
        density = _log_density_nu(nu, squares)
        for _ in range(_NU_STEPS):
            proposed = 2 + (nu - 2) * np.exp(_NU_SIZE * self.rng.standard_normal(nu.size))
            other = _log_density_nu(proposed, squares)
            moved = np.log(self.rng.random(nu.size)) < other - density
            nu, density = np.where(moved, proposed, nu), np.where(moved, other, density)
        return nu


def _log_density_nu(nu: Array, squares: Array) -> Array:
    """Of log(nu - 2), nu - 2 ~ Gamma(2, 0.1) a priori, up to a constant : (B,)."""
    n = squares.shape[1]
    tail = np.log1p(squares / nu[:, None]).sum(axis=1)
    row = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu)
    return np.asarray(n * row - 0.5 * (nu + 1) * tail + 2 * np.log(nu - 2) - 0.1 * (nu - 2))


def _normal(card: ModelCard) -> ModelCard:
    return dataclasses.replace(card, likelihood=Likelihood())


def _in_chains(kept: list[Array], chains: int, draws: int) -> Array:
    """Of every walker's draws those of each chain one after the other : (chain x draw, ...)."""
    by_walker = np.stack(kept, axis=1)  # (chain x walker, draw, ...)
    joined = by_walker.reshape(chains, -1, *by_walker.shape[2:])
    return np.asarray(joined[:, :draws].reshape(-1, *by_walker.shape[2:]))
