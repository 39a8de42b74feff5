"""Which function makes the panel of a study, and does it make what the study says?

A study is data: it names a generator that was registered, and can name no other function. Packages of higher layers
register theirs where the package is put together (``bri_bayes/__init__.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, get_args

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import PanelKind

if TYPE_CHECKING:
    import xarray as xr

# A generated panel is one of these, never "official" or "user".
GENERATED: tuple[PanelKind, ...] = tuple(kind for kind in get_args(PanelKind) if kind not in ("official", "user"))


def _nine_countries() -> xr.Dataset:
    from bri_bayes.data.simulation import simulated_nine_countries

    return simulated_nine_countries()


def _categories() -> xr.Dataset:
    from bri_bayes.data.category_simulation import simulated_categories

    return simulated_categories()


# Name -> function without arguments, which imports what it needs when it is called.
GENERATORS: dict[str, Callable[[], xr.Dataset]] = {
    "simulated_nine_countries": _nine_countries,
    "simulated_categories": _categories,
}


def register(name: str, generator: Callable[[], xr.Dataset]) -> None:
    """Make a generator known under a name that a study may use."""
    GENERATORS[name] = generator


def check_generator(name: str) -> None:
    """Refuse what is no registered generator: a ValueError with the allowed names."""
    if name not in GENERATORS:
        raise ValueError(f'there is no generator "{name}"; {suggest(name, GENERATORS)}')


def generated(name: str, kind: PanelKind) -> xr.Dataset:
    """The panel that the generator ``name`` makes, in levels; its own kind must be the ``kind`` of the study."""
    panel = GENERATORS[name]()
    if panel.attrs.get("kind") != kind:
        raise InputError(
            f'generator "{name}": makes a panel of the kind "{panel.attrs.get("kind")}", and the study says "{kind}"'
        )
    return panel
