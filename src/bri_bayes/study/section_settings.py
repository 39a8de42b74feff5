"""What does a study say about its further sections? The tables of its TOML file beyond panel, roles and assignment."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.schema import STRICT


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
        "did_correlated",
        "did_trend",
        "did_student_t",
    )

    @model_validator(mode="after")
    def _usable(self) -> CompareTable:
        if len(self.models) < 2 or len(set(self.models)) < len(self.models):
            raise ValueError(f"a comparison has at least two models, each named once, not {list(self.models)}")
        return self
