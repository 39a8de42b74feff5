"""The posterior when a modifier is measured with error: NUTS, with its true values among the unknowns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.design.design import Design
from bri_bayes.inference.convergence import split_rhat
from bri_bayes.inference.nuts import trees_alike
from bri_bayes.inference.to_datatree import effect_cells
from bri_bayes.study.model_card import ModelCard


@dataclass(frozen=True)
class MeasuredDraws:
    """Draws in units of the outcome and of the modifier, R = chains x draws.

    ``effect`` : (R, cell) of treated rows at the modifier's centre; ``slope`` : (R, treated_unit); ``common_slope``
    and ``main_effect`` : (R,), the latter None without a covariate of that name; ``true`` : (R, obs) values of the
    modifier; ``persistent_share`` : (R,) of the error variance; ``rows`` : (cell,) rows of the design.
    """

    effect: Array
    slope: Array
    common_slope: Array
    main_effect: Array | None
    true: Array
    persistent_share: Array
    rows: np.ndarray
    diagnostics: Mapping[str, Any]


class MeasuredSampler:
    """One modifier with its ``standard_error`` (obs,), for the outcomes on its rows: one model is compiled for all."""

    def __init__(self, modifier: str, standard_error: Array) -> None:
        self.modifier, self.standard_error = modifier, standard_error
        self._trees = trees_alike({modifier: standard_error})

    def sample(self, design: Design, card: ModelCard, seed: int) -> MeasuredDraws:
        """The linear card on ``design`` with the true values of the modifier latent."""
        tree, statistics = self._trees(design, card, seed)
        return _draws(design, card, self.modifier, tree, statistics)


def _draws(design: Design, card: ModelCard, modifier: str, tree: Any, statistics: dict[str, Any]) -> MeasuredDraws:
    posterior = tree["posterior"]
    at = [str(name) for name in design["modifier"].values].index(modifier)
    y_scale, z_scale = design.attrs["y_scale"], float(design["z_scale"].to_numpy()[at])

    def flat(name: str) -> Array:
        array = posterior[name].to_numpy()
        return np.asarray(array.reshape(-1, *array.shape[2:]))

    common = flat("modifier_effect")[:, at] * y_scale / z_scale
    slope = np.repeat(common[:, None], design.sizes["treated_unit"], axis=1)
    if "modifier_deviation" in posterior:
        slope = slope + flat("modifier_deviation")[..., at] * y_scale / z_scale
    rows, units, times = effect_cells(design, card)
    main = None
    names = [str(name) for name in design["covariate"].values]
    if modifier in names:
        position = names.index(modifier)
        main = flat("beta")[:, position] * y_scale / float(design["x_scale"].to_numpy()[position])
    watched = [posterior[name].to_numpy() for name in ("sigma", f"{modifier}_persistent_share", f"{modifier}_between")]
    watched.append(posterior["modifier_effect"].to_numpy()[..., at])
    watched.append(posterior["effect"].to_numpy().mean(axis=(2, 3)))
    from arviz_stats.base import array_stats

    diagnostics = {
        "engine": "nuts",
        "rhat": max(split_rhat(value) for value in watched),
        "ess": float(min(np.min(array_stats.ess(value, chain_axis=0, draw_axis=1)) for value in watched)),
        "khat": None,
        "divergences": statistics["divergences"],
    }
    return MeasuredDraws(
        effect=flat("effect")[:, units, times] * y_scale,
        slope=slope,
        common_slope=common,
        main_effect=main,
        true=flat(f"{modifier}_true"),
        persistent_share=flat(f"{modifier}_persistent_share"),
        rows=rows,
        diagnostics=diagnostics,
    )
