"""What is the posterior of the ATT for many assignments of one outcome? Placebos in space in seconds.

Who is treated moves the effect columns alone. Unit and period effects, trends and covariates, with their priors and
the precision Q of the errors, stay; so they are eliminated once at each hyperparameter point, unit by unit and then
together, and leave for the effect columns C_i of unit i (those that it would have if it were treated)

    C_i'P C_j = [i = j] A_i - F_i'F_j,    C_i'P y = v_i,    y'P y,    P = Q - Q Z (Z'Q Z + V^-1)^-1 Z'Q

with F_i of the few rows of what units share. An assignment adds up the columns of its treated units: its posterior is
a system as small as its effects (8 years and 5 countries: 13), whatever the number of control units. Points that cover
all posteriors are shared (``shared_proposals``); an assignment that they do not cover gets points of its own. Where all
units have the same columns an assignment costs a few products (``equal_units``).

Source: Lindley & Smith (1972), doi:10.1111/j.2517-6161.1972.tb00885.x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array, Index
from bri_bayes.design.design import Design
from bri_bayes.inference.assignment_columns import AssignmentColumns, are_equal, refuse_what_is_not_covered
from bri_bayes.inference.batched_algebra import solve_lower
from bri_bayes.inference.block_priors import add_prior
from bri_bayes.inference.collapsed import BATCH_ELEMENTS, Collapsed, Space
from bri_bayes.inference.equal_units import EqualUnits
from bri_bayes.inference.error_precision import ReadyProducts
from bri_bayes.inference.shared_answers import answered_together
from bri_bayes.study.model_card import ModelCard

ASSIGNMENT = "assignment"
# Systems that are factorised together (measured: their arrays stay in the cache of a core).
_SYSTEMS = 1000


def att_of_assignments(
    design: Design, card: ModelCard, groups: NDArray[np.bool_], onset: int, *, points: int = 2000, seed: int = 0
) -> xr.Dataset:
    """The posterior of the ATT with each of ``groups`` : (assignment, unit), true if treated, treated from ``onset``.

    Rows, outcome and covariates are those of ``design``; who is treated there does not matter. Variables
    (assignment,) as in ``batch.att_of_many``. For the cards of ``batch.covers`` with fixed period effects, without
    modifiers and contamination; all units have rows in the same periods from ``onset`` on (and, with leads, before it),
    and all groups have one size, unless ``are_equal``.
    """
    refuse_what_is_not_covered(design, card, groups, onset)
    if are_equal(design, card):
        return answered_together(EqualUnits.build(design, card, onset), groups, ASSIGNMENT, design, card, points, seed)
    treated = np.nonzero(groups)[1].reshape(len(groups), -1)
    model = _ManyAssignments.build(design, card, onset)
    return answered_together(model, treated, ASSIGNMENT, design, card, points, seed)


class _Reduced(NamedTuple):
    """At B points, after nuisance terms are eliminated: A_i (B, N, m, m), F_i (B, N, r, m), v_i (B, N, m), rest (B,).

    ``rest`` : the log density without effects, with the prior of the hyperparameters; ``size`` (B,) y'P y.
    """

    A: Array
    F: Array
    v: Array
    rest: Array
    size: Array


@dataclass(frozen=True, eq=False)
class _ManyAssignments:
    """The model of a card on a design in which every unit is treated.

    ``nuisance`` : its terms without effects; ``ready`` : their cross-products with the effect columns (m of a unit) and
    the outcome; ``asked`` : the effect columns, first those of the common ``path``, then those of the unit alone.
    """

    nuisance: Collapsed
    ready: ReadyProducts
    asked: AssignmentColumns

    @classmethod
    def build(cls, design: Design, card: ModelCard, onset: int) -> _ManyAssignments:
        asked = AssignmentColumns.of(design, card, onset)
        nuisance = Collapsed.of(asked.nuisance, card, asked.space)
        return cls(nuisance, nuisance.ready(np.column_stack([asked.columns, asked.nuisance.y]), by_unit=True), asked)

    @property
    def space(self) -> Space:
        """The hyperparameters."""
        return self.nuisance.space

    def evaluate(self, vectors: Array, treated: Index) -> tuple[Array, Array, Array]:
        """log p(y, h_j | assignment i), mean and sd of the ATT given h_j, all (assignment, point).

        One Cholesky factor of the precision of the effects, bordered by C'Py and by the weights c of the ATT, has
        (L^-1 C'Py)' and (L^-1 c)' as its last rows; the corners are large enough to keep it positive definite.
        """
        n_points, n_groups = len(vectors), len(treated)
        log_density, means, sds = (np.empty((n_points, n_groups)) for _ in range(3))
        sums = _Sums(self.asked, treated)
        n_effects = self.asked.weights.shape[1]
        width = sum(block.columns.shape[1] for block in self.nuisance.terms.blocks) + n_effects + 1
        size = max(1, 2 * BATCH_ELEMENTS // (self.nuisance.terms.n_units * width**2))
        for begin in range(0, n_points, size):
            some = vectors[begin : begin + size]
            hyper = self.nuisance.space.values(some)
            reduced = self._reduced(hyper, some)
            step = max(1, _SYSTEMS // n_groups)
            precision = self._prior_precision(hyper, treated.shape[1])
            for first in range(0, len(some), step):
                few = slice(first, first + step)
                here = slice(begin + first, min(begin + first + step, begin + len(some)))
                solved = sums.solve(_Reduced(*(array[few] for array in reduced)), precision[few])
                log_density[here], means[here], sds[here] = solved
        lost = ~np.isfinite(log_density + sds)  # rounding made a precision indefinite: no weight
        log_density[lost], means[lost], sds[lost] = -np.inf, 0.0, 1.0
        return log_density.T, means.T, sds.T

    def _reduced(self, hyper: dict[str, Array], vectors: Array) -> _Reduced:
        after = self.nuisance.after_units(hyper, self.ready, by_unit=True)
        n_points, n_units, r = after.rest.shape[:3]
        p = r - self.asked.weights.shape[1] - 1
        system = after.rest[:, :, :p, :p].sum(axis=1)
        log_det_prior = add_prior(system, self.nuisance.terms.shared, hyper)
        lower = np.linalg.cholesky(system)
        kept = after.rest[:, :, p:, p:]
        pulled = np.moveaxis(after.rest[:, :, :p, p:], 1, 2).reshape(n_points, p, -1)
        loads = np.moveaxis(solve_lower(lower, pulled).reshape(n_points, p, n_units, r - p), 2, 1)
        y = loads[:, :, :, -1].sum(axis=1)  # (B, p): F'y of all units
        v = kept[:, :, :-1, -1] - (loads[..., :-1] * y[:, None, :, None]).sum(axis=2)
        size = kept[:, :, -1, -1].sum(axis=1) - (y**2).sum(axis=1)
        log_det = np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
        rest = after.log_constant + 0.5 * log_det_prior - log_det - 0.5 * size + self.nuisance.space.log_prior(vectors)
        return _Reduced(kept[..., :-1, :-1], loads[..., :-1], v, rest, size)

    def _prior_precision(self, hyper: dict[str, Array], n_treated: int) -> Array:
        """Diagonal of the prior precision of the effects of an assignment : (B, coefficients)."""
        n_points = len(next(iter(hyper.values())))
        blocks = (*self.asked.path, *(self.asked.per_unit * n_treated))
        size = sum(block.columns.shape[1] for block in blocks)
        precision = np.zeros((n_points, size, size))
        add_prior(precision, blocks, hyper)
        return np.diagonal(precision, axis1=1, axis2=2)


class _Sums:
    """Sums over the treated units of each assignment, and the small systems that they make."""

    def __init__(self, asked: AssignmentColumns, treated: Index) -> None:
        self.treated = treated
        self.p, self.q = (sum(b.columns.shape[1] for b in blocks) for blocks in (asked.path, asked.per_unit))
        self.size = self.p + treated.shape[1] * self.q
        counts = asked.counts[treated].sum(axis=1)[:, None]
        path = asked.weights[treated, : self.p].sum(axis=1)
        per_unit = asked.weights[treated, self.p :].reshape(len(treated), -1)
        self.c = np.hstack([path, per_unit]) / counts

    def solve(self, reduced: _Reduced, precision: Array) -> tuple[Array, Array, Array]:
        """log density, mean and sd of the ATT at B points : each (B, assignment)."""
        A, F, v = reduced.A[:, self.treated], reduced.F[:, self.treated], reduced.v[:, self.treated]
        p, q, n = self.p, self.q, self.size
        n_points, n_groups, k = A.shape[:3]
        loads = np.empty((n_points, n_groups, F.shape[3], n))
        loads[..., :p] = F[..., :p].sum(axis=2)
        loads[..., p:] = np.moveaxis(F[..., p:], 2, 3).reshape(n_points, n_groups, F.shape[3], k * q)
        system = np.zeros((n_points, n_groups, n + 2, n + 2))
        system[..., :n, :n] = -np.swapaxes(loads, -1, -2) @ loads
        system[..., :p, :p] += A[..., :p, :p].sum(axis=2)
        for unit in range(k):
            place = slice(p + unit * q, p + (unit + 1) * q)
            system[..., place, place] += A[:, :, unit, p:, p:]
            system[..., place, :p] += A[:, :, unit, p:, :p]
        diagonal = np.arange(n)
        system[..., diagonal, diagonal] += precision[:, None, :]
        system[..., n, :p] = v[..., :p].sum(axis=2)
        system[..., n, p:n] = v[..., p:].reshape(n_points, n_groups, k * q)
        system[..., n + 1, :n] = self.c
        # m'A^-1 m is at most y'Py, c'A^-1 c at most c'Vc.
        system[..., n, n] = 1 + 2 * reduced.size[:, None]
        system[..., n + 1, n + 1] = 1 + 2 * (self.c**2 / precision[:, None, :]).sum(axis=-1)
        factor = np.linalg.cholesky(system)
        of_y, of_c = factor[..., n, :n], factor[..., n + 1, :n]
        log_det = 2 * np.log(factor[..., diagonal, diagonal]).sum(axis=-1)
        log_density = reduced.rest[:, None] + 0.5 * (
            np.log(precision).sum(axis=1)[:, None] - log_det + (of_y**2).sum(axis=-1)
        )
        return log_density, (of_y * of_c).sum(axis=-1), np.sqrt((of_c**2).sum(axis=-1))
