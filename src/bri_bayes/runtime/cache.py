"""What was computed before? Fits and step results by content, written beside and renamed.

A result is read back only by the code, the Python and the package versions that made it, and only whole: every file
begins with the digest of the rest, so that a damaged or altered one counts as absent. Nothing in the cache is code.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bri_bayes.core.io import digest, written_beside
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.inference.exact import exact_posterior

_FORMAT = 3
# What the exact posterior of a fit is stored as: its weighted hyperparameters.
_POINTS = ("vectors", "weights")
# What numbers can depend on beside the code of the project.
NUMERICAL = ("arviz", "bambi", "numba", "numpy", "nutpie", "pandas", "pymc", "pytensor", "scipy", "xarray")
# Hexadecimal digits of SHA-256 and a line feed, before the content of every file.
_SEAL = 65


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


@cache
def versions() -> dict[str, str]:
    """Of Python, the machine and the packages whose arithmetic results rest on."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{name: version(name) for name in NUMERICAL},
    }


class Cache:
    """A folder of results. A damaged, altered or foreign file counts as absent, never as an error."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or default_folder()) / f"{code_digest()}-{digest(versions())[:8]}"

    def read_json(self, key: str) -> Any:
        """The stored value, or None."""
        content = _unsealed(self.folder / f"{key}.json")
        return None if content is None else json.loads(content)

    def write_json(self, key: str, value: Any) -> None:
        """Store a JSON value."""
        content = json.dumps(value, ensure_ascii=False, allow_nan=False)
        _write_sealed(self.folder / f"{key}.json", content.encode())

    def read_fit(self, key: str, analysis: Analysis) -> Fit | None:
        """A stored fit of this analysis, or None."""
        content = self.read_bytes(key)
        return None if content is None else restored_fit(content, analysis)

    def write_fit(self, key: str, fit: Fit) -> None:
        """Store a fit."""
        self.write_bytes(key, stored_fit(fit))

    def read_bytes(self, key: str) -> bytes | None:
        """The content of a stored npz file, or None."""
        return _unsealed(self.folder / f"{key}.npz")

    def write_bytes(self, key: str, content: bytes) -> None:
        """Store the content of an npz file."""
        _write_sealed(self.folder / f"{key}.npz", content)


def stored_fit(fit: Fit) -> bytes:
    """A fit without its analysis as the content of an npz file: arrays and text, nothing that runs."""
    arrays: dict[str, np.ndarray] = {}
    groups = {}
    for name, node in fit.posterior.children.items():
        of_group, groups[name] = packed(node.to_dataset(inherit=False), name)
        arrays |= of_group
    if fit.exact is not None:
        arrays |= {name: getattr(fit.exact, name) for name in _POINTS}
    meta = {
        "exact": fit.exact is not None,
        "groups": groups,
        "diagnostics": dict(fit.diagnostics),
        "log_marginal": fit.log_marginal,
    }
    return npz_bytes(meta, arrays)


def restored_fit(content: bytes, analysis: Analysis) -> Fit:
    """The fit of ``analysis`` that ``stored_fit`` wrote."""
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        meta = json.loads(str(stored["meta"]))
        groups = {name: unpacked(stored, name, described) for name, described in meta["groups"].items()}
        points = [stored[name] for name in _POINTS] if meta["exact"] else None
    tree = xr.DataTree.from_dict(groups)
    exact = None if points is None else exact_posterior(analysis.design, analysis.card, *points)
    return Fit(analysis, analysis.design, tree, meta["diagnostics"], meta["log_marginal"], exact)


def packed(dataset: xr.Dataset, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays of a dataset, as NAME/variable, and in JSON what they are not."""
    variables = dataset.variables.items()
    described = {
        "variables": {str(key): [variable.dims, dict(variable.attrs)] for key, variable in variables},
        "coords": list(map(str, dataset.coords)),
        "attrs": dict(dataset.attrs),
    }
    return {f"{name}/{key}": variable.values for key, variable in variables}, described


def unpacked(stored: Mapping[str, np.ndarray], name: str, described: Mapping[str, Any]) -> xr.Dataset:
    """The dataset that ``packed`` took apart."""
    variables = {
        key: xr.Variable(dims, stored[f"{name}/{key}"], attrs) for key, (dims, attrs) in described["variables"].items()
    }
    coords = {key: variables.pop(key) for key in described["coords"]}
    return xr.Dataset(variables, coords=coords, attrs=described["attrs"])


def npz_bytes(meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """The content of an npz file: arrays and text, nothing that runs."""
    content = io.BytesIO()
    np.savez(content, meta=np.array(json.dumps(meta)), **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def _write_sealed(path: Path, content: bytes) -> None:
    with written_beside(path) as temporary:
        temporary.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)


def _unsealed(path: Path) -> bytes | None:
    """The content of a file that is as it was written, or None."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    content = stored[_SEAL:]
    return content if stored[:_SEAL] == hashlib.sha256(content).hexdigest().encode() + b"\n" else None


def content_key(name: str, *parts: Any) -> str:
    """The cache key of a step: its name and the digest of everything that it depends on."""
    return f"{name}-{digest(_FORMAT, *parts)}"
