"""How well does a card predict what it has not seen? A row, a whole unit, the next period: exact, or by a refit.

With hyperparameters h_j from the importance sample of the engine, a leave-out predictive density is

    p(y_B | y_-B) = sum_j W_j p(y_B | y_-B, h_j),     W_j ~ p(y | h_j) p(h_j) / {q(h_j) p(y_B | y_-B, h_j)}

The coefficients are integrated in closed form (``held_out``), so only the few hyperparameters need weights; they are
Pareto-smoothed, and k-hat judges them as importance weights of the posterior without B. For single rows the
sample given all rows serves every row, and a row whose k-hat is above 0.7 gets a sample of its own. Units and periods
always get one: that is the refit, without the detour over draws of the coefficients. It is placed by a posterior near
by, as far as that does: a unit's by that of all rows, a period's by that of the period after it.

What is scored must not hang on the wide priors of levels, whose density is arbitrary:
- a unit that was not seen has an unknown level, so its within-unit contrasts are scored: how its outcome moves;
- a period that was not seen has an unknown common shock, so the contrasts between units are scored: how units differ.

Priors keep the scaling of the whole panel, which is a unit of measurement and not learned.
Source: Vehtari, Gelman & Gabry (2017), doi:10.1007/s11222-016-9696-4; Buerkner, Gabry & Vehtari (2020), Approximate
leave-future-out cross-validation for Bayesian time series models, doi:10.1080/00949655.2020.1783262.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import OBS, PERIOD, UNIT
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import Terms, period_contrasts
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.conditional_predictive import HeldOut, rows_of, with_flat_level
from bri_bayes.inference.importance import (
    FEW_POINTS,
    KHAT_LIMIT,
    Weighted,
    place_anew,
    sample_by_importance,
    smooth_weights,
)
from bri_bayes.inference.marginal import is_feasible
from bri_bayes.study.model_card import ModelCard

# Points of hyperparameters: for all rows together, and for each unit, period and refitted row, twice as many of these
# where there are more hyperparameters than a few.
ROW_POINTS, BLOCK_POINTS, _FEW_HYPERPARAMETERS = 2048, 512, 8
# Sizes of the samples of which each places the next one until one is good, in those numbers of points.
PLACED = (1, 1, 4, 4)


def can_leave_out(design: Design, card: ModelCard) -> bool:
    """Whether the closed form covers the card: normal, linear, few hyperparameters, no share kappa to learn."""
    learned = card.contamination is not None and card.contamination.share is None
    return is_feasible(design, card) and not learned


def leave_rows_out(design: Design, card: ModelCard, *, points: int = ROW_POINTS, seed: int = 0) -> xr.Dataset:
    """Each row given all others: ``elpd``, ``khat``, ``refitted`` : (obs,), natural log of the outcome's density.

    ``attrs["mc_sd"]`` : Monte Carlo sd of the sum of ``elpd``.
    """
    model = _Model.build(design, card)
    rng = np.random.default_rng(seed)
    weighted = model.sample(points, rng)
    density = model.row_log_density(weighted.vectors)
    n = density.shape[1]
    elpd, khat, refitted = np.empty(n), np.empty(n), np.zeros(n, dtype=bool)
    influence, refit_variance = np.zeros(len(density)), 0.0
    for row in range(n):
        elpd[row], khat[row], moved = _predictive(weighted.log_ratios - density[:, row], density[:, row])
        if khat[row] < KHAT_LIMIT:
            influence += moved
            continue
        refitted[row] = True
        refit = model.without(row).sample_near(weighted.reweighted(-density[:, row]), model.block_points, rng)
        of_row = model.row_log_density(refit.vectors, np.array([row]))[:, 0]
        elpd[row], khat[row], moved = _predictive(refit.log_ratios, of_row)
        refit_variance += float((moved**2).sum())
    scale = np.log(design.attrs["y_scale"])
    return xr.Dataset(
        {"elpd": (OBS, elpd - scale), "khat": (OBS, khat), "refitted": (OBS, refitted)},
        attrs={"mc_sd": float(np.sqrt((influence**2).sum() + refit_variance))},
    )


def leave_units_out(design: Design, card: ModelCard, *, seed: int = 0) -> xr.Dataset:
    """The within-unit contrasts of each unit given all other units: ``elpd``, ``khat``, ``contrasts`` : (unit,).

    A unit with a single row has no contrast: NaN.
    """
    model = _Model.build(design, card)
    rng = np.random.default_rng(seed)
    everything = np.arange(model.terms.y.size)
    pieces = {}
    for position in range(design.sizes[UNIT]):
        rows = np.flatnonzero(model.terms.unit_ix == position)
        pieces[position] = (np.setdiff1d(everything, rows), everything, rows)
    return _blocks_out(design, UNIT, design[UNIT].to_numpy(), model, rng, pieces)


def leave_future_out(design: Design, card: ModelCard, *, first: int, seed: int = 0) -> xr.Dataset:
    """Contrasts between units in each period from ``first`` on, given all earlier periods: one step ahead.

    ``elpd``, ``khat``, ``contrasts`` : (period,). The effect in a new period follows from its prior, the random walk.
    Only units with an earlier row count: the level of any other is unknown. NaN where fewer than two are left.
    """
    model = _Model.build(design, card)
    rng = np.random.default_rng(seed)
    period, unit_ix = model.terms.period, model.terms.unit_ix
    later = [int(year) for year in design[PERIOD].to_numpy() if year >= first]
    if not later or not (period < first).any():
        raise InputError(f"leave-future-out needs periods before and from {first} on")
    pieces = {}
    for position, year in enumerate(later):
        past = np.flatnonzero(period < year)
        rows = np.flatnonzero((period == year) & np.isin(unit_ix, unit_ix[past]))
        pieces[position] = (past, np.sort(np.concatenate([past, rows])), rows)
    return _blocks_out(design, PERIOD, np.array(later), model, rng, pieces)


def _blocks_out(
    design: Design,
    dim: str,
    labels: Array,
    model: _Model,
    rng: np.random.Generator,
    pieces: dict[int, tuple[Index, Index, Index]],
) -> xr.Dataset:
    """Scores of blocks; ``pieces`` : position -> rows that are seen, rows seen and held out, rows held out.

    Periods come from the last one to the first, each placed by the one after it.
    """
    elpd, khat = np.full((2, len(labels)), np.nan)
    contrasts, variance = np.zeros(len(labels), dtype=int), 0.0
    near = model.sample(model.block_points, rng)
    for position, (seen, both, rows) in reversed(pieces.items()):
        if rows.size < 2:
            continue
        contrasts[position] = rows.size - 1
        weighted = model.of(seen).sample_near(near, model.block_points, rng)
        if dim == PERIOD:
            near = weighted
        density = model.of(both).contrast_log_density(weighted, np.searchsorted(both, rows))
        elpd[position], khat[position], moved = _predictive(weighted.log_ratios, density)
        variance += float((moved**2).sum())
    elpd -= contrasts * np.log(design.attrs["y_scale"])
    variables = {"elpd": (dim, elpd), "khat": (dim, khat), "contrasts": (dim, contrasts)}
    return xr.Dataset(variables, coords={dim: labels}, attrs={"mc_sd": float(np.sqrt(variance))})


def _predictive(log_ratios: Array, log_density: Array) -> tuple[float, float, Array]:
    """log sum_j W_j p_j with Pareto-smoothed W from ``log_ratios``, their k-hat, and what each point moves : (M,).

    The last is the influence W_j (p_j / sum W p - 1); the squares add up to the Monte Carlo variance.
    """
    weights, khat = smooth_weights(log_ratios)
    top = log_density[weights > 0].max()
    density = np.exp(np.minimum(log_density - top, 0.0))
    mean = float(weights @ density)
    return top + float(np.log(mean)), khat, weights * (density / mean - 1)


@dataclass(frozen=True, eq=False)
class _Model:
    """A card on some rows of a design; the hyperparameters are those of the whole design."""

    model: Collapsed
    card: ModelCard

    @classmethod
    def build(cls, design: Design, card: ModelCard) -> _Model:
        if not can_leave_out(design, card):
            raise InputError(
                f'the closed form does not cover the card "{card.name}" on this panel, or it learns a share kappa'
            )
        return cls(Collapsed.build(design, card), card)

    @property
    def terms(self) -> Terms:
        """Its rows and columns."""
        return self.model.terms

    @property
    def block_points(self) -> int:
        """Points of hyperparameters for a block that is left out."""
        few = self.model.space.start().size <= _FEW_HYPERPARAMETERS
        return BLOCK_POINTS if few else 2 * BLOCK_POINTS

    def of(self, rows: Index) -> _Model:
        """The same card on ``rows`` (sorted) alone."""
        if rows.size == self.terms.y.size:
            return self
        return _Model(Collapsed.of(rows_of(self.terms, rows), self.card, self.model.space), self.card)

    def without(self, row: int) -> _Model:
        """The same card on all rows but one."""
        return self.of(np.delete(np.arange(self.terms.y.size), row))

    def sample(self, points: int, rng: np.random.Generator) -> Weighted:
        """Weighted hyperparameters of its posterior, ``points`` of them placed by a first sample."""
        target = self.model.log_posterior
        first = sample_by_importance(target, self.model.space.start(), FEW_POINTS, rng)
        return place_anew(target, first, [more * points for more in PLACED], rng)

    def sample_near(self, near: Weighted, points: int, rng: np.random.Generator) -> Weighted:
        """The same, placed by the sample of a posterior near by, or by one of its own where that does not do."""
        placed = place_anew(self.model.log_posterior, near, [more * points for more in PLACED], rng)
        return placed if placed.is_good else self.sample(points, rng)

    def row_log_density(self, vectors: Array, rows: Index | None = None) -> Array:
        """log p(y_j | all other rows, h) : (M, rows), of all rows unless some are asked for."""
        return HeldOut(self.model).row_log_density(self.model.space.values(vectors), rows)

    def contrast_log_density(self, others: Weighted, rows: Index) -> Array:
        """log density of the level-free contrasts of ``rows`` given all ``others``, at the points of these : (M,)."""
        flat, vectors = with_flat_level(self.model, rows), others.vectors
        if others.log_density is not None and (flat.alike is None) == (self.model.alike is None):
            density = flat.log_posterior(vectors) - others.log_density + 0.5 * np.log(2 * np.pi * rows.size)
            return np.where(np.isfinite(density), density, -np.inf)
        # A unit with a level of its own would be unlike those with whom it shares shocks.
        contrasts = period_contrasts(rows.size).T
        return HeldOut(self.model).contrast_log_density(self.model.space.values(vectors), rows, contrasts)
