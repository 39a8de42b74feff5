"""What was computed before? Fits and step results by content, written beside and renamed."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import xarray as xr

from bri_bayes.core.io import digest, write_json, written_beside
from bri_bayes.design.analysis import Analysis, Fit

_FORMAT = 1


def default_folder() -> Path:
    """``$BRI_BAYES_CACHE``, or ``bri_bayes`` in the user's cache folder."""
    chosen = os.environ.get("BRI_BAYES_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bri_bayes"


@cache
def code_digest() -> str:
    """Names the code: a change of any module makes every cached number stale."""
    state = hashlib.sha256()
    root = Path(__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        state.update(str(path.relative_to(root)).encode())
        state.update(path.read_bytes())
    return state.hexdigest()[:12]


class Cache:
    """A folder of results. A damaged or foreign file counts as absent, never as an error."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or default_folder()) / code_digest()

    def read_json(self, key: str) -> Any:
        """The stored value, or None."""
        try:
            return json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def write_json(self, key: str, value: Any) -> None:
        """Store a JSON value."""
        write_json(self.folder / f"{key}.json", value)

    def read_fit(self, key: str, analysis: Analysis) -> Fit | None:
        """A stored fit of this analysis, or None."""
        try:
            path = self.folder / f"{key}.npz"
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
                meta = json.loads(str(stored["meta"]))
                groups = {
                    group: xr.Dataset(
                        {name: (dims, stored[f"{group}/{name}"]) for name, dims in content["variables"].items()},
                        coords={name: (dims, stored[f"{group}/{name}"]) for name, dims in content["coords"].items()},
                        attrs=content["attrs"],
                    )
                    for group, content in meta["groups"].items()
                }
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None
        tree = xr.DataTree.from_dict(groups)
        return Fit(analysis, analysis.design, tree, meta["diagnostics"], meta["log_marginal"])

    def write_fit(self, key: str, fit: Fit) -> None:
        """Store a fit."""
        arrays: dict[str, np.ndarray] = {}
        groups = {}
        for name, node in fit.posterior.children.items():
            dataset = node.to_dataset(inherit=False)
            arrays |= {f"{name}/{variable}": dataset[variable].to_numpy() for variable in dataset.variables}
            groups[name] = {
                "variables": {str(variable): dataset[variable].dims for variable in dataset.data_vars},
                "coords": {str(variable): dataset[variable].dims for variable in dataset.coords},
                "attrs": dict(dataset.attrs),
            }
        meta = {"groups": groups, "diagnostics": dict(fit.diagnostics), "log_marginal": fit.log_marginal}
        with written_beside(self.folder / f"{key}.npz") as temporary:
            np.savez(temporary, meta=np.array(json.dumps(meta)), **arrays)  # type: ignore[arg-type]


def content_key(name: str, *parts: Any) -> str:
    """The cache key of a step: its name and the digest of everything that it depends on."""
    return f"{name}-{digest(_FORMAT, *parts)}"
