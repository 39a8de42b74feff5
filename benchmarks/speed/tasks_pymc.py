"""The model of the default card, sampled or approximated by others: PyMC's model on the same panel, the same target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bri_bayes.design.analysis import Analysis
from bri_bayes.models.linear import build_linear
from speed import panels
from speed.cost import Work

# Of every sampler: what PyMC takes by default. The acceptance is the card's: it has few divergences there.
CHAINS, TUNE, DRAWS = 4, 1000, 1000
ACCEPT = 0.9


def nutpie_diagonal() -> Work:
    """nutpie on the compiled model; compiling is preparation."""
    return _by_nutpie("diag")


def nutpie_low_rank() -> Work:
    """nutpie with its low-rank adaptation."""
    return _by_nutpie("low_rank")


def nutpie_control_set() -> Work:
    """One of fifteen control sets: another shape, so that it is compiled anew."""
    return _compiled_and_sampled(panels.analysis(7, 21, 5))


def nutpie_specification() -> Work:
    """One specification of the curve, compiled and sampled."""
    return _compiled_and_sampled(panels.analysis(*panels.NINE))


def pymc_sampler() -> Work:
    """PyMC's own sampler."""
    return _by_pymc("pymc", ("pymc", "pytensor"))


def numpyro_sampler() -> Work:
    """NumPyro on the model that PyMC hands to JAX; tracing and compiling are in its time, no run keeps them."""
    return _by_pymc("numpyro", ("numpyro", "jax", "pymc"))


def laplace() -> Work:
    """The normal at the mode, by pymc-extras; of all parameters, so that a scale at its edge has none."""
    import pymc_extras as pmx

    recipe = panels.analysis(*panels.NINE)
    model = build_linear(recipe.design, recipe.card)

    def fitted() -> Any:
        return pmx.fit_laplace(model=model, draws=CHAINS * DRAWS, random_seed=1, progressbar=False)

    def tell(tree: Any) -> tuple[float, None]:
        return float(att_draws(recipe, tree).mean()), None

    return Work(fitted, ("pymc-extras", "pymc"), tell, repeat=1, first=False)


def _by_nutpie(adaptation: str) -> Work:
    import nutpie

    from bri_bayes.inference.nuts import compiled_model

    recipe = panels.analysis(*panels.NINE)
    compiled = compiled_model(build_linear(recipe.design, recipe.card))
    return Work(lambda: sample(nutpie, compiled, 1, adaptation), ("nutpie", "pymc"), _tell(recipe), repeat=3)


def sample(nutpie: Any, compiled: Any, seed: int, adaptation: str = "diag", draws: int = DRAWS) -> Any:
    """One run of nutpie."""
    return nutpie.sample(
        compiled, chains=CHAINS, cores=1, tune=TUNE, draws=draws, seed=seed, target_accept=ACCEPT,
        adaptation=adaptation, progress_bar=False,
    )  # fmt: skip


def _compiled_and_sampled(recipe: Analysis) -> Work:
    import nutpie

    from bri_bayes.inference.nuts import compiled_model

    def both() -> Any:
        return sample(nutpie, compiled_model(build_linear(recipe.design, recipe.card)), 1)

    return Work(both, ("nutpie", "pymc"), _tell(recipe), repeat=1, first=False)


def _by_pymc(sampler: str, packages: tuple[str, ...]) -> Work:
    import pymc as pm

    recipe = panels.analysis(*panels.NINE)
    model = build_linear(recipe.design, recipe.card)

    def sampled() -> Any:
        with model:
            return pm.sample(
                draws=DRAWS, tune=TUNE, chains=CHAINS, cores=1, random_seed=1, target_accept=ACCEPT,
                nuts_sampler=sampler, progressbar=False, compute_convergence_checks=False,
            )  # fmt: skip

    return Work(sampled, packages, _tell(recipe), repeat=1)


def _tell(recipe: Analysis) -> Callable[[Any], tuple[float, float]]:
    """The mean of the ATT and its bulk effective draws."""
    import arviz

    def tell(tree: Any) -> tuple[float, float]:
        att = att_draws(recipe, tree)
        return float(att.mean()), float(arviz.ess(att))

    return tell


def att_draws(recipe: Analysis, tree: Any) -> np.ndarray:
    """The ATT of each draw, in units of the outcome : (chain, draw). One onset, no leads, no gaps: a plain mean."""
    effect = tree["posterior"]["effect"].to_numpy()
    return np.asarray(effect.mean(axis=(2, 3)) * recipe.design.attrs["y_scale"])
