"""What does it look like? One figure a file, each a function from the values of a study to a Matplotlib figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    Draw = Callable[[Mapping[str, Any]], Figure]


def _imported_when_drawn(name: str) -> Draw:
    """The function ``name`` of the module ``name``; Matplotlib is imported at its first call."""

    def draw(values: Mapping[str, Any]) -> Figure:
        function: Draw = getattr(import_module(f"{__name__}.{name}"), name)
        return function(values)

    return draw


# What at least one outcome, or its main model, must have for a figure to exist.
_NEEDS: Mapping[str, str] = {
    "comparison": "att",
    "forest": "by_unit",
    "event_study": "by_event_time",
    "paths": "counterfactual",
    "additional_trade": "additional_trade_usd",
    "power": "power",
}
FIGURES: Mapping[str, Draw] = {name: _imported_when_drawn(name) for name in _NEEDS}


def available(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The figures for which a study has numbers, in the order of the report."""
    from bri_bayes.tables import main_model

    found = [{**main_model(outcome), "power": outcome.get("power")} for outcome in values["outcomes"].values()]
    return tuple(name for name, need in _NEEDS.items() if any(content.get(need) for content in found))


def draw_all(values: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Draw every available figure into ``folder`` as NAME.svg and NAME.png; returns the SVG of each name."""
    from bri_bayes.figures.theme import save

    return {name: save(FIGURES[name](values), folder, name) for name in available(values)}
