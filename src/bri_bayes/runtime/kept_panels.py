"""Which panels need a command not make again? Those that generators make from what ships, kept beside other results.

The reconstruction of the published panel solves linear programs for a second and a half, and is the same each time. A
panel is read back only by the code, the packages and the printed numbers that made it; a notebook makes its own.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import numpy as np
import xarray as xr

from bri_bayes.core.io import digest
from bri_bayes.core.resources import shipped
from bri_bayes.data.generators import GENERATORS, register
from bri_bayes.runtime.array_kinds import is_a_command
from bri_bayes.runtime.cache import Cache, content_key, npz_bytes, packed, unpacked

# The folder of shipped numbers from which a generator may make a panel; official data that were fetched lie beside it.
PUBLISHED, _NAME = "published", "panel"


def keep_generated_in_a_command() -> None:
    """Generators look into the cache first, in the process of a command; nothing elsewhere."""
    if is_a_command():
        for name, make in list(GENERATORS.items()):
            register(name, partial(kept, name, make))


def kept(name: str, make: Callable[[], xr.Dataset], cache: Cache | None = None) -> xr.Dataset:
    """The panel of the generator ``name`` : from the cache, or made and stored where that can be written."""
    cache = cache or Cache()
    printed = sorted(path for path in (shipped("data") / PUBLISHED).rglob("*") if path.is_file())
    contents = [(path.name, digest(path.read_bytes())) for path in printed]
    key = content_key(f"panel-{name}", contents)
    if (stored := cache.read_bytes(key)) is not None:
        return _restored(stored)
    panel = make()
    arrays, described = packed(panel, _NAME)
    with suppress(OSError):
        cache.write_bytes(key, npz_bytes(described, arrays))
    return panel


def _restored(content: bytes) -> xr.Dataset:
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return unpacked(stored, _NAME, json.loads(str(stored["meta"])))
