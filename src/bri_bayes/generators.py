"""Which function makes the panel of a study, and does it make what the study says?

A study names its generator; the function may lie in any layer and is looked for when the panel is loaded. A study is
data: it names functions of this project only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from typing import Any, cast, get_args

import xarray as xr

from bri_bayes.errors import InputError, suggest
from bri_bayes.names import PanelKind

# Short name -> module and function, called without arguments.
GENERATORS: Mapping[str, str] = {
    "simulated_nine_countries": "bri_bayes.simulate.simulated_nine_countries",
    "simulated_categories": "bri_bayes.category_simulation.simulated_categories",
    "reconstruction": "bri_bayes.published.reconstruction.reconstruct",
}
# A generated panel is one of these, never "official" or "user".
GENERATED: tuple[PanelKind, ...] = tuple(kind for kind in get_args(PanelKind) if kind not in ("official", "user"))
_PROJECT = "bri_bayes."


def check_generator(name: str) -> None:
    """Refuse what cannot be a generator, before anything is imported: a ValueError with the allowed names."""
    if name not in GENERATORS and not name.startswith(_PROJECT):
        raise ValueError(f'there is no generator "{name}"; {suggest(name, GENERATORS)}, or {_PROJECT}MODULE.FUNCTION')


def generated(name: str, kind: PanelKind) -> xr.Dataset:
    """The panel that the generator ``name`` makes, in levels; its own kind must be the ``kind`` of the study."""
    panel = _function(name)()
    if not isinstance(panel, xr.Dataset):
        raise InputError(f'generator "{name}": gives {type(panel).__name__}, not a panel')
    if panel.attrs.get("kind") != kind:
        raise InputError(
            f'generator "{name}": makes a panel of the kind "{panel.attrs.get("kind")}", and the study says "{kind}"'
        )
    return panel


def _function(name: str) -> Callable[[], Any]:
    module_name, _, function_name = GENERATORS.get(name, name).rpartition(".")
    if not module_name.startswith(_PROJECT) or not _exists(module_name):
        raise InputError(f'generator "{name}": there is no module "{module_name}"; {suggest(name, GENERATORS)}')
    module = import_module(module_name)
    found = getattr(module, function_name, None)
    if not callable(found):
        functions = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise InputError(
            f'generator "{name}": {module_name} has no function "{function_name}"; {suggest(function_name, functions)}'
        )
    needed = [key for key, one in signature(found).parameters.items() if one.default is one.empty]
    if needed:
        raise InputError(f'generator "{name}": needs {", ".join(needed)}; a generator is called without arguments')
    return cast("Callable[[], Any]", found)


def _exists(module_name: str) -> bool:
    try:
        return find_spec(module_name) is not None
    except ModuleNotFoundError:
        return False
