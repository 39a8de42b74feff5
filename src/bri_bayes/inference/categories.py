"""What does a sample of trade by category say? A panel by walkers, a difference of two years by nutpie."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.design.category_design import CategoryDesign
from bri_bayes.inference.category_walkers import sample_category_panel
from bri_bayes.inference.convergence import ESS_LIMIT, RHAT_LIMIT, worst
from bri_bayes.inference.covariances import sds
from bri_bayes.inference.nuts import compiled_model
from bri_bayes.models.categories import build_category_difference

CHAINS = 4
# Draws a chain. Of a panel: on the shipped one the worst average effect and rho have 1,300 effective ones of 2,000. The
# multivariate t of a difference mixes slowly between a wide tail and a large effect, also in a quick run.
PANEL_DRAWS, QUICK_PANEL_DRAWS = 500, 250
DRAWS, QUICK_DRAWS = 3000, 1500
TUNE, QUICK_TUNE = 1000, 600
TARGET_ACCEPT = 0.95
# Up to this share of divergent transitions is reported and let through, more fails the gate.
DIVERGENCE_SHARE = 0.001


@dataclass(frozen=True, eq=False)
class CategoryDraws:
    """Draws of chain x draw, chains one after the other, in log points.

    ``effect`` : (draw, treated_unit, event_time, category); ``omega`` : (draw, category) sd of countries around a
    category and ``correlation`` : (draw, category, category) of those, None for a difference; ``spread`` : (draw,)
    sd of categories around their
    centre; ``sigma`` : (draw, category) sd of the error (of its innovation in a panel); ``error_correlation`` : (draw,
    category, category); ``rho`` : (draw,) or None for a difference.
    """

    effect: Array
    omega: Array | None
    correlation: Array | None
    spread: Array
    sigma: Array
    error_correlation: Array
    rho: Array | None
    diagnostics: dict[str, Any]


def sample_categories(design: CategoryDesign, seed: int, *, quick: bool = False) -> CategoryDraws:
    """The posterior of a panel over years, by walkers, or of a difference of two years, by NUTS."""
    if design.span is None:
        return _panel(design, seed, QUICK_PANEL_DRAWS if quick else PANEL_DRAWS)
    return _difference(design, seed, *((QUICK_DRAWS, QUICK_TUNE) if quick else (DRAWS, TUNE)))


def _panel(design: CategoryDesign, seed: int, draws: int) -> CategoryDraws:
    values = sample_category_panel(design, CHAINS, draws, seed)
    effect = values["path"][:, None] + values["u"][:, :, None]
    watched = [*effect.mean(axis=(1, 2)).T, values["rho"], values["spread"]]
    omega, correlation = _covariance(values["country"])
    sigma, error_correlation = _covariance(values["error"])
    return CategoryDraws(
        effect=design.scale * effect,
        omega=design.scale * omega,
        correlation=correlation,
        spread=design.scale * values["spread"],
        sigma=design.scale * sigma,
        error_correlation=error_correlation,
        rho=values["rho"],
        diagnostics=_diagnostics("gibbs", watched, draws, 0),
    )


def _difference(design: CategoryDesign, seed: int, draws: int, tune: int) -> CategoryDraws:
    import nutpie

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = nutpie.sample(
            compiled_model(build_category_difference(design)),
            chains=CHAINS,
            draws=draws,
            tune=tune,
            target_accept=TARGET_ACCEPT,
            seed=seed,
            progress_bar=False,
        )
    values = {name: _flat(tree["posterior"][name].to_numpy()) for name in ("mu", "center", "spread", "nu", "error")}
    size = len(design.categories)
    chol = np.zeros((CHAINS * draws, size, size))
    chol[:, *np.tril_indices(size)] = values["error"]
    sigma, error_correlation = _covariance(chol)
    watched = [*values["mu"].T, values["center"], values["spread"], values["nu"]]
    return CategoryDraws(
        effect=design.scale * np.repeat(values["mu"][:, None, None, :], design.treated_ix.size, axis=1),
        omega=None,
        correlation=None,
        spread=design.scale * values["spread"],
        sigma=design.scale * sigma,
        error_correlation=error_correlation,
        rho=None,
        diagnostics=_diagnostics("nuts", watched, draws, int(tree["sample_stats"]["diverging"].sum())),
    )


def _diagnostics(engine: str, watched: Sequence[Array], draws: int, divergences: int) -> dict[str, Any]:
    """Of the average effect of each category and the scalars that they share."""
    rhat, ess = worst(some.reshape(CHAINS, draws) for some in watched)
    few = divergences <= DIVERGENCE_SHARE * CHAINS * draws
    return {
        "engine": engine,
        "rhat": rhat,
        "ess": ess,
        "divergences": divergences,
        "draws": CHAINS * draws,
        "trustworthy": rhat < RHAT_LIMIT and ess > ESS_LIMIT and few,
    }


def _covariance(chol: Array) -> tuple[Array, Array]:
    """Sds : (draw, size) and correlations : (draw, size, size) from lower factors."""
    covariance = chol @ chol.transpose(0, 2, 1)
    sd = sds(chol)
    return sd, covariance / (sd[:, :, None] * sd[:, None, :])


def _flat(array: Array) -> Array:
    return np.asarray(array.reshape(-1, *array.shape[2:]))
