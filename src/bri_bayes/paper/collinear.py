"""Do reported regressions force their regressors to be collinear, whatever the data? A certificate, within rounding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, islice, product

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.paper.reported import Reported

# Sets of more regressions are not searched: their number grows fast, and an LP is solved for every pattern of signs.
MOST_REGRESSIONS = 6
# A combination that can come this near to zero, in half units of the last printed digit, is not told from zero.
LEAST_MARGIN = 1e-3


@dataclass(frozen=True)
class Collinearity:
    """Regressions whose residuals, added with ``weights``, leave nothing but regressors that all of them share.

        sum_k a_k r_k = X w,   r_k = y_k - X_k b_k orthogonal to X   =>   w'X'X w = 0   =>   X w = 0

    ``weights`` : a_k by regression; ``combination`` : w by regressor, largest entry 1; ``bounds`` : the least and
    greatest value that the rounding of the coefficients allows to each entry; ``margin`` : the distance of w from zero
    over all coefficients that round to the printed ones, in half units of the last digit, with weights of sum 1.
    """

    regressions: tuple[str, ...]
    weights: Mapping[str, float]
    combination: Mapping[str, float]
    bounds: Mapping[str, tuple[float, float]]
    margin: float

    @property
    def is_forced(self) -> bool:
        """Whether no coefficients that round to the printed ones make w zero."""
        return self.margin > LEAST_MARGIN

    def __str__(self) -> str:
        top = max(self.combination, key=lambda name: abs(self.combination[name]))
        others = " ".join(f"{-value:+.3g} {name}" for name, value in self.combination.items() if name != top) or "0"
        return f"{', '.join(self.regressions)} hold together only if, after the effects, {top} = {others} in every row"


def collinearities(regressions: Sequence[Reported], *, most: int | None = None) -> tuple[Collinearity, ...]:
    """Every smallest set of at most six regressions that forces a collinearity, or ``most`` of them; plainest first.

    A set with more regressions than variables outside the shared regressors (outcomes count) always has weights that
    cancel these. Coefficients from one data set leave w = 0 as well; so a data set exists only if some coefficients
    within rounding do, which a linear program decides for every pattern of signs of the weights.
    """
    certificates = (_Sum(regressions, members).certificate() for members in _surplus_sets(regressions))
    forced = islice((certificate for certificate in certificates if certificate.is_forced), most)
    return tuple(sorted(forced, key=lambda certificate: -certificate.margin))


def _surplus_sets(regressions: Sequence[Reported]) -> Iterator[tuple[int, ...]]:
    """The smallest sets with the same effects and more members than variables to cancel."""
    bits = {name: 1 << at for at, name in enumerate(sorted({n for r in regressions for n in _variables(r)}))}
    every = [sum(bits[name] for name in _variables(r)) for r in regressions]
    right = [sum(bits[name] for name in r.regressors) for r in regressions]
    known: list[frozenset[int]] = []
    for size in range(2, MOST_REGRESSIONS + 1):
        for members in combinations(range(len(regressions)), size):
            union, shared = 0, -1
            for k in members:
                union |= every[k]
                shared &= right[k]
            if (union & ~shared).bit_count() >= size or not union & shared:
                continue
            if len({regressions[k].absorbed for k in members}) == 1 and not any(s <= set(members) for s in known):
                known.append(frozenset(members))
                yield members


def _variables(regression: Reported) -> tuple[str, ...]:
    return (regression.outcome, *regression.regressors)


class _Sum:
    """The sums of residuals of some regressions as linear programs in weights and products of weight and coefficient.

    Unknown: a_k >= 0, the size of each weight (its sign s_k is fixed), and p_kv with |p_kv| <= a_k, so that
    s_k a_k b_kv - half_unit p_kv runs over all products of the weight with a coefficient that rounds to b_kv.
    """

    def __init__(self, regressions: Sequence[Reported], members: tuple[int, ...]) -> None:
        self.regressions = [regressions[k] for k in members]
        shared = set.intersection(*(set(r.regressors) for r in self.regressions))
        names = dict.fromkeys(name for r in self.regressions for name in _variables(r))
        self.shared = [name for name in names if name in shared]
        self.cancelled = [name for name in names if name not in shared]
        self.names = [*self.cancelled, *self.shared]
        self.pairs = [(k, name) for k, r in enumerate(self.regressions) for name in r.regressors]
        half = {
            name: [r.coefficients[name].half_unit for r in self.regressions if name in r.coefficients] for name in names
        }
        self.unit = np.array([max(half[name], default=1.0) or 1.0 for name in self.names])

    def certificate(self) -> Collinearity:
        """Whether w can be zero within rounding, and its entries."""
        count = len(self.regressions)
        sizes = {(1, *rest): self._least_size((1, *rest)) for rest in product((1, -1), repeat=count - 1)}
        signs = [pattern for pattern, size in sizes.items() if np.isfinite(size)]
        margin = min(sizes.values())
        weights = self._printed_weights
        w = self._rows(np.ones(count))[len(self.cancelled) :, :count] @ weights
        top = int(np.argmax(np.abs(w)))
        scale = w[top] if w[top] else 1.0
        bounds = self._bounds(signs, top) if margin > LEAST_MARGIN else {}
        return Collinearity(
            regressions=tuple(r.name for r in self.regressions),
            weights={r.name: float(a / scale) for r, a in zip(self.regressions, weights, strict=True)},
            combination={name: float(value / scale) for name, value in zip(self.shared, w, strict=True)},
            bounds=bounds,
            margin=margin,
        )

    @cached_property
    def _printed_weights(self) -> Array:
        """Weights that cancel everything but the shared regressors, with the coefficients as printed."""
        count = len(self.regressions)
        rows = self._rows(np.ones(count))[: len(self.cancelled), :count]
        rows = rows / np.abs(rows).max(axis=1, keepdims=True)
        return np.asarray(np.linalg.svd(rows)[2][-1])

    def _least_size(self, signs: tuple[int, ...]) -> float:
        """The least max_v |w_v| / half unit of v with these signs and weights of sum 1; infinite if nothing cancels."""
        rows = self._rows(np.array(signs)) / self.unit[:, None]
        size = np.zeros((2 * len(self.shared), rows.shape[1] + 1))
        w = rows[len(self.cancelled) :]
        size[:, :-1], size[:, -1] = np.vstack([w, -w]), -1.0
        sum_of_weights = np.zeros(rows.shape[1])
        sum_of_weights[: len(signs)] = 1.0
        answer = self._solved(
            rows[: len(self.cancelled)], sum_of_weights, cost=np.eye(1, size.shape[1], size.shape[1] - 1)[0], above=size
        )
        return np.inf if answer is None else answer

    def _bounds(self, signs: Sequence[tuple[int, ...]], top: int) -> dict[str, tuple[float, float]]:
        """The range of every entry of w where the largest is 1. With it -1 the signs would all turn: both are tried."""
        ranges = {}
        for at, name in enumerate(self.shared):
            low, high = np.inf, -np.inf
            for pattern in (turned for s in signs for turned in (s, tuple(-side for side in s))):
                rows = self._rows(np.array(pattern))
                w = rows[len(self.cancelled) :] / self.unit[len(self.cancelled) :, None]
                cancelled = rows[: len(self.cancelled)] / self.unit[: len(self.cancelled), None]
                factor = self.unit[len(self.cancelled) + at] / self.unit[len(self.cancelled) + top]
                for sign in (1.0, -1.0):
                    value = self._solved(cancelled, w[top], cost=sign * w[at] * factor)
                    if value is not None:
                        low, high = (min(low, value), high) if sign > 0 else (low, max(high, -value))
            ranges[name] = (low, high)
        return ranges

    def _rows(self, signs: Array) -> Array:
        """The sum of residuals, a row a variable : (variable, weights and products)."""
        rows = np.zeros((len(self.names), len(self.regressions) + len(self.pairs)))
        for k, regression in enumerate(self.regressions):
            rows[self.names.index(regression.outcome), k] = signs[k]
            for name, number in regression.coefficients.items():
                rows[self.names.index(name), k] = -signs[k] * number.value
        for at, (k, name) in enumerate(self.pairs, len(self.regressions)):
            rows[self.names.index(name), at] = self.regressions[k].coefficients[name].half_unit
        return rows

    def _solved(self, zero: Array, normalised: Array, *, cost: Array, above: Array | None = None) -> float | None:
        """The least cost with ``zero`` x = 0 and ``normalised`` x = 1; None if none has. The rest is positive."""
        from scipy.optimize import linprog

        count, width = len(self.regressions), cost.size
        within = np.zeros((2 * len(self.pairs), width))
        for at, (k, _) in enumerate(self.pairs):
            within[2 * at : 2 * at + 2, count + at], within[2 * at : 2 * at + 2, k] = (1, -1), -1
        extra = width - zero.shape[1]
        answer = linprog(
            cost,
            A_ub=within if above is None else np.vstack([within, above]),
            b_ub=np.zeros(within.shape[0] + (0 if above is None else above.shape[0])),
            A_eq=np.pad(np.vstack([zero, normalised[None]]), ((0, 0), (0, extra))),
            b_eq=np.append(np.zeros(zero.shape[0]), 1.0),
            bounds=[(0, None)] * count + [(None, None)] * len(self.pairs) + [(0, None)] * extra,
        )
        if answer.status == 2:
            return None
        return float(answer.fun) if answer.status == 0 else -np.inf
