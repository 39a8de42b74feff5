"""What does a study say about its further sections? The tables of its TOML file beyond panel, roles and assignment."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.core.schema import STRICT
from bri_bayes.data.panel import Panel


@dataclass(frozen=True, config=STRICT)
class PoolTable:
    """The table [pool]: which units of the file, beyond the assignment, are no comparison, and rules that choose some.

    ``treatment`` : a 0/1 column of treated cells, whose units are left out; ``exclude`` : units by name; ``groups`` :
    lists of units by the name of a rule; ``nearest`` : how many donors the rule of the nearest paths takes.
    """

    treatment: str | None = None
    exclude: tuple[str, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    nearest: int = 10


@dataclass(frozen=True, config=STRICT)
class CompareTable:
    """The table [compare]: the cards that are compared. By default each differs from the first in a part or two."""

    models: tuple[str, ...] = (
        "did",
        "did_by_unit",
        "did_event_time",
        "did_common",
        "did_iid",
        "did_random_walk",
        "did_scale_by_unit",
        "did_walk_scale_by_unit",
        "did_noise",
        "did_shared",
        "did_correlated",
        "did_trend",
        "did_student_t",
    )

    @model_validator(mode="after")
    def _usable(self) -> CompareTable:
        if len(self.models) < 2 or len(set(self.models)) < len(self.models):
            raise ValueError(f"a comparison has at least two models, each named once, not {list(self.models)}")
        return self


def check_no_blank(raw: Panel, name: str, known: set[str]) -> None:
    """Refuse a row without a cell in the treatment column ``name``: nobody knows whether its unit is a comparison."""
    has_row = raw.to_dataarray().notnull().any("variable")
    blank = (raw[name].isnull() & has_row).transpose(UNIT, PERIOD)
    for unit, row in zip(raw[UNIT].to_numpy(), blank.to_numpy(), strict=True):
        if row.any() and str(unit) not in known:
            period = raw[PERIOD].to_numpy()[row][0]
            raise InputError(
                f'[pool] treatment = "{name}": the cell of "{unit}" in {period} is empty; fill it, or exclude the unit'
            )
