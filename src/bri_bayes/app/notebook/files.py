"""How does a result outlive its notebook? One file holds it whole: arrays and JSON, nothing that runs."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from pydantic import TypeAdapter, ValidationError

from bri_bayes.app.notebook.answer import Answer
from bri_bayes.core.errors import InputError
from bri_bayes.core.io import written_beside
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.runtime.cache import restored_fit, stored_fit
from bri_bayes.study.model_card import ModelCard

_FORMAT = "bri_bayes result 1"
_PANEL, _FIT, _REST = "panel.npz", "fit.npz", "result.json"
# What a panel carries along that is text or numbers.
_KEPT = ("kind", "label", "sources", "path", "weight")
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the same result gives the same bytes


def save(result: Answer, path: Path) -> Path:
    """Write panel, assignment, card and fit as one zip of arrays and JSON, whole or not at all."""
    panel, assignment = result.analysis.panel, result.analysis.assignment
    arrays = io.BytesIO()
    names = [str(name) for name in panel.variables]
    np.savez(arrays, **{f"array_{at}": panel[name].to_numpy() for at, name in enumerate(names)})  # type: ignore[arg-type]
    rest = {
        "format": _FORMAT,
        "variables": [{"name": name, "dims": panel[name].dims, "attrs": _plain(panel[name].attrs)} for name in names],
        "attrs": _plain({name: value for name, value in panel.attrs.items() if name in _KEPT}),
        "onsets": dict(assignment.first_treated),
        "card": json.loads(TypeAdapter(ModelCard).dump_json(result.card)),
        "notes": result.notes,
        "seed": result.seed,
        "shown_first": result.shown_first,
    }
    text = json.dumps(rest, ensure_ascii=False, allow_nan=False, sort_keys=True)
    members = {_PANEL: arrays.getvalue(), _FIT: stored_fit(result.fit), _REST: text.encode()}
    with written_beside(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), content, zipfile.ZIP_DEFLATED)
    return path


def read(path: str | Path) -> tuple[Fit, tuple[str, ...], int, bool]:
    """Fit, notes, seed and ``shown_first`` as ``save`` wrote them; any other file is refused in a sentence."""
    try:
        with zipfile.ZipFile(path) as archive:
            rest = json.loads(archive.read(_REST))
            if rest["format"] != _FORMAT:
                raise InputError(f"{path}: is of another version of bri_bayes ({str(rest['format'])[:40]!r})")
            with np.load(io.BytesIO(archive.read(_PANEL)), allow_pickle=False) as arrays:
                stored = [(row, arrays[f"array_{at}"]) for at, row in enumerate(rest["variables"])]
            content = archive.read(_FIT)
        variables = {row["name"]: xr.Variable(row["dims"], array, row["attrs"]) for row, array in stored}
        coords = {name for name, variable in variables.items() if set(variable.dims) != {UNIT, PERIOD}}
        panel = xr.Dataset(variables, attrs=rest["attrs"]).set_coords(sorted(coords))
        card = TypeAdapter(ModelCard).validate_json(json.dumps(rest["card"]))
        analysis = Analysis(panel, Assignment(rest["onsets"]), card)
        fit = restored_fit(content, analysis)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile, ValidationError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: is no result that bri_bayes saved, or is damaged") from error
    return fit, tuple(rest["notes"]), rest["seed"], rest["shown_first"]


def _plain(attrs: dict[Any, Any]) -> dict[str, Any]:
    """Attributes that JSON can hold."""
    kept = {str(name): value for name, value in attrs.items() if isinstance(value, str | int | float | list | tuple)}
    return {name: list(value) if isinstance(value, list | tuple) else value for name, value in kept.items()}
