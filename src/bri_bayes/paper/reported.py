"""Which regressions were reported, with which numbers and effects? Read from a TOML file, or from the paper's tables.

    star_levels = [0.1, 0.05, 0.01]                        # optional: of one, two and three stars, as in the legend
    units = 9                                              # optional, with periods: the panel as the text describes it
    periods = 21

    [[regression]]
    name = "Table 3 (3)"
    outcome = "lnexport"
    absorbed = ["unit", "period"]                          # sets of effects, none if there is no such key
    observations = "6,111"                                 # optional
    r_squared = "0.926"                                    # optional
    r_squared_is = "overall"                               # or "within", "unknown"; overall: effects count
    coefficients = { BRI = "0.218", lnppl = "-0.00152" }   # as printed, in quotes: closing zeros count
    standard_errors = { BRI = "0.0385", lnppl = "0.0291" } # optional, for all coefficients or none
    stars = { BRI = 1 }                                    # optional: how many, 0 where nothing is said

A variable that carries the same name in two regressions is the same column of the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.schema import STRICT, read_toml, validated
from bri_bayes.paper.printed import Printed
from bri_bayes.paper.records import Cell
from bri_bayes.paper.tables import OBSERVATIONS, R_SQUARED, Column, Published, Regression


def _printed(value: Any) -> Printed:
    if isinstance(value, Printed):
        return value
    if not isinstance(value, str):
        raise ValueError("give the number in quotes, as it is printed: a closing zero is a digit")
    return Printed(value)


MOST_STARS = 3
# What tables may state, and some rules of the audit need.
Stated = Literal["observations", "stars", "star_levels", "units", "periods"]
PrintedNumber = Annotated[Printed, BeforeValidator(_printed)]


@dataclass(frozen=True, config=STRICT)
class Reported:
    """A regression as it was reported. ``absorbed`` : the sets of effects that are taken out of every column first."""

    name: str
    outcome: str
    coefficients: Mapping[str, PrintedNumber]
    absorbed: frozenset[str] = field(default_factory=frozenset)
    r_squared: PrintedNumber | None = None
    r_squared_is: Literal["overall", "within", "unknown"] = "overall"
    observations: PrintedNumber | None = None
    standard_errors: Mapping[str, PrintedNumber] = field(default_factory=dict)
    stars: Mapping[str, int] = field(default_factory=dict)

    @model_validator(mode="after")
    def _usable(self) -> Reported:
        if not self.coefficients:
            raise ValueError("a regression has at least one coefficient")
        if self.outcome in self.coefficients:
            raise ValueError(f'the outcome "{self.outcome}" cannot be its own regressor')
        if self.standard_errors and set(self.standard_errors) != set(self.coefficients):
            raise ValueError("standard_errors has a number for each coefficient, or for none")
        for name, count in self.stars.items():
            if name not in self.coefficients or not 0 <= count <= MOST_STARS:
                raise ValueError(f"stars has {name} = {count}; it has a coefficient, and 0 to {MOST_STARS} for it")
        if self.r_squared is not None and not 0 <= self.r_squared.value <= 1:
            raise ValueError(f"r_squared is a share between 0 and 1, not {self.r_squared}")
        return self

    @property
    def regressors(self) -> tuple[str, ...]:
        """The names of the regressors, in the order given."""
        return tuple(self.coefficients)


@dataclass(frozen=True, config=STRICT)
class ReportedTables:
    """The regressions of a paper and what it says of all of them; None, or nothing, where it does not say."""

    regression: tuple[Reported, ...]
    star_levels: tuple[float, ...] = ()
    units: int | None = None
    periods: int | None = None

    @model_validator(mode="after")
    def _possible(self) -> ReportedTables:
        levels = self.star_levels
        if not all(0 < level < 1 for level in levels) or list(levels) != sorted(levels, reverse=True):
            raise ValueError(f"star_levels are probabilities between 0 and 1, falling, not {list(levels)}")
        return self

    @property
    def stated(self) -> frozenset[Stated]:
        """What every regression states, and what the tables state of all of them."""
        every: dict[Stated, bool] = {
            "observations": all(each.observations is not None for each in self.regression),
            "stars": any(each.stars for each in self.regression),
            "star_levels": bool(self.star_levels),
            "units": self.units is not None,
            "periods": self.periods is not None,
        }
        return frozenset(name for name, is_stated in every.items() if is_stated)


def load_tables(path: str | Path) -> ReportedTables:
    """Read a TOML file; the module shows its layout."""
    file = Path(path)
    content = read_toml(file)
    tables = content.pop("regression", None)
    if not isinstance(tables, list):
        raise InputError(f"{file}: has no [[regression]]; it is a list of these, and what holds for all of them")
    regressions: dict[str, Reported] = {}
    for number, table in enumerate(tables, 1):
        where = f"{file}: [[regression]] number {number}"
        regression = validated(Reported, table, where=where)
        if regression.name in regressions:
            raise InputError(f'{where}: the name "{regression.name}" stands above already')
        regressions[regression.name] = regression
    return validated(ReportedTables, {"regression": tuple(regressions.values()), **content}, where=str(file))


def as_published(tables: ReportedTables) -> Published:
    """The regressions that have standard errors, as tables of a paper of which nothing else is known."""
    specifications: dict[Column, Regression] = {}
    cells: dict[tuple[int, int, str], Cell] = {}
    statistics: dict[tuple[int, int, str], Printed] = {}
    for regression in tables.regression:
        if not regression.standard_errors:
            continue
        key = _table_and_column(regression.name)
        if key in specifications:
            raise InputError(f'"{regression.name}" is the second column with this table and column')
        specifications[key] = Regression(
            *key,
            regression.outcome,
            regression.regressors,
            unit_effects="unit" in regression.absorbed,
            period_effects="period" in regression.absorbed,
            sample="full",
            variance="unknown",
            r_squared=regression.r_squared_is,
        )
        for name, estimate in regression.coefficients.items():
            stars = regression.stars.get(name, 0)
            cells[*key, name] = Cell(*key, name, estimate, regression.standard_errors[name], stars, section="")
        for name, number in ((OBSERVATIONS, regression.observations), (R_SQUARED, regression.r_squared)):
            if number is not None:
                statistics[*key, name] = number
    return Published(
        cells,
        statistics,
        descriptives={},
        statements={},
        specifications=specifications,
        facts={},
        star_levels=tables.star_levels,
        place_of_legend="the legend",
        place_of_size="",
        stated_units=tables.units,
        stated_periods=tables.periods,
    )


def _table_and_column(name: str) -> Column:
    numbers = re.fullmatch(r"Table (\d+) \((\d+)\)", name)
    if numbers is None:
        raise InputError(f'the audit names cells by table and column: "{name}" is not of the form "Table 3 (2)"')
    return int(numbers[1]), int(numbers[2])


def reported(published: Published, tables: Iterable[int | tuple[int, int]]) -> tuple[Reported, ...]:
    """The paper's regressions of whole tables (3) or single columns ((5, 1)), in the order of the paper."""
    asked = set(tables)
    known: set[int | tuple[int, int]] = {key for r in published.regressions() for key in (r.table, r.key)}
    for key in asked - known:
        raise InputError(f"the paper has no regression {key}; {suggest(str(key), map(str, known))}")
    return tuple(
        Reported(
            name=regression.label,
            outcome=regression.outcome,
            coefficients={
                name: cell.estimate
                for name, cell in zip(regression.regressors, published.cells_of(*regression.key), strict=True)
            },
            absorbed=frozenset(
                effect
                for effect, absorbed in (("unit", regression.unit_effects), ("period", regression.period_effects))
                if absorbed
            ),
            r_squared=published.r_squared(*regression.key) if regression.r_squared == "overall" else None,
        )
        for regression in published.regressions()
        if asked & {regression.table, regression.key}
    )
