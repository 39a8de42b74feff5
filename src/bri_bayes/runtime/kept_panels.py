"""Which panels need a command not make again? Those that generators make from what ships, kept beside other results.

The reconstruction of the published panel solves linear programs for a second and a half, and is the same each time. A
panel is read back only by the code, the packages and the shipped data that made it; a notebook makes its own.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from bri_bayes.core.io import digest
from bri_bayes.core.resources import shipped
from bri_bayes.data.generators import GENERATORS, register
from bri_bayes.runtime.array_kinds import is_a_command
from bri_bayes.runtime.cache import Cache, content_key


def keep_generated_in_a_command() -> None:
    """Generators look into the cache first, in the process of a command; nothing elsewhere."""
    if is_a_command():
        for name, make in list(GENERATORS.items()):
            register(name, partial(kept, name, make))


def kept(name: str, make: Callable[[], xr.Dataset], cache: Cache | None = None) -> xr.Dataset:
    """The panel of the generator ``name`` : from the cache, or made and stored where that can be written."""
    cache = cache or Cache()
    data = shipped("data")
    contents = [(str(path.relative_to(data)), digest(path.read_bytes())) for path in sorted(data.rglob("*.*"))]
    key = content_key(f"panel-{name}", contents)
    if (stored := cache.read_bytes(key)) is not None:
        return _restored(stored)
    panel = make()
    with suppress(OSError):
        cache.write_bytes(key, _stored(panel))
    return panel


def _stored(panel: xr.Dataset) -> bytes:
    """The content of an npz file: arrays and text, nothing that runs."""
    meta: dict[str, Any] = {
        "coords": list(map(str, panel.coords)),
        "attrs": panel.attrs,
        "variables": {str(name): [variable.dims, variable.attrs] for name, variable in panel.variables.items()},
    }
    content = io.BytesIO()
    arrays = {f"variable/{name}": variable.values for name, variable in panel.variables.items()}
    np.savez(content, meta=np.array(json.dumps(meta)), **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def _restored(content: bytes) -> xr.Dataset:
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        meta = json.loads(str(stored["meta"]))
        variables = {
            name: xr.Variable(dims, stored[f"variable/{name}"], attrs)
            for name, (dims, attrs) in meta["variables"].items()
        }
    coords = {name: variables.pop(name) for name in meta["coords"]}
    return xr.Dataset(variables, coords=coords, attrs=meta["attrs"])
