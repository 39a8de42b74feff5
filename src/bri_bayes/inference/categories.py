"""What does a sample of trade by category say? The PyMC models of ``models.categories``, sampled with nutpie."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.design.category_design import CategoryDesign
from bri_bayes.inference.convergence import ESS_LIMIT, RHAT_LIMIT, split_rhat
from bri_bayes.inference.nuts import compiled_model
from bri_bayes.models.categories import build_category_difference, build_category_panel

CHAINS = 4
# A thousand draws of the shipped panel have 300 to 700 effective ones, more or fewer by the rounding of the processor.
DRAWS, QUICK_DRAWS = 2000, 500
# In a quick run, of a difference: the multivariate t mixes slowly between a wide tail and a large effect.
DIFFERENCE_DRAWS = 3
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
    """The posterior of a panel over years, or of a difference of two years."""

    import nutpie

    build = build_category_panel if design.span is None else build_category_difference
    draws = QUICK_DRAWS * (1 if design.span is None else DIFFERENCE_DRAWS) if quick else DRAWS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = compiled_model(build(design))
        tree = nutpie.sample(
            compiled,
            chains=CHAINS,
            draws=draws,
            tune=QUICK_TUNE if quick else TUNE,
            target_accept=TARGET_ACCEPT,
            seed=seed,
            progress_bar=False,
        )
    posterior = tree["posterior"]
    stats = tree["sample_stats"]
    if design.span is None:
        effect = posterior["path"].to_numpy()[:, :, None, :, :] + posterior["u"].to_numpy()[:, :, :, None, :]
    else:
        effect = np.repeat(posterior["mu"].to_numpy()[:, :, None, None, :], design.treated_ix.size, axis=2)
    average = effect.mean(axis=(2, 3))
    rhat, ess = _worst(average, posterior)
    divergences = int(stats["diverging"].sum())
    diagnostics = {
        "engine": "nuts",
        "rhat": rhat,
        "ess": ess,
        "divergences": divergences,
        "draws": CHAINS * draws,
        "trustworthy": rhat < RHAT_LIMIT and ess > ESS_LIMIT and divergences <= DIVERGENCE_SHARE * CHAINS * draws,
    }
    size = len(design.categories)
    omega, correlation = None, None
    if design.span is None:
        omega, correlation = _covariance(_flat(posterior["country"].to_numpy()), size)
        omega = design.scale * omega
    sigma, error_correlation = _covariance(_flat(posterior["error"].to_numpy()), size)
    return CategoryDraws(
        effect=design.scale * _flat(effect),
        omega=omega,
        correlation=correlation,
        spread=design.scale * _flat(posterior["spread"].to_numpy()),
        sigma=design.scale * sigma,
        error_correlation=error_correlation,
        rho=_flat(posterior["rho"].to_numpy()) if design.span is None else None,
        diagnostics=diagnostics,
    )


def _worst(average: Array, posterior: Any) -> tuple[float, float]:
    """Largest R-hat and smallest bulk ESS over the average effect of each category and the shared scalars."""
    from arviz_stats.base import array_stats

    watched = [average[:, :, position] for position in range(average.shape[2])]
    watched += [posterior[name].to_numpy() for name in ("center", "spread", "rho", "nu") if name in posterior]
    ess = [float(np.min(array_stats.ess(value, chain_axis=0, draw_axis=1))) for value in watched]
    return max(split_rhat(value) for value in watched), min(ess)


def _covariance(packed: Array, size: int) -> tuple[Array, Array]:
    """Sds : (draw, size) and correlations : (draw, size, size) from packed Cholesky factors, row by row."""
    chol = np.zeros((packed.shape[0], size, size))
    chol[:, *np.tril_indices(size)] = packed
    covariance = chol @ chol.transpose(0, 2, 1)
    sd = np.sqrt(np.einsum("dii->di", covariance))
    return sd, covariance / (sd[:, :, None] * sd[:, None, :])


def _flat(array: Array) -> Array:
    return np.asarray(array.reshape(-1, *array.shape[2:]))
