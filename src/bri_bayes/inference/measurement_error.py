"""The posterior when a modifier is measured with error, its true values among the unknowns.

By walkers (``latent_modifier``) where the errors are a chain and the panel is small, else by NUTS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.design.design import Design
from bri_bayes.inference.convergence import worst
from bri_bayes.inference.latent_modifier import sample_latent
from bri_bayes.inference.mixture_model import covers_chains
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
    """One modifier with its ``standard_error`` (obs,), for the outcomes on its rows; NUTS compiles one model for all.

    ``engine`` : "auto", or "nuts" for NUTS whatever the panel.
    """

    def __init__(self, modifier: str, standard_error: Array, engine: str = "auto") -> None:
        self.modifier, self.standard_error, self.engine = modifier, standard_error, engine
        self._trees = trees_alike({modifier: standard_error})

    def sample(self, design: Design, card: ModelCard, seed: int) -> MeasuredDraws:
        """The linear card on ``design`` with the true values of the modifier latent."""
        if self.engine == "auto" and covers_chains(design, card) and card.effects.period == "fixed":
            values = sample_latent(design, card, self.modifier, self.standard_error, seed)
            return _draws(design, card, self.modifier, values, {"engine": "gibbs", "divergences": 0})
        tree, statistics = self._trees(design, card, seed)
        arrays = {str(name): array.to_numpy() for name, array in tree["posterior"].data_vars.items()}
        values = {name: array.reshape(-1, *array.shape[2:]) for name, array in arrays.items()}
        divergences = statistics["divergences"]
        return _draws(design, card, self.modifier, values, {"engine": "nuts", "divergences": divergences})


def _draws(
    design: Design, card: ModelCard, modifier: str, values: Mapping[str, Array], sampled: Mapping[str, Any]
) -> MeasuredDraws:
    at = [str(name) for name in design["modifier"].values].index(modifier)
    y_scale, z_scale = design.attrs["y_scale"], float(design["z_scale"].to_numpy()[at])
    common = values["modifier_effect"][:, at] * y_scale / z_scale
    slope = np.repeat(common[:, None], design.sizes["treated_unit"], axis=1)
    if "modifier_deviation" in values:
        slope = slope + values["modifier_deviation"][..., at] * y_scale / z_scale
    rows, units, times = effect_cells(design, card)
    main = None
    names = [str(name) for name in design["covariate"].values]
    if modifier in names:
        position = names.index(modifier)
        main = values["beta"][:, position] * y_scale / float(design["x_scale"].to_numpy()[position])
    watched = [values[name] for name in ("sigma", f"{modifier}_persistent_share", f"{modifier}_between")]
    watched += [common, values["effect"].mean(axis=(1, 2))]
    rhat, ess = worst(value.reshape(card.sampler.chains, -1) for value in watched)
    return MeasuredDraws(
        effect=values["effect"][:, units, times] * y_scale,
        slope=slope,
        common_slope=common,
        main_effect=main,
        true=values[f"{modifier}_true"],
        persistent_share=values[f"{modifier}_persistent_share"],
        rows=rows,
        diagnostics={**sampled, "rhat": rhat, "ess": ess, "khat": None},
    )
