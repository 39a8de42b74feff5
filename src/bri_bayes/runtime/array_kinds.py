"""What does a command import to learn that its arrays are NumPy's? Packages of other arrays, which take a second.

xarray asks each array whether it is one of sparse, CuPy, pint or Dask, and imports those that are installed to know
their classes: sparse, which Bambi brings, imports Numba. A command and its workers hold arrays of NumPy alone, so they
tell xarray that there are no others; a notebook is left as its owner has it.
"""

from __future__ import annotations

import os
from contextlib import suppress

_OTHERS = ("dask", "sparse", "pint", "cupy")
# The process that is a command.
_COMMAND: list[int] = []


def of_a_command() -> None:
    """This process is a command: ``no_others_in_a_command`` acts from now on. It imports nothing."""
    _COMMAND.append(os.getpid())


def is_a_command() -> bool:
    """Whether ``of_a_command`` was said in this process."""
    return os.getpid() in _COMMAND


def no_others_in_a_command() -> None:
    """``no_other_arrays`` in the process of a command, nothing elsewhere."""
    if is_a_command():
        no_other_arrays()


def no_other_arrays() -> bool:
    """Whether xarray has taken it; its own way to find out is left where it works otherwise."""
    with suppress(ImportError, AttributeError, TypeError):
        from packaging.version import Version
        from xarray.namedarray import pycompat

        for name in _OTHERS:
            absent = object.__new__(pycompat.DuckArrayModule)
            absent.module, absent.version, absent.type, absent.available = None, Version("0.0.0"), (), False
            pycompat._cached_duck_array_modules.setdefault(name, absent)  # type: ignore[arg-type]
        return True
    return False
