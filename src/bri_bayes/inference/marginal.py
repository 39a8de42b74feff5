"""The closed-form engine: every linear coefficient integrated exactly, the few hyperparameters by importance sampling.

Linear estimands need no draws (``exact``). Draws are for what is not linear; they come in mirrored pairs:
hyperparameters h are resampled from the weighted proposals, and coefficients are drawn from their Gaussian conditional
once with innovations z and once with -z.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.names import EXPOSED_UNIT, GROUP, UNIT
from bri_bayes.design.design import Design
from bri_bayes.design.effect_paths import free_path
from bri_bayes.design.group_shocks import SHOCK
from bri_bayes.design.linear_terms import Block, Terms, build_terms, event_time_shares, period_contrasts
from bri_bayes.inference.collapsed import Collapsed, Space
from bri_bayes.inference.conditional import Coefficients
from bri_bayes.inference.exact import ExactPosterior
from bri_bayes.inference.hyperparameters import reported
from bri_bayes.inference.importance import Weighted, sample_by_importance
from bri_bayes.study.model_card import ModelCard

# More hyperparameters than this are not left to importance sampling.
MAX_HYPERPARAMETERS = 40


@dataclass(frozen=True)
class MarginalDraws:
    """Draws on the standardised scale: ``values`` name -> (R, ...); R runs over chains, then draws.

    ``exact`` : what they were drawn from; ``log_marginal`` : of the outcome in its own units.
    """

    values: dict[str, Array]
    exact: ExactPosterior
    log_marginal: float
    khat: float
    ess: float


def is_feasible(design: Design, card: ModelCard) -> bool:
    """Whether the engine covers the card, and its hyperparameters are few enough."""
    by_unit = card.errors.scale == "by_unit"
    return card.is_marginal and not (by_unit and design.sizes["unit"] + 4 > MAX_HYPERPARAMETERS)


def sample_marginal(design: Design, card: ModelCard, seed: int) -> MarginalDraws:
    """Posterior draws of a normal linear card."""
    model, rng = Collapsed.build(design, card), np.random.default_rng(seed)
    weighted = weigh_hyperparameters(model, card, rng)
    pairs = card.sampler.chains * card.sampler.draws // 2
    values = draw_pairs(model, weighted, pairs, rng)
    log_marginal = weighted.log_normaliser - model.terms.y.size * float(np.log(design.attrs["y_scale"]))
    exact = ExactPosterior.of(model, design, weighted.vectors, weighted.weights)
    return MarginalDraws(values, exact, log_marginal, weighted.khat, weighted.ess)


class Weighable(Protocol):
    """A model with hyperparameters, whatever becomes of its coefficients."""

    @property
    def space(self) -> Space:
        """The hyperparameters."""

    def log_posterior(self, vectors: Array) -> Array:
        """log p(y | h) p(h) : (B,)."""


def weigh_hyperparameters(model: Weighable, card: ModelCard, rng: np.random.Generator) -> Weighted:
    """The importance sample of a model's hyperparameters, of the size that the card asks for."""
    return sample_by_importance(model.log_posterior, model.space.start(), card.sampler.proposals, rng)


def draw_pairs(model: Collapsed, weighted: Weighted, pairs: int, rng: np.random.Generator) -> dict[str, Array]:
    """Mirrored pairs of draws of hyperparameters and, by block name, of coefficients : name -> (2 pairs, ...)."""
    chosen = rng.permutation(systematic(weighted.weights, pairs, rng))
    unique, position = np.unique(chosen, return_inverse=True)
    hyper = model.space.values(weighted.vectors[unique])
    drawn = _coefficients(model, hyper, position, rng)
    values = {name: np.concatenate([value[position]] * 2) for name, value in reported(hyper).items()}
    for blocks, level in zip((model.terms.per_unit, model.terms.grouped, model.terms.shared), drawn, strict=True):
        values |= by_block(blocks, level)
    return values


def _coefficients(
    model: Collapsed, hyper: Mapping[str, Array], position: Index, rng: np.random.Generator
) -> Coefficients:
    """Mirrored draws of the coefficients at the points ``position`` (R,) : levels (2 R, ...); few at a time."""
    noise: Coefficients | None = None
    drawn: list[Array] = []
    for points, conditional in model.conditionals(hyper):
        if noise is None:
            noise = conditional.noise(position.size, rng)
            drawn = [np.empty((2, *level.shape)) for level in noise]
        rows = np.flatnonzero((position >= points.start) & (position < points.stop))
        some = conditional.draw(position[rows] - points.start, Coefficients(*(level[rows] for level in noise)))
        for level, part in zip(drawn, some, strict=True):
            level[:, rows] = part
    return Coefficients(*(np.concatenate(level) for level in drawn))


def systematic(weights: Array, size: int, rng: np.random.Generator) -> Index:
    """Positions drawn with probability ``weights`` by systematic resampling : (size,)."""
    points = (np.arange(size) + rng.random()) / size
    return np.minimum(np.searchsorted(np.cumsum(weights), points), weights.size - 1)


def by_block(blocks: tuple[Block, ...], coefficients: Array) -> dict[str, Array]:
    """Coefficients by block name; adjacent blocks of one name are joined."""
    named: dict[str, Array] = {}
    first = 0
    for block in blocks:
        last = first + block.columns.shape[1]
        part = coefficients[..., first:last]
        named[block.name] = np.concatenate([named[block.name], part], axis=-1) if block.name in named else part
        first = last
    return named


def to_parameters(design: Design, card: ModelCard, values: dict[str, Array]) -> dict[str, Array]:
    """Coefficients of the blocks -> the parameters that both engines report, still on the standardised scale.

    unit_effect (R, N); trend (R, N); drift (R, T); shock (R, G, T); period_effect (R, T); tau (R, K) where there is a
    common path; unit_deviation (R, U) and modifier_deviation (R, U, m) of treated units; effect (R, U, K);
    exposed_effect (R, E, K) of contaminated controls; beta, modifier_effect (R, m); and scalars (R,).
    """
    terms: Terms = build_terms(design, card)
    ever_treated = np.isfinite(design["first_treated"].to_numpy())
    named = {name: value for name, value in values.items() if value.ndim == 1 or name == "sigma_unit"}
    named["unit_effect"] = values["unit_effect"][..., 0]
    if "trend" in values:
        named["trend"] = values["trend"][..., 0]
    if "drift" in values:
        named["drift"] = values["drift"] @ _steps_to_path(design).T
    named |= {name: values[name] for name in ("beta", "modifier_effect") if name in values}
    named["period_effect"] = _period_effect(design, card, terms, values)
    n_draws = named["unit_effect"].shape[0]
    effect = np.zeros((n_draws, int(ever_treated.sum()), terms.event_times.size))
    after = terms.event_times >= 0
    if "path" in values:
        tau = values["path"] @ terms.path.T
        effect += tau[:, None, :]
        if card.effects.pooling == "partial" or card.effects.treatment in ("common", "event_time"):
            named["tau"] = tau
    if "unit_deviation" in values:
        named["unit_deviation"] = values["unit_deviation"][:, ever_treated, 0]
        effect[:, :, after] += named["unit_deviation"][..., None]
    if "modifier_deviation" in values:
        named["modifier_deviation"] = values["modifier_deviation"][:, ever_treated]
    if "own_path" in values:
        paths = values["own_path"][:, ever_treated]
        by_time = card.effects.treatment == "by_unit_event_time"
        effect[:, :, after] += paths @ free_path(event_time_shares(design, card)).T if by_time else paths
    if SHOCK in values:
        named[SHOCK] = values[SHOCK][:, : design.sizes[GROUP]]
    if design.sizes[EXPOSED_UNIT]:
        exposed = np.isin(design[UNIT].to_numpy(), design[EXPOSED_UNIT].to_numpy())
        named["exposed_effect"] = np.repeat((values["path"] @ terms.path.T)[:, None, :], int(exposed.sum()), axis=1)
        if "unit_deviation" in values:
            named["exposed_effect"] = named["exposed_effect"] + values["unit_deviation"][:, exposed]
        named["exposed_effect"] = named["exposed_effect"] * share_of(card, values)
    return named | {"effect": effect}


def share_of(card: ModelCard, values: dict[str, Array]) -> Array:
    """kappa of each draw : (R, 1, 1), or the number of the card : (1, 1, 1)."""
    share = card.contamination.share if card.contamination else 0.0
    return (values["kappa"] if share is None else np.array([share]))[:, None, None]


def _steps_to_path(design: Design) -> Array:
    """The map from steps of the drift to its value in each period, zero in the first : (T, T - 1)."""
    period = design["period"].to_numpy().astype(float)
    rows = np.arange(period.size)[:, None]
    return np.asarray((rows >= np.arange(1, period.size)) * np.sqrt(np.diff(period)))


def _period_effect(design: Design, card: ModelCard, terms: Terms, values: dict[str, Array]) -> Array:
    n_periods = design.sizes["period"]
    if card.effects.period == "fixed":
        return values["period_effect"] @ period_contrasts(n_periods).T
    effect = values["period_effect"]
    for block in terms.shared:
        if block.name == "period_mundlak":
            _, first_row = np.unique(design["period_ix"].to_numpy(), return_index=True)
            effect = effect + values["period_mundlak"] @ block.columns[first_row].T
    return effect
