"""What is the posterior of the ATT for thousands of outcomes, where all units have the same rows and columns?

Factors are those of ``equal_rows``, the same for all outcomes. An outcome enters by the sum a of its units, the sum t
of its k treated ones, k - 1 contrasts of these, and sum_i y_i y_i': the quadratic form is

    <S, sum_i y_i y_i'> - |F a|^2 - |L^-1 X'(S t - k F'F a)|^2 - |contrasts|^2

so a point is a few products with T x R matrices, whatever the number of units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array, Mask
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import period_contrasts
from bri_bayes.inference.assignment_columns import AssignmentColumns, are_equal, shares_columns
from bri_bayes.inference.batched_algebra import solve_lower
from bri_bayes.inference.equal_rows import EqualRows, Reduced, TreatedEffects
from bri_bayes.study.model_card import ModelCard

# Points whose products with the outcomes are formed together (measured: their arrays stay in the cache of a core).
_TOGETHER = 8


def covers_equal(design: Design, card: ModelCard) -> bool:
    """Whether units have equal rows and columns, but for who is treated, and all treated ones the same onset."""
    onsets = _onsets(design)
    return onsets.size == 1 and are_equal(design, card) and shares_columns(design, card, int(onsets[0]))


@dataclass(frozen=True, eq=False)
class Sums:
    """What R outcomes of a panel are to the model: ``every`` and ``treated`` (T, R), ``contrasts`` (T, (k - 1) R) of
    the treated units; ``squares`` (T (T + 1), R) : sums of squares and products, of units and then of ``every``."""

    every: Array
    treated: Array
    contrasts: Array
    squares: Array

    def form(self, reduced: Reduced) -> Array:
        """sum_i y_i'S y_i - |F sum_i y_i|^2, without effects : (B, R)."""
        upper = np.triu_indices(self.every.shape[0])
        return np.hstack([reduced.S[:, *upper], -reduced.shared[:, *upper]]) @ self.squares

    @classmethod
    def of(cls, y: Array, ever: Mask) -> Sums:
        """``y`` (R, N, T); ``ever`` (N,) : the treated units."""
        treated = y[:, ever]
        contrasts = np.einsum("rkt,kc->tcr", treated, period_contrasts(int(ever.sum())))
        every, of_treated = (np.ascontiguousarray(some.sum(axis=1).T) for some in (y, treated))
        squares = np.vstack([_packed(np.swapaxes(y, 1, 2) @ y), _packed(every.T[:, :, None] * every.T[:, None, :])])
        return cls(every, of_treated, contrasts.reshape(y.shape[2], -1), squares)


def _packed(products: Array) -> Array:
    """The upper triangles of symmetric (R, T, T), what is beside the diagonal doubled : (T (T + 1) / 2, R)."""
    rows, columns = np.triu_indices(products.shape[1])
    return np.ascontiguousarray((products[:, rows, columns] * np.where(rows == columns, 1.0, 2.0)).T)


@dataclass(frozen=True, eq=False)
class EqualOutcomes:
    """The model of a card on a balanced panel whose treated units ``ever`` (N,) have one onset."""

    rows: EqualRows
    effects: TreatedEffects
    ever: Mask

    @classmethod
    def build(cls, design: Design, card: ModelCard) -> EqualOutcomes:
        """For a design that ``covers_equal`` has let through."""
        asked = AssignmentColumns.of(design, card, int(_onsets(design)[0]))
        rows = EqualRows.build(design, card, asked, asked.space)
        return cls(rows, TreatedEffects(rows, asked), np.isfinite(design["first_treated"].to_numpy()))

    def evaluate(self, vectors: Array, y: Array) -> tuple[Array, Array, Array]:
        """log p(y_i, h_j) (outcome, point), mean (outcome, point) and sd (point,) of the ATT given h_j and y_i.

        ``y`` (outcome, obs), standardised.
        """
        sums = Sums.of(y.reshape(len(y), self.rows.n_units, self.rows.n_periods), self.ever)
        log_density, means = np.empty((len(vectors), len(y))), np.empty((len(vectors), len(y)))
        sds = np.empty(len(vectors))
        for some in self.rows.batches(vectors):
            reduced = self.rows.at(vectors[some])
            log_density[some], means[some], sds[some] = self._answers(reduced, sums)
        return without_lost_points(log_density.T, means.T, sds)

    def _answers(self, reduced: Reduced, sums: Sums) -> tuple[Array, Array, Array]:
        """Log density and mean (B, outcome), and sd (B,) of the ATT."""
        effects, k = self.effects, int(self.ever.sum())
        S, shared = reduced.S, k * reduced.shared
        right = np.concatenate([effects.pulled(S), -effects.pulled(shared)], axis=2)
        solved = effects.solve(k, effects.crossed(S - shared), effects.crossed(S), right, reduced.hyper)
        white, series = np.ascontiguousarray(solved.white), np.vstack([sums.treated, sums.every])
        form, n_points = sums.form(reduced), len(S)
        for first in range(0, n_points, _TOGETHER):
            few = slice(first, first + _TOGETHER)
            form[few] -= _squares(white[few], series)
            if solved.contrasts is not None:
                of_contrasts = solve_lower(solved.contrasts[few], effects.own_rows(effects.pulled(S[few])))
                squares = _squares(of_contrasts, sums.contrasts)
                form[few] -= squares.reshape(len(squares), k - 1, -1).sum(axis=1)
        means = (solved.of_c[:, None, :] @ white)[:, 0] @ series
        return (reduced.constant + solved.log_density)[:, None] - 0.5 * form, means, solved.sds


def without_lost_points(log_density: Array, means: Array, sds: Array) -> tuple[Array, Array, Array]:
    """The same (outcome, point), (outcome, point) and (point,), no weight where rounding has made a precision
    indefinite."""
    lost = ~np.isfinite(log_density.sum(axis=0) + sds)
    log_density[:, lost], means[:, lost], sds[lost] = -np.inf, 0.0, 1.0
    return log_density, means, sds


def _onsets(design: Design) -> Array:
    """The onsets of the treated units."""
    first = design["first_treated"].to_numpy()
    return np.unique(first[np.isfinite(first)])


def _squares(operators: Array, series: Array) -> Array:
    """|A x|^2 of operators A (B, m, T) and the columns x of series (T, R) : (B, R)."""
    n_points, m, size = operators.shape
    products = (operators.reshape(n_points * m, size) @ series).reshape(n_points, m, -1)
    return np.asarray(np.einsum("bij,bij->bj", products, products))
