"""What did the paper print? Every cell of Tables 1-8, the numbers of its text, and its regressions as declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import model_validator
from pydantic.dataclasses import dataclass as checked

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.resources import shipped
from bri_bayes.core.schema import STRICT, read_toml, validated
from bri_bayes.paper.printed import Printed
from bri_bayes.paper.records import Cell, Descriptive, Fact, Reference, Signatory, Statement, Statistic
from bri_bayes.paper.rows import by_key

OBSERVATIONS, R_SQUARED = "observations", "r_squared"

Column = tuple[int, int]


@checked(frozen=True, config=STRICT)
class Regression:
    """A column of Tables 3-8 as a declared regression: what was regressed on what, with which effects.

    ``regressors`` : names in a data set; ``printed`` gives the name in the table where it differs. ``onset`` : first
    treated year of its BRI variable, None without one. ``variance`` and ``r_squared`` are inferred: stated nowhere.
    """

    table: int
    column: int
    outcome: str
    regressors: tuple[str, ...]
    unit_effects: bool
    period_effects: bool
    sample: Literal["matched", "full"]
    variance: Literal["ordinary", "clustered", "unknown"]
    r_squared: Literal["overall", "within", "unknown", "none"]
    onset: int | None = None
    printed: Mapping[str, str] = field(default_factory=dict, hash=False)
    note: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Regression:
        for name in self.printed:
            if name not in self.regressors:
                raise ValueError(f'printed renames "{name}", which is no regressor; {suggest(name, self.regressors)}')
        if len(set(self.regressors)) < len(self.regressors):
            raise ValueError(f"a regressor is named twice in {list(self.regressors)}")
        return self

    @property
    def key(self) -> Column:
        """Table and column."""
        return self.table, self.column

    @property
    def label(self) -> str:
        """The name of the column for a reader."""
        return f"Table {self.table} ({self.column})"

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the regressors in the table, in the order of ``regressors``."""
        return tuple(self.printed.get(name, name) for name in self.regressors)


@dataclass(frozen=True)
class Published:
    """All that a paper prints, and the facts from outside that the audit compares it with.

    ``star_levels`` : of one, two and three stars, as its legend has them; ``stated_units``, ``stated_periods`` : of its
    panel, where no statement of the text has them. A lookup of what is not there is an error that lists what is.
    """

    cells: Mapping[tuple[int, int, str], Cell]
    statistics: Mapping[tuple[int, int, str], Printed]
    descriptives: Mapping[tuple[int, str, str, str], Descriptive]
    statements: Mapping[str, Statement]
    specifications: Mapping[Column, Regression]
    facts: Mapping[str, Fact]
    signatories: Mapping[str, Signatory] = field(default_factory=dict)
    references: Mapping[int, Reference] = field(default_factory=dict)
    star_levels: tuple[float, ...] = (0.1, 0.05, 0.01)
    place_of_legend: str = "the legend under Table 2, the only one printed"
    place_of_size: str = " (section 3)"
    stated_units: int | None = None
    stated_periods: int | None = None

    def cell(self, table: int, column: int, variable: str) -> Cell:
        """The coefficient of ``variable`` as named in cells.csv."""
        regression = self.regression(table, column)
        if variable not in regression.variables:
            raise InputError(f'{regression.label} has no "{variable}"; {suggest(variable, regression.variables)}')
        return self.cells[table, column, variable]

    def regression(self, table: int, column: int) -> Regression:
        """The regression of a column."""
        if (table, column) not in self.specifications:
            near = {f"({c})" for t, c in self.specifications if t == table} or {
                f"Table {t}" for t, _ in self.specifications
            }
            raise InputError(f"the paper has no regression in Table {table} ({column}); {suggest(f'({column})', near)}")
        return self.specifications[table, column]

    def regressions(self) -> tuple[Regression, ...]:
        """Every column of Tables 3-8, in the order of the paper."""
        return tuple(self.specifications.values())

    def cells_of(self, table: int, column: int) -> tuple[Cell, ...]:
        """The coefficients of a column, in the order of its regressors."""
        return tuple(self.cells[table, column, name] for name in self.regression(table, column).variables)

    def observations(self, table: int, column: int) -> int:
        """The number of rows that the column states."""
        return int(self.statistics[(*self.regression(table, column).key, OBSERVATIONS)].exact)

    def r_squared(self, table: int, column: int) -> Printed | None:
        """The R-squared of a column, None where the table has none."""
        return self.statistics.get((*self.regression(table, column).key, R_SQUARED))

    def descriptive(self, table: int, row: str, column: str, sample: str = "") -> Printed:
        """A number of Table 1 or 2."""
        cell = self.descriptives.get((table, row, sample, column))
        if cell is None:
            asked = " ".join(filter(None, (row, sample, column)))
            keys = (" ".join(filter(None, key[1:])) for key in self.descriptives if key[0] == table)
            raise InputError(f'Table {table} has no "{asked}"; {suggest(asked, keys)}')
        return cell.number

    def statement(self, name: str) -> Statement:
        """A number or a claim of the text."""
        if name not in self.statements:
            raise InputError(f'the text has no statement "{name}"; {suggest(name, self.statements)}')
        return self.statements[name]

    def fact(self, name: str) -> Fact:
        """A number from outside the paper."""
        if name not in self.facts:
            raise InputError(f'facts.csv has no "{name}"; {suggest(name, self.facts)}')
        return self.facts[name]


def load_published(folder: str | Path | None = None) -> Published:
    """Read the paper's numbers from ``folder``, by default from data/published of the project."""
    path = shipped("data") / "published" if folder is None else Path(folder)
    specifications = _specifications(path / "regressions.toml")
    cells = by_key(path / "cells.csv", Cell)
    statistics = by_key(path / "statistics.csv", Statistic)
    _check_columns(path, specifications, set(cells), set(statistics))
    return Published(
        cells=cells,
        statistics={key: statistic.number for key, statistic in statistics.items()},
        descriptives=by_key(path / "tables_1_2.csv", Descriptive),
        statements=by_key(path / "text.csv", Statement),
        specifications=specifications,
        facts=by_key(path / "facts.csv", Fact),
        signatories=by_key(path / "signatories.csv", Signatory),
        references=by_key(path / "references.csv", Reference),
    )


def _specifications(path: Path) -> dict[Column, Regression]:
    content = read_toml(path)
    if set(content) != {"regression"} or not isinstance(content["regression"], list):
        raise InputError(f"{path}: has the keys {sorted(content)}; it is a list of [[regression]] and nothing else")
    specifications: dict[Column, Regression] = {}
    for number, table in enumerate(content["regression"], 1):
        where = f"{path}: [[regression]] number {number} (table {table.get('table')}, column {table.get('column')})"
        regression = validated(Regression, table, where=where)
        if regression.key in specifications:
            raise InputError(f"{where}: this column is declared twice")
        specifications[regression.key] = regression
    return specifications


def _check_columns(
    path: Path,
    specifications: Mapping[Column, Regression],
    cells: set[tuple[int, int, str]],
    statistics: set[tuple[int, int, str]],
) -> None:
    """Every declared regressor has its cell, every cell its regressor, every column its number of rows."""
    declared = {(*key, name) for key, regression in specifications.items() for name in regression.variables}
    for table, column, name in [*sorted(declared - cells), *sorted(cells - declared)]:
        there, missing = ("cells.csv", "regressions.toml")[:: -1 if (table, column, name) in declared else 1]
        raise InputError(f'{path}: Table {table} ({column}) "{name}" is in {there} and not in {missing}')
    for table, column in specifications:
        if (table, column, OBSERVATIONS) not in statistics:
            raise InputError(f"{path}: Table {table} ({column}) has no {OBSERVATIONS} in statistics.csv")
    for table, column, name in sorted(statistics):
        if (table, column) not in specifications or name not in (OBSERVATIONS, R_SQUARED):
            raise InputError(f'{path}: statistics.csv has "{name}" of Table {table} ({column}), which is not declared')
