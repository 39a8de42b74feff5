"""What weighted average of untreated units would each treated unit have followed? A Bayesian synthetic control.

With D the paths of J donors and z that of the target, each less its mean before the onset,

    z_t = mu + sum_j w_j D_jt + e_t   before the onset,   e AR(1): rho uniform on a grid, innovation sd sigma
    w ~ Dirichlet(c / J, ..., c / J),   mu flat,   sigma ~ HalfStudentT(3, 1) on the standardised scale

and after the onset the same sum, with e going on from where it was, is the outcome without the policy. The
intercept lets a small country follow a large one (Ferman & Pinto 2021). c = 4 says that about five donors count, a
priori: (c + 1) / (c / J + 1).

Sampling, sigma integrated out: S is the sum of squares of the whitened residual, and the likelihood of the weights
(rate + S / 2)^-half. Two kinds of moves, all chains of all targets together:

- division: a donor j is drawn with probability w_j and another one k, half by its weight and half with probability
  P_jk, the greater the more its path resembles that of j. Their mass m = w_j + w_k stays; its division u is proposed
  from g = (Beta(c / J, c / J) + Uniform + N) / 3: its conditional prior b, and a normal at the best division. A move
  is accepted by Metropolis and Hastings: the ratio of likelihoods times that of b / g and that of the probabilities
  of choosing the pair.
- exchange: a donor drawn by its weight exchanges weights with one that the data choose among all. The prior knows no
  donor from another, so only the likelihood counts. Without it chains of two hundred donors do not meet.

Source: Abadie, Diamond & Hainmueller (2010), doi:10.1198/jasa.2009.ap08746; Ferman & Pinto (2021), Quantitative
Economics 12(4), doi:10.3982/QE1596; half-t scales as mixtures: Wand et al. (2011), doi:10.1214/11-BA631;
proposals informed by the likelihood: Zanella (2020), doi:10.1080/01621459.2019.1585255.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma

import numpy as np

from bri_bayes.core.arrays import Array, Index, Mask
from bri_bayes.inference.division import Division
from bri_bayes.inference.donor_moves import drawn, exchange_partners, partners
from bri_bayes.inference.forecast import RHO_GRID, Ar1Grid, ar1_grid

CONCENTRATION = 4.0
# Rounds of moves (``_DIVISIONS`` and one exchange) between two updates of rho and sigma, and between two kept draws.
ROUNDS = 5
_DIVISIONS = 2
_SIGMA_DF = 3


@dataclass(frozen=True, eq=False)
class Synthetic:
    """``path`` (target, chain, draw, period after) : the outcome without the policy, in units of the outcome;
    ``before`` (target, period before) : the posterior mean of the fitted path; ``weights`` (target, donor) : posterior
    means; ``counting`` (target,) : posterior mean of 1 / sum of squared weights; ``rho``, ``sigma`` (target, chain,
    draw), sigma in units of the outcome."""

    path: Array
    before: Array
    weights: Array
    counting: Array
    rho: Array
    sigma: Array


def synthetic_controls(
    targets: Array,
    donors: Array,
    periods: Array,
    before: Mask,
    *,
    closed: Mask | None = None,
    chains: int = 4,
    draws: int = 250,
    warmup: int | None = None,
    concentration: float = CONCENTRATION,
    seed: int = 0,
) -> Synthetic:
    """Posterior of each target's path without the policy.

    ``targets`` (m, T), complete where ``before`` (T,) is true; ``donors`` (J, T), complete; ``closed``
    (m, J) : donors whose weight in a target stays zero, such as the target itself. ``warmup`` updates are thrown away
    first, as many as draws where it is None.
    """
    rng = np.random.default_rng(seed)
    grid = ar1_grid(periods[before].astype(float), periods[~before].astype(float))
    level = targets[:, before].mean(axis=1)
    z, d = targets[:, before] - level[:, None], donors - donors[:, before].mean(axis=1, keepdims=True)
    deviations = d[:, before] - d[:, before].mean(axis=0)
    scale = float(np.sqrt((deviations**2).mean()))
    state = _State.start(z / scale, d[:, before] / scale, grid, closed, chains, concentration, rng)
    paths, weights, kept = [], np.zeros((len(targets) * chains, len(donors))), []
    thrown_away = draws if warmup is None else warmup
    for update in range(thrown_away + draws):
        for _ in range(ROUNDS):
            for _ in range(_DIVISIONS):
                state.divide(rng)
            state.exchange(rng)
        state.update_errors(rng)
        if update >= thrown_away:
            paths.append(state.forecast(d[:, ~before] / scale, rng))
            weights += state.weights
            kept.append((RHO_GRID[state.at], state.sigma, 1 / (state.weights**2).sum(axis=1)))
    shape = (len(targets), chains, draws)
    path = np.stack(paths, axis=1).reshape(*shape, -1) * scale + level[:, None, None, None]
    weights = (weights / draws).reshape(len(targets), chains, -1).mean(axis=1)
    rho, sigma, counting = (np.stack(values, axis=1).reshape(shape) for values in zip(*kept, strict=True))
    return Synthetic(
        path, weights @ d[:, before] + level[:, None], weights, counting.mean(axis=(1, 2)), rho, sigma * scale
    )


class _State:
    """All chains at once: row i is chain i % chains of target i // chains; everything on the standardised scale."""

    def __init__(self, z: Array, donors: Array, grid: Ar1Grid, weights: Array, open_to: Mask, alpha: float) -> None:
        self.z, self.donors, self.grid, self.weights = z, donors, grid, weights
        self.open_to, self.alpha = open_to, alpha
        ones = np.ones(donors.shape[1])
        self._mass = grid.precision.sum(axis=(1, 2))
        # The flat intercept is integrated out: Q = precision less its projection on the constant.
        level = grid.precision @ ones
        quadratic = grid.precision - level[:, :, None] * level[:, None, :] / self._mass[:, None, None]
        values, vectors = np.linalg.eigh(quadratic)
        self._root = np.sqrt(np.maximum(values, 0))[:, :, None] * vectors.transpose(0, 2, 1)
        self._log_prior = 0.5 * (grid.log_det - np.log(self._mass))
        self._whitened = np.einsum("gst,jt->gjs", self._root, donors)
        gram = self._whitened @ self._whitened.transpose(0, 2, 1)
        norm = np.einsum("gjj->gj", gram)
        self._squares = norm[:, :, None] + norm[:, None, :] - 2 * gram
        self.at = np.full(len(z), int(np.argmin(np.abs(RHO_GRID - 0.5))))
        self.sigma, self._auxiliary = np.full(len(z), 0.5), np.ones(len(z))
        self._choice = _choices(donors)
        self._cumulated = self._choice.cumsum(axis=1)
        self._log_beta = lgamma(2 * alpha) - 2 * lgamma(alpha)
        self._rate = _SIGMA_DF / self._auxiliary
        # The root of the likelihood is a power of so many quarters: half = 2 quarters / 4.
        self._quarters, self._by_period = _SIGMA_DF + self.z.shape[1] - 1, np.ascontiguousarray(donors.T)
        self._half = self._quarters / 2
        self._refresh()

    @classmethod
    def start(
        cls,
        z: Array,
        donors: Array,
        grid: Ar1Grid,
        closed: Mask | None,
        chains: int,
        c: float,
        rng: np.random.Generator,
    ) -> _State:
        usable: Mask = np.ones((len(z), len(donors)), dtype=bool) if closed is None else ~closed
        usable = np.repeat(usable, chains, axis=0)
        gamma = rng.standard_gamma(1.0, usable.shape) * usable
        weights = gamma / gamma.sum(axis=1, keepdims=True)
        return cls(np.repeat(z, chains, axis=0), donors, grid, weights, usable, c / len(donors))

    def divide(self, rng: np.random.Generator) -> None:
        """One division of mass between two donors in each chain."""
        rows = np.arange(len(self.z))
        u = rng.random((5, len(rows)))
        j = drawn(self.weights, u[0])
        k = partners(self.weights, j, u[1], self._cumulated)
        old_j, old_k = self.weights[rows, j], self.weights[rows, k]
        mass = old_j + old_k
        step = mass[:, None] * (self._whitened[self.at, j] - self._whitened[self.at, k])
        line = Division.through(self._residual, step, old_j / mass, self._rate, self._half)
        share = np.choose((3 * u[3]).astype(int), (rng.beta(self.alpha, self.alpha, len(rows)), u[2], line.draw(u[2])))
        new_j, new_k = mass * share, mass * (1 - share)
        ratio = self._prior_share(share, line) - self._prior_share(old_j / mass, line)
        ratio += np.log(self._chance(j, k, new_j, new_k)) - np.log(self._chance(j, k, old_j, old_k))
        ratio += line.log_likelihood(share) - line.log_likelihood(old_j / mass)
        accepted = (np.log(u[4]) < ratio) & self.open_to[rows, k] & (j != k)
        chosen = rows[accepted]
        self.weights[chosen, j[accepted]] = new_j[accepted]
        self.weights[chosen, k[accepted]] = new_k[accepted]
        self._residual[chosen] -= (share - old_j / mass)[accepted, None] * step[accepted]

    def _chance(self, j: Index, k: Index, w_j: Array, w_k: Array) -> Array:
        """Twice the probability that a pair is chosen when its donors have these weights."""
        weight = w_j * w_k * (1 / np.maximum(1 - w_j, 1e-12) + 1 / np.maximum(1 - w_k, 1e-12))
        return np.asarray(weight + w_j * self._choice[j, k] + w_k * self._choice[k, j])

    def exchange(self, rng: np.random.Generator) -> None:
        """One exchange of weights in each chain.

        Partner k has probability proportional to the root of the likelihood after the exchange, which is then accepted
        with the ratio of the sums of these roots before and after it.
        """
        rows = np.arange(len(self.z))
        u = rng.random((3, len(rows)))
        j = drawn(self.weights, u[0])
        k, total = self._exchanged_with(j, self._residual, self.weights, u[1])
        w_j, w_k = self.weights[rows, j], self.weights[rows, k]
        weights = self.weights.copy()
        weights[rows, j], weights[rows, k] = w_k, w_j
        whitened = self._residual - (w_k - w_j)[:, None] * (self._whitened[self.at, j] - self._whitened[self.at, k])
        _, total_back = self._exchanged_with(k, whitened, weights, u[1])
        accepted = (np.log(u[2]) < total - total_back) & self.open_to[rows, k]
        self.weights[accepted], self._residual[accepted] = weights[accepted], whitened[accepted]

    def _exchanged_with(self, j: Index, whitened: Array, weights: Array, u: Array) -> tuple[Index, Array]:
        """The donor with which j exchanges weights, and the log of the sum of the roots of the likelihood."""
        turned = np.einsum("rst,rs->rt", self._root[self.at], whitened)
        tables = self._by_period, self._squares, self.at, self.open_to
        return exchange_partners(j, weights, whitened, turned, *tables, self._rate, self._quarters, u)

    def _prior_share(self, share: Array, line: Division) -> Array:
        """log b / g, the conditional prior of a division against its proposal, up to a constant; finite at 0 and 1."""
        logs = np.log(np.maximum(share, 1e-300)) + np.log(np.maximum(1 - share, 1e-300))
        prior = self._log_beta + (self.alpha - 1) * logs
        return np.asarray(-np.log1p((1 + line.density(share)) * np.exp(-prior)))

    def update_errors(self, rng: np.random.Generator) -> None:
        """rho on its grid with sigma integrated out, then sigma, then the mixing variable of its half-t prior."""
        self._refresh()
        residual = self.z - self.weights @ self.donors
        squares = ((residual @ self._root.transpose(0, 2, 1)) ** 2).sum(axis=2).T
        half, rate = self._half, self._rate
        log_p = self._log_prior - half * np.log(rate[:, None] + squares / 2)
        p = np.exp(log_p - log_p.max(axis=1, keepdims=True)).cumsum(axis=1)
        self.at = (p < rng.random(len(p))[:, None] * p[:, -1:]).sum(axis=1)
        chosen = squares[np.arange(len(p)), self.at]
        self.sigma = np.sqrt((rate + chosen / 2) / rng.standard_gamma(half, len(p)))
        shape = (_SIGMA_DF + 1) / 2
        self._auxiliary = (_SIGMA_DF / self.sigma**2 + 1) / rng.standard_gamma(shape, len(p))
        self._rate = _SIGMA_DF / self._auxiliary
        self._refresh()

    def forecast(self, donors_after: Array, rng: np.random.Generator) -> Array:
        """One path after the onset for each chain : (chains, periods after)."""
        residual = self.z - self.weights @ self.donors
        precision, mass = self.grid.precision[self.at], self._mass[self.at]
        mean = np.einsum("ist,it->i", precision, residual) / mass
        mu = mean + self.sigma * rng.standard_normal(len(mean)) / np.sqrt(mass)
        onward = np.einsum("iht,it->ih", self.grid.onward[self.at], residual - mu[:, None])
        noise = np.einsum("ihk,ik->ih", self.grid.spread[self.at], rng.standard_normal(onward.shape))
        return np.asarray(mu[:, None] + self.weights @ donors_after + onward + self.sigma[:, None] * noise)

    def _refresh(self) -> None:
        self._residual = np.einsum("ist,it->is", self._root[self.at], self.z - self.weights @ self.donors)


def _choices(donors: Array) -> Array:
    """P_jk, with which another donor is chosen beside j : (J, J), zero on the diagonal, rows sum to one."""
    squares = ((donors[:, None] - donors[None]) ** 2).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    nearest = np.sqrt(np.median(squares.min(axis=1))) + 1e-12
    alike = np.exp(-np.sqrt(squares - squares.min(axis=1, keepdims=True)) / nearest)
    uniform = (1 - np.eye(len(donors))) / (len(donors) - 1)
    return np.asarray(0.5 * alike / alike.sum(axis=1, keepdims=True) + 0.5 * uniform)
