"""Which part does a variable play? An outcome with what is published of it, a modifier with its standard error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.schema import STRICT
from bri_bayes.data.panel import Column


@dataclass(frozen=True, config=STRICT)
class Published:
    """An estimate from the literature, shown beside ours and never used in it."""

    estimate: float
    se: float
    source: str

    @model_validator(mode="after")
    def _usable(self) -> Published:
        if not (math.isfinite(self.estimate) and 0 < self.se < math.inf):
            raise ValueError(f"estimate and se must be finite and se positive, not {self.estimate} and {self.se}")
        return self


@dataclass(frozen=True, config=STRICT)
class Outcome(Column):
    """An outcome: ``level_to_usd`` dollars are one of its units before the transform (None: it is not money)."""

    level_to_usd: float | None = None
    published: Published | None = None

    @model_validator(mode="after")
    def _money(self) -> Outcome:
        if self.relative_to is not None and self.level_to_usd is not None:
            raise ValueError(f'an outcome relative to "{self.relative_to}" is a share: it has no level_to_usd')
        return self

    @property
    def attrs(self) -> dict[str, Any]:
        """As for a column, and the worth of a unit in dollars if it has one."""
        return super().attrs | ({} if self.level_to_usd is None else {"level_to_usd": self.level_to_usd})


@dataclass(frozen=True, config=STRICT)
class Modifier(Column):
    """An effect modifier. ``standard_error`` : the column with its standard error, in the units of its column."""

    standard_error: str | None = None

    @model_validator(mode="after")
    def _in_its_own_units(self) -> Modifier:
        if self.standard_error is not None and self.transform != "none":
            raise ValueError(f'a standard error needs transform = "none", not "{self.transform}"')
        return self


def standard_error_of(modifier: str) -> str:
    """What a panel calls the standard error of a modifier."""
    return f"{modifier}_se"


def standard_errors(modifiers: Mapping[str, Modifier]) -> dict[str, Column]:
    """The standard error of each modifier that has one, as a variable of the panel."""
    return {
        standard_error_of(name): Column(
            modifier.standard_error,
            label=f"Standard error of: {modifier.label or name}",
            units=modifier.units,
            scale=abs(modifier.scale),
        )
        for name, modifier in modifiers.items()
        if modifier.standard_error is not None
    }
