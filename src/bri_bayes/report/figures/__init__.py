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
# Figures of the further sections: "section.key" that the section, or at least one of its outcomes, must have. Each
# module has a function ``caption`` beside the one that draws.
_SECTION_NEEDS: Mapping[str, str] = {
    "category_levels": "replication.categories",
    "category_growth": "replication.categories",
    "published_event_study": "replication.event_study",
    "fake_groups": "replication.fake_groups",
    "pretrend": "pretrends.pretrend",
    "placebo_time": "placebo.time",
    "placebo_space": "placebo.space",
    "placebo_paper": "placebo.space",
    "placebo_predictive": "placebo.predictive",
    "model_checks": "placebo.predictive",
    "propensity_prior": "propensity.methods",
    "overlap": "propensity.methods",
    "love_plot": "propensity.methods",
    "match_weights": "propensity.methods",
    "psm_did": "propensity.methods",
    "model_scores": "compare.models",
    "control_subsets": "controls.subsets",
    "control_pool": "controls.leave_one_out",
    "contamination": "controls.contamination",
    "expected_paths": "controls.expected",
    "spec_curve": "speccurve.specifications",
    "moderation": "moderation.versions",
    "moderation_slope": "moderation.versions",
    "mechanism": "mechanism.channels",
    "mechanism_confounder": "mechanism.channels",
    "joint": "joint.density",
    "robustness": "robustness.choices",
    "honest_walk": "honest.curve",
    "honest_bounds": "honest.smoothness",
    "prior_predictive": "prior.additional_trade_usd",
    "prior_sensitivity": "prior.refits",
    "prior_scales": "prior.scales",
    "category_effects": "categories.fits",
    "category_ranks": "categories.fits",
    "category_differences": "categories.differences",
    "product_growth": "categories.growth",
}
FIGURES: Mapping[str, Draw] = {name: _imported_when_drawn(name) for name in (*_NEEDS, *_SECTION_NEEDS)}


def available(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The figures for which a study has numbers, in the order of the report."""
    from bri_bayes.presentation.study_tables import main_model

    found = [{**main_model(outcome), "power": outcome.get("power")} for outcome in values["outcomes"].values()]
    main = [name for name, need in _NEEDS.items() if any(content.get(need) for content in found)]
    return (*main, *(name for name, need in _SECTION_NEEDS.items() if _has(values, need)))


def _has(values: Mapping[str, Any], need: str) -> bool:
    section, _, key = need.partition(".")
    own = values.get(section) or {}
    # "details" : a section whose command promises a list for each outcome keeps the rest there.
    outcomes = own.get("details") or own.get("outcomes", {})
    return bool(own.get(key)) or any(
        isinstance(content, Mapping) and bool(content.get(key)) for content in outcomes.values()
    )


def section_caption(values: Mapping[str, Any], name: str) -> list[str]:
    """The plain sentences over a figure of a further section, from its own module."""
    sentences: list[str] = import_module(f"{__name__}.{name}").caption(values)
    return sentences


def is_of_section(name: str) -> bool:
    """Whether a figure belongs to a further section."""
    return name in _SECTION_NEEDS


def draw_all(values: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Draw every available figure into ``folder`` as NAME.svg and NAME.png; returns the SVG of each name."""
    from bri_bayes.report.figures.theme import save

    return {name: save(FIGURES[name](values), folder, name) for name in available(values)}
