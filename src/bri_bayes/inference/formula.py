"""The posterior of a formula card, with the effect found by prediction.

For each treated cell the effect is the difference between the mean with the policy and the mean without it, both
predicted from the same draw: a difference for an identity link, a difference of logs for a log link.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import xarray as xr

from bri_bayes.core.names import EVENT_TIME, OBS, SAMPLE, TREATED_UNIT, UNIT
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.design.linear_terms import event_times
from bri_bayes.inference.convergence import split_rhat
from bri_bayes.inference.nuts import sample_model
from bri_bayes.inference.to_datatree import effect_cells
from bri_bayes.models.formula import build_formula, formula_frame


def fit_formula(analysis: Analysis, seed: int, *, progress: bool = False) -> Fit:
    """Sample the Bambi model of a formula card; the same groups and the same ``effect`` as a linear card."""
    from arviz_stats.base import array_stats

    started = time.perf_counter()
    card, design = analysis.card, analysis.design
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = build_formula(design, card)
        tree, statistics = sample_model(model.backend.model, card, seed, progress=progress)
        effect = _effect(analysis, model, tree)
        model.predict(tree, kind="response", random_seed=seed)
        log_likelihood = model.compute_log_likelihood(tree, inplace=False)["log_likelihood"].to_dataset()
    response = model.response_term.name
    observed = formula_frame(design, card)[response].to_numpy()
    groups = {
        "posterior": tree["posterior"].to_dataset().assign(effect=effect),
        "log_likelihood": _as_y(log_likelihood, response, analysis),
        "posterior_predictive": _as_y(tree["posterior_predictive"].to_dataset(), response, analysis),
        "observed_data": xr.Dataset({"y": (OBS, observed)}, coords={OBS: np.arange(design.sizes[OBS])}),
        "sample_stats": xr.Dataset(attrs={"engine": "nuts", **statistics}),
    }
    average = effect.mean((TREATED_UNIT, EVENT_TIME)).to_numpy()
    diagnostics = {
        "engine": "nuts",
        "ess": float(np.min(array_stats.ess(average, chain_axis=0, draw_axis=1))),
        "rhat": split_rhat(average),
        "khat": None,
        "divergences": statistics["divergences"],
        "notes": [f"{statistics['divergences']} divergent transitions"] if statistics["divergences"] else [],
        "seconds": round(time.perf_counter() - started, 4),
    }
    return Fit(analysis, design, xr.DataTree.from_dict(groups), diagnostics, None)


def _effect(analysis: Analysis, model: Any, tree: xr.DataTree) -> xr.DataArray:
    """Effect of each treated unit and event time, averaged over its rows : (chain, draw, treated_unit, event_time)."""
    design, card = analysis.design, analysis.card
    frame = formula_frame(design, card)
    rows, units, times = effect_cells(design, card)
    parent = model.family.likelihood.parent
    means = []
    for treated in (1.0, 0.0):
        changed = frame.iloc[rows].assign(treated=treated)
        predicted = model.predict(tree, kind="response_params", data=changed, inplace=False)
        mean = predicted["posterior"][parent].transpose(*SAMPLE, ...).to_numpy()
        means.append(np.log(mean) if model.family.link[parent].name == "log" else mean)
    labels = event_times(design, card)
    effect = np.full((*means[0].shape[:2], design.sizes[TREATED_UNIT], labels.size), np.nan)
    effect[..., units, times] = means[0] - means[1]
    fallback = np.nanmean(effect, axis=-1, keepdims=True)
    return xr.DataArray(
        np.where(np.isnan(effect), fallback, effect),
        dims=(*SAMPLE, TREATED_UNIT, EVENT_TIME),
        coords={TREATED_UNIT: design[TREATED_UNIT].to_numpy(), EVENT_TIME: labels},
    )


def _as_y(group: xr.Dataset, response: str, analysis: Analysis) -> xr.Dataset:
    array = group[response].transpose(*SAMPLE, ...)
    design = analysis.design
    units = design[UNIT].to_numpy()[design["unit_ix"].to_numpy()]
    return xr.Dataset(
        {"y": ((*SAMPLE, OBS), array.to_numpy())},
        coords={**{dim: array[dim] for dim in SAMPLE}, OBS: np.arange(array.shape[-1]), "obs_unit": (OBS, units)},
    )
