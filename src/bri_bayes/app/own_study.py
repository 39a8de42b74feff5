"""What does `init DIR --from FILE` do? It writes a commented study for a reader's own panel, which runs as it is.

What the columns are is said in options or read off the file: units are texts, a period looks like a year or a date, a
treatment is 0 or 1 and stays on, the first other column of numbers is the outcome. All of it stands in the study, to be
changed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from bri_bayes.app.panel_roles import NOTHING_SAID, Roles, Said, is_mark, roles_of
from bri_bayes.app.study_run import init_study
from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.core.toml_text import toml_value
from bri_bayes.data.comparable import Comparable, comparable
from bri_bayes.data.onsets import onsets_by_name, onsets_from_cells, onsets_from_column
from bri_bayes.data.panel import Column, load_panel, period_labels
from bri_bayes.data.regions import regions
from bri_bayes.data.text_encoding import AS_USUAL, TextFormat
from bri_bayes.data.text_table import Table, read_table
from bri_bayes.study.study_file import load_study

MODELS = ("did", "event_study")
# Sections that ask nothing of a panel but an outcome and controls; what others need stands in data/README.md.
SECTIONS = ("pretrends", "placebo", "controls", "robustness")
FURTHER = ("honest", "compare", "speccurve", "prior", "moderation", "mechanism", "propensity")


# Positive values whose largest is below this many times the smallest are taken for a rate.
RATE_SPREAD = 3.0


@dataclass(frozen=True)
class Written:
    """The study that was written, and sentences about what was passed over."""

    path: Path
    notes: tuple[str, ...] = ()


def init_folder(folder: Path, csv: Path | None, said: Said) -> Written:
    """The shipped study with its cards, or (with a file) one for the reader's own panel."""
    if csv is not None:
        return study_from_file(folder, csv, said)
    if said != NOTHING_SAID:
        given = ", ".join(
            f"--{key.replace('_', '-')}" for key, value in vars(said).items() if value and value != AS_USUAL
        )
        raise InputError(f"{given}: describes a panel of your own; give it with --from")
    return Written(init_study(folder))


def study_from_file(folder: Path, csv: Path, said: Said = NOTHING_SAID) -> Written:
    """A new folder with the panel and a study of it; who was treated comes from the options or from a 0/1 column."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is not empty; init makes a new folder")
    if said.treated and said.onset is None:
        raise InputError("--treated and --onset belong together: who, and from when on")
    ways = {"--treated": said.treated, "--treatment": said.treatment, "--onset-column": said.onset_column}
    if len(given := [option for option, value in ways.items() if value]) > 1:
        raise InputError(f"{given[0]} and {given[1]} both say who was treated; give one of them")
    if said.onset is not None and said.onset_column is not None:
        raise InputError("--onset and --onset-column both say from when on; give one of them")
    table = read_table(csv, said.unit or "", said.text_format)
    roles = roles_of(table, str(csv), said)
    kept = {name: Column(name) for name in (roles.outcome, roles.treatment) if name is not None}
    panel = load_panel(
        csv,
        unit=roles.unit,
        period=roles.period,
        columns={**kept, **roles.covariates},
        text_format=said.text_format,
        unit_columns=[] if roles.onset_column is None else [roles.onset_column],
    )
    if said.treated and said.onset is not None:
        assignment = onsets_by_name(panel, said.treated, said.onset)
    elif roles.onset_column is not None:
        assignment = onsets_from_column(panel, roles.onset_column)
    elif roles.treatment is not None:
        assignment = onsets_from_cells(panel, roles.treatment, said.onset)
    else:
        raise InputError(f"{csv}: {_who_is_treated(table, roles, said)}")
    compared = comparable(panel, assignment, roles.outcome, list(roles.covariates))
    values = compared.panel[roles.outcome].to_numpy()
    values = values[np.isfinite(values)]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        file = f"panel{csv.suffix}"
        shutil.copyfile(csv, folder / file)
        head = [
            *_head(csv.name, roles),
            *_panel_table(file, roles, said.text_format, _ends(panel), _ends(compared.panel)),
        ]
        variables = _variables(roles, values)
        lines = [*head, *_assignment_table(compared), *_unit_names(list(compared.assignment.first_treated)), *variables]
        text = "\n".join(lines)
        (folder / "study.toml").write_text(text + "\n", encoding="utf-8")
        load_study(folder).load()
    except InputError:
        shutil.rmtree(folder)
        raise
    return Written(folder / "study.toml", (*compared.notes, *roles.passed_over, *_taken_in_logs(roles, values)))


def _who_is_treated(table: Table, roles: Roles, said: Said) -> str:
    """What to say where nothing tells who was treated from when on."""
    named = "say --treated A,B --onset PERIOD"
    if said.onset is not None:
        return f"no column is 0 or 1 by unit, so nothing says who is treated from {said.onset} on; {named}"
    units = list(table.cells(roles.unit))
    names = [name for name in table.header if name and name != roles.unit]
    marks = [name for name in names if is_mark(units, list(table.cells(name)))]
    if marks:
        return f'the column "{marks[0]}" says who is treated and not from when on; say --onset PERIOD'
    return (
        f"no column is 0 before a treatment and 1 from it on; {named}, or --onset-column COLUMN if one has the first "
        "treated period of each unit"
    )


def _head(given: str, roles: Roles) -> Iterator[str]:
    yield f"# A study of {given}, written by `bri-bayes init`; it runs as it is (`bri-bayes run FOLDER`)."
    yield "# Every line may be changed; data/README.md of the project lists the keys, `bri-bayes models` the cards."
    yield f"title = {toml_value(f'The effect on {_in_words(roles.outcome)}')}"
    yield 'policy = "the policy" # what the text calls it'
    yield f"models = {toml_value(MODELS)} # the first is the card of the checks"
    yield f"sections = {toml_value(SECTIONS)} # further ones: {', '.join(FURTHER)}"
    if roles.covariates:
        yield f"adjust = {toml_value(list(roles.covariates))} # covariates of every model"
    yield ""


def _ends(panel: xr.Dataset) -> str:
    """The first and the last period as a study has them: years without quotes."""
    labels = list(period_labels(panel).values())
    return toml_value([int(label) if label.isdecimal() else label for label in (labels[0], labels[-1])])


def _panel_table(file: str, roles: Roles, text_format: TextFormat, of_file: str, compared: str) -> Iterator[str]:
    yield "[panel]"
    yield 'kind = "user" # shown in every figure and table'
    yield f"file = {toml_value(file)}"
    yield f"unit = {toml_value(roles.unit)} # the column that names units"
    yield f"period = {toml_value(roles.period)}"
    if text_format.encoding is not None:
        yield f"encoding = {toml_value(text_format.encoding)}"
    if text_format.missing:
        yield f"missing = {toml_value(text_format.missing)} # cells that mean missing, beside NA, .. and the like"
    yield f"{'# ' if compared == of_file else ''}periods = {compared} # first and last, to take a part"
    if compared != of_file:
        yield "later = false # no sample goes beyond the last one: the controls are treated by then"
    yield ""


def _assignment_table(compared: Comparable) -> Iterator[str]:
    yield from (f"# {note}" for note in compared.notes)
    first = compared.assignment.first_treated
    onsets = {unit: onset for unit, onset in first.items() if onset is not None}
    controls = [unit for unit in first if unit not in onsets]
    yield "[assignment] # who was treated, and from which period on; units that are not named here are left out"
    yield f"controls = {toml_value(controls)}"
    if len(set(onsets.values())) == 1:
        yield f"treated = {toml_value(list(onsets))}"
        yield f"onset = {_period(compared, next(iter(onsets.values())))}"
    else:
        yield ""
        yield "[assignment.onsets]"
        yield from (f"{toml_value(unit)} = {_period(compared, onset)}" for unit, onset in onsets.items())
    yield ""
    if compared.left_out:
        yield "[pool] # units of the file that no wider pool of controls may have: they are treated"
        yield f"exclude = {toml_value(list(compared.left_out))}"
        yield ""


def _unit_names(units: Sequence[str]) -> Iterator[str]:
    """English names, where each unit is the ISO code of a country: pages then speak of countries."""
    known = regions()
    if all(unit in known for unit in units):
        yield "[unit_names] # what pages call the units, by their ISO 3166-1 codes"
        yield from (f"{toml_value(unit)} = {toml_value(known[unit].name)}" for unit in units)
        yield ""


def _period(compared: Comparable, ordinal: int) -> str:
    """An onset as a study counts it, with what the file calls it where that is another thing."""
    label = period_labels(compared.panel).get(ordinal, str(ordinal))
    return str(ordinal) if label == str(ordinal) else f"{ordinal} # {' '.join(label.split())}"


def _in_words(column: str) -> str:
    """What a page calls a column: its name, with spaces for the signs that join words."""
    return " ".join(column.replace("_", " ").split()) or column


def _variables(roles: Roles, values: Array) -> Iterator[str]:
    """The outcome, covariates that were asked for, and the others as comments."""
    yield f"[outcomes.{toml_value(roles.outcome)}] # one table an outcome"
    yield f"column = {toml_value(roles.outcome)}"
    transform, reason = (roles.transform, "as it was asked for") if roles.transform else _transform(values)
    yield f'transform = "{transform}" # none, log or log1p; {reason}'
    yield f"label = {toml_value(_in_words(roles.outcome))}"
    yield '# units = "million US dollars"'
    for name, column in roles.covariates.items():
        yield ""
        yield f"[covariates.{toml_value(name)}]"
        yield f"column = {toml_value(column.column)}"
        if column.transform != "none":
            yield f'transform = "{column.transform}"'
        if column.relative_to is not None:
            yield f"relative_to = {toml_value(column.relative_to)}"
        yield f"label = {toml_value(_in_words(name))}"
    for name in roles.others:
        yield ""
        yield f"# Without the signs, and with adjust = [{toml_value(name)}] above [panel], models adjust for it; one"
        yield "# that the policy moves hides a part of the effect."
        yield f"# [covariates.{toml_value(name)}]"
        yield f"# column = {toml_value(name)}"
        yield f"# label = {toml_value(_in_words(name))}"
    if roles.passed_over:
        yield ""
        yield from (f"# {' '.join(sentence.split())}" for sentence in roles.passed_over)
        yield "# `bri-bayes init --covariates NAME` writes one as a covariate all the same."


def _taken_in_logs(roles: Roles, values: Array) -> Iterator[str]:
    """That nobody asked for the logarithm that the study takes."""
    if roles.transform is None and _transform(values)[0] == "log":
        yield (
            f'The outcome "{roles.outcome}" is read off the file and taken in logarithms; --outcome '
            f'"{roles.outcome}" takes it as it is.'
        )


def _transform(values: Array) -> tuple[str, str]:
    """Amounts of different sizes in logarithms, a rate such as employment or inequality as it is; and the reason."""
    if values.min() <= 0:
        return "none", "some values are not positive"
    if values.max() < RATE_SPREAD * values.min():
        return "none", "values are of one size, as rates are, so effects are in their unit"
    return "log", "values are positive and of different sizes, so effects are relative"
