"""Which units belong together? Groups that may share shocks: from a column, a study, or the regions of the UN."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import GROUP, UNIT
from bri_bayes.data.panel import Panel
from bri_bayes.data.regions import regions


def with_groups(panel: xr.Dataset, groups: Mapping[str, str]) -> Panel:
    """The panel with the coordinate ``group`` (unit,): the name of each unit's group, "" for a unit of none."""
    units = panel[UNIT].to_numpy().astype(str)
    labels = np.array([groups.get(unit, "") for unit in units], dtype=str)
    if not (labels != "").any():
        raise InputError("no unit of the panel has a group")
    return panel.assign_coords({GROUP: (UNIT, labels)})


def with_subregions(panel: xr.Dataset) -> Panel:
    """The panel with countries, named by their ISO code of three letters, in the subregions of UN M49.

    The finest level: Africa south of the Sahara and Latin America are divided, so there are 22, and not two of 50
    countries. Units that are no country of the standard are of no group.
    """
    known = {iso3: region.finest for iso3, region in regions().items()}
    if not any(str(unit) in known for unit in panel[UNIT].to_numpy()):
        unit = str(panel[UNIT].to_numpy()[0])
        raise InputError(f'the unit "{unit}" is no ISO code of three letters, and no other unit is: no subregions')
    return with_groups(panel, known)


def members(groups: Mapping[str, tuple[str, ...]], units: set[str], where: str) -> dict[str, str]:
    """Unit -> group from a table group -> units, each unit in one group; a unit that is not there is refused."""
    of_unit: dict[str, str] = {}
    for name, listed in groups.items():
        for unit in listed:
            if unit not in units:
                raise InputError(f'{where}: the group "{name}" has "{unit}"; {suggest(unit, units)}')
            if unit in of_unit:
                raise InputError(f'{where}: "{unit}" is in the groups "{of_unit[unit]}" and "{name}"')
            of_unit[unit] = name
    return of_unit
