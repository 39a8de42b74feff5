"""What is a variable that the effect may move with, and how well is it measured?"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.panel import Column
from bri_bayes.schema import STRICT


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
