"""Which cells of a variable cannot be used? A sentence names the first few, how many units have some, and a way out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.errors import InputError

# Cells that the sentence names, of as many units as there are.
_NAMED = 3
_WAY_OUT = "leave such units out of the comparison (in a study: [pool] exclude)"


def refuse_cells(
    values: NDArray[np.float64],
    wrong: NDArray[np.bool_],
    units: Sequence[str],
    periods: Sequence[str],
    what: str,
    need: str,
    other_way: str = "",
) -> None:
    """Refuse the cells that are ``wrong`` : (unit, period), if any; ``what`` they are and what they ``need``."""
    cells = np.argwhere(wrong)
    if not len(cells):
        return
    rows_of = wrong.sum(axis=1)
    several = int((rows_of > 0).sum())
    # The first cell of each unit, or the first ones of a lone unit.
    shown = cells[:_NAMED] if several == 1 else cells[np.unique(cells[:, 0], return_index=True)[1][:_NAMED]]
    said = [f"{units[unit]} {periods[period]} is {values[unit, period]:g}" for unit, period in shown]
    more = "" if len(cells) == len(shown) else f", and {len(cells) - len(shown)} more"
    whose = "one unit" if several == 1 else f"{several} units"
    count = "" if len(cells) == 1 else f": {len(cells)} rows of {whose}"
    raise InputError(f"{what} of {', '.join(said)}{more}{count}; {need}; {_WAY_OUT}{other_way}")
