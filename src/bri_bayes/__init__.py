"""Bayesian difference-in-differences for panels with very few treated and control units."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bri_bayes.data.generators import register as _register

if TYPE_CHECKING:
    import xarray as xr

    from bri_bayes.app.notebook.checks import check_names
    from bri_bayes.app.notebook.did import did
    from bri_bayes.app.notebook.result import DidResult, load_result
    from bri_bayes.data.assignment import Assignment
    from bri_bayes.data.panel import load_panel
    from bri_bayes.design.analysis import Analysis, Fit
    from bri_bayes.estimands.effects import additional_trade, att, att_by, counterfactual, percent, summarise
    from bri_bayes.frequentist import frequentist_rows
    from bri_bayes.inference import fit
    from bri_bayes.runtime.cache import Cache
    from bri_bayes.study.card_changes import card
    from bri_bayes.study.model_card import ModelCard, load_card
    from bri_bayes.study.study_file import Study, load_study

_PUBLIC = {
    "Analysis": "design.analysis",
    "Assignment": "data.assignment",
    "Cache": "runtime.cache",
    "DidResult": "app.notebook.result",
    "Fit": "design.analysis",
    "ModelCard": "study.model_card",
    "Study": "study.study_file",
    "additional_trade": "estimands.effects",
    "att": "estimands.effects",
    "att_by": "estimands.effects",
    "card": "study.card_changes",
    "check_names": "app.notebook.checks",
    "counterfactual": "estimands.effects",
    "did": "app.notebook.did",
    "fit": "inference",
    "frequentist_rows": "frequentist",
    "load_card": "study.model_card",
    "load_panel": "data.panel",
    "load_result": "app.notebook.result",
    "load_study": "study.study_file",
    "percent": "estimands.effects",
    "summarise": "estimands.effects",
}

__version__ = "0.1.0"
__all__ = [
    "Analysis",
    "Assignment",
    "Cache",
    "DidResult",
    "Fit",
    "ModelCard",
    "Study",
    "additional_trade",
    "att",
    "att_by",
    "card",
    "check_names",
    "counterfactual",
    "did",
    "fit",
    "frequentist_rows",
    "load_card",
    "load_panel",
    "load_result",
    "load_study",
    "percent",
    "summarise",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that a command's help does not wait for it."""
    if name not in _PUBLIC:
        raise AttributeError(f'module "bri_bayes" has no attribute "{name}"')
    return getattr(import_module(f"bri_bayes.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    """The public names, for completion in a notebook."""
    return [*__all__, "__version__"]


def _reconstruction() -> xr.Dataset:
    from bri_bayes.paper.reconstruction import reconstruct

    return reconstruct()


_register("reconstruction", _reconstruction)
