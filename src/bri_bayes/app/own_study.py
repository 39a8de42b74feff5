"""What does `init DIR --from FILE` do? It writes a commented study for a reader's own panel, which runs as it is.

What the columns are is read off the file: units are texts, a period looks like a year or a date, a treatment is 0 or 1
and stays on, the first other column of numbers is the outcome. All of it stands in the study, to be changed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bri_bayes.app.study_run import init_study
from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.core.toml_text import toml_value
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.number_format import is_missing, looks_numeric
from bri_bayes.data.onsets import onsets_by_name, onsets_from_cells
from bri_bayes.data.panel import Column, load_panel
from bri_bayes.data.text_table import Table, read_table
from bri_bayes.study.study_file import load_study

MODELS = ("did", "event_study")
# Sections that ask nothing of a panel but an outcome and controls; what others need stands in data/README.md.
SECTIONS = ("pretrends", "placebo", "controls", "robustness")
FURTHER = ("honest", "compare", "speccurve", "prior", "moderation", "mechanism", "propensity")
PERIOD_NAMES = re.compile(r"year|yr|date|period|month|quarter|week|time|t", re.IGNORECASE)
_YEAR = re.compile(r"\d{4}([-/.Qq].*)?")


@dataclass(frozen=True)
class Roles:
    """Which column of a panel is what; ``others`` : further columns of numbers."""

    unit: str
    period: str
    outcome: str
    treatment: str | None
    others: tuple[str, ...]


# Positive values whose largest is below this many times the smallest are taken for a rate.
RATE_SPREAD = 3.0


def init_folder(
    folder: Path, csv: Path | None, *, treated: Sequence[str], onset: str | None, outcome: str | None
) -> Path:
    """The shipped study with its cards, or (with a file) one for the reader's own panel."""
    if csv is not None:
        return study_from_file(folder, csv, treated=treated, onset=onset, outcome=outcome)
    if treated or onset is not None or outcome is not None:
        raise InputError("--treated, --onset and --outcome describe a panel of your own: give it with --from")
    return init_study(folder)


def study_from_file(
    folder: Path, csv: Path, *, treated: Sequence[str] = (), onset: str | None = None, outcome: str | None = None
) -> Path:
    """A new folder with the panel and a study of it; who was treated comes from the options or from a 0/1 column."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is not empty; init makes a new folder")
    if bool(treated) != (onset is not None):
        raise InputError("--treated and --onset belong together: who, and from when on")
    roles = roles_of(read_table(csv, ""), str(csv), outcome, named=bool(treated))
    kept = [name for name in (roles.outcome, roles.treatment) if name is not None]
    panel = load_panel(csv, unit=roles.unit, period=roles.period, columns={name: Column(name) for name in kept})
    if onset is not None:
        assignment = onsets_by_name(panel, treated, onset)
    elif roles.treatment is not None:
        assignment = onsets_from_cells(panel, roles.treatment, None)
    else:
        raise InputError(f"{csv}: no column is 0 before a treatment and 1 from it on; say --treated A,B --onset YEAR")
    values = panel[roles.outcome].to_numpy()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        file = f"panel{csv.suffix}"
        shutil.copyfile(csv, folder / file)
        labels = [str(label) for label in panel[PERIOD].to_numpy()]
        text = "\n".join(
            _lines(csv.name, file, roles, assignment, panel[UNIT].to_numpy(), labels, values[np.isfinite(values)])
        )
        (folder / "study.toml").write_text(text + "\n", encoding="utf-8")
        load_study(folder).load()
    except InputError:
        shutil.rmtree(folder)
        raise
    return folder / "study.toml"


def roles_of(table: Table, where: str, outcome: str | None, *, named: bool) -> Roles:
    """The roles of the columns, from what is in them; ``named`` : who was treated is said apart."""
    cells = {name: [str(cell).strip() for cell in table.columns[at]] for at, name in enumerate(table.header) if name}
    period = next((name for name, column in cells.items() if _is_period(name, column)), None)
    if period is None:
        raise InputError(f"{where}: no column looks like a year or a date; call it year, date or period")
    texts = [name for name, column in cells.items() if name != period and not looks_numeric(column)]
    if not texts:
        raise InputError(f"{where}: no column names the units; one of texts is needed, such as country")
    numbers = [name for name, column in cells.items() if name not in (period, texts[0]) and looks_numeric(column)]
    switches = [] if named else [name for name in numbers if _is_switch(cells[texts[0]], cells[period], cells[name])]
    choice = [name for name in numbers if name not in switches and len(set(cells[name])) > 2]
    if outcome is not None and outcome not in numbers:
        raise InputError(f'{where}: --outcome "{outcome}" is no column of numbers; {suggest(outcome, numbers)}')
    if outcome is None and not choice:
        raise InputError(f"{where}: there is no column of numbers for an outcome")
    chosen = outcome or choice[0]
    others = tuple(name for name in choice if name != chosen and not any(is_missing(cell) for cell in cells[name]))
    return Roles(texts[0], period, chosen, switches[0] if switches else None, others)


def _is_period(name: str, column: Sequence[str]) -> bool:
    present = [cell for cell in column if cell]
    dated = bool(present) and all(_YEAR.fullmatch(cell) for cell in present)
    return bool(present) and (dated or PERIOD_NAMES.fullmatch(name) is not None)


def _is_switch(units: Sequence[str], periods: Sequence[str], column: Sequence[str]) -> bool:
    """Whether a column is 0 or 1, of some units alone, and stays on once it is: in the order of the periods."""
    if {cell.removesuffix(".0") for cell in column} != {"0", "1"}:
        return False
    paths: dict[str, list[str]] = {}
    for unit, _, cell in sorted(zip(units, periods, column, strict=True)):
        paths.setdefault(unit, []).append(cell[:1])
    steady = all(path == sorted(path) for path in paths.values())
    return steady and any(path[0] != path[-1] for path in paths.values()) and any("1" not in p for p in paths.values())


def _lines(
    given: str,
    file: str,
    roles: Roles,
    assignment: Assignment,
    units: Iterable[object],
    labels: list[str],
    values: Array,
) -> Iterator[str]:
    onsets = {unit: onset for unit, onset in assignment.first_treated.items() if onset is not None}
    controls = [str(unit) for unit in units if str(unit) not in onsets]
    yield f"# A study of {given}, written by `bri-bayes init`; it runs as it is (`bri-bayes run FOLDER`)."
    yield "# Every line may be changed; data/README.md of the project lists the keys, `bri-bayes models` the cards."
    yield f"title = {toml_value(f'The effect on {roles.outcome}')}"
    yield 'policy = "the policy" # what the text calls it'
    yield f"models = {toml_value(MODELS)} # the first is the card of the checks"
    yield f"sections = {toml_value(SECTIONS)} # further ones: {', '.join(FURTHER)}"
    yield ""
    yield "[panel]"
    yield 'kind = "user" # shown in every figure and table'
    yield f"file = {toml_value(file)}"
    yield f"unit = {toml_value(roles.unit)} # the column that names units"
    yield f"period = {toml_value(roles.period)}"
    yield f'# periods = ["{labels[0]}", "{labels[-1]}"] # without quotes for years; first and last, to take a part'
    yield ""
    yield "[assignment] # who was treated, and from which period on; units that are not named here are left out"
    yield f"controls = {toml_value(controls)}"
    if len(set(onsets.values())) == 1:
        yield f"treated = {toml_value(list(onsets))}"
        yield f"onset = {next(iter(onsets.values()))}"
    else:
        yield ""
        yield "[assignment.onsets]"
        yield from (f"{toml_value(unit)} = {onset}" for unit, onset in onsets.items())
    yield ""
    yield f"[outcomes.{toml_value(roles.outcome)}] # one table an outcome"
    yield f"column = {toml_value(roles.outcome)}"
    transform, reason = _transform(values)
    yield f'transform = "{transform}" # none, log or log1p; {reason}'
    yield f"label = {toml_value(roles.outcome)}"
    yield '# units = "million US dollars"'
    for name in roles.others:
        yield ""
        yield "# Without the signs: adjust for this column; one that the policy moves hides a part of the effect."
        yield f"# [covariates.{toml_value(name)}]"
        yield f"# column = {toml_value(name)}"
        yield f"# label = {toml_value(name)}"


def _transform(values: Array) -> tuple[str, str]:
    """Amounts of different sizes in logarithms, a rate such as employment or inequality as it is; and the reason."""
    if values.min() <= 0:
        return "none", "some values are not positive"
    if values.max() < RATE_SPREAD * values.min():
        return "none", "values are of one size, as rates are, so effects are in their unit"
    return "log", "values are positive and of different sizes, so effects are relative"
