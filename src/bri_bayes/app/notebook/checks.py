"""Which checks can a notebook ask for by name? Functions of ``checks/``, whose results are frozen classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bri_bayes.checks.placebo_predictive import predictive_values
from bri_bayes.checks.placebo_space import any_unit, controls_only, is_shared, space_recipes
from bri_bayes.checks.placebo_time import placebos_in_time
from bri_bayes.checks.posterior_predictive import predictive_checks
from bri_bayes.checks.pretrend import pretrend_values
from bri_bayes.checks.refits import placebo_refit
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.json_values import Result
from bri_bayes.design.analysis import Analysis

# Simulated panels of a check that needs some, where the caller names no number.
PANELS = 500


def check_names() -> tuple[str, ...]:
    """The names that ``check`` takes."""
    return tuple(_CHECKS)


def run_check(analysis: Analysis, name: str, seed: int, options: Mapping[str, Any]) -> Result:
    """The result of one check; ``options`` go to its function."""
    if name not in _CHECKS:
        raise InputError(f'there is no check "{name}"; {suggest(name, _CHECKS)}')
    try:
        return _CHECKS[name](analysis, seed, **options)
    except TypeError as error:
        if "unexpected keyword" in str(error):
            raise InputError(f'the check "{name}" does not know one of {", ".join(options)}') from error
        raise


def _placebo(analysis: Analysis, seed: int, *, kind: str = "space", **options: Any) -> Result:
    kinds = {"time": _time, "space": _space, "controls": _controls, "predictive": _predictive}
    if kind not in kinds:
        raise InputError(f'there is no placebo of the kind "{kind}"; {suggest(kind, kinds)}')
    return kinds[kind](analysis, seed, **options)


def _time(analysis: Analysis, seed: int) -> Result:
    return placebos_in_time(analysis, seed)


def _space(analysis: Analysis, seed: int, *, points: int = 2000) -> Result:
    if is_shared(analysis):
        return any_unit(analysis, points=points, seed=seed)
    refits = {label: placebo_refit(recipe, analysis, seed) for label, recipe in space_recipes(analysis, seed).items()}
    return any_unit(analysis, refits, points=points, seed=seed)


def _controls(analysis: Analysis, seed: int, *, points: int = 2000) -> Result:
    if not is_shared(analysis):
        raise InputError(
            "placebos of the controls alone need one onset, rows in the same periods and independent units; the "
            f'card is "{analysis.card.name}": ask result.with_card("did").check("placebo", kind="controls")'
        )
    return controls_only(analysis, points=points, seed=seed)


def _predictive(analysis: Analysis, seed: int, *, panels: int = PANELS) -> Result:
    return predictive_values(analysis, panels=panels, seed=seed)


def _posterior_predictive(analysis: Analysis, seed: int, *, panels: int = PANELS) -> Result:
    return predictive_checks(analysis, panels=panels, seed=seed)


def _pretrends(analysis: Analysis, seed: int, *, claim: float | None = None, panels: int = PANELS) -> Result:
    return pretrend_values(analysis, claim, panels=panels, seed=seed)


_CHECKS: dict[str, Callable[..., Result]] = {
    "placebo": _placebo,
    "posterior_predictive": _posterior_predictive,
    "pretrends": _pretrends,
}
