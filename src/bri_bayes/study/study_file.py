"""Which question do we ask of which data? A study TOML states panel, columns, assignment and model cards."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import InstanceOf, model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import PERIOD, SECTIONS, UNIT
from bri_bayes.core.resources import shipped
from bri_bayes.core.schema import STRICT, read_toml, validated
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.categories import CategorySource
from bri_bayes.data.panel import Column, Panel, restricted, with_columns
from bri_bayes.study.assignment_table import AssignmentTable, GroupsTable
from bri_bayes.study.claims import StatedClaim
from bri_bayes.study.model_card import ModelCard
from bri_bayes.study.panel_source import PanelSource, generated_panel, levels_of
from bri_bayes.study.propensity_specification import PropensityTable
from bri_bayes.study.section_settings import CompareTable, PoolTable, check_no_blank
from bri_bayes.study.variable_roles import Modifier, Outcome, standard_errors

# The reports of a study lie in a folder of its name, which no other place can be.
_NAME = re.compile(r"\w[\w .-]{0,99}(?<![ .])")


@dataclass(frozen=True, config=STRICT)
class Study:
    """A panel to load, an assignment, the roles of the variables, and the cards to run (the first is the main one).

    ``policy`` : its name; ``audit`` : whether the report has the audit and the power for the published effects, of the
    shipped paper or of the one in a TOML file; ``claims`` : what it says; ``pool`` : the wider pool; ``exposed`` : the
    first period in which a control had a part of the policy; ``propensity`` : what is matched on; ``compare`` : cards;
    ``groups`` : units that may share shocks; ``answer`` : the card that is shown first (by default a rule names it);
    ``adjust`` : covariates that every card has which names none.
    """

    name: str
    title: str
    panel: PanelSource
    assignment: InstanceOf[Assignment]
    outcomes: Mapping[str, Outcome]
    covariates: Mapping[str, Column] = dataclasses.field(default_factory=dict)
    modifiers: Mapping[str, Modifier] = dataclasses.field(default_factory=dict)
    mediators: Mapping[str, Column] = dataclasses.field(default_factory=dict)
    unit_names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    models: tuple[str, ...] = ("did",)
    answer: str | None = None
    adjust: tuple[str, ...] = ()
    policy: str | None = None
    audit: bool | Path = False
    claims: tuple[StatedClaim, ...] = ()
    sections: tuple[str, ...] = ()
    pool: PoolTable = PoolTable()
    compare: CompareTable = CompareTable()
    groups: GroupsTable | None = None
    exposed: Mapping[str, int] = dataclasses.field(default_factory=dict)
    propensity: PropensityTable = PropensityTable()
    categories: CategorySource | None = None

    def __repr__(self) -> str:
        treated, controls = self.assignment.treated_units, self.assignment.never_treated
        return (
            f"Study({self.name!r}, panel {self.panel.kind}, {len(treated)} treated units, {len(controls)} controls, "
            f"outcomes {', '.join(self.outcomes)}, cards {', '.join(self.models)})"
        )

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f'the name "{self.name}" names a folder: letters, digits, blanks, "-", "_" and "." inside')
        for section in self.sections:
            if section not in SECTIONS:
                raise ValueError(f'there is no section "{section}"; {suggest(section, SECTIONS)}')
        self.propensity.check(self.columns)
        for claim in self.claims:
            claim.check(self.outcomes)
        if not self.outcomes or not self.models:
            raise ValueError("a study has at least one outcome and one model")
        roles = [self.outcomes, self.covariates, self.modifiers, self.mediators]
        names = [name for role in roles for name in role]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'the variable "{name}" has {names.count(name)} roles; give each its own name')
        if unknown := [name for name in self.adjust if name not in self.covariates]:
            raise ValueError(f'adjust has "{unknown[0]}"; {suggest(unknown[0], self.covariates)}')
        for unit in self.exposed:
            if unit not in self.assignment.never_treated:
                raise ValueError(f'exposed has "{unit}"; {suggest(unit, self.assignment.never_treated)}')
        for unit in self.unit_names:
            if unit not in self.assignment.units:
                raise ValueError(f'unit_names has "{unit}"; {suggest(unit, self.assignment.units)}')
        return self

    @property
    def columns(self) -> dict[str, Column]:
        """Every variable, whatever its role, and the standard error of each modifier that has one."""
        return {
            **self.outcomes,
            **self.covariates,
            **self.modifiers,
            **self.mediators,
            **standard_errors(self.modifiers),
        }

    def adjusted(self, card: ModelCard) -> ModelCard:
        """The card with the covariates that the study adjusts for, where it names none of its own."""
        return card if card.covariates or not self.adjust else dataclasses.replace(card, covariates=self.adjust)

    def name_of(self, unit: str) -> str:
        """The name of a unit, or its code where the study gives none."""
        return self.unit_names.get(unit, unit)

    def with_panel(self, path: str | Path) -> Study:
        """The same study of the CSV at ``path``. In place of a generated one it is the reader's own: kind "user"."""
        changed: dict[str, Any] = {"kind": "user", "label": None, "sources": ()} if self.panel.generator else {}
        source = dataclasses.replace(self.panel, **changed, file=Path(path), generator=None)
        return dataclasses.replace(self, panel=source)

    def with_categories(self, path: str | Path) -> Study:
        """The same study with the product categories of the CSV at ``path``."""
        if self.categories is None:
            raise InputError(f'the study "{self.name}" has no table [categories] that would describe {path}')
        return dataclasses.replace(self, categories=self.categories.with_file(path))

    def load(self, panel_path: str | Path | None = None) -> Panel:
        """The panel of the units of the assignment, from ``panel_path`` or from where the study says."""
        if panel_path is not None:
            return self.with_panel(panel_path).load()
        source, units = self.panel, self.assignment.units
        if source.generator is not None:
            return self._grouped(generated_panel(source, units, self.columns))
        return self._grouped(levels_of(source, self.columns, self.name, units, self._text_columns))

    def load_pool(self) -> Panel:
        """Every unit of the file that may be a comparison, and those of the assignment, for the same periods.

        A cell whose level has no logarithm is missing here, not refused: ``attrs["cells_without_log"]`` counts them.
        """
        source, assigned = self.panel, self.assignment.units
        wanted = dict.fromkeys([name for column in self.columns.values() for name in column.columns])
        if self.pool.treatment is not None:
            wanted[self.pool.treatment] = None
        raw = levels_of(source, {name: Column(name) for name in wanted}, self.name, texts=self._text_columns)
        if self.groups is not None:
            self.groups.check(raw[UNIT].to_numpy())
        left_out = set(self.pool.exclude) - set(assigned)
        if self.pool.treatment is not None:
            check_no_blank(raw, self.pool.treatment, set(assigned) | left_out)
            ever = raw[self.pool.treatment].max(PERIOD) > 0
            left_out |= {str(unit) for unit in raw[UNIT].to_numpy()[ever.to_numpy()]} - set(assigned)
        units = [str(unit) for unit in raw[UNIT].to_numpy() if str(unit) not in left_out]
        raw = restricted(raw, units, source.years, where=f'study "{self.name}"')
        variables = [name for column in self.columns.values() for name in column.columns]
        numbers = {
            name: raw[name].transpose(UNIT, PERIOD).to_numpy().astype(float) for name in dict.fromkeys(variables)
        }
        lost = 0
        for column in self.columns.values():
            floor = {"none": -math.inf, "log": 0.0, "log1p": -1.0}[column.transform]
            undefined = column.level(numbers) <= floor
            if column.relative_to is not None:
                undefined |= numbers[column.relative_to] <= 0
            lost += int(undefined.sum())
            numbers[column.column] = np.where(undefined, np.nan, numbers[column.column])
        panel = with_columns(raw, numbers, self.columns, where=f'study "{self.name}"')
        return self._grouped(panel).assign_attrs(cells_without_log=lost)

    @property
    def _text_columns(self) -> tuple[str, ...]:
        return () if self.groups is None else self.groups.columns

    def _grouped(self, panel: Panel) -> Panel:
        return panel if self.groups is None else self.groups.of(panel, self.assignment, f'study "{self.name}"')


def load_study(folder_or_toml: str | Path | None = None, panel: str | Path | None = None) -> Study:
    """Read a study from a folder with a study.toml, from a TOML file, or (None) the one that ships.

    ``panel`` is a CSV file with the layout that the study describes, in place of its own.
    """
    path = shipped("data") if folder_or_toml is None else Path(folder_or_toml)
    if path.is_dir():
        path = path / "study.toml"
    return _study(path, read_toml(path), panel)


def _study(path: Path, content: dict[str, Any], panel: str | Path | None) -> Study:
    where = f'study "{path.stem}" ({path})'
    content.setdefault("name", _default_name(path))
    for key in ("panel", "categories"):
        source = content.get(key)
        if isinstance(source, dict) and isinstance(source.get("file"), str):
            content[key] = {**source, "file": _inside(path, source["file"])}
    if isinstance(content.get("audit"), str):
        content["audit"] = _inside(path, content["audit"])
    table = None
    if isinstance(content.get("assignment"), dict):
        table = validated(AssignmentTable, content["assignment"], where=f"{where}: [assignment]")
        content["assignment"] = table.assignment()
    if isinstance(content.get("models"), list):
        content["models"] = [_beside(path, model) for model in content["models"]]
    compared = content.get("compare")
    if isinstance(compared, dict) and isinstance(compared.get("models"), list):
        content["compare"] = {**compared, "models": [_beside(path, model) for model in compared["models"]]}
    if table is not None and table.controls is None:
        content["assignment"] = table.assignment(_others(content, panel, where))
    study = validated(Study, content, where=where)
    return study if panel is None else study.with_panel(panel)


def _others(content: Mapping[str, Any], panel: str | Path | None, where: str) -> list[str]:
    """The units that may be a comparison, by [pool], and have an outcome: where the study names no controls."""
    of_controls = ("exposed", "unit_names", "groups")
    study = validated(Study, {key: value for key, value in content.items() if key not in of_controls}, where=where)
    if panel is not None:
        study = study.with_panel(panel)
    elif study.panel.file is None and study.panel.generator is None:
        raise InputError(f"{where}: [assignment] names no controls, and the panel is not shipped; give it with --panel")
    pool = study.load_pool()
    has = pool[list(study.outcomes)].to_dataarray().notnull().any(["variable", PERIOD])
    others = [str(unit) for unit in pool[UNIT].to_numpy()[has.to_numpy()]]
    if set(others) <= set(study.assignment.treated_units):
        raise InputError(f"{where}: [assignment] names no controls, and the file has no other unit to compare with")
    return others


def _default_name(path: Path) -> str:
    """The name of the file; of a study.toml that of its folder, so that reports of two folders lie apart."""
    name = path.resolve().parent.name if path.stem == "study" else path.stem
    usable = re.sub(r"[^\w .-]", "_", name).strip(" .-")[:100].strip(" .")
    return usable if _NAME.fullmatch(usable) else "study"


def _beside(path: Path, model: Any) -> Any:
    """A card given as a TOML file lies beside the study; any other word names a card that ships."""
    return str(_inside(path, model)) if isinstance(model, str) and model.endswith(".toml") else model


def _inside(path: Path, name: str) -> Path:
    """A file that the study ``path`` names: below its folder, as a file from elsewhere is given on the command line."""
    if not (path.parent / name).resolve().is_relative_to(path.parent.resolve()):
        raise InputError(f'{path}: the file "{name}" lies outside the folder of the study; give it on the command line')
    return path.parent / name
