"""The sampling engine: the PyMC model of a card, sampled with nutpie. Any card, slower."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import wide_scales
from bri_bayes.design.log_link import level_rows
from bri_bayes.models.level_model import LEVEL_DATA
from bri_bayes.models.linear import OUTCOME_DATA, WIDE_DATA, build_linear
from bri_bayes.study.model_card import ModelCard

# rho close to one moves slowly against the levels of the countries (about one effective draw in ten), and a draw costs
# far less than compiling: draw four times as many and keep every fourth.
THINNING = 4

# (design, card, seed) -> draws and statistics, as ``sample_nuts``.
type NutsSampler = Callable[[Design, ModelCard, int], tuple[dict[str, Array], dict[str, Any]]]
# The same with a DataTree, as ``sample_model``.
type TreeSampler = Callable[[Design, ModelCard, int], tuple[Any, dict[str, Any]]]


def sample_nuts(
    design: Design, card: ModelCard, seed: int, *, progress: bool = False
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Draws of every variable, name -> (chain x draw, ...), on the standardised scale, and sampler statistics."""
    tree, statistics = sample_model(build_linear(design, card), card, seed, progress=progress)
    return _values(tree), statistics


def sampler_alike() -> NutsSampler:
    """As ``sample_nuts``, with one compiled model for designs in a row that differ in their outcome alone."""
    trees = trees_alike()

    def sample(design: Design, card: ModelCard, seed: int) -> tuple[dict[str, Array], dict[str, Any]]:
        if card.has_log_link:
            return sample_nuts(design, card, seed)
        tree, statistics = trees(design, card, seed)
        return _values(tree), statistics

    return sample


def trees_alike(standard_errors: Mapping[str, Array] | None = None) -> TreeSampler:
    """As ``sample_model`` of ``build_linear``, with one compiled model for designs in a row that differ in their
    outcome alone; ``standard_errors`` as there.

    Compiling takes longer than sampling, so whoever has several outcomes asks in a row with one of these.
    """
    last: list[tuple[Design, ModelCard, Any]] = []

    def sample(design: Design, card: ModelCard, seed: int) -> tuple[Any, dict[str, Any]]:
        if not last or not _same_but_outcome(last[0][:2], (design, card)):
            model = build_linear(design, card, standard_errors, exchangeable_outcome=True)
            last[:] = [(design, card, compiled_model(model))]
        y = (design["y"].to_numpy() - design.attrs["y_center"]) / design.attrs["y_scale"]
        compiled = last[0][2].with_data(**{OUTCOME_DATA: y, WIDE_DATA: np.array(wide_scales(design, card))})
        return _sampled(compiled, card, seed, progress=False)

    return sample


def _same_but_outcome(first: tuple[Design, ModelCard], second: tuple[Design, ModelCard]) -> bool:
    design, other = (recipe[0].drop_vars("y") for recipe in (first, second))
    card, of_other = (dataclasses.replace(recipe[1], outcome=None) for recipe in (first, second))
    return bool(design.equals(other)) and card == of_other


def sampler_of_outcomes(
    design: Design, card: ModelCard
) -> Callable[[Array, int], tuple[dict[str, Array], dict[str, Any]]]:
    """One compiled model for many outcomes on the rows of ``design``: (y, seed) -> as ``sample_nuts``.

    y : (obs,) on the standardised scale of ``design``, whose centre, scale and spread stay those of the priors.
    """
    compiled = compiled_model(build_linear(design, card, exchangeable_outcome=True))

    def sample(y: Array, seed: int) -> tuple[dict[str, Array], dict[str, Any]]:
        if y.shape != (design.sizes["obs"],):
            raise ValueError(f"an outcome of shape {y.shape} for {design.sizes['obs']} rows")
        tree, statistics = _sampled(compiled.with_data(**{OUTCOME_DATA: y}), card, seed, progress=False)
        return _values(tree), statistics

    return sample


def sampler_of_levels(
    design: Design, card: ModelCard
) -> Callable[[Design, int], tuple[dict[str, Array], dict[str, Any]]]:
    """One compiled model of a card with a log link for many designs : (design, seed) -> as ``sample_nuts``.

    The designs have the units, periods and assignment of ``design``, whose wide prior scales of unit and period effects
    stay; where levels are zero, their centre and their scale are those of each design.
    """
    compiled = compiled_model(build_linear(design, card, exchangeable_outcome=True))

    def sample(other: Design, seed: int) -> tuple[dict[str, Array], dict[str, Any]]:
        data = {f"{LEVEL_DATA}{name}": value for name, value in vars(level_rows(other)).items()}
        tree, statistics = _sampled(compiled.with_data(**data), card, seed, progress=False)
        return _values(tree), statistics

    return sample


def sample_model(model: Any, card: ModelCard, seed: int, *, progress: bool = False) -> tuple[Any, dict[str, Any]]:
    """Sample a PyMC model with nutpie : DataTree with the thinned posterior, and statistics of all its draws."""
    return _sampled(compiled_model(model), card, seed, progress=progress)


def compiled_model(model: Any) -> Any:
    """The compiled density of a PyMC model, the same bits whether or not a cache holds a part of it.

    With relaxed arithmetic the order of operations depends on what is compiled together, and a function from the cache
    is not compiled together with the rest: draws then differ between the first run on a machine and the next.
    """
    import nutpie
    from pytensor import config

    with warnings.catch_warnings(), config.change_flags(numba__fastmath=False):
        warnings.simplefilter("ignore")
        return nutpie.compile_pymc_model(model, backend="numba")


def _sampled(compiled: Any, card: ModelCard, seed: int, *, progress: bool) -> tuple[Any, dict[str, Any]]:
    import nutpie

    settings = card.sampler
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = nutpie.sample(
            compiled,
            chains=settings.chains,
            draws=settings.draws * THINNING,
            tune=settings.tune,
            target_accept=settings.target_accept,
            seed=seed,
            progress_bar=progress,
        )
    stats = tree["sample_stats"]
    statistics = {"divergences": int(stats["diverging"].sum()), "gradients": int(stats["n_steps"].sum())}
    return tree.isel(draw=slice(None, None, THINNING)), statistics


def _values(tree: Any) -> dict[str, Array]:
    arrays = {str(name): array.to_numpy() for name, array in tree["posterior"].data_vars.items()}
    return {name: array.reshape(-1, *array.shape[2:]) for name, array in arrays.items()}
