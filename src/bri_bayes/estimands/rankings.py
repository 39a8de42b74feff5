"""Which category gained most, and how sure is that? Effects, ranks and money of the categories as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import Effect
from bri_bayes.design.category_design import LKJ_SHAPE, CategoryDesign, difference_in_differences

if TYPE_CHECKING:
    from bri_bayes.inference.categories import CategoryDraws


def category_values(
    design: CategoryDesign,
    draws: CategoryDraws,
    *,
    level_to_usd: float | None,
    claimed: Sequence[str],
    against: Sequence[str] = (),
) -> dict[str, Any]:
    """Everything that tables and figures show of one fit, JSON values.

    An effect is the average over the treated cells (unit and period) with an outcome, in log points; "overall" is the
    plain mean of the categories. "ranks" has the probability of each rank, the largest effect first.
    """
    cells = _treated_cells(design)  # (treated_unit, event_time, category)
    weights = cells / np.maximum(cells.sum(axis=(0, 1)), 1)
    average = np.einsum("duke,uke->de", draws.effect, weights)  # (draw, category)
    ranks = rank_probabilities(average)
    values: dict[str, Any] = {
        "categories": list(design.categories),
        "treated": [design.units[position] for position in design.treated_ix],
        "controls": [unit for position, unit in enumerate(design.units) if position not in set(design.treated_ix)],
        "span": list(design.span or (design.periods[0], design.periods[-1])),
        "effects": {name: Effect.of_draws(average[:, c]) for c, name in enumerate(design.categories)},
        "overall": Effect.of_draws(average.mean(axis=1)),
        "against_overall": {
            name: Effect.of_draws(average[:, c] - average.mean(axis=1)) for c, name in enumerate(design.categories)
        },
        "did": dict(difference_in_differences(design)),
        "ranks": {name: ranks[c].tolist() for c, name in enumerate(design.categories)},
        "spread": Effect.of_draws(draws.spread),
        "parameters": _parameters(design, draws),
        "by_unit": _by_unit(design, draws, cells) if design.span is None else None,
        "notes": list(design.notes),
        "diagnostics": draws.diagnostics,
    }
    if level_to_usd is not None:
        values["additional_usd"] = _additional(design, draws, level_to_usd)
    named = [name for name in claimed if name in design.categories]
    others = [name for name in design.categories if name not in claimed and (not against or name in against)]
    if named and others:
        values["claimed"] = claimed_values(average, design.categories, named, others)
    return values


def rank_probabilities(average: Array) -> Array:
    """P(category has rank r) : (category, rank) from draws (draw, category); rank 0 is the largest effect."""
    size = average.shape[1]
    order = np.argsort(-average, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(size), order.shape), axis=1)
    return np.stack([(ranks == rank).mean(axis=0) for rank in range(size)], axis=1)


def claimed_values(
    average: Array, categories: Sequence[str], named: Sequence[str], others: Sequence[str]
) -> dict[str, Any]:
    """How the named categories compare with the others on average, and how likely every one is above every other.

    ``chance`` : the latter probability if every order were equally likely.
    """
    from math import comb

    inside, outside = (np.isin(categories, list(group)) for group in (named, others))
    gap = average[:, inside].mean(axis=1) - average[:, outside].mean(axis=1)
    top = average[:, inside].min(axis=1) > average[:, outside].max(axis=1)
    return {
        "categories": list(named),
        "against": list(others),
        "gap": Effect.of_draws(gap),
        "p_top_set": float(top.mean()),
        "chance": 1 / comb(len(named) + len(others), len(named)),
    }


def _treated_cells(design: CategoryDesign) -> Array:
    """1 where a treated unit has an outcome at an event time : (treated_unit, event_time, category)."""
    seen = np.isfinite(design.y[design.treated_ix])
    at = design.event_time[design.treated_ix][:, :, None] == design.times
    return np.asarray(np.einsum("upk,upc->ukc", at.astype(float), seen.astype(float)))


def _by_unit(design: CategoryDesign, draws: CategoryDraws, cells: Array) -> Mapping[str, Mapping[str, Any]]:
    weights = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
    average = np.einsum("duke,uke->due", draws.effect, weights)
    return {
        name: {
            design.units[position]: Effect.of_draws(average[:, row, c])
            for row, position in enumerate(design.treated_ix)
            if cells[row, :, c].sum() > 0
        }
        for c, name in enumerate(design.categories)
    }


def _parameters(design: CategoryDesign, draws: CategoryDraws) -> dict[str, Any]:
    """Scales, and how much is known of the correlations of the countries' effects: their prior sd beside."""
    pairs = np.tril_indices(len(design.categories), -1)
    # A correlation under LKJ(eta) in K dimensions is 2 Beta(b, b) - 1 with b = eta - 1 + K / 2.
    shape = LKJ_SHAPE - 1 + len(design.categories) / 2
    values: dict[str, Any] = {
        "error_sd": {name: Effect.of_draws(draws.sigma[:, c]) for c, name in enumerate(design.categories)},
        "mean_error_correlation": Effect.of_draws(draws.error_correlation[:, *pairs].mean(axis=1)),
    }
    if draws.omega is not None and draws.correlation is not None:
        values["country_sd"] = {name: Effect.of_draws(draws.omega[:, c]) for c, name in enumerate(design.categories)}
        values["mean_country_correlation"] = Effect.of_draws(draws.correlation[:, *pairs].mean(axis=1))
        values["country_correlation_sd"] = float(draws.correlation[:, *pairs].std(axis=0).mean())
        values["country_correlation_prior_sd"] = float(1 / np.sqrt(2 * shape + 1))
    return values if draws.rho is None else values | {"rho": Effect.of_draws(draws.rho)}


def _additional(design: CategoryDesign, draws: CategoryDraws, level_to_usd: float) -> dict[str, Any]:
    """Trade with the policy minus trade without, US dollars a year, of all treated units : by category, and its ranks.

    sum over treated cells of level (1 - exp(-effect)), over the number of treated periods.
    """
    totals = np.zeros((draws.effect.shape[0], len(design.categories)))
    after = 0
    for period in range(len(design.periods)):
        event_time = design.event_time[design.treated_ix, period]
        after += int((event_time >= 0).any())
        for row in np.flatnonzero(event_time >= 0):
            at = int(np.flatnonzero(design.times == event_time[row])[0])
            level = np.nan_to_num(design.level[design.treated_ix[row], period])
            totals += level * -np.expm1(-draws.effect[:, row, at])
    totals *= level_to_usd / max(after, 1)
    ranks = rank_probabilities(totals)
    return {
        name: Effect.of_draws(totals[:, c]).as_dict() | {"p_largest": float(ranks[c, 0])}
        for c, name in enumerate(design.categories)
    }
