"""Which columns, prior scales and hyperparameters does a linear card ask for?

The model of the closed-form engine, on the standardised outcome:

    y_it = U_it' b_i + S_it' s + e_it,    b_i ~ N(0, diag(v_U)),  s ~ N(0, diag(v_S))

U holds what belongs to one unit (its level, its trend, its own effects), S what units share (periods, the common
effect path, covariates). Each prior scale is a number or the name of a hyperparameter, so a random-walk path is
written in its steps: the column of step k is one from event time k on. Between the two may stand blocks G with
coefficients for every group of units (a region's shocks), and a block's prior may be dense (``Dependence``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.names import REFERENCE_EVENT_TIME
from bri_bayes.design.design import Design
from bri_bayes.design.effect_paths import free_path, pooled_path
from bri_bayes.design.group_shocks import RATIO, SHOCK, shock_columns, shock_process
from bri_bayes.study.model_card import ModelCard

Scale = float | str
# The sd of the effect's growth at the onset: it follows from eta and sigma, and is no hyperparameter itself.
GROWTH = "growth"


class Dependence(Protocol):
    """How the coefficients of a block hang together a priori, at scale one: their covariance is scale^2 R(h).

    For shocks that are an AR(1) process over the periods of the panel R(h) is its correlation matrix. ``names`` : the
    hyperparameters that R needs, which ``inference.hyperparameters`` must know.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The hyperparameters that it needs."""

    def covariance(self, hyper: Mapping[str, Array]) -> Array:
        """R(h) at B points : (B, m, m)."""

    def precision(self, hyper: Mapping[str, Array]) -> Array:
        """R(h)^-1 at B points : (B, m, m)."""


@dataclass(frozen=True)
class Block:
    """Adjacent columns with one prior scale: ``columns`` (obs, m); ``name`` is what the posterior calls them.

    ``exposed`` : (obs, m) columns that count kappa times beside them, None where nothing depends on kappa.
    ``dependence`` : of the coefficients a priori, None where they are independent; for ``grouped`` and ``shared`` ones.
    """

    name: str
    columns: Array
    scale: Scale
    exposed: Array | None = None
    dependence: Dependence | None = None


@dataclass(frozen=True)
class Terms:
    """The linear model of a card on a design.

    ``y`` : (obs,) standardised; ``per_unit`` blocks hold columns with a coefficient for every unit, ``grouped`` ones
    with a coefficient for every group of units, ``shared`` ones with one coefficient; ``group_ix`` : (unit,) the group
    of each unit, 0, 1, ..., where there are grouped blocks; ``event_times`` : (K,) the event times with an effect,
    leads first; ``path`` : (K, m) maps the m coefficients of the block "path" to the common effect at each event time.
    """

    y: Array
    unit_ix: Index
    period: Array
    per_unit: tuple[Block, ...]
    shared: tuple[Block, ...]
    event_times: Index
    path: Array
    grouped: tuple[Block, ...] = ()
    group_ix: Index | None = None

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All of them."""
        return (*self.per_unit, *self.grouped, *self.shared)

    @property
    def n_units(self) -> int:
        """Units up to the last that has a row."""
        return int(self.unit_ix.max()) + 1


def event_times(design: Design, card: ModelCard) -> Index:
    """Event times with an effect: from the onset on, with leads also before the reference -1; binned by the window."""
    binned = binned_event_time(design, card)
    observed = np.unique(binned[np.isfinite(binned)]).astype(np.intp)
    wanted = observed >= 0
    if card.effects.leads:
        wanted |= observed < REFERENCE_EVENT_TIME
    return np.asarray(observed[wanted], dtype=np.intp)


def binned_event_time(design: Design, card: ModelCard) -> Array:
    """Event time of each row, its ends binned by the card's window; NaN for never-treated units."""
    event_time = design["event_time"].to_numpy()
    return np.clip(event_time, *card.effects.window) if card.effects.window else event_time


def event_time_shares(design: Design, card: ModelCard) -> Array:
    """The share of each event time from the onset on among treated rows."""
    binned = binned_event_time(design, card)[design["treated"].to_numpy()]
    return np.asarray(np.unique(binned, return_counts=True)[1] / binned.size)


def exposed_positions(design: Design, card: ModelCard) -> tuple[Index, Index]:
    """Rows of contaminated controls, and where in ``event_times`` their time since the exposure stands.

    A time at which no treated unit has a row takes the effect of the last one before.
    """
    exposed = design["exposed_time"].to_numpy()
    rows = np.flatnonzero(np.isfinite(exposed))
    binned = np.clip(exposed[rows], *card.effects.window) if card.effects.window else exposed[rows]
    position = np.searchsorted(event_times(design, card), binned, side="right") - 1
    return np.asarray(rows, dtype=np.intp), np.asarray(np.maximum(position, 0), dtype=np.intp)


def wide_scales(design: Design, card: ModelCard) -> tuple[float, float]:
    """Prior sd of unit and of period effects on the standardised scale: multiples of the outcome's total sd."""
    ratio = design.attrs["y_sd"] / design.attrs["y_scale"]
    return card.priors.unit * ratio, card.priors.period * ratio


def trend_time(design: Design) -> Array:
    """Time of each row from -1/2 (first period) to 1/2 (last period), so a trend is a drift over the panel."""
    period = design["period"].to_numpy()[design["period_ix"].to_numpy()].astype(float)
    first, last = design["period"].to_numpy()[[0, -1]]
    return np.asarray((period - first) / (last - first) - 0.5)


def drift_steps(design: Design) -> Array:
    """Steps of the treated group's drift away from the others, sd one a period : (obs, T - 1).

    The column of step j is one from period j on for ever-treated units, times the root of the periods since the one
    before. Where the walk starts does not matter: a level of the group is absorbed by the wide unit effects, so this
    is also the walk that leaves zero at the last period before the onset in both directions.
    Source: Kwon & Roth (2024), (Empirical) Bayes approaches to parallel trends, arXiv:2404.11839.
    """
    period = design["period"].to_numpy().astype(float)
    ever_treated = np.isfinite(design["event_time"].to_numpy())
    reached = design["period_ix"].to_numpy()[:, None] >= np.arange(1, period.size)[None, :]
    return np.asarray(reached * ever_treated[:, None] * np.sqrt(np.diff(period)))


def period_contrasts(n_periods: int) -> Array:
    """Orthonormal (T, T-1) columns that sum to zero: N(0, v I) coefficients give a ZeroSumNormal of variance v."""
    rows, positions = np.arange(n_periods)[:, None], np.arange(1, n_periods)
    contrasts = np.where(rows < positions, 1.0, np.where(rows == positions, -positions.astype(float), 0.0))
    return np.asarray(contrasts / np.sqrt(positions * (positions + 1.0)))


def build_terms(design: Design, card: ModelCard) -> Terms:
    """Columns and prior scales of ``card`` on ``design``; the closed-form engine needs nothing else."""
    scale_unit, _ = wide_scales(design, card)
    per_unit = [Block("unit_effect", np.ones((design.sizes["obs"], 1)), scale_unit)]
    if card.effects.trend == "unit_linear":
        per_unit.append(Block("trend", trend_time(design)[:, None], card.priors.trend))
    times = event_times(design, card)
    own_effects, path_blocks, path = _effect_blocks(design, card, times)
    x = (design["X"].to_numpy() - design["x_center"].to_numpy()) / design["x_scale"].to_numpy()
    z = (design["Z"].to_numpy() - design["z_center"].to_numpy()) / design["z_scale"].to_numpy()
    moved = z * design["treated"].to_numpy()[:, None]
    if card.effects.modifier_slopes == "by_unit" and moved.shape[1]:
        own_effects.append(Block("modifier_deviation", moved, "omega_modifier"))
    shared = [
        *path_blocks,
        Block("modifier_effect", moved, card.priors.modifier),
        Block("beta", x, card.priors.covariate),
    ]
    drift: list[Block] = []
    if card.effects.trend == "group_random_walk":
        scale: Scale = "trend_step" if card.effects.trend_sd is None else card.effects.trend_sd
        drift = [Block("drift", drift_steps(design), scale)]
    grouped, group_ix = _shock_blocks(design, card)
    shared += drift + _period_blocks(design, card, [block.columns for block in shared], own_effects)
    return Terms(
        y=(design["y"].to_numpy() - design.attrs["y_center"]) / design.attrs["y_scale"],
        unit_ix=design["unit_ix"].to_numpy(),
        period=design["period"].to_numpy()[design["period_ix"].to_numpy()].astype(float),
        per_unit=(*per_unit, *own_effects),
        shared=tuple(block for block in shared if block.columns.shape[1]),
        event_times=times,
        path=path,
        grouped=grouped,
        group_ix=group_ix,
    )


def _shock_blocks(design: Design, card: ModelCard) -> tuple[tuple[Block, ...], Index | None]:
    """Shocks of groups, and the group of each unit; nothing where the card has none."""
    if card.shocks.process == "none":
        return (), None
    columns, group_ix = shock_columns(design)
    return (Block(SHOCK, columns, RATIO, dependence=shock_process(design, card)),), group_ix


def _effect_blocks(design: Design, card: ModelCard, times: Index) -> tuple[list[Block], list[Block], Array]:
    """Blocks of the effect that belong to units, shared blocks, and the map from shared steps to the path."""
    binned, treated = binned_event_time(design, card), design["treated"].to_numpy()
    effects, priors = card.effects, card.priors
    post = times[times >= 0]
    dummies = (binned[:, None] == times[None, :]).astype(float)
    leads = np.flatnonzero(times < 0)
    by_unit = effects.treatment in ("by_unit", "by_unit_event_time")
    by_time = effects.treatment in ("event_time", "by_unit_event_time")
    after = treated.astype(float)[:, None]
    rows, positions = exposed_positions(design, card)
    exposed = np.zeros_like(dummies)
    exposed[rows, positions] = 1.0
    exposed_after = exposed.sum(axis=1, keepdims=True)
    per_unit: list[Block] = []
    lead_blocks = [Block("path", dummies[:, leads], priors.effect)] if leads.size else []
    weights = event_time_shares(design, card)
    if effects.pooling == "none" and by_unit:
        per_unit = [Block("own_path", dummies[:, times >= 0] @ free_path(weights) if by_time else after, priors.effect)]
        return per_unit, lead_blocks, np.eye(times.size)[:, leads]
    if by_unit:
        per_unit = [_shared_with_controls(card, "unit_deviation", after, "omega", exposed_after)]
    path = np.zeros((times.size, leads.size + (post.size if by_time else 1)))
    path[leads, np.arange(leads.size)] = 1.0
    if not by_time:
        path[times >= 0, -1] = 1.0
        return per_unit, [*lead_blocks, _shared_with_controls(card, "path", after, priors.effect, exposed_after)], path
    if effects.pooling == "none":
        parts: list[tuple[Array, Scale]] = [(free_path(weights), priors.effect)]
    else:
        average, growth, changes = pooled_path(post, weights)
        parts = [(average, priors.effect), (growth, GROWTH), (changes, "eta")]
        parts = [(basis, scale) for basis, scale in parts if basis.shape[1]]
    path[np.ix_(np.flatnonzero(times >= 0), leads.size + np.arange(post.size))] = np.hstack(
        [basis for basis, _ in parts]
    )
    blocks = [
        _shared_with_controls(card, "path", dummies[:, times >= 0] @ basis, scale, exposed[:, times >= 0] @ basis)
        for basis, scale in parts
    ]
    return per_unit, [*lead_blocks, *blocks], path


def _shared_with_controls(card: ModelCard, name: str, columns: Array, scale: Scale, exposed: Array) -> Block:
    """A block of the effect, of which contaminated controls have kappa: a number of the card, or a hyperparameter."""
    if card.contamination is None or not exposed.any():
        return Block(name, columns, scale)
    if card.contamination.share is None:
        return Block(name, columns, scale, exposed)
    return Block(name, columns + card.contamination.share * exposed, scale)


def _period_blocks(design: Design, card: ModelCard, regressors: list[Array], per_unit: list[Block]) -> list[Block]:
    """Fixed period effects, or random ones beside the period means of every regressor (Mundlak 1978).

    A unit's own effect is a regressor of its own: with gaps its period means differ from those of other units.
    """
    period_ix, n_periods = design["period_ix"].to_numpy(), design.sizes["period"]
    _, scale_period = wide_scales(design, card)
    if card.effects.period == "fixed":
        return [Block("period_effect", period_contrasts(n_periods)[period_ix], scale_period)]
    dummies = np.eye(n_periods)[period_ix]
    units = np.eye(design.sizes["unit"])[design["unit_ix"].to_numpy()]
    own_columns = [units * column[:, None] for block in per_unit for column in block.columns.T]
    means = dummies.T @ np.hstack([*regressors, *own_columns]) / dummies.sum(axis=0)[:, None]
    vectors, singular, _ = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    basis = vectors[:, singular > 1e-10 * max(singular.max(initial=0.0), 1e-300)]
    return [
        Block("period_mundlak", basis[period_ix], scale_period * np.sqrt(n_periods)),
        Block("period_effect", dummies, "sigma_period"),
    ]
