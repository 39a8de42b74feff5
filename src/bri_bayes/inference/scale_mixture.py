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

Walkers are those of ``walkers``. It is the model of ``models.error_model``; a test holds the two together.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np
from scipy.special import gammaln

from bri_bayes.core.arrays import Array
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import build_terms
from bri_bayes.inference.hyperparameters import reported
from bri_bayes.inference.marginal import to_parameters
from bri_bayes.inference.mixture_model import MixtureModel, by_name, covers_chains, starts
from bri_bayes.inference.walkers import Proposals, drawn_given, in_chains, walk
from bri_bayes.study.model_card import Likelihood, ModelCard

# Metropolis steps on nu in a sweep, and their size on the scale of log(nu - 2).
_NU_STEPS, _NU_SIZE = 4, 0.8


def covers(design: Design, card: ModelCard) -> bool:
    """Whether a card is a normal one but for its Student-t innovations, and small enough."""
    return card.likelihood.family == "student_t" and covers_chains(design, _normal(card))


def sample_mixture(design: Design, card: ModelCard, seed: int) -> dict[str, Array]:
    """Draws of every parameter that both engines report : name -> (chain x draw, ...), on the standardised scale."""
    rng, normal = np.random.default_rng(seed), _normal(card)
    terms = build_terms(design, normal)
    model = MixtureModel.build(terms, normal)
    chains, draws = card.sampler.chains, card.sampler.draws
    state = _State.begin(starts(design, normal, rng), terms.y.size)
    kept = walk(_Sweeps(model, Proposals(rng)), state, draws)
    values = {
        **reported(model.space.values(in_chains([some.vectors for some in kept], chains, draws))),
        "nu": in_chains([some.nu for some in kept], chains, draws),
        **by_name(terms, in_chains([some.coefficients for some in kept], chains, draws)),
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
    model: MixtureModel
    proposals: Proposals

    def learned(self, visited: list[_State]) -> _Sweeps:
        return _Sweeps(self.model, self.proposals.learned(np.concatenate([state.vectors for state in visited])))

    def next(self, state: _State) -> _State:
        model, rng = self.model, self.proposals.rng
        products = model.weighted(state.mixing)
        vectors, given = self.proposals.steps(state.vectors, lambda at: model.given(at, products))
        coefficients = drawn_given(given.factor, rng)
        squares = model.innovations(coefficients, given) ** 2
        nu = self._freedom(state.nu, squares)
        shape, rate = (nu[:, None] + 1) / 2, (nu[:, None] + squares) / 2
        return _State(vectors, nu, rng.standard_gamma(shape, squares.shape) / rate, coefficients)

    def _freedom(self, nu: Array, squares: Array) -> Array:
        """Metropolis steps on nu given squared innovations (B, obs) : (B,)."""
        rng, density = self.proposals.rng, _log_density_nu(nu, squares)
        for _ in range(_NU_STEPS):
            proposed = 2 + (nu - 2) * np.exp(_NU_SIZE * rng.standard_normal(nu.size))
            other = _log_density_nu(proposed, squares)
            moved = self.proposals.accepted(other - density)
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
