"""Who is treated, from when, and which units belong together? The tables [assignment] and [groups] of a study."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Literal

import xarray as xr
from pydantic import model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import GROUP, UNIT
from bri_bayes.core.schema import STRICT
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.panel import Panel
from bri_bayes.data.unit_groups import members, with_groups, with_subregions


@dataclass(frozen=True, config=STRICT)
class AssignmentTable:
    """The table [assignment]: ``treated`` and one ``onset``, or ``onsets`` by unit; and the ``controls``, by default
    every other unit of the file that may be a comparison."""

    controls: tuple[str, ...] | None = None
    treated: tuple[str, ...] = ()
    onset: int | None = None
    onsets: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> AssignmentTable:
        if bool(self.onsets) == bool(self.treated) or bool(self.treated) != (self.onset is not None):
            raise ValueError("the table needs treated and onset, or else onsets (a table of unit = period)")
        for unit in (named := [*self.treated, *self.onsets, *(self.controls or ())]):
            if named.count(unit) > 1:
                raise ValueError(f'the unit "{unit}" is named {named.count(unit)} times among treated and controls')
        return self

    def assignment(self, others: Iterable[str] = ()) -> Assignment:
        """Treated units first, in the order of the file, and the controls; where none are named ``others``."""
        onsets = dict(self.onsets) or dict.fromkeys(self.treated, self.onset)
        controls = [unit for unit in others if unit not in onsets] if self.controls is None else self.controls
        return Assignment(onsets | dict.fromkeys(controls))


@dataclass(frozen=True, config=STRICT)
class GroupsTable:
    """The table [groups]: units of one group may share shocks. One of three says who belongs together.

    ``column`` : of the panel, with one text a unit; ``standard`` : "m49", the subregions of the UN, for countries
    named by their ISO code; ``units`` : lists of units by the name of their group.
    """

    column: str | None = None
    standard: Literal["m49"] | None = None
    units: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    @model_validator(mode="after")
    def _one_of_three(self) -> GroupsTable:
        given = [name for name in ("column", "standard", "units") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(
                'the table needs one of column, standard = "m49" and units (a table of group = list of units), '
                f"not {' and '.join(given) or 'nothing'}"
            )
        for name, listed in self.units.items():
            if not name or not listed:
                raise ValueError(f'the group "{name}" needs a name and at least one unit')
        try:
            self.check(unit for listed in self.units.values() for unit in listed)
        except InputError as error:
            raise ValueError(str(error)) from error
        return self

    def check(self, units: Iterable[str]) -> dict[str, str]:
        """Unit -> group as listed by name, each unit once and among those of the file."""
        return members(self.units, {str(unit) for unit in units}, "[groups.units]")

    @property
    def columns(self) -> tuple[str, ...]:
        """The column to read with the panel, if any."""
        return () if self.column is None else (self.column,)

    def of(self, panel: xr.Dataset, assignment: Assignment, where: str) -> Panel:
        """The panel with the group of each unit; who is compared needs one."""
        if self.standard is not None:
            grouped = with_subregions(panel)
        elif self.column is not None:
            grouped = with_groups(panel, panel.attrs["unit_columns"][self.column])
        else:
            grouped = with_groups(panel, self.check(unit for listed in self.units.values() for unit in listed))
        known = dict(zip(panel[UNIT].to_numpy().astype(str), grouped[GROUP].to_numpy().astype(str), strict=True))
        for unit in assignment.units:
            if not known.get(unit, " "):
                raise InputError(f'{where}: [groups] gives no group to "{unit}"; a unit that is compared needs one')
        return grouped
