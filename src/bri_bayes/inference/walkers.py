"""How do many chains move side by side? Metropolis steps for all at once, and what their draws are as chains.

A chain of the card is ``WALKERS`` chains from one start, each with a part of its draws: so its split R-hat asks whether
starts are forgotten (nested R-hat; Margossian et al. 2025, doi:10.1214/24-BA1453). While they warm up all walkers
teach the proposals, which stay as they are from then on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from bri_bayes.core.arrays import Array, Mask
from bri_bayes.inference.batched_algebra import solve_lower
from bri_bayes.inference.importance import PROPOSAL_DF, Student, moments, widened

# Chains that move side by side for one of the card, sweeps before the first draw that is kept, and between two of them.
WALKERS, WARM_UP, THIN = 16, 75, 3
# While they warm up, proposals are learned anew after so many sweeps.
_LEARN = 25
# The sd of the first proposals, on the unconstrained scale.
_FIRST = 0.1


class HasDensity(Protocol):
    """A dataclass of arrays (B, ...), among them a log density up to a constant : (B,)."""

    @property
    def log_density(self) -> Array:
        """(B,)."""


@dataclass(frozen=True, eq=False)
class Proposals:
    """Metropolis proposals for B vectors (B, d); ``center`` (d,), ``covariance`` (d, d) : where learned."""

    rng: np.random.Generator
    center: Array | None = None
    covariance: Array | None = None

    def learned(self, vectors: Array) -> Proposals:
        """The same for where walkers have been : (visits, d)."""
        center, covariance = moments(np.full(len(vectors), 1 / len(vectors)), vectors)
        return dataclasses.replace(self, center=center, covariance=covariance)

    def moves(self) -> Iterator[Callable[[Array], tuple[Array, Array]]]:
        """Each takes where walkers are : what it proposes (B, d), and what that adds to the log of the odds (B,).

        A step near by, and, where the spread is learned, one to anywhere.
        """
        yield self._near
        if self.center is not None:
            yield self._anywhere

    def steps[Given: HasDensity](self, vectors: Array, given: Callable[[Array], Given]) -> tuple[Array, Given]:
        """Metropolis steps on the density of what is ``given`` at vectors : where walkers are then, and that there."""
        here = given(vectors)
        for move in self.moves():
            proposed, log_odds = move(vectors)
            there = given(proposed)
            moved = self.accepted(there.log_density - here.log_density + log_odds)
            vectors, here = np.where(moved[:, None], proposed, vectors), where(moved, there, here)
        return vectors, here

    def accepted(self, log_odds: Array) -> Mask:
        """(B,)."""
        return np.asarray(np.log(self.rng.random(log_odds.size)) < log_odds)

    def _near(self, vectors: Array) -> tuple[Array, Array]:
        size, d = vectors.shape
        covariance = np.eye(d) * _FIRST**2 if self.covariance is None else self.covariance
        factor = Student(np.zeros(d), covariance * 2.38**2 / d).factor
        return vectors + self.rng.standard_normal((size, d)) @ factor.T, np.zeros(size)

    def _anywhere(self, vectors: Array) -> tuple[Array, Array]:
        assert self.center is not None
        assert self.covariance is not None
        size, d = vectors.shape
        anywhere = Student(self.center, widened(self.covariance))
        tails = np.sqrt(PROPOSAL_DF / self.rng.chisquare(PROPOSAL_DF, size))[:, None]
        proposed = self.center + tails * self.rng.standard_normal((size, d)) @ anywhere.factor.T
        return proposed, anywhere.log_density(vectors) - anywhere.log_density(proposed)


class Sweeps[State](Protocol):
    """What moves all walkers, and learns while they warm up."""

    def next(self, state: State) -> State:
        """After a sweep."""

    def learned(self, visited: list[State]) -> Sweeps[State]:
        """With proposals that suit where walkers have been."""


def walk[State](sweeps: Sweeps[State], state: State, draws: int) -> list[State]:
    """The states that are kept, of each walker a part of the ``draws`` of its chain."""
    for _ in range(WARM_UP // _LEARN):
        visited = []
        for _ in range(_LEARN):
            state = sweeps.next(state)
            visited.append(state)
        sweeps = sweeps.learned(visited)
    kept = []
    for _ in range(-(-draws // WALKERS)):
        for _ in range(THIN):
            state = sweeps.next(state)
        kept.append(state)
    return kept


def drawn_given(factor: Array, rng: np.random.Generator) -> Array:
    """Draws of normals of precision L L' : (B, K); of ``factor`` (B, K + 1, K + 1) the outcome is the last row."""
    noise = rng.standard_normal((len(factor), factor.shape[1] - 1))
    right = (factor[:, -1, :-1] + noise)[..., None]
    return np.asarray(solve_lower(factor[:, :-1, :-1], right, transposed=True)[..., 0])


def in_chains(kept: list[Array], chains: int, draws: int) -> Array:
    """Of every walker's draws those of each chain one after the other : (chain x draw, ...)."""
    by_walker = np.stack(kept, axis=1)  # (chain x walker, draw, ...)
    joined = by_walker.reshape(chains, -1, *by_walker.shape[2:])
    return np.asarray(joined[:, :draws].reshape(-1, *by_walker.shape[2:]))


def where[Fields](moved: Mask, taken: Fields, stayed: Fields) -> Fields:
    """A dataclass of arrays (B, ...) with the elements of ``taken`` where walkers have moved : (B,)."""
    fields: dict[str, Any] = {}
    for item in dataclasses.fields(taken):  # type: ignore[arg-type]
        first, second = getattr(taken, item.name), getattr(stayed, item.name)
        fields[item.name] = np.where(moved.reshape(-1, *[1] * (first.ndim - 1)), first, second)
    return type(taken)(**fields)
