"""How many processors may this process use?"""

from __future__ import annotations

import os


def processors() -> int:
    """Those that the system lets this process run on, at least one."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
