"""What did the paper print? Every cell of Tables 1-8, the numbers of its text, and its regressions as declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import model_validator
from pydantic.dataclasses import dataclass as checked

from bri_bayes.errors import InputError, suggest
from bri_bayes.published.printed import Cell, Descriptive, Printed, Statement, Statistic
from bri_bayes.published.rows import Row, rows, unique
from bri_bayes.resources import shipped
from bri_bayes.schema import STRICT, read_toml, validated

OBSERVATIONS, R_SQUARED = "observations", "r_squared"

# The header of each file.
CELLS = ("table", "column", "variable", "value", "decimals", "se", "se_decimals", "stars", "section", "note")
STATISTICS = ("table", "column", "statistic", "value", "decimals", "section", "note")
DESCRIPTIVES = ("table", "row", "sample", "column", "value", "decimals", "stars", "section", "note")
STATEMENTS = ("id", "value", "decimals", "words", "section", "quote", "meaning")

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
        found = self.descriptives.get((table, row, sample, column))
        if found is None:
            keys = {" ".join(filter(None, key[1:])) for key in self.descriptives if key[0] == table}
            raise InputError(
                f'Table {table} has no "{" ".join(filter(None, (row, sample, column)))}"; {suggest(row, keys)}'
            )
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
    cells = unique(rows(path / "cells.csv", CELLS), _cell, lambda cell: cell.key)
    statistics = unique(rows(path / "statistics.csv", STATISTICS), _statistic, lambda found: found.key)
    _check_columns(path, specifications, set(cells), set(statistics))
    return Published(
        cells=cells,
        statistics={key: found.number for key, found in statistics.items()},
        descriptives=unique(rows(path / "tables_1_2.csv", DESCRIPTIVES), _descriptive, lambda cell: cell.key),
        statements=unique(rows(path / "text.csv", STATEMENTS), _statement, lambda found: found.id),
        specifications=specifications,
    )


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


def _statistic(row: Row) -> Statistic:
    return Statistic(
        table=row.integer("table"),
        column=row.integer("column"),
        name=row["statistic"],
        number=row.number("value", "decimals"),
    )


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
