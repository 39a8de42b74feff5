"""Which rows of least squares have the unit of a posterior of levels? Those of the logarithm, and PPML on all rows."""

from __future__ import annotations

import dataclasses

import numpy as np
import xarray as xr

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import OBS
from bri_bayes.data.panel import Panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.log_link import levels
from bri_bayes.frequentist.estimate import Estimate
from bri_bayes.frequentist.poisson_rows import ppml_rows
from bri_bayes.study.model_card import Likelihood


def is_of_a_level(analysis: Analysis) -> bool:
    """Whether the card has a log link and the outcome is a level: least squares of it has other units than effects."""
    return analysis.card.has_log_link and analysis.panel[analysis.card.outcome].attrs.get("transform", "none") == "none"


def logarithm_of(panel: Panel, outcome: str) -> Panel:
    """The panel with the logarithm of ``outcome``, missing where the level is zero or less."""
    level = panel[outcome]
    values = level.to_numpy()
    logarithm = np.log(np.where(values > 0, values, np.nan))
    return panel.assign({outcome: xr.DataArray(logarithm, dims=level.dims, attrs={**level.attrs, "transform": "log"})})


def of_logarithm(analysis: Analysis) -> Analysis | None:
    """The analysis whose least squares stands beside: of the logarithm for a level under a log link, else the same.

    None where the positive rows alone do not identify an effect.
    """
    if not is_of_a_level(analysis):
        return analysis
    outcome = str(analysis.card.outcome)
    card = dataclasses.replace(analysis.card, likelihood=Likelihood("normal"))
    changed = analysis.replace(panel=logarithm_of(analysis.panel, outcome), card=card)
    try:
        return changed if changed.design.sizes[OBS] else None
    except InputError:
        return None


def ppml_of(analysis: Analysis, seed: int = 0) -> list[Estimate]:
    """PPML on all rows of a level under a log link, or of exp(y) of a logarithm; none for other outcomes."""
    design = analysis.design
    if is_of_a_level(analysis):
        return ppml_rows(design, levels(design), seed=seed)
    if design.attrs.get("outcome_transform") != "log":
        return []
    y = design["y"].to_numpy()
    return ppml_rows(design, np.exp(y - y.max()), seed=seed)
