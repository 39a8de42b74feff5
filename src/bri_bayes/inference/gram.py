"""Given the hyperparameters, what is the likelihood with every linear coefficient integrated out?

    y = U b + S s + e,  e ~ N(0, Q^-1),  (b, s) ~ N(0, V)
    log p(y | h) = -n/2 log 2 pi + 1/2 log|Q| - 1/2 log|V| - 1/2 log|A| - 1/2 (y'Qy - m'A^-1 m)
    A = Z'QZ + V^-1,  m = Z'Qy,  Z = [U S]

Columns may hold kappa times others, Z = Z_0 + kappa Z_1: the cross-products are then quadratic in kappa.

Source: Lindley & Smith (1972), doi:10.1111/j.2517-6161.1972.tb00899.x.

Two facts make it fast. Q is a sum of few matrices with coefficients that depend on (sigma, rho) alone, so the
cross-products of the data are formed once. And a unit's own coefficients meet only that unit's rows, so they are
eliminated unit by unit and what is left has the size of S: cost is linear in the number of units.
Appending y to S makes its quadratic form the last pivot of one Cholesky factor.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.design.error_process import Serial, serial_errors
from bri_bayes.design.linear_terms import Terms

# Elements of the largest temporary array of one batch (doubles): about what a core's own cache holds.
BATCH_ELEMENTS = 300_000
# A pivot below this share of its diagonal is rounding.
ROUNDING = 1e-14


@dataclass(frozen=True)
class Conditional:
    """Gaussian conditional of the coefficients given hyperparameters, for a batch of B draws.

    ``own_factor`` (B, N, q, q) Cholesky of a unit's precision; ``own_shared`` (B, N, q, p + 1) = its inverse times
    [U'QS, U'Qy]; ``shared_factor`` (B, p + 1, p + 1) Cholesky of the Schur complement, y last; ``log_density`` (B,).
    """

    own_factor: Array
    own_shared: Array
    shared_factor: Array
    log_density: Array


class GramModel:
    """Cross-products of the data by part of the precision, and the marginal likelihood from them."""

    def __init__(self, terms: Terms, structure: str, *, by_unit: bool) -> None:
        self.terms, self.by_unit = terms, by_unit
        self.serial: Serial = serial_errors(structure, terms.unit_ix, terms.period)  # type: ignore[arg-type]
        self.own_columns = np.hstack([block.columns for block in terms.own])
        self.shared_columns = np.hstack([block.columns for block in terms.shared])
        self._exposed = _exposed_columns(terms)
        self.n_units = int(terms.unit_ix.max()) + 1
        self._rows = np.bincount(terms.unit_ix, minlength=self.n_units)
        self._parts = list(self.serial.components())
        self._counts = np.stack([np.bincount(terms.unit_ix[rows], minlength=self.n_units) for *_, rows in self._parts])
        self._cross_products()

    def conditional(self, hyper: dict[str, Array]) -> Conditional:
        """The conditional of the coefficients, batch by batch: every array of ``hyper`` has B draws."""
        n_draws = hyper["sigma"].size
        width = self.n_units * (self.own_columns.shape[1] + 1) + self.shared_columns.shape[1] + 1
        size = max(1, BATCH_ELEMENTS // (width * (self.shared_columns.shape[1] + 1)))
        parts = [
            self._conditional({name: value[first : first + size] for name, value in hyper.items()})
            for first in range(0, n_draws, size)
        ]
        if len(parts) == 1:
            return parts[0]
        fields = ("own_factor", "own_shared", "shared_factor", "log_density")
        return Conditional(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))

    def prior_precision(self, blocks: str, hyper: dict[str, Array]) -> Array:
        """Diagonal of V^-1 for the "own" or the "shared" columns : (B, columns)."""
        chosen = self.terms.own if blocks == "own" else self.terms.shared
        ones = np.ones((hyper["sigma"].size, 1))
        columns = []
        for block in chosen:
            scale = hyper[block.scale][:, None] if isinstance(block.scale, str) else ones * block.scale
            columns.append(np.repeat(scale**-2.0, block.columns.shape[1], axis=1))
        return np.hstack(columns)

    def part_weights(self, hyper: dict[str, Array]) -> Array:
        """w_k in the precision Q = sum_k w_k Q_k of errors with a common scale : (B, parts)."""
        return np.asarray(self._coefficients(hyper)[0] * (hyper["sigma"] ** -2.0)[:, None])

    def unit_products(self, hyper: dict[str, Array]) -> tuple[Array, Array, Array]:
        """U_i'Q_i U_i (B, N, q, q), U_i'Q_i [S_i y_i] (B, N, q, p + 1), [S_i y_i]'Q_i [S_i y_i] (B, N, p + 1, p + 1).

        Of a model that keeps its cross-products by unit (``by_unit``), for errors with a common scale.
        """
        weights = self.part_weights(hyper)
        own, own_shared, shared = (
            np.tensordot(weights, part, 1) for part in (self._own, self._own_shared, self._shared)
        )
        return own, own_shared, shared

    def log_det_precision(self, hyper: dict[str, Array]) -> Array:
        """log|Q| of errors with a common scale : (B,)."""
        log_q = self._coefficients(hyper)[1] @ self._counts.sum(axis=1)
        return np.asarray(log_q - 2 * np.log(hyper["sigma"]) * self._rows.sum())

    def unit_part_weights(self, hyper: dict[str, Array]) -> Array:
        """w_ki of the rows of unit i, whatever the scale of the errors : (B, parts, N)."""
        precision = hyper["sigma_unit"] if self.by_unit else np.repeat(hyper["sigma"][:, None], self.n_units, axis=1)
        return np.asarray(self._coefficients(hyper)[0][:, :, None] * (precision**-2.0)[:, None, :])

    def part_diagonals(self) -> Array:
        """The diagonals of the Q_k : (parts, obs)."""
        found = []
        for kind, _, rows in self._parts:
            now, before = np.zeros((2, self.terms.y.size))
            now[rows] = 1.0
            found.append(now)
            if kind == "gap":
                before[rows - 1] = 1.0
                found += [np.zeros_like(now), before]
        return np.stack(found)

    def part_products(self, values: Array) -> Array:
        """Q_k times ``values`` (obs, m), in the order of ``part_weights`` : (parts, obs, m)."""
        found = []
        for kind, _, rows in self._parts:
            now = np.zeros_like(values)
            now[rows] = values[rows]
            found.append(now)
            if kind == "gap":
                cross, before = np.zeros_like(values), np.zeros_like(values)
                cross[rows] += values[rows - 1]
                cross[rows - 1] += values[rows]
                before[rows - 1] = values[rows - 1]
                found += [cross, before]
        return np.stack(found)

    def _cross_products(self) -> None:
        columns = [np.column_stack([self.own_columns, self.shared_columns, self.terms.y])]
        if self._exposed is not None:
            columns.append(np.column_stack([self._exposed, np.zeros_like(self.terms.y)]))
        grams = []
        for kind, _, rows in self._parts:
            grams += self._products(columns, rows, rows)
            if kind == "gap":
                grams += [cross + cross.transpose(0, 2, 1) for cross in self._products(columns, rows, rows - 1)]
                grams += self._products(columns, rows - 1, rows - 1)
        stacked = np.stack(grams)
        q = self.own_columns.shape[1]
        self._own = stacked[:, :, :q, :q]
        self._own_shared = stacked[:, :, :q, q:]
        shared = stacked[:, :, q:, q:]
        self._shared = shared if self.by_unit else shared.sum(axis=1)

    def _products(self, columns: list[Array], left: Index, right: Index) -> list[Array]:
        """Cross-products within units of two sets of rows, by the power of kappa: columns[0] + kappa columns[1]."""
        unit, powers = self.terms.unit_ix[left], range(len(columns))
        found = [np.zeros((self.n_units, *2 * columns[0].shape[1:]))] * (2 * len(columns) - 1)
        for i, j in ((i, j) for i in powers for j in powers):
            found[i + j] = found[i + j] + self._by_unit(columns[i][left], columns[j][right], unit)
        return found

    def _by_unit(self, left: Array, right: Array, unit: Index) -> Array:
        """Cross-products of two column sets within each unit : (N, c, c)."""
        out = np.zeros((self.n_units, left.shape[1], right.shape[1]))
        for i in np.unique(unit):
            rows = unit == i
            out[i] = left[rows].T @ right[rows]
        return out

    def _coefficients(self, hyper: dict[str, Array]) -> tuple[Array, Array]:
        """Coefficient of each cross-product, (B, parts), for sigma = 1; log|Q| at sigma = 1 by part, (B, parts)."""
        rho = hyper.get("rho", np.zeros(hyper["sigma"].size))
        structure = self.serial.structure
        ones = np.ones_like(rho)
        coefficients, log_precision = [], []
        for kind, d, _ in self._parts:
            if kind == "first":
                precision = 1 - rho**2 if structure == "ar1" else ones
                coefficients.append(precision)
            else:
                phi = rho**d if structure == "ar1" else ones
                precision = (1 - rho**2) / (1 - rho ** (2 * d)) if structure == "ar1" else ones / d
                coefficients += [precision, -phi * precision, phi**2 * precision]
            log_precision.append(np.log(precision))
        return np.stack(coefficients, axis=1), np.stack(log_precision, axis=1)

    def _conditional(self, hyper: dict[str, Array]) -> Conditional:
        weights, log_precision = self._coefficients(hyper)
        if self._exposed is not None:
            powers = hyper["kappa"][:, None] ** np.arange(3)
            weights = (weights[:, :, None] * powers[:, None, :]).reshape(len(weights), -1)
        n_draws = len(weights)
        precision = hyper["sigma_unit"] ** -2.0 if self.by_unit else (hyper["sigma"] ** -2.0)[:, None]
        if self.by_unit:
            own = np.tensordot(weights, self._own, 1) * precision[..., None, None]
            own_shared = np.tensordot(weights, self._own_shared, 1) * precision[..., None, None]
            scaled = (weights[:, :, None] * precision[:, None, :]).reshape(n_draws, -1)
            shared = np.tensordot(scaled, self._shared.reshape(-1, *self._shared.shape[2:]), 1)
        else:
            scaled = weights * precision
            own, own_shared, shared = (
                np.tensordot(scaled, part, 1) for part in (self._own, self._own_shared, self._shared)
            )
        log_q = log_precision @ self._counts.sum(axis=1)
        log_q = log_q + (np.log(precision) * (self._rows if self.by_unit else self._rows.sum())).sum(axis=1)
        priors = self.prior_precision("own", hyper), self.prior_precision("shared", hyper)
        return conditional_of(own, own_shared, shared, *priors, log_q, self.terms.y.size)


def conditional_of(
    own: Array, own_shared: Array, shared: Array, own_prior: Array, shared_prior: Array, log_q: Array, rows: int
) -> Conditional:
    """The conditional from precision-weighted cross-products, which it overwrites.

    ``own`` (B, N, q, q) = U'QU; ``own_shared`` (B, N, q, p + 1) = U'Q[S, y]; ``shared`` (B, p + 1, p + 1) =
    [S, y]'Q[S, y]; ``own_prior`` (B, q) and ``shared_prior`` (B, p) the diagonal of V^-1; ``log_q`` (B,) = log|Q|.
    """
    n_draws, n_units, q, _ = own.shape
    diagonal, p = np.arange(q), shared_prior.shape[1]
    own[:, :, diagonal, diagonal] += own_prior[:, None, :]
    shared[:, np.arange(p), np.arange(p)] += shared_prior
    factor, solved = factor_and_solve(own, own_shared)
    stacked = solved.reshape(n_draws, -1, p + 1)
    shared_factor = _cholesky(shared - stacked.transpose(0, 2, 1) @ stacked)
    pivots = np.diagonal(shared_factor, axis1=1, axis2=2)
    log_det = 2 * np.log(pivots[:, :p]).sum(axis=1)
    log_det += 2 * np.log(np.diagonal(factor, axis1=2, axis2=3)).sum(axis=(1, 2))
    log_det -= np.log(shared_prior).sum(axis=1) + n_units * np.log(own_prior).sum(axis=1)
    log_density = 0.5 * (log_q - rows * np.log(2 * np.pi) - log_det - pivots[:, p] ** 2)
    return Conditional(factor, solved, shared_factor, log_density)


def _exposed_columns(terms: Terms) -> Array | None:
    """What counts kappa times beside the own and shared columns : (obs, columns), None without any."""
    blocks = (*terms.own, *terms.shared)
    if all(block.exposed is None for block in blocks):
        return None
    return np.hstack([np.zeros_like(block.columns) if block.exposed is None else block.exposed for block in blocks])


def _cholesky(matrices: Array) -> Array:
    """Lower Cholesky factors (B, k, k); NaN for a matrix that rounding has made indefinite, so its density is lost."""
    try:
        return np.asarray(np.linalg.cholesky(matrices))
    except np.linalg.LinAlgError:
        factors = np.full_like(matrices, np.nan)
        for position, matrix in enumerate(matrices):
            with suppress(np.linalg.LinAlgError):
                factors[position] = np.linalg.cholesky(matrix)
        return factors


def factor_and_solve(matrices: Array, right: Array) -> tuple[Array, Array]:
    """Cholesky factors L of many small matrices (..., q, q) and L^-1 times ``right`` (..., q, m), vectorised."""
    q = matrices.shape[-1]
    factor, solved = np.zeros_like(matrices), np.empty_like(right)
    for j in range(q):
        row = factor[..., j, :j]
        pivot = matrices[..., j, j] - (row**2).sum(-1)
        factor[..., j, j] = np.sqrt(np.maximum(pivot, ROUNDING * matrices[..., j, j]))
        below = matrices[..., j + 1 :, j] - (factor[..., j + 1 :, :j] * row[..., None, :]).sum(-1)
        factor[..., j + 1 :, j] = below / factor[..., j, j][..., None]
        known = (row[..., None] * solved[..., :j, :]).sum(-2)
        solved[..., j, :] = (right[..., j, :] - known) / factor[..., j, j][..., None]
    return factor, solved


def solve_transposed(factor: Array, right: Array) -> Array:
    """x with L' x = right for lower factors L (..., q, q) and right (..., q, m), by vectorised back substitution.

    Matrices lie last in memory, so that each step runs over all of them without gaps.
    """
    q, m = right.shape[-2:]
    lower = np.ascontiguousarray(np.moveaxis(factor.reshape(-1, q, q), 0, -1))
    x = np.array(np.moveaxis(right.reshape(-1, q, m), 0, -1), order="C")
    for j in range(q - 1, -1, -1):
        x[j] /= lower[j, j]
        x[:j] -= lower[j, :j, None] * x[j]
    return np.moveaxis(x, -1, 0).reshape(right.shape)
