"""What did the paper print? Every cell of Tables 1-8, the numbers of its text, and its regressions as declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator
from pydantic.dataclasses import dataclass as checked

from bri_bayes.errors import InputError, suggest
from bri_bayes.published.printed import Cell, Descriptive, Printed, Statement
from bri_bayes.published.rows import Row, keyed
from bri_bayes.resources import shipped
from bri_bayes.schema import STRICT, read_toml, validated

OBSERVATIONS, R_SQUARED = "observations", "r_squared"

Column = tuple[int, int]


@checked(frozen=True, config=STRICT)
class Regression:
    """A column of Tables 3-8 as a declared regression: what was regressed on what, with which effects.

    ``regressors`` : names in a data set; ``printed`` gives the name in the table where it differs. ``onset`` : first
    treated year of its BRI variable, None without one. ``variance``, ``r_squared`` : inferred, the paper states neither.
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
    printed: Mapping[str, str] = field(default_factory=dict)
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
    """All that the paper prints. A lookup of what it does not print is an error that lists what it does."""

    cells: Mapping[tuple[int, int, str], Cell]
    statistics: Mapping[tuple[int, int, str], Printed]
    descriptives: Mapping[tuple[int, str, str, str], Descriptive]
    statements: Mapping[str, Statement]
    specifications: Mapping[Column, Regression]

    def cell(self, table: int, column: int, variable: str) -> Cell:
        """The coefficient of ``variable`` as named in cells.csv."""
        regression = self.regression(table, column)
        if variable not in regression.variables:
            raise InputError(f'{regression.label} has no "{variable}"; {suggest(variable, regression.variables)}')
        return self.cells[table, column, variable]

    def regression(self, table: int, column: int) -> Regression:
        """The regression of a column."""
        if (table, column) not in self.specifications:
            near = {f"({c})" for t, c in self.specifications if t == table} or {f"Table {t}" for t, _ in self.specifications}
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
        found = self.descriptives.get((table, row, sample, column))
        if found is None:
            keys = {" ".join(filter(None, key[1:])) for key in self.descriptives if key[0] == table}
            raise InputError(f'Table {table} has no "{" ".join(filter(None, (row, sample, column)))}"; {suggest(row, keys)}')
        return found.number

    def statement(self, name: str) -> Statement:
        """A number or a claim of the text."""
        if name not in self.statements:
            raise InputError(f'the text has no statement "{name}"; {suggest(name, self.statements)}')
        return self.statements[name]


def load_published(folder: str | Path | None = None) -> Published:
    """Read the paper's numbers from ``folder``, by default from data/published of the project."""
    path = shipped("data") / "published" if folder is None else Path(folder)
    specifications = _specifications(path / "regressions.toml")
    cells = {cell.key: cell for cell in keyed(path / "cells.csv", CELLS, ("table", "column", "variable"), _cell)}
    statistics = keyed(path / "statistics.csv", STATISTICS, ("table", "column", "statistic"), _statistic)


def _specifications(path: Path) -> dict[Column, Regression]:
    content = read_toml(path)
    if set(content) != {"regression"} or not isinstance(content["regression"], list):
        raise InputError(f"{path}: has the keys {sorted(content)}; it is a list of [[regression]] and nothing else")
    found: dict[Column, Regression] = {}
    for number, table in enumerate(content["regression"], 1):
        where = f"{path}: [[regression]] number {number} (table {table.get('table')}, column {table.get('column')})"
        regression = validated(Regression, table, where=where)
        if regression.key in found:
            raise InputError(f"{where}: this column is declared twice")
        found[regression.key] = regression
    return found


def _check_columns(
    path: Path,
    specifications: Mapping[Column, Regression],
    cells: Mapping[tuple[int, int, str], Cell],
    statistics: Mapping[tuple[int, int, str], Printed],
) -> None:
    """Every declared regressor has its cell, every cell its regressor, every column its number of rows."""
    declared = {(*key, name) for key, regression in specifications.items() for name in regression.variables}
    for key in [*sorted(declared - set(cells)), *sorted(set(cells) - declared)]:
        where, other = ("cells.csv", "regressions.toml") if key in declared else ("regressions.toml", "cells.csv")
        raise InputError(f'{path}: Table {key[0]} ({key[1]}) "{key[2]}" is in {other} and not in {where}')
    for key in specifications:
        if (*key, OBSERVATIONS) not in statistics:
            raise InputError(f"{path}: Table {key[0]} ({key[1]}) has no {OBSERVATIONS} in statistics.csv")
    for table, column, name in statistics:
        if (table, column) not in specifications or name not in (OBSERVATIONS, R_SQUARED):
            raise InputError(f'{path}: statistics.csv has "{name}" of Table {table} ({column}), which is not declared')


def _cell(row: Row) -> Cell:
    return Cell(
        table=row.integer("table"),
        column=row.integer("column"),
        variable=row["variable"],
        estimate=row.number("value", "decimals"),
        se=row.number("se", "se_decimals"),
        stars=row.stars("stars"),
        section=row["section"],
        note=row["note"],
    )


def _statistic(row: Row) -> Printed:
    return row.number("value", "decimals")


def _descriptive(row: Row) -> Descriptive:
    return Descriptive(
        table=row.integer("table"),
        row=row["row"],
        sample=row["sample"],
        column=row["column"],
        number=row.number("value", "decimals"),
        stars=row.stars("stars"),
        section=row["section"],
    )


def _statement(row: Row) -> Statement:
    return Statement(
        id=row["id"],
        number=row.number("value", "decimals") if row["value"] else None,
        words=tuple(row["words"].split()),
        section=row["section"],
        quote=row["quote"],
        meaning=row["meaning"],
    )
