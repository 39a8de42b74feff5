"""The sampling engine: the PyMC model of a card, sampled with nutpie. Any card, slower."""

from __future__ import annotations

import warnings
from typing import Any

from bri_bayes.builders.linear import build_linear
from bri_bayes.card import ModelCard
from bri_bayes.design import Design
from bri_bayes.within import Array

# rho close to one moves slowly against the levels of the countries (about one effective draw in ten), and a draw costs
# far less than compiling: draw four times as many and keep every fourth.
THINNING = 4


def sample_nuts(
    design: Design, card: ModelCard, seed: int, *, progress: bool = False
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Draws of every variable, name -> (chain x draw, ...), on the standardised scale, and sampler statistics."""
    tree, statistics = sample_model(build_linear(design, card), card, seed, progress=progress)
    values = {str(name): _flat(array.to_numpy()) for name, array in tree["posterior"].data_vars.items()}
    return values, statistics


def sample_model(model: Any, card: ModelCard, seed: int, *, progress: bool = False) -> tuple[Any, dict[str, Any]]:
    """Sample a PyMC model with nutpie : DataTree with the thinned posterior, and statistics of all its draws."""
    import nutpie

    settings = card.sampler
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = nutpie.compile_pymc_model(model, backend="numba")
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


def _flat(array: Array) -> Array:
    return array.reshape(-1, *array.shape[2:])
