"""Which regressions were reported, with which coefficients and effects? Read from a TOML file, or from the paper's
tables.

    [[regression]]
    name = "Table 3 (3)"
    outcome = "lnexport"
    absorbed = ["unit", "period"]                          # sets of effects, none if there is no such key
    r_squared = "0.926"                                    # optional, overall: what the effects explain counts
    coefficients = { BRI = "0.218", lnppl = "-0.00152" }   # as printed, in quotes: closing zeros count

A variable that carries the same name in two regressions is the same column of the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.schema import STRICT, read_toml, validated
from bri_bayes.paper.printed import Printed
from bri_bayes.paper.tables import Published


def _printed(value: Any) -> Printed:
    if isinstance(value, Printed):
        return value
    if not isinstance(value, str):
        raise ValueError("give the number in quotes, as it is printed: a closing zero is a digit")
    return Printed(value)


PrintedNumber = Annotated[Printed, BeforeValidator(_printed)]


@dataclass(frozen=True, config=STRICT)
class Reported:
    """A regression as it was reported. ``absorbed`` : the sets of effects that are taken out of every column first."""

    name: str
    outcome: str
    coefficients: Mapping[str, PrintedNumber]
    absorbed: frozenset[str] = field(default_factory=frozenset)
    r_squared: PrintedNumber | None = None

    @model_validator(mode="after")
    def _usable(self) -> Reported:
        if not self.coefficients:
            raise ValueError("a regression has at least one coefficient")
        if self.outcome in self.coefficients:
            raise ValueError(f'the outcome "{self.outcome}" cannot be its own regressor')
        if self.r_squared is not None and not 0 <= self.r_squared.value <= 1:
            raise ValueError(f"r_squared is a share between 0 and 1, not {self.r_squared}")
        return self

    @property
    def regressors(self) -> tuple[str, ...]:
        """The names of the regressors, in the order given."""
        return tuple(self.coefficients)


def load_reported(path: str | Path) -> tuple[Reported, ...]:
    """Read the regressions of a TOML file; the module shows its layout."""
    file = Path(path)
    content = read_toml(file)
    tables = content.get("regression")
    if set(content) != {"regression"} or not isinstance(tables, list):
        raise InputError(f"{file}: has the keys {sorted(content)}; it is a list of [[regression]] and nothing else")
    found: dict[str, Reported] = {}
    for number, table in enumerate(tables, 1):
        where = f"{file}: [[regression]] number {number}"
        regression = validated(Reported, table, where=where)
        if regression.name in found:
            raise InputError(f'{where}: the name "{regression.name}" stands above already')
        found[regression.name] = regression
    return tuple(found.values())


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
