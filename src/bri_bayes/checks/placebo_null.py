"""What is a placebo, and where does the real effect stand among many? The words that all placebos share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result

_NUMBERS = ("mean", "sd", "lower", "upper", "p_positive")


@dataclass(frozen=True)
class Placebo(Result):
    """The effect where there was no policy: of a group (``label``), or of a simulated panel by its number.

    ``twfe`` : the two-way estimate; ``observed`` : whether it is the real group; ``size`` : units of a group of
    controls; ``controls`` : against whom; ``group`` : the region that they are of.
    """

    label: str
    att: Effect
    twfe: float | None = None
    observed: bool | None = None
    size: int | None = None
    controls: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Null(Result):
    """The real effect among placebos. ``khat`` : the worst; ``excluding_zero`` : intervals of placebos that do."""

    observed: Effect
    placebos: Sequence[Placebo]
    p_value: float | None
    n: int
    khat: float | None
    excluding_zero: int


def share_as_large(observed: float, placebos: Sequence[float]) -> float | None:
    """(1 + number of placebos at least as large in absolute value) / (1 + number of placebos); None without any.

    The observed one counts among its own placebos (Phipson & Smyth 2010, doi:10.2202/1544-6115.1585).
    """
    if not placebos:
        return None
    sizes = np.abs(np.asarray(placebos, dtype=float))
    return float((1 + (sizes >= abs(observed)).sum()) / (1 + sizes.size))


def share_studentised(observed: Effect, placebos: Sequence[Effect]) -> float | None:
    """The same of effects over their sd."""
    return share_as_large(observed.mean / observed.sd, [effect.mean / effect.sd for effect in placebos])


def count_excluding_zero(effects: Sequence[Effect]) -> int:
    """How many intervals exclude zero."""
    return sum(effect.excludes_zero for effect in effects)


def effects_of(answers: xr.Dataset) -> list[Effect]:
    """The effect of each assignment or outcome, in order, from an engine that answers many at once."""
    columns = [answers[name].to_numpy().tolist() for name in _NUMBERS]
    return [Effect(*numbers) for numbers in zip(*columns, strict=True)]
