"""Bayesian difference-in-differences for panels with very few treated and control units."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bri_bayes.generators import register as _register

if TYPE_CHECKING:
    import xarray as xr

    from bri_bayes.analysis import Analysis, Fit
    from bri_bayes.cache import Cache
    from bri_bayes.card import ModelCard, load_card
    from bri_bayes.engines import fit
    from bri_bayes.estimands import additional_trade, att, att_by, counterfactual, percent, summarise
    from bri_bayes.frequentist import frequentist_rows
    from bri_bayes.panel import load_panel
    from bri_bayes.study import Study, load_study
    from bri_bayes.treatment import Assignment

_PUBLIC = {
    "Analysis": "analysis",
    "Assignment": "treatment",
    "Cache": "cache",
    "Fit": "analysis",
    "ModelCard": "card",
    "Study": "study",
    "additional_trade": "estimands",
    "att": "estimands",
    "att_by": "estimands",
    "counterfactual": "estimands",
    "fit": "engines",
    "frequentist_rows": "frequentist",
    "load_card": "card",
    "load_panel": "panel",
    "load_study": "study",
    "percent": "estimands",
    "summarise": "estimands",
}

__version__ = "0.1.0"
__all__ = [
    "Analysis",
    "Assignment",
    "Cache",
    "Fit",
    "ModelCard",
    "Study",
    "additional_trade",
    "att",
    "att_by",
    "counterfactual",
    "fit",
    "frequentist_rows",
    "load_card",
    "load_panel",
    "load_study",
    "percent",
    "summarise",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that a command's help does not wait for it."""
    if name not in _PUBLIC:
        raise AttributeError(f'module "bri_bayes" has no attribute "{name}"')
    return getattr(import_module(f"bri_bayes.{_PUBLIC[name]}"), name)


def _reconstruction() -> xr.Dataset:
    from bri_bayes.published.reconstruction import reconstruct

    return reconstruct()


_register("reconstruction", _reconstruction)
