"""Which rows does the rebuilt panel have, and who is treated?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.paper.rebuild.arrays import across, products
from bri_bayes.paper.tables import Published

# The ordinary standard error, R-squared and coefficient of Table 3 (1) give a variance of log exports for each share
# of treated units: 90 of 291 belong to a standard deviation of 2.6, that of log goods exports of China to 209 partners.
TREATED_UNITS = 90


@dataclass(frozen=True)
class Rows:
    """Units and years of the panel, and the units that are treated from the onset on.

    The units are the paper's nine countries and as many "reconstruction units" R001, R002, ... as the printed number of
    rows asks for, in alphabetical order. The first of these R are treated.
    """

    units: tuple[str, ...]
    years: tuple[int, ...]
    onset: int
    treated: frozenset[str]
    countries: tuple[str, ...]

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self.units) * len(self.years)

    @cached_property
    def ever_treated(self) -> NDArray[np.bool_]:
        """(unit,)"""
        return np.array([unit in self.treated for unit in self.units])

    @cached_property
    def is_country(self) -> NDArray[np.bool_]:
        """(unit,) True for the nine countries."""
        return np.array([unit in self.countries for unit in self.units])

    @property
    def assignment(self) -> Assignment:
        """First treated year by unit."""
        return Assignment({unit: self.onset if unit in self.treated else None for unit in self.units})

    def since(self, onset: int) -> Array:
        """The BRI variable with this onset : (unit, period)."""
        return np.outer(self.ever_treated, np.array(self.years) >= onset).astype(float)

    @cached_property
    def bri(self) -> Array:
        """The BRI variable : (unit, period)."""
        return self.since(self.onset)

    @cached_property
    def bri_square(self) -> float:
        """The sum of squares of the BRI variable after year effects."""
        column = across(self.bri)[None]
        return float(products(column, column)[0, 0])


def rows_of(published: Published) -> Rows:
    """The rows that the paper's numbers describe."""
    first, last = (int(published.statement(name).value) for name in ("first_year", "last_year"))
    years = tuple(range(first, last + 1))
    total = published.observations(3, 1)
    if total % len(years):
        raise InputError(f"{total} rows are not a whole number of units in {len(years)} years")
    treated, controls = (published.statement(name).words for name in ("treated_countries", "control_countries"))
    others = [f"R{number:03d}" for number in range(1, total // len(years) - len(treated) - len(controls) + 1)]
    return Rows(
        units=tuple(sorted([*treated, *controls, *others])),
        years=years,
        onset=int(published.statement("onset").value),
        treated=frozenset([*treated, *others[: TREATED_UNITS - len(treated)]]),
        countries=tuple(sorted([*treated, *controls])),
    )


def estimates(published: Published, table: int, column: int) -> dict[str, float]:
    """The coefficients of a column by the name of the regressor in a data set."""
    regression = published.regression(table, column)
    cells = published.cells_of(table, column)
    return {name: cell.estimate.value for name, cell in zip(regression.regressors, cells, strict=True)}


def generator(*stream: int) -> np.random.Generator:
    """The random numbers of one part of the panel: another part that draws more or less does not move them."""
    return np.random.default_rng([SEED, *stream])


# Any number would do; this is the date of the speech in Astana that announced the initiative.
SEED = 20130907
