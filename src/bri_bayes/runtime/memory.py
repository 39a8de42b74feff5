"""Why does memory that comes and goes cost more than the work on it? Pages cleared each time, objects looked at again.

The C library of Linux asks the system for each array of more than 128 KiB and gives it back at once, and the next array
of that size is cleared page by page. The closed form makes thousands of arrays of a few hundred KiB, so that two thirds
of its processor time could be page faults. A process that keeps what it has freed has its peak memory from then on.

A figure is a hundred thousand small objects beside the million of the packages that draw it, and Python's collector
looks at all of them again and again: a sixth of the time that drawing takes.

Source: mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD; 32 MiB is the most that the first one takes.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_MMAP_THRESHOLD, _TRIM_THRESHOLD, _TOP_PAD = 32 * 2**20, 512 * 2**20, 64 * 2**20


def keep_freed_memory() -> bool:
    """Have the C library keep freed memory for the next array; whether it has taken the settings.

    For a process that is the project's: a command, or a worker. Other C libraries are left as they are.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is None:
        return False
    wanted = (
        (_M_MMAP_THRESHOLD, _MMAP_THRESHOLD),
        (_M_TRIM_THRESHOLD, _TRIM_THRESHOLD),
        (_M_TOP_PAD, _TOP_PAD),
    )
    taken = [mallopt(name, value) for name, value in wanted]
    return all(taken)


@contextmanager
def collected_once() -> Iterator[None]:
    """Python's collector waits for the end of the block, and then looks at nothing that was there before it."""
    if not gc.isenabled():
        yield
        return
    gc.freeze()
    gc.disable()
    try:
        yield
        gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
