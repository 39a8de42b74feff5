"""Which study has the question of a result? A folder with panel.csv, study.toml and the card, and the report of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import TypeAdapter

from bri_bayes.app.notebook.answer import Answer
from bri_bayes.app.own_study import MODELS
from bri_bayes.app.study_run import run_study
from bri_bayes.core.errors import InputError
from bri_bayes.core.io import written_beside
from bri_bayes.core.names import GROUP, PERIOD, PERIOD_LABEL, UNIT, WEIGHT
from bri_bayes.core.toml_text import toml_text
from bri_bayes.data.calendar_units import calendar_of
from bri_bayes.data.panel import period_labels
from bri_bayes.study.model_card import ModelCard

# What a panel with nothing but outcome and covariates can be asked.
SECTIONS = ("pretrends", "honest", "placebo", "compare", "controls", "prior", "robustness")
_CARD = "main"


def report(result: Answer, folder: Path, *, quick: bool) -> Path:
    """Write panel.csv and study.toml into ``folder``, beside a card that was asked for, and run the study; its page.

    An answer whose card nobody asked for becomes the study that ``init`` writes: its first card is shown first, and the
    checks are of ``did``, the same model of independent units.
    """
    panel = result.analysis.panel
    if WEIGHT in panel.attrs or not _reads_back(panel):
        raise InputError("a report is made of panels without weights or averaged periods; summary and plot know them")
    names = _study_names(panel)
    texts = {
        folder / "panel.csv": str(_levels(panel).to_csv()),
        folder / "study.toml": toml_text(_study(result, names)),
    }
    if not result.shown_first:
        texts[folder / "models" / f"{_CARD}.toml"] = toml_text(_card(result.card, names))
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return run_study(folder / "study.toml", quick=quick, out=folder / "report", seed=result.seed).path


def _reads_back(panel: xr.Dataset) -> bool:
    """Whether a file with the labels of its periods has the same ordinals again; bins of several periods have none."""
    if PERIOD_LABEL not in panel.coords:
        return True
    labels = period_labels(panel)
    try:
        calendar = calendar_of(labels.values(), where="panel", column=PERIOD)
    except InputError:
        return False
    return all(calendar.ordinal(label) == ordinal for ordinal, label in labels.items())


def _study_names(panel: xr.Dataset) -> dict[str, str]:
    """A plain word for each variable of the panel: they name steps, keys and files of the study."""
    names: dict[str, str] = {}
    for variable in map(str, panel.data_vars):
        word = re.sub(r"\W+", "_", variable).strip("_") or "variable"
        names[variable] = word if word not in names.values() else f"{word}_{len(names)}"
    return names


def _levels(panel: xr.Dataset) -> pd.DataFrame:
    """The columns before their transforms, and the groups, one row a unit and period with a value."""
    inverse: dict[str, Callable[[Any], Any]] = {"none": np.asarray, "log": np.exp, "log1p": np.expm1}
    index = pd.MultiIndex.from_product(
        [panel[UNIT].to_numpy().astype(str), list(period_labels(panel).values())], names=[UNIT, PERIOD]
    )
    columns = {}
    for name in panel.data_vars:
        values = panel[name].transpose(UNIT, PERIOD)
        level = inverse[values.attrs["transform"]](values.to_numpy()) / values.attrs["scale"]
        columns[str(values.attrs["column"])] = level.ravel()
    frame = pd.DataFrame(columns, index=index).dropna(how="all")
    if GROUP in panel.coords:
        of_unit = dict(zip(panel[UNIT].to_numpy().astype(str), panel[GROUP].to_numpy().astype(str), strict=True))
        frame[GROUP] = [of_unit[unit] for unit, _ in frame.index]
    return frame


def _card(card: ModelCard, names: Mapping[str, str]) -> dict[str, Any]:
    """The card under its new name; the study says which outcome, the covariates have the words of the study."""
    content = json.loads(TypeAdapter(ModelCard).dump_json(card))
    content |= {"name": _CARD, "outcome": None, "covariates": [names[covariate] for covariate in card.covariates]}
    return {key: value for key, value in content.items() if value not in (None, [], {})}


def _study(result: Answer, names: Mapping[str, str]) -> dict[str, Any]:
    panel, assignment, card = result.analysis.panel, result.analysis.assignment, result.card
    columns = {
        name: {"column": str(panel[variable].attrs["column"]), "transform": panel[variable].attrs["transform"]}
        for variable, name in names.items()
    }
    outcome = names[str(card.outcome)]
    onsets = {unit: int(first) for unit, first in assignment.first_treated.items() if first is not None}
    one_onset = len(set(onsets.values())) == 1
    treated = {"treated": list(onsets), "onset": next(iter(onsets.values()))} if one_onset else {"onsets": onsets}
    sections = [name for name in SECTIONS if one_onset or name not in ("pretrends", "honest")]
    return {
        "title": f"The effect on {card.outcome}",
        "models": MODELS if result.shown_first else [_CARD],
        "adjust": [names[name] for name in card.covariates],
        "sections": sections,
        "panel": {"kind": str(panel.attrs["kind"]), "file": "panel.csv", "label": str(panel.attrs["label"])},
        "assignment": {"controls": list(assignment.never_treated), **treated},
        "groups": {"column": GROUP} if GROUP in panel.coords else {},
        "outcomes": {outcome: columns[outcome] | {"label": str(card.outcome)}},
        "covariates": {names[name]: columns[names[name]] for name in card.covariates},
    }
