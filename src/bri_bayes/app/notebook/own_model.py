"""What does a PyMC model of the user's own say? The model of a card, changed, sampled by NUTS, in the form of a fit.

A changed prior, a further term of the mean, a ``pm.Potential``: whatever keeps the variables that an answer is made
of, ``unit_effect`` (unit,), ``period_effect`` (period,) and ``effect`` (treated_unit, event_time), all on the
standardised outcome of ``design``: (y - y_center) / y_scale.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import CHAIN, SAMPLE
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.inference.convergence import worst
from bri_bayes.inference.nuts import sample_model
from bri_bayes.inference.to_datatree import assemble

# What ``assemble`` and every estimand need, with the dimensions behind the draws.
_NEEDED = ("unit_effect", "period_effect", "effect")
_NAME = "own_model"


def sampled(analysis: Analysis, model: Any, seed: int, *, progress: bool = False) -> Fit:
    """The posterior of ``model`` on the rows of ``analysis``.

    The group ``posterior`` is in units of the outcome; ``own`` has every variable that the card has not, as sampled.
    There is no log_likelihood: its rows are those of the card's errors, which a changed model may not have.
    """
    missing = [name for name in _NEEDED if name not in model.named_vars]
    if missing:
        raise InputError(
            f"the model has no variable {', '.join(missing)}: an effect is read from {', '.join(_NEEDED)}, "
            "as result.model has them"
        )
    started, design = time.perf_counter(), analysis.design
    card = dataclasses.replace(analysis.card, name=_NAME, title=f"A model of one's own, from {analysis.card.name}")
    tree, statistics = sample_model(model, card, seed, progress=progress)
    drawn = tree["posterior"].to_dataset(inherit=False)
    values = {str(name): _flat(array) for name, array in drawn.data_vars.items()}
    _check_shapes(values, design.sizes)
    groups = assemble(design, card, values, pointwise=False, seed=seed)
    further = [name for name in map(str, drawn.data_vars) if name not in groups["posterior"]]
    if further:
        groups["own"] = drawn[further]
    groups["sample_stats"] = xr.Dataset(attrs={"engine": "nuts", **statistics})
    rhat, ess = _worst(drawn)
    diagnostics = {
        "engine": "nuts",
        "ess": ess,
        "rhat": rhat,
        "khat": None,
        "divergences": statistics["divergences"],
        "notes": [],
        "seconds": round(time.perf_counter() - started, 4),
    }
    return Fit(analysis.replace(card=card), design, xr.DataTree.from_dict(groups), diagnostics, None)


def _flat(array: xr.DataArray) -> Array:
    """(chain x draw, ...)."""
    values = array.transpose(*SAMPLE, ...).to_numpy()
    return np.asarray(values.reshape(-1, *values.shape[2:]))


def _check_shapes(values: Mapping[str, Array], sizes: Mapping[Any, int]) -> None:
    for name, expected in (("unit_effect", sizes["unit"]), ("period_effect", sizes["period"])):
        if values[name].shape[1:] != (expected,):
            raise InputError(f'"{name}" of the model has the shape {values[name].shape[1:]}, not ({expected},)')
    effect, treated = values["effect"], sizes["treated_unit"]
    if effect.ndim != 3 or effect.shape[1] != treated:
        raise InputError(f'"effect" of the model has the shape {effect.shape[1:]}, not ({treated}, event times)')


def _worst(drawn: xr.Dataset) -> tuple[float, float]:
    """Largest R-hat and smallest bulk ESS over the scalars and the average effect."""
    watched = [array.to_numpy() for array in drawn.data_vars.values() if set(array.dims) == set(SAMPLE)]
    watched.append(drawn["effect"].mean([dim for dim in drawn["effect"].dims if dim not in SAMPLE]).to_numpy())
    return worst(array.reshape(drawn.sizes[CHAIN], -1) for array in watched)
