"""What does it look like? One figure a file, each a function from the values of a study to a Matplotlib figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bri_bayes.runtime.executors import executor
from bri_bayes.runtime.memory import collected_once

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    Draw = Callable[[Mapping[str, Any]], Figure]

MAIN = "outcomes"  # of the main answer, not of a further section
# Every figure in the order of the report: its section, and what this section, one of its outcomes or the card that is
# shown first must have for the figure to exist. A figure is a module with a function of its name; one of a further
# section has a function ``caption`` beside it.
_REGISTERED: Mapping[str, tuple[str, str]] = {
    "comparison": (MAIN, "att"),
    "forest": (MAIN, "by_unit"),
    "event_study": (MAIN, "by_event_time"),
    "paths": (MAIN, "counterfactual"),
    "additional_trade": (MAIN, "additional_trade_usd"),
    "power": (MAIN, "power"),
    "category_levels": ("replication", "categories"),
    "category_growth": ("replication", "categories"),
    "published_event_study": ("replication", "event_study"),
    "fake_groups": ("replication", "fake_groups"),
    "pretrend": ("pretrends", "pretrend"),
    "placebo_time": ("placebo", "time"),
    "placebo_space": ("placebo", "space"),
    "placebo_paper": ("placebo", "space"),
    "placebo_region": ("placebo", "region"),
    "placebo_predictive": ("placebo", "predictive"),
    "model_checks": ("placebo", "predictive"),
    "wide_pool": ("pool", "wide"),
    "propensity_prior": ("propensity", "methods"),
    "overlap": ("propensity", "methods"),
    "love_plot": ("propensity", "methods"),
    "match_weights": ("propensity", "methods"),
    "psm_did": ("propensity", "methods"),
    "model_scores": ("compare", "models"),
    "control_subsets": ("controls", "subsets"),
    "control_pool": ("controls", "leave_one_out"),
    "contamination": ("controls", "contamination"),
    "expected_paths": ("controls", "expected"),
    "spec_curve": ("speccurve", "specifications"),
    "moderation": ("moderation", "versions"),
    "moderation_slope": ("moderation", "versions"),
    "mechanism": ("mechanism", "channels"),
    "mechanism_confounder": ("mechanism", "channels"),
    "joint": ("joint", "density"),
    "robustness": ("robustness", "choices"),
    "honest_walk": ("honest", "curve"),
    "honest_bounds": ("honest", "smoothness"),
    "prior_predictive": ("prior", "additional_trade_usd"),
    "prior_sensitivity": ("prior", "refits"),
    "prior_scales": ("prior", "scales"),
    "category_effects": ("categories", "fits"),
    "category_ranks": ("categories", "fits"),
    "category_differences": ("categories", "differences"),
    "product_growth": ("categories", "growth"),
}

# Shares of the figures for each process: whoever has drawn quick ones takes another.
_SHARES = 3


@dataclass(frozen=True)
class _Share:
    """The figures that one process draws."""

    call: Callable[[], dict[str, Path]]


def _imported_when_drawn(name: str) -> Draw:
    """The function ``name`` of the module ``name``; Matplotlib is imported at its first call."""

    def draw(values: Mapping[str, Any]) -> Figure:
        function: Draw = getattr(import_module(f"{__name__}.{name}"), name)
        return function(values)

    return draw


FIGURES: Mapping[str, Draw] = {name: _imported_when_drawn(name) for name in _REGISTERED}


def draw_all(values: Mapping[str, Any], folder: Path, *, png: bool = False, jobs: int = 1) -> dict[str, Path]:
    """Draw every available figure into ``folder`` as NAME.svg; returns the path of each name.

    ``png`` : write NAME.png beside it, which takes half as long again. ``jobs`` : processes that share the figures; the
    files are the same bytes, however many there are.
    """
    names = available(values)
    if jobs == 1 or len(names) < 2:
        return _drawn(values, folder, names, png=png)
    n_shares = min(_SHARES * jobs, len(names))
    shares = [_Share(partial(_drawn, values, folder, names[first::n_shares], png=png)) for first in range(n_shares)]
    paths = {name: path for _, drawn, _ in executor(jobs, len(shares)).results(shares) for name, path in drawn.items()}
    return {name: paths[name] for name in names}


def available(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The figures for which a study has numbers, in the order of the report."""
    return tuple(name for name, (section, key) in _REGISTERED.items() if _has(values, section, key))


def section_caption(values: Mapping[str, Any], name: str) -> list[str]:
    """The plain sentences over a figure of a further section, from its own module."""
    sentences: list[str] = import_module(f"{__name__}.{name}").caption(values)
    return sentences


def is_of_section(name: str) -> bool:
    """Whether a figure belongs to a further section."""
    return name in _REGISTERED and _REGISTERED[name][0] != MAIN


def drawn_as_png(values: Mapping[str, Any], name: str) -> bytes:
    """One figure for a file that cannot hold an SVG."""
    from bri_bayes.report.figures.theme import png_bytes

    return png_bytes(_figure(values, name))


def _drawn(values: Mapping[str, Any], folder: Path, names: Sequence[str], *, png: bool) -> dict[str, Path]:
    from bri_bayes.report.figures.theme import save

    paths = {}
    for name in names:
        with collected_once():
            paths[name] = save(_figure(values, name), folder, name, png=png)
    return paths


def _figure(values: Mapping[str, Any], name: str) -> Figure:
    from bri_bayes.report.figures.periods import with_its_periods

    return with_its_periods(values, FIGURES[name](values))


def _has(values: Mapping[str, Any], section: str, key: str) -> bool:
    from bri_bayes.presentation.study_tables import main_model

    if section == MAIN:
        return any(
            bool({**main_model(outcome), "power": outcome.get("power")}.get(key)) for outcome in values[MAIN].values()
        )
    content = values.get(section) or {}
    # "details" : a section whose command promises a list for each outcome keeps the rest there.
    outcomes = content.get("details") or content.get("outcomes", {})
    return bool(content.get(key)) or any(
        isinstance(outcome, Mapping) and bool(outcome.get(key)) for outcome in outcomes.values()
    )
